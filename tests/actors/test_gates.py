"""The gates of an edge: what the core closed, what was lent, and when the core is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trio
from trio.testing import MockClock

from appliance.actors.gates import EVERY, SOON, Gates
from appliance.model.messages import Budgets, Closed, Spending
from appliance.stores import closed_file
from appliance.stores.journal.lives import Life, Lives
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment


def send(gates: Gates, destination: int) -> bool:
    if destination in gates.availability:
        gates.turned_away([(destination, gates.availability[destination], -1)])
        return False
    gates.sent[destination] += 1
    if destination in gates.limited:
        gates.spent(destination)
    return True


def test_a_limited_destination_is_closed_until_something_was_lent_and_when_it_is_spent() -> None:
    gates = Gates(3)
    assert send(gates, 1)
    gates.limit({1, 2})
    assert gates.availability == {1: "offer_cap_reached", 2: "offer_cap_reached"}
    gates.lend(Budgets(3, 1, {1: 3, 2: 0, 9: 5}))
    assert gates.availability == {2: "offer_cap_reached"}
    assert [send(gates, 1) for _ in range(4)] == [True, True, False, False]
    assert gates.spending() == Spending(3, 1, {1: 3, 2: 0, 9: 5}, {1: 3}, (1,))
    assert gates.spending().hungry == ()
    gates.lend(Budgets(4, 2, {1: 100}))
    assert not send(gates, 1), "that was for another process"
    gates.limit({2})
    assert send(gates, 1) and gates.availability == {2: "offer_cap_reached"}


def test_what_the_core_closed_wins_and_ends_with_its_next_word() -> None:
    gates = Gates(3, {7: "destination_unhealthy"})
    assert gates.availability == {7: "destination_unhealthy"}, "from the disk, before the core was heard"
    gates.limit({1})
    gates.close(Closed({1: "destination_unhealthy", 8: "offer_cap_reached"}))
    assert gates.availability == {1: "destination_unhealthy", 8: "offer_cap_reached"}
    gates.lend(Budgets(3, 1, {1: 5}))
    assert gates.availability == {1: "destination_unhealthy", 8: "offer_cap_reached"}
    gates.close(Closed({}))
    assert gates.availability == {}


async def test_the_core_is_told_soon_when_little_is_left_and_every_second_otherwise(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    gates, said = Gates(3), []
    gates.limit({1})

    def say(message: Spending) -> None:
        said.append((trio.current_time(), message))

    await nursery.start(gates.run, say)
    await trio.sleep(3.5 * EVERY)
    assert 3 <= len(said) <= 5
    gates.lend(Budgets(3, 1, {1: 10}))
    await trio.sleep(0.5)
    said.clear()
    began = trio.current_time()
    for _ in range(5):
        send(gates, 1)
    await trio.sleep(2 * SOON)
    assert said and said[0][0] - began <= 2 * SOON and said[0][1].sent == {1: 5}


async def test_what_is_closed_is_saved_and_tried_again(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    path, full = tmp_path / "edges" / "closed.msgpack", True

    async def save(closed: Mapping[int, str]) -> None:
        await trio.lowlevel.checkpoint()
        if full:
            raise OSError(28, "no space")
        closed_file.save(path, closed)

    gates = Gates(3, closed_file.load(path), save)
    await nursery.start(gates.run, lambda message: None)
    gates.close(Closed({5: "destination_unhealthy"}))
    await trio.sleep(1)
    assert closed_file.load(path) == {}
    full = False
    await trio.sleep(3)
    assert closed_file.load(path) == {5: "destination_unhealthy"}
    path.write_bytes(b"\xff torn")
    assert closed_file.load(path) == {}


def test_a_life_is_seen_until_its_process_ends_and_owns_its_segments(tmp_path: Path) -> None:
    life, lives = Life(tmp_path, 2, 1_790_000_000_000), Lives(tmp_path)
    segment = Segment(journal_directory(tmp_path, 2), 2, 1_790_000_000_000, "process", life.number)
    old = Segment(journal_directory(tmp_path, 2), 2, 1_790_000_000_001, "process")
    for each in (segment, old):
        each.append([b"x"])
    assert lives.find() == {life.number: (2, True)}
    assert (lives.of(2, segment.epoch), lives.of(2, old.epoch), lives.of(2, 99)) == (life.number, 0, 0)
    assert lives.logs() == {(2, segment.epoch), (2, old.epoch)}
    life.close()
    assert lives.find() == {life.number: (2, False)}
    lives.forget(2, life.number)
    assert lives.find() == {}
    for each in (segment, old):
        each.close()
