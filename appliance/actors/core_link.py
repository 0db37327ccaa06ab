"""The core's end of the link: takes the edges' reports, pushes routing tables and journal rotations.

No table is ever queued. Each edge has at most one update in flight; what to send next is worked out from
the newest table when it is sent, so a newer one supersedes an unsent older one by itself.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec
import trio

from appliance.frames import BadFrame, Frames
from appliance.model.messages import (
    EdgeReport,
    FromEdge,
    Hello,
    RotateJournal,
    Said,
    TableRefused,
    TableTaken,
    decode_from_edge,
    encode_message,
)
from appliance.model.status import EdgeStatus
from appliance.model.table import Part, TableUpdate
from appliance.ports import Runner

S = TypeVar("S")
log = logging.getLogger("weir.link")
# An edge reports every second; ten silent seconds mean that it hangs or is gone.
SILENCE = 10.0
# Parts above this travel as files (PLAN: large ones as files in the data directory).
LARGEST_INLINE_PART = 256 * 1024
# Decoding one update must not hold an edge's loop for 5 ms: 2 MiB of small frames take about 2 ms.
LARGEST_INLINE_UPDATE = 2 * 1024 * 1024
# 64 edges twice (old and new during a restart), and some that are still noticed dead.
MOST_CONNECTIONS = 160
# A rotation is asked for per unreadable segment; an edge has a handful of them at the very most.
MOST_ROTATIONS = 16
RETRY_FIRST, RETRY_LONGEST = 1.0, 30.0


class PartFiles(Protocol):
    """Where large parts lie for the edges of this machine to read. Blocking: called through a Runner."""

    def put(self, part: Part) -> str:
        """Write the part's frames whole or not at all; returns the path relative to the data directory."""

    def drop(self, digest: str) -> None:
        """Remove the file of `digest`, if there."""


@dataclass(frozen=True)
class CompiledTable:
    """A complete routing table: every part, with its frames, by name."""

    revision: int
    compiled_us: int
    parts: Mapping[str, Part]


@dataclass(eq=False)
class _Peer:
    """One connected edge process."""

    hello: Hello
    frames: Frames
    connection: trio.CancelScope
    held: Mapping[str, str]
    taken_revision: int
    report: EdgeReport | None = None
    reported_at: float = 0.0
    refused: str = ""
    offered: tuple[int, int] | None = None
    in_flight: Mapping[str, str] | None = None
    in_flight_files: tuple[str, ...] = ()
    retry_at: float = 0.0
    retry_delay: float = RETRY_FIRST
    rotations: dict[int, str] = field(default_factory=dict)
    unsaid: dict[type, Said] = field(default_factory=dict)
    """What was said and not sent yet, the newest of each type."""
    wake: trio.Event = field(default_factory=trio.Event)


