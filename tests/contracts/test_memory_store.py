"""What a memory on disk is promised: whole saves, the oldest out, the journal's records behind a place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import Unavailable
from appliance.model.memory import MemoryPlace
from appliance.routing.pairs import Pair, Pairs, pack, unpack
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.memory import IMAGE, NAME, MemoryFile, hashing_key, needed_by_memory


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


def image(store: MemoryFile, pairs: Pairs, covered: int | None = None) -> None:
    """As the memory's actor makes one."""
    store.begin_image(1_000)
    try:
        store.write_image(pairs.begin_image())
        pairs.end_image()
        sizes = [(offset, len(view)) for offset, view in pairs.sections(pairs.extent.used)]
        store.end_image(pairs.extent, sizes, store.covered() if covered is None else covered)
    finally:
        store.abandon_image()


def some_pairs(*numbers: int) -> Pairs:
    pairs = Pairs(100)
    for number in numbers:
        pairs.learn(*pair(number))
    return pairs


def read(store: MemoryFile) -> list[int] | None:
    extent, pairs = store.extent(), Pairs(100)
    if extent is None or not store.read_image(pairs.sections(extent.used)):
        return None
    pairs.restore(extent)
    return [found.value for found in pairs]


def test_an_image_holds_what_left_the_log(home: Path, store: MemoryFile) -> None:
    assert store.extent() is None
    place = MemoryPlace(7, 9)
    store.save([group(1, 2), group(3)], place, 100)
    assert store.logged == 3
    image(store, some_pairs(1, 2, 3))
    assert store.logged == 0
    store.save([group(4)], place, 100)
    other = MemoryFile(home)
    assert (other.place(), read(other), held(other)) == (place, [1, 2, 3], [4])
    image(other, some_pairs(1, 2, 3, 4))
    other.save([group(5)], place, 100)
    third = MemoryFile(home)
    assert (read(third), held(third), third.logged) == ([1, 2, 3, 4], [5], 1)
    other.close()
    third.close()


def test_what_was_saved_behind_the_mark_of_an_image_stays_in_the_log(store: MemoryFile) -> None:
    store.extent()
    store.save([group(1)], MemoryPlace(1, 1), 100)
    mark = store.covered()
    store.save([group(2)], MemoryPlace(1, 2), 100)
    image(store, some_pairs(1), mark)
    assert read(store) == [1] and held(store) == [2]


def test_a_log_that_could_not_be_shortened_is_not_read_again(home: Path, store: MemoryFile) -> None:
    store.extent()
    store.save([group(1)], MemoryPlace(1, 1), 100)
    store.close()
    before = (home / NAME).read_bytes()
    image(store, some_pairs(1))
    store.close()
    (home / NAME).write_bytes(before)  # as after a kill between the image and the end of the transaction
    other = MemoryFile(home)
    assert other.place() == MemoryPlace(1, 1) and read(other) == [1] and held(other) == []
    assert other.logged == 0
    other.close()


def test_an_image_that_is_not_complete_changes_nothing(home: Path, store: MemoryFile) -> None:
    store.extent()
    image(store, some_pairs(1))
    for write in (True, False):
        store.begin_image(1_000)
        if write:
            store.write_image(some_pairs(1, 2).begin_image())
        other = MemoryFile(home)  # a kill leaves what was begun; the next process removes it
        assert read(other) == [1]
        assert sorted(path.name for path in home.glob("*image*")) == [IMAGE]
        other.close()


def test_a_process_that_was_replaced_makes_no_image_any_more(home: Path, store: MemoryFile) -> None:
    store.extent()
    store.save([group(1)], MemoryPlace(1, 1), 100)
    other = MemoryFile(home)
    assert read(other) is None and held(other) == [1]
    store.save([group(2)], MemoryPlace(1, 2), 100)  # on its way out
    with pytest.raises(Unavailable, match="taken over"):
        image(store, some_pairs(1, 2))
    image(other, some_pairs(1, 3))
    third = MemoryFile(home)
    assert read(third) == [1, 3] and held(third) == [2]
    other.close()
    third.close()


def test_a_broken_image_is_forgotten_wherever_it_is_broken(home: Path, store: MemoryFile) -> None:
    store.extent()
    image(store, some_pairs(*range(1, 50)))
    whole = (home / IMAGE).read_bytes()
    for at in (3, 20, 4096, 4096 + 60, len(whole) - 1):
        broken = bytearray(whole)
        broken[at] ^= 1
        (home / IMAGE).write_bytes(broken)
        assert read(store) is None
    (home / IMAGE).write_bytes(whole[:-1])
    assert read(store) is None
    (home / IMAGE).write_bytes(whole)
    assert read(store) == list(range(1, 50))


def test_an_image_does_not_fill_the_disk(store: MemoryFile) -> None:
    store.extent()
    with pytest.raises(Unavailable, match="room"):
        store.begin_image(1 << 60)


def test_an_image_that_cannot_be_written_leaves_the_log(home: Path, store: MemoryFile) -> None:
    store.extent()
    store.save([group(1)], MemoryPlace(1, 1), 100)
    (home / f".{IMAGE}.{store._writer:x}").mkdir()  # as good as a full disk: it cannot be written
    with pytest.raises(Unavailable):
        image(store, some_pairs(1))
    assert held(store) == [1]


@pytest.mark.parametrize("written", [b"", b"abc\n", b"g" * 64, b"\xff" * 64])
def test_a_key_that_is_none_is_made_anew_once(tmp_path: Path, written: bytes) -> None:
    """An empty one would do: hashes without a key, which anybody could make."""
    (tmp_path / "memory.key").write_bytes(written)
    key = hashing_key(tmp_path)
    assert len(key) == 32 and key != written and hashing_key(tmp_path) == key
