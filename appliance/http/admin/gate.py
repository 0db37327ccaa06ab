"""What stands before the admin app: only this machine, only by its own name, only from its own pages.

Until sign-in exists these are the admin port's whole defence against a visitor's browser: DNS rebinding is
stopped by the Host header, cross-site requests by Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

LARGEST_BODY = 1024 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refusal = tuple[int, str, str]
"""Status, code and message."""


class Gate:
    """ASGI in, ASGI out."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no websockets here yet"})
            return
        refusal = refuse(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, code, message = refusal
        body = json.dumps({"error": {"code": code, "message": message, "fields": []}}).encode() + b"\n"
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def refuse(scope: Scope) -> Refusal | None:
    """Why a request may not pass; None when it may."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return 403, "forbidden", "the admin port answers this machine only; use an SSH tunnel"
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(bytes(name).lower(), []).append(bytes(value))
    hosts = headers.get(b"host", [])
    if len(hosts) != 1 or not is_local_name(hosts[0].decode("latin-1")):
        return 403, "forbidden", "this name does not lead here; use 127.0.0.1 or localhost"
    if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
        origins = headers.get(b"origin", [])
        sites = headers.get(b"sec-fetch-site", [])
        own = (b"http://" + hosts[0], b"https://" + hosts[0])
        foreign = any(origin not in own for origin in origins)
        if foreign or any(site not in (b"same-origin", b"none") for site in sites):
            return 403, "forbidden", "requests of other sites' pages are refused"
    lengths = headers.get(b"content-length", [])
    if any(int(length) > LARGEST_BODY for length in lengths if length.isdigit()):
        return 413, "refused", f"a body has at most {LARGEST_BODY} bytes"
    return None


def is_local_name(host: str) -> bool:
    """Whether a Host header names this machine's loopback: localhost, 127.0.0.0/8 or [::1], any port."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name = host
    elif not port.isdigit():
        return False
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name.lower() == "localhost" or is_loopback(name)


def is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_loopback
