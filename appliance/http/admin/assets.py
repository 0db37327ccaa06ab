"""The screens: what `make ui` built, or a page that says how to build it.

Files under /assets/ have their hash in their name, so they are kept for ever, and a .br and a .gz beside
them; index.html is never kept. A page that a browser navigates to and that is no route is a screen's address,
which index.html understands.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, NotFound

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Best first, with what stands behind the name of the file made at the build."""
NOT_SCREENS = ("/api/", "/assets/", "/internal/", "/mcp/", "/ws/", "/metrics/", "/healthz/", "/readyz/")
FOR_EVER = "public, max-age=31536000, immutable"

Fallback = Callable[[HTTPException], Awaitable[Response]]
Route = tuple[str, str, str]
"""Method, path, what it answers."""


class Built(NamedTuple):
    """One build, whole: nobody gets the old page with the new files."""

    page: bytes
    assets: dict[str, bytes]
    made_ns: int


def folder() -> Path:
    """Where the built screens are: in the executable beside the package, else in the repository."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "_ui"
    return inside if inside.is_dir() else package.parent / "ui" / "dist"


def read(place: Path) -> Built | None:
    """All of a build, a few hundred kilobytes; None where there is none."""
    try:
        page = place / "index.html"
        made = page.stat().st_mtime_ns
        files = {path.name: path.read_bytes() for path in (place / "assets").iterdir() if path.is_file()}
        return Built(page.read_bytes(), files, made)
    except OSError:
        return None


def serve_screens(app: QuartTrio, routes: Iterable[Route], otherwise: Fallback, place: Path) -> None:
    """Add the screens to the admin port's application. `otherwise` answers what is no screen either."""
    explained = _explained(routes)
    built: list[Built | None] = [None]

    async def latest() -> Built | None:
        """The build as it is now: `make ui` beside a running Weir is seen at the next page."""
        try:
            made = (place / "index.html").stat().st_mtime_ns
        except OSError:
            return built[0]
        known = built[0]
        if known is None or known.made_ns != made:
            built[0] = await trio.to_thread.run_sync(read, place) or known
        return built[0]

    @app.get("/")
    async def page() -> Response:
        found = await latest()
        if found is None:
            response = Response(explained, content_type=TYPES[".html"])
            response.headers["Content-Security-Policy"] = _POLICY
            return response
        return Response(found.page, content_type=TYPES[".html"])

    @app.get("/assets/<name>")
    async def asset(name: str) -> Response:
        found = built[0] or await latest()
        files = found.assets if found else {}
        kind = TYPES.get(Path(name).suffix)
        if kind is None or name not in files:
            raise NotFound
        encoding, body = _encoded(name, files, request.headers.get("Accept-Encoding", ""))
        response = Response(body, content_type=kind)
        response.headers["Cache-Control"] = FOR_EVER
        response.headers["Vary"] = "Accept-Encoding"
        if encoding:
            response.headers["Content-Encoding"] = encoding
        return response

    @app.errorhandler(NotFound)
    async def missing(fault: NotFound) -> Response:
        asked_for_a_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get(
            "Accept", ""
        )
        if asked_for_a_page and not f"{request.path}/".startswith(NOT_SCREENS):
            return await page()
        return await otherwise(fault)


def _encoded(name: str, files: dict[str, bytes], accepted: str) -> tuple[str, bytes]:
    """The smallest form that the client takes; "" for the file as it is."""
    words = [word.partition(";") for word in accepted.lower().split(",")]
    takes = {word.strip() for word, _, quality in words if quality.replace(" ", "") not in ("q=0", "q=0.0")}
    for encoding, suffix in ENCODINGS:
        if encoding in takes and name + suffix in files:
            return encoding, files[name + suffix]
    return "", files[name]


_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
    "code{background:light-dark(#eef2f5,#232b31);padding:.1em .35em;border-radius:4px}"
    "li{margin:.3em 0}h1{font-size:1.4rem}"
)
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"


def _explained(routes: Iterable[Route]) -> str:
    """The page without a build."""
    listed = "".join(
        f"<li><code>{method} {html.escape(path)}</code> {html.escape(words)}</li>"
        for method, path, words in routes
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Weir</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        "<h1>Weir, admin port</h1><p>The screens are not built here. With Node.js 20 or newer here,"
        " <code>make ui</code> in Weir's folder builds them; then load this page again.</p>"
        "<p>Everything an operator can do works from a shell too: <code>weir operations</code> lists"
        " them, <code>weir --data DIR call reports.overview '{}'</code> calls one.</p>"
        f"<p>This port answers:</p><ul>{listed}</ul></html>\n"
    )
