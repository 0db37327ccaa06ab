"""The admin port on real sockets: limits, slow and rude clients, and that nobody takes it down."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio

from appliance.http.admin.app import create_app
from appliance.http.admin.server import AdminServer, listen
from tests.doors import open_doors
from tests.rig import PATIENCE

MOST = 30
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
Connect = Callable[[], Awaitable[trio.SocketStream]]


async def answer(stream: trio.SocketStream) -> bytes:
    """One small JSON answer, head and body."""
    received = b""
    with trio.fail_after(PATIENCE):
        while not received.endswith(b"}\n"):
            data = await stream.receive_some(4096)
            assert data, received
            received += data
    return received


class Rig:
    def __init__(self, server: AdminServer, port: int, stop: trio.Event) -> None:
        self.server, self.port, self.stop = server, port, stop

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def honest(self) -> None:
        """Somebody who behaves is served."""
        with trio.fail_after(PATIENCE):
            async with await self.connect() as stream:
                await stream.send_all(GET)
                assert (await answer(stream)).startswith(b"HTTP/1.1 200")


@asynccontextmanager
async def serving(tmp_path: Path, header_seconds: float, read_seconds: float) -> AsyncIterator[Rig]:
    async with open_doors(tmp_path) as doors:
        listener = listen("127.0.0.1", 0)
        app = create_app(doors.operations, doors.context, doors.overview)
        server, stop = AdminServer(app, 1, header_seconds, read_seconds), trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(server.serve, lambda: listener, stop)
            yield Rig(server, listener.getsockname()[1], stop)
            stop.set()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Of little patience."""
    async with serving(tmp_path, 0.5, 2) as made:
        yield made


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Rig]:
    """Nobody is cut for being slow, however slow the machine is."""
    async with serving(tmp_path, 10 * PATIENCE, 10 * PATIENCE) as made:
        yield made


async def everything(stream: trio.SocketStream) -> bytes:
    """All it says until it closes; TooSlowError when it does not."""
    received = b""
    with trio.fail_after(PATIENCE):
        try:
            while data := await stream.receive_some(65536):
                received += data
        except trio.BrokenResourceError:
            pass
    return received


async def test_keep_alive_and_pipelined_requests_are_answered(rig: Rig) -> None:
    async with await rig.connect() as stream:
        for _ in range(3):
            await stream.send_all(GET)
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
    async with await rig.connect() as stream:
        await stream.send_all(GET * 20)
        received = await everything(stream)
    assert received.count(b"HTTP/1.1 200") == 20
    assert b"server:" not in received.lower()


async def test_a_head_that_dawdles_is_cut_however_busily_it_dawdles(rig: Rig) -> None:
    async with await rig.connect() as stream:
        with trio.fail_after(PATIENCE):
            try:
                while True:
                    await stream.send_all(b"X")
                    await trio.sleep(0.05)
            except trio.BrokenResourceError:
                pass
    await rig.honest()


async def test_an_answer_that_comes_before_the_body_leaves_no_deaf_connection(patient: Rig) -> None:
    """Hypercorn closes such a connection in a task that Quart cancels (seen: the next request hung)."""
    head = b"POST /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 3\r\n\r\n"
    for _ in range(5):
        async with await patient.connect() as stream:
            await stream.send_all(head)
            assert (await everything(stream)).startswith(b"HTTP/1.1 403")


async def test_a_request_that_is_refused_may_be_followed_by_another(patient: Rig) -> None:
    async with await patient.connect() as stream:
        for _ in range(5):
            await stream.send_all(b"PATCH /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n")
            await trio.sleep(0.02)
            await stream.send_all(b"abc")
            assert (await answer(stream)).startswith(b"HTTP/1.1 405")


async def test_a_body_that_dawdles_is_cut(rig: Rig) -> None:
    async with await rig.connect() as stream:
        head = b"POST /internal/cache/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        await stream.send_all(head + b"x")
        await everything(stream)
    await rig.honest()


