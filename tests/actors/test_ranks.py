"""The ranks actor: what changed is told, what the warehouse cannot say now stays as it was."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import trio
from trio.testing import MockClock

from appliance.actors.kernel import inline_runner
from appliance.actors.ranks import EVERY, Ranks
from appliance.errors import Unavailable
from appliance.model.catalog import Stream
from appliance.model.messages import Weights
from appliance.model.rules import Distribution, Target
from appliance.reporting.sql import Query

HOUR = 3_600_000_000
NOW = 1_000 * HOUR


def stream(number: int, strategy: str, **more: object) -> Stream:
    how = Distribution(strategy=strategy, min_clicks=10, **more)  # type: ignore[arg-type]
    targets = (Target(destination_id=1), Target(destination_id=2), Target(destination_id=3, weight=0))
    return Stream(id=number, campaign_id=1, distribution=how, targets=targets)


class World:
    def __init__(self, *streams: Stream) -> None:
        self.streams = list(streams)
        self.clicks: list[Mapping[str, int]] = []
        self.conversions: list[Mapping[str, int]] = []
        self.away = False
        self.asked: list[Query] = []
        self.said: list[dict[int, dict[int, int]]] = []
        self.ranks = Ranks(
            lambda: self.streams, self.ask, self.say, inline_runner, random.Random(3), "USD", lambda: NOW
        )

    async def ask(self, query: Query) -> Sequence[Mapping[str, int]]:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("away")
        self.asked.append(query)
        return self.clicks if len(self.asked) % 2 else self.conversions

    def say(self, message: Weights) -> None:
        self.said.append(message.streams)

    def figures(self, number: int, destination: int, clicks: int, revenue: int) -> None:
        ids = {"stream_id": number, "destination_id": destination}
        self.clicks.append({**ids, "clicks": clicks, "cost": 100})
        self.conversions.append({**ids, "conversions": min(clicks, 5), "revenue": revenue})


async def looks(world: World, nursery: trio.Nursery) -> None:
    await nursery.start(world.ranks.run)
    await trio.sleep(EVERY / 2)


async def test_ranks_are_told_once_and_again_when_they_change(autojump_clock: MockClock) -> None:
    world = World(stream(1, "best_roi", window_hours=6), stream(2, "weighted"))
    world.figures(1, 1, 20, 150)
    world.figures(1, 2, 20, 300)
    world.figures(1, 3, 20, 900)  # it has no weight: it is switched off
    async with trio.open_nursery() as nursery:
        await looks(world, nursery)
        assert world.said == [{1: {1: 1, 2: 2}}]
        assert world.asked[0].parameters == {"streams": [1], "from_us": NOW - 6 * HOUR, "currency": "USD"}
        await trio.sleep(3 * EVERY)
        assert len(world.said) == 1
        world.conversions = [{**row, "revenue": 900 - row["revenue"]} for row in world.conversions]
        await trio.sleep(EVERY)
        assert world.said[1:] == [{1: {1: 2, 2: 1}}]
        world.streams = []
        await trio.sleep(EVERY)
        assert world.said[2:] == [{}]
        nursery.cancel_scope.cancel()


async def test_while_the_warehouse_is_away_what_was_told_stays(autojump_clock: MockClock) -> None:
    world = World(stream(1, "best_roi"))
    world.figures(1, 1, 20, 150)
    world.away = True
    async with trio.open_nursery() as nursery:
        await looks(world, nursery)
        assert world.said == [] and world.ranks.last_error == "away"
        world.away = False
        await trio.sleep(EVERY)
        assert world.said == [{1: {1: 1}}] and world.ranks.last_error == ""
        world.away = True
        await trio.sleep(5 * EVERY)
        assert len(world.said) == 1
        nursery.cancel_scope.cancel()


async def test_a_core_that_begins_says_that_nothing_is_ranked_any_more(autojump_clock: MockClock) -> None:
    world = World()  # what an edge still holds is of streams or figures that are gone
    async with trio.open_nursery() as nursery:
        await looks(world, nursery)
        assert world.said == [{}]
        await trio.sleep(EVERY * 3)
        assert world.said == [{}]
        nursery.cancel_scope.cancel()


async def test_the_same_figures_are_not_drawn_from_again(autojump_clock: MockClock) -> None:
    world = World(stream(1, "adaptive", floor_percent=10))
    world.figures(1, 1, 1_000, 5)
    world.figures(1, 2, 1_000, 5)
    async with trio.open_nursery() as nursery:
        await looks(world, nursery)
        [first] = world.said
        assert sum(first[1].values()) in (9_999, 10_000) and all(
            share >= 1_000 for share in first[1].values()
        )
        await trio.sleep(4 * EVERY)
        assert len(world.said) == 1  # another draw would say something else
        world.figures(1, 2, 1_001, 5)
        await trio.sleep(EVERY)
        assert len(world.said) == 2
        nursery.cancel_scope.cancel()


async def test_each_window_is_asked_for_by_itself(autojump_clock: MockClock) -> None:
    third = stream(3, "adaptive")
    world = World(stream(1, "best_roi", window_hours=6), stream(2, "adaptive", window_hours=12), third)
    async with trio.open_nursery() as nursery:
        await looks(world, nursery)
        nursery.cancel_scope.cancel()
    asked = [(query.parameters["streams"], query.parameters["from_us"]) for query in world.asked[::2]]
    assert asked == [([1], NOW - 6 * HOUR), ([2], NOW - 12 * HOUR), ([3], NOW - 24 * HOUR)]
