"""One HTTP/1.1 connection of the public port: a state machine that the server turns, and llhttp parses for.

Nothing here waits. Each turn reads one packet at most and answers one slice of requests, so that an endless
pipeliner starves nobody; what the whole turn brought is journaled together and sent the moment it is durable.
"""

from __future__ import annotations

import re
import socket
from collections import deque
from typing import Protocol

import httptools

from appliance.http.public import replies
from appliance.http.public.request import Request

MAX_REQUEST_LINE = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024
# Unfinished bodies of all connections of an edge: 1,000 slow ones of one address would be 1 GB. Small ones,
# which postbacks are, pass all the same: whoever holds the rest with slow bodies must not stop them.
MAX_BODIES = 16 * 1024 * 1024
SMALL_BODY = 16 * 1024
_RECV = 16 * 1024
_SLICE = 16
_LINGER_SECONDS = 2.0
_HIGH = re.compile(rb"[\x80-\xff]")
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
    now: float
    """trio's clock as of the last sweep: exact enough for deadlines, and free."""
    body_bytes: int
    """What unfinished bodies hold, of all connections together."""

    def answering(self, connection: Connection) -> None:
        """Call its `deliver` when everything appended up to now is durable."""

    def more(self, connection: Connection) -> None:
        """Call its `answer` in the next turn: it holds more requests than one slice."""

    def watch(self, connection: Connection, writing: bool) -> None:
        """Call its `writable` when it can send (and not `readable` meanwhile), or `readable` again."""

    def gone(self, connection: Connection) -> None:
        """It is about to close."""


class Unsure:
    """A reply that depends on whether its record became durable."""

    __slots__ = ("if_not", "if_recorded")

    def __init__(self, if_recorded: replies.Reply, if_not: replies.Reply) -> None:
        self.if_recorded = if_recorded
        self.if_not = if_not


