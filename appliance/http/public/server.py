"""The listener: accepts on the public sockets, bounds the connections, ends the slow ones."""

from __future__ import annotations

import errno
import functools
import logging
import select
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from appliance.http.public import replies
from appliance.http.public.connection import Answerer, Connection
from appliance.http.public.incoming import Limits as Timeouts
from appliance.http.public.request import Network, Request, is_trusted, plain_address
from appliance.routing.visit import cut_address

log = logging.getLogger("weir.listener")
Recorded = Callable[[Callable[[bool], None]], Awaitable[None]]
"""Journal.recorded: calls its argument when everything appended before is durable (True) or is not."""
_SWEEP_SECONDS = 0.25
# Looked at per turn: as many connections as can be answered before others should run (some ms).
_EVENTS = 128
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
    """Serves listening sockets until `stop`; in-flight requests are answered within its deadline.

    One task turns every connection, on an epoll of its own whose registrations last: a task and a trio wait
    per connection cost as much as deciding a click (docs/decisions/0015).
    """

    def __init__(
        self, answerer: Answerer, recorded: Recorded, limits: Limits, trusted: tuple[Network, ...] = ()
    ) -> None:
        self._trusted = trusted
        """Proxies: behind one address there are all visitors, so only the limit in all counts for them."""
        self._answerer = answerer
        self._recorded = recorded
        self._limits = limits
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._by_address: Counter[str] = Counter()
        self._listening: dict[int, socket.socket] = {}
        """Public socket index → socket."""
        self._listeners: dict[int, socket.socket] = {}
        """Descriptor → socket, of those accepted on now."""
        self._answering: list[Connection] = []
        self._backlog: list[Connection] = []
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
        """Turn connections until cancelled; `listen` adds sockets."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sweeping)
                task_status.started()
                while True:
                    events = self._poll.poll(0, _EVENTS)
                    if events or self._backlog:
                        await self._turn(events)
                    else:
                        await trio.lowlevel.wait_readable(self._poll.fileno())
        finally:
            self._close_all()
            self._answering.clear()
            self._backlog.clear()

    def _close_all(self) -> None:
        for connection in list(self._connections.values()):
            connection.close()

    async def _turn(self, events: list[tuple[int, int]]) -> None:
        """Let every connection that can go on do one step, and journal what they all brought at once."""
        backlog, self._backlog = self._backlog, []
        for connection in backlog:
            self._step(connection, connection.answer)
        for descriptor, event in events:
            ready = self._connections.get(descriptor)
            if ready is not None:
                self._step(ready, ready.writable if event & select.EPOLLOUT else ready.readable)
            elif descriptor in self._listeners:
                self._accept(self._listeners[descriptor])
        if self._answering:
            await self._recorded(self._deliver)
        else:
            await trio.lowlevel.checkpoint()

    def _step(self, connection: Connection, step: Callable[[], None]) -> None:
        try:
            step()
        except OSError:
            connection.close()  # the peer went away
        except Exception:  # the public door: one request that trips us must not cost the other visitors
            self.failures += 1
            log.exception("a connection failed; it is closed", extra={"peer": cut_address(connection.peer)})
            connection.close()

    def _deliver(self, recorded: bool) -> None:
        answering, self._answering = self._answering, []
        for connection in answering:
            self._step(connection, functools.partial(connection.deliver, recorded))

    # -- what connections ask of us -------------------------------------------------------------------

    def largest(self, request: Request) -> int:
        return self._answerer.largest(request)

    def answering(self, connection: Connection) -> None:
        self._answering.append(connection)

    def more(self, connection: Connection) -> None:
        self._backlog.append(connection)

    def watch(self, connection: Connection, writing: bool) -> None:
        self._poll.modify(connection.fileno(), select.EPOLLOUT if writing else select.EPOLLIN)

    def gone(self, connection: Connection) -> None:
        self._connections.pop(connection.fileno(), None)  # closing takes it out of the epoll
        left = self._by_address[connection.peer] - 1
        if left:
            self._by_address[connection.peer] = left
        else:
            del self._by_address[connection.peer]

    # -- listening sockets ----------------------------------------------------------------------------

    def listen(self, index: int, listener: socket.socket) -> None:
        """Accept on a listening socket, which stays the caller's (and its parent's) to close."""
        if index not in self._listening and not self.draining:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
            self._listening[index] = listener
            self._resume(listener)

    def leave(self, index: int) -> None:
        """Accept no more on a socket: its own edge is back."""
        listener = self._listening.pop(index, None)
        if listener is not None:
            self._pause(listener)

    def _resume(self, listener: socket.socket) -> None:
        if listener.fileno() not in self._listeners:
            self._listeners[listener.fileno()] = listener
            self._poll.register(listener.fileno(), select.EPOLLIN)

    def _pause(self, listener: socket.socket) -> None:
        if self._listeners.pop(listener.fileno(), None) is not None:
            self._poll.unregister(listener.fileno())

    async def drain(self, seconds: float) -> None:
        """Stop accepting, answer what is in flight, close the rest after `seconds` at the latest."""
        self.draining = True
        for index in list(self._listening):
            self.leave(index)
        with trio.move_on_after(seconds):
            while self._connections:
                self._sweep()
                await trio.sleep(0.01)
        self._close_all()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPT_BURST):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    log.error("cannot accept: out of descriptors or memory", extra={"error": str(fault)})
                    self._pause(listener)  # until the next sweep: visitors wait in the backlog
                    return
                continue  # the visitor was gone before we came: ECONNABORTED and its kin
            self._welcome(sock, address[0])

    def _welcome(self, sock: socket.socket, host: str) -> None:
        try:
            peer = plain_address(host)
            sock.setblocking(False)
            limits = self._limits
            if len(self._connections) >= limits.max_connections or (
                self._by_address[peer] >= limits.max_connections_per_address
                and not is_trusted(peer, self._trusted)
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
        connection = Connection(sock, peer, self._answerer, limits, self)
        self._connections[sock.fileno()] = connection
        self._by_address[peer] += 1
        self._poll.register(sock.fileno(), select.EPOLLIN)
        self._step(connection, connection.readable)  # its request is usually there already

    async def _sweeping(self) -> None:
        while True:
            await trio.sleep(_SWEEP_SECONDS)
            self._sweep()
            for listener in self._listening.values():
                self._resume(listener)

    def _sweep(self) -> None:
        """One look at every deadline: a cancel scope per wait would halve the rate (experiments.md j)."""
        now = self.now = trio.current_time()
        replies.refresh_date()
        for connection in list(self._connections.values()):
            if now > connection.deadline:
                connection.expire()
            elif self.draining and connection.phase == "idle" and now - connection.since > _QUIET_SECONDS:
                connection.close()
