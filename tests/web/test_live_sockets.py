"""Watchers on real sockets behind the admin server: who takes nothing loses his connection, nobody else."""

from __future__ import annotations

import functools
import json
import socket
import time
from collections.abc import Sequence
from typing import Any

import pytest
import trio
from trio_websocket import WebSocketConnection, open_websocket

from appliance.actors.kernel import thread_runner
from appliance.actors.live import Limits, Live
from appliance.http.admin.dispatch import Dispatch
from appliance.http.admin.rpc import Sockets
from appliance.http.admin.server import AdminServer, listen
from appliance.model.events import encode
from appliance.operations import registry
from appliance.operations.context import Caller, Context
from tests.actors.conversions_rig import click_event

HEAD = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\nAuthorization: Bearer x\r\n\r\n"
)


class Busy:
    """Records without end."""

    last_error = ""

    def begin(self) -> None: ...

    def read(self, limit: int) -> tuple[Sequence[bytes], bool]:
        return [encode(click_event(number)) for number in range(20)], False

    def skip(self) -> int:
        return 0

    def close(self) -> None: ...


async def ask(connection: WebSocketConnection, method: str, **params: Any) -> None:
    await connection.send_message(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))


async def follow(port: int, into: list[dict[str, Any]], seconds: float) -> None:
    headers = [(b"authorization", b"Bearer x")]
    opening = open_websocket("127.0.0.1", port, "/ws", use_ssl=False, extra_headers=headers)
    async with opening as connection:
        await ask(connection, "live.watch", topics=["clicks"])
        with trio.move_on_after(seconds):
            while True:
                message = json.loads(await connection.get_message())
                if message.get("method") == "live.frame":
                    into.append(message["params"]["frame"])


def deaf(port: int) -> socket.socket:
    """A client that watches, with little room for what it never reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", port))
    request = b'{"jsonrpc":"2.0","id":1,"method":"live.watch","params":{"topics":["clicks"]}}'
    client.sendall(HEAD)
    head = client.recv(200)
    assert head.startswith(b"HTTP/1.1 101")
    assert b"deflate" not in head
    client.sendall(bytes([129, 128 | len(request)]) + bytes(4) + request)
    return client


@pytest.mark.slow
async def test_whoever_takes_nothing_is_cut_and_the_others_go_on() -> None:
    live = Live(
        Busy(), thread_runner(1), lambda: None, lambda: time.time_ns() // 1_000,  # type: ignore[arg-type, return-value]
        Limits(interval=0.05, stall=1.0, events_per_second=5_000),
    )  # fmt: skip
    nothing: Any = None

    def context(caller: Caller, request_id: str) -> Context:
        return Context(caller, nothing, nothing, nothing, nothing, request_id, live=live)

    async def everybody(*_: object) -> Caller:
        return Caller("a", "rpc", None, 1)

    server = AdminServer(Sockets(Dispatch(registry.load_all(), context, everybody)), 1)
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop, frames = trio.Event(), [list[dict[str, Any]]() for _ in range(3)]
    client: socket.socket | None = None
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(functools.partial(live.run))
            await nursery.start(server.serve, lambda: listener, stop)
            async with trio.open_nursery() as clients:
                for into in frames:
                    clients.start_soon(follow, port, into, 30)
                client = await trio.to_thread.run_sync(deaf, port)
                while not live.report().cut or server.open > 3:  # noqa: ASYNC110
                    await trio.sleep(0.05)
                cut_at = [len(into) for into in frames]
                await trio.sleep(0.5)
                clients.cancel_scope.cancel()
            live.stop()
            stop.set()
    assert all(len(into) > before for into, before in zip(frames, cut_at, strict=True))
    assert live.report().cut == 1
    assert not any(frame["resync"] for into in frames for frame in into)
    with pytest.raises(ConnectionResetError):
        while client.recv(1 << 16):
            pass
    client.close()
    assert server.faults == 0