class Connection:
    """Phases: idle, header, body (waiting for more of a request), answer, send, linger, closed."""

    __slots__ = (
        "_answerer",
        "_answers",
        "_body",
        "_broken",
        "_count",
        "_expect",
        "_fed",
        "_header_bytes",
        "_host",
        "_in_headers",
        "_in_line",
        "_last",
        "_left",
        "_limits",
        "_parser",
        "_queue",
        "_request",
        "_sock",
        "_unsent",
        "deadline",
        "peer",
        "phase",
        "since",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        peer: str,
        answerer: Answerer,
        limits: Limits,
        host: Host,
    ) -> None:
        self._sock = sock
        self._host = host
        self.peer = peer
        self._answerer = answerer
        self._limits = limits
        self._queue: deque[Request] = deque()
        self._answers: list[tuple[Request, replies.Reply | Unsure]] = []
        self._unsent = b""
        self._broken: tuple[int, str] | None = None
        """What is to be refused after the replies that are under way."""
        self._last = ""
        """What follows the replies that are under way: "", close or linger."""
        self._left = 0
        self._request: Request | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._header_bytes = 0
        self._in_headers = False
        self._count = 0
        self._fed = 0
        """Bytes of packets since the request began, or since it last brought a piece of its body."""
        self._in_line = False
        """No packet of this request has brought a line end yet: its first line is incomplete."""
        self._body = bytearray()
        self._expect = False
        self.phase = "idle"
        self.since = host.now
        """When the present wait began. A fresh connection waits too: its request is on the way."""
        self.deadline = self.since + limits.header_timeout

    # -- llhttp's callbacks ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._request = Request()
        self._header_bytes = 0
        self._in_headers = True
        self._count = 0
        self._fed = 0
        self._in_line = True
        self._drop_body()
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
        if not self._in_headers:
            # Fields after a chunked body: merged, they would be the hop that a trusted proxy vouches for.
            return
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
        self._fed = 0
        parser = self._parser
        request.method = parser.get_method()
        request.keep_alive = parser.should_keep_alive()
        headers = request.headers
        if not request.keep_alive or b"host" not in headers or b"connection" in headers:
            # Anybody else speaks HTTP/1.1, and asking llhttp costs a microsecond.
            self._check_version(request)
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > MAX_BODY:
            self._refuse(413, "a body may have 1 MiB at most")
        expect = headers.get(b"expect")
        if expect is not None:
            if expect.lower() != b"100-continue":
                self._refuse(417, "only Expect: 100-continue is understood")
            self._expect = True
        self._wait_for("body", self._limits.body_timeout)

    def _check_version(self, request: Request) -> None:
        version = self._parser.get_http_version()
        if version == "1.0":
            request.old = True
        elif version != "1.1":  # llhttp lets HTTP/0.9 pass
            self._refuse(400, "this is not HTTP/1.1 as RFC 9112 has it")
        elif b"host" not in request.headers:
            self._refuse(400, "no Host header")

    def on_body(self, piece: bytes) -> None:
        self._fed = 0
        size = len(self._body) + len(piece)
        if size > MAX_BODY:
            self._refuse(413, "a body may have 1 MiB at most")
        elif size > SMALL_BODY and self._host.body_bytes + len(piece) > MAX_BODIES:
            self._refuse(503, "too many bodies are being sent at once; try again")
        else:
            self._body += piece
            self._host.body_bytes += len(piece)

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        if self._body:
            request.body = bytes(self._body)
            self._drop_body()
        self._expect = False
        self._queue.append(request)
        self.phase = "answer"

    def _drop_body(self) -> None:
        if self._body:
            self._host.body_bytes -= len(self._body)
            self._body.clear()

    # -- the life of a connection ---------------------------------------------------------------------

    def fileno(self) -> int:
        return self._sock.fileno()

    def readable(self) -> None:
        """Take one packet. Called by the server; raises OSError when the peer is gone."""
        if self.phase == "linger":
            self._discard()
            return
        if self._unsent or self._answers or self._queue:
            return  # no reading while a reply waits: the peer's window fills, not our memory
        try:
            data = self._sock.recv(_RECV)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        if not self._parse(data):
            self._broken = (400, "this is not HTTP/1.1 as RFC 9112 has it")
        if self._request is not None:
            self._in_line = self._in_line and b"\n" not in data
            # httptools keeps an unfinished field to itself, before and behind a body: bounded from here.
            self._fed += len(data)
            if self._fed > MAX_REQUEST_LINE + MAX_HEADER_BYTES + _RECV:
                self._refuse(431, "at most 100 header fields and 32 KiB of them")
        if self._queue:
            self.answer()
        else:
            self._wait_on(answered=False)

    def answer(self) -> None:
        """Decide up to 16 of the requests at hand; `deliver` follows when their records are durable."""
        queue, answerer = self._queue, self._answerer
        answers = self._answers
        while queue and len(answers) < _SLICE:
            request = queue.popleft()
            if request.refusal is not None:
                request.keep_alive = False
                reply: replies.Reply | Unsure = replies.text(*request.refusal)
            else:
                reply = answerer.answer(request, self.peer)
            answers.append((request, reply))
            if not request.keep_alive:
                # A peer that asked to close sends nothing more; one that we refuse may be sending still.
                self._last = "linger" if request.refusal is not None else "close"
                queue.clear()
        self._wait_for("send", self._limits.send_timeout)
        self._host.answering(self)

    def deliver(self, recorded: bool) -> None:
        """Send the slice's replies as far as the socket takes them."""
        if self.phase == "closed":
            return
        if self._host.draining and not self._last and not self._queue:
            self._answers[-1][0].keep_alive = False
            self._last = "linger"  # the peer did not expect it: its next request may be on the way
        out = []
        for request, reply in self._answers:
            if isinstance(reply, Unsure):
                reply = reply.if_recorded if recorded else reply.if_not
            head = request.method == b"HEAD"
            out.append(replies.to_bytes(reply, head, not request.keep_alive, request.old))
            self._answerer.counted(reply.status)
        self._answers.clear()
        self._send(out[0] if len(out) == 1 else b"".join(out))

    def writable(self) -> None:
        """Send on. Called by the server; raises OSError when the peer is gone."""
        data, self._unsent = self._unsent, b""
        self._host.watch(self, writing=False)
        self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._unsent = data[sent:]
            self._host.watch(self, writing=True)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Everything so far is sent."""
        if self._last == "close":
            self.close()
        elif self._last == "linger":
            self._linger()
        elif self._queue:
            self.phase = "answer"
            self._host.more(self)
        else:
            self.phase = "idle"
            self._wait_on(answered=True)

    def _wait_on(self, answered: bool) -> None:
        """No complete request is at hand: refuse what is broken, ask for a body, or wait for more."""
        pending = self._request
        if pending is not None and pending.refusal is not None:
            self._broken = pending.refusal
        if self._broken is not None:
            status, message = self._broken
            self._last, self._broken = "linger", None
            self._answerer.counted(status)
            self._wait_for("send", self._limits.send_timeout)
            self._send(replies.to_bytes(replies.text(status, message + "\n"), False, True, False))
            return
        if answered and pending is None:
            self._wait_for("idle", self._limits.idle_timeout)
        elif (
            self.phase == "idle" and pending is not None
        ):  # replies went out, and their deadlines replaced its own
            if self._in_headers:
                self._wait_for("header", self._limits.header_timeout)
            else:
                self._wait_for("body", self._limits.body_timeout)
        if self._expect and pending is not None and not self._in_headers:
            self._expect = False
            # 25 bytes always fit: every earlier reply has left.
            self._sock.send(replies.CONTINUE)

    def _linger(self) -> None:
        """Read on for a moment: closing over unread data makes the kernel reset our answer away."""
        self._sock.shutdown(socket.SHUT_WR)
        self._wait_for("linger", _LINGER_SECONDS)
        self._left = _LINGER_BYTES

    def _discard(self) -> None:
        try:
            data = self._sock.recv(_RECV)
        except BlockingIOError:
            return
        self._left -= len(data)
        if not data or self._left <= 0:
            self.close()

    def _parse(self, data: bytes) -> bool:
        """Feed llhttp; False when this is no HTTP.

        An `Upgrade:` request (h2c from Java's client) is served as plain HTTP/1.1; CONNECT ends here.
        """
        if (self._request is None or self._in_line) and not data.isascii():
            # Some sources paste bare UTF-8 into a link, and llhttp refuses it; no click is lost for that.
            line, end, rest = data.partition(b"\r\n")
            data = _HIGH.sub(lambda match: b"%%%02X" % match[0][0], line) + end + rest
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._request is not None:
                    self.on_message_complete()
                if self._queue and self._queue[-1].method == b"CONNECT":
                    self._queue[-1].keep_alive = False
                    return True
                self._parser = httptools.HttpRequestParser(self)
                data = data[upgrade.args[0] :] if upgrade.args else b""
                if not data:
                    return True  # what follows is the next request, and may be another upgrade
            except httptools.HttpParserCallbackError as fault:
                raise fault.__context__ or fault from None
            except httptools.HttpParserError:
                return False
            else:
                return True

    # -- limits ---------------------------------------------------------------------------------------

    def _refuse(self, status: int, message: str) -> None:
        if self._request is not None and self._request.refusal is None:
            self._request.refusal = (status, message)
            self._drop_body()

    def _wait_for(self, phase: str, seconds: float) -> None:
        self.phase = phase
        self.since = now = self._host.now
        self.deadline = now + seconds

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
        """Close now, whatever is under way."""
        if self.phase != "closed":
            self.phase = "closed"
            self._host.gone(self)
            self._drop_body()
            self._answers.clear()
            self._sock.close()
            del self._parser  # it holds us and we hold it: without this every visitor waits for the collector
