"""The gate: which names lead here, whose pages may ask, what answers carry, what a proxy is believed."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from appliance.config import Admin
from appliance.http.admin.gate import HEADERS, UNREACHABLE, Gate, Rules

Headers = dict[str, str]
LOOPBACK = Admin()
PROXIED = Admin(url="https://weir.example.com", hosts=("weir.internal.example", "10.1.2.3"))
OPEN = Admin(bind="0.0.0.0:8081", hosts=("weir.example.com",))
ONE = Admin(bind="203.0.113.5:8081")
APP = "https://app.example.com"
SHARED = Admin(bind="0.0.0.0:8081", hosts=("weir.example.com",), origins=(APP,))
HERE, THERE = "127.0.0.1", "198.51.100.7"


async def through(
    admin: Admin, peer: str, headers: Headers, method: str = "GET", path: str = "/api/me", kind: str = "http"
) -> tuple[int, Headers, MutableMapping[str, Any]]:
    """(status, headers, the scope behind the gate); 200 when it passed, 101 for a WebSocket."""
    seen: MutableMapping[str, Any] = {}
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("nothing is read here")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": kind, "method": method, "path": path, "client": (peer, 5),
        "scheme": "http" if kind == "http" else "ws",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }  # fmt: skip
    await Gate(app, Rules.of(admin))(scope, receive, send)
    first = sent[0]
    if kind == "websocket":
        return (101 if first["type"] == "websocket.accept" else 403), {}, seen
    found = {name.decode(): value.decode() for name, value in first["headers"]}
    assert not seen or first["status"] == 200
    return first["status"], found, seen


@pytest.mark.parametrize(
    ("admin", "peer", "host", "status"),
    [
        (LOOPBACK, HERE, "127.0.0.1:8081", 200),
        (LOOPBACK, "::1", "localhost", 200),
        (LOOPBACK, HERE, "evil.example", 403),
        (LOOPBACK, HERE, "203.0.113.5", 403),
        (LOOPBACK, THERE, "localhost", 403),
        (PROXIED, HERE, "weir.example.com", 200),
        (PROXIED, HERE, "WEIR.example.com.:443", 200),
        (PROXIED, HERE, "weir.internal.example:8081", 200),
        (PROXIED, HERE, "10.1.2.3", 200),
        (PROXIED, HERE, "10.1.2.4", 403),
        (PROXIED, HERE, "weir.example.com.evil.example", 403),
        (PROXIED, HERE, "localhost", 200),
        (OPEN, THERE, "weir.example.com:8081", 200),
        (OPEN, THERE, "203.0.113.5:8081", 200),
        (OPEN, THERE, "[2001:db8::5]:8081", 200),
        (OPEN, THERE, "other.example.com", 403),
        (OPEN, THERE, "localhost", 403),
        (OPEN, THERE, "", 403),
        (OPEN, HERE, "localhost:8081", 200),
        (ONE, THERE, "203.0.113.5:8081", 200),
        (ONE, THERE, "203.0.113.6:8081", 403),
    ],
)
async def test_which_names_lead_here(admin: Admin, peer: str, host: str, status: int) -> None:
    assert (await through(admin, peer, {"Host": host}))[0] == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/internal", "/internal/cache/reload"])
async def test_what_monitoring_asks_is_answered_on_the_machine_itself_only(path: str) -> None:
    name = "weir.example.com"
    assert (await through(OPEN, HERE, {"Host": "localhost:8081"}, path=path))[0] == 200
    assert (await through(OPEN, THERE, {"Host": name}, path=path))[0] == 403
    assert (await through(PROXIED, HERE, {"Host": name}, path=path))[0] == 403
    behind = {"Host": "127.0.0.1:8081", "X-Forwarded-For": THERE}
    assert (await through(PROXIED, HERE, behind, path=path))[0] == 403
    assert (await through(OPEN, THERE, {"Host": name}, path="/metricsology"))[0] == 200


@pytest.mark.parametrize(
    ("admin", "peer", "headers", "client", "scheme"),
    [
        (LOOPBACK, HERE, {"Host": "localhost"}, HERE, "http"),
        (PROXIED, HERE, {"X-Forwarded-For": f"10.0.0.9, {THERE}"}, THERE, "https"),
        (PROXIED, HERE, {}, UNREACHABLE, "https"),
        (PROXIED, HERE, {"X-Forwarded-For": "someone"}, UNREACHABLE, "https"),
        (Admin(hosts=("weir.example.com",)), HERE, {"X-Forwarded-For": THERE}, THERE, "http"),
        (
            Admin(hosts=("weir.example.com",)), HERE,
            {"X-Forwarded-For": THERE, "X-Forwarded-Proto": "https"}, THERE, "https",
        ),
        (OPEN, THERE, {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}, THERE, "http"),
        (PROXIED, HERE, {"X-Forwarded-For": "127.0.0.1"}, UNREACHABLE, "https"),
        (PROXIED, HERE, {"X-Forwarded-For": "::1"}, UNREACHABLE, "https"),
        (PROXIED, HERE, {"X-Forwarded-For": "::ffff:127.0.0.1"}, UNREACHABLE, "https"),
    ],
)  # fmt: skip
async def test_a_proxy_on_this_machine_is_believed_and_nobody_else(
    admin: Admin, peer: str, headers: Headers, client: str, scheme: str
) -> None:
    _, _, seen = await through(admin, peer, {"Host": "weir.example.com", **headers})
    assert (seen["client"][0], seen["scheme"]) == (client, scheme)


@pytest.mark.parametrize(
    "said",
    [
        {"X-Forwarded-For": ""}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Host": "weir.example.com"}, {"X-Real-IP": THERE}, {"Via": "1.1 proxy"},
    ],
)  # fmt: skip
async def test_a_proxy_that_puts_its_own_host_there_is_not_this_machine(said: Headers) -> None:
    """Such as nginx without `proxy_set_header Host`: who comes through it gets no code and no figures."""
    headers = {"Host": "127.0.0.1:8081", **said}
    assert (await through(PROXIED, HERE, headers, path="/metrics"))[0] == 403
    assert (await through(PROXIED, HERE, headers, "POST", "/api/session/request_code"))[0] == 403


OWN = {"Host": "weir.example.com"}
COOKIE, BEARER = {"Cookie": "a=b; weir_session=x.y.z"}, {"Authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (BEARER, 200),
        (COOKIE, 403),
        ({**COOKIE, **BEARER}, 200),
        ({**COOKIE, "Origin": "http://weir.example.com"}, 200),
        ({**COOKIE, "Origin": "https://weir.example.com"}, 200),
        ({**COOKIE, "Sec-Fetch-Site": "same-origin"}, 200),
        ({**COOKIE, "Sec-Fetch-Site": "none"}, 403),
        ({**COOKIE, "Sec-Fetch-Site": "same-site"}, 403),
        ({**COOKIE, "Origin": "https://weir.example.com", "Sec-Fetch-Site": "cross-site"}, 403),
        ({**COOKIE, "Origin": APP}, 403),
        ({**COOKIE, "Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({**BEARER, "Origin": "https://evil.example"}, 403),
        ({**BEARER, "Origin": "null"}, 403),
        ({**BEARER, "Origin": "https://weir.example.com.evil.example"}, 403),
        ({**BEARER, "Origin": "https://weir.example.com:444"}, 403),
        ({**BEARER, "Origin": APP, "Sec-Fetch-Site": "cross-site"}, 200),
        ({"Origin": APP}, 200),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "get"])
async def test_a_change_comes_from_our_own_page_or_with_a_token(
    headers: Headers, status: int, method: str
) -> None:
    assert (await through(SHARED, THERE, {**OWN, **headers}, method))[0] == status


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        (BEARER, "/ws", 101),
        ({}, "/ws", 101),
        (COOKIE, "/ws", 403),
        ({**COOKIE, "Origin": "http://weir.example.com"}, "/ws", 101),
        ({**COOKIE, "Origin": "https://evil.example"}, "/ws", 403),
        ({**BEARER, "Origin": "https://evil.example"}, "/ws", 403),
        ({"Origin": "null"}, "/ws", 403),
        ({**BEARER, "Origin": APP}, "/ws", 101),
        ({**BEARER, "Origin": "http://weir.example.com"}, "/", 403),
        (BEARER, "/ws/x", 403),
        (BEARER, "/metrics", 403),
    ],
)
async def test_whose_websockets_are_accepted(headers: Headers, path: str, status: int) -> None:
    assert (await through(SHARED, THERE, {**OWN, **headers}, path=path, kind="websocket"))[0] == status


async def test_a_preflight_allows_configured_origins_only_and_never_the_cookie() -> None:
    asks = {**OWN, "Access-Control-Request-Method": "POST"}
    for origin, allowed in ((APP, True), ("https://evil.example", False), ("null", False)):
        status, headers, seen = await through(SHARED, THERE, {**asks, "Origin": origin}, "OPTIONS")
        assert (status, seen) == (204, {})
        assert headers.get("access-control-allow-origin") == (APP if allowed else None)
        assert ("access-control-allow-methods" in headers) is allowed
        assert "access-control-allow-credentials" not in headers
        assert headers["vary"] == "Origin"
    _, headers, _ = await through(SHARED, THERE, {**OWN, **BEARER, "Origin": APP})
    assert headers["access-control-allow-origin"] == APP


async def test_every_answer_carries_the_headers_that_protect_it() -> None:
    for admin, peer, host in ((LOOPBACK, HERE, "localhost"), (LOOPBACK, HERE, "evil.example")):
        _, headers, _ = await through(admin, peer, {"Host": host})
        assert HEADERS.items() <= headers.items()
        assert "strict-transport-security" not in headers
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy and "*" not in policy and "default-src 'none'" in policy
    _, headers, _ = await through(PROXIED, HERE, {"Host": "weir.example.com"})
    assert "strict-transport-security" in headers


async def test_a_body_that_says_it_is_too_long_is_refused_unread() -> None:
    long = {"Host": "localhost", "Content-Length": str(1024 * 1024 + 1)}
    assert (await through(LOOPBACK, HERE, long, "POST"))[0] == 413
