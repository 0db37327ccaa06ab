"""The link between the planes, both ends, over memory streams with virtual time and over real sockets."""

from __future__ import annotations

from pathlib import Path

import trio
from trio.testing import MockClock, memory_stream_pair

from appliance import unix
from appliance.actors.core_link import CompiledTable, CoreLink
from appliance.actors.kernel import thread_runner
from appliance.actors.link import unix_connector
from appliance.frames import Frames
from appliance.model.messages import (
    Closed,
    Hello,
    TableTaken,
    encode_message,
)
from appliance.model.table import TableUpdate
from appliance.stores.table_files import TableFiles
from tests.actors.link_rig import Edge, Wire, table
from tests.rig import PATIENCE


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
            with trio.fail_after(PATIENCE):
                while core.edges()[:1] == () or core.edges()[0].taken_revision != revision:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            running.cancel_scope.cancel()
    assert [sorted(part.name for part in update.parts) for update in edge.updates] == [
        ["a", "big"],
        ["big"],
        ["big"],
    ]
    assert path.stat().st_mode & 0o777 == 0o600


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
