"""A machine with edges that remember visitors, and a core that comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import trio

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
from appliance.routing.lessons import SHOWN, Lesson
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
