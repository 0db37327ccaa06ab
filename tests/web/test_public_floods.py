"""Bytes without end that never become a request: they hold neither the loop nor memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio

from appliance import config
from appliance.http.public import replies
from appliance.http.public.connection import Connection
from appliance.http.public.request import Request
from tests.web.front import Front, front
from tests.wire import request

CHUNKED = {"Transfer-Encoding": "chunked"}
START = request("/pb/open", "POST", CHUNKED)


@pytest.fixture
async def edge(tmp_path):
    async with front(tmp_path) as made:
        yield made


class Stuffed:
    """A socket whose peer sends faster than anybody reads: `first`, then `piece` again and again."""

    def __init__(self, first: bytes, piece: bytes, pieces: int) -> None:
        self.left = [first, *[piece] * pieces]
        self.sent = b""

    def recv(self, most: int) -> bytes:
        assert most >= max(map(len, self.left), default=0)
        return self.left.pop(0) if self.left else b""

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def shutdown(self, how: int) -> None: ...
    def close(self) -> None: ...


class Nobody:
    draining = False
    body_bytes = 0
    asked = 0.0

    @property
    def now(self) -> float:
        """Every look at the clock finds it later."""
        self.asked += 1
        return self.asked

    def answer(self, request: Request, peer: str) -> replies.Reply:
        return replies.text(200, "OK\n")

    def counted(self, status: int) -> None: ...


async def recorded(deliver: Callable[[bool], None]) -> None:
    deliver(True)
    await trio.lowlevel.checkpoint()


def connection(sock: Any) -> Connection:
    return Connection(sock, "192.0.2.1", Nobody(), recorded, config.Public(), Nobody())


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"\r\n", b"\r\n" * 4000),
        (START, b"1\r\nx\r\n" * 1000),
        (START + b"1;", b"y" * 8000),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
    ],
)
async def test_a_flood_lets_others_run_between_its_packets(first: bytes, piece: bytes) -> None:
    others = 0
    async with trio.open_nursery() as nursery:

        async def run_beside() -> None:
            nonlocal others
            while True:
                others += 1
                await trio.lowlevel.checkpoint()

        nursery.start_soon(run_beside)
        await connection(Stuffed(first, piece, 50)).serve()
        nursery.cancel_scope.cancel()
    assert others >= 7


@pytest.mark.parametrize("tail", [b"1;", b"1\r\nx\r\n0\r\nX: ", b"1\r\nx\r\n0\r\nX"])
async def test_what_stands_between_and_behind_chunks_is_bounded(tail: bytes) -> None:
    sock = Stuffed(START + tail, b"a" * 16_000, 1000)
    await connection(sock).serve()
    assert sock.sent.startswith(b"HTTP/1.1 431 ")
    assert len(sock.left) > 950


async def test_trailers_of_short_lines_are_bounded_too() -> None:
    sock = Stuffed(START + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 2000, 1000)
    await connection(sock).serve()
    assert sock.sent.startswith(b"HTTP/1.1 431 ")


async def test_line_ends_between_requests_do_not_keep_a_connection_open() -> None:
    sock = Stuffed(b"\r\n", b"\r\n", 20)
    made = connection(sock)
    before = made.deadline
    await made.serve()
    assert made.deadline == before


async def test_a_bare_utf_8_link_that_comes_in_two_packets(edge: Front) -> None:
    client = await edge.client()
    await client.send(b"GET /c/shoes?sub1=")
    await trio.sleep(0.05)
    await client.send("щ&sub2=ъ".encode())
    await trio.sleep(0.05)
    await client.send("ю HTTP/1.1\r\nHost: x\r\nUser-Agent: щ\r\n\r\n".encode())
    answer = await client.answer()
    assert answer.status == 302 and "%D1%89" in answer.location
