"""JSON-RPC at /ws: the protocol, its limits, and who loses the socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import open_websocket_url

from appliance.errors import Refused, Unauthenticated
from appliance.http.admin import rpc
from appliance.http.admin.app import create_app
from appliance.http.admin.rpc import (
    LONGEST_BATCH,
    LOOK_SECONDS,
    MOST_CALLS,
    MOST_SUBSCRIPTIONS,
    NOBODY_SECONDS,
)
from appliance.http.admin.server import LARGEST_MESSAGE, AdminServer, listen
from appliance.operations.context import Caller, Context, local_administrator
from appliance.operations.nouns import Request
from appliance.operations.registry import Operation
from tests.doors import Doors, open_doors
from tests.rig import PATIENCE
from tests.web.wires import CALLERS, Wire, application, authenticate, websocket


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as doors:
        yield doors


def with_operation(doors: Doors, name: str, run: Any) -> Doors:
    """The doors with one more operation, for anyone."""
    each = Operation(name, "anyone", False, {}, Request, dict[str, Any], "For this test.", run, {})
    return replace(doors, operations={**doors.operations, name: each})


async def test_requests_notifications_and_batches(doors: Doors) -> None:
    async with websocket(application(doors), "weir_administrator") as wire:
        answer = await wire.ask("campaigns.get", {"slug": "demo"}, "a")
        assert (answer["id"], answer["jsonrpc"], answer["result"]["slug"]) == ("a", "2.0", "demo")
        assert "result" in await wire.ask("campaigns.list", number=None), "no params at all, and a null id"
        await wire.say('{"jsonrpc": "2.0", "method": "sources.create", "params": {"name": "New"}}')
        with trio.fail_after(PATIENCE):  # it is done, and not answered
            while (await wire.ask("sources.list"))["result"]["total"] == 1:  # noqa: ASYNC110
                await trio.sleep(0.01)
        one = {"jsonrpc": "2.0", "id": 1, "method": "campaigns.get", "params": {"id": 1}}
        silent = {"jsonrpc": "2.0", "method": "campaigns.list"}
        await wire.say(json.dumps([one, silent, 7, {**one, "id": 2, "method": "no.such"}]).encode())
        first, second, third = await wire.hear()
        assert (first["id"], second["error"]["code"], third["error"]["code"]) == (1, -32600, -32601)
        await wire.say(json.dumps([silent]))
        assert (await wire.ask("campaigns.list", number=9))["id"] == 9, (
            "a batch of notifications has no answer"
        )


@pytest.mark.parametrize(
    ("message", "code", "number"),
    [
        ("{", -32700, None), ("", -32700, None), (b"\xff", -32700, None), ("[" * 100_000, -32700, None),
        ("[]", -32600, None), ("7", -32600, None), ("null", -32600, None),
        ('{"id": 1, "method": "campaigns.list"}', -32600, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": 7}', -32600, 1),
        ('{"jsonrpc": "2.0", "id": true, "method": "campaigns.list"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": [1], "method": "campaigns.list"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": "campaigns.list", "params": [1]}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "campaigns.list", "params": null}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "no.such"}', -32601, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "campaigns.get", "params": {"id": 99}}', -32000, 1),
        ("[" + ",".join(["1"] * (LONGEST_BATCH + 1)) + "]", -32600, None),
    ],
)  # fmt: skip
async def test_what_is_wrong_has_its_number(
    doors: Doors, message: str | bytes, code: int, number: object
) -> None:
    async with websocket(application(doors), "weir_administrator") as wire:
        await wire.say(message)
        answer = await wire.hear()
        assert (answer["error"]["code"], answer["id"]) == (code, number)


async def test_wrong_parameters_are_all_named(doors: Doors) -> None:
    async with websocket(application(doors), "weir_administrator") as wire:
        error = (await wire.ask("campaigns.list", {"limit": "x", "offset": -1, "no": 1}))["error"]
    assert error["code"] == -32602
    assert {each["path"] for each in error["data"]["fields"]} == {"limit", "offset", "no"}


async def test_a_fault_of_ours_has_a_request_id_and_no_detail(doors: Doors) -> None:
    async def broken(request: Request, context: Context) -> dict[str, Any]:
        raise RuntimeError("secret detail")

    async with websocket(application(with_operation(doors, "x.broken", broken))) as wire:
        error = (await wire.ask("x.broken"))["error"]
    assert (error["code"], error["data"]["code"]) == (-32603, "internal")
    assert "secret" not in json.dumps(error)


async def test_calls_at_work_are_bounded_and_none_waits_for_another(doors: Doors) -> None:
    go = trio.Event()

    async def slow(request: Request, context: Context) -> dict[str, Any]:
        await go.wait()
        return {}

    async with websocket(application(with_operation(doors, "x.slow", slow))) as wire:
        for number in range(MOST_CALLS):
            await wire.say(json.dumps({"jsonrpc": "2.0", "id": number, "method": "x.slow"}))
        refused = await wire.ask("x.slow", number="more")
        assert (refused["id"], refused["error"]["data"]["code"]) == ("more", "too_many")
        go.set()
        done = {(await wire.hear())["id"] for _ in range(MOST_CALLS)}
        assert done == set(range(MOST_CALLS))
        assert "result" in await wire.ask("x.slow")


async def test_a_client_that_leaves_takes_its_calls_along(doors: Doors) -> None:
    cancelled = trio.Event()

    async def slow(request: Request, context: Context) -> dict[str, Any]:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        return {}

    async with websocket(application(with_operation(doors, "x.slow", slow))) as wire:
        await wire.say('{"jsonrpc": "2.0", "id": 1, "method": "x.slow"}')
        await trio.testing.wait_all_tasks_blocked()
    assert cancelled.is_set()


class Numbers:
    """Frames that count; without end when there is none."""

    def __init__(self, end: int = 0) -> None:
        self.number, self.end, self.closed = 0, end, False

    async def next(self) -> bytes:
        await trio.lowlevel.checkpoint()
        self.number += 1
        if self.number > self.end:
            if self.end:
                raise trio.EndOfChannel
            await trio.sleep_forever()
        return b'{"seq":%d}' % self.number

    def close(self) -> None:
        self.closed = True


def watching(doors: Doors, made: list[Numbers], end: int = 0) -> Any:
    async def watch(request: Request, context: Context) -> dict[str, Any]:
        assert context.socket is not None
        made.append(Numbers(end))
        return {"subscription": context.socket.subscribe(made[-1])}

    async def unwatch(request: Request, context: Context) -> dict[str, Any]:
        assert context.socket is not None
        return {"ended": context.socket.unsubscribe(1)}

    return application(with_operation(with_operation(doors, "x.watch", watch), "x.unwatch", unwatch))


async def test_frames_of_a_subscription_arrive_until_it_ends(doors: Doors) -> None:
    made: list[Numbers] = []
    async with websocket(watching(doors, made, end=3), "weir_viewer") as wire:
        heard = [await wire.ask("x.watch")] + [await wire.hear() for _ in range(3)]
        frames = [each["params"] for each in heard if each.get("method") == "live.frame"]
        assert frames == [{"subscription": 1, "frame": {"seq": number}} for number in (1, 2, 3)]
    assert made[0].closed


async def test_subscriptions_are_bounded_ended_and_closed_with_the_socket(doors: Doors) -> None:
    made: list[Numbers] = []
    async with websocket(watching(doors, made), "weir_viewer") as wire:
        for _ in range(MOST_SUBSCRIPTIONS):
            assert "result" in await wire.ask("x.watch")
        assert (await wire.ask("x.watch"))["error"]["data"]["code"] == Refused.code
        assert (await wire.ask("x.unwatch"))["result"] == {"ended": True}
        assert (await wire.ask("x.unwatch"))["result"] == {"ended": False}
        assert made[0].closed and not made[1].closed
    assert all(each.closed for each in made[:MOST_SUBSCRIPTIONS])


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Caller]:
    """Who is who, to be changed by a test."""
    mine = dict(CALLERS)
    monkeypatch.setattr("tests.web.wires.CALLERS", mine)
    return mine


async def test_who_is_signed_out_loses_the_socket_at_the_next_call(
    doors: Doors, known: dict[str, Caller]
) -> None:
    async with websocket(application(doors), "weir_viewer") as wire:
        assert "result" in await wire.ask("campaigns.list")
        del known["weir_viewer"]
        assert (await wire.ask("campaigns.list"))["error"]["data"]["code"] == Unauthenticated.code
        assert await wire.hear() is None
    assert wire.closed == 4401


async def test_who_only_watches_loses_it_too(
    doors: Doors, known: dict[str, Caller], autojump_clock: trio.testing.MockClock
) -> None:
    made: list[Numbers] = []
    app = watching(doors, made)

    async def lost(change: Any) -> int:
        known.update(CALLERS)
        async with websocket(app, "weir_viewer") as wire:
            await wire.ask("x.watch")
            await trio.sleep(LOOK_SECONDS * 3)
            assert wire.closed == 0
            change()
            assert await heard_out(wire) <= LOOK_SECONDS + 1
        return wire.closed

    assert await lost(lambda: known.pop("weir_viewer")) == 4401
    fewer = replace(CALLERS["weir_viewer"], campaigns=frozenset())
    assert await lost(lambda: known.update(weir_viewer=fewer)) == 4403


async def heard_out(wire: Wire) -> float:
    """How long until the socket is closed."""
    began = trio.current_time()
    while wire.closed == 0:
        await trio.sleep(0.5)
        with trio.move_on_after(0.1):
            await wire.hear()
    return trio.current_time() - began


async def test_nobody_may_not_stay_for_nothing(doors: Doors, autojump_clock: trio.testing.MockClock) -> None:
    async with websocket(application(doors)) as wire:
        assert (await wire.ask("campaigns.list"))["error"]["data"]["code"] == Unauthenticated.code
        assert NOBODY_SECONDS <= await heard_out(wire) <= NOBODY_SECONDS + 2 * LOOK_SECONDS
    assert wire.closed == 4401


async def test_the_local_administrator_may_stay_as_long_as_his_session(
    doors: Doors, known: dict[str, Caller], autojump_clock: trio.testing.MockClock
) -> None:
    """`weir tail` asks once and then listens."""
    known["weir_local"] = replace(local_administrator("rpc"), session="s")
    made: list[Numbers] = []
    async with websocket(watching(doors, made), "weir_local") as wire:
        await wire.ask("x.watch")
        with trio.move_on_after(NOBODY_SECONDS + 3 * LOOK_SECONDS):
            await heard_out(wire)
        assert wire.closed == 0
        del known["weir_local"]
        assert await heard_out(wire) <= LOOK_SECONDS + 1
    assert wire.closed == 4401


async def test_a_stop_closes_sockets_at_once(doors: Doors) -> None:
    stopping = trio.Event()
    async with websocket(application(doors), "weir_viewer", {"stopping": stopping}) as wire:
        await wire.ask("campaigns.list")
        stopping.set()
        assert await wire.hear() is None
    assert wire.closed == 1001


# On real sockets


@pytest.fixture
async def url(doors: Doors) -> AsyncIterator[str]:
    listener, stop = listen("127.0.0.1", 0), trio.Event()
    app = create_app(doors.operations, doors.context, doors.overview, authenticate=authenticate)
    server = AdminServer(app, grace=5, header_seconds=1, read_seconds=1.5)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, lambda: listener, stop)
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"
        stop.set()


HEADERS = [("Authorization", "Bearer weir_viewer")]
ASK = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "campaigns.list"})


async def test_a_quiet_socket_stays_and_answers_later(url: str) -> None:
    async with open_websocket_url(url, extra_headers=HEADERS) as socket:
        await trio.sleep(3)
        await socket.send_message(ASK)
        assert json.loads(await socket.get_message())["result"]["total"] == 1


UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


@asynccontextmanager
async def upgraded(url: str) -> AsyncIterator[trio.SocketStream]:
    """A socket whose frames are written by hand."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(UPGRADE)
        head = await stream.receive_some(4096)
        assert head.startswith(b"HTTP/1.1 101")
        assert b"permessage-deflate" not in head, "a small frame could unfold to anything"
        yield stream


