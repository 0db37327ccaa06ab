"""What arrives on one connection: bytes → requests, by llhttp, each bounded while it is still on its way."""

from __future__ import annotations

import re
from collections import deque
from typing import Protocol

import httptools

from appliance.http.public.request import Request

MAX_REQUEST_LINE = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024
# Unfinished bodies of all connections of an edge: 1,000 slow ones of one address would be 1 GB. Small ones,
# which postbacks are, pass all the same: whoever holds the rest with slow bodies must not stop them.
MAX_BODIES = 16 * 1024 * 1024
SMALL_BODY = 16 * 1024
_HIGH = re.compile(rb"[\x80-\xff]")


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


class Host(Protocol):
    """The server a connection belongs to."""

    now: float
    """trio's clock as of the last sweep: exact enough for deadlines, and free."""
    body_bytes: int
    """What unfinished bodies hold, of all connections together."""

    def largest(self, request: Request) -> int:
        """Bytes of the largest body that this request may have."""


class Incoming:
    """Requests that are complete wait in `_queue`; `_request` is the one on its way.

    Phases: idle, header, body (waiting for more of a request), answer, send, linger, closed. A connection is
    one of these, not the owner of one: a call between the two for each of llhttp's would cost every click.
    """

    __slots__ = (
        "_body",
        "_count",
        "_expect",
        "_fed",
        "_header_bytes",
        "_host",
        "_in_headers",
        "_in_line",
        "_limits",
        "_parser",
        "_queue",
        "_request",
        "deadline",
        "phase",
        "since",
    )  # fmt: skip

    def __init__(self, limits: Limits, host: Host) -> None:
        self._limits = limits
        self._host = host
        self._queue: deque[Request] = deque()
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
            self._check_size(request, int(length))
        expect = headers.get(b"expect")
        if expect is not None:
            if expect.lower() != b"100-continue":
                self._refuse(417, "only Expect: 100-continue is understood")
            self._expect = True
        self._wait_for("body", self._limits.body_timeout)

    def _check_size(self, request: Request, size: int) -> None:
        """Of a body beyond the usual: who may send one is asked only then."""
        most = self._host.largest(request)
        if size > most:
            text = "1 MiB" if most == MAX_BODY else f"{most // 1_000_000} MB"
            self._refuse(413, f"a body may have {text} at most")

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
        if size > MAX_BODY and self._request is not None and self._request.refusal is None:
            self._check_size(self._request, size)
        if self._request is None or self._request.refusal is not None:
            return
        if size > SMALL_BODY and self._host.body_bytes + len(piece) > MAX_BODIES:
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

    # -- bytes and bounds -----------------------------------------------------------------------------

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

    def _refuse(self, status: int, message: str) -> None:
        if self._request is not None and self._request.refusal is None:
            self._request.refusal = (status, message)
            self._drop_body()

    def _wait_for(self, phase: str, seconds: float) -> None:
        self.phase = phase
        self.since = now = self._host.now
        self.deadline = now + seconds
