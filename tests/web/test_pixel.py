"""The conversion pixel and script at the public port, on real sockets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.http.public.pixel import GIF
from appliance.model.catalog import Campaign, Network
from appliance.model.events import ClickEvent, PostbackLogEvent
from appliance.model.ids import click_id
from appliance.model.rules import Target
from appliance.model.table import Part
from tests.pure.tables import destination, parts, stream
from tests.web.front import Front, front

SECRET = "the secret of the network"
CLICK = click_id(1_794_916_800_000, 7)


def shop() -> list[Part]:
    landing = destination(3, "https://land.example/?t={lp_token}", exits=((Target(destination_id=1),),))
    return parts(
        Campaign(id=1, slug="shoes", public_id="P1", click_cookie_days=30),
        Campaign(id=2, slug="hats", public_id="P2"),
        stream(1, 1),
        stream(2, 2, campaign=2),
        destination(1, network_id=5),
        destination(2, network_id=6),
        landing,
        Campaign(id=3, slug="pages", public_id="P3", click_cookie_days=1),
        stream(3, 3, campaign=3),
        Campaign(id=4, slug="none", public_id="P4", click_cookie_days=1),
        Network(id=5, slug="open"),
        Network(id=6, slug="other"),
        Network(id=7, slug="secret", secret=SECRET),
        Network(id=8, slug="signed", secret=SECRET, signature="hmac_sha256"),
        Network(id=9, slug="near", allow=("10.0.0.0/8",)),
        Network(id=10, slug="paused", status="paused"),
    )


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path, parts=shop()) as made:
        yield made


def kept(answer: Any) -> str:
    """The cookie that an answer sets, as a browser would send it back."""
    header = answer.headers.get("set-cookie", "")
    assert "HttpOnly" in header
    return str(header.partition(";")[0])


async def send(edge: Front, name: str, body: object, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await edge.ask(f"/js/{name}", "POST", {"Content-Type": "text/plain", **headers}, raw)


async def test_a_click_s_cookie_is_known_again_by_the_pixel_and_the_script(edge: Front) -> None:
    clicked = await edge.ask("/c/shoes")
    (click,) = edge.events(ClickEvent)
    assert clicked.location == f"https://d1.example/?c={click.id}"
    cookie = kept(clicked)
    assert cookie == f"weir_click={click.id}.5"
    image = await edge.ask("/px/open.gif?payout=5&tid=T1", headers={"Cookie": f"a=b; {cookie}"})
    assert (image.status, image.headers["content-type"], image.body) == (200, "image/gif", GIF)
    assert image.headers["cache-control"] == "no-store"
    answer = await send(edge, "open", {"transaction_id": "T2", "payout": 7.5}, Cookie=cookie)
    assert (answer.status, json.loads(answer.body)) == (200, {"recorded": True})
    first, second = edge.events(PostbackLogEvent)
    assert (first.method, first.stage, first.network_id) == ("pixel", "received", 5)
    assert first.params == {"payout": "5", "tid": "T1", "click_id": click.id}
    assert (second.method, second.params) == (
        "script", {"transaction_id": "T2", "payout": "7.5", "click_id": click.id},
    )  # fmt: skip


async def test_a_campaign_that_asks_for_no_cookie_sets_none(edge: Front) -> None:
    assert "set-cookie" not in (await edge.ask("/c/hats")).headers
    assert "set-cookie" not in (await edge.ask("/c/none")).headers  # nowhere to go
    assert "set-cookie" not in (await edge.ask("/c/shoes", headers={"Sec-GPC": "1"})).headers


async def test_behind_https_the_cookie_is_there_for_other_sites_pages(edge: Front) -> None:
    answer = await edge.ask("/c/shoes", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["set-cookie"].endswith("; HttpOnly; SameSite=None; Secure")
    assert "Max-Age=2592000; " in answer.headers["set-cookie"]


async def test_out_of_a_landing_page_the_outgoing_click_is_owed(edge: Front) -> None:
    seen = await edge.ask("/c/pages")
    token = seen.location.partition("?t=")[2]
    out = await edge.ask(f"/lp/{token}/1", headers={"Cookie": kept(seen)})
    page, exit_ = edge.events(ClickEvent)
    assert exit_.parent_id == page.id
    assert kept(seen) == f"weir_click={page.id}.0"
    assert kept(out) == f"weir_click={exit_.id}.5~{page.id}.0"


@pytest.mark.parametrize(
    ("query", "cookie", "found"),
    [
        (f"click_id={CLICK}", "", CLICK),
        (f"cid={CLICK}", f"weir_click={click_id(1, 1)}.5", CLICK),  # what is named counts
        ("click_id=%7Bclick_id%7D", f"weir_click={CLICK}.5", CLICK),  # a macro that nobody replaced
        ("click_id=", f"weir_click={CLICK}.5", CLICK),
        (f"weir_click={CLICK}", "", CLICK),
        ("", f"weir_click={CLICK}.6", None),  # another network's
        ("", "weir_click=nonsense", None),
        ("", "", None),
    ],
)
async def test_the_click_of_a_pixel(edge: Front, query: str, cookie: str, found: str | None) -> None:
    image = await edge.ask(f"/px/open.gif?{query}", headers={"Cookie": cookie} if cookie else {})
    assert (image.status, image.body) == (200, GIF)
    (event,) = edge.events(PostbackLogEvent)
    if found is None:
        assert (event.stage, "No click is known" in event.reason) == ("refused", True)
        assert "No click is known" in image.headers["x-weir-reason"]
    else:
        assert event.stage == "received"
        assert found in (event.params.get("click_id"), event.params.get("cid"))
        assert "weir_click" not in event.params


@pytest.mark.parametrize("name", ["secret", "signed", "near"])
async def test_a_network_whose_postbacks_prove_something_has_no_pixel(edge: Front, name: str) -> None:
    query = f"click_id={CLICK}&secret={SECRET.replace(' ', '%20')}&x={SECRET.replace(' ', '%20')}"
    image = await edge.ask(f"/px/{name}.gif?{query}")
    assert (image.status, image.body) == (403, GIF)
    assert (await edge.ask(f"/js/{name}.js")).status == 403
    sent = await send(edge, name, {"click_id": CLICK, "secret": SECRET, "key": SECRET})
    assert sent.status == 403
    assert [event.stage for event in edge.events(PostbackLogEvent)] == ["refused"] * 2
    assert (SECRET.encode() in edge.journal_bytes()) == (name == "near")  # which has none
    assert hashlib.sha256(SECRET.encode()).digest() not in edge.journal_bytes()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/px/nobody.gif", 404), ("GET", "/px/paused.gif", 404), ("GET", "/js/nobody.js", 404),
        ("POST", "/js/nobody", 404), ("GET", "/js/open", 405), ("POST", "/px/open.gif", 405),
        ("POST", "/js/open.js", 405), ("GET", "/px/open", 404), ("GET", "/px/open.gif/x", 404),
        ("GET", "/px/.gif", 404), ("GET", "/js/.js", 404), ("PUT", "/js/open", 405),
    ],
)  # fmt: skip
async def test_what_there_is_not(edge: Front, method: str, target: str, status: int) -> None:
    body = b'{"click_id": "x"}' if method == "POST" else b""
    assert (await edge.ask(target, method, {}, body)).status == status
    assert edge.events(PostbackLogEvent) == []


async def test_a_head_records_nothing(edge: Front) -> None:
    answer = await edge.ask(f"/px/open.gif?click_id={CLICK}", "HEAD")
    assert (answer.status, answer.headers["content-length"]) == (200, str(len(GIF)))
    assert edge.events(PostbackLogEvent) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"x" * 20_000, b"\xff", b'{"a":' * 5000])
async def test_what_the_script_never_sends_is_refused(edge: Front, body: bytes) -> None:
    assert (await send(edge, "open", body, Origin="https://shop.example")).status == 400
    assert edge.events(PostbackLogEvent) == []


async def test_another_site_s_page_may_send_and_read_the_answer(edge: Front) -> None:
    asked = await edge.ask("/js/open", "OPTIONS", {"Origin": "https://shop.example"})
    assert asked.status == 204
    answer = await send(edge, "open", {"click_id": CLICK}, Origin="https://shop.example")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    file = await edge.ask("/js/open.js")
    assert (file.status, file.headers["cross-origin-resource-policy"]) == (200, "cross-origin")


async def test_without_a_journal_a_page_is_asked_to_repeat(tmp_path: Path) -> None:
    def full() -> Any:
        raise OSError(28, "No space left on device")

    async with front(tmp_path, full, parts=shop()) as edge:
        image = await edge.ask(f"/px/open.gif?click_id={CLICK}")
        assert (image.status, image.body) == (503, GIF)
        assert (await send(edge, "open", {"click_id": CLICK})).status == 503
