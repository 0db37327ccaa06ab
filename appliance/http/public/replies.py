"""Replies of the public port as bytes, ready to send."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"


class Reply:
    """A reply before it meets its connection. `body` is left out for HEAD, its length is not."""

    __slots__ = ("body", "head", "status")

    def __init__(self, status: int, head: bytes, body: bytes = b"") -> None:
        self.status = status
        self.head = head
        """Status line and headers, each ended by CRLF, without Date, Connection and the empty line."""
        self.body = body


@lru_cache(maxsize=128)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Configured"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_REDIRECT = _status_line(302) + b"Content-Length: 0\r\nCache-Control: no-store\r\nLocation: "


def redirect(url: str) -> Reply:
    """302 to `url`, never cached: the next click may go elsewhere. `url` is ASCII without line breaks."""
    return Reply(302, _REDIRECT + url.encode("ascii", "replace") + b"\r\n")


def moved(status: int, url: str, extra: bytes) -> Reply:
    """Any redirect, with further header lines; like `redirect`, it is never cached."""
    head = b"Content-Length: 0\r\nCache-Control: no-store\r\n"
    return Reply(
        status, _status_line(status) + head + extra + b"Location: " + url.encode("ascii", "replace") + b"\r\n"
    )


def text(status: int, message: str, extra: bytes = b"") -> Reply:
    return content(status, TEXT, message.encode(), extra)


def content(status: int, content_type: bytes, body: bytes, extra: bytes = b"") -> Reply:
    """A reply with a body; `extra` are further header lines, each ended by CRLF."""
    if status in (204, 304):
        return Reply(status, _status_line(status) + extra)
    head = b"%bContent-Type: %b\r\nContent-Length: %d\r\nCache-Control: no-store\r\n%b" % (
        _status_line(status),
        content_type,
        len(body),
        extra,
    )
    return Reply(status, head, body)


_date_line = b""


def refresh_date() -> None:
    """Make the Date header anew; the listener's sweeper does it four times a second."""
    global _date_line  # noqa: PLW0603  one line shared by every reply of that time
    _date_line = b"Date: %b\r\n" % formatdate(time.time(), usegmt=True).encode()


refresh_date()


_CLOSE = b"Connection: close\r\n\r\n"
_KEEP_10 = b"Connection: keep-alive\r\n\r\n"


def to_bytes(reply: Reply, head_only: bool, close: bool, old: bool) -> bytes:
    """The reply as it goes on the wire. `old`: an HTTP/1.0 client, which must be told that we keep alive."""
    end = _CLOSE if close else _KEEP_10 if old else b"\r\n"
    return reply.head + _date_line + end + (b"" if head_only else reply.body)