@pytest.mark.parametrize(
    "rude",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: nine\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\xff\x07\xff" * 50,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
        b"HTTP2-Settings: !!\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n" + b"\x81\xff" * 9,
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%00%ff%zz?%00=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"G\xffT / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n" * 500,
        b"",
    ],
)  # fmt: skip
async def test_what_cannot_be_a_request_costs_its_sender_the_connection(rig: Rig, rude: bytes) -> None:
    async with await rig.connect() as stream:
        try:
            await stream.send_all(rude)
            await stream.send_eof()
        except trio.BrokenResourceError:
            pass
        await everything(stream)
    await rig.honest()


@pytest.mark.slow
async def test_it_survives_noise(rig: Rig) -> None:
    dice = random.Random(7)
    seeds = [
        GET,
        b"POST /internal/cache/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" + GET,
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    ]

    async def noise(number: int) -> None:
        for _ in range(8):
            data = bytearray(dice.choice(seeds) * dice.randint(1, 3))
            for _ in range(dice.randint(0, 12)):
                at = dice.randrange(len(data))
                match dice.randrange(3):
                    case 0:
                        data[at] = dice.randrange(256)
                    case 1:
                        del data[at : at + dice.randint(1, 8)]
                        data = data or bytearray(b"\0")
                    case _:
                        data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 20)))
            stream = await rig.connect()
            try:
                await stream.send_all(bytes(data))
                with trio.move_on_after(0.02):
                    await stream.receive_some(65536)
            except trio.BrokenResourceError:
                pass
            if dice.random() < 0.5:
                linger = b"\1\0\0\0\0\0\0\0"
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(noise, number)
        for _ in range(5):
            await rig.honest()
            await trio.sleep(0.05)
    await rig.honest()
    with trio.fail_after(PATIENCE):
        while rig.server.open:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_of_too_many_connections_the_one_longest_without_a_byte_makes_room(patient: Rig) -> None:
    patient.server.most = MOST
    idle = [await patient.connect() for _ in range(MOST)]
    await idle[0].send_all(GET)
    assert (await answer(idle[0])).startswith(b"HTTP/1.1 200")
    await patient.honest()
    assert await everything(idle[1]) == b""
    await idle[0].send_all(GET)
    assert (await answer(idle[0])).startswith(b"HTTP/1.1 200"), "the second one went, not this"
    assert patient.server.refused == 1
    for stream in idle:
        await trio.aclose_forcefully(stream)
    await patient.honest()


async def test_a_stop_closes_idle_connections_at_once(patient: Rig) -> None:
    async with await patient.connect() as stream:
        await stream.send_all(GET)
        await answer(stream)
        patient.stop.set()
        assert await everything(stream) == b""
    with pytest.raises(OSError, match="connect"):
        await patient.connect()


def test_port_0_takes_a_free_port() -> None:
    with listen("127.0.0.1", 0) as one, listen("::1", 0) as other:
        assert one.getsockname()[1] > 0
        assert other.getsockname()[1] > 0


async def test_bodies_that_nobody_ends_hold_a_bounded_part_of_the_memory(patient: Rig) -> None:
    """They are read before anybody has signed in. Those who wait lose nothing but their own room."""
    post = b"POST /api/campaigns HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    body = b" " * 1_000_000
    async with trio.open_nursery() as nursery:
        refused = 0
        enough = trio.Event()

        async def unended() -> None:
            nonlocal refused
            async with await patient.connect() as stream:
                # Whose body has no room is answered in its midst, and closed.
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(post + b"Content-Length: 1000001\r\n\r\n" + body)
                with suppress(trio.TooSlowError):
                    if (await everything(stream)).startswith(b"HTTP/1.1 503"):
                        refused += 1
                        if refused == 3:  # 33 fit into 32 MiB
                            enough.set()
                await trio.sleep_forever()

        for _ in range(36):
            nursery.start_soon(unended)
        with trio.fail_after(PATIENCE):
            await enough.wait()
        async with await patient.connect() as stream:
            await stream.send_all(post + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
            assert (await everything(stream)).startswith(b"HTTP/1.1 401")
        nursery.cancel_scope.cancel()
    with trio.fail_after(PATIENCE):
        while patient.server.open:  # noqa: ASYNC110  the server has no event for a test
            await trio.sleep(0.01)
    async with await patient.connect() as stream:
        await stream.send_all(post + b"Content-Length: 1000000\r\nConnection: close\r\n\r\n" + body)
        assert (await everything(stream)).startswith(b"HTTP/1.1 400")
