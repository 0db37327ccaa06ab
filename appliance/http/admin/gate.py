"""What stands before the admin app: which names lead here, which pages may ask, what every answer carries.

DNS rebinding is stopped by the Host header, cross-site requests by Origin and Sec-Fetch-Site, foreign
WebSockets by Origin before they are accepted. Who asks is decided behind it (credentials.py).
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from appliance.addresses import host_port, is_loopback
from appliance.config import Admin
from appliance.http.admin.credentials import COOKIE

LARGEST_BODY = 1024 * 1024
MOST_BODIES = 32 * 1024 * 1024
SMALL_BODY = 16 * 1024
"""What the bodies of all requests at work may hold. They are read before anybody has signed in: 2,048 slow
ones would be 2 GB. Small ones, which nearly all are, pass all the same."""
FILLING = re.compile(r"/api/lists/([0-9]{1,18})/(append|remove|replace)")
"""With text/plain these take a body of any length as it arrives (filling.py)."""
LOCAL_PATHS = ("/healthz", "/readyz", "/metrics", "/internal")
"""For this machine only, without sign-in: what monitoring and shells ask."""
SOCKET_PATH = "/ws"
UNREACHABLE = "192.0.2.0"
"""Stands for the client of a proxy that does not say who that is."""
PROXIES_SAY = (
    b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"forwarded", b"via",
)  # fmt: skip
"""Any of these, and the request came through a proxy, whatever its Host says."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every answer that does not bring its own."""
_CORS = {
    "access-control-allow-methods": "GET, POST, PATCH, DELETE",
    "access-control-allow-headers": "authorization, content-type, if-match",
    "access-control-max-age": "600",
}
_EXPOSED = "etag, retry-after, content-disposition"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refusal = tuple[int, str, str]
"""Status, code and message."""
Fields = Mapping[bytes, list[bytes]]


@dataclass(frozen=True)
class Rules:
    """`beyond`: the port is open to other machines. `hosts`: names that lead here, beside this machine's own.
    `address`: the one address it is open at, "" for all. `origins`: whose pages may ask too."""

    beyond: bool = False
    hosts: frozenset[str] = frozenset()
    address: str = ""
    origins: frozenset[str] = frozenset()
    https: bool = False

    @classmethod
    def of(cls, admin: Admin) -> Rules:
        bound = ipaddress.ip_address(host_port(admin.bind)[0])
        url = urlsplit(admin.url)
        return cls(
            beyond=not bound.is_loopback,
            hosts=frozenset(name.lower() for name in (*admin.hosts, url.hostname) if name),
            address="" if bound.is_unspecified else str(bound),
            origins=frozenset(admin.origins),
            https=url.scheme == "https",
        )


