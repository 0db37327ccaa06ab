"""What a memory on disk is promised: whole saves, the oldest out, the journal's records behind a place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import Unavailable
from appliance.model.memory import MemoryPlace
from appliance.routing.pairs import Pair, pack, unpack
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.memory import NAME, MemoryFile, hashing_key, needed_by_memory


def pair(number: int) -> Pair:
    return Pair(number << 70 | number, number, 100, True)


def group(*numbers: int) -> tuple[int, bytes]:
    return len(numbers), pack(map(pair, numbers))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "edges" / "0"


@pytest.fixture
def store(home: Path) -> Iterator[MemoryFile]:
    store = MemoryFile(home)
    yield store
    store.close()


def held(store: MemoryFile) -> list[int]:
    return [found.value for body in store.groups() for found in unpack(body)]


def test_nothing_was_saved_yet(store: MemoryFile) -> None:
    assert store.place() is None and held(store) == []


def test_groups_come_back_in_order_with_the_place(home: Path, store: MemoryFile) -> None:
    place = MemoryPlace(7, 9, (1, 2, 3), 50, {4: 5})
    store.save([group(1, 2)], MemoryPlace(1, 1), 100)
    store.save([group(3), group(4, 5)], place, 100)
    other = MemoryFile(home)
    assert other.place() == place and held(other) == [1, 2, 3, 4, 5]
    other.close()


def test_the_oldest_groups_leave_when_none_of_their_pairs_can_count(store: MemoryFile) -> None:
    for number in range(0, 12, 3):
        store.save([group(number, number + 1, number + 2)], MemoryPlace(1, number), 5)
    assert held(store) == [6, 7, 8, 9, 10, 11]  # 5 of them count; the group of 6 holds some of these


def test_a_save_that_fails_leaves_the_one_before(home: Path, store: MemoryFile) -> None:
    store.save([group(1)], MemoryPlace(1, 1), 100)
    pages = store._open().execute("pragma page_count").fetchone()[0]
    store._open().execute(f"pragma max_page_count={pages}")
    with pytest.raises(Unavailable):
        store.save([(5_000, os.urandom(29 * 5_000))], MemoryPlace(2, 2), 100_000)
    assert store.place() == MemoryPlace(1, 1) and held(store) == [1]


def test_a_broken_file_is_set_aside(home: Path) -> None:
    home.mkdir(parents=True)
    (home / NAME).write_bytes(b"no database" * 1_000)
    store = MemoryFile(home)
    assert store.place() is None and held(store) == []
    store.save([group(1)], MemoryPlace(1, 1), 100)
    assert held(store) == [1] and (home / "memory.broken").exists()
    store.close()


def test_records_behind_a_place_are_read_from_its_segment_and_the_later_ones(
    tmp_path: Path, store: MemoryFile
) -> None:
    segments = [Segment(journal_directory(tmp_path, 0), 0, 1_000 + n, "process") for n in range(3)]
    firsts = [segment.append([b"%d" % n, b"%d+" % n]) for n, segment in enumerate(segments)]
    place = MemoryPlace(segments[1].epoch, firsts[1])
    assert [body for some in store.unsaved(place) for body in some] == [b"1+", b"2", b"2+"]
    # Without a place only the newest segments: the journal may hold weeks.
    assert [body for some in store.unsaved(None) for body in some] == [b"1", b"1+", b"2", b"2+"]
    for segment in segments:
        segment.close()


def test_a_segment_is_needed_until_the_memory_is_behind_its_end(tmp_path: Path, store: MemoryFile) -> None:
    assert not needed_by_memory(tmp_path, 1, 0, 7, 10)  # no memory, nothing to wait for
    store.save([], MemoryPlace(7, 9), 100)
    assert needed_by_memory(tmp_path, 1, 0, 7, 10)
    assert needed_by_memory(tmp_path, 1, 0, 8, 1)
    assert not needed_by_memory(tmp_path, 0, 0, 7, 10)  # an edge that is configured no more
    store.save([], MemoryPlace(7, 10), 100)
    assert not needed_by_memory(tmp_path, 1, 0, 7, 10)
    assert not needed_by_memory(tmp_path, 1, 0, 6, 99)


def test_all_edges_hash_with_one_key(tmp_path: Path) -> None:
    key = hashing_key(tmp_path)
    assert len(key) == 32 and hashing_key(tmp_path) == key
    assert (tmp_path / "memory.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["memory.key"]
