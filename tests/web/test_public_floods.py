"""Bytes without end that never become a request: they hold neither the loop nor memory."""

from __future__ import annotations

import contextlib
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
    def more(self, connection: Connection) -> None: ...
    def watch(self, connection: Connection, writing: bool) -> None: ...
    def gone(self, connection: Connection) -> None: ...

    def answering(self, connection: Connection) -> None:
        connection.deliver(True)


def connection(sock: Any) -> Connection:
    return Connection(sock, "192.0.2.1", Nobody(), config.Public(), Nobody())


def drain(made: Connection) -> None:
    """Turn it as the server does for as long as its peer sends."""
    while made.phase != "closed":
        made.readable()


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"\r\n", b"\r\n" * 4000),
        (START, b"1\r\nx\r\n" * 1000),
        (START + b"1;", b"y" * 8000),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
    ],
)
def test_a_flood_gets_one_packet_a_turn(first: bytes, piece: bytes) -> None:
    sock = Stuffed(first, piece, 50)
    made = connection(sock)
    while sock.left and made.phase != "closed":
        before = len(sock.left)
        made.readable()
        assert before - len(sock.left) == 1
    drain(made)


@pytest.mark.parametrize("tail", [b"1;", b"1\r\nx\r\n0\r\nX: ", b"1\r\nx\r\n0\r\nX"])
def test_what_stands_between_and_behind_chunks_is_bounded(tail: bytes) -> None:
    sock = Stuffed(START + tail, b"a" * 16_000, 1000)
    drain(connection(sock))
    assert sock.sent.startswith(b"HTTP/1.1 431 ")
    assert len(sock.left) > 950


def test_trailers_of_short_lines_are_bounded_too() -> None:
    sock = Stuffed(START + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 2000, 1000)
    drain(connection(sock))
    assert sock.sent.startswith(b"HTTP/1.1 431 ")


def test_line_ends_between_requests_do_not_keep_a_connection_open() -> None:
    sock = Stuffed(b"\r\n", b"\r\n", 20)
    made = connection(sock)
    before = made.deadline
    drain(made)
    assert made.deadline == before


async def test_four_floods_leave_an_honest_visitor_his_turns(edge: Front) -> None:
    clients = [await edge.client() for _ in range(4)]
    async with trio.open_nursery() as nursery:
        for flooding in clients:
            nursery.start_soon(flood, flooding)
        honest = await edge.client()
        for _ in range(20):
            await honest.send(request("/healthz"))
            assert (await honest.answer()).status == 200
        nursery.cancel_scope.cancel()


async def flood(client: Any) -> None:
    with contextlib.suppress(trio.BrokenResourceError):
        while True:
            await client.send(b"\r\n" * 4000)


async def test_a_bare_utf_8_link_that_comes_in_two_packets(edge: Front) -> None:
    client = await edge.client()
    await client.send(b"GET /c/shoes?sub1=")
    await trio.sleep(0.05)
    await client.send("щ&sub2=ъ".encode())
    await trio.sleep(0.05)
    await client.send("ю HTTP/1.1\r\nHost: x\r\nUser-Agent: щ\r\n\r\n".encode())
    answer = await client.answer()
    assert answer.status == 302 and "%D1%89" in answer.location
