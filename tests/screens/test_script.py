"""The tracking script in a real browser, on another site's page: what it sends, and what links become."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.journeys.test_catalog_and_doors import get
from tests.rig import Weir, wait_for

pytestmark = pytest.mark.slow
PAGE = """<!doctype html><title>land</title><h1>Shoes</h1>
<a id="way" data-weir-exit="1" href="#">Buy</a>
<script>%s</script><script src="%s/t.js?c=script" data-consent="granted" async></script>"""


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, dict[str, str]]]:
    """A site of somebody else on another host: path → page."""
    pages: dict[str, str] = {}

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path.partition("?")[0], "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}", pages
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def campaign(weir: Weir) -> int:
    offer = weir.call("destinations.create", {"name": "o", "url": "/p/offer?s={sub1}&c={click_id}"})["id"]
    page = weir.call(
        "destinations.create",
        {"name": "l", "url": "https://land.example/", "exits": [[{"destination_id": offer}]]},
    )["id"]
    made = weir.call("campaigns.create", {"name": "s", "slug": "script"})["id"]
    weir.call("streams.create", {"campaign_id": made, "targets": [{"destination_id": page}]})
    weir.call("pages.create", {"name": "p", "slug": "offer", "body": "<p>sold {query.s}</p>"})
    wait_for("the table", lambda: get(f"{weir.public}/c/script")[0] == 302)
    return int(made)


def recorded(weir: Weir, campaign: int, door: str, count: int) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        rows = weir.call("clicks.list", {"campaign_id": campaign, "limit": 200})["items"]
        return [row for row in rows if row["door"] == door]

    wait_for(f"{count} clicks by {door}", lambda: len(found()) >= count)
    return found()


def test_a_page_is_recorded_and_its_link_leads_through_the_exit(
    browser: Any, weir: Weir, campaign: int, site: tuple[str, dict[str, str]]
) -> None:
    origin, pages = site
    pages["/one"] = PAGE % ("document.cookie='_fbp=fb.1.1596403881668.11'", weir.public)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{origin}/one?sub1=x&fbclid=F")
    page.wait_for_function("window.weir && window.weir.click_id")
    click_id = page.evaluate("window.weir.click_id")
    href = page.get_attribute("#way", "href")
    assert href.startswith(f"{weir.public}/lp/") and href.endswith("/1")
    page.click("#way")
    page.wait_for_url("**/p/offer**")
    assert page.inner_text("p") == "sold x"
    arrived = page.url
    context.close()
    (click,) = recorded(weir, campaign, "js", 1)
    assert click["id"] == click_id and click["source_click_id"] == "F"
    (out,) = recorded(weir, campaign, "lp", 1)
    assert out["id"] in arrived and out["destination_id"] != click["destination_id"]


def test_who_leaves_while_the_pixel_s_cookie_is_waited_for_is_recorded_once(
    browser: Any, weir: Weir, campaign: int, site: tuple[str, dict[str, str]]
) -> None:
    origin, pages = site
    pages["/two"] = PAGE % ("window.fbq=function(){}", weir.public)
    pages["/away"] = "<p>away</p>"
    before = len(recorded(weir, campaign, "js", 0))
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{origin}/two")
    page.wait_for_function("window.weir")
    page.goto(f"{origin}/away")
    recorded(weir, campaign, "js", before + 1)
    page.wait_for_timeout(1_500)
    context.close()
    assert len(recorded(weir, campaign, "js", before + 1)) == before + 1
