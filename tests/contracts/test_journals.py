"""What a consumer of journals is promised: everything once, in order per edge, fairly, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.ports import Journals
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment, remove
from appliance.stores.journal.tails import Tails

NOW_MS = 1_767_225_600_000


def nobody(edge: int) -> bool:
    return False


class Edges:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.segments: list[Segment] = []
        self.left: list[Segment] = []

    def segment(self, edge: int) -> Segment:
        at = NOW_MS + len(self.segments)
        self.segments.append(Segment(journal_directory(self.data, edge), edge, at, "process"))
        return self.segments[-1]

    def leave(self, segment: Segment) -> None:
        self.left.append(segment)
        segment.close()


@pytest.fixture
def edges(tmp_path: Path) -> Iterator[Edges]:
    edges = Edges(tmp_path)
    yield edges
    for segment in edges.segments:
        if segment not in edges.left:
            segment.close()


@pytest.fixture
def journals(edges: Edges) -> Iterator[Journals]:
    tails = Tails(edges.data)
    yield tails
    tails.close()


def consume(journals: Journals, offsets: dict[tuple[int, int], int], limit: int = 100) -> list[bytes]:
    bodies = []
    for piece in journals.read(offsets, limit, nobody):
        for entry in piece.entries:
            offsets[piece.edge, piece.epoch] = entry.seq
            bodies.append(entry.body)
    return bodies


def test_everything_is_read_once_across_rotations(edges: Edges, journals: Journals) -> None:
    offsets: dict[tuple[int, int], int] = {}
    first = edges.segment(0)
    first.append([b"a", b"b"])
    journals.discover()
    assert consume(journals, offsets) == [b"a", b"b"]
    first.append([b"c"])
    second = edges.segment(0)
    edges.leave(first)
    second.append([b"d"])
    journals.discover()
    assert sorted(consume(journals, offsets)) == [b"c", b"d"]
    ended = [piece.epoch for piece in journals.read(offsets, 100, nobody) if piece.ended]
    assert ended == [first.epoch]
    assert consume(journals, offsets) == []


def test_a_log_that_was_removed_before_its_end_was_seen_has_ended(edges: Edges, journals: Journals) -> None:
    """The publisher removes a segment as soon as both have its end: it must not look unread for ever."""
    segment = edges.segment(0)
    segment.append([b"a"])
    journals.discover()
    offsets: dict[tuple[int, int], int] = {}
    assert consume(journals, offsets) == [b"a"]
    edges.leave(segment)
    remove(segment.path)
    journals.discover()
    pieces = journals.read(offsets, 100, nobody)
    assert [(piece.edge, piece.epoch, piece.ended) for piece in pieces] == [(0, segment.epoch, True)]
    assert list(journals.read(offsets, 100, nobody)) == []


def test_logs_take_turns_within_the_limit(edges: Edges, journals: Journals) -> None:
    for edge in (0, 1, 2):
        segment = edges.segment(edge)
        for number in range(4):
            segment.append([b"%d%d" % (edge, number)])
    journals.discover()
    offsets: dict[tuple[int, int], int] = {}
    reads = [consume(journals, offsets, 2) for _ in range(6)]
    assert {body[:1] for read in reads[:3] for body in read} == {b"0", b"1", b"2"}
    assert sorted(body for read in reads for body in read) == [
        b"%d%d" % (e, n) for e in range(3) for n in range(4)
    ]


def test_a_held_edge_is_not_read(edges: Edges, journals: Journals) -> None:
    edges.segment(0).append([b"a"])
    edges.segment(1).append([b"b"])
    journals.discover()
    pieces = journals.read({}, 100, lambda edge: edge == 0)
    assert [piece.edge for piece in pieces] == [1]


def test_a_consumer_that_goes_back_reads_ended_logs_again(edges: Edges, journals: Journals) -> None:
    segment = edges.segment(0)
    segment.append([b"a"])
    edges.leave(segment)
    journals.discover()
    offsets: dict[tuple[int, int], int] = {}
    assert consume(journals, offsets) == [b"a"]
    assert [piece.ended for piece in journals.read(offsets, 100, nobody)] == [True]
    assert list(journals.read({}, 100, nobody)) == []
    journals.reopen()
    assert consume(journals, {}) == [b"a"]


def test_what_was_consumed_comes_back_newest_logs_first_in_choice_and_oldest_first_in_order(
    edges: Edges, journals: Journals
) -> None:
    for number in range(3):
        segment = edges.segment(0)
        segment.append([b"%d%d" % (number, index) for index in range(4)])
    journals.discover()
    offsets: dict[tuple[int, int], int] = {}
    consume(journals, offsets)
    edges.segments[-1].append([b"unread"])
    back = [entry.body for piece in journals.before(offsets, 6) for entry in piece]
    assert back == [b"12", b"13", b"20", b"21", b"22", b"23"]
    assert [entry for piece in journals.before({}, 6) for entry in piece] == []


def test_a_segment_that_was_removed_is_forgotten(edges: Edges, journals: Journals) -> None:
    segment = edges.segment(0)
    segment.append([b"a"])
    journals.discover()
    edges.leave(segment)
    for path in segment.path.parent.iterdir():
        path.unlink()
    journals.discover()
    assert [(piece.entries, piece.ended) for piece in journals.read({}, 100, nobody)] == [((), True)]
    assert list(journals.read({}, 100, nobody)) == []
