"""What clicks converted on is known on every edge, whoever is killed when."""

from __future__ import annotations

import msgspec
import trio
from trio.testing import MockClock

from appliance.model.events import ConversionEvent
from appliance.model.memory import (
    Converted,
)
from appliance.routing.lessons import CLICK, Lesson
from tests.actors.memory_rig import HOUR, World, shown
from tests.guards.record_old import filled


def conversion(click_id: str, destination: int, count: int = 1) -> ConversionEvent:
    event = filled(ConversionEvent)
    assert isinstance(event, ConversionEvent)
    return msgspec.structs.replace(event, click_id=click_id, destination_id=destination, count=count)


async def test_a_conversion_is_known_on_every_edge_by_who_made_its_click(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    one.click(shown("a", 5), Lesson(CLICK, 0, "a", 5, "CLICK1"))
    # The postback may overtake what the other edge is told of the click.
    world.settle(conversion("CLICK1", 5), conversion("ELSE", 6), conversion("CLICK1", 7, count=0))
    await trio.sleep(1)
    assert set(one.memory.converted("a")) == set(other.memory.converted("a")) == {5}
    assert not one.memory.converted("b")
    await trio.sleep(1)
    one.kill()
    assert set((await world.start(0)).memory.converted("a")) == {5}


async def test_a_core_killed_before_it_told_of_a_conversion_tells_when_it_is_back(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    one.click(shown("a", 5), Lesson(CLICK, 0, "a", 5, "CLICK1"))
    await trio.sleep(1)
    world.speaks = False
    world.settle(conversion("CLICK1", 5))
    await trio.sleep(1)
    world.lose_core()
    world.speaks = True
    await trio.sleep(1)
    assert not one.memory.converted("a") and not other.memory.converted("a")
    world.core()
    await trio.sleep(1)
    assert set(one.memory.converted("a")) == set(other.memory.converted("a")) == {5}


async def test_an_edge_killed_before_it_saved_a_conversion_is_told_again(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    edge = await world.start(0)
    edge.click(shown("a", 5), Lesson(CLICK, 0, "a", 5, "CLICK1"))
    await trio.sleep(1)
    edge.store.full = True  # what it learns from here on is saved nowhere
    world.settle(conversion("CLICK1", 5))
    await trio.sleep(0.1)
    assert set(edge.memory.converted("a")) == {5}
    edge.kill()
    edge = await world.start(0)
    await trio.sleep(0.1)
    assert set(edge.memory.converted("a")) == {5}


async def test_an_edge_that_was_away_for_long_hears_of_every_conversion_and_of_each_once(
    world: World, autojump_clock: MockClock
) -> None:
    world.capacity = 10_000
    world.core()
    edge = await world.start(0)
    for number in range(1_700):
        edge.click(Lesson(CLICK, 0, f"v{number}", 5, f"C{number}"))
    await trio.sleep(1)
    edge.kill()
    world.lose_core()
    for number in range(1_700):
        world.settle(conversion(f"C{number}", 5))
    world.later_us += 24 * HOUR
    del world.edges[0]
    world.core()
    edge = await world.start(0)
    await trio.sleep(2)
    assert all(set(edge.memory.converted(f"v{number}")) == {5} for number in range(1_700))
    assert sum(len(message.clicks) for message in world.told) == 1_700
    edge.kill()
    edge = await world.start(0)
    await trio.sleep(2)
    assert sum(len(message.clicks) for message in world.told) == 1_700
    assert set(edge.memory.converted("v7")) == {5}


async def test_an_edge_remembers_to_have_heard_only_what_it_heard_without_a_gap(
    world: World, autojump_clock: MockClock
) -> None:
    edge = await world.start(0)
    heard = []
    for after, last in ((10, 20), (0, 5), (5, 30), (10, 20)):
        edge.memory.told_converted(Converted(after, last, ()))
        await trio.sleep(0.1)
        heard.append(edge.memory.remembering().converted)
    assert heard == [0, 5, 30, 30]
