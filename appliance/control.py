"""A child's side of the control channel: stdin and stdout, one JSON object per line.

The parent's first line brings the settings and the inherited descriptors; later lines are commands. The
end of stdin means that the parent died, kill -9 included (2 ms later, experiments.md b): that is a stop
too. No PR_SET_PDEATHSIG: trio forks in a worker thread, and the kernel would signal us when it retires.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

from appliance.config import Settings
from appliance.errors import WeirError

log = logging.getLogger("weir.control")

LONGEST_LINE = 4096
"""PIPE_BUF: a pipe takes a line up to this size whole or not at all, so lines never mix or tear."""

WAITING_COMMANDS = 256
"""Adopt and release commands not yet obeyed: two per public socket, and there are at most 64 of those.
When it is full the newest is dropped and logged; the stop command never queues here."""

LAST_SECONDS = 5
"""An orphan that has not stopped this long after its budget is ended by the kernel (SIGALRM)."""


@dataclass(eq=False)
class ParentGone(WeirError):
    """The parent died before it said what to do: there is nothing to serve. Start `weir serve` again."""

    code = "parent_gone"


class Control:
    """What the parent gave this process and asks of it. Made by `open_control`."""

    def __init__(self, settings: Settings, sockets: list[socket.socket], lock_fd: int, out: int) -> None:
        self.settings = settings
        self.sockets = sockets
        """The public listening sockets, by index; edge n serves number n. Empty in the core."""
        self.lock_fd = lock_fd
        """The data directory's lock: held as long as this process lives, so keep it open."""
        self.stop = trio.Event()
        """Set by a stop command, SIGTERM, SIGINT or the parent's death: finish, in order."""
        self.cancel_scope = trio.CancelScope()
        """Cancelled by a second stop: leave now."""
        self._send, self.commands = trio.open_memory_channel[dict[str, Any]](WAITING_COMMANDS)
        """`commands`: {"do": "adopt" | "release", "socket": index}, in order; ends when the channel does."""
        self._out = out

    def say(self, line: Mapping[str, Any]) -> None:
        """Tell the parent something: {"say": "ready" | "stage" | "stopped", …}, at most 4 KiB.

        Never waits. A dead parent is no error; a parent that reads nothing loses the line, which is logged.
        """
        data = json.dumps(line).encode() + b"\n"
        if len(data) > LONGEST_LINE:
            raise ValueError(f"a line of {len(data)} bytes; the control channel takes {LONGEST_LINE}")
        try:
            os.write(self._out, data)
        except BlockingIOError:
            log.error("the parent does not read its pipe; a line is lost", extra={"say": line.get("say")})
        except OSError as fault:
            log.debug("the parent is gone", extra={"say": line.get("say"), "error": str(fault)})

    def ask_stop(self, why: str) -> None:
        """The first time: stop in order. The second time: now."""
        if self.stop.is_set():
            log.warning("second stop: leaving now", extra={"why": why})
            self.cancel_scope.cancel()
        else:
            log.info("stopping", extra={"why": why})
            self.stop.set()

    def obey(self, command: dict[str, Any]) -> None:
        """One line from the parent."""
        if command.get("do") == "stop":
            self.ask_stop("the parent asks")
            return
        try:
            self._send.send_nowait(command)
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            log.error("a command is dropped: nobody takes them", extra={"command": command})

    def orphaned(self) -> None:
        """The parent died: stop in order, and let the kernel see to it that this ends."""
        if not self.stop.is_set():
            self.ask_stop("the parent died")
        # The parent would have killed us after its budget. SIGALRM's default action needs no working loop.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(self.settings.stop_seconds) + LAST_SECONDS)


class Lines:
    """JSON objects, one per line, from a byte stream."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def next(self) -> dict[str, Any] | None:
        """The next object; None at the end. A line that is no JSON object raises ValueError."""
        while (end := self._buffer.find(b"\n")) < 0:
            try:
                data = await self._stream.receive_some(65536)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError(f"not a JSON object: {line[:80]!r}")
        return value


def _take_descriptors() -> tuple[int, int]:
    """Move stdin and stdout out of everybody's reach; what is printed by mistake goes to the log instead."""
    inbound, outbound = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return inbound, outbound


def _listening(descriptor: int) -> socket.socket:
    """A socket of our own over an inherited descriptor; two indexes may name the same one."""
    made = socket.socket(fileno=os.dup(descriptor))
    made.setblocking(False)
    return made


@asynccontextmanager
async def open_control() -> AsyncIterator[Control]:
    """Take over stdin and stdout, read the parent's first line, obey it from then on.

    The block runs inside `control.cancel_scope`: when a second stop cancels it, the block is left quietly.
    Raises ParentGone when stdin ends before the first line.
    """
    inbound, outbound = _take_descriptors()
    os.set_blocking(outbound, False)
    async with trio.lowlevel.FdStream(inbound) as stream:
        lines = Lines(stream)
        first = await lines.next()
        if first is None:
            raise ParentGone("the parent died before its first line")
        control = Control(
            msgspec.convert(first["settings"], Settings),
            [_listening(descriptor) for descriptor in first["sockets"]],
            first["lock"],
            outbound,
        )
        try:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_obey_parent, lines, control)
                    nursery.start_soon(_obey_signals, signals, control)
                    with control.cancel_scope:
                        yield control
                    control.say({"say": "stopped"})
                    nursery.cancel_scope.cancel()
        finally:
            for held in control.sockets:
                held.close()
            os.close(outbound)


async def _obey_parent(lines: Lines, control: Control) -> None:
    while True:
        try:
            command = await lines.next()
        except ValueError as fault:
            log.error("the parent said something unreadable", extra={"error": str(fault)})
            continue
        if command is None:
            control.orphaned()
            return
        control.obey(command)


async def _obey_signals(signals: AsyncIterator[int], control: Control) -> None:
    async for number in signals:
        control.ask_stop(signal.Signals(number).name)
