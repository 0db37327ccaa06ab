"""The registry: what operations exist, and that a wrong request is told everything that is wrong with it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import Conflict, FieldProblem, Refused
from appliance.model import money
from appliance.operations import registry
from appliance.operations.decoding import decode


class Inner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: int
    word: Literal["yes", "no"] = "yes"


class Outer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    count: Annotated[int, Meta(ge=1, le=9)] = 5
    maybe: int | UnsetType | None = UNSET
    inner: tuple[Inner, ...] = ()
    table: dict[str, tuple[str, ...]] = {}
    value: str | tuple[str, ...] = ""
    one: Inner | None = None


def faults(payload: object) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        decode(Outer, payload)
    return {problem.path: problem.message for problem in caught.value.fields}


def test_a_good_request_becomes_its_struct() -> None:
    full = {
        "name": "x", "count": 1, "maybe": None, "inner": [{"number": 1}], "table": {"a": ["b"]},
        "value": ["c"], "one": {"number": 2, "word": "no"},
    }  # fmt: skip
    assert decode(Outer, full) == Outer(
        name="x", count=1, maybe=None, inner=(Inner(number=1),), table={"a": ("b",)}, value=("c",),
        one=Inner(number=2, word="no"),
    )  # fmt: skip
    assert decode(Outer, {"name": ""}).maybe is UNSET


def test_every_wrong_field_is_named_at_once() -> None:
    found = faults(
        {
            "count": 10,
            "maybe": "one",
            "inner": [{"number": "1", "word": "perhaps"}, {"numbre": 1}, 7],
            "table": {"a": ["b", 1], "c": "d"},
            "value": ["c", 4],
            "one": {"number": None},
            "nmae": "x",
        }
    )
    assert list(found) == [
        "count", "maybe", "inner[0].number", "inner[0].word", "inner[1].numbre", "inner[1].number",
        "inner[2]", "table.a[1]", "table.c", "value[1]", "one.number", "nmae", "name",
    ]  # fmt: skip
    assert found["inner[0].word"] == "one of: yes, no"
    assert found["name"] == "is required"
    assert found["nmae"].startswith("no such field; there are: name, count")


@pytest.mark.parametrize("payload", [None, 5, "x", [], True])
def test_a_payload_that_is_no_object_is_refused(payload: object) -> None:
    assert faults(payload) == {"(payload)": "expected an object"}


def test_a_payload_that_is_wrong_everywhere_is_told_the_first_hundred() -> None:
    assert len(faults({f"x{i}": 1 for i in range(5_000)})) == 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
names = st.sampled_from(["name", "count", "maybe", "inner", "table", "value", "one", "other"])


@given(st.dictionaries(names, json_values))
def test_the_walk_agrees_with_msgspec_on_what_is_good(payload: dict[str, object]) -> None:
    try:
        expected: Outer | None = msgspec.convert(payload, Outer)
    except msgspec.ValidationError:
        expected = None
    try:
        got: Outer | None = decode(Outer, payload)
    except Refused as fault:
        assert fault.fields
        got = None
    assert got == expected


def test_every_operation_has_words_a_permission_and_an_example_that_decodes() -> None:
    found = registry.load_all()
    assert {"campaigns.create", "streams.change", "routing.reload", "system.status", "journal.hold"} <= set(
        found
    )
    for name, operation in found.items():
        noun, _, verb = name.partition(".")
        assert noun and verb
        assert len(operation.summary) > 10, name
        decode(operation.request, operation.example)
        if operation.permission in ("anyone", "self"):
            continue
        assert operation.permission.split(".")[1] in ("read", "write"), name
        assert operation.changes == operation.permission.endswith(".write"), name


def test_every_kind_offers_the_same_operations() -> None:
    found = registry.load_all()
    nouns = ("campaigns", "streams", "destinations", "sources", "networks", "templates", "links", "pages")
    for noun in nouns:
        for verb in ("list", "get", "create", "change", "archive", "restore", "duplicate"):
            assert f"{noun}.{verb}" in found


def test_errors_have_one_shape() -> None:
    refused = registry.error_shape(Refused("no", [FieldProblem("a[0].b", "bad")]))
    assert msgspec.json.decode(registry.encode(refused)) == {
        "error": {"code": "refused", "message": "no", "fields": [{"path": "a[0].b", "message": "bad"}]}
    }
    conflict = registry.error_shape(Conflict("in use"))
    assert msgspec.json.decode(registry.encode(conflict)) == {
        "error": {"code": "conflict", "message": "in use", "fields": []}
    }


def test_money_leaves_as_an_exact_number() -> None:
    assert registry.encode({"revenue": money.amount(1_234_567_890_123)}) == b'{"revenue":1234567.890123}'
