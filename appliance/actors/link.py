"""The edge's end of the link between the planes. The core's end is `core_link.py`.

The edge needs nothing from the core to answer a click, so this end is up from the start and its only
worry is to come back: it reconnects for ever, says what it holds, and takes what it is sent.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import trio

from appliance import unix
from appliance.errors import WeirError
from appliance.frames import BadFrame, Frames
from appliance.model.messages import (
    EdgeReport,
    FromEdge,
    Hello,
    RotateJournal,
    TableRefused,
    TableTaken,
    ToEdge,
    decode_to_edge,
    encode_message,
)
from appliance.model.table import TableUpdate

log = logging.getLogger("weir.link")
FIRST_DELAY = 0.05
LONGEST_DELAY = 2.0
# A core that reads nothing for this long is hung: a new connection finds the next one.
SEND_TIMEOUT = 10.0

Connect = Callable[[], Awaitable[trio.abc.Stream]]


def unix_connector(path: Path) -> Connect:
    """Connects to the core's socket at `path` (`run/link.sock`); raises OSError when nobody listens."""

    async def connect() -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return trio.SocketStream(trio.socket.from_stdlib_socket(unix.connect(path, timeout=0)))

    return connect


class EdgeLink:
    """Keeps one connection to the core: Hello, then a report every `every` seconds, and what the core sends.

    `take_table` puts an update to use; when it raises (WeirError, OSError for a part file, a decoding error)
    the core is told and the previous table stays. `rotate_journal` starts a new segment.
    What CoreLink.say sent goes to whom `handle` named; a type that nobody takes is ignored.
    """

    def __init__(
        self,
        connect: Connect,
        hello: Callable[[], Hello],
        report: Callable[[], EdgeReport],
        take_table: Callable[[TableUpdate], Awaitable[None]],
        rotate_journal: Callable[[RotateJournal], Awaitable[None]],
        *,
        every: float = 1.0,
    ) -> None:
        self._connect = connect
        self._hello = hello
        self._report = report
        self._take_table = take_table
        self._rotate_journal = rotate_journal
        self._every = every
        self._said: dict[type, Callable[[Any], None]] = {}
        self._greetings: list[Callable[[], FromEdge]] = []
        self._unsaid: dict[type, FromEdge] = {}
        self._wake = trio.Event()
        self.connected = False

    def handle(self, type_: type, take: Callable[[Any], None]) -> None:
        """Have `take(message)` called for every message of a type that the core says; it never waits."""
        self._said[type_] = take

    def greet(self, make: Callable[[], FromEdge]) -> None:
        """Have what `make` returns sent after every Hello."""
        self._greetings.append(make)

    def say(self, message: FromEdge) -> None:
        """Send it as soon as may be; the newest of its type replaces an unsent one.

        What was not sent when the connection ended is forgotten: say it all again after the next Hello.
        """
        self._unsaid[type(message)] = message
        self._wake.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        task_status.started()
        delay = FIRST_DELAY
        while True:
            try:
                stream = await self._connect()
            except OSError as fault:
                log.debug("the core does not answer", extra={"error": str(fault)})
            else:
                if await self._talk(stream):
                    delay = FIRST_DELAY
            # Jitter, or all edges would knock on a restarted core in step.
            await trio.sleep(delay * random.uniform(0.75, 1.0))  # noqa: S311
            delay = min(delay * 2, LONGEST_DELAY)

    async def _talk(self, stream: trio.abc.Stream) -> bool:
        """One connection's life; True when the core said anything sensible on it."""
        frames = Frames(stream)
        heard = False
        reason = "closed by the core"
        try:
            async with stream, trio.open_nursery() as nursery:
                try:
                    hello = self._hello()
                    await self._send(frames, encode_message(hello))
                    self._unsaid.clear()
                    for make in self._greetings:
                        await self._send(frames, encode_message(make()))
                    nursery.start_soon(self._saying, frames, nursery.cancel_scope)
                    nursery.start_soon(self._reporting, frames, nursery.cancel_scope)
                    self.connected = True
                    log.info("linked to the core", extra={"revision": hello.revision})
                    while (message := await frames.receive()) is not None:
                        await self._take(frames, decode_to_edge(message), nursery)
                        heard = True
                except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as fault:
                    reason = f"lost: {fault}"
                except (BadFrame, msgspec.DecodeError) as fault:
                    reason = f"not understood: {fault}"
                nursery.cancel_scope.cancel()
        finally:
            if self.connected:
                self.connected = False
                log.info("the link to the core ended", extra={"reason": reason})
        return heard

    async def _take(self, frames: Frames, message: ToEdge, nursery: trio.Nursery) -> None:
        if isinstance(message, RotateJournal):
            await self._rotate_journal(message)
        elif isinstance(message, TableUpdate):
            # In a task of its own: a large table takes seconds to build, and what is said meanwhile must not
            # wait for it. The core sends the next one after our answer.
            nursery.start_soon(self._take_update, frames, message, nursery.cancel_scope)
        else:
            take = self._said.get(type(message))
            if take is not None:
                take(message)

    async def _take_update(self, frames: Frames, message: TableUpdate, connection: trio.CancelScope) -> None:
        try:
            await self._take_table(message)
        except (WeirError, OSError, msgspec.MsgspecError, ValueError, LookupError, TypeError) as fault:
            # Whatever is wrong with a table must not cost the one that serves visitors now.
            log.error("a routing table was refused", extra={"revision": message.revision}, exc_info=fault)
            answer: TableTaken | TableRefused = TableRefused(
                edge=self._hello().edge,
                revision=message.revision,
                reason=f"{type(fault).__name__}: {fault}"[:1000],
            )
        else:
            answer = TableTaken(edge=self._hello().edge, revision=message.revision)
        try:
            await self._send(frames, encode_message(answer))
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            connection.cancel()

    async def _reporting(self, frames: Frames, connection: trio.CancelScope) -> None:
        try:
            while True:
                await self._send(frames, encode_message(self._report()))
                await trio.sleep(self._every)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            connection.cancel()

    async def _saying(self, frames: Frames, connection: trio.CancelScope) -> None:
        try:
            while True:
                self._wake = trio.Event()
                while self._unsaid:
                    message = self._unsaid.pop(next(iter(self._unsaid)))
                    await self._send(frames, encode_message(message))
                await self._wake.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            connection.cancel()

    async def _send(self, frames: Frames, message: bytes) -> None:
        with trio.fail_after(SEND_TIMEOUT):
            await frames.send(message)
