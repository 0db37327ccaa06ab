"""Explain is exact: whatever a router recorded while everything in the catalog changed comes out again.

`KLICKS=100000 pytest tests/actors/test_explain.py` is the whole run of issue 5.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import trio

from appliance.actors.kernel import Mailbox
from appliance.actors.router import Router
from appliance.errors import WeirError
from appliance.model.catalog import Kind
from appliance.model.events import ClickEvent, decode, encode
from appliance.model.table import SettingsEntry, TableUpdate
from appliance.operations.context import local_administrator
from appliance.reporting import rows
from appliance.reporting.recorded import click_of
from appliance.routing.configuration import Built, build
from appliance.routing.decision import Decision
from appliance.routing.detection import Detection
from appliance.routing.landings import carried
from appliance.routing.recorded import Step, decide_again, differences
from appliance.routing.trace import trace
from appliance.routing.visit import Visit, read_query
from tests import routing_history as history
from tests.actors.catalog_rig import Rig, catalog
from tests.records import NOON

CLICKS = int(os.environ.get("KLICKS", "3000"))
CHANGES = 50
SEAL = b"s" * 32
ME = local_administrator("test")
EVERYTHING = {
    "destination", "trafficback", "reply", "answer", "campaign", "transparent", "exit", "hop",
    "matched", "rule", "unknown", "paused", "not_drawn", "chosen", "open", "sticky", "repeat", "repeated",
    "converted", "no_weight", "schedule", "destination_disabled", "destination_unhealthy",
    "offer_cap_reached", "cookie", "tests", "turn", "weights", "next_landing",
}  # fmt: skip
"""What the run must have met, so that it proves something about it."""


class World:
    """A catalog, an edge's router on it, and all that the router recorded."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        # What the router drew by itself must not lead the catalog to where, say, nothing has an answer.
        self.rng, self.visitors = random.Random(seed), random.Random(seed)
        self.now_us = NOON
        self.clicks: list[ClickEvent] = []
        self.router = Router(Mailbox("router", 1), self._append, clock_us=self._clock, detection=Detection())
        self.ids: dict[str, list[int]] = {kind: [] for kind in ("campaign", "destination", "source", "link")}
        self.streams: dict[int, int] = {}

    def _append(self, unit: tuple[bytes, ...], refusable: bool = False) -> None:
        self.clicks += [event for event in map(decode, unit) if isinstance(event, ClickEvent)]

    def _clock(self) -> int:
        self.now_us += self.visitors.randint(1, 400_000_000)
        return self.now_us

    async def begin(self) -> None:
        rng, ids = self.rng, self.ids
        for n in range(2):
            ids["source"].append(await self.rig.create("source", history.source(rng, n)))
        for n in range(8):
            made = history.destination(rng, n, ids["destination"])
            ids["destination"].append(await self.rig.create("destination", made))
        for n in range(4):
            made_campaign = history.campaign(rng, n, ids["source"])
            ids["campaign"].append(await self.rig.create("campaign", made_campaign))
        for n in range(3):
            of = rng.choice(ids["campaign"])
            ids["link"].append(await self.rig.create("link", history.link(rng, n, of)))
        for of in ids["campaign"]:
            for _ in range(4):
                await self.add_stream(of)
        source = await self.rig.create("source", history.SHOP_SOURCE)
        shop_campaign = msgspec.structs.replace(history.SHOP, source_id=source)
        shop = (await self.rig.create("campaign", shop_campaign), ids["campaign"][0])
        landing = await self.rig.create("destination", history.landing(ids["destination"]))
        for made_stream in history.shop_streams(*shop, ids["destination"], landing):
            await self.rig.create("stream", made_stream)

    async def add_stream(self, of: int) -> None:
        made = history.stream(self.rng, of, self.ids["destination"], self.ids["campaign"])
        self.streams[await self.rig.create("stream", made)] = of

    async def change(self) -> None:
        """Something, anything: whatever the catalog takes."""
        rng, ids = self.rng, self.ids
        what = rng.choice(
            ["stream", "stream", "stream", "new", "destination", "campaign", "source", "archive"]
        )
        try:
            if what == "stream":
                number = rng.choice(list(self.streams))
                others = [c for c in ids["campaign"] if c != self.streams[number]]
                values = history.stream_values(rng, ids["destination"], others)
                await self.edit("stream", number, values)
            elif what == "new":
                await self.add_stream(rng.choice(ids["campaign"]))
            elif what == "archive":
                number = rng.choice(list(self.streams))
                await self.rig.desk.archive("stream", number, ME, None)
                del self.streams[number]
            elif what == "destination":
                number = rng.choice(ids["destination"])
                others = [d for d in ids["destination"] if d != number]
                await self.edit("destination", number, history.destination_values(rng, number, others))
            elif what == "campaign":
                number = rng.choice(ids["campaign"])
                await self.edit("campaign", number, history.campaign_values(rng, ids["source"]))
            else:
                await self.edit("source", rng.choice(ids["source"]), history.source_values(rng))
        except WeirError:
            await self.add_stream(rng.choice(ids["campaign"]))

    async def edit(self, kind: Kind, number: int, values: dict[str, Any]) -> None:
        await self.rig.desk.change(kind, number, values, ME, None)

    async def publish(self) -> None:
        revision, parts = self.rig.tables[-1]
        held = set(self.router.digests())
        removed = tuple(held - parts.keys())
        await self.router.take(TableUpdate(revision, revision, tuple(parts.values()), removed, len(parts)))

    def visit(self) -> None:
        rng, ids = self.visitors, self.ids
        numbers = range(len(ids["campaign"]))
        visit = history.request(
            rng, [f"c{n}" for n in numbers], [f"pub{n}" for n in numbers], [f"tok{n}" for n in range(3)]
        )
        if rng.random() < 0.3:
            visit = history.shopper(rng)
        state = self.router.state
        state.availability = {
            rng.choice(ids["destination"]): rng.choice(["offer_cap_reached", "destination_unhealthy"])
            for _ in range(rng.choice([0, 0, 1, 2]))
        }
        ranked = range(1, 200)  # streams
        state.weights = {s: {d: rng.randint(0, 9) for d in ids["destination"]} for s in ranked}
        state.memory = Diary(rng, ids["destination"])
        visit.cookies = {f"weir_s{c}": self.cookie(c) for c in ids["campaign"] if rng.random() < 0.7}
        campaign = None
        if rng.random() < 0.1:  # as the click API and the tracking script call it
            visit.door, campaign = "api", self.router.table.by_slug.get(f"c{rng.choice(numbers)}")
            if campaign is None:
                return
        decision = self.router.click(visit, campaign)
        while decision is not None and decision.landing and rng.random() < 0.8:
            decision = self.exit(decision.landing, visit)

    def exit(self, token: str, landed: Visit) -> Decision | None:
        """The visitor goes on from a landing page."""
        rng = self.visitors
        query = rng.choice(["", "sub9=page&x=b", "currency=GBP&cost=1"])
        visit = Visit("lp", "", query, read_query(query))
        visit.user_agent, visit.address, visit.host = landed.user_agent, landed.address, "go.example"
        visit.headers = landed.headers
        found = carried(SEAL, [token], "", self.now_us // 1_000)
        assert found is not None
        return self.router.exit(visit, found, rng.choice([1, 1, 2, 3]))

    def cookie(self, campaign: int) -> str:
        """Where one of its visitors may have been kept."""
        rng = self.visitors
        own = [number for number, of in self.streams.items() if of == campaign] or [999]
        return rng.choice(["{}", "{}.{}", "{}.{}"]).format(
            rng.choice(own), rng.choice(self.ids["destination"])
        )


class Diary:
    """A memory that has seen anybody anywhere: what it says is drawn anew for every click."""

    def __init__(self, rng: random.Random, destinations: list[int]) -> None:
        few = rng.sample(destinations, rng.choice([0, 1, 4, len(destinations)]))
        self._few = frozenset(few)
        self._one = frozenset(rng.sample(destinations, rng.choice([0, 1, 2])))
        self._seen = rng.random() < 0.5
        self.turns: dict[int, int] = {}

    def shown(self, stream_id: int, key: str, since_us: int) -> frozenset[int]:
        return self._few

    def converted(self, key: str) -> frozenset[int]:
        return self._one

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        return self._seen


def stored(click: ClickEvent) -> ClickEvent:
    """The click as it comes back from the warehouse: its row as JSON, and the event that is read of it."""
    row = rows.build(0, 1, 1, encode(click))
    values: dict[str, Any] = dict(zip(rows.COLUMNS[row.table], row.values, strict=True))
    values["at_us"] = click.at_us
    return click_of(msgspec.json.decode(msgspec.json.encode(values)))


async def built_at(world: World, click: ClickEvent, held: dict[Any, Built]) -> Built:
    keys: list[Any] = [("campaign", click.campaign_id)]
    if click.link_id:
        keys.append(("link", click.link_id))
    key = (click.revision, *keys)
    if key not in held:
        configuration = await world.rig.desk.configuration(click.revision, keys, ME)
        held[key] = next(step for step in build(configuration, lambda _: {}) if step is not None)
    return held[key]


async def test_every_recorded_click_is_explained_exactly(tmp_path: Path) -> None:
    async with catalog(tmp_path, settings=SettingsEntry(seal=SEAL, trafficback_url="/tb/c0")) as rig:
        world = World(rig, 1)
        await world.begin()
        for _ in range(CHANGES):
            await world.change()
            await world.publish()
            for _ in range(CLICKS // CHANGES):
                world.visit()
        by_id = {click.id: click for click in world.clicks}
        held: dict[Any, Built] = {}
        seen: Counter[str] = Counter()
        for number, click in enumerate(map(stored, world.clicks)):
            parents: list[Step] = []
            youngest = click
            while youngest.parent_id:
                youngest = by_id[youngest.parent_id]
                parents.insert(0, Step(youngest, (await built_at(world, youngest, held)).table))
            built = await built_at(world, click, held)
            step = Step(click, built.table)
            decision, visit = decide_again(step, parents)
            assert differences(step, decision, visit) == (), click
            if number % (CLICKS // 1_000 + 1) == 0:  # it compiles every rule again
                told = trace(built, decision, visit, click.at_us)
                assert [s.verdict for s in told.streams] == [word for _, word, _ in click.inputs.streams]
            seen.update([click.decision, click.reason])
            seen.update(["exit"] * bool(click.exit_number) + ["hop"] * bool(click.hops))
            seen.update(["turn"] * (click.inputs.turn >= 0) + ["weights"] * bool(click.inputs.weights))
            seen.update({word for _, word, _ in (*click.inputs.streams, *click.inputs.destinations)})
            seen.update(["tests"] * bool(click.inputs.tests) + ["cookie"] * bool(click.inputs.cookie))
            await trio.lowlevel.checkpoint()
        assert len(world.clicks) >= CLICKS * 0.9
        assert seen.keys() >= EVERYTHING, EVERYTHING - seen.keys()
