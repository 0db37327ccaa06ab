"""REST: what is HTTP about it. That it answers like the other doors is test_every_door.py's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.errors import TooMany, Unavailable
from appliance.http.admin.app import create_app
from appliance.http.admin.gate import Rules
from appliance.http.admin.server import AdminServer, listen
from appliance.operations.context import Context
from appliance.operations.downloads import Download
from appliance.operations.nouns import Request
from appliance.operations.registry import Operation
from appliance.operations.session import Me, SignedIn, SignedOut
from tests.doors import Doors, open_doors
from tests.rig import PATIENCE
from tests.web.wires import application, authenticate, browser


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as doors:
        yield doors


def with_operation(doors: Doors, name: str, answer: Any, run: Any) -> Doors:
    each = Operation(name, "anyone", True, {}, Request, answer, "For this test.", run, {})
    return replace(doors, operations={**doors.operations, name: each})


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"name=A&slug=a", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"\xff", 400),
        ({"Content-Type": "application/json"}, b"[" * 50_000, 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b"null", 400),
        ({}, b"", 400),
        ({"Content-Type": "application/json; charset=utf-8"}, b'{"name": "A", "slug": "a"}', 201),
    ],
)
async def test_bodies(doors: Doors, headers: dict[str, str], body: bytes, status: int) -> None:
    async with browser(application(doors), "weir_administrator") as http:
        answer = await http.post("/api/campaigns", content=body, headers=headers)
        assert answer.status_code == status
        if status > 201:
            assert answer.json()["error"]["code"] == "refused"


async def test_queries(doors: Doors) -> None:
    async with browser(application(doors), "weir_administrator") as http:
        wrong = await http.get("/api/campaigns?limit=x&offset=-1&archived=1&nope=2")
        paths = {each["path"] for each in wrong.json()["error"]["fields"]}
        assert (wrong.status_code, paths) == (400, {"limit", "offset", "archived", "nope"})
        assert (await http.get("/api/campaigns?limit=1&limit=2")).status_code == 400
        assert (await http.get("/api/campaigns?source_id=null")).json()["total"] == 0
        assert (await http.get("/api/campaigns?source_id=1&status=active")).json()["total"] == 1
        assert (await http.get("/api/campaigns/demo")).json()["id"] == 1
        assert (await http.get("/api/campaigns/1")).json()["slug"] == "demo"
        assert (await http.post("/api/campaigns/1/archive?revision=1")).status_code == 400
        for path in ("/api//campaigns", "/api/campaigns/demo/x", "/api", "/api/live/watch", "/api/%00"):
            assert (await http.get(path)).status_code == 404, path
        wrong_method = await http.put("/api/campaigns", json={})
        assert wrong_method.status_code == 405
        assert {"GET", "POST"} <= set(wrong_method.headers["allow"].split(", "))


async def test_an_entitys_revision_is_its_etag(doors: Doors) -> None:
    async with browser(application(doors), "weir_administrator") as http:
        found = await http.get("/api/campaigns/1")
        tag = found.headers["etag"]
        assert tag == f'"{found.json()["revision"]}"'
        changed = await http.patch("/api/campaigns/1", json={"name": "B"}, headers={"If-Match": tag})
        assert changed.status_code == 200
        late = await http.patch("/api/campaigns/1", json={"name": "C"}, headers={"If-Match": tag})
        assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
        assert late.json()["error"]["details"]
        odd = await http.patch("/api/campaigns/1", json={"name": "C"}, headers={"If-Match": "*"})
        assert odd.status_code == 400


async def test_statuses_and_their_headers(doors: Doors) -> None:
    async def busy(request: Request, context: Context) -> dict[str, Any]:
        raise TooMany("slowly", 17)

    async def down(request: Request, context: Context) -> dict[str, Any]:
        raise Unavailable("not now")

    app = application(with_operation(with_operation(doors, "x.busy", Any, busy), "x.down", Any, down))
    async with browser(app) as http:
        many = await http.post("/api/x/busy")
        assert (many.status_code, many.headers["retry-after"]) == (429, "17")
        assert (await http.post("/api/x/down")).status_code == 503
        nobody = await http.get("/api/campaigns")
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_session_becomes_a_cookie_and_signing_out_ends_it(doors: Doors) -> None:
    user = Me(
        id=1, email="a@b.c", name="", role="viewer", status="active", sees_money=True, permissions=None,
        campaigns=None,
    )  # fmt: skip

    async def sign_in(request: Request, context: Context) -> SignedIn:
        return SignedIn(token="secret", expires_at="2030-01-01T00:00:00Z", user=user)

    async def sign_out(request: Request, context: Context) -> SignedOut:
        return SignedOut(sessions=1)

    changed = with_operation(doors, "x.sign_in", SignedIn, sign_in)
    changed = with_operation(changed, "session.sign_out", SignedOut, sign_out)
    app = application(changed)
    async with browser(app) as http:
        cookie = (await http.post("/api/x/sign_in")).headers["set-cookie"]
        assert cookie.startswith("weir_session=secret; Expires=Tue, 01 Jan 2030")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        http.cookies.clear()
        gone = (await http.post("/api/session/sign_out")).headers["set-cookie"]
        assert gone.startswith("weir_session=;") and "Max-Age=0" in gone
    behind: Any = create_app(
        changed.operations,
        doors.context,
        doors.overview,
        Rules(hosts=frozenset({"weir.example"}), https=True),
    )
    async with browser(behind) as http:
        cookie = (await http.post("/api/x/sign_in", headers={"Host": "weir.example"})).headers["set-cookie"]
        assert "Secure" in cookie.split("; ")


class Blocks:
    """A file whose making is watched."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.closed = fails, trio.Event()

    async def run(self, request: Request, context: Context) -> Download:
        return Download("text/csv; charset=utf-8", "report.csv", self.blocks())

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        try:
            for number in range(2_000 if self.fails else 50):
                await trio.sleep(0.001)
                yield b"%06d\n" % number * 1_000
                if self.fails and number == 5:
                    raise RuntimeError("the warehouse went away")
        finally:
            self.closed.set()


