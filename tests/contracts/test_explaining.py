"""Explain, simulate and replay at the doors, over a real catalog, warehouse and router."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from appliance.access.roles import ROLES
from appliance.actors.kernel import Mailbox
from appliance.actors.router import Router
from appliance.errors import Conflict, Missing, Refused, Unavailable
from appliance.model.catalog import Role
from appliance.model.events import ClickEvent, decode, encode
from appliance.model.messages import Closed
from appliance.model.table import SettingsEntry, TableUpdate
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, local_administrator
from appliance.operations.scope import ScopedCatalog
from appliance.reporting.rows import build as row_of
from appliance.routing.detection import Detection
from appliance.routing.visit import Visit, read_query
from appliance.workbench import Workbench
from tests.actors.catalog_rig import catalog
from tests.doors import NoCosts
from tests.records import NOON, entries


def somebody(role: Role, campaigns: set[int], sees_money: bool = True) -> Caller:
    return Caller("somebody", "rest", ROLES[role], 5, frozenset(campaigns), sees_money)


SEAL = b"s" * 32


class World:
    """One campaign with a stream for Germany and one for everybody else, and a router that records."""

    def __init__(self, rig: Any, warehouse: Any) -> None:
        self.rig, self.warehouse = rig, warehouse
        self.operations = registry.load_all()
        self.said: dict[type, object] = {}
        self.workbench = Workbench(lambda wanted: {}, Detection(), self.said.get)
        self.clicks: list[ClickEvent] = []
        self.now_us = NOON
        self.seq = 0
        self.router = Router(Mailbox("router", 1), self._append, clock_us=self._clock, detection=Detection())

    def _clock(self) -> int:
        self.now_us += 1_000_000
        return self.now_us

    def _append(self, unit: tuple[bytes, ...], refusable: bool = False) -> None:
        for event in map(decode, unit):
            if isinstance(event, ClickEvent):
                self.clicks.append(event)
                self.seq += 1
                [entry] = entries(self.seq, event)
                self.warehouse.insert([row_of(0, 1, *entry)])

    async def publish(self) -> None:
        revision, parts = self.rig.tables[-1]
        removed = tuple(set(self.router.digests()) - parts.keys())
        await self.router.take(TableUpdate(revision, revision, tuple(parts.values()), removed, len(parts)))

    async def click(self, query: str, door: str = "c", key: str = "shoes", **more: Any) -> ClickEvent:
        visit = Visit(door, key, query, read_query(query))
        for name, value in more.items():
            setattr(visit, name, value)
        assert self.router.click(visit) is not None
        await trio.lowlevel.checkpoint()
        return self.clicks[-1]

    async def ask(self, name: str, caller: Caller | None = None, /, **payload: Any) -> Any:
        caller = caller or local_administrator("call")
        answer = await registry.call(self.operations, name, payload, self.context(caller))
        return json.loads(registry.encode(answer))

    def context(self, caller: Caller) -> Context:
        overview: Any = None
        reports: Any = Lookups(self.warehouse)
        return Context(
            caller, ScopedCatalog(self.rig.desk, caller), reports, overview, NoCosts(),
            workbench=self.workbench,
        )  # fmt: skip


class Lookups:
    """The warehouse, one query at a time."""

    currency = "USD"

    def __init__(self, warehouse: Any) -> None:
        self.warehouse = warehouse

    async def rows(self, sql: str, params: dict[str, object], *_: object) -> list[dict[str, Any]]:
        await trio.lowlevel.checkpoint()
        rows: list[dict[str, Any]] = self.warehouse.query(sql, params)
        return rows


GERMANS = [
    {"param": "country", "operator": "eq", "value": "DE"},
    {"param": "cost", "operator": "gt", "value": "1"},
]
"""Two rules: of the country and of the cost."""


@asynccontextmanager
async def shop(tmp_path: Any, warehouse: Any) -> AsyncIterator[World]:
    async with catalog(tmp_path, settings=SettingsEntry(seal=SEAL)) as rig:
        world = World(rig, warehouse)
        for n in (1, 2, 3):
            await world.ask(
                "destinations.create", name=f"D{n}", url=f"https://d{n}.example/?c={{click_id}}&p={{cost}}"
            )
        await world.ask("campaigns.create", slug="shoes", name="Shoes", public_id="PUB")
        await world.ask("campaigns.create", slug="other", name="Other")
        one = [{"destination_id": 1, "weight": 100}]
        two = [{"destination_id": 2, "weight": 75}, {"destination_id": 3, "weight": 25}]
        await world.ask(
            "streams.create", campaign_id=1, name="Germany", position=1, rules=GERMANS, targets=one
        )
        await world.ask("streams.create", campaign_id=1, name="Rest", position=2, targets=two)
        await world.ask("streams.create", campaign_id=2, name="Other", targets=one)
        await world.publish()
        yield world


@pytest.fixture
async def world(tmp_path: Any, warehouse: Any) -> AsyncIterator[World]:
    async with shop(tmp_path, warehouse) as made:
        yield made


async def test_a_click_says_which_rule_failed_on_which_value_and_is_proven(world: World) -> None:
    click = await world.click("country=DE&cost=0.5&sub1=a")
    told = await world.ask("routing.explain", click_id=click.id)
    assert (told["exact"], told["url_proven"], told["differences"]) == (True, True, [])
    germany, rest = told["trace"]["streams"]
    assert (germany["name"], germany["verdict"], germany["rule"]) == ("Germany", "rule", 1)
    assert [(r["outcome"], r["given"]) for r in germany["rules"]] == [("held", "DE"), ("failed", "0.5")]
    assert germany["rules"][1]["value"] == "1" and germany["rules"][1]["operator"] == "gt"
    assert (rest["verdict"], rest["rules"]) == ("matched", [])
    seen = told["trace"]["destinations"]
    assert [(d["name"], d["weight"]) for d in seen] == [("D2", 75), ("D3", 25)]
    assert sorted(d["verdict"] for d in seen) == ["chosen", "open"]
    chosen = click.destination_id
    assert told["trace"]["url"] == f"https://d{chosen}.example/?c={click.id}&p=0.5"


async def test_a_click_is_explained_by_its_own_revision_whatever_became_of_it(world: World) -> None:
    click = await world.click("country=DE&cost=2")
    first = await world.ask("routing.explain", click_id=click.id)
    await world.ask("streams.change", id=1, rules=[{"param": "x", "operator": "exists"}], name="Now")
    await world.ask("destinations.change", id=1, url="https://elsewhere.example/")
    await world.ask("streams.archive", id=2)
    await world.publish()
    later = await world.click("country=DE&cost=2")
    again = await world.ask("routing.explain", click_id=click.id)
    assert again == first and again["exact"] and again["trace"]["destination_id"] == 1
    told = await world.ask("routing.explain", click_id=later.id)
    assert (told["exact"], told["trace"]["reason"]) == (True, "no_matching_stream")
    assert told["revision"] == click.revision + 3


async def test_what_does_not_come_out_the_same_is_named(world: World) -> None:
    """A record that was tampered with, or made by another kernel, is not "explained"."""
    click = await world.click("country=FR")
    forged = msgspec.structs.replace(
        click, id=click.id[:-1] + ("0" if click.id[-1] != "0" else "1"), destination_id=1, stream_id=1
    )
    world._append((encode(forged),))
    told = await world.ask("routing.explain", click_id=forged.id)
    assert not told["exact"] and not told["url_proven"]
    assert {d["field"] for d in told["differences"]} == {"stream_id", "destination_id", "url_hash"}


async def test_who_decided_is_no_difference_when_it_is_decided_alike(world: World) -> None:
    click = await world.click("country=FR")
    inputs = msgspec.structs.replace(click.inputs, kernel=1)
    older = msgspec.structs.replace(click, id=click.id[:-2] + "00", inputs=inputs, url_hash=0)
    world._append((encode(older),))
    told = await world.ask("routing.explain", click_id=older.id)
    assert (told["kernel"], told["exact"], told["url_proven"]) == (1, True, False)
    assert told["kernel_now"] > 1


async def test_what_is_closed_stuck_or_remembered_is_explained_from_the_record(world: World) -> None:
    world.router.state.availability = {2: "destination_unhealthy"}
    click = await world.click("country=FR")
    told = await world.ask("routing.explain", click_id=click.id)
    assert told["exact"]
    assert [d["verdict"] for d in told["trace"]["destinations"]] == ["destination_unhealthy", "chosen"]


async def test_a_chain_of_campaigns_is_explained_click_by_click(world: World) -> None:
    onward = {"kind": "campaign", "campaign_id": 2}
    await world.ask("streams.change", id=2, answer=onward)
    await world.ask("links.create", campaign_id=1, token="tok", params={"sub1": "preset", "cost": "3"})
    await world.publish()
    last = await world.click("sub2=b&currency=EUR", "r", "tok")
    assert (last.campaign_id, last.hops, last.subs) == (2, 1, {1: "preset", 2: "b"})
    for click in world.clicks:
        assert (await world.ask("routing.explain", click_id=click.id))["exact"], click


async def test_nobody_is_told_of_foreign_campaigns_or_of_money(world: World) -> None:
    mine, other = await world.click("country=DE&cost=9"), await world.click("", key="other")
    stranger = somebody("buyer", {2})
    with pytest.raises(Missing):
        await world.ask("routing.explain", stranger, click_id=mine.id)
    assert (await world.ask("routing.explain", stranger, click_id=other.id))["exact"]
    poor = somebody("buyer", {1}, sees_money=False)
    told = await world.ask("routing.explain", poor, click_id=mine.id)
    assert told["exact"] and told["trace"]["url"] is None
    rules = told["trace"]["streams"][0]["rules"]
    assert [(r["param"], r.get("given")) for r in rules] == [("country", "DE"), ("cost", None)]
    assert "9" not in json.dumps(rules)
    with pytest.raises(Missing):
        await world.ask("routing.simulate", stranger, url="/c/shoes")
    with pytest.raises(Missing):
        await world.ask("routing.simulate", stranger, campaign_id=1)
    with pytest.raises(Missing):
        await world.ask("routing.replay", stranger, campaign_id=1)
    await world.ask("streams.change", id=2, answer={"kind": "campaign", "campaign_id": 2})
    told = await world.ask("routing.simulate", poor, campaign_id=1, clicks=5)
    assert [t["campaign_id"] for t in told["traces"]] == [1] and told["traces"][0]["url"] is None
    assert [o["campaign_id"] for o in told["outcomes"]] == [1]
    nobody = Caller("x", "rest", frozenset({"campaigns.read"}), 5, frozenset({1}))
    for name, payload in (
        ("routing.explain", {"click_id": mine.id}), ("routing.simulate", {"url": "/c/shoes"}),
        ("routing.replay", {}),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            await world.ask(name, nobody, **payload)


async def test_a_request_is_simulated_as_the_router_decides_it(world: World) -> None:
    told = await world.ask("routing.simulate", url="https://go.example/c/shoes?country=DE&cost=2", draw=7)
    assert len(told["traces"]) == 1 and told["outcomes"][0]["share"] == 1
    assert (told["traces"][0]["destination_id"], told["traces"][0]["draw"]) == (1, 7)
    many = await world.ask("routing.simulate", campaign_id=1, clicks=4_000, seed=5)
    shares = {o["destination"]: o["share"] for o in many["outcomes"]}
    assert shares.keys() == {"D2", "D3"} and abs(shares["D2"] - 0.75) < 0.03
    again = await world.ask("routing.simulate", campaign_id=1, clicks=4_000, seed=5)
    assert again["outcomes"] == many["outcomes"]
    varied = await world.ask(
        "routing.simulate", url="/go/PUB?cost=5", clicks=2_000, vary={"country": ["DE", "FR"]}
    )
    [germany] = [o["share"] for o in varied["outcomes"] if o["stream"] == "Germany"]
    assert abs(germany - 0.5) < 0.05
    assert world.clicks == []


async def test_what_is_closed_now_is_closed_in_a_simulation_unless_said_otherwise(world: World) -> None:
    world.said[Closed] = Closed({2: "offer_cap_reached"})
    told = await world.ask("routing.simulate", url="/c/shoes")
    assert [d["verdict"] for d in told["traces"][0]["destinations"]] == ["offer_cap_reached", "chosen"]
    told = await world.ask("routing.simulate", url="/c/shoes", closed=[])
    assert "open" in [d["verdict"] for d in told["traces"][0]["destinations"]]
    told = await world.ask(
        "routing.simulate",
        url="/c/shoes",
        closed=[{"destination_id": 2}, {"destination_id": 3, "reason": "x"}],
    )
    assert told["traces"][0]["decision"] == "reply"


async def test_a_draft_is_tried_and_nothing_of_it_is_stored(world: World) -> None:
    before = world.rig.store.revision()
    steps = [
        {"kind": "destination", "deed": "create", "id": 900, "values": {"name": "New", "url": "https://new.example/"}},
        {"kind": "stream", "id": 2, "values": {"targets": [{"destination_id": 900}]}},
        {"kind": "stream", "deed": "archive", "id": 1},
    ]  # fmt: skip
    told = await world.ask("routing.simulate", url="/c/shoes?country=DE&cost=9", changes=steps)
    assert [s["name"] for s in told["traces"][0]["streams"]] == ["Rest"]
    assert told["traces"][0]["url"] == "https://new.example/"
    told = await world.ask("routing.simulate", url="/c/shoes?country=DE&cost=9")
    assert told["traces"][0]["destination_id"] == 1
    assert world.rig.store.revision() == before
    renamed = [{"kind": "campaign", "id": 1, "values": {"slug": "boots"}}]
    assert (await world.ask("routing.simulate", url="/c/boots", changes=renamed))["traces"]
    with pytest.raises(Missing):
        await world.ask("routing.simulate", url="/c/shoes", changes=renamed)


async def test_a_draft_is_checked_like_any_change(world: World) -> None:
    async def refused(step: dict[str, Any], caller: Caller | None = None) -> list[str]:
        with pytest.raises(Refused) as caught:
            await world.ask("routing.simulate", caller, url="/c/shoes", changes=[step])
        return [problem.path for problem in caught.value.fields]

    bad_url = {"kind": "destination", "id": 1, "values": {"url": "javascript:x"}}
    assert await refused(bad_url) == ["changes[0].values.url"]
    assert await refused({"kind": "stream", "id": 1, "values": {"nonsense": 1}}) == [
        "changes[0].values.nonsense"
    ]
    unknown = {"kind": "stream", "id": 1, "values": {"targets": [{"destination_id": 77}]}}
    assert await refused(unknown) == ["changes[0].values.targets[0].destination_id"]
    assert await refused({"kind": "stream", "values": {}}) == ["changes[0].id"]
    taken = {"kind": "campaign", "id": 2, "values": {"slug": "shoes"}}
    assert await refused(taken) == ["changes[0].values.slug"]
    with pytest.raises(Missing):
        await world.ask("routing.simulate", url="/c/shoes", changes=[{"kind": "stream", "id": 99}])
    with pytest.raises(Conflict):
        await world.ask(
            "routing.simulate", url="/c/shoes", changes=[{"kind": "destination", "deed": "archive", "id": 1}]
        )
    mine = somebody("buyer", {1})
    foreign = {"kind": "stream", "deed": "create", "values": {"campaign_id": 2, "targets": []}}
    assert await refused(foreign, mine) == ["campaign_id"]
    with pytest.raises(Missing):
        step = {"kind": "stream", "id": 3, "values": {"name": "x"}}
        await world.ask("routing.simulate", mine, url="/c/shoes", changes=[step])
    with pytest.raises(Forbidden):
        await world.ask("routing.simulate", mine, url="/c/shoes", changes=[bad_url])
    with pytest.raises(Forbidden):
        step = {"kind": "stream", "id": 1, "values": {"name": "x"}}
        await world.ask("routing.simulate", somebody("viewer", {1}), url="/c/shoes", changes=[step])


async def test_the_last_clicks_are_sent_through_a_draft(world: World) -> None:
    for n in range(30):
        await world.click(f"country={'DE' if n % 3 else 'FR'}&cost=2")
    await world.click("", key="other")
    same = await world.ask("routing.replay", clicks=100)
    assert (same["clicks"], same["stayed"], same["moved"], same["gone"]) == (31, 31, 0, 0)
    steps = [{"kind": "stream", "id": 1, "values": {"status": "paused"}}]
    told = await world.ask("routing.replay", campaign_id=1, clicks=25, changes=steps)
    germans = [c for c in world.clicks[5:30] if c.stream_id == 1]
    assert (told["clicks"], told["moved"]) == (25, len(germans))
    assert {move["before"]["stream"] for move in told["moves"]} == {"Germany"}
    assert {move["after"]["stream"] for move in told["moves"]} == {"Rest"}
    assert sum(move["clicks"] for move in told["moves"]) == len(germans)
    assert set(told["moves"][0]["click_ids"]) <= {c.id for c in germans}
    mine = await world.ask("routing.replay", somebody("buyer", {2}), clicks=100)
    assert mine["clicks"] == 1
    # A draft renames nothing away: the campaign is known by its number.
    gone = [{"kind": "stream", "deed": "archive", "id": n} for n in (1, 2)]
    gone.append({"kind": "campaign", "deed": "archive", "id": 1})
    assert (await world.ask("routing.replay", campaign_id=1, clicks=5, changes=gone))["gone"] == 5


UNFRIENDLY: list[tuple[str, dict[str, Any]]] = [
    ("routing.simulate", {}),
    ("routing.simulate", {"url": "/c/shoes", "campaign_id": 1}),
    ("routing.simulate", {"url": "http://[::1"}),
    ("routing.simulate", {"url": "/p/thanks"}),
    ("routing.simulate", {"url": "/c/shoes/x"}),
    ("routing.simulate", {"url": "/c/shoes", "time": "yesterday"}),
    ("routing.simulate", {"url": "/c/shoes", "clicks": 100_001}),
    ("routing.simulate", {"url": "/c/shoes", "draw": 2**53}),
    ("routing.simulate", {"url": "/c/shoes", "facts": {"nonsense": "x"}}),
    ("routing.simulate", {"url": "/c/shoes", "vary": {"x": []}}),
    ("routing.simulate", {"url": "/c/shoes", "cookie": "'; drop"}),
    ("routing.simulate", {"url": "/c/shoes", "headers": {f"h{n}": "" for n in range(101)}}),
    ("routing.simulate", {"url": "/c/shoes", "changes": [{"kind": "user", "id": 1}]}),
    ("routing.simulate", {"url": "/c/shoes", "changes": [{"kind": "stream", "id": 1}] * 101}),
    ("routing.replay", {"clicks": 0}),
    ("routing.replay", {"clicks": 10_001}),
    ("routing.explain", {"click_id": "x"}),
]


@pytest.mark.parametrize(("name", "payload"), UNFRIENDLY)
async def test_what_makes_no_sense_is_refused(world: World, name: str, payload: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await world.ask(name, **payload)


async def test_strange_texts_are_only_texts(world: World) -> None:
    strange = "\ud800\x00é{sub1}%zz"
    told = await world.ask(
        "routing.simulate",
        url="/c/shoes?country=%ff&x=%00",
        query=strange,
        user_agent=strange,
        headers={"é\n": strange},
        address="::ffff:192.0.2.1",
        language=";;;",
        referrer="::",
        vary={"sub1&x": [strange]},
        clicks=3,
    )
    assert told["clicks"] == 3


async def test_who_waits_too_long_is_told_and_who_leaves_is_not_worked_for(world: World) -> None:
    world.workbench = Workbench(lambda wanted: {}, Detection(), world.said.get, seconds=0.2)
    with pytest.raises(Unavailable, match="ask for fewer"):
        await world.ask("routing.simulate", url="/c/shoes", clicks=100_000)
    world.workbench = Workbench(lambda wanted: {}, Detection(), world.said.get)
    began = trio.current_time()
    with trio.move_on_after(0.2) as scope:
        await world.ask("routing.simulate", url="/c/shoes", clicks=100_000)
    assert scope.cancelled_caught and trio.current_time() - began < 2
    assert (await world.ask("routing.simulate", url="/c/shoes"))["clicks"] == 1
