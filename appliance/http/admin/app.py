"""The admin port's application: its doors in one place, behind the gate. No public route is here."""

from __future__ import annotations

import html
import logging
import secrets
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import cast

from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from appliance import full_version
from appliance.errors import Unauthenticated, WeirError
from appliance.http.admin import health, mcp, rest
from appliance.http.admin.credentials import Authenticate
from appliance.http.admin.dispatch import Dispatch, MakeContext
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

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#1b2733}"
    "code{background:#eef2f5;padding:.1em .35em;border-radius:4px}li{margin:.3em 0}h1{font-size:1.4rem}"
)
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"


async def nobody(credential: str, door: str, client: str) -> Caller:
    """No credential is good."""
    raise Unauthenticated("there is no sign-in here")


def create_app(
    operations: Mapping[str, Operation],
    make_context: MakeContext,
    system: System,
    rules: Rules | None = None,
    authenticate: Authenticate = nobody,
) -> App:
    """The guarded ASGI application."""
    dispatch = Dispatch(operations, make_context, authenticate)
    app = QuartTrio("appliance.http.admin", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["BODY_TIMEOUT"] = 30
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    health.mount(app, dispatch, system)
    rest.mount(app, dispatch, full_version())
    mcp.mount(app, dispatch, full_version())

    @app.get("/")
    async def index() -> Response:
        page = Response(_page(), content_type="text/html; charset=utf-8")
        page.headers["Content-Security-Policy"] = _POLICY
        return page

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

    return Gate(_by_kind(cast(App, app), Sockets(dispatch)), rules)


def _by_kind(pages: App, sockets: App) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (sockets if scope["type"] == "websocket" else pages)(scope, receive, send)

    return app


def _page() -> str:
    routes = "".join(
        f"<li><code>{method} {html.escape(path)}</code> {html.escape(words)}</li>"
        for method, path, words in ROUTES
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Weir</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        "<h1>Weir, admin port</h1><p>The web interface is not here yet. Everything an operator can do "
        "works from a shell on this machine:</p><p>"
        "<code>weir operations</code> lists what there is,<br>"
        "<code>weir --data DIR call reports.overview '{}'</code> calls it.</p>"
        f"<p>This port answers:</p><ul>{routes}</ul></html>\n"
    )
