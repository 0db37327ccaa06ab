"""The admin port's application: health, figures, the seed's internal doors. No public route is here."""

from __future__ import annotations

import html
import logging
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import cast

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from appliance import metrics
from appliance.errors import WeirError
from appliance.http.admin.gate import LARGEST_BODY, App, Gate, Rules
from appliance.operations.context import Caller, Context, System, local_administrator
from appliance.operations.registry import (
    ErrorBody,
    ErrorShape,
    Operation,
    call,
    encode,
    error_shape,
    internal_error,
)
from appliance.operations.routing import routing_stats
from appliance.operations.system import producers

log = logging.getLogger("weir.admin")

STATUS = {"refused": 400, "missing": 404, "conflict": 409, "forbidden": 403, "unavailable": 503}
"""HTTP status per error code; whatever else is 500."""

ROUTES = (
    ("GET", "/healthz", "this process lives"),
    ("GET", "/readyz", "whether the appliance does its work, and if not why"),
    ("GET", "/metrics", "Prometheus figures"),
    ("POST", "/internal/cache/reload", "read the catalog again and push it to every edge"),
    ("GET", "/internal/cache/stats", "revision and age of the routing table per edge"),
    ("GET", "/internal/event-producer/stats", "how events get into the journals, per edge and topic"),
)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#1b2733}"
    "code{background:#eef2f5;padding:.1em .35em;border-radius:4px}li{margin:.3em 0}h1{font-size:1.4rem}"
)
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"

MakeContext = Callable[[Caller, str], Context]


def create_app(
    operations: Mapping[str, Operation],
    make_context: MakeContext,
    system: System,
    rules: Rules | None = None,
) -> App:
    """The guarded ASGI application."""
    app = QuartTrio("appliance.http.admin", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["BODY_TIMEOUT"] = 30
    app.url_map.strict_slashes = False

    @app.get("/")
    async def index() -> Response:
        page = Response(_page(), content_type="text/html; charset=utf-8")
        page.headers["Content-Security-Policy"] = _PAGE_POLICY
        return page

    @app.get("/healthz")
    async def healthz() -> Response:
        return _json({"status": "ok"})

    @app.get("/readyz")
    async def readyz() -> Response:
        status = system.status()
        answer = {"ready": status.ready, "reasons": status.problems, "degraded": status.degraded}
        return _json(answer, 200 if status.ready else 503)

    @app.get("/metrics")
    async def figures() -> Response:
        return Response(metrics.exposition(system.status()), content_type=metrics.CONTENT_TYPE)

    @app.post("/internal/cache/reload")
    async def reload() -> Response:
        await request.get_data()
        return await _operation("routing.reload", {})

    @app.get("/internal/cache/stats")
    async def cache_stats() -> Response:
        return _json(routing_stats(system.status()))

    @app.get("/internal/event-producer/stats")
    async def event_producer_stats() -> Response:
        return _json(producers(system.status()))

    async def _operation(name: str, payload: object) -> Response:
        context = make_context(local_administrator("rest"), secrets.token_hex(8))
        return _json(await call(operations, name, payload, context))

    @app.errorhandler(WeirError)
    async def refused(fault: WeirError) -> Response:
        return _json(error_shape(fault), STATUS.get(fault.code, 500))

    @app.errorhandler(HTTPException)
    async def http_error(fault: HTTPException) -> Response:
        status = fault.code or 500
        words = {404: "there is nothing here", 405: "this method does not work here"}
        message = words.get(status, (fault.description or fault.name).split("\n")[0])
        code = "missing" if status == 404 else "refused" if status < 500 else "internal"
        response = _json(ErrorShape(error=ErrorBody(code=code, message=message)), status)
        for header, value in fault.get_headers():
            if header.lower() == "allow":
                response.headers["Allow"] = value
        return response

    @app.errorhandler(Exception)
    async def failed(fault: Exception) -> Response:
        request_id = secrets.token_hex(8)
        log.error("an admin request failed", extra={"request_id": request_id}, exc_info=fault)
        return _json(internal_error(request_id), 500)

    return Gate(cast(App, app), rules)


def _json(answer: object, status: int = 200) -> Response:
    return Response(encode(answer) + b"\n", status=status, content_type="application/json")


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