async def until_closed(stream: trio.SocketStream) -> bytes:
    received = b""
    with trio.fail_after(PATIENCE):
        try:
            while data := await stream.receive_some(4096):
                received += data
        except trio.BrokenResourceError:
            pass
    return received


async def test_a_message_that_is_too_large_closes_with_1009(url: str) -> None:
    size = LARGEST_MESSAGE + 1
    async with upgraded(url) as stream:
        # A mask of zeroes: the payload as it is. It may be refused before all of it is sent.
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"\x81\xff" + size.to_bytes(8, "big") + bytes(4) + b"x" * size)
        assert b"\x88\x02" + (1009).to_bytes(2, "big") in await until_closed(stream)
    async with open_websocket_url(url, extra_headers=HEADERS) as socket:
        await socket.send_message(json.dumps({"x": "y" * (LARGEST_MESSAGE // 2)}))
        assert json.loads(await socket.get_message())["error"]["code"] == -32600


@pytest.mark.parametrize(
    "rude",
    [b"\xff\xff\xff\xff", b"\x81\x05hello", b"\x83\x80\0\0\0\0", b"\x89\xfe\x01\x00" + bytes(260)],
    ids=["reserved bits", "not masked", "no such opcode", "a long ping"],
)
async def test_frames_that_are_no_frames_cost_their_sender_the_socket(url: str, rude: bytes) -> None:
    async with upgraded(url) as stream:
        await stream.send_all(rude)
        await until_closed(stream)
    async with open_websocket_url(url, extra_headers=HEADERS) as socket:
        await socket.send_message(ASK)
        assert "result" in json.loads(await socket.get_message())


def test_its_limits_are_those_of_the_page() -> None:
    page = (Path(rpc.__file__).parents[3] / "docs" / "reference" / "http.md").read_text()
    for words in (f"{MOST_CALLS} calls", f"{LONGEST_BATCH} requests", f"{MOST_SUBSCRIPTIONS} subscriptions"):
        assert words in page
