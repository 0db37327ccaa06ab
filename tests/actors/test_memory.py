"""Edges remember visitors: across a kill, a full disk, each other, and a core that comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.actors.converted import ConvertedFeed
from appliance.actors.kernel import inline_runner
from appliance.actors.memory import VisitorMemory
from appliance.actors.sharing import Sharing
from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from appliance.model.events import ClickEvent, ConversionEvent, DecisionInputs, encode
from appliance.model.memory import (
    Converted,
    ConvertedTaken,
    Lessons,
    LessonsTaken,
    MemoryPlace,
    ShareAgain,
    Taught,
    TaughtTaken,
)
from appliance.routing.lessons import CLICK, SEEN_CAMPAIGN, SHOWN, Lesson
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.memory import MemoryFile
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.guards.record_old import filled

SECOND = 1_000_000
HOUR = 3600 * SECOND
START = 1_790_000_000 * SECOND
EVENT = filled(ClickEvent)


def shown(key: str, destination: int) -> Lesson:
    return Lesson(SHOWN, 1, key, destination)


class FullDisk(MemoryFile):
    full = False

    def save(self, groups: Sequence[tuple[int, bytes]], place: MemoryPlace, capacity: int) -> None:
        if self.full:
            raise Unavailable("disk full")
        super().save(groups, place, capacity)


class Edge:
    """One process of an edge: its journal, its memory, and its link to a core that may be away."""

    def __init__(self, world: World, index: int, pid: int) -> None:
        self.world, self.index = world, index
        home = world.data / "edges" / str(index)
        self.store = FullDisk(home)
        self.segment = Segment(journal_directory(world.data, index), index, world.now_ms(), "process")
        self.memory = VisitorMemory(
            world.capacity, b"k" * 32, self.store, inline_runner,
            lambda: (self.segment.epoch, self.segment.last), world.now_us, pid, world.most_logged,
        )  # fmt: skip
        self.scope: trio.CancelScope | None = None
        self.linked = False

    def click(self, *lessons: Lesson, turn: int = -1, answered: bool = True) -> None:
        taught = self.memory.learn(lessons, self.world.now_us())
        if not answered:
            return
        event = msgspec.structs.replace(
            EVENT, at_us=self.world.now_us(), taught=taught, stream_id=1, counted=True,
            inputs=DecisionInputs(turn=turn),
        )  # fmt: skip
        self.segment.append([encode(event), b"\xc1 no event"])

    def say(self, message: Lessons | TaughtTaken | ConvertedTaken) -> None:
        self.world.to_core(self.index, message)

    def knows(self, key: str, hours: float = 24) -> set[int]:
        return set(self.memory.shown(1, key, self.world.now_us() - int(hours * HOUR)))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with trio.CancelScope() as self.scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.memory.run, self.say, lambda: self.linked)
                task_status.started()

    def kill(self) -> None:
        """kill -9: nothing of an orderly end happens."""
        self.store.full = True
        assert self.scope is not None
        self.scope.cancel()
        self.linked = False


class World:
    """A machine with a data directory, edges, a ledger, and a core over links that lose nothing but time."""

    def __init__(self, data: Path, nursery: trio.Nursery) -> None:
        self.data, self.nursery = data, nursery
        self.capacity = 1_000
        self.most_logged = 200
        self.edges: dict[int, Edge] = {}
        self.sharing: Sharing | None = None
        self.converted: ConvertedFeed | None = None
        self.speaks = True
        """What the core says arrives; else it is lost with the core."""
        self.pids = 100
        self.told: list[Converted] = []
        self.later_us = 0
        self.ledger = SqliteLedger(data / "ledger.db", self.now_ms)

    def now_us(self) -> int:
        return START + int(trio.current_time() * SECOND) + self.later_us

    def now_ms(self) -> int:
        self.pids += 1  # no two segments begin in one millisecond
        return self.now_us() // 1_000 + self.pids

    async def start(self, index: int) -> Edge:
        self.pids += 1
        edge = Edge(self, index, self.pids)
        await self.nursery.start(edge.run)
        self.edges[index] = edge
        if self.sharing is not None:
            self.link(edge)
        return edge

    def core(self) -> None:
        """A core starts, or starts anew: every edge says hello."""
        self.sharing = Sharing(self.now_ms(), self.to_edge, self.now_us)
        self.converted = ConvertedFeed(self.ledger.converted, self.to_edge, inline_runner)
        self.nursery.start_soon(self.converted.run)
        for edge in self.edges.values():
            self.link(edge)

    def lose_core(self) -> None:
        self.sharing = self.converted = None
        for edge in self.edges.values():
            edge.linked = False

    def link(self, edge: Edge) -> None:
        assert self.sharing is not None and self.converted is not None
        edge.linked = True
        self.sharing.remembering(edge.index, edge.memory.remembering())
        self.converted.remembering(edge.index, edge.memory.remembering())

    def settle(self, *records: ConversionEvent) -> None:
        self.ledger.commit(Settlement(records=records))
        if self.converted is not None:
            self.converted.stored()

    def to_edge(self, message: LessonsTaken | Taught | ShareAgain | Converted, index: int | None) -> None:
        for edge in self.edges.values():
            if self.speaks and edge.linked and index in (None, edge.index):
                if isinstance(message, Converted):
                    self.told.append(message)
                    edge.memory.told_converted(message)
                elif isinstance(message, Taught):
                    edge.memory.taught(message)
                elif isinstance(message, LessonsTaken):
                    edge.memory.taken(message)
                else:
                    edge.memory.share_again(message)

    def to_core(self, index: int, message: Lessons | TaughtTaken | ConvertedTaken) -> None:
        if self.sharing is not None and self.converted is not None and self.edges[index].linked:
            if isinstance(message, ConvertedTaken):
                self.converted.taken(index, message)
            elif isinstance(message, Lessons):
                self.sharing.lessons(index, message)
            else:
                self.sharing.taught_taken(index, message)


@asynccontextmanager
async def a_world(data: Path) -> AsyncIterator[World]:
    async with trio.open_nursery() as nursery:
        yield World(data, nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


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
        found = [number for number in range(500) if edge.knows(f"v{number}")]
        assert found == list(range(500 - left, 500))
        await trio.sleep(7)


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


# -- edges and the core


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
