"""One HTTP/1.1 connection of the public port: llhttp parses, `answer` decides, one await per slice.

Requests that came in one packet are answered in slices: journal once, send once, then yield, so that an
endless pipeliner starves nobody; after the yield the next recv usually finds data (experiments.md j).
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import httptools
import trio

from appliance.http.public import replies
from appliance.http.public.request import Request

MAX_REQUEST_LINE = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024
_RECV = 16 * 1024
_SLICE = 16
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 256 * 1024


class Limits(Protocol):
    """Seconds (config.Public)."""

    @property
    def idle_timeout(self) -> float: ...
    @property
    def header_timeout(self) -> float: ...
    @property
    def body_timeout(self) -> float: ...
    @property
    def send_timeout(self) -> float: ...


class Answerer(Protocol):
    """What answers requests: synchronous, and durable once `recorded` has returned."""

    def answer(self, request: Request, peer: str) -> replies.Reply | Unsure: ...

    def counted(self, status: int) -> None:
        """Told of every reply that is sent."""


class Host(Protocol):
    """The server a connection belongs to."""

    draining: bool
    """The edge is stopping: every next reply says `Connection: close`."""


class Unsure:
    """A reply that depends on whether its record became durable."""

    __slots__ = ("if_not", "if_recorded")

    def __init__(self, if_recorded: replies.Reply, if_not: replies.Reply) -> None:
        self.if_recorded = if_recorded
        self.if_not = if_not


Recorded = Callable[[], Awaitable[bool]]


class Connection:
    """`serve` runs until the connection is over and always leaves the socket closed."""

    __slots__ = (
        "_answerer", "_body", "_count", "_expect", "_fed", "_header_bytes", "_host", "_in_headers",
        "_limits", "_parser", "_queue", "_recorded", "_request", "_sock", "deadline", "peer", "phase",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        peer: str,
        answerer: Answerer,
        recorded: Recorded,
        limits: Limits,
        host: Host,
    ) -> None:
        self._sock = sock
        self._host = host
        self.peer = peer
        self._answerer = answerer
        self._recorded = recorded
        self._limits = limits
        self._queue: deque[Request] = deque()
        self._request: Request | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._header_bytes = 0
        self._in_headers = False
        self._count = 0
        self._fed = 0
        """Bytes of packets seen since the request began, while its headers are incomplete."""
        self._body: list[bytes] = []
        self._expect = False
        self.phase = "idle"
        self.deadline = trio.current_time() + limits.header_timeout

    # -- llhttp's callbacks ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._request = Request()
        self._header_bytes = 0
        self._in_headers = True
        self._count = 0
        self._fed = 0
        self._body.clear()
        self._expect = False
        self._wait_for("header", self._limits.header_timeout)

    def on_url(self, piece: bytes) -> None:
        request = self._request
        assert request is not None
        request.target += piece
        if len(request.target) > MAX_REQUEST_LINE:
            self._refuse(414, "the request line may have 8 KiB at most")

    def on_header(self, name: bytes, value: bytes | None) -> None:
        request = self._request
        assert request is not None
        value = value or b""
        self._count += 1
        self._header_bytes += len(name) + len(value)
        if self._count > MAX_HEADERS or self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(431, "at most 100 header fields and 32 KiB of them")
            return
        name = name.lower()
        headers = request.headers
        if name not in headers:
            headers[name] = value
        elif name == b"host":
            self._refuse(400, "more than one Host header")
        else:
            headers[name] += b", " + value

    def on_headers_complete(self) -> None:
        request = self._request
        assert request is not None
        self._in_headers = False
        parser = self._parser
        request.method = parser.get_method()
        request.keep_alive = parser.should_keep_alive()
        headers = request.headers
        if b"host" not in headers and parser.get_http_version() == "1.1":
            self._refuse(400, "no Host header")
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > MAX_BODY:
            self._refuse(413, "a body may have 1 MiB at most")
        expect = headers.get(b"expect")
        if expect is not None:
            if expect.lower() != b"100-continue":
                self._refuse(417, "only Expect: 100-continue is understood")
            self._expect = True
        self._wait_for("body", self._limits.body_timeout)

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)
        self._header_bytes += len(piece)
        if self._header_bytes > MAX_BODY + MAX_HEADER_BYTES or sum(map(len, self._body)) > MAX_BODY:
            self._refuse(413, "a body may have 1 MiB at most")

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        if self._body:
            request.body = b"".join(self._body)
            self._body.clear()
        self._expect = False
        self._queue.append(request)
        self.phase = "answer"

    # -- the life of a connection ---------------------------------------------------------------------

    async def serve(self) -> None:
        try:
            await self._serve()
        except (OSError, trio.ClosedResourceError, trio.BrokenResourceError):
            pass  # the peer went away, or the sweeper closed us
        finally:
            self.phase = "closed"
            self._sock.close()

    async def _serve(self) -> None:
        sock, parser = self._sock, self._parser
        while True:
            try:
                data = sock.recv(_RECV)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(sock)
                continue
            if not data:
                return
            broken: tuple[int, str] | None = None
            try:
                parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._ignore_upgrade(data, upgrade)
                parser = self._parser
            except httptools.HttpParserCallbackError as fault:
                raise fault.__context__ or fault from None
            except httptools.HttpParserError:
                broken = (400, "this is not HTTP/1.1 as RFC 9112 has it")
            if self._in_headers:
                self._fed += len(data)  # llhttp keeps an unfinished field to itself: bound it from outside
                if self._fed > MAX_REQUEST_LINE + MAX_HEADER_BYTES + _RECV:
                    self._refuse(431, "at most 100 header fields and 32 KiB of them")
            while self._queue:
                if not await self._answer_slice():
                    return
            pending = self._request
            if pending is not None and pending.refusal is not None:
                broken = pending.refusal
            if broken is not None:
                await self._send_last(*broken)
                return
            if self._expect and pending is not None and not self._in_headers:
                self._expect = False
                await self._send(replies.CONTINUE)
            if pending is None:
                self._wait_for("idle", self._limits.idle_timeout)

    async def _answer_slice(self) -> bool:
        """Answer up to 16 requests: one wait for the journal, one send, one yield. False: the last one."""
        queue, answerer = self._queue, self._answerer
        answers: list[tuple[Request, replies.Reply | Unsure]] = []
        while queue and len(answers) < _SLICE:
            request = queue.popleft()
            if request.refusal is not None:
                request.keep_alive = False
                reply: replies.Reply | Unsure = replies.text(*request.refusal)
            else:
                reply = answerer.answer(request, self.peer)
            answers.append((request, reply))
            if not request.keep_alive:
                break
        recorded = await self._recorded()
        out = []
        close = False
        old = self._parser.get_http_version() == "1.0"
        for request, reply in answers:
            if isinstance(reply, Unsure):
                reply = reply.if_recorded if recorded else reply.if_not
            close = not request.keep_alive or (
                self._host.draining and not queue and request is answers[-1][0]
            )
            out.append(replies.to_bytes(reply, request.method == b"HEAD", close, old))
            answerer.counted(reply.status)
        self._wait_for("send", self._limits.send_timeout)
        await self._send(out[0] if len(out) == 1 else b"".join(out))
        if close:
            await self._linger()
            return False
        self.phase = "answer" if queue else "idle"
        await trio.lowlevel.checkpoint()
        return True

    async def _send(self, data: bytes) -> None:
        sock = self._sock
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return
        view = memoryview(data)[sent:]
        while view:
            await trio.lowlevel.wait_writable(sock)
            try:
                view = view[sock.send(view) :]
            except BlockingIOError:
                continue

    async def _send_last(self, status: int, message: str) -> None:
        """Refuse what cannot be answered otherwise, and close: the parser's state is lost."""
        reply = replies.text(status, message + "\n")
        self._answerer.counted(status)
        self._wait_for("send", self._limits.send_timeout)
        await self._send(replies.to_bytes(reply, False, True, False))
        await self._linger()

    async def _linger(self) -> None:
        """Read on for a moment: closing over unread data makes the kernel reset our answer away."""
        sock = self._sock
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            return
        self._wait_for("linger", _LINGER_SECONDS)
        left = _LINGER_BYTES
        while left > 0:
            try:
                data = sock.recv(_RECV)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(sock)
                continue
            if not data:
                return
            left -= len(data)

    def _ignore_upgrade(self, data: bytes, upgrade: httptools.HttpParserUpgrade) -> None:
        """Serve an `Upgrade:` request (h2c from Java's client) as plain HTTP/1.1; CONNECT ends here."""
        if self._request is not None:
            self.on_message_complete()
        if self._queue and self._queue[-1].method == b"CONNECT":
            self._queue[-1].keep_alive = False
            return
        self._parser = httptools.HttpRequestParser(self)
        rest = data[upgrade.args[0] :] if upgrade.args else b""
        if rest:
            # What follows must be the next request; a body after an ignored upgrade is a framing error.
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserError:
                self._queue[-1].keep_alive = False

    # -- limits ---------------------------------------------------------------------------------------

    def _refuse(self, status: int, message: str) -> None:
        if self._request is not None and self._request.refusal is None:
            self._request.refusal = (status, message)

    def _wait_for(self, phase: str, seconds: float) -> None:
        self.phase = phase
        self.deadline = trio.current_time() + seconds

    def expire(self) -> None:
        """The deadline has passed (called by the sweeper): say why if anything was asked, and close."""
        if self.phase in ("header", "body"):
            reply = replies.text(408, "the request took too long to arrive\n")
            try:
                self._sock.send(replies.to_bytes(reply, False, True, False))
                self._answerer.counted(408)
            except OSError:
                pass
        self.close()

    def close(self) -> None:
        """Close now; whoever waits for the socket is woken with an error it expects."""
        self.phase = "closed"
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()
