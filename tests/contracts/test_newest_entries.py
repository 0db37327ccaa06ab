"""The ends of the journals: only what is new, whatever happens to the files meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.stores.journal.newest import NewestEntries
from appliance.stores.journal.reader import journal_directory, open_segment
from appliance.stores.journal.segment import Segment


class Edge:
    def __init__(self, data: Path, number: int = 0) -> None:
        self.data, self.number, self.lives = data, number, 0
        self.segment = self.open()

    def open(self) -> Segment:
        self.lives += 1
        return Segment(journal_directory(self.data, self.number), self.number, 1_000 + self.lives, "process")

    def rotate(self) -> Path:
        left = self.segment.path
        self.segment.close()
        self.segment = self.open()
        return left


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    made = Edge(tmp_path)
    yield made
    made.segment.close()


@pytest.fixture
def newest(edge: Edge) -> Iterator[NewestEntries]:
    edge.segment.append([b"old", b"older"])
    made = NewestEntries(edge.data)
    made.begin()
    yield made
    made.close()


def test_what_was_there_is_not_new(edge: Edge, newest: NewestEntries) -> None:
    assert newest.read(10) == ([], False)
    edge.segment.append([b"a", b"b"])
    edge.segment.append([b"c"])
    assert newest.read(10) == ([b"a", b"b", b"c"], False)
    assert newest.read(10) == ([], False)


def test_a_read_is_bounded_and_says_that_there_is_more(edge: Edge, newest: NewestEntries) -> None:
    for number in range(6):
        edge.segment.append([b"%d" % number])
    assert newest.read(4) == ([b"0", b"1", b"2", b"3"], True)
    assert newest.read(4) == ([b"4", b"5"], False)


def test_large_records_end_a_read_too(edge: Edge, newest: NewestEntries) -> None:
    for _ in range(12):
        edge.segment.append([bytes(1 << 20)])
    taken, _ = newest.read(1_000)
    assert 8 <= len(taken) <= 9
    assert len(newest.read(1_000)[0]) == 12 - len(taken)


def test_new_segments_and_new_edges_are_read_from_their_beginning(edge: Edge, newest: NewestEntries) -> None:
    edge.segment.append([b"a"])
    edge.rotate()
    edge.segment.append([b"b"])
    other = Edge(edge.data, 3)
    other.segment.append([b"c"])
    assert sorted(newest.read(10)[0]) == [b"a", b"b", b"c"]
    other.segment.close()


def test_skipping_goes_on_at_the_end_and_counts(edge: Edge, newest: NewestEntries) -> None:
    edge.segment.append([b"%d" % number for number in range(70)])
    assert newest.skip() == 70
    edge.segment.append([b"after"])
    assert newest.read(10) == ([b"after"], False)


def test_a_segment_that_was_removed_is_forgotten(edge: Edge, newest: NewestEntries) -> None:
    left = edge.rotate()
    open_segment(left).remove()
    edge.segment.append([b"a"])
    assert newest.read(10) == ([b"a"], False)
    assert newest.last_error == ""


def test_a_broken_segment_is_left_alone_and_said(edge: Edge, newest: NewestEntries) -> None:
    edge.segment.append([b"a" * 5_000])
    left = edge.rotate()
    newest.close()
    left.write_bytes(b"no database" * 1_000)
    newest.begin()
    edge.segment.append([b"b"])
    assert newest.read(10) == ([b"b"], False)
    assert left.name in newest.last_error
    assert newest.read(10) == ([], False)


def test_an_empty_data_directory_has_nothing(tmp_path: Path) -> None:
    newest = NewestEntries(tmp_path)
    newest.begin()
    assert newest.read(10) == ([], False)
    assert newest.skip() == 0
    newest.close()
