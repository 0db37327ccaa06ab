"""The conversion pixel and script in a real browser: whose conversion it is, by each way of knowing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.test_catalog_and_doors import get
from tests.rig import Weir, wait_for
from tests.screens.test_script import site  # noqa: F401  a fixture: a site of somebody else

pytestmark = pytest.mark.slow
THANKS = "<!doctype html><title>thanks</title><h1>Thanks</h1>"


@pytest.fixture(scope="module")
def shop(weir: Weir, site: tuple[str, dict[str, str]]) -> tuple[str, dict[str, str]]:  # noqa: F811
    """The offer's site; `weir` sends visitors of /c/shop to its page /offer."""
    origin, pages = site
    network = weir.call("networks.create", {"name": "n", "slug": "shop", "currency": "USD"})["id"]
    offer = weir.call(
        "destinations.create",
        {"name": "o", "url": f"{origin}/offer?click_id={{click_id}}", "network_id": network},
    )["id"]
    made = weir.call("campaigns.create", {"name": "s", "slug": "shop", "click_cookie_days": 30})["id"]
    weir.call("streams.create", {"campaign_id": made, "targets": [{"destination_id": offer}]})
    weir.call("campaigns.create", {"name": "j", "slug": "direct"})
    wait_for("the table", lambda: get(f"{weir.public}/c/shop")[0] == 302)
    pages["/offer"] = "<!doctype html><title>offer</title><h1>Shoes</h1>"
    return origin, pages


def told(weir: Weir, transaction: str) -> dict[str, Any]:
    """The conversion of a transaction, once it is one."""

    def look() -> dict[str, Any] | None:
        items = weir.call("conversions.list", {"transaction_id": transaction})["items"]
        return items[0] if items else None

    found: dict[str, Any] = wait_for(f"the conversion {transaction}", look)
    return found


def arrive(page: Any, public: str) -> str:
    """Follow the tracked link; the click's id."""
    page.goto(f"{public}/c/shop")
    page.wait_for_url("**/offer?click_id=*")
    return str(page.url.partition("click_id=")[2])


def test_the_site_s_own_cookie_keeps_the_click_until_the_page_of_thanks(
    browser: Any, weir: Weir, shop: tuple[str, dict[str, str]]
) -> None:
    """Nothing comes from the tracker's cookie here: it is another site."""
    origin, pages = shop
    pages["/offer"] = f'{THANKS}<script src="{weir.public}/js/shop.js" data-keep="30"></script>'
    pages["/thanks"] = (
        f'{THANKS}<script src="{weir.public}/js/shop.js"></script>'
        '<script>document.title = weir.convert({tid: "K1", payout: 12.5, currency: "USD"})</script>'
    )
    context = browser.new_context()
    page = context.new_page()
    click = arrive(page, weir.public)
    page.goto(f"{origin}/thanks")
    assert page.title() == "true"
    own = [each for each in context.cookies() if each["domain"] == "localhost"]
    assert [(each["name"], each["value"], each["sameSite"]) for each in own] == [("weir_click", click, "Lax")]
    found = told(weir, "K1")
    context.close()
    assert (found["click_id"], found["revenue"], found["status"]) == (click, 12.5, "sale")


def test_a_buyer_who_leaves_at_once_is_counted(
    browser: Any, weir: Weir, shop: tuple[str, dict[str, str]]
) -> None:
    origin, pages = shop
    pages["/buy"] = (
        f'{THANKS}<script src="{weir.public}/js/shop.js"></script>'
        '<a id="go" href="/gone" onclick="weir.convert({transaction_id: \'L1\', payout: \'3\'})">buy</a>'
    )
    pages["/gone"] = THANKS
    context = browser.new_context()
    page = context.new_page()
    click = arrive(page, weir.public)
    page.goto(f"{origin}/buy?click_id={click}")
    page.click("#go")
    page.wait_for_url("**/gone")
    context.close()
    assert told(weir, "L1")["click_id"] == click


@pytest.mark.parametrize("way", ["pixel", "attributes"])
def test_the_tracker_s_cookie_is_enough_on_its_own_site(
    browser: Any, weir: Weir, shop: tuple[str, dict[str, str]], way: str
) -> None:
    """The page of thanks lies on the tracker's site, as it does on a subdomain of the shop's."""
    pages = shop[1]
    same = weir.public.rpartition(":")[0]  # 127.0.0.1: a port makes no other site
    port = shop[0].rpartition(":")[2]
    pages[f"/{way}"] = (
        THANKS
        + {
            "pixel": f'<img src="{weir.public}/px/shop.gif?transaction_id=P1&payout=4" width="1" height="1">',
            "attributes": f'<script src="{weir.public}/js/shop.js" data-convert data-payout="4"'
            ' data-transaction-id="P2" async></script>',
        }[way]
    )
    pages["/offer"] = THANKS
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    click = arrive(page, weir.public)
    [cookie] = [each for each in context.cookies() if each["name"] == "weir_click"]
    assert cookie["httpOnly"] and cookie["value"].startswith(click)
    page.goto(f"{same}:{port}/{way}")
    found = told(weir, "P1" if way == "pixel" else "P2")
    assert (found["click_id"], found["revenue"]) == (click, 4)
    if way == "pixel":
        page.wait_for_function("document.images[0].naturalWidth === 1")
    context.close()
    assert [fault for fault in faults if "favicon" not in fault and "404" not in fault] == []


def test_a_page_reached_without_a_redirect_reports_the_click_that_the_script_recorded(
    browser: Any, weir: Weir, shop: tuple[str, dict[str, str]]
) -> None:
    origin, pages = shop
    pages["/direct"] = (
        f'{THANKS}<script src="{weir.public}/js/shop.js"></script>'
        f'<script src="{weir.public}/t.js?c=direct" async></script>'
    )
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{origin}/direct")
    page.wait_for_function("window.weir && window.weir.click_id")
    click = page.evaluate("window.weir.click_id")
    assert page.evaluate('weir.convert({transaction_id: "D1", payout: "2"})')
    assert told(weir, "D1")["click_id"] == click
    context.close()


def test_who_does_not_want_to_be_followed_keeps_nothing(
    browser: Any, weir: Weir, shop: tuple[str, dict[str, str]]
) -> None:
    pages = shop[1]
    pages["/offer"] = f'{THANKS}<script src="{weir.public}/js/shop.js" data-keep="30"></script>'
    context = browser.new_context(extra_http_headers={"Sec-GPC": "1"})
    context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page = context.new_page()
    arrive(page, weir.public)
    assert [each for each in context.cookies() if each["name"] == "weir_click"] == []
    context.close()