class CoreLink:
    """Accepts edges and keeps each on the newest table. Only `serve` and `talk` ever wait."""

    def __init__(self, files: PartFiles, runner: Runner, expected: int = 0) -> None:
        """`expected`: edges 0 to expected - 1 are shown although they were never seen."""
        self._expected = expected
        self._files = files
        self._runner = runner
        self._table: CompiledTable | None = None
        self._peers: dict[int, list[_Peer]] = {}
        self._gone: dict[int, _Peer] = {}
        self._connections = 0
        self._said: dict[type, Said] = {}
        self._said_to: dict[tuple[int, type], Said] = {}
        self._heard: dict[type, list[Callable[[int, Any], None]]] = {}
        self._needed: Counter[str] = Counter()
        self._files_lock = trio.Lock()

    def publish(self, table: CompiledTable) -> None:
        """Make `table` the one every edge should have."""
        self._table = table
        for peer in self._all():
            peer.retry_at, peer.retry_delay = 0.0, RETRY_FIRST
            peer.wake.set()

    def rotate(self, edge: int, epoch: int, reason: str) -> bool:
        """Ask an edge to leave a segment that cannot be read. False when it is not connected: ask again."""
        sent = False
        for peer in self._peers.get(edge, ()):
            if epoch in peer.rotations or len(peer.rotations) < MOST_ROTATIONS:
                peer.rotations[epoch] = reason
                peer.wake.set()
                sent = True
        return sent

    def hear(self, type_: type, told: Callable[[int, Any], None]) -> None:
        """Have `told(edge, message)` called for every message of a type, Hello too; it never waits."""
        self._heard.setdefault(type_, []).append(told)

    def say(self, message: Said, edge: int | None = None) -> None:
        """Send a message to every edge, or to one of them; the newest of its type replaces an unsent one.

        It is said again after every Hello, so a message of a type must stand for all before it. What one
        edge was told wins over what all were told; None again to all replaces that too.
        """
        type_ = type(message)
        if edge is None:
            self._said[type_] = message
            for key in [key for key in self._said_to if key[1] is type_]:
                del self._said_to[key]
            peers = self._all()
        else:
            self._said_to[edge, type_] = message
            peers = self._peers.get(edge, [])
        for peer in peers:
            peer.unsaid[type_] = message
            peer.wake.set()

    def said(self, type_: type[S]) -> S | None:
        """What all edges were told last of a type."""
        message = self._said.get(type_)
        return message if isinstance(message, type_) else None

    def edges(self, now: float | None = None) -> tuple[EdgeStatus, ...]:
        """Every edge expected or seen since the start; of two with one index the newest is "the" edge."""
        now = trio.current_time() if now is None else now
        newest = self._table.revision if self._table else 0
        found = []
        for index in sorted({*range(self._expected), *self._peers, *self._gone}):
            peers = self._peers.get(index, [])
            peer = peers[-1] if peers else self._gone.get(index)
            if peer is None:
                found.append(
                    EdgeStatus(
                        edge=index, connected=False, connections=0, taken_revision=0, behind_revisions=newest,
                        report_age_seconds=0.0,
                    )
                )  # fmt: skip
                continue
            found.append(
                EdgeStatus(
                    edge=index,
                    connected=bool(peers),
                    connections=len(peers),
                    taken_revision=peer.taken_revision,
                    behind_revisions=max(0, newest - peer.taken_revision),
                    report_age_seconds=round(now - peer.reported_at, 3) if peer.report else 0.0,
                    refused=peer.refused,
                    report=peer.report,
                )
            )
        return tuple(found)

    async def serve(
        self,
        listen: Callable[[], socket.socket],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept edges on the listening socket that `listen` makes, until cancelled."""
        listening = trio.SocketListener(trio.socket.from_stdlib_socket(listen()))
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, self.talk, [listening])
            task_status.started()

    async def talk(self, stream: trio.abc.Stream) -> None:
        """One connection's life, from Hello to whatever ends it. Never raises for what a peer does."""
        if self._connections >= MOST_CONNECTIONS:
            log.warning("too many connections on the link", extra={"limit": MOST_CONNECTIONS})
            await trio.aclose_forcefully(stream)
            return
        self._connections += 1
        reason = "closed by the edge"
        peer: _Peer | None = None
        try:
            async with stream:
                frames = Frames(stream)
                with trio.CancelScope(deadline=trio.current_time() + SILENCE) as silence:
                    async with trio.open_nursery() as nursery:
                        try:
                            peer = await self._welcome(frames, nursery.cancel_scope)
                            if peer is not None:
                                silence.deadline = trio.current_time() + SILENCE
                                nursery.start_soon(self._writing, peer)
                                await self._reading(peer, silence)
                        except (trio.BrokenResourceError, trio.ClosedResourceError) as fault:
                            reason = f"lost: {fault}"
                        except (BadFrame, msgspec.DecodeError) as fault:
                            reason = f"not understood: {fault}"
                        nursery.cancel_scope.cancel()
                if silence.cancelled_caught:
                    reason = f"no report for {SILENCE:g} s"
        finally:
            self._connections -= 1
            if peer is None:
                log.info("a connection on the link said no hello", extra={"reason": reason})
            else:
                self._part(peer, reason)
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
                    await self._release(peer)

    async def _welcome(self, frames: Frames, connection: trio.CancelScope) -> _Peer | None:
        data = await frames.receive()
        if data is None:
            return None
        hello = decode_from_edge(data)
        if not isinstance(hello, Hello) or not 0 <= hello.edge < 1024:
            raise BadFrame("the first message must be a hello of an edge from 0 to 1023")
        peer = _Peer(hello, frames, connection, held=hello.digests, taken_revision=hello.revision)
        peer.unsaid.update(self._said)
        peer.unsaid.update(
            {type_: said for (edge, type_), said in self._said_to.items() if edge == hello.edge}
        )
        self._peers.setdefault(hello.edge, []).append(peer)
        self._tell(hello.edge, hello)
        log.info(
            "edge connected",
            extra={
                "edge": hello.edge,
                "pid": hello.pid,
                "revision": hello.revision,
                "version": hello.version,
            },
        )
        return peer

    def _part(self, peer: _Peer, reason: str) -> None:
        index = peer.hello.edge
        peers = self._peers[index]
        newest = peers[-1] is peer
        peers.remove(peer)
        if not peers:
            del self._peers[index]
            self._gone[index] = peer
        elif newest:
            # Who hears the edges knows how far each newest process is: one that is left says hello anew.
            peers[-1].connection.cancel()
        log.info("edge disconnected", extra={"edge": index, "pid": peer.hello.pid, "reason": reason})

    async def _reading(self, peer: _Peer, silence: trio.CancelScope) -> None:
        while (data := await peer.frames.receive()) is not None:
            message = decode_from_edge(data)
            if isinstance(message, EdgeReport):
                peer.report = message
                peer.reported_at = trio.current_time()
                silence.deadline = peer.reported_at + SILENCE
            elif isinstance(message, TableTaken):
                if peer.in_flight is not None:
                    peer.held, peer.taken_revision, peer.refused = peer.in_flight, message.revision, ""
                    peer.retry_at, peer.retry_delay = 0.0, RETRY_FIRST
                await self._answered(peer)
            elif isinstance(message, TableRefused):
                log.error(
                    "an edge refused the routing table",
                    extra={"edge": peer.hello.edge, "revision": message.revision, "reason": message.reason},
                )
                await self._failed(peer, message.reason)
            elif isinstance(message, Hello):
                raise BadFrame("a second hello")
            self._tell(peer.hello.edge, message)

    def _tell(self, edge: int, message: FromEdge) -> None:
        for told in self._heard.get(type(message), ()):
            told(edge, message)

    async def _failed(self, peer: _Peer, reason: str) -> None:
        """An update did not arrive: offer the newest again, later each time."""
        peer.refused = reason
        peer.offered = None
        peer.retry_at = trio.current_time() + peer.retry_delay
        peer.retry_delay = min(peer.retry_delay * 2, RETRY_LONGEST)
        await self._answered(peer)

    async def _answered(self, peer: _Peer) -> None:
        peer.in_flight = None
        await self._release(peer)
        peer.wake.set()

    async def _writing(self, peer: _Peer) -> None:
        try:
            while True:
                peer.wake = trio.Event()
                while peer.rotations:
                    epoch = next(iter(peer.rotations))
                    reason = peer.rotations.pop(epoch)
                    await peer.frames.send(encode_message(RotateJournal(epoch=epoch, reason=reason)))
                while peer.unsaid:
                    await peer.frames.send(encode_message(peer.unsaid.pop(next(iter(peer.unsaid)))))
                table = self._table
                due = float("inf")
                if self._wants(peer, table):
                    due = peer.retry_at
                    if table is not None and trio.current_time() >= due:
                        await self._send_table(peer, table)
                        continue
                with trio.move_on_at(due):
                    await peer.wake.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            peer.connection.cancel()
        except OSError as fault:
            # A full disk, most likely. The edge serves on with the table it has; it is offered again.
            log.error("part files cannot be written", extra={"error": str(fault)})
            await self._failed(peer, f"part files cannot be written: {fault}")
            peer.connection.cancel()

    def _wants(self, peer: _Peer, table: CompiledTable | None) -> bool:
        """True when the newest table was not offered yet and no answer is awaited."""
        if table is None or peer.in_flight is not None:
            return False
        return peer.offered != (table.revision, table.compiled_us)

    async def _send_table(self, peer: _Peer, table: CompiledTable) -> None:
        """Send the difference between `table` and what the edge holds."""
        changed = [part for name, part in table.parts.items() if peer.held.get(name) != part.digest]
        inline: list[Part] = []
        as_files: list[Part] = []
        room = LARGEST_INLINE_UPDATE
        for part in sorted(changed, key=_size):
            size = _size(part)
            if size > LARGEST_INLINE_PART or size > room:
                as_files.append(part)
            else:
                inline.append(part)
                room -= size
        peer.in_flight = {name: part.digest for name, part in table.parts.items()}
        peer.in_flight_files = tuple(part.digest for part in as_files)
        peer.offered = (table.revision, table.compiled_us)
        self._needed.update(peer.in_flight_files)
        async with self._files_lock:
            parts = inline + [
                Part(name=part.name, digest=part.digest, file=await self._runner(self._files.put, part))
                for part in as_files
            ]
        update = TableUpdate(
            revision=table.revision,
            compiled_us=table.compiled_us,
            parts=tuple(parts),
            removed=tuple(sorted(name for name in peer.held if name not in table.parts)),
            total_parts=len(table.parts),
        )
        await peer.frames.send(encode_message(update))

    async def _release(self, peer: _Peer) -> None:
        """The update's files are not needed by this edge any more; remove those nobody needs."""
        digests, peer.in_flight_files = peer.in_flight_files, ()
        self._needed.subtract(digests)
        for digest in digests:
            async with self._files_lock:
                if self._needed[digest] <= 0:
                    del self._needed[digest]
                    await self._runner(self._files.drop, digest)

    def _all(self) -> list[_Peer]:
        return [peer for peers in self._peers.values() for peer in peers]


def _size(part: Part) -> int:
    return sum(map(len, part.frames))
