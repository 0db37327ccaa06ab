"""The call door and its client, over a real unix socket."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance import unix
from appliance.call import call
from appliance.call_door import LONGEST_REQUEST, MOST_CLIENTS, READ_SECONDS, CallDoor
from appliance.operations.context import Caller, Forbidden
from tests.doors import Doors, open_doors
from tests.rig import PATIENCE


class Rig:
    def __init__(self, data: Path, doors: Doors, stop: trio.Event) -> None:
        self.data, self.doors, self.stop = data, doors, stop

    async def connect(self) -> trio.SocketStream:
        connected = unix.connect(self.data / "run" / "call.sock", 0)
        return trio.SocketStream(trio.socket.from_stdlib_socket(connected))

    async def send(self, data: bytes) -> Any:
        """What the first line of the answer says."""
        async with await self.connect() as stream:
            await stream.send_all(data)
            return json.loads(await line(stream))

    async def call(self, name: str, payload: str = "{}") -> tuple[int, Any, Any]:
        """(exit code, stdout, stderr) of `weir call`."""
        out, err = io.StringIO(), io.StringIO()
        code = await trio.to_thread.run_sync(call, self.data, name, payload, out, err)
        return code, *(json.loads(text.getvalue() or "null") for text in (out, err))


async def line(stream: trio.SocketStream) -> bytes:
    received = b""
    with trio.fail_after(PATIENCE):
        while not received.endswith(b"\n"):
            data = await stream.receive_some(1 << 16)
            if not data:
                break
            received += data
    return received


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    data, stop = tmp_path / ("d" * 120), trio.Event()
    data.mkdir()
    async with open_doors(data) as doors:
        door = CallDoor(doors.operations, doors.context)
        async with trio.open_nursery() as nursery:
            await nursery.start(door.serve, lambda: unix.listen(data / "run" / "call.sock"), stop, 1)
            yield Rig(data, doors, stop)
            stop.set()


async def test_operations_work_from_the_shell(rig: Rig) -> None:
    code, created, _ = await rig.call("campaigns.create", '{"name": "A", "slug": "a"}')
    assert (code, created["slug"], len(created["public_id"])) == (0, "a", 10)
    code, changed, _ = await rig.call("campaigns.change", f'{{"id": {created["id"]}, "name": "B"}}')
    assert (code, changed["name"], changed["slug"]) == (0, "B", "a")
    stream = {
        "campaign_id": created["id"],
        "rules": [{"param": "sub1", "operator": "in", "value": ["x"]}],
        "targets": [{"destination_id": 1, "weight": 3}, {"destination_id": 2}],
    }
    code, made, _ = await rig.call("streams.create", json.dumps(stream))
    assert (code, made["targets"][1]["weight"]) == (0, 100)
    code, listed, _ = await rig.call("streams.list", json.dumps({"campaign_id": created["id"]}))
    assert (listed["total"], listed["items"][0]["id"]) == (1, made["id"])
    code, found, _ = await rig.call("campaigns.get", '{"slug": "a"}')
    assert found["id"] == created["id"]
    code, gone, _ = await rig.call("campaigns.archive", json.dumps({"id": created["id"]}))
    assert gone["archived"] is True
    code, then, _ = await rig.call("catalog.at", '{"revision": 2, "kind": "campaign"}')
    assert [item["entity"]["name"] for item in then["items"]] == ["Demo campaign", "A"]


async def test_errors_go_to_stderr_with_exit_code_1(rig: Rig) -> None:
    code, out, err = await rig.call("campaigns.create", '{"name": 5, "slug": "A B"}')
    assert (code, out) == (1, None)
    assert [field["path"] for field in err["error"]["fields"]] == ["name", "slug"]
    code, _, err = await rig.call("campaigns.create", '{"name": "x", "slug": "A B", "currency": "x"}')
    assert [field["path"] for field in err["error"]["fields"]] == ["slug", "currency"]
    code, _, err = await rig.call("nothing.here")
    assert (code, err["error"]["code"]) == (1, "missing")
    code, _, err = await rig.call("campaigns.list", "{")
    assert (code, err["error"]["code"]) == (1, "refused")


async def test_without_a_running_weir_the_message_says_so(tmp_path: Path) -> None:
    for data in (tmp_path, tmp_path / "nowhere"):
        err = io.StringIO()
        assert call(data, "campaigns.list", "{}", io.StringIO(), err) == 1
        assert "no Weir is running" in json.loads(err.getvalue())["error"]["message"]


async def test_secrets_are_never_shown(rig: Rig) -> None:
    made = '{"name": "N", "slug": "n", "secret": "geheim-1"}'
    _, created, _ = await rig.call("networks.create", made)
    assert created["secret"] == "********"
    shown = [created]
    for name, payload in (
        ("networks.get", '{"slug": "n"}'),
        ("networks.list", "{}"),
        ("networks.change", f'{{"id": {created["id"]}, "secret": "********", "name": "M"}}'),
        ("networks.change", f'{{"id": {created["id"]}, "secret": "geheim-2"}}'),
        ("catalog.history", "{}"),
        ("catalog.at", '{"revision": 3, "kind": "network"}'),
        ("networks.create", made),
        ("networks.archive", f'{{"id": {created["id"]}}}'),
    ):
        _, out, err = await rig.call(name, payload)
        shown += [out, err]
    assert "geheim" not in json.dumps(shown)
    stored = await rig.doors.desk.get("network", created["id"])
    assert getattr(stored, "secret", "") == "geheim-2"
    _, _, err = await rig.call("networks.create", '{"name": "N", "slug": "o", "secret": "********"}')
    assert err["error"]["fields"][0]["path"] == "secret"


async def test_holds_are_set_and_released(rig: Rig) -> None:
    holds = rig.doors.overview.holds
    await rig.call("journal.hold", '{"edge": 1, "consumer": "publisher"}')
    assert (holds.held(1, "publisher"), holds.held(1, "conversions")) == (True, False)
    _, answer, _ = await rig.call("journal.hold", '{"edge": 0}')
    assert len(answer["held"]) == 3
    _, status, _ = await rig.call("system.status")
    assert status["holds"] == [[0, "conversions"], [0, "publisher"], [1, "publisher"]]
    await rig.call("journal.release", '{"edge": 1, "consumer": "all"}')
    await rig.call("journal.release", '{"edge": 0, "consumer": "publisher"}')
    assert holds.all() == ((0, "conversions"),)


async def test_permissions_are_asked_for(rig: Rig) -> None:
    with pytest.raises(Forbidden, match=r"campaigns\.write"):
        reader = Caller("reader", "test", frozenset({"campaigns.read"}))
        await rig.doors.call("campaigns.create", {"name": "A", "slug": "a"}, reader)


@pytest.mark.parametrize(
    "bad",
    [
        b"\n", b"{}\n", b"[]\n", b"nonsense\n", b'{"name": 5}\n',
        b'{"name": "x", "payload": {}, "extra": 1}\n',
        b'{"name": "campaigns.list", "payload": []}\n', b"[" * 100_000 + b"\n", b'{"name": "\xff"}\n',
        b'{"name": "campaigns.list", "payload": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}\n", b"\x00\n",
        b'{"name": "campaigns.get", "payload": {"id": 1e999}}\n',
        b'{"name": "campaigns.get", "payload": {"id": -1}}\n',
        b'{"name": "campaigns.get", "payload": {"id": 99999999999999999999999999}}\n',
    ],
)  # fmt: skip
async def test_bad_input_is_answered_with_the_error_shape(rig: Rig, bad: bytes) -> None:
    if bad == b"\n":
        async with await rig.connect() as stream:
            await stream.send_all(bad)
            assert await line(stream) == b""
        return
    answer = await rig.send(bad)
    assert set(answer) == {"error"}
    assert answer["error"]["code"] in ("refused", "missing")


async def test_a_request_that_is_too_long_is_refused(rig: Rig) -> None:
    async with await rig.connect() as stream:

        async def flood() -> None:
            try:
                for _ in range(LONGEST_REQUEST // 65536 + 64):
                    await stream.send_all(b"x" * 65536)
            except trio.BrokenResourceError:
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            assert b"at most" in await line(stream)
            nursery.cancel_scope.cancel()


async def test_the_shell_learns_why_a_request_was_too_long(rig: Rig) -> None:
    code, _, err = await rig.call("campaigns.list", json.dumps({"slug": "x" * (LONGEST_REQUEST + (1 << 20))}))
    assert (code, err["error"]["code"]) == (1, "refused")
    assert "at most" in err["error"]["message"]


async def test_a_slow_client_holds_up_nobody_and_too_many_are_told_so(rig: Rig) -> None:
    slow = [await rig.connect() for _ in range(MOST_CLIENTS - 1)]
    for stream in slow:
        await stream.send_all(b'{"name": "campaigns.li')
    code, listed, _ = await rig.call("campaigns.list")
    assert (code, listed["total"]) == (0, 1)
    slow.append(await rig.connect())
    await trio.sleep(0.05)
    code, _, err = await rig.call("campaigns.list")
    assert (code, err["error"]["code"]) == (1, "unavailable")
    for stream in slow:
        await stream.aclose()


async def test_one_connection_may_ask_many_things(rig: Rig) -> None:
    async with await rig.connect() as stream:
        await stream.send_all(b'{"name": "campaigns.list"}\n{"name": "nothing.here"}\n{"name": "pages.list"')
        await stream.send_all(b"}\n")
        await stream.send_eof()
        received = b""
        while data := await stream.receive_some(65536):
            received += data
    listed, unknown, pages = map(json.loads, received.splitlines())
    assert (listed["total"], unknown["error"]["code"], pages["total"]) == (1, "missing", 2)


async def test_an_operation_that_fails_is_told_by_a_request_id_only(rig: Rig) -> None:
    def broken() -> Any:
        raise RuntimeError("secret detail")

    rig.doors.parts.catalog = broken
    code, _, err = await rig.call("system.status")
    assert (code, err["error"]["code"]) == (1, "internal")
    assert "secret" not in err["error"]["message"]


async def test_the_socket_is_for_its_owner(rig: Rig) -> None:
    path = rig.data / "run" / "call.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_stop_does_not_wait_for_clients_that_ask_nothing(rig: Rig) -> None:
    async with await rig.connect() as stream:
        await trio.sleep(0.02)
        rig.stop.set()
        with trio.fail_after(READ_SECONDS / 2):
            assert await stream.receive_some(10) == b""
