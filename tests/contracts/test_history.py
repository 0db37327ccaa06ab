"""History at the doors, and the configuration that routed a click, over a real catalog and warehouse."""

from __future__ import annotations

import json

import pytest

from appliance.errors import Conflict, Missing, Refused
from appliance.model.events import DecisionInputs
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, local_administrator
from appliance.operations.scope import ScopedCatalog
from appliance.reporting.rows import build
from tests.doors import NoCosts, open_doors
from tests.records import click, entries


class Lookups:
    """The warehouse, one query at a time."""

    currency = "USD"

    def __init__(self, warehouse):
        self.warehouse = warehouse

    async def rows(self, sql, params, *_):
        return self.warehouse.query(sql, params)


@pytest.fixture
async def ask(tmp_path, warehouse):
    async with open_doors(tmp_path) as doors:

        async def ask(name, caller=None, /, **payload):
            caller = caller or local_administrator("call")
            context = Context(
                caller, ScopedCatalog(doors.desk, caller), Lookups(warehouse), doors.overview, NoCosts()
            )
            answer = await registry.call(doors.operations, name, payload, context)
            return json.loads(registry.encode(answer))

        yield ask


async def test_history_names_who_changed_which_field(ask):
    await ask("campaigns.change", id=1, name="New", currency="EUR")
    await ask("networks.change", id=1, secret="geheim")
    await ask("pages.change", id=1, body="x" * 5_000)
    page = await ask("history.list", limit=2)
    assert [item["revision"] for item in page["items"]] == [4, 3]
    [body] = page["items"][0]["changes"][0]["fields"]
    assert body["after"] == "x" * 1_000 + "… (5,000 characters)"
    [secret] = page["items"][1]["changes"][0]["fields"]
    assert secret == {"field": "secret", "before": "", "after": "********"}
    rest = await ask("history.list", limit=2, before=page["before"])
    assert (rest["before"], [item["revision"] for item in rest["items"]]) == (None, [2, 1])
    [item] = (await ask("history.list", kind="campaign", id=1, limit=1))["items"]
    assert (item["author"], item["door"], item["changes"]) == (
        "local administrator", "call",
        [{"kind": "campaign", "id": 1, "name": "New", "deed": "changed", "fields": [
            {"field": "name", "before": "Demo campaign", "after": "New"},
            {"field": "currency", "before": "USD", "after": "EUR"}]}],
    )  # fmt: skip
    assert (await ask("history.list", author="nobody"))["items"] == []
    with pytest.raises(Refused):
        await ask("history.list", id=1)


async def test_two_revisions_are_compared(ask):
    await ask("campaigns.change", id=1, name="X")
    await ask("campaigns.change", id=1, name="Demo campaign")
    await ask("campaigns.archive", id=(await ask("campaigns.duplicate", id=1))["id"])
    found = await ask("history.compare", **{"from": 1})
    assert (found["from"], found["to"]) == (1, 5)
    assert [(item["kind"], item["id"], item["deed"]) for item in found["items"]] == [
        ("campaign", 2, "created"), ("stream", 3, "created"), ("stream", 4, "created"),
    ]  # fmt: skip
    found = await ask("history.compare", **{"from": 1, "to": 2, "kind": "campaign", "id": 1})
    assert (found["total"], found["items"][0]["fields"][0]["after"]) == (1, "X")
    with pytest.raises(Refused):
        await ask("history.compare", **{"from": 3, "to": 2})
    with pytest.raises(Missing):
        await ask("history.compare", **{"from": 3, "to": 99})


async def test_a_revision_is_restored_by_whoever_may_change_the_kind(ask):
    await ask("campaigns.change", id=1, slug="other")
    viewer = Caller("eve", "rest", frozenset({"history.read", "history.write"}), 5)
    with pytest.raises(Forbidden):
        await ask("history.restore", viewer, kind="campaign", id=1, revision=1)
    with pytest.raises(Conflict) as caught:
        await ask("history.restore", kind="campaign", id=1, revision=1, current=1)
    shape = json.loads(registry.encode(registry.error_shape(caught.value)))["error"]
    assert (shape["code"], shape["details"]["entity"]["slug"], shape["details"]["author"]) == (
        "conflict", "other", "local administrator",
    )  # fmt: skip
    assert shape["details"]["changed"] == [{"field": "slug", "before": "demo", "after": "other"}]
    back = await ask("history.restore", kind="campaign", id=1, revision=1, current=2)
    assert (back["entity"]["slug"], back["entity"]["revision"]) == ("demo", 3)
    with pytest.raises(Refused):
        await ask("history.restore", kind="token", id=1, revision=1)


async def test_lists_are_sorted_and_searched_and_say_what_they_can_be_sorted_by(ask):
    await ask("destinations.create", name="zeta", url="https://z.example/")
    names = [item["name"] for item in (await ask("destinations.list", sort="-name"))["items"]]
    assert names[0] == "zeta"
    found = await ask("destinations.list", search="Z.EXAMPLE")
    assert (found["total"], found["items"][0]["name"]) == (1, "zeta")
    for field in ("secret", "nmae", "--name", ""):
        with pytest.raises(Refused) as caught:
            await ask("networks.list", sort=field)
        assert caught.value.fields[0].path == "sort"
        assert "one of: id, revision, name" in caught.value.fields[0].message


async def test_a_click_leads_to_what_routed_it(ask, warehouse):
    await ask("destinations.change", id=1, url="https://later.example/")
    inputs = DecisionInputs(
        kernel=1, draw=3, streams=((1, "ok", -1),), destinations=((1, "ok", -1), (2, "ok", -1))
    )
    made = click(
        1, revision=1, campaign_id=1, stream_id=1, destination_id=1, source_id=1, network_id=0, inputs=inputs
    )
    [entry] = entries(1, made)
    warehouse.insert([build(0, 1, *entry)])
    found = await ask("clicks.configuration", id=made.id)
    assert (found["revision"], found["author"], found["link"]) == (1, "weir", None)
    assert (found["campaign"]["entity"]["slug"], found["campaign"]["since"]) == ("demo", [])
    assert found["destination"]["entity"]["url"].startswith("/p/")
    assert [change["field"] for change in found["destination"]["since"]] == ["url"]
    assert [(item["kind"], item["entity"]["id"]) for item in found["considered"]] == [("destination", 2)]
    with pytest.raises(Missing):
        await ask("clicks.configuration", id=click(2).id)
    buyer = Caller("bob", "rest", frozenset({"records.read"}), 3, frozenset({9}))
    with pytest.raises(Missing):
        await ask("clicks.configuration", buyer, id=made.id)
