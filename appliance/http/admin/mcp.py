"""MCP at /mcp: every operation is a tool (`campaigns_list`). Streamable HTTP, stateless, JSON answers.

For API tokens only. Each caller sees the tools that its token may use, so one that may only read has no
tool that writes.
"""

from __future__ import annotations

import functools
from typing import Any

import trio
from quart import Response, request
from quart_trio import QuartTrio

from appliance.errors import Unauthenticated, WeirError
from appliance.http.admin import jsonrpc
from appliance.http.admin.dispatch import Dispatch, shape
from appliance.http.admin.jsonrpc import Asked, BadMessage
from appliance.operations.context import Caller, Forbidden
from appliance.operations.registry import Operation, encode
from appliance.operations.schemas import of_request

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Of the protocol, newest first."""
UNKNOWN_VERSION = -32022
HOW = (
    "Weir routes clicks of ad traffic, takes postbacks and counts the money. Lists answer items, limit, "
    "offset and total. An error names every wrong field. Read with *_list, *_get and reports_*; a change "
    "takes the `revision` that was read, and is a conflict when somebody was faster."
)


def mount(app: QuartTrio, dispatch: Dispatch, version: str) -> None:
    server = Server(dispatch, version)

    @app.post("/mcp")
    async def mcp() -> Response:
        data = await request.get_data()
        assert isinstance(data, bytes)
        if "Authorization" not in request.headers:
            raise Unauthenticated("send an API token as Authorization: Bearer")
        caller = await dispatch.caller(request.scope, "mcp")
        if caller.session:
            raise Forbidden("MCP takes API tokens, no sessions; make one with tokens.create")
        spoken = request.headers.get("MCP-Protocol-Version", VERSIONS[0])
        status, answer = await server.answer(data, spoken, caller)
        return Response(answer, status=status, content_type="application/json")


class Server:
    """Messages in, messages out; nothing is kept between them."""

    def __init__(self, dispatch: Dispatch, version: str) -> None:
        self._dispatch = dispatch
        self._version = version
        self._tools = {each.name.replace(".", "_"): each for each in dispatch.offered("mcp")}
        if len(self._tools) != len(dispatch.offered("mcp")):
            raise ValueError("two operations have the same name as tools")

    @functools.cached_property
    def _described(self) -> dict[str, dict[str, Any]]:
        """The tools with their schemas. Made when first asked for: it takes a tenth of a second."""
        return {name: _tool(name, each) for name, each in self._tools.items()}

    async def answer(self, data: bytes, spoken: str, caller: Caller) -> tuple[int, bytes]:
        """HTTP status and body of one message."""
        try:
            value = jsonrpc.decode(data)
            if isinstance(value, dict) and "method" not in value and ("result" in value or "error" in value):
                return 202, b""  # an answer to something that we never ask
            asked = jsonrpc.asked(value)
        except BadMessage as fault:
            return 400, jsonrpc.bad(fault)
        if spoken not in VERSIONS:
            known = {"supported": VERSIONS, "requested": spoken}
            return 400, jsonrpc.error(asked.id, UNKNOWN_VERSION, "unsupported protocol version", known)
        if asked.notification:
            return 202, b""
        return 200, await self._message(asked, caller)

    async def _message(self, asked: Asked, caller: Caller) -> bytes:
        match asked.method:
            case "initialize":
                wanted = asked.params.get("protocolVersion")
                return jsonrpc.result(asked.id, self._hello(wanted if wanted in VERSIONS else VERSIONS[0]))
            case "ping":
                return jsonrpc.result(asked.id, {})
            case "tools/list":
                described = await trio.to_thread.run_sync(lambda: self._described)
                mine = [described[n] for n, each in self._tools.items() if caller.may(each.permission)]
                return jsonrpc.result(asked.id, {"tools": mine})
            case "tools/call":
                tool = self._tools.get(str(asked.params.get("name")))
                if tool is None:
                    message = "there is no such tool; tools/list names them all"
                    return jsonrpc.error(asked.id, jsonrpc.INVALID_PARAMS, message)
                return jsonrpc.result(asked.id, await self._called(tool, asked, caller))
        return jsonrpc.error(asked.id, jsonrpc.NO_METHOD, "there is no such method")

    def _hello(self, spoken: str) -> dict[str, Any]:
        return {
            "protocolVersion": spoken,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "weir", "version": self._version},
            "instructions": HOW,
        }

    async def _called(self, tool: Operation, asked: Asked, caller: Caller) -> dict[str, Any]:
        arguments = asked.params.get("arguments")
        try:
            answer = await self._dispatch.call(tool.name, {} if arguments is None else arguments, caller)
        except WeirError as fault:
            return {"content": [_text(shape(fault))], "isError": True}
        return {"content": [_text(answer)], "isError": False}


def _text(answer: object) -> dict[str, str]:
    return {"type": "text", "text": encode(answer).decode()}


def _tool(name: str, each: Operation) -> dict[str, Any]:
    return {
        "name": name,
        "title": each.name,
        "description": each.summary,
        "inputSchema": of_request(each),
        "annotations": {"readOnlyHint": not each.changes, "openWorldHint": False},
    }
