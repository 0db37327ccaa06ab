"""Journal segments: what was appended is read, once, in order, whatever happened to writer and file."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from appliance.errors import JournalMalformed, Unavailable
from appliance.stores.journal.reader import (
    SegmentReader,
    journal_directory,
    journal_size,
    open_segment,
    salvage,
    segments,
)
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.shelter import Counters, Reserve

MS = 1_790_000_000_000


def make(data: Path, edge: int = 0, durability: str = "process") -> Segment:
    return Segment(journal_directory(data, edge), edge, MS, durability)


def bodies(count: int, start: int = 0) -> list[bytes]:
    return [f"event {n}".encode() * (1 + n % 40) for n in range(start, start + count)]


@pytest.mark.parametrize("durability", ["process", "power"])
def test_what_was_appended_is_read_in_order_while_the_writer_goes_on(tmp_path, durability):
    segment = make(tmp_path, durability=durability)
    reader = open_segment(segments(tmp_path)[0])
    written: list[bytes] = []
    after = 0
    seen = []
    for size in (1, 3, 500, 7):
        segment.append(more := bodies(size, len(written)))
        written += more
        entries = reader.read(after, 100)
        seen += entries
        after = entries[-1].seq
    assert [entry.body for entry in seen] == written
    assert [entry.seq for entry in seen] == list(range(MS << 20, (MS << 20) + len(written)))
    assert reader.read(after, 10) == []
    assert (reader.edge, reader.epoch) == (0, segment.epoch)
    reader.close()
    segment.close()


def test_a_read_may_begin_inside_a_group(tmp_path):
    segment = make(tmp_path)
    first = segment.append(bodies(10))
    reader = open_segment(segment.path)
    assert [e.seq for e in reader.read(first + 3, 100)] == list(range(first + 4, first + 10))
    reader.close()
    segment.close()


def test_a_segment_is_finished_when_its_writer_is_gone_also_by_kill_9(tmp_path):
    segment = make(tmp_path)
    segment.append(bodies(1))
    reader = open_segment(segment.path)
    assert not reader.finished()
    segment.close()
    assert reader.finished()
    assert len(reader.read(0, 10)) == 1
    reader.close()

    script = textwrap.dedent(f"""
        import os, sys, time
        from pathlib import Path
        from appliance.stores.journal.segment import Segment
        segment = Segment(Path({str(journal_directory(tmp_path, 1))!r}), 1, {MS}, "process")
        n = 0
        while True:
            segment.append([b"%d" % (n + i) for i in range(7)])
            n += 7
            os.write(1, b"%d\\n" % n)
    """)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
            first = child.stdout.readline()  # a loaded machine may take seconds to start it
            time.sleep(0.1 + random.random() / 5)
            child.kill()
            acknowledged = (first + child.stdout.read()).split(b"\n")[-2]
        path = segments(tmp_path)[-1]
        killed = open_segment(path)
        assert killed.finished()
        found = [int(entry.body) for entry in killed.read(0, 10**9)]
        assert found == list(range(len(found)))
        assert len(found) >= int(acknowledged)
        killed.remove()
        assert path not in segments(tmp_path)


def test_every_opening_has_its_own_epoch_and_numbers_never_repeat(tmp_path):
    """The torn WAL of experiments.md a: rows roll back, but nobody gives their numbers out again."""
    first = make(tmp_path)
    first.append(bodies(5))
    taken = first.last
    wal = first.path.with_name(first.path.name + "-wal")
    image, torn = first.path.read_bytes(), wal.read_bytes()[:-3000]
    first.close()
    first.path.write_bytes(image)
    wal.write_bytes(torn)
    again = Segment(journal_directory(tmp_path, 0), 0, MS + 1, "process")
    assert again.epoch > first.epoch
    assert again.next > taken
    again.close()


def test_two_openings_in_one_millisecond_differ(tmp_path):
    made = [make(tmp_path) for _ in range(5)]
    assert len({segment.epoch for segment in made}) == 5
    for segment in made:
        segment.close()
    assert segments(tmp_path) == []  # empty segments leave nothing behind


def test_a_torn_wal_loses_a_suffix_at_most(tmp_path):
    rng = random.Random(7)
    for _ in range(20):
        segment = make(tmp_path)
        for n in range(50):
            segment.append(bodies(3, n * 3))
        wal = segment.path.with_name(segment.path.name + "-wal")
        main, log = segment.path.read_bytes(), bytearray(wal.read_bytes())
        segment.close()
        cut = rng.randrange(100, len(log))
        if rng.random() < 0.5:
            del log[cut:]
        else:
            log[cut] ^= 0xFF
        segment.path.write_bytes(main)
        wal.write_bytes(log)
        reader = open_segment(segment.path)
        try:
            found = reader.read(0, 10**9)
        except JournalMalformed:
            found, _ = salvage(segment.path)
        assert [entry.body for entry in found] == bodies(150)[: len(found)]
        reader.remove()


def test_a_damaged_file_is_malformed_and_can_be_salvaged(tmp_path):
    segment = make(tmp_path)
    for n in range(400):
        segment.append(bodies(20, n * 20))
    segment.checkpoint(held=True)
    segment.close()
    total = 8_000
    data = bytearray(segment.path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    segment.path.write_bytes(data)
    reader = SegmentReader(segment.path)
    with pytest.raises(JournalMalformed, match=segment.path.name):
        reader.read(0, 10**9)
    reader.close()
    entries, holes = salvage(segment.path)
    missing = sum(last - first + 1 for first, last in holes)
    assert 0 < len(entries) < total
    assert len(entries) + missing == total
    assert all(entry.body == bodies(1, entry.seq - (MS << 20))[0] for entry in entries)


def test_checkpoints_keep_the_wal_small_while_commits_flow(tmp_path):
    segment = make(tmp_path)
    for n in range(3_000):
        segment.append([b"x" * 800] * 10)
        if n % 100 == 99:
            segment.checkpoint(held=False)
            segment.checkpoint(held=True)
    assert segment.wal_bytes() < 4 * 1024 * 1024
    assert len(open_segment(segment.path).read(0, 10**9)) == 30_000
    segment.close()


def test_a_full_segment_keeps_nothing_of_the_failed_group_and_goes_on_when_space_returns(tmp_path):
    segment = make(tmp_path)
    segment.append([b"x" * 50_000])
    segment._db.execute("pragma max_page_count=30")
    with pytest.raises(Unavailable, match="full"):
        for _ in range(20):
            segment.append([b"y" * 20_000])
    last = segment.last
    segment._db.execute("pragma max_page_count=100000")
    assert segment.append([b"z"]) == last + 1
    assert len(open_segment(segment.path).read(0, 10**9)) == last - (MS << 20) + 2
    segment.close()


def test_reserve_is_real_space_and_can_be_given_up_once(tmp_path):
    reserve = Reserve(tmp_path / "reserve", 1 << 20)
    assert reserve.fill() and reserve.fill()
    assert os.stat(reserve.path).st_blocks * 512 >= 1 << 20
    assert reserve.give_up() and not reserve.give_up()
    assert not Reserve(tmp_path / "huge", 1 << 60).fill()
    assert not Reserve(tmp_path / "none", 0).fill()


def test_counters_outlive_kill_9_and_overlapping_edges_do_not_share_a_page(tmp_path):
    one = Counters(tmp_path)
    one.set(3, 10)
    other = Counters(tmp_path)  # the next edge of the same index, started before this one left
    assert (other.ring, other.unrecorded) == (0, 0)
    other.set(1, 2)
    one.close()  # as kill -9 does: the page stays, the lock goes
    assert other.absorb() == 13
    other.set(1, 15)
    other.close()
    third = Counters(tmp_path)
    assert (third.ring, third.unrecorded) == (0, 16)
    third.close()
    assert (
        sorted(path.name for path in tmp_path.iterdir()) == ["counters.0"]
        or len(list(tmp_path.iterdir())) == 1
    )


def test_counters_that_began_on_a_full_disk_get_their_page_when_there_is_room(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "posix_fallocate", full)
        one = Counters(tmp_path)
        one.set(2, 5)
        assert one.absorb() == 0 and not list(tmp_path.iterdir())
    assert one.absorb() == 0 and (one.ring, one.unrecorded) == (2, 5)
    one.close()  # as kill -9 does
    other = Counters(tmp_path)
    assert other.unrecorded == 7
    other.close()


def test_a_page_left_behind_is_no_fault_on_a_full_disk(tmp_path, monkeypatch):
    (tmp_path / "counters.0").touch()
    (tmp_path / "counters.1").touch()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    Counters(tmp_path).absorb()


def test_journal_size_counts_what_is_on_disk(tmp_path):
    segment = make(tmp_path)
    segment.append([b"x" * 100_000])
    size, count = journal_size(journal_directory(tmp_path, 0))
    assert count == 1
    assert size >= 100_000
    segment.close()
