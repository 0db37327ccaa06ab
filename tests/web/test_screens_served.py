"""How the admin port hands out the built screens."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.http.admin.app import create_app
from tests.doors import open_doors

PAGE = b"<!doctype html><div id=app></div>"
SCRIPT = b"console.log('weir');" * 20
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build as `make ui` leaves it."""
    place = tmp_path / "dist"
    (place / "assets").mkdir(parents=True)
    (place / "index.html").write_bytes(PAGE)
    (place / "assets" / "index-abc.js").write_bytes(SCRIPT)
    (place / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    (place / "assets" / "index-abc.js.br").write_bytes(b"br")
    (place / "secret.txt").write_text("not for anybody")
    return place


@pytest.fixture
async def http(built: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with open_doors(tmp_path / "data") as doors:
        app: Any = create_app(doors.operations, doors.context, doors.overview, screens=built)
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
            yield client


@pytest.mark.parametrize("path", ["/", "/campaigns", "/claim/some-token", "/no/such/screen"])
async def test_an_address_of_a_screen_is_the_page_and_never_kept(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers=BROWSER)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert (await http.head(path, headers=BROWSER)).status_code == 200


@pytest.mark.parametrize("path", ["/api/nothing", "/mcp/x", "/internal/x", "/metrics/x", "/assets/none.js"])
async def test_what_is_no_screen_stays_missing(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path, headers=BROWSER)).status_code == 404


async def test_a_program_that_asks_for_no_page_is_told_that_it_is_missing(http: httpx.AsyncClient) -> None:
    assert (await http.get("/campaigns")).json()["error"]["code"] == "missing"
    assert (await http.post("/campaigns", headers=BROWSER)).status_code == 404


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("br, gzip", "br"), ("gzip", "gzip"), ("gzip;q=1.0, br;q=0", "gzip"), ("identity", None), ("", None),
        ("GZIP", "gzip"),
    ],
)  # fmt: skip
async def test_a_file_is_kept_for_ever_in_the_smallest_form(
    http: httpx.AsyncClient, accepts: str, encoding: str | None
) -> None:
    async with http.stream("GET", "/assets/index-abc.js", headers={"Accept-Encoding": accepts}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert raw == {"br": b"br", "gzip": gzip.compress(SCRIPT), None: SCRIPT}[encoding] or encoding == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "name",
    ["index-abc.js.gz", "../secret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "secret.txt", "index.html"],
)
async def test_nothing_but_the_built_files_can_be_had(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(f"/assets/{name}")
    assert answer.status_code == 404
    assert b"not for anybody" not in answer.content


async def test_a_new_build_is_seen_without_a_restart(http: httpx.AsyncClient, built: Path) -> None:
    await http.get("/", headers=BROWSER)
    (built / "assets" / "index-def.js").write_bytes(b"new")
    (built / "index.html").write_bytes(b"new page")
    os.utime(built / "index.html", ns=(1, 1))
    assert (await http.get("/", headers=BROWSER)).content == b"new page"
    assert (await http.get("/assets/index-def.js")).content == b"new"
    (built / "index.html").unlink()  # while the next build writes: the one known is still good
    assert (await http.get("/", headers=BROWSER)).content == b"new page"
