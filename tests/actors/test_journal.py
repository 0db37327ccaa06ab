"""The journal actor: groups, the ring of a full disk, rotation, and an end that flushes."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from appliance.actors.journal import Journal, Limits
from appliance.actors.kernel import inline_runner
from appliance.stores.journal.reader import journal_directory, journal_size, open_segment, segments
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.shelter import Counters, Reserve

MS = 1_790_000_000_000


class World:
    """A journal on a real directory, whose disk can be filled: SQLite's own page limit gives SQLITE_FULL."""

    def __init__(self, data: Path, **limits: object) -> None:
        self.data = data
        self.ms = MS
        self.broken = False
        self.full_but_for_the_reserve = False
        self.opened: list[Segment] = []
        self.counters = Counters(data / "edges" / "0")
        self.reserve = Reserve(data / "reserve", 1 << 16)
        fields: dict[str, object] = {
            "segment_bytes": 1 << 20, "segment_seconds": 3600.0, "total_bytes": 1 << 30,
            "ring_units": 5, "commit_in_thread": False,
        }  # fmt: skip
        self.journal = Journal(
            self.open, lambda: journal_size(journal_directory(data, 0)), self.reserve, self.counters,
            Limits(**{**fields, **limits}), inline_runner,
        )  # fmt: skip

    def open(self) -> Segment:
        if self.broken or (self.full_but_for_the_reserve and self.reserve.path.exists()):
            raise OSError(28, "No space left on device")
        self.ms += 1
        segment = Segment(journal_directory(self.data, 0), 0, self.ms, "process")
        self.opened.append(segment)
        return segment

    def fill_disk(self) -> None:
        self.broken = True
        for segment in self.opened:
            try:
                pages = segment._db.execute("pragma page_count").fetchone()[0]
                segment._db.execute(f"pragma max_page_count={pages}")
            except Exception:  # closed by a rotation
                continue

    def free_disk(self) -> None:
        self.broken = False
        self.opened[-1]._db.execute("pragma max_page_count=1000000")

    def recorded(self) -> list[bytes]:
        found = []
        for path in segments(self.data):
            reader = open_segment(path)
            found += [entry.body for entry in reader.read(0, 10**9)]
            reader.close()
        return found


async def put(world: World, *units: bytes, refusable: bool = False) -> list[bool]:
    """Each unit from its own task at once, as connections do."""
    results: dict[bytes, bool] = {}

    async def one(unit: bytes) -> None:
        world.journal.append((unit,), refusable)
        await world.journal.recorded(lambda recorded: results.update({unit: recorded}))

    async with trio.open_nursery() as nursery:
        for unit in units:
            nursery.start_soon(one, unit)
    return [results[unit] for unit in units]


BIG = b"x" * 6_000


