"""An edge remembers visitors: across a kill, a full disk and a restart."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from appliance.routing.lessons import CLICK, SEEN_CAMPAIGN, Lesson
from appliance.stores.journal.reader import journal_directory
from tests.actors.memory_rig import HOUR, World, shown


async def test_what_was_answered_is_known_after_a_kill_at_any_moment(
    world: World, autojump_clock: MockClock
) -> None:
    edge = await world.start(0)
    for number in range(60):
        edge.click(shown(f"v{number}", number), turn=number)
        await trio.sleep(0.03)  # a save comes every half second: some are saved, the last are not
    assert edge.memory.report().unsaved > 0
    edge.kill()
    again = await world.start(0)
    assert [again.knows(f"v{number}") for number in range(60)] == [{number} for number in range(60)]
    assert again.memory.turns == {1: 60}


async def test_what_was_saved_is_not_read_from_the_journal_again(
    world: World, autojump_clock: MockClock
) -> None:
    edge = await world.start(0)
    edge.click(shown("a", 1))
    await trio.sleep(1)
    edge.kill()
    for path in journal_directory(world.data, 0).glob("*"):
        path.unlink()
    assert (await world.start(0)).knows("a") == {1}


async def test_an_orderly_stop_saves_all_of_it(world: World, autojump_clock: MockClock) -> None:
    edge = await world.start(0)
    edge.click(shown("a", 1), answered=False)
    assert edge.scope is not None
    edge.scope.cancel()
    await trio.sleep(0.01)
    assert (await world.start(0)).knows("a") == {1}


async def test_windows_are_seconds_exact(world: World, autojump_clock: MockClock) -> None:
    edge = await world.start(0)
    edge.click(shown("a", 1), Lesson(SEEN_CAMPAIGN, 7, "a"))
    world.later_us = HOUR
    assert edge.knows("a", 1.01) == {1} and edge.knows("a", 0.99) == set()
    assert edge.memory.seen(SEEN_CAMPAIGN, 7, "a", world.now_us() - 2 * HOUR)
    assert not edge.memory.seen(SEEN_CAMPAIGN, 8, "a", 0)
    assert not edge.memory.seen(SEEN_CAMPAIGN, 7, "b", 0)


async def test_a_full_disk_costs_nothing_but_what_the_ring_cannot_hold(
    world: World, autojump_clock: MockClock
) -> None:
    world.capacity = 10
    edge = await world.start(0)
    edge.store.full = True
    for number in range(13):
        edge.click(shown(f"v{number}", 1))
    await trio.sleep(2)
    report = edge.memory.report()
    assert (report.pairs, report.pushed_out, report.unsaved, report.lost_unsaved) == (10, 3, 10, 3)
    assert "disk full" in report.last_error
    edge.store.full = False
    await trio.sleep(1)
    assert edge.memory.report().unsaved == 0 and edge.memory.report().last_error == ""
    assert edge.knows("v2") == set() and edge.knows("v3") == {1}


async def test_the_oldest_leave_first_after_a_restart_too(world: World, autojump_clock: MockClock) -> None:
    world.capacity = 10
    edge = await world.start(0)
    for number in range(25):
        edge.click(shown(f"v{number}", 1))
        await trio.sleep(0.2)
    await trio.sleep(1)
    edge.kill()
    again = await world.start(0)
    assert [number for number in range(25) if again.knows(f"v{number}")] == list(range(15, 25))


async def test_the_file_names_nobody(world: World, autojump_clock: MockClock) -> None:
    edge = await world.start(0)
    edge.click(shown("address=192.0.2.77", 1), Lesson(CLICK, 0, "address=192.0.2.77", 1, "CLICKID"))
    await trio.sleep(1)
    for path in (world.data / "edges" / "0").glob("memory.db*"):
        assert b"192.0.2.77" not in path.read_bytes() and b"CLICKID" not in path.read_bytes()
