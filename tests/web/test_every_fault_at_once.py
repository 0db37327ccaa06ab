"""A wrong request is told everything at once: what has the wrong type and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.access.roles import ROLES
from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import Campaign, Link
from appliance.model.history import MASK
from appliance.operations import registry
from appliance.operations.context import Caller
from appliance.operations.decoding import all_of, sound
from tests.doors import Doors, open_doors
from tests.web.wires import application, by_call, by_mcp, by_rest, by_rpc

OPERATIONS = registry.load_all()
ADMINISTRATOR = Caller("t", "inside", None, 1)

WRONG: list[tuple[str, dict[str, Any], set[str]]] = [
    ("campaigns.create", {"name": 5, "slug": "No Slug", "currency": "usd", "trafficback_url": "ftp://x"},
     {"name", "slug", "currency", "trafficback_url"}),
    ("campaigns.create", {"name": "n\u0000", "status": "gone"}, {"slug", "name", "status"}),
    ("campaigns.create", {"slug": "demo", "name": 1, "source_id": 99}, {"name", "slug", "source_id"}),
    ("campaigns.change", {"id": 1, "slug": "No Slug", "status": "gone", "nonsense": 1},
     {"slug", "status", "nonsense"}),
    ("streams.create", {"campaign_id": 1, "name": [], "targets": [{"destination_id": 77, "weight": 1}]},
     {"name", "targets[0].destination_id"}),
    ("streams.change", {"id": 1, "targets": [{"destination_id": 77}], "rules": 5, "position": 10**10},
     {"targets[0].destination_id", "rules", "position"}),
    ("destinations.create", {"url": "nowhere", "status": 1}, {"name", "url", "status"}),
    ("destinations.change", {"id": 1, "url": "https://{click_id}.x/", "network_id": "x"},
     {"url", "network_id"}),
    ("sources.create", {"name": {}, "currency": "dollars"}, {"name", "currency"}),
    ("networks.create", {"name": "n", "slug": "A", "template_id": 77, "currency": 1},
     {"slug", "template_id", "currency"}),
    ("networks.create", {"name": 5, "slug": "A", "secret": MASK}, {"name", "slug", "secret"}),
    ("networks.create", {"name": 5, "slug": "n", "allow": ["x"], "signature": "rsa", "reply": "{x}",
                         "status_words": {"a": "won"}, "secrets": [f"{MASK}1"], "claim_by": ["day"],
                         "click_wait_hours": -1},
     {"name", "allow[0]", "signature", "reply", "status_words.a", "secrets[0]", "claim_by[0]",
      "click_wait_hours"}),
    ("networks.change", {"id": 1, "name": 5, "click_wait_hours": 24, "duplicates_by_type": {"a": "never"},
                         "transitions": {"sale": ["gone"]}},
     {"name", "duplicates_by_type.a", "transitions.sale[0]"}),
    ("templates.create", {"name": 1, "mapping": {"nothing": ["x"]}}, {"name", "mapping.nothing"}),
    ("links.create", {"campaign_id": 1, "token": "a b", "params": []}, {"token", "params"}),
    ("links.create", {"campaign_id": 88, "name": 1}, {"campaign_id", "name"}),
    ("pages.create", {"name": "n", "slug": "A B", "body": 5}, {"slug", "body"}),
    ("users.create", {"email": "ann", "role": "king", "campaigns": [77]}, {"email", "role", "campaigns[0]"}),
    ("users.change", {"id": 1, "email": "ann", "sees_money": "no"}, {"email", "sees_money"}),
    ("tokens.create", {"name": 5, "scopes": ["nothing"], "expires_at": "soon", "user_id": 77},
     {"name", "scopes[0]", "expires_at", "user_id"}),
    ("tokens.create", {"name": "n", "scopes": [], "expires_at": "soon", "user_id": 77},
     {"scopes", "expires_at", "user_id"}),
    ("tokens.change", {"id": 1, "scopes": [], "expires_at": 5, "name": "n\u0000"},
     {"scopes", "expires_at", "name"}),
]  # fmt: skip


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as found:
        await found.call("users.create", {"email": "t@example.com", "role": "administrator"}, ADMINISTRATOR)
        await found.call("tokens.create", {"name": "t", "scopes": ["*"], "user_id": 1}, ADMINISTRATOR)
        yield found


async def refused(doors: Doors, name: str, payload: Mapping[str, Any], caller: Caller) -> list[FieldProblem]:
    with pytest.raises(Refused) as caught:
        await doors.call(name, payload, caller)
    return caught.value.fields


@pytest.mark.parametrize(("name", "payload", "paths"), WRONG)
async def test_types_and_contents_are_told_in_one_answer(
    doors: Doors, name: str, payload: dict[str, Any], paths: set[str]
) -> None:
    before = await doors.desk.history(1, None)
    found = await refused(doors, name, payload, ADMINISTRATOR)
    assert {problem.path for problem in found} == paths
    assert len(found) == len({(problem.path, problem.message) for problem in found})
    assert await doors.desk.history(1, None) == before, "nothing is stored"


async def test_it_is_told_at_every_door(doors: Doors) -> None:
    app = application(doors)
    name, payload, paths = WRONG[0]
    for ask in (by_rest(app, "weir_administrator"), by_rpc(app, "weir_administrator"),
                by_call(doors, "weir_administrator"), by_mcp(app, "weir_administrator")):  # fmt: skip
        kind, body = await ask(OPERATIONS[name], payload)
        assert (kind, {each["path"] for each in body["fields"]}) == ("error", paths)


async def test_every_noun_that_is_created_or_changed_tells_it() -> None:
    """Whatever is registered for one kind of entity after another."""
    nouns = {name.partition(".")[0] for name, each in OPERATIONS.items() if each.further is not None}
    assert {"campaigns", "streams", "destinations", "sources", "networks", "templates", "links", "pages",
            "users", "tokens"} <= nouns  # fmt: skip
    for noun in nouns:
        assert OPERATIONS[f"{noun}.change"].further is not None, noun


async def test_nothing_is_told_of_what_is_in_a_foreign_campaign(doors: Doors) -> None:
    """Neither that it is there nor what is wrong with it; what one sends oneself is told."""
    foreign = (await doors.desk.create("campaign", Campaign(name="f", slug="f"), ADMINISTRATOR)).id
    link = await doors.desk.create("link", Link(campaign_id=foreign), ADMINISTRATOR)
    buyer = Caller("b", "inside", ROLES["buyer"], 2, frozenset())
    for there, name, field in ((foreign, "links.create", "campaign_id"), (link.id, "links.change", "id")):
        told = []
        for number in (there, 999):
            payload = {field: number, "name": 1, "token": "a b"}
            found = await refused(doors, name, payload, buyer)
            told.append({(each.path, each.message.replace(str(number), "N")) for each in found})
        assert told[0] == told[1]
    paths = {
        each.path
        for each in await refused(
            doors, "links.create", {"campaign_id": foreign, "name": "n\u0000", "token": "a b"}, buyer
        )
    }
    assert paths == {"campaign_id", "name", "token"}, "also where every type is right"


def test_what_is_left_of_a_wrong_payload() -> None:
    request = OPERATIONS["campaigns.create"].request
    assert sound(request, {"name": "n", "slug": 5, "nonsense": 1, "source_id": 3}) == {
        "name": "n",
        "source_id": 3,
    }
    assert sound(request, [1]) == sound(request, None) == {}


def test_faults_of_fields_that_are_wrong_already_are_left_out() -> None:
    first = [FieldProblem("rules[1].value", "a"), FieldProblem("slug", "b")]
    more = [FieldProblem("rules[0].param", "c"), FieldProblem("slug", "d"), FieldProblem("name", "e")]
    assert all_of(first, more) == [*first, more[2]]
    assert len(all_of(first, [FieldProblem(f"x{number}", "x") for number in range(200)])) == 100
