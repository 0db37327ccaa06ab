"""The core's end of the link: who gets which table, and how, and who is taken for gone."""

from __future__ import annotations

import os
from pathlib import Path

import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from appliance.actors.core_link import CoreLink
from appliance.actors.kernel import inline_runner
from appliance.frames import Frames
from appliance.model.messages import (
    Hello,
    RotateJournal,
    TableTaken,
    decode_to_edge,
    encode_message,
)
from appliance.model.table import Part, TableUpdate
from appliance.stores.table_files import TableFiles
from tests.actors.link_rig import Edge, Wire, report, table


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


async def test_whoever_is_left_when_the_newest_process_of_an_edge_dies_says_hello_again(
    core: CoreLink, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """What follows a hello is kept of the newest process alone: how far it was told, say."""
    hellos: list[int] = []
    core.hear(Hello, lambda edge, hello: hellos.append(hello.pid))
    wire = Wire(core, nursery)
    old, new = Edge(wire.connect, pid=100), Edge(wire.connect, pid=200)
    nursery.start_soon(old.link.run)
    await trio.sleep(0.5)
    async with trio.open_nursery() as life_of_new:
        life_of_new.start_soon(new.link.run)
        await trio.sleep(0.5)
        assert hellos == [100, 200]
        life_of_new.cancel_scope.cancel()
    await trio.sleep(0.5)
    assert hellos == [100, 200, 100]
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


async def test_an_edge_that_never_came_is_shown_as_missing(tmp_path: Path) -> None:
    core = CoreLink(TableFiles(tmp_path), inline_runner, expected=2)
    core.publish(table(3, a=b"1"))
    assert [(edge.edge, edge.connected, edge.behind_revisions) for edge in core.edges(1.0)] == [
        (0, False, 3), (1, False, 3),
    ]  # fmt: skip
