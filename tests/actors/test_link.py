"""The link between the planes, both ends, over memory streams with virtual time and over real sockets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from appliance import unix
from appliance.actors.core_link import CompiledTable, CoreLink
from appliance.actors.kernel import inline_runner, thread_runner
from appliance.actors.link import EdgeLink, unix_connector
from appliance.errors import Refused
from appliance.frames import Frames
from appliance.model.messages import (
    Closed,
    EdgeReport,
    Hello,
    JournalReport,
    RotateJournal,
    TableTaken,
    decode_to_edge,
    encode_message,
)
from appliance.model.table import Part, TableUpdate
from appliance.stores.table_files import TableFiles


def table(revision: int, **frames: bytes) -> CompiledTable:
    parts = {name: Part(name=name, digest=f"{hash(body):x}", frames=(body,)) for name, body in frames.items()}
    return CompiledTable(revision, revision * 10, parts)


def report(edge: int, pid: int = 1) -> EdgeReport:
    journal = JournalReport(
        epoch=1, last_seq=1, mode="recording", ring=0, ring_capacity=9, unrecorded=0, bytes=0, wal_bytes=0,
        segments=1, commits=1,
    )  # fmt: skip
    return EdgeReport(
        edge=edge, pid=pid, at_us=1, revision=0, table_age_us=0, ready=True, connections=0, requests=0,
        replies={}, unknown_macros={}, bad_params={}, rss_bytes=0, journal=journal, producers=(), actors=(),
    )  # fmt: skip


class Edge:
    """An edge that remembers what it was sent, as the real one does with its routing table."""

    def __init__(self, connect: Callable[[], object], index: int = 0, pid: int = 1, data: Path | None = None):
        self.held: dict[str, str] = {}
        self.bodies: dict[str, tuple[bytes, ...]] = {}
        self.updates: list[TableUpdate] = []
        self.rotations: list[RotateJournal] = []
        self.revision = 0
        self.refuse = False
        self.index, self.pid, self.data = index, pid, data
        self.link = EdgeLink(connect, self.hello, lambda: report(index, pid), self.take, self.rotate)  # type: ignore[arg-type]

    def hello(self) -> Hello:
        return Hello(
            edge=self.index, pid=self.pid, version="t", revision=self.revision, digests=dict(self.held)
        )

    async def take(self, update: TableUpdate) -> None:
        self.updates.append(update)
        if self.refuse:
            raise Refused("not this one")
        for name in update.removed:
            self.held.pop(name)
        for part in update.parts:
            frames = part.frames
            if part.file:
                assert self.data is not None
                frames = msgspec.msgpack.decode((self.data / part.file).read_bytes(), type=tuple[bytes, ...])
            self.bodies[part.name] = frames
            self.held[part.name] = part.digest
        assert len(self.held) == update.total_parts
        self.revision = update.revision

    async def rotate(self, message: RotateJournal) -> None:
        self.rotations.append(message)


class Wire:
    """Connects edges to a CoreLink by memory streams; can be cut, and refuse new connections."""

    def __init__(self, core: CoreLink, nursery: trio.Nursery) -> None:
        self.core, self.nursery = core, nursery
        self.open = True
        self.attempts: list[float] = []
        self.streams: list[trio.StapledStream[trio.abc.SendStream, trio.abc.ReceiveStream]] = []

    async def connect(self) -> trio.abc.Stream:
        self.attempts.append(trio.current_time())
        if not self.open:
            raise ConnectionRefusedError
        ours, theirs = memory_stream_pair()
        self.streams.append(ours)  # type: ignore[arg-type]
        self.nursery.start_soon(self.core.talk, theirs)
        return ours

    async def cut(self) -> None:
        for stream in self.streams:
            await trio.aclose_forcefully(stream)
        self.streams.clear()


@pytest.fixture
def core(tmp_path: Path) -> CoreLink:
    return CoreLink(TableFiles(tmp_path), inline_runner)


async def test_an_edge_gets_the_table_and_then_only_what_changed(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    edge = Edge(Wire(core, nursery).connect)
    nursery.start_soon(edge.link.run)
    core.publish(table(1, a=b"1", b=b"2"))
    await trio.sleep(0.5)
    assert {part.name for part in edge.updates[0].parts} == {"a", "b"}
    core.publish(table(2, b=b"3", c=b"4"))
    await trio.sleep(0.5)
    assert {part.name for part in edge.updates[1].parts} == {"b", "c"}
    assert edge.updates[1].removed == ("a",)
    assert edge.bodies["b"] == (b"3",)
    (status,) = core.edges()
    assert (status.connected, status.taken_revision, status.behind_revisions) == (True, 2, 0)


async def test_a_reload_without_a_change_reaches_the_edge_as_an_empty_difference(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    edge = Edge(Wire(core, nursery).connect)
    nursery.start_soon(edge.link.run)
    first = table(1, a=b"1")
    core.publish(first)
    await trio.sleep(0.5)
    core.publish(CompiledTable(1, 99, first.parts))
    await trio.sleep(0.5)
    assert [len(update.parts) for update in edge.updates] == [1, 0]
    assert edge.updates[1].compiled_us == 99


async def test_after_a_cut_the_edge_comes_back_and_gets_only_what_it_lacks(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    wire = Wire(core, nursery)
    edge = Edge(wire.connect)
    nursery.start_soon(edge.link.run)
    core.publish(table(1, a=b"1", b=b"2"))
    await trio.sleep(0.5)
    wire.open = False
    await wire.cut()
    await trio.sleep(0.5)
    assert not core.edges()[0].connected
    core.publish(table(2, a=b"1", b=b"9"))
    core.publish(table(3, a=b"1", b=b"3"))
    wire.open = True
    await trio.sleep(3)
    assert edge.revision == 3
    assert [part.name for part in edge.updates[-1].parts] == ["b"]
    assert len(edge.updates) == 2


async def test_reconnecting_backs_off_from_fifty_milliseconds_to_two_seconds(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    wire = Wire(core, nursery)
    wire.open = False
    nursery.start_soon(Edge(wire.connect).link.run)
    await trio.sleep(60)
    gaps = [b - a for a, b in zip(wire.attempts, wire.attempts[1:], strict=False)]
    assert gaps[0] <= 0.05
    assert all(gap <= 2.0 for gap in gaps)
    assert gaps[-1] >= 1.5


async def test_a_refused_table_is_shown_and_offered_again(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    edge = Edge(Wire(core, nursery).connect)
    edge.refuse = True
    nursery.start_soon(edge.link.run)
    core.publish(table(1, a=b"1"))
    await trio.sleep(0.5)
    (status,) = core.edges()
    assert "not this one" in status.refused
    assert status.taken_revision == 0
    assert len(edge.updates) == 1
    edge.refuse = False
    await trio.sleep(1)
    (status,) = core.edges()
    assert (status.refused, status.taken_revision) == ("", 1)


async def test_an_edge_that_stops_reporting_is_dropped_after_ten_seconds(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ours, theirs = memory_stream_pair()
    nursery.start_soon(core.talk, theirs)
    frames = Frames(ours)
    await frames.send(encode_message(Edge(Wire(core, nursery).connect).hello()))
    await frames.send(encode_message(report(0)))
    await trio.sleep(9)
    assert core.edges()[0].connected
    # Talking without reporting is no sign of life: a hung edge may still answer from a buffer.
    await frames.send(encode_message(TableTaken(edge=0, revision=0)))
    await trio.sleep(2)
    assert not core.edges()[0].connected
    assert await frames.receive() is None


async def test_garbage_drops_its_connection_and_nothing_else(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    edge = Edge(Wire(core, nursery).connect)
    nursery.start_soon(edge.link.run)
    hello = encode_message(Edge(Wire(core, nursery).connect, index=3).hello())
    framed = len(hello).to_bytes(4, "big") + hello
    for garbage in (
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03abc",
        b"GET / HTTP/1.1\r\n\r\n" * 100,
        framed + framed,
        framed + b"\x00\x00\x00\x01\xc1",
        encode_message(RotateJournal(epoch=1, reason="")),
        b"\x00\x00",
        b"",
    ):
        ours, theirs = memory_stream_pair()
        nursery.start_soon(core.talk, theirs)
        await ours.send_all(garbage)
        await ours.send_eof()
        with trio.fail_after(1):
            while await ours.receive_some(65536):
                pass
    core.publish(table(1, a=b"1"))
    await trio.sleep(0.1)
    assert edge.revision == 1
    assert [status.edge for status in core.edges() if status.connected] == [0]


async def test_a_core_that_speaks_nonsense_is_left_and_tried_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    sides: list[trio.abc.Stream] = []

    async def connect() -> trio.abc.Stream:
        ours, theirs = memory_stream_pair()
        sides.append(theirs)
        return ours

    edge = Edge(connect)
    nursery.start_soon(edge.link.run)
    await trio.sleep(0.01)
    await sides[0].send_all(b"\x00\x00\x00\x04what")
    await trio.sleep(1)
    assert len(sides) == 2
    frames = Frames(sides[1])
    await frames.send(encode_message(TableUpdate(1, 1, (), (), 0)))
    await trio.sleep(0.1)
    assert edge.revision == 1


async def test_during_a_restart_both_processes_of_an_edge_get_tables_and_the_newest_is_shown(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    wire = Wire(core, nursery)
    old, new = Edge(wire.connect, pid=100), Edge(wire.connect, pid=200)
    async with trio.open_nursery() as life_of_old:
        life_of_old.start_soon(old.link.run)
        await trio.sleep(0.5)
        nursery.start_soon(new.link.run)
        await trio.sleep(0.5)
        core.publish(table(1, a=b"1"))
        assert core.rotate(0, 7, "malformed")
        await trio.sleep(2)
        assert (old.revision, new.revision) == (1, 1)
        assert old.rotations == new.rotations == [RotateJournal(epoch=7, reason="malformed")]
        (status,) = core.edges()
        assert status.connections == 2
        assert status.report is not None
        assert status.report.pid == 200
        life_of_old.cancel_scope.cancel()
    await trio.sleep(0.5)
    (status,) = core.edges()
    assert (status.connected, status.connections) == (True, 1)


async def test_a_rotation_for_an_edge_that_is_away_is_refused_so_that_it_is_asked_again(
    core: CoreLink,
) -> None:
    assert not core.rotate(0, 1, "malformed")


async def test_a_newer_table_supersedes_one_that_was_not_sent_yet(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ours, theirs = memory_stream_pair()
    nursery.start_soon(core.talk, theirs)
    frames = Frames(ours)
    await frames.send(encode_message(Edge(Wire(core, nursery).connect).hello()))
    for revision in range(1, 50):
        core.publish(table(revision, a=b"%d" % revision))
        await wait_all_tasks_blocked()
    seen = []
    for _ in range(2):
        data = await frames.receive()
        assert data is not None
        update = decode_to_edge(data)
        assert isinstance(update, TableUpdate)
        seen.append(update.revision)
        await frames.send(encode_message(TableTaken(edge=0, revision=update.revision)))
    assert seen == [1, 49]


async def test_large_parts_travel_as_files_that_are_removed_when_no_edge_needs_them(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    wire = Wire(core, nursery)
    edges = [Edge(wire.connect, index=index, data=tmp_path) for index in range(2)]
    for edge in edges:
        nursery.start_soon(edge.link.run)
    big, small = os.urandom(300 * 1024), b"small"
    core.publish(table(1, big=big, small=small))
    await trio.sleep(0.5)
    for edge in edges:
        assert edge.bodies == {"big": (big,), "small": (small,)}
        assert {part.name: bool(part.file) for part in edge.updates[0].parts} == {"big": True, "small": False}
    assert list((tmp_path / "table").iterdir()) == []


async def test_an_update_of_many_small_parts_stays_small_enough_to_decode_at_once(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    edge = Edge(Wire(core, nursery).connect, data=tmp_path)
    nursery.start_soon(edge.link.run)
    bodies = {f"p{i}": os.urandom(100 * 1024) for i in range(40)}
    core.publish(table(1, **bodies))
    await trio.sleep(0.5)
    assert edge.bodies == {name: (body,) for name, body in bodies.items()}
    inline = sum(len(frame) for part in edge.updates[0].parts for frame in part.frames)
    assert inline <= 2 * 1024 * 1024


async def test_a_disk_that_takes_no_part_file_delays_the_table_and_breaks_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    class FullOnce(TableFiles):
        full = True

        def put(self, part: Part) -> str:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().put(part)

    files = FullOnce(tmp_path)
    core = CoreLink(files, inline_runner)
    edge = Edge(Wire(core, nursery).connect, data=tmp_path)
    nursery.start_soon(edge.link.run)
    core.publish(table(1, big=bytes(300 * 1024)))
    await trio.sleep(5)
    assert edge.revision == 0
    files.full = False
    await trio.sleep(5)
    assert edge.revision == 1


async def test_over_real_sockets_a_core_that_restarts_finds_its_edges_again(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    # Deeper than the 107 bytes of a socket's name.
    path = tmp_path / ("deep" * 30) / "run" / "link.sock"
    path.parent.mkdir(parents=True)
    edge = Edge(unix_connector(path), data=tmp_path)
    nursery.start_soon(edge.link.run)
    for revision in (1, 2, 3):
        core = CoreLink(TableFiles(tmp_path), thread_runner(1))
        core.publish(table(revision, a=b"same", big=bytes([revision]) * 400_000))
        async with trio.open_nursery() as running:
            await running.start(core.serve, lambda: unix.listen(path))
            with trio.fail_after(5):
                while core.edges()[:1] == () or core.edges()[0].taken_revision != revision:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            running.cancel_scope.cancel()
    assert [sorted(part.name for part in update.parts) for update in edge.updates] == [
        ["a", "big"],
        ["big"],
        ["big"],
    ]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_edge_that_never_came_is_shown_as_missing(tmp_path: Path) -> None:
    core = CoreLink(TableFiles(tmp_path), inline_runner, expected=2)
    core.publish(table(3, a=b"1"))
    assert [(edge.edge, edge.connected, edge.behind_revisions) for edge in core.edges(1.0)] == [
        (0, False, 3), (1, False, 3),
    ]  # fmt: skip


async def test_what_is_said_reaches_all_edges_or_one_the_newest_only_and_again_after_a_hello(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    wire = Wire(core, nursery)
    edges = [Edge(wire.connect, index) for index in (0, 1)]
    said: list[list[Closed]] = [[], []]
    for edge, taken in zip(edges, said, strict=True):
        edge.link.handle(Closed, taken.append)
        nursery.start_soon(edge.link.run)
    await trio.sleep(0.5)
    core.say(Closed({1: "a"}))
    core.say(Closed({1: "b"}))  # the first was not sent yet: replaced
    await trio.sleep(0.5)
    assert said == [[Closed({1: "b"})], [Closed({1: "b"})]]
    core.say(Closed({2: "own"}), edge=1)
    await trio.sleep(0.5)
    assert said[0][-1] == Closed({1: "b"}) and said[1][-1] == Closed({2: "own"})
    await wire.cut()
    await trio.sleep(3)
    assert said[0][-1] == Closed({1: "b"}) and said[1][-1] == Closed({2: "own"})
    assert len(said[0]) == 2 and len(said[1]) == 3, "again, once, after the second Hello"


async def test_what_an_edge_says_is_heard_and_a_table_that_takes_long_holds_up_no_message(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    heard: list[tuple[int, object]] = []
    core.hear(TableTaken, lambda edge, message: heard.append((edge, message)))
    core.hear(Hello, lambda edge, message: heard.append((edge, type(message).__name__)))
    edge = Edge(Wire(core, nursery).connect)
    said: list[tuple[float, Closed]] = []
    edge.link.handle(Closed, lambda message: said.append((trio.current_time(), message)))
    take = edge.take

    async def slowly(update: TableUpdate) -> None:
        await trio.sleep(5)
        await take(update)

    edge.link._take_table = slowly
    nursery.start_soon(edge.link.run)
    core.publish(table(3, a=b"1"))
    await trio.sleep(1)
    began = trio.current_time()
    core.say(Closed({1: "a"}))
    await trio.sleep(10)
    assert said[0][0] - began < 0.1
    assert heard == [(0, "Hello"), (0, TableTaken(0, 3))]
    edge.link.say(TableTaken(0, 7))
    await trio.sleep(0.1)
    assert heard[-1] == (0, TableTaken(0, 7))
