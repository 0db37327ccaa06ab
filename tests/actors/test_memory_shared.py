"""Edges tell each other what they learned, through a core that comes and goes."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from tests.actors.memory_rig import HOUR, SECOND, World, shown


async def test_other_edges_know_within_a_second(world: World, autojump_clock: MockClock) -> None:
    world.core()
    one, other, third = [await world.start(n) for n in range(3)]
    one.click(shown("a", 1))
    await trio.sleep(0.5)
    assert other.knows("a") == third.knows("a") == {1}
    other.click(shown("a", 2))
    await trio.sleep(0.5)
    assert one.knows("a") == third.knows("a") == {1, 2}
    # What was told is not told back for ever.
    await trio.sleep(5)
    report = one.memory.report()
    assert (report.pairs, report.unsaved, report.unshared) == (2, 0, 0)


async def test_what_was_learned_while_the_core_was_away_arrives_with_the_next_one(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    one.click(shown("a", 1))
    await trio.sleep(1)
    world.lose_core()
    for number in range(50):
        one.click(shown(f"v{number}", 1))
        world.later_us += 5 * SECOND
        await trio.sleep(0.1)
    assert other.knows("v7") == set()
    world.core()
    await trio.sleep(1)
    assert all(other.knows(f"v{number}") for number in range(50))


async def test_what_a_core_took_and_did_not_pass_on_before_it_died_arrives_all_the_same(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    await trio.sleep(1)
    other.linked = False  # it does not hear what comes now
    one.click(shown("a", 1))
    await trio.sleep(1)
    assert one.memory.report().unshared == 0
    world.lose_core()
    await trio.sleep(3)
    world.core()
    await trio.sleep(1)
    assert other.knows("a") == {1}


async def test_an_edge_that_was_away_for_long_is_told_what_it_missed(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    await trio.sleep(1)
    other.linked = False
    for number in range(90):
        one.click(shown(f"v{number}", 1))
        world.later_us += 5 * SECOND
        await trio.sleep(0.2)
    world.link(other)
    await trio.sleep(1)
    assert all(other.knows(f"v{number}") for number in range(90))


async def test_an_edge_that_is_new_learns_what_the_others_know(
    world: World, autojump_clock: MockClock
) -> None:
    one = await world.start(0)
    one.click(shown("a", 1))
    world.later_us = HOUR
    world.core()
    other = await world.start(1)
    await trio.sleep(1)
    assert other.knows("a") == {1}


async def test_a_killed_edge_still_tells_what_it_had_not_told(
    world: World, autojump_clock: MockClock
) -> None:
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    await trio.sleep(1)
    one.click(shown("a", 1))  # answered, and killed before anything else
    one.kill()
    assert other.knows("a") == set()
    one = await world.start(0)
    await trio.sleep(1)
    assert one.knows("a") == other.knows("a") == {1}


async def test_a_lot_at_once_goes_through_piece_by_piece(world: World, autojump_clock: MockClock) -> None:
    world.capacity = 50_000
    world.core()
    one, other = [await world.start(n) for n in range(2)]
    for number in range(12_000):
        one.click(shown(f"v{number}", 1), answered=False)
    await trio.sleep(5)
    assert other.memory.report().pairs == 12_000