async def test_units_that_wait_at_once_are_one_commit(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        units = [b"u%d" % n for n in range(50)]
        assert await put(world, *units) == [True] * 50
        assert world.journal.commits <= 2
        assert sorted(world.recorded()) == sorted(units)
        world.journal.close()


async def test_recorded_with_nothing_appended_returns_at_once(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        told: list[bool] = []
        await world.journal.recorded(told.append)
        assert told == [True]
        world.journal.close()


async def test_a_cancelled_visitor_is_recorded_all_the_same(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        with trio.CancelScope() as scope:
            world.journal.append((b"gone",))
            scope.cancel()
            await world.journal.recorded(lambda recorded: None)
        await put(world, b"next")
        assert world.recorded() == [b"gone", b"next"]
        world.journal.close()


async def test_a_full_disk_costs_first_the_reserve_then_waits_in_the_ring(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        assert world.reserve.path.exists()
        await put(world, b"before")
        world.fill_disk()
        assert await put(world, BIG) == [False]
        assert not world.reserve.path.exists()
        assert world.journal.mode == "ring"
        assert await put(world, b"a", b"b") == [False, False]
        assert await put(world, b"postback", refusable=True) == [False]
        assert (world.journal.report().ring, world.journal.report().unrecorded) == (3, 0)
        assert world.counters.ring == 3
        world.free_disk()
        await trio.sleep(2)
        assert world.journal.mode == "recording"
        assert world.counters.ring == 0
        assert await put(world, b"after") == [True]
        world.journal.close()
    recorded = world.recorded()
    assert recorded[:2] == [b"before", BIG]
    assert sorted(recorded[2:4]) == [b"a", b"b"]  # two connections at once have no order
    assert recorded[4:] == [b"after"]
    assert world.journal.turned_away == 1


async def test_only_what_overflows_the_ring_is_lost_and_it_is_counted(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await put(world, b"before")
        world.fill_disk()
        for n in range(9):
            await put(world, BIG + b"%d" % n)
        assert (world.journal.report().ring, world.journal.report().unrecorded) == (5, 4)
        world.free_disk()
        await trio.sleep(2)
        world.journal.close()
    assert len(world.recorded()) == 1 + 5
    assert world.counters.unrecorded == 4


async def test_an_edge_starts_on_a_full_disk(tmp_path, autojump_clock):
    world = World(tmp_path)
    world.broken = True
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        assert await put(world, b"visitor") == [False]
        assert await put(world, b"postback", refusable=True) == [False]
        world.broken = False
        await trio.sleep(2)
        assert await put(world, b"later") == [True]
        world.journal.close()
    assert world.recorded() == [b"visitor", b"later"]


async def test_an_edge_that_starts_on_a_full_disk_gives_up_the_reserve_before_it(tmp_path, autojump_clock):
    world = World(tmp_path)
    world.reserve.fill()
    world.full_but_for_the_reserve = True
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        assert await put(world, b"visitor") == [True]
        world.journal.close()


async def test_what_is_in_the_ring_at_the_end_is_counted_as_unrecorded(tmp_path, autojump_clock):
    world = World(tmp_path)
    world.broken = True
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await put(world, b"a", b"b")
        world.journal.close()
    assert world.counters.unrecorded == 2
    assert world.journal.mode == "closed"


async def test_the_journals_own_size_limit_is_the_same_as_a_full_disk(tmp_path, autojump_clock):
    world = World(tmp_path, total_bytes=200_000, segment_bytes=1 << 30)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await put(world, b"x" * 300_000)
        await trio.sleep(5)
        assert world.journal.mode == "ring"
        assert "journal.size_limit_mb" in world.journal.report().last_error
        assert await put(world, b"waits") == [False]
        await trio.sleep(5)
        assert world.journal.mode == "ring"
        # The one segment that held the limit was left, so its consumers may remove it.
        first, _ = segments(tmp_path)
        reader = open_segment(first)
        assert reader.finished()
        reader.remove()
        await trio.sleep(2)
        assert world.journal.mode == "recording"
        world.journal.close()
    assert world.recorded() == [b"waits"]


async def test_a_file_that_stays_broken_is_left_for_a_new_one(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await put(world, b"before")
        world.opened[-1]._db.execute("pragma query_only=1")
        assert await put(world, b"a") == [False]
        await trio.sleep(5)
        assert world.journal.mode == "recording"
        assert await put(world, b"after") == [True]
        world.journal.close()
    assert sorted(world.recorded()) == [b"a", b"after", b"before"]


async def test_a_reserve_that_was_given_up_comes_back(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        world.reserve.give_up()
        await trio.sleep(5)
        assert world.reserve.path.exists()
        world.journal.close()


async def test_a_malformed_segment_is_left_for_a_new_one(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await put(world, b"old")
        epoch = world.journal.report().epoch
        world.journal.rotate(epoch - 1, "some other segment")
        await trio.sleep(1)
        assert world.journal.report().epoch == epoch
        world.journal.rotate(epoch, "malformed")
        await trio.sleep(1)
        assert world.journal.report().epoch > epoch
        await put(world, b"new")
        world.journal.close()
    assert world.recorded() == [b"old", b"new"]


@pytest.mark.parametrize("limits", [{"segment_bytes": 10_000}, {"segment_seconds": 60.0}])
async def test_segments_are_left_when_they_are_big_or_old(tmp_path, autojump_clock, limits):
    world = World(tmp_path, **limits)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await put(world, b"x" * 20_000)
        await trio.sleep(61)
        await put(world, b"y")
        world.journal.close()
    assert len(segments(tmp_path)) == 2


async def test_a_segment_without_events_is_kept_however_old(tmp_path, autojump_clock):
    world = World(tmp_path, segment_seconds=1.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await trio.sleep(100)
        assert len(world.opened) == 1
        world.journal.close()
    assert segments(tmp_path) == []


async def test_closing_commits_what_is_pending(tmp_path, autojump_clock):
    world = World(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.journal.run)
        await wait_all_tasks_blocked()
        world.journal.append((b"last",))
        world.journal.close()
    assert world.recorded() == [b"last"]
