"""The admin port's application: its answers, and whom it refuses."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.http.admin.app import ROUTES, create_app
from appliance.http.admin.dispatch import STATUS
from appliance.http.admin.gate import is_local_name
from tests.doors import Doors, edge_status, open_doors
from tests.rig import ROOT

LOCAL = "http://127.0.0.1:8081"


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as doors:
        yield doors


def client(doors: Doors, peer: str = "127.0.0.1") -> httpx.AsyncClient:
    app: Any = create_app(doors.operations, doors.context, doors.overview)
    transport = httpx.ASGITransport(app, client=(peer, 5))
    return httpx.AsyncClient(transport=transport, base_url=LOCAL)


async def test_every_route_of_the_page_without_screens_answers(doors: Doors, tmp_path: Path) -> None:
    app: Any = create_app(doors.operations, doors.context, doors.overview, screens=tmp_path / "none")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=LOCAL) as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert "make ui" in page.text
        assert "script" not in page.headers["content-security-policy"]
        for method, path, _ in ROUTES:
            assert path in page.text
            # A WebSocket is no plain request, agents send a token, and what to retry has to be said.
            asked = {"/internal/outbound/retry": 400, "/internal/postbacks/test": 400}
            status = {"/ws": 404, "/mcp": 401, **asked}.get(path, 200)
            assert (await http.request(method, path)).status_code == status


def test_the_http_page_has_every_route_and_every_error() -> None:
    page = (ROOT / "docs" / "reference" / "http.md").read_text()
    assert [path for method, path, _ in ROUTES if f"`{method} {path}`" not in page] == []
    for code, status in STATUS.items():
        assert re.search(rf"\| `{code}` \| {status}\b", page), code


async def test_healthz_and_readyz_say_why(doors: Doors) -> None:
    async with client(doors) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        ready = await http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["ready"] is True
        doors.parts.edges = lambda: [edge_status(ready=False)]
        doors.parts.catalog_loaded = lambda: False
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reasons"] == [
            "catalog: not loaded yet", "edges: none is connected and ready",
        ]  # fmt: skip


async def test_the_internal_doors_of_the_seed(doors: Doors) -> None:
    async with client(doors) as http:
        reloaded = await http.post("/internal/cache/reload")
        assert reloaded.json() == {"revision": 1, "parts": 9, "edges": 1}
        stats = (await http.get("/internal/cache/stats")).json()
        assert (stats["revision"], stats["edges"][0]["revision"]) == (1, 1)
        assert stats["edges"][0]["age_seconds"] == 18.5
        (edge,) = (await http.get("/internal/event-producer/stats")).json()["edges"]
        assert edge["topics"] == [
            {"topic": "click_events", "queue_capacity": 10, "queued": 11, "published": 12, "dropped": 13,
             "publish_errors": 14, "failed_enqueue": 15, "closed": False},
        ]  # fmt: skip
        assert (await http.get("/internal/cache/reload")).status_code == 405
        repeated = await http.post("/internal/outbound/retry", json={"targets": ["postback:1"]})
        assert (repeated.status_code, repeated.json()["error"]["message"]) == (
            503, "nobody delivers anything here",
        )  # fmt: skip
        wrong = await http.post("/internal/outbound/retry", json={"target": "postback:1"})
        assert [each["path"] for each in wrong.json()["error"]["fields"]] == ["target"]


@pytest.mark.parametrize(
    "path",
    [
        "/c/demo",
        "/go/demo",
        "/r/demo",
        "/tb/demo",
        "/pb/demo",
        "/p/demo-offer-a",
        "/c/",
        "/x",
    ],
)
async def test_public_routes_are_not_here(doors: Doors, path: str) -> None:
    async with client(doors) as http:
        for method in ("GET", "POST", "HEAD"):
            answer = await http.request(method, path)
            assert answer.status_code == 404
            if method != "HEAD":
                assert answer.json()["error"]["code"] == "missing"


async def test_a_postback_is_not_taken_here(doors: Doors) -> None:
    """The same path is postbacks.list, for whoever is signed in."""
    async with client(doors) as http:
        assert (await http.post("/api/postbacks")).status_code == 405
        assert (await http.get("/api/postbacks")).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.1:8081", "", "localhost:x"]
)
async def test_a_name_that_is_not_ours_is_refused(doors: Doors, host: str) -> None:
    async with client(doors) as http:
        answer = await http.get("/healthz", headers={"Host": host})
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LOCALHOST:9000", True), ("127.0.0.1:1", True), ("[::1]:8081", True),
        ("[::1]", True), ("127.8.9.1", True), ("[::ffff:127.0.0.1]:80", True), ("10.0.0.1", False),
        ("localhost.evil.com", False), ("localhost@evil.com", False), ("[::2]:80", False),
        ("2130706433", False), ("localhost:80:90", False),
    ],
)  # fmt: skip
def test_local_names(host: str, local: bool) -> None:
    assert is_local_name(host) is local


async def test_peers_from_elsewhere_are_refused(doors: Doors) -> None:
    for peer in ("10.0.0.7", "2001:db8::1", "not an address"):
        async with client(doors, peer) as http:
            assert (await http.get("/healthz")).status_code == 403
    for peer in ("::1", "127.3.2.1", "::ffff:127.0.0.1"):
        async with client(doors, peer) as http:
            assert (await http.get("/healthz")).status_code == 200


async def test_posts_of_other_sites_pages_are_refused(doors: Doors) -> None:
    async with client(doors) as http:
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": LOCAL, "Sec-Fetch-Site": "same-site"},
        ):
            assert (await http.post("/internal/cache/reload", headers=headers)).status_code == 403
        own = {"Origin": LOCAL, "Sec-Fetch-Site": "same-origin"}
        assert (await http.post("/internal/cache/reload", headers=own)).status_code == 200


async def test_bodies_have_a_limit(doors: Doors) -> None:
    async with client(doors) as http:
        answer = await http.post("/internal/cache/reload", content=b"x" * (1024 * 1024 + 1))
        assert answer.status_code == 413

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"x" * 65536

        answer = await http.post("/internal/cache/reload", content=endless())
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "refused"


async def test_a_fault_of_ours_has_the_error_shape_and_a_request_id(doors: Doors) -> None:
    def broken() -> list[Any]:
        raise RuntimeError("secret detail")

    doors.parts.edges = broken
    async with client(doors) as http:
        answer = await http.get("/readyz")
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "internal"
        assert "secret detail" not in answer.text


async def test_figures_are_in_prometheus_text(doors: Doors) -> None:
    async with client(doors) as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'weir_edge_replies_total{edge="0",status="302"} 21' in lines
    assert 'weir_edge_unknown_macros_total{edge="0",macro="a\\"b\\\\c\\nd"} 22' in lines
    assert 'weir_edge_unexpanded_macros_total{edge="0",source="4",param="zone\\"id"} 25' in lines
    assert 'weir_consumer_behind_events{consumer="publisher",edge="0"} 14' in lines  # 1 + 13
    assert not any(line.startswith('weir_consumer_behind_events{consumer="conversions"') for line in lines)
    assert "weir_conversions_outbox_bytes 27" in lines
    assert "weir_warehouse_rows_shipped_total 25" in lines
    assert 'weir_producer_failed_enqueue_total{edge="0",topic="click_events"} 15' in lines
    assert 'weir_actor_running{process="edge-0",actor="router"} 1' in lines
    samples = [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples)), "a series may appear once"
    helped = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert len(helped) == len(set(helped))
    assert {sample.partition("{")[0] for sample in samples} == set(helped)
