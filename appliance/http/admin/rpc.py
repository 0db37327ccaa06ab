"""JSON-RPC over the WebSocket at /ws: requests, batches, notifications, and the frames of subscriptions.

Everything is bounded: a message by Hypercorn (server.py), calls at work and subscriptions here; a frame is
taken from its feed only when the one before it is written, so a slow socket holds up nothing but itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import Any

import trio

from appliance.errors import Refused, TooMany, Unauthenticated, Unavailable, WeirError
from appliance.http.admin import jsonrpc
from appliance.http.admin.dispatch import Dispatch
from appliance.http.admin.gate import Receive, Scope, Send
from appliance.http.admin.jsonrpc import Asked, BadMessage
from appliance.operations.context import Caller, Frames

log = logging.getLogger("weir.admin")

MOST_CALLS = 32
"""At work at once for one socket; the next is told to wait. A batch is one, its calls run in turn."""
LONGEST_BATCH = 50
MOST_SUBSCRIPTIONS = 16
LOOK_SECONDS = 10.0
"""How often a socket's credential is looked at again while it asks nothing."""
NOBODY_SECONDS = 60.0
"""A socket that is not signed in and asks nothing may stay so long."""

SIGNED_OUT, CHANGED, GOING_AWAY = 4401, 4403, 1001
"""Close codes: sign in again; connect again, your rights are others now; Weir stops."""