async def stream(doors: Doors, blocks: Blocks, read: int) -> bytes:
    """All that a client receives who leaves after so many bytes."""
    changed = with_operation(doors, "x.file", Download, blocks.run)
    app = create_app(changed.operations, doors.context, doors.overview, authenticate=authenticate)
    listener, stop, received = listen("127.0.0.1", 0), trio.Event(), b""
    async with trio.open_nursery() as nursery:
        await nursery.start(AdminServer(app, grace=1).serve, lambda: listener, stop)
        async with await trio.open_tcp_stream("127.0.0.1", listener.getsockname()[1]) as client:
            await client.send_all(
                b"POST /api/x/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
            )
            with trio.fail_after(PATIENCE):
                while len(received) < read and not received.endswith(b"0\r\n\r\n"):
                    data = await client.receive_some(65536)
                    if not data:
                        break
                    received += data
        with trio.fail_after(PATIENCE):
            await blocks.closed.wait()
        stop.set()
    return received


async def test_a_download_is_streamed_whole(doors: Doors) -> None:
    received = await stream(doors, Blocks(), 10**9)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b'content-disposition: attachment; filename="report.csv"' in head
    assert b"content-type: text/csv; charset=utf-8" in head
    assert body.count(b"000049\n") == 1_000
    assert body.endswith(b"\r\n0\r\n\r\n")


async def test_a_download_ends_when_its_client_leaves(doors: Doors) -> None:
    assert b"000049" not in await stream(doors, Blocks(), 1)


async def test_a_download_that_fails_is_broken_off_and_not_ended_in_good_order(doors: Doors) -> None:
    received = await stream(doors, Blocks(fails=True), 10**9)
    assert b"000005" in received
    assert not received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/api/clicks/list", {"OPTIONS", "POST"}),
        ("DELETE", "/api/clicks/list", {"OPTIONS", "POST"}),
        ("GET", "/api/clicks/list", {"OPTIONS", "POST"}),
        ("OPTIONS", "/api/clicks/lists", {"GET", "HEAD", "OPTIONS"}),
        ("OPTIONS", "/api/sources/presets", {"GET", "HEAD", "OPTIONS"}),
        ("OPTIONS", "/api/sources/1", {"GET", "HEAD", "OPTIONS", "PATCH"}),
        ("OPTIONS", "/api/streams/1", {"GET", "HEAD", "OPTIONS", "PATCH"}),
        ("PUT", "/api/campaigns/demo/archive", {"OPTIONS", "POST"}),
    ],
)
async def test_allow_names_the_methods_of_the_very_path(
    doors: Doors, method: str, path: str, allowed: set[str]
) -> None:
    async with browser(application(doors), "weir_administrator") as http:
        answer = await http.request(method, path)
        assert answer.status_code == (200 if method == "OPTIONS" else 405)
        assert set(answer.headers["allow"].split(", ")) == allowed


async def test_null_is_no_value_of_a_parameter_that_may_be_left_out(doors: Doors) -> None:
    """What the schema says; where null is a value of its own, it is one."""
    async with browser(application(doors), "weir_administrator") as http:
        for query in ("user_id=null", "user_id="):
            answer = await http.get(f"/api/sessions?{query}")
            assert (answer.status_code, answer.json()["error"]["fields"][0]["path"]) == (400, "user_id")
        assert (await http.get("/api/sessions?user_id=1")).status_code in (200, 503)
        assert (await http.get("/api/campaigns?source_id=null")).status_code == 200
