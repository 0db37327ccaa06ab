"""The real executable: a change made at the door decides clicks on every edge, whatever was restarted."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import PATIENCE, CallFailed, Weir, start_weir, wait_for

pytestmark = pytest.mark.slow


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def get(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers (lower case) and body; redirects are not followed."""
    asked = urllib.request.Request(url, method=method, headers=headers)
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(asked, timeout=PATIENCE) as answer:
            status, found, body = answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as fault:
        with fault:
            status, found, body = fault.code, fault.headers, fault.read().decode()
    return status, {name.lower(): value for name, value in found.items()}, body


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with start_weir(tmp_path_factory.mktemp("weir") / "data", "--edges", "2") as weir:
        wait_for("both edges linked", lambda: len(linked(weir)) == 2)
        yield weir


def linked(weir: Weir) -> list[dict[str, Any]]:
    edges = weir.call("system.status")["edges"]
    return [edge for edge in edges if edge["connected"] and edge["report"] and edge["report"]["ready"]]


def test_a_change_reaches_every_edge(weir: Weir) -> None:
    target = weir.call(
        "destinations.create", {"name": "T", "url": "https://t.example/?c={click_id}&s={sub1}"}
    )
    campaign = weir.call("campaigns.create", {"name": "C", "slug": "fresh"})
    stream = {"campaign_id": campaign["id"], "targets": [{"destination_id": target["id"]}]}
    weir.call("streams.create", stream)
    began = time.monotonic()

    def everywhere() -> bool:
        stats = weir.call("routing.stats")
        return {edge["revision"] for edge in stats["edges"]} == {stats["revision"]}

    wait_for("the newest revision on both edges", everywhere)
    print(f"on both edges after {time.monotonic() - began:.2f} s")
    # Each connection goes to either edge.
    for _ in range(20):
        status, headers, _ = get(f"{weir.public}/c/fresh?sub1=a%20b")
        assert status == 302
        url = headers["location"]
        assert url.startswith("https://t.example/?c=") and url.endswith("&s=a%20b")
    assert get(f"{weir.public}/go/{campaign['public_id']}")[0] == 302


def test_a_broken_entry_is_refused_and_the_edges_keep_what_they_had(weir: Weir) -> None:
    before = weir.call("routing.stats")["revision"]
    with pytest.raises(CallFailed):
        weir.call("destinations.create", {"name": "evil", "url": "https://{sub1}.example/"})
    assert weir.call("routing.stats")["revision"] == before


def test_the_demo_shows_the_click_and_the_postback_to_send(weir: Weir) -> None:
    status, headers, _ = get(f"{weir.public}/c/demo?sub1=x")
    assert status == 302
    assert headers["location"].startswith("/p/demo-offer-")
    click = headers["location"].partition("click_id=")[2]
    status, _, page = get(weir.public + headers["location"])
    assert status == 200
    host = weir.public.removeprefix("http://")
    assert page.count(click) == 3
    assert f"http://{host}/pb/demo?click_id={click}&amp;transaction_id=" in page
    assert "<script" not in page
    assert get(f"{weir.public}/r/demo")[0] == 302
    sale = f"click_id={click}&transaction_id=T-{click}&payout=1.50&currency=USD&status=approved"
    assert get(f"{weir.public}/pb/demo?{sale}")[2].startswith("OK")


def test_the_admin_port_answers_its_own_and_nothing_public(weir: Weir) -> None:
    assert json.loads(get(f"{weir.admin}/readyz")[2])["ready"] is True
    assert "weir_edge_connected" in get(f"{weir.admin}/metrics")[2]
    assert get(f"{weir.admin}/internal/cache/reload", "POST")[0] == 200
    assert get(f"{weir.admin}/healthz", Host="evil.example")[0] == 403
    for path in (
        "/c/demo",
        "/go/demo",
        "/r/demo",
        "/tb/demo",
        "/pb/demo",
        "/p/demo-offer-a",
    ):
        assert get(weir.admin + path)[0] == 404
    assert get(weir.admin + "/api/postbacks", "POST")[0] == 405
    for path in ("/metrics", "/internal/cache/stats", "/internal/event-producer/stats"):
        assert get(weir.public + path)[0] == 404


def test_after_the_core_was_killed_the_edges_serve_and_it_finds_them_again(weir: Weir) -> None:
    old = weir.kill("core")
    assert get(f"{weir.public}/c/demo")[0] == 302
    weir.wait_child("core", besides=old)

    def back() -> bool:
        try:
            return len(linked(weir)) == 2
        except CallFailed:
            return False

    wait_for("both edges linked again", back)
    renamed = weir.call("campaigns.change", {"id": 1, "slug": "renamed"})
    assert renamed["slug"] == "renamed"
    wait_for(
        "the change on both edges", lambda: all(get(f"{weir.public}/c/renamed")[0] == 302 for _ in range(9))
    )
    weir.call("campaigns.change", {"id": 1, "slug": "demo"})


def test_the_processes_leave_nothing_open_to_others(weir: Weir) -> None:
    for path in ("run/call.sock", "run/link.sock", "catalog.db"):
        assert (weir.data / path).stat().st_mode & 0o077 == 0
    assert list((weir.data / "table").iterdir()) == []


def test_weir_prints_the_address_the_claim_and_three_lines_that_work(tmp_path: Path) -> None:
    with start_weir(tmp_path / "data") as weir:
        public = weir.public
        os.kill(weir.process.pid, signal.SIGTERM)
        weir.process.wait(PATIENCE)
        head, claim, click, postback, report = weir.stdout().splitlines()
    assert "admin at http://127.0.0.1:" in head
    assert claim.endswith("/claim/" + (tmp_path / "data" / "claim").read_text().strip())
    assert f"{public}/c/demo" in click
    assert f"{public}/pb/demo?click_id=$CLICK" in postback
    assert report.endswith("call reports.overview '{}'")


def test_what_is_on_the_disk_is_the_owners_alone(weir: Weir) -> None:
    """Secrets and full addresses lie there, in SQLite's -wal files too."""
    weir.call("networks.create", {"name": "Private", "slug": "private", "secret": "hunter2"})
    get(weir.public + "/c/demo")
    open_to_others = [
        str(path.relative_to(weir.data))
        for path in weir.data.rglob("*")
        if path.exists() and path.stat().st_mode & 0o077 and "warehouse" not in path.parts
    ]
    assert open_to_others == []
    assert (weir.data / "warehouse").stat().st_mode & 0o077 == 0
    assert any(b"hunter2" in path.read_bytes() for path in weir.data.glob("catalog.db*"))