class Sockets:
    """The ASGI application of /ws."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        socket = RpcSocket(self._dispatch, scope, receive, send)
        try:
            await socket.run()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("a socket left")


class RpcSocket:
    """One connection. Its credential is asked about at every call: a session that ended ends it."""

    def __init__(self, dispatch: Dispatch, scope: Scope, receive: Receive, send: Send) -> None:
        self._dispatch = dispatch
        self._scope = scope
        self._receive = receive
        self._send_event = send
        self._nursery: trio.Nursery | None = None
        self._at_work = 0
        self._asked_at = 0.0
        self._feeds: dict[int, Frames] = {}
        self._numbers = 0
        self._rights: object = None
        """What the caller might do when he began to watch."""

    async def run(self) -> None:
        """Until the client leaves, is signed out, or Weir stops."""
        self._asked_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._look)
            stopping = self._state().get("stopping")
            if isinstance(stopping, trio.Event):
                nursery.start_soon(self._until, stopping)
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    break
                await self._take(message)
            nursery.cancel_scope.cancel()

    # Requests

    async def _take(self, message: MutableMapping[str, Any]) -> None:
        data = message.get("text")
        data = message.get("bytes") or b"" if data is None else data
        self._asked_at = trio.current_time()
        try:
            value = jsonrpc.decode(data)
            if isinstance(value, list):
                if not 0 < len(value) <= LONGEST_BATCH:
                    raise BadMessage(jsonrpc.INVALID_REQUEST, f"a batch has 1 to {LONGEST_BATCH} requests")
                self._start(self._batch, value)
            else:
                self._start(self._single, jsonrpc.asked(value))
        except BadMessage as fault:
            await self._send(jsonrpc.bad(fault))
        except TooMany as fault:
            number = value.get("id") if isinstance(value, dict) else None
            await self._send(jsonrpc.refusal(number, fault))

    def _start(self, work: Callable[[Any], Any], on: object) -> None:
        """Raises TooMany."""
        assert self._nursery is not None
        if self._at_work >= MOST_CALLS:
            raise TooMany(f"{MOST_CALLS} calls are at work on this socket; wait for an answer", 1)
        self._at_work += 1
        self._nursery.start_soon(self._working, work, on)

    async def _working(self, work: Callable[[Any], Any], on: object) -> None:
        try:
            await work(on)
        finally:
            self._at_work -= 1

    async def _single(self, asked: Asked) -> None:
        answer = await self._answer(asked)
        if not asked.notification:
            await self._send(answer)

    async def _batch(self, values: list[object]) -> None:
        answers = []
        for value in values:
            try:
                asked = jsonrpc.asked(value)
            except BadMessage as fault:
                answers.append(jsonrpc.bad(fault))
                continue
            answer = await self._answer(asked)
            if not asked.notification:
                answers.append(answer)
        if answers:
            await self._send(b"[" + b",".join(answers) + b"]")

    async def _answer(self, asked: Asked) -> bytes:
        try:
            caller = await self._dispatch.caller(self._scope, "rpc")
        except Unauthenticated as fault:
            assert self._nursery is not None
            self._nursery.start_soon(self._close, SIGNED_OUT, fault.message)
            return jsonrpc.refusal(asked.id, fault)
        except WeirError as fault:
            return jsonrpc.refusal(asked.id, fault)
        if not self._feeds:
            self._rights = _rights(caller)
        try:
            answer = await self._dispatch.call(asked.method, asked.params, caller, self)
            return jsonrpc.result(asked.id, answer)
        except WeirError as fault:
            return jsonrpc.refusal(asked.id, fault)

    # What operations may use (operations.context.Socket)

    def subscribe(self, frames: Frames) -> int:
        """Raises Refused when there are too many."""
        assert self._nursery is not None
        if len(self._feeds) >= MOST_SUBSCRIPTIONS:
            raise Refused(f"a socket has at most {MOST_SUBSCRIPTIONS} subscriptions; end one of them first")
        self._numbers += 1
        self._feeds[self._numbers] = frames
        self._nursery.start_soon(self._feed, self._numbers, frames)
        return self._numbers

    def unsubscribe(self, number: int) -> bool:
        frames = self._feeds.pop(number, None)
        if frames is not None:
            frames.close()
        return frames is not None

    def abort(self) -> None:
        """The connection itself is closed: a send that waits for the client would not let go otherwise."""
        cut = self._state().get("cut")
        if callable(cut):
            cut()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    async def _feed(self, number: int, frames: Frames) -> None:
        """Frames come encoded and are never encoded again."""
        head = b'{"jsonrpc":"2.0","method":"live.frame","params":{"subscription":%d,"frame":' % number
        write = self._state().get("write") if self._scope.get("http_version") == "1.1" else None
        try:
            while True:
                message = head + await frames.next() + b"}}"
                await (write(_text(message)) if write else self._send(message))
        except trio.EndOfChannel:
            pass
        finally:
            self._feeds.pop(number, None)
            frames.close()

    # The connection

    async def _look(self) -> None:
        """Ends the socket of whoever was signed out, or may now do something else than when he subscribed."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            try:
                caller = await self._dispatch.caller(self._scope, "rpc")
            except Unauthenticated as fault:
                await self._close(SIGNED_OUT, fault.message)
            except Unavailable:
                continue
            else:
                idle = trio.current_time() - self._asked_at
                if not caller.may("self") and idle >= NOBODY_SECONDS:
                    await self._close(SIGNED_OUT, "sign in first")
                if self._feeds and _rights(caller) != self._rights:
                    await self._close(CHANGED, "what you may see has changed; connect again")

    async def _until(self, stopping: trio.Event) -> None:
        await stopping.wait()
        await self._close(GOING_AWAY, "Weir stops")

    async def _close(self, code: int, reason: str) -> None:
        assert self._nursery is not None
        await self._send_event({"type": "websocket.close", "code": code, "reason": reason})
        self._nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint()

    async def _send(self, message: bytes) -> None:
        await self._send_event({"type": "websocket.send", "text": message.decode()})

    def _state(self) -> MutableMapping[str, Any]:
        """What our listener says about the connection (server.py)."""
        state: MutableMapping[str, Any] = self._scope.get("state") or {}
        return state


def _text(message: bytes) -> bytes:
    """A text message as a server sends it (RFC 6455, 5.2): unmasked, in one piece, not compressed."""
    size = len(message)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + message
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + message
    return b"\x81\x7f" + size.to_bytes(8, "big") + message


def _rights(caller: Caller) -> object:
    return caller.user_id, caller.permissions, caller.campaigns, caller.sees_money
