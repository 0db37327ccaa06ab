"""The four doors as a client sees them, in one process: ask one thing, get the answer or the error's body."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import trio

from appliance.access.roles import ROLES
from appliance.call_door import CallDoor
from appliance.errors import Unauthenticated
from appliance.http.admin.app import create_app
from appliance.operations.context import Caller, Context, local_administrator
from appliance.operations.registry import Operation
from appliance.operations.routes import request
from tests.doors import Doors
from tests.rig import PATIENCE

LOCAL = "http://127.0.0.1:8081"
Answer = tuple[str, Any]
"""("ok", the answer) or ("error", its body)."""
Ask = Callable[[Operation, dict[str, Any]], Awaitable[Answer]]

CALLERS = {
    "weir_administrator": local_administrator("test"),
    "weir_viewer": Caller("Vera", "test", ROLES["viewer"], user_id=7, campaigns=frozenset({1})),
    "weir_buyer": Caller("Bob", "test", ROLES["buyer"], user_id=8, campaigns=frozenset()),
    "weir_nothing": Caller("Norma", "test", frozenset(), user_id=9),
    "session": replace(local_administrator("test"), session="s", user_id=1),
}
"""Whose credential is whose."""


async def authenticate(credential: str, door: str, client: str) -> Caller:
    if credential not in CALLERS:
        raise Unauthenticated("this is neither a session nor an API token")
    return replace(CALLERS[credential], door=door, address=client)


def application(doors: Doors) -> Any:
    return create_app(doors.operations, doors.context, doors.overview, authenticate=authenticate)


def browser(app: Any, credential: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
    return httpx.AsyncClient(transport=transport, base_url=LOCAL, headers=headers)


def by_rest(app: Any, credential: str) -> Ask:
    async def ask(each: Operation, payload: dict[str, Any]) -> Answer:
        method, target, body = request(each, payload)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        async with browser(app, credential) as http:
            answer = await http.request(method, target, content=body, headers=headers)
        if answer.status_code < 300:
            return "ok", answer.json()
        return "error", answer.json()["error"]

    return ask


def by_mcp(app: Any, credential: str) -> Ask:
    async def ask(each: Operation, payload: dict[str, Any]) -> Answer:
        params = {"name": each.name.replace(".", "_"), "arguments": payload}
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with browser(app, credential) as http:
            answer = (await http.post("/mcp", json=asked)).json()
        if "result" not in answer:
            return "error", answer["error"]
        found = json.loads(answer["result"]["content"][0]["text"])
        return ("error", found["error"]) if answer["result"]["isError"] else ("ok", found)

    return ask


def by_call(doors: Doors, credential: str) -> Ask:
    """The call socket has one caller; here he may be another."""

    def context(caller: Caller, request_id: str) -> Context:
        return doors.context(replace(CALLERS.get(credential, Caller("nobody", "")), door="call"), request_id)

    door = CallDoor(doors.operations, context)

    async def ask(each: Operation, payload: dict[str, Any]) -> Answer:
        answer = json.loads(await door.answer(json.dumps({"name": each.name, "payload": payload}).encode()))
        return ("error", answer["error"]) if set(answer) == {"error"} else ("ok", answer)

    return ask


class Wire:
    """A WebSocket without a network. `closed` is its close code."""

    def __init__(self, app: Any, headers: dict[str, str], state: dict[str, Any]) -> None:
        self._app = app
        self._to_app, self._for_app = trio.open_memory_channel[dict[str, Any]](100)
        self._from_app, self._for_us = trio.open_memory_channel[dict[str, Any]](1000)
        listed = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._scope = {
            "type": "websocket", "path": "/ws", "headers": [(b"host", b"127.0.0.1:8081"), *listed],
            "client": ("127.0.0.1", 5), "scheme": "ws", "state": state, "subprotocols": [],
        }  # fmt: skip
        self._to_app.send_nowait({"type": "websocket.connect"})
        self.closed = 0
        self.cut = False
        state.setdefault("cut", self._cut)

    def _cut(self) -> None:
        self.cut = True

    async def run(self) -> None:
        await self._app(self._scope, self._for_app.receive, self._from_app.send)
        self._from_app.close()

    async def say(self, text: str | bytes) -> None:
        kind = "text" if isinstance(text, str) else "bytes"
        await self._to_app.send({"type": "websocket.receive", kind: text})

    async def leave(self) -> None:
        await self._to_app.send({"type": "websocket.disconnect", "code": 1000})

    async def hear(self) -> Any:
        """The next message; None when it was closed."""
        with trio.fail_after(PATIENCE):
            while True:
                try:
                    event = await self._for_us.receive()
                except trio.EndOfChannel:
                    return None
                if event["type"] == "websocket.close":
                    self.closed = event["code"]
                    return None
                if event["type"] == "websocket.send":
                    return json.loads(event["text"])

    async def ask(self, method: str, params: object = None, number: object = 1) -> Any:
        asked = {"jsonrpc": "2.0", "id": number, "method": method}
        await self.say(json.dumps(asked if params is None else {**asked, "params": params}))
        return await self.hear()


@asynccontextmanager
async def websocket(
    app: Any, credential: str = "", state: dict[str, Any] | None = None, **headers: str
) -> AsyncIterator[Wire]:
    if credential:
        headers["Authorization"] = f"Bearer {credential}"
    wire = Wire(app, headers, {} if state is None else state)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.run)
        yield wire
        await wire.leave()
        nursery.cancel_scope.deadline = trio.current_time() + 5


def by_rpc(app: Any, credential: str) -> Ask:
    async def ask(each: Operation, payload: dict[str, Any]) -> Answer:
        async with websocket(app, credential) as wire:
            answer = await wire.ask(each.name, payload)
        return ("ok", answer["result"]) if "result" in answer else ("error", answer["error"]["data"])

    return ask
