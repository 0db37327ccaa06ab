"""The listener: accepts on the public sockets, bounds the connections, ends the slow ones."""

from __future__ import annotations

import errno
import logging
import socket
from collections import Counter
from typing import Protocol

import trio

from appliance.http.public import replies
from appliance.http.public.connection import Answerer, Connection, Recorded
from appliance.http.public.connection import Limits as Timeouts
from appliance.http.public.request import plain_address
from appliance.routing.visit import cut_address

log = logging.getLogger("weir.listener")
_SWEEP_SECONDS = 0.25
# Accepted per turn before others run: a burst of new visitors must not hold those being answered.
_ACCEPT_BURST = 64
# A keep-alive connection that was quiet this long when the edge stops is closed without waiting for it.
_QUIET_SECONDS = 0.5
# What of an unanswered request is read before its connection is refused: more than a browser's first packet.
_UNREAD = 64 * 1024
_BUSY = replies.to_bytes(
    replies.text(503, "Too many connections; try again.\n", b"Retry-After: 1\r\n"), False, True, False
)


class Limits(Timeouts, Protocol):
    """config.Public's bounds."""

    @property
    def max_connections(self) -> int: ...
    @property
    def max_connections_per_address(self) -> int: ...


class Server:
    """Serves listening sockets until `stop`; in-flight requests are answered within its deadline."""

    def __init__(self, answerer: Answerer, recorded: Recorded, limits: Limits) -> None:
        self._answerer = answerer
        self._recorded = recorded
        self._limits = limits
        self._connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self._listening: dict[int, socket.socket] = {}
        self._accepting: dict[int, trio.CancelScope] = {}
        self._nursery: trio.Nursery | None = None
        self._empty = trio.Event()
        self.draining = False
        self.now = trio.current_time()
        self.body_bytes = 0
        self.refused = 0
        self.failures = 0
        """Connections ended by a fault of ours."""

    @property
    def open(self) -> int:
        """Connections open now."""
        return len(self._connections)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the connections' nursery and sweep deadlines until cancelled; `listen` adds sockets."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._accepting.clear()
            for index, listener in self._listening.items():  # after a restart of this actor
                self._start(index, listener)
            task_status.started()
            while True:
                await trio.sleep(_SWEEP_SECONDS)
                self._sweep()

    def listen(self, index: int, listener: socket.socket) -> None:
        """Accept on a listening socket, which stays the caller's (and its parent's) to close."""
        if index not in self._listening and not self.draining:
            self._listening[index] = listener
            self._start(index, listener)

    def _start(self, index: int, listener: socket.socket) -> None:
        assert self._nursery is not None
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        scope = self._accepting[index] = trio.CancelScope()
        self._nursery.start_soon(self._accept, listener, scope)

    def leave(self, index: int) -> None:
        """Accept no more on a socket: its own edge is back."""
        self._listening.pop(index, None)
        scope = self._accepting.pop(index, None)
        if scope is not None:
            scope.cancel()

    async def drain(self, seconds: float) -> None:
        """Stop accepting, answer what is in flight, close the rest after `seconds` at the latest."""
        self.draining = True
        for index in list(self._accepting):
            self.leave(index)
        with trio.move_on_after(seconds):
            while self._connections:
                self._sweep()
                await trio.sleep(0.01)
        for connection in list(self._connections):
            connection.close()

    async def _accept(self, listener: socket.socket, scope: trio.CancelScope) -> None:
        nursery = self._nursery
        assert nursery is not None
        with scope:
            while True:
                await trio.lowlevel.wait_readable(listener)
                for _ in range(_ACCEPT_BURST):
                    try:
                        sock, address = listener.accept()
                    except BlockingIOError:
                        break
                    except OSError as fault:
                        if fault.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                            log.error(
                                "cannot accept: out of descriptors or memory", extra={"error": str(fault)}
                            )
                            await trio.sleep(0.1)
                            break
                        continue  # the visitor was gone before we came: ECONNABORTED and its kin
                    self._welcome(sock, address[0], nursery)
                await trio.lowlevel.checkpoint()

    def _welcome(self, sock: socket.socket, host: str, nursery: trio.Nursery) -> None:
        try:
            peer = plain_address(host)
            sock.setblocking(False)
            limits = self._limits
            if (
                len(self._connections) >= limits.max_connections
                or self._by_address[peer] >= limits.max_connections_per_address
            ):
                self.refused += 1
                self._answerer.counted(503)
                sock.send(_BUSY)
                sock.shutdown(socket.SHUT_WR)
                sock.recv(_UNREAD)  # closing over unread bytes would reset the reply away
                sock.close()
                return
        except OSError:
            sock.close()
            return
        connection = Connection(sock, peer, self._answerer, self._recorded, limits, self)
        self._connections.add(connection)
        self._by_address[peer] += 1
        nursery.start_soon(self._serve, connection)

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.serve()
        except Exception:  # the public door: one request that trips us must not cost the other visitors
            self.failures += 1
            log.exception("a connection failed; it is closed", extra={"peer": cut_address(connection.peer)})
        finally:
            self._connections.discard(connection)
            left = self._by_address[connection.peer] - 1
            if left:
                self._by_address[connection.peer] = left
            else:
                del self._by_address[connection.peer]

    def _sweep(self) -> None:
        """One look at every deadline: a cancel scope per wait would halve the rate (experiments.md j)."""
        now = self.now = trio.current_time()
        replies.refresh_date()
        for connection in list(self._connections):
            if now > connection.deadline:
                connection.expire()
            elif self.draining and connection.phase == "idle" and now - connection.since > _QUIET_SECONDS:
                connection.close()
