"""An image takes the place of a long log, while clicks go on, and a kill at any moment loses nothing."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from tests.actors.memory_rig import World, shown


async def test_an_image_takes_the_place_of_the_log_and_a_kill_loses_nothing_at_any_moment_of_it(
    world: World, autojump_clock: MockClock
) -> None:
    edge = await world.start(0)
    number = 0
    for life in range(12):
        while number < 300 * (life + 1):  # images begin after 5 s, and each has some pieces
            edge.click(shown(f"v{number}", number), turn=number)
            number += 1
            await trio.sleep(0.0197)
        edge.kill()
        edge = await world.start(0)
        first = max(0, number - world.capacity)
        assert [number for number in range(number) if edge.knows(f"v{number}")] == list(range(first, number))
        assert edge.memory.turns == {1: number}
    assert (world.data / "edges" / "0" / "memory.image").exists()
    await trio.sleep(7)
    assert edge.store.logged <= world.most_logged
    report = edge.memory.report()
    assert (report.pairs, report.last_error) == (1_000, "")


async def test_what_other_edges_have_to_be_told_outlives_an_image(
    world: World, autojump_clock: MockClock
) -> None:
    one = await world.start(0)
    for number in range(500):
        one.click(shown(f"v{number}", 1))
    await trio.sleep(7)
    assert one.store.logged == 0
    one.kill()
    one = await world.start(0)
    assert one.memory.report().unshared == 500
    world.core()
    other = await world.start(1)
    await trio.sleep(1)
    assert all(other.knows(f"v{number}") for number in range(500))


async def test_another_capacity_keeps_the_newest(world: World, autojump_clock: MockClock) -> None:
    edge = await world.start(0)
    for number in range(500):
        edge.click(shown(f"v{number}", 1))
    await trio.sleep(7)
    for capacity, left in ((300, 300), (5_000, 300), (100, 100)):
        edge.kill()
        world.capacity = capacity
        edge = await world.start(0)
        assert all(edge.knows(f"v{number}") for number in range(500 - left, 500))  # at once
        await trio.sleep(7)
        found = [number for number in range(500) if edge.knows(f"v{number}")]
        assert found == list(range(500 - left, 500))
        report = edge.memory.report()
        assert (report.pairs, report.capacity) == (left, capacity)


async def test_a_broken_image_costs_what_it_held_and_no_more(world: World, autojump_clock: MockClock) -> None:
    edge = await world.start(0)
    for number in range(500):
        edge.click(shown(f"v{number}", 1))
    await trio.sleep(7)
    edge.click(shown("late", 1))
    await trio.sleep(1)
    edge.kill()
    path = world.data / "edges" / "0" / "memory.image"
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))
    edge = await world.start(0)
    assert edge.knows("late") and not edge.knows("v7")
    edge.click(shown("later", 1))
    assert edge.knows("later") and edge.memory.report().pairs == 2


async def test_an_image_that_cannot_be_written_is_tried_again(
    world: World, autojump_clock: MockClock
) -> None:
    edge = await world.start(0)
    in_the_way = world.data / "edges" / "0" / "memory.image" / "directory"
    in_the_way.mkdir(parents=True)
    for number in range(500):
        edge.click(shown(f"v{number}", 1))
    await trio.sleep(7)
    assert "image" in edge.memory.report().last_error and edge.store.logged == 500
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    await trio.sleep(70)
    assert edge.memory.report().last_error == "" and edge.store.logged == 0
