"""The call door: operations over run/call.sock, for whoever may open that socket (mode 0600).

A request is one line of JSON, {"name": …, "payload": …}; its answer is one line of JSON. Several requests
may follow each other on a connection.
"""

from __future__ import annotations

import functools
import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import trio
from msgspec import Struct

from appliance.errors import Refused, Unavailable, WeirError
from appliance.operations.context import Caller, Context, local_administrator
from appliance.operations.decoding import decode
from appliance.operations.lines import Blocks
from appliance.operations.lists import FILLED
from appliance.operations.registry import Operation, call, encode, error_shape, internal_error

log = logging.getLogger("weir.call")
LONGEST_REQUEST = 8 * 1024 * 1024
MOST_CLIENTS = 64
"""Shells and scripts of one administrator; the 65th is told to try again."""
READ_SECONDS = 30.0
WRITE_SECONDS = 60.0
_CHUNK = 64 * 1024

MakeContext = Callable[[Caller, str], Context]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request: an operation's name and its payload. `entries`: a list's follow, to the client's end."""

    name: str
    payload: Any = msgspec.field(default_factory=dict)
    entries: bool = False


class CallDoor:
    """Each client is a task of its own: a slow one holds up nobody else."""

    def __init__(self, operations: Mapping[str, Operation], make_context: MakeContext) -> None:
        self._operations = operations
        self._make_context = make_context
        self._clients = 0
        self._waiting: set[trio.CancelScope] = set()
        """Clients that have asked nothing yet: a stop need not wait for them."""

    async def serve(
        self,
        listen: Callable[[], socket.socket],
        stop: trio.Event,
        grace: float,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve the unix socket that `listen` makes until `stop`; calls at work then get `grace` seconds."""
        listening = trio.SocketListener(trio.socket.from_stdlib_socket(listen()))
        async with trio.open_nursery() as clients:
            async with trio.open_nursery() as accepting:
                await accepting.start(
                    functools.partial(trio.serve_listeners, self.talk, [listening], handler_nursery=clients)
                )
                task_status.started()
                await stop.wait()
                accepting.cancel_scope.cancel()
            for waiting in list(self._waiting):
                waiting.cancel()
            clients.cancel_scope.deadline = trio.current_time() + grace

    async def talk(self, stream: trio.abc.Stream) -> None:
        """One client, until it leaves, stops talking, or sends what cannot be a request."""
        self._clients += 1
        try:
            async with stream:
                await self._requests(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("a caller left")
        finally:
            self._clients -= 1

    async def _requests(self, stream: trio.abc.Stream) -> None:
        if self._clients > MOST_CLIENTS:
            await _write(stream, encode(error_shape(Unavailable("too many callers at once; try again"))))
            return
        received = bytearray()
        while True:
            line: bytes | None = None
            with trio.move_on_after(READ_SECONDS) as waiting:
                self._waiting.add(waiting)
                try:
                    line = await _line(stream, received)
                except Refused as fault:
                    await _write(stream, encode(error_shape(fault)))
                    return
                finally:
                    self._waiting.discard(waiting)
            following = _Following(stream, received)
            if not line or not await _write(stream, await self.answer(line, following)) or following.meant:
                return

    async def answer(self, line: bytes, following: _Following | None = None) -> bytes:
        """The answer to one request, whatever it is, without the newline."""
        request_id = secrets.token_hex(8)
        try:
            asked = decode(Asked, _json(line))
            context = self._make_context(local_administrator("call"), request_id)
            if asked.entries and following is not None:
                following.meant = True
                if asked.name not in FILLED:
                    raise Refused(f"{asked.name[:80]} takes no entries; {', '.join(FILLED)} do")
                context = replace(context, entries=following.blocks())
            return encode(await call(self._operations, asked.name, asked.payload, context))
        except WeirError as fault:
            return encode(error_shape(fault))
        except Exception as fault:  # any bug in an operation costs this request its answer, no other one
            log.error("an operation failed", extra={"request_id": request_id}, exc_info=fault)
            return encode(internal_error(request_id))


def _json(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(f"the request is no JSON: {fault}") from None


async def _line(stream: trio.abc.Stream, received: bytearray) -> bytes | None:
    """The next line, without its end; None at the end of the stream. Raises Refused when it is too long."""
    start = 0
    while (end := received.find(b"\n", start)) < 0:
        start = len(received)
        if start > LONGEST_REQUEST:
            raise Refused(f"a request has at most {LONGEST_REQUEST} bytes")
        data = await stream.receive_some(_CHUNK)
        if not data:
            line = bytes(received)
            received.clear()
            return line or None
        received += data
    line = bytes(received[:end])
    del received[: end + 1]
    return line


class _Following:
    """What a client sends behind a request, to its end. `meant`: the request says that there is something."""

    def __init__(self, stream: trio.abc.Stream, received: bytearray) -> None:
        self._stream = stream
        self._received = received
        self.meant = False

    async def blocks(self) -> Blocks:
        """Raises Refused when it stands still."""
        yield bytes(self._received)
        self._received.clear()
        while True:
            with trio.move_on_after(READ_SECONDS) as waiting:
                data = await self._stream.receive_some(_CHUNK)
            if waiting.cancelled_caught:
                raise Refused(f"no entry came for {READ_SECONDS:g} s")
            if not data:
                return
            yield bytes(data)


async def _write(stream: trio.abc.Stream, answer: bytes) -> bool:
    """False when the client does not read."""
    with trio.move_on_after(WRITE_SECONDS):
        await stream.send_all(answer + b"\n")
        return True
    return False
