"""Hypercorn on a listener of our own.

Hypercorn's protocol code serves each connection; accepting is ours, because its own loop takes the whole
server down when one connection meets a fault in it and has no cap. It also leaves connections behind: one
whose client pipelined a request and left waits for ever, and there is no write timeout. So each stream is
watched here, and one without any input or output for `read_seconds` is cut.

The application finds in `scope["state"]["cut"]` a function that ends its connection at once: a send that
waits for a client that takes nothing is shielded by Hypercorn, and no cancellation reaches it. The event in
`scope["state"]["stopping"]` tells WebSockets of a stop; requests just get `grace` seconds. With
`scope["state"]["write"]` a WebSocket of HTTP/1.1 sends messages that are encoded already, past Hypercorn: in
two thirds of the time.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.protocol import ws_stream
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import EventWrapper, WorkerContext
from hypercorn.typing import ASGIFramework
from hypercorn.utils import wrap_app

from appliance.http.admin.gate import App

log = logging.getLogger("weir.admin")

MOST_CONNECTIONS = 2_048
"""Browsers with their live feed (43 KB each), scrapers and scripts. One more takes the place of whoever was
longest without any byte in or out: a program that holds all of them must not lock the operator out."""
HEADER_SECONDS = 15
"""From connecting, or from the last reply, to a whole request head; it is also the idle limit."""
READ_SECONDS = 60
STALL_MILLISECONDS = 10_000
"""TCP_USER_TIMEOUT: Hypercorn has no write timeout, and a client that takes nothing would stay for ever
(experiments.md f)."""
MOST_UNSENT = 64 * 1024
"""TCP_NOTSENT_LOWAT: a send waits when so much is not on its way yet, so that a client which takes nothing
is noticed by the next frame instead of after the megabytes that a send buffer grows to."""
PING_SECONDS = 20
"""A watcher says nothing by itself; the pong keeps its connection from looking dead after READ_SECONDS."""
LARGEST_HEAD = 32 * 1024
LARGEST_MESSAGE = 1024 * 1024
"""Of a WebSocket; a larger one closes it with 1009."""

_TCP_NOTSENT_LOWAT = 25

# Hypercorn agrees to permessage-deflate with every browser: 300 KB and 0.1 ms per frame and watcher, for
# frames that are made once for all of them. It has no setting for it.
ws_stream.server_extensions_handshake = lambda requested, supported: None  # type: ignore[attr-defined]


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted sockets.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_MILLISECONDS)
        listener.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, MOST_UNSENT)
        listener.bind((host, port))
        listener.listen(512)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


class WatchedStream(trio.abc.HalfCloseableStream):
    """A socket stream that moves the deadline of its connection whenever bytes move."""

    def __init__(
        self,
        stream: trio.SocketStream,
        life: trio.CancelScope,
        seconds: float,
        moved: Callable[[trio.CancelScope], None],
    ) -> None:
        self._stream = stream
        self._told = moved
        self._sending = trio.Lock()
        self._life = life
        self._seconds = seconds
        self.socket = stream.socket
        self.closed = trio.Event()

    def _moved(self) -> None:
        self._life.deadline = trio.current_time() + self._seconds
        self._told(self._life)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        self._moved()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        # Hypercorn shields its sends from cancellation; a scope inside the shield still has its deadline.
        # The lock: its own 400 and the application's answer may meet, and trio would raise at the second.
        with trio.move_on_after(self._seconds) as stalled:
            async with self._sending:
                await self._stream.send_all(data)
        if stalled.cancelled_caught:
            raise trio.BrokenResourceError("the client takes nothing")
        self._moved()

    async def write(self, data: bytes) -> None:
        """A whole message, never half of one."""
        with trio.CancelScope(shield=True):
            await self.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        async with self._sending:
            await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        # Shielded: an answer that comes before its request's body ends with this, in a task that Quart
        # cancels meanwhile. The connection would stay open, and deaf.
        with trio.move_on_after(self._seconds, shield=True):
            async with self._sending:
                await self._stream.send_eof()

    async def aclose(self) -> None:
        self.closed.set()
        await self._stream.aclose()


class _Context(WorkerContext):
    """Of one connection: what sleeps between two pings is woken by its end, and does not keep it."""

    def __init__(self, terminated: EventWrapper, stream: WatchedStream) -> None:
        super().__init__(None)
        self.terminated = terminated
        self._stream = stream

    async def sleep(self, wait: float) -> None:  # type: ignore[override]
        if self._stream.closed.is_set():
            await trio.sleep(0.01)
        with trio.move_on_after(wait):
            await self._stream.closed.wait()


def _config(header_seconds: float, read_seconds: float) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = log
    config.include_server_header = False
    config.h11_max_incomplete_size = LARGEST_HEAD
    config.keep_alive_timeout = header_seconds
    # Hypercorn's own limit cuts who says nothing, also whoever takes a download or waits for a report.
    config.read_timeout = None
    config.max_app_queue_size = 16
    config.websocket_ping_interval = min(PING_SECONDS, read_seconds / 3)
    config.websocket_max_message_size = LARGEST_MESSAGE
    return config


class AdminServer:
    """Serves an ASGI app until `stop`.

    `open` counts the connections now, of about `most`; `refused` (cut to make room) and `faults` count since
    the start.
    """

    def __init__(
        self,
        app: App,
        grace: float,
        header_seconds: float = HEADER_SECONDS,
        read_seconds: float = READ_SECONDS,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._app = wrap_app(cast(ASGIFramework, app), 1, "asgi")
        self._config = _config(header_seconds, read_seconds)
        self._terminated = EventWrapper()
        self._stopping = trio.Event()
        self._grace = grace
        self._read_seconds = read_seconds
        self._lives: OrderedDict[trio.CancelScope, None] = OrderedDict()
        """Every connection, longest without any byte first."""
        self.open = 0
        self.most = most_connections
        self.refused = 0
        self.faults = 0

    async def serve(
        self,
        listen: Callable[[], socket.socket],
        stop: trio.Event,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve the socket that `listen` makes.

        When `stop` is set the listener closes, idle connections too, and requests get `grace` seconds.
        """
        listening = trio.SocketListener(trio.socket.from_stdlib_socket(listen()))
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                await accepting.start(self._accept, listening, connections)
                task_status.started()
                await stop.wait()
                accepting.cancel_scope.cancel()
            await listening.aclose()
            await self._terminated.set()
            self._stopping.set()
            connections.cancel_scope.deadline = trio.current_time() + self._grace

    async def _accept(
        self,
        listening: trio.SocketListener,
        connections: trio.Nursery,
        *,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        await trio.serve_listeners(
            self._connection, [listening], handler_nursery=connections, task_status=task_status
        )

    async def _connection(self, stream: trio.SocketStream) -> None:
        if self.open >= self.most and self._lives:
            self.refused += 1
            quietest, _ = self._lives.popitem(last=False)
            quietest.cancel()
        self.open += 1
        life = trio.CancelScope(deadline=trio.current_time() + self._read_seconds)
        self._lives[life] = None
        try:
            with life:
                watched = WatchedStream(stream, life, self._read_seconds, self._moved)
                await TCPServer(
                    self._app,
                    self._config,
                    _Context(self._terminated, watched),
                    {
                        "cut": functools.partial(_cut, watched),
                        "stopping": self._stopping,
                        "write": watched.write,
                    },
                    cast("trio.SSLStream[trio.SocketStream]", watched),
                ).run()
        except Exception as fault:
            # Whatever a client made Hypercorn stumble over costs that client its connection, nobody else.
            self.faults += 1
            log.warning("a connection on the admin port failed", extra={"error": repr(fault)[:300]})
            await trio.aclose_forcefully(stream)
        finally:
            self.open -= 1
            self._lives.pop(life, None)

    def _moved(self, life: trio.CancelScope) -> None:
        if life in self._lives:
            self._lives.move_to_end(life)


def _cut(stream: WatchedStream) -> None:
    """End a connection now: what is unsent is dropped, and whoever sends or receives on it is woken."""
    with contextlib.suppress(OSError):
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.closed.set()
    stream.socket.close()
