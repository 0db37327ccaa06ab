"""HTTP/1.1 as bytes, for tests that must see exactly what a server sends: no library hides a header here.

`Wire` is one blocking connection; `exchange` is one request on a connection of its own, as visitors send it.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from typing import NamedTuple, Self

Address = tuple[str, int]


class Answer(NamedTuple):
    """One reply; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "") == "close"

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


class Ended(ConnectionError):
    """The server closed before a whole reply had come."""


def request(
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    version: str = "1.1",
) -> bytes:
    """The bytes of one request. Host and, with a body, Content-Length are added unless `headers` has them."""
    given = {"Host": "t.example", **({"Content-Length": str(len(body))} if body else {}), **(headers or {})}
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def take_answer(data: bytearray, head_only: bool = False) -> Answer | None:
    """Cut one reply off the front of `data`; None while it is not whole.

    1xx is a reply of its own. A reply without Content-Length has no body here: Weir never sends one that
    ends with the connection.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = bytes(data[:end]).decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"not a reply: {first!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = 0 if head_only else int(headers.get("content-length", "0"))
    if len(data) < end + 4 + length:
        return None
    body = bytes(data[end + 4 : end + 4 + length])
    del data[: end + 4 + length]
    return Answer(int(status), headers, body)


class Wire:
    """One connection. Every method raises OSError (Ended is one) when the server is not there any more."""

    def __init__(self, address: Address, timeout: float = 60.0, source: str = "") -> None:
        self.sock = socket.create_connection(address, timeout, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = bytearray()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, head_only: bool = False) -> Answer:
        """The next reply."""
        while (found := take_answer(self._data, head_only)) is None:
            piece = self.sock.recv(65536)
            if not piece:
                raise Ended(f"closed after {bytes(self._data[:200])!r}")
            self._data += piece
        return found

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        self.send(request(target, method, headers, body))
        return self.answer(method == "HEAD")

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while piece := self.sock.recv(65536):
            self._data += piece
        rest, self._data = bytes(self._data), bytearray()
        return rest

    def idle(self) -> bool:
        """Whether the connection is still open with nothing to read: fit for another request."""
        # Not recv with MSG_DONTWAIT: a Python socket with a timeout waits for data first all the same.
        return not select.select([self.sock], [], [], 0)[0]

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def exchange(
    address: Address,
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = 60.0,
) -> Answer:
    """One request on a connection of its own."""
    with Wire(address, timeout) as wire:
        return wire.ask(target, method, headers, body)


def address_of(url: str) -> Address:
    """`http://127.0.0.1:8080` → ("127.0.0.1", 8080)."""
    host, _, port = url.removeprefix("http://").rstrip("/").rpartition(":")
    return host, int(port)
