"""Hypercorn on a listener of our own.

Hypercorn's protocol code serves each connection; accepting is ours, because its own loop takes the whole
server down when one connection meets a fault in it, has no cap, and leaves stalled sockets open.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app

from appliance.http.admin.gate import App

log = logging.getLogger("weir.admin")

MOST_CONNECTIONS = 256
"""Browsers, scrapers and scripts of one machine. The 257th is closed at once."""
HEADER_SECONDS = 15
"""From connecting, or from the last reply, to a whole request head; it is also the idle limit."""
READ_SECONDS = 60
STALL_MILLISECONDS = 10_000
"""TCP_USER_TIMEOUT: Hypercorn has no write timeout, and a client that takes nothing would stay for ever
(experiments.md f)."""
LARGEST_HEAD = 32 * 1024


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted sockets.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_MILLISECONDS)
        listener.bind((host, port))
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = log
    config.include_server_header = False
    config.h11_max_incomplete_size = LARGEST_HEAD
    config.keep_alive_timeout = HEADER_SECONDS
    config.read_timeout = READ_SECONDS
    config.max_app_queue_size = 16
    return config


class AdminServer:
    """Serves an ASGI app until `stop`; `connections` are those open now."""

    def __init__(self, app: App, grace: float) -> None:
        self._app = wrap_app(cast(ASGIFramework, app), 1, "asgi")
        self._config = _config()
        self._context = WorkerContext(None)
        self._grace = grace
        self._connections = 0
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
            await self._context.terminated.set()
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
        if self._connections >= MOST_CONNECTIONS:
            self.refused += 1
            await trio.aclose_forcefully(stream)
            return
        self._connections += 1
        try:
            server = TCPServer(
                self._app,
                self._config,
                self._context,
                ConnectionState({}),
                cast("trio.SSLStream[trio.SocketStream]", stream),
            )
            await server.run()
        except Exception as fault:
            # Whatever a client made Hypercorn stumble over costs that client its connection, nobody else.
            self.faults += 1
            log.warning("a connection on the admin port failed", extra={"error": repr(fault)[:300]})
            await trio.aclose_forcefully(stream)
        finally:
            self._connections -= 1
