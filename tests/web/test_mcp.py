"""MCP at /mcp, through the official client: what an agent sees with which token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from appliance.http.admin.app import create_app
from appliance.http.admin.server import AdminServer, listen
from appliance.operations import registry
from tests.doors import Doors, open_doors
from tests.web.wires import CALLERS, application, authenticate, browser


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as doors:
        yield doors


@pytest.fixture
async def url(doors: Doors) -> AsyncIterator[str]:
    listener, stop = listen("127.0.0.1", 0), trio.Event()
    app = create_app(doors.operations, doors.context, doors.overview, authenticate=authenticate)
    async with trio.open_nursery() as nursery:
        await nursery.start(AdminServer(app, grace=1).serve, lambda: listener, stop)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        stop.set()


@asynccontextmanager
async def agent(url: str, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_lists_and_calls_tools(url: str, mode: str) -> None:
    async with agent(url, "weir_administrator", mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        offered = [each for each in registry.load_all().values() if "mcp" not in each.closed_at]
        assert set(tools) == {each.name.replace(".", "_") for each in offered}
        create = tools["campaigns_create"]
        assert create.input_schema["required"] == ["name", "slug"]
        made = await client.call_tool("campaigns_create", {"name": "By an agent", "slug": "agent"})
        assert not made.is_error
        assert json.loads(made.content[0].text)["slug"] == "agent"
        wrong = await client.call_tool("campaigns_create", {"name": 1, "nonsense": 2})
        assert wrong.is_error
        fields = json.loads(wrong.content[0].text)["error"]["fields"]
        assert {each["path"] for each in fields} == {"name", "nonsense", "slug"}


@pytest.mark.slow
async def test_a_token_that_may_only_read_has_no_tool_that_writes(url: str) -> None:
    operations = registry.load_all()
    async with agent(url, "weir_viewer") as client:
        tools = (await client.list_tools()).tools
        names = {tool.name for tool in tools}
        assert "campaigns_list" in names and "campaigns_create" not in names
        viewer = CALLERS["weir_viewer"]
        mine = {n.replace(".", "_") for n, each in operations.items() if viewer.may(each.permission)}
        assert names <= mine
        refused = await client.call_tool("campaigns_create", {"name": "A", "slug": "a"})
        assert refused.is_error
        assert json.loads(refused.content[0].text)["error"]["code"] == "forbidden"


def asked(method: str, params: Any = None, **more: Any) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, **more}
    return message if params is None else {**message, "params": params}


async def test_only_tokens_are_taken(doors: Doors) -> None:
    app = application(doors)
    async with browser(app) as http:
        assert (await http.post("/mcp", json=asked("ping"))).status_code == 401
        cookie = {"Cookie": "weir_session=session", "Sec-Fetch-Site": "same-origin"}
        assert (await http.post("/mcp", json=asked("ping"), headers=cookie)).status_code == 401
    async with browser(app, "session") as http:
        answer = await http.post("/mcp", json=asked("ping"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    async with browser(app, "weir_nothing") as http:
        assert (await http.post("/mcp", json=asked("ping"))).json()["result"] == {}


async def test_messages_that_are_none(doors: Doors) -> None:
    async with browser(application(doors), "weir_viewer") as http:
        for body, status, code in (
            (b"{", 400, -32700), (b"[]", 400, -32600), (b"[{}]", 400, -32600), (b"7", 400, -32600),
            (json.dumps(asked("no/such")).encode(), 200, -32601),
            (json.dumps(asked("tools/call", {"name": "no_such"})).encode(), 200, -32602),
            (json.dumps(asked("tools/call", {})).encode(), 200, -32602),
        ):  # fmt: skip
            answer = await http.post("/mcp", content=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body
        quiet = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        for message in (quiet, {"jsonrpc": "2.0", "id": 1, "result": {}}):
            answer = await http.post("/mcp", json=message)
            assert (answer.status_code, answer.content) == (202, b"")
        assert (await http.get("/mcp")).status_code == 405
        assert (await http.delete("/mcp")).status_code == 405


async def test_versions_of_the_protocol(doors: Doors) -> None:
    async with browser(application(doors), "weir_viewer") as http:
        for wanted, spoken in (("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25"), (7, "2025-11-25")):
            answer = await http.post("/mcp", json=asked("initialize", {"protocolVersion": wanted}))
            assert answer.json()["result"]["protocolVersion"] == spoken
        strange = {"MCP-Protocol-Version": "1999-01-01"}
        answer = await http.post("/mcp", json=asked("tools/list"), headers=strange)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32022)