class Gate:
    """ASGI in, ASGI out. Behind it `client` is who really asks and `scheme` what he used, proxy or not."""

    def __init__(self, app: App, rules: Rules | None = None) -> None:
        self._app = app
        self._rules = rules or Rules()
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        fields = fields_of(scope)
        scope = _through_proxy(scope, fields, self._rules)
        refusal = refuse(scope, fields, self._rules)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[2]})
            return
        send = _with_headers(send, self._headers(fields))
        if refusal is not None:
            await _refused(send, *refusal)
        elif scope["method"] == "OPTIONS" and b"access-control-request-method" in fields:
            allowed = _CORS if _origin(fields) in self._rules.origins else {}
            await _answer(send, HTTPStatus.NO_CONTENT, b"", allowed)
        else:
            run = self._app if fills(scope, fields) else self._bounded
            await run(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app, as long as the bodies of all requests leave room for this one's: else 503."""
        held, answered, full = 0, False, False

        async def receiving() -> MutableMapping[str, Any]:
            nonlocal held, full
            message = {"type": "http.disconnect"} if full else await receive()
            if message["type"] == "http.request":
                size = len(message.get("body", b""))
                held += size
                self._held += size
                full = held > SMALL_BODY and self._held > MOST_BODIES
            return {"type": "http.disconnect"} if full else message

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        finally:
            self._held -= held
        if full and not answered:
            await _refused(send, 503, "unavailable", "too many bodies are being sent at once; try again")

    def _headers(self, fields: Fields) -> dict[str, str]:
        headers = dict(HEADERS)
        if self._rules.https:
            headers["strict-transport-security"] = "max-age=31536000"
        if self._rules.origins:
            headers["vary"] = "Origin"
        if _origin(fields) in self._rules.origins:
            # Without Access-Control-Allow-Credentials: other sites' pages send a token, never the cookie.
            headers |= {
                "access-control-allow-origin": _origin(fields),
                "access-control-expose-headers": _EXPOSED,
                "cross-origin-resource-policy": "cross-origin",
            }
        return headers


def refuse(scope: Scope, fields: Fields, rules: Rules) -> Refusal | None:
    """Why a request or a WebSocket may not pass; None when it may."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    hosts = fields.get(b"host", [])
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    local = is_loopback(address) and is_local_name(host)
    if not local and not _leads_here(host, rules):
        return 403, "forbidden", "this name does not lead here; admin.url and admin.hosts say which do"
    if not is_loopback(address) and not rules.beyond and not rules.hosts:
        return 403, "forbidden", "the admin port answers this machine only; use an SSH tunnel"
    path = str(scope["path"])
    if not local and any(path == place or path.startswith(f"{place}/") for place in LOCAL_PATHS):
        return 403, "forbidden", "this is answered on the machine itself only"
    if scope["type"] == "websocket":
        return _refuse_socket(path, host, fields, rules)
    if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
        sites = fields.get(b"sec-fetch-site", [])
        origins = fields.get(b"origin", [])
        known = origins and all(origin.decode("latin-1") in rules.origins for origin in origins)
        foreign = any(not _is_own(origin, host) for origin in origins)
        foreign = foreign or any(site not in (b"same-origin", b"none") for site in sites)
        if foreign and (not known or _by_cookie(fields)):
            return 403, "forbidden", "requests of other sites' pages are refused"
        if _by_cookie(fields) and not origins and b"same-origin" not in sites:
            why = "with the cookie, a request has to say that it comes from Weir's own page; or send a token"
            return 403, "forbidden", why
    lengths = fields.get(b"content-length", [])
    if not fills(scope, fields) and any(int(length) > LARGEST_BODY for length in lengths if length.isdigit()):
        return 413, "refused", f"a body has at most {LARGEST_BODY} bytes"
    return None


def fills(scope: Scope, fields: Fields) -> bool:
    """Whether a request brings a list's entries as its body."""
    kind = fields.get(b"content-type", [b""])[0].partition(b";")[0].strip().lower()
    return kind == b"text/plain" and scope["method"] == "POST" and bool(FILLING.fullmatch(str(scope["path"])))


def _refuse_socket(path: str, host: str, fields: Fields, rules: Rules) -> Refusal | None:
    if path != SOCKET_PATH:
        return 404, "missing", f"WebSockets are at {SOCKET_PATH}"
    origins = fields.get(b"origin", [])
    if any(not _is_own(origin, host) and origin.decode("latin-1") not in rules.origins for origin in origins):
        return 403, "forbidden", "WebSockets of other sites' pages are refused"
    if not origins and _by_cookie(fields):
        return 403, "forbidden", "with the cookie, a WebSocket has to say its Origin; or send a token"
    return None


def _by_cookie(fields: Fields) -> bool:
    """Whether the cookie is what it would be signed in with."""
    cookies = fields.get(b"cookie", [])
    return b"authorization" not in fields and any(COOKIE.encode() in cookie for cookie in cookies)


def _leads_here(host: str, rules: Rules) -> bool:
    """Whether a Host header is a name of the configuration or, beyond loopback, the plain address.

    An address cannot be rebound to another machine, so any is good where the port is open at all of them.
    """
    name = _name(host)
    if name.lower().rstrip(".") in rules.hosts:
        return True
    try:
        literal = ipaddress.ip_address(name)
    except ValueError:
        return False
    return rules.beyond and rules.address in ("", str(literal))


def _is_own(origin: bytes, host: str) -> bool:
    return origin.decode("latin-1").lower() in (f"http://{host}".lower(), f"https://{host}".lower())


def _through_proxy(scope: Scope, fields: Fields, rules: Rules) -> Scope:
    """What a proxy on this machine says about its client is believed, of nobody else."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return scope
    hosts = fields.get(b"host", [])
    here = len(hosts) != 1 or is_local_name(hosts[0].decode("latin-1"))
    if here and not any(name in fields for name in PROXIES_SAY):
        return scope
    forwarded = b", ".join(fields.get(b"x-forwarded-for", [])).decode("latin-1")
    address = _client_of(forwarded.rpartition(",")[2].strip())
    secure = rules.https or fields.get(b"x-forwarded-proto", [b""])[-1].strip().lower() in (b"https", b"wss")
    schemes = {"http": "https", "websocket": "wss"}
    scheme = schemes[scope["type"]] if secure else scope.get("scheme", "http")
    return {**scope, "client": (address, client[1]), "scheme": scheme}


def _client_of(text: str) -> str:
    """Never this machine itself: a proxy that only hands the field on hands on what a stranger wrote."""
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        return UNREACHABLE
    return UNREACHABLE if is_loopback(address) else address


def fields_of(scope: Scope) -> dict[bytes, list[bytes]]:
    """Header fields by name in lower case."""
    fields: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        fields.setdefault(bytes(name).lower(), []).append(bytes(value))
    return fields


def _origin(fields: Fields) -> str:
    return fields.get(b"origin", [b""])[0].decode("latin-1")


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            there = {bytes(name).lower() for name, _ in given}
            more = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            message = {**message, "headers": given + [pair for pair in more if pair[0] not in there]}
        await send(message)

    return sending


async def _refused(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message, "fields": []}}).encode() + b"\n"
    await _answer(send, status, body, {"content-type": "application/json", "connection": "close"})


async def _answer(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    if status != HTTPStatus.NO_CONTENT:
        fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": int(status), "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _name(host: str) -> str:
    """The host of a Host header, without the port; "" when it is none."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name = host
    elif not port.isdigit():
        return ""
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def is_local_name(host: str) -> bool:
    """Whether a Host header names this machine's loopback: localhost, 127.0.0.0/8 or [::1], any port."""
    name = _name(host)
    return name.lower() == "localhost" or is_loopback(name)
