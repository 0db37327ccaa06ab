"""Routes: what an operation is called over HTTP, and that a request says the same there and back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType, structs

from appliance.errors import Refused
from appliance.model.catalog import Kind
from appliance.operations import registry, routes
from appliance.operations.decoding import decode
from appliance.operations.nouns import Request
from appliance.operations.registry import Operation
from appliance.operations.routes import Route, payload, request, route_of

EXAMPLES = {
    "campaigns.list": Route("GET", "/api/campaigns"),
    "campaigns.get": Route("GET", "/api/campaigns/{id}", "id", by_slug=True),
    "streams.get": Route("GET", "/api/streams/{id}", "id"),
    "campaigns.create": Route("POST", "/api/campaigns", body=True, status=201),
    "campaigns.change": Route("PATCH", "/api/campaigns/{id}", "id", body=True),
    "campaigns.archive": Route("POST", "/api/campaigns/{id}/archive", "id", body=True),
    "clicks.get": Route("GET", "/api/clicks/{id}", "id"),
    "ingestion_errors.list": Route("GET", "/api/ingestion_errors"),
    "reports.overview": Route("POST", "/api/reports/overview", body=True),
    "reports.query": Route("POST", "/api/reports/query", body=True),
    "catalog.at": Route("GET", "/api/catalog/at"),
    "costs.adjust": Route("POST", "/api/costs/adjust", body=True),
    "system.status": Route("GET", "/api/system/status"),
    "routing.reload": Route("POST", "/api/routing/reload", body=True),
}


class Scalars(Request, frozen=True, kw_only=True):
    id: int | None = None
    slug: str | None = None
    count: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    share: float = 0.5
    flag: bool = False
    word: Literal["a", "b"] = "a"
    several: tuple[Annotated[int, Meta(ge=1)], ...] = ()
    text: str = ""


class Nested(Request, frozen=True, kw_only=True):
    id: int
    table: dict[str, int] = {}


class OfAKind(Request, frozen=True, kw_only=True):
    id: int
    kind: Literal["forced", "regular"] = "regular"


class Foreign(Request, frozen=True, kw_only=True):
    kind: Kind
    id: int


def made(name: str, type_: type[Request], changes: bool = False) -> Operation:
    async def run(request: Any, context: Any) -> None: ...

    return Operation(name, "x.read", changes, {}, type_, None, "", run, {})


def told(each: Operation, sent: Mapping[str, object]) -> object:
    """What the server understands of what a client sends."""
    method, target, body = request(each, sent)
    route, parts = route_of(each), urlsplit(target)
    assert method == route.method
    segment = ""
    if route.path_field:
        segment = unquote(parts.path.removeprefix(route.path.partition("{id}")[0]).partition("/")[0])
    query = parse_qsl(parts.query, keep_blank_values=True)
    return payload(each, segment, query, {} if body is None else json.loads(body))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_operations_name_says_its_route(name: str) -> None:
    assert route_of(registry.load_all()[name]) == EXAMPLES[name]


def test_what_cannot_stand_in_a_path_or_a_query_is_sent_in_a_body() -> None:
    assert route_of(made("x.get", Scalars)) == Route("GET", "/api/x/{id}", "id", by_slug=True)
    assert route_of(made("x.show", Nested)) == Route("POST", "/api/x/{id}/show", "id", body=True)
    assert route_of(made("x.show", Foreign)) == Route("GET", "/api/x/show")
    assert route_of(made("x.change", OfAKind, changes=True)) == Route("PATCH", "/api/x/{id}", "id", body=True)
    assert route_of(made("x.restore", Foreign, True)) == Route("POST", "/api/x/restore", body=True)
    assert route_of(made("x.get", Request)) == Route("GET", "/api/x")


def test_no_two_operations_have_the_same_route() -> None:
    offered = [each for each in registry.load_all().values() if "rest" not in each.closed_at]
    found = Counter((route_of(each).method, route_of(each).path) for each in offered)
    assert [route for route, times in found.items() if times > 1] == []


def test_no_route_takes_the_place_of_a_slug() -> None:
    """/api/campaigns/{id} takes slugs: a GET /api/campaigns/word would hide the campaign `word`."""
    offered = list(registry.load_all().values())
    by_slug = {route_of(each).path.removesuffix("{id}") for each in offered if route_of(each).by_slug}
    fixed = [route_of(each).path for each in offered if route_of(each).method == "GET"]
    hidden = [
        path
        for path in fixed
        for start in by_slug
        if path.startswith(start) and "/" not in path[len(start) :] and "{" not in path
    ]
    assert hidden == []


@pytest.mark.parametrize("name", sorted(registry.load_all()))
def test_every_example_means_the_same_through_its_route(name: str) -> None:
    each = registry.load_all()[name]
    assert decode(each.request, told(each, each.example)) == decode(each.request, each.example)


whole = st.integers(-(2**53), 2**53)
sent_scalars = st.fixed_dictionaries(
    {"id": whole},
    optional={
        "count": st.none() | whole,
        "share": st.floats(-1e30, 1e30, allow_nan=False),
        "flag": st.booleans(),
        "word": st.sampled_from(["a", "b"]),
        "several": st.lists(whole, min_size=1, max_size=4),
        "text": st.text(st.characters(exclude_categories=["Cs"])),
    },
)


@given(sent_scalars)
def test_a_query_says_what_a_body_would(sent: dict[str, object]) -> None:
    assert told(made("x.get", Scalars), sent) == sent


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_slug_stands_for_the_id_unless_it_is_a_number(slug: str) -> None:
    understood = told(made("x.get", Scalars), {"slug": slug})
    if re.fullmatch("-?[0-9]{1,30}", slug):
        assert "slug" not in understood  # type: ignore[operator]
    else:
        assert understood == {"slug": slug}


def test_everything_that_was_said_twice_is_named_at_once() -> None:
    with pytest.raises(Refused) as caught:
        payload(made("x.get", Scalars), "1", [("flag", "true"), ("flag", "x"), ("id", "1")], {})
    assert [problem.path for problem in caught.value.fields] == ["flag", "id"]
    change = registry.load_all()["campaigns.change"]
    with pytest.raises(Refused) as caught:
        payload(change, "1", [("status", "paused")], {"id": 1})
    assert [problem.path for problem in caught.value.fields] == ["status", "id"]
    with pytest.raises(Refused) as caught:
        decode(change.request, payload(change, "1", [], []))
    assert [problem.path for problem in caught.value.fields] == ["(payload)"]
    with pytest.raises(Refused) as caught:
        decode(Scalars, payload(made("x.get", Scalars), "1", [("nope", "1")], {}))
    assert [problem.path for problem in caught.value.fields] == ["nope"]


def test_texts_of_the_wrong_type_are_left_to_the_dispatcher_which_names_them_all() -> None:
    each = made("x.get", Scalars)
    wrong = [("count", "1.5"), ("share", "x"), ("flag", "yes"), ("several", "1"), ("several", "b")]
    with pytest.raises(Refused) as caught:
        decode(Scalars, payload(each, "1", wrong, {}))
    assert [problem.path for problem in caught.value.fields] == ["count", "share", "flag", "several[1]"]


def test_a_client_cannot_write_a_path_without_its_field() -> None:
    with pytest.raises(Refused, match="id: is required"):
        request(registry.load_all()["campaigns.change"], {"status": "paused"})


def test_every_field_in_a_query_is_one_of_the_operation() -> None:
    for each in registry.load_all().values():
        names = {field.encode_name for field in structs.fields(each.request)}
        assert {field.encode_name for field in routes.in_query(each)} <= names
