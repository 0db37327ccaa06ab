"""An edge's end of the link with a table that is a dict, and streams to a CoreLink that can be cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import trio
from trio.testing import memory_stream_pair

from appliance.actors.core_link import CompiledTable, CoreLink
from appliance.actors.link import EdgeLink
from appliance.errors import Refused
from appliance.model.messages import (
    EdgeReport,
    Hello,
    JournalReport,
    RotateJournal,
)
from appliance.model.table import Part, TableUpdate


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
