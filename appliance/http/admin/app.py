"""The admin port's application: its doors in one place, behind the gate. No public route is here."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from appliance import full_version
from appliance.errors import Unauthenticated, WeirError
from appliance.http.admin import assets, health, mcp, rest
from appliance.http.admin.assets import serve_screens
from appliance.http.admin.credentials import Authenticate
from appliance.http.admin.dispatch import Dispatch, MakeContext
from appliance.http.admin.filling import Filling
from appliance.http.admin.gate import LARGEST_BODY, App, Gate, Receive, Rules, Scope, Send
from appliance.http.admin.rpc import Sockets
from appliance.operations.context import Caller, System
from appliance.operations.registry import ErrorBody, ErrorShape, Operation, internal_error

log = logging.getLogger("weir.admin")

ROUTES = (
    *health.ROUTES,
    ("GET", "/api/openapi.json", "what REST offers, as OpenAPI 3.1"),
    ("GET", "/ws", "JSON-RPC 2.0 over a WebSocket"),
    ("POST", "/mcp", "the operations as tools for agents (MCP)"),
)


async def nobody(credential: str, door: str, client: str) -> Caller:
    """No credential is good."""
    raise Unauthenticated("there is no sign-in here")


def create_app(
    operations: Mapping[str, Operation],
    make_context: MakeContext,
    system: System,
    rules: Rules | None = None,
    authenticate: Authenticate = nobody,
    screens: Path | None = None,
) -> App:
    """The guarded ASGI application. `screens` is another folder with built screens than assets.folder()."""
    dispatch = Dispatch(operations, make_context, authenticate)
    app = QuartTrio("appliance.http.admin", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["BODY_TIMEOUT"] = 30
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    health.mount(app, dispatch, system)
    rest.mount(app, dispatch, full_version())
    mcp.mount(app, dispatch, full_version())

    @app.before_request
    async def whole() -> None:
        # Also of a request that is refused: a client that is still sending would not see why.
        try:
            await request.get_data()
        except BaseException:
            request.body.clear()
            raise

    @app.teardown_request
    async def emptied(fault: BaseException | None) -> None:
        # Quart's requests are in reference cycles: a thousand bodies would wait for the collector.
        request.body.clear()

    @app.errorhandler(WeirError)
    async def refused(fault: WeirError) -> Response:
        return rest.refused(fault)

    @app.errorhandler(HTTPException)
    async def http_error(fault: HTTPException) -> Response:
        status = fault.code or 500
        words = {404: "there is nothing here", 405: "this method does not work here"}
        message = words.get(status, (fault.description or fault.name).split("\n")[0])
        code = "missing" if status == 404 else "refused" if status < 500 else "internal"
        response = rest.json(ErrorShape(error=ErrorBody(code=code, message=message)), status)
        for header, value in fault.get_headers():
            if header.lower() == "allow":
                response.headers["Allow"] = value
        return response

    @app.errorhandler(Exception)
    async def failed(fault: Exception) -> Response:
        request_id = secrets.token_hex(8)
        log.error("an admin request failed", extra={"request_id": request_id}, exc_info=fault)
        return rest.json(internal_error(request_id), 500)

    serve_screens(app, ROUTES, http_error, screens or assets.folder())
    return Gate(_by_kind(Filling(cast(App, app), dispatch), Sockets(dispatch)), rules)


def _by_kind(pages: App, sockets: App) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (sockets if scope["type"] == "websocket" else pages)(scope, receive, send)

    return app
