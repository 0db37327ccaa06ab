"""One person's first ten minutes in a real browser: claim, a click that appears, campaigns, the system."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.screens.browser import Screens, claim, claim_path, click, sale, sign_in, signed_in

SOON = 60_000
"""Milliseconds; the machine may be shared."""


def test_claim_then_a_click_appears_by_itself_then_campaigns_then_the_system(screens: Screens) -> None:
    weir = screens.weir
    link = claim_path(weir)
    page = screens.page()
    claim(page, weir)
    expect(page).to_have_url(f"{weir.admin}/")
    expect(page.get_by_role("heading", name="No clicks yet")).to_be_visible(timeout=SOON)
    expect(page.get_by_text(f"{weir.public}/c/demo?sub1=hello&cost=0.10")).to_be_visible()
    expect(page.get_by_text(f'curl "{weir.public}/pb/demo?click_id=')).to_be_visible()

    # Nobody touches the page from here on.
    made = click(weir)
    live = page.get_by_role("table", name="Newest events")
    expect(live.get_by_title(made)).to_be_visible(timeout=SOON)
    expect(live.get_by_text("Demo campaign").first).to_be_visible(timeout=SOON)
    now = page.get_by_label("Now and today")
    expect(now.get_by_text("0.10", exact=True)).to_be_visible(timeout=SOON)
    sale(weir, made)
    expect(live.get_by_text("sale", exact=True)).to_be_visible(timeout=SOON)
    expect(now.get_by_text("1.40", exact=True)).to_be_visible(timeout=SOON)
    expect(page.get_by_role("table", name="Top campaigns today").get_by_text("1.40")).to_be_visible(
        timeout=SOON
    )
    expect(page.get_by_role("img", name="1 clicks", exact=False)).to_be_visible()

    page.get_by_role("link", name="Campaigns", exact=True).first.click()
    row = page.get_by_role("row").filter(has_text="Demo campaign")
    expect(row.get_by_text("1.40")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="System", exact=True).first.click()
    tree = page.get_by_role("table", name="Every process and its actors")
    for name in ("parent", "edge-0", "edge-1", "core", "journal", "publisher"):
        expect(tree.get_by_role("rowheader", name=name, exact=True).first).to_be_visible(timeout=SOON)

    # The link worked once.
    again = screens.page()
    again.goto(link)
    again.get_by_label("Email").fill("eve@example.com")
    again.get_by_role("button", name="Claim and sign in").click()
    expect(again.get_by_role("alert")).not_to_be_empty(timeout=SOON)
    assert screens.faults == []


def test_whoever_signs_in_with_a_code_is_himself_and_a_stranger_waits(screens: Screens) -> None:
    page = signed_in(screens)
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SOON)
    sign_in(page)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible(timeout=SOON)

    stranger = screens.page()
    sign_in(stranger, "stranger@example.com")
    expect(stranger.get_by_role("heading", name="Almost there")).to_be_visible(timeout=SOON)
    assert screens.faults == []


def test_a_campaign_is_paused_and_the_note_brings_it_back(screens: Screens) -> None:
    page = signed_in(screens)
    page.goto("/campaigns?range=today&sort=name")
    switch = page.get_by_role("switch", name="Demo campaign takes clicks")
    expect(switch).to_be_checked(timeout=SOON)
    switch.click()
    expect(switch).not_to_be_checked(timeout=SOON)
    assert screens.weir.call("campaigns.get", {"id": 1})["status"] == "paused"
    page.get_by_role("button", name="Undo").click()
    expect(switch).to_be_checked(timeout=SOON)
    assert screens.weir.call("campaigns.get", {"id": 1})["status"] == "active"
    assert screens.faults == []


def test_the_address_is_the_state_and_the_keyboard_goes_everywhere(screens: Screens) -> None:
    page = signed_in(screens)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible(timeout=SOON)
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Campaigns", exact=True)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Demo campaign")).to_be_visible(timeout=SOON)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Demo campaign")
    expect(panel.get_by_text(f"{screens.weir.public}/c/demo", exact=True)).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile(re.escape("open=1")))
    page.reload()
    expect(panel).to_be_visible(timeout=SOON)
    page.keyboard.press("Escape")
    expect(panel).not_to_be_visible()
    page.get_by_role("button", name="Yesterday").click()
    page.get_by_label("Filter by name or slug").fill("nothing is called this")
    expect(page.get_by_text("No campaign is like that")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape("range=yesterday")))
    expect(page).to_have_url(re.compile(re.escape("search=nothing")))
    page.go_back()
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("heading", name="Campaigns", exact=True).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("demo")
    expect(page.get_by_role("option", name="Demo campaign")).to_be_visible(timeout=SOON)
    page.keyboard.press("Enter")
    expect(panel).to_be_visible(timeout=SOON)
    assert screens.faults == []


def test_what_is_typed_at_once_after_the_slash_is_searched_for(screens: Screens) -> None:
    page = signed_in(screens)
    # Asked before the next frame is painted, which is when the second key may be there.
    focused = page.evaluate(
        """() => new Promise((done) => {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true }));
            queueMicrotask(() => queueMicrotask(() => done(document.activeElement.ariaLabel)));
        })"""
    )
    assert focused == "Search everything"


def test_a_time_zone_is_chosen_and_stays(screens: Screens) -> None:
    page = signed_in(screens)
    zone = page.get_by_label("Time zone")
    expect(zone).to_have_value("Europe/Berlin", timeout=SOON)
    zone.select_option("America/New_York")
    expect(page).to_have_url(re.compile(re.escape("tz=America/New_York")))
    page.get_by_role("link", name="Campaigns", exact=True).first.click()
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    expect(page).to_have_url(re.compile(re.escape("tz=America/New_York")))


def test_a_lost_socket_is_said_quietly_and_comes_back(screens: Screens) -> None:
    weir = screens.weir
    page = signed_in(screens)
    live = page.get_by_role("table", name="Newest events")
    expect(live.get_by_title(click(weir))).to_be_visible(timeout=SOON)
    banner = page.get_by_text("Not connected. What you see")
    for _ in range(40):  # a core that is back within a second is worth no banner: each death keeps it longer
        if "core" in weir.children():
            weir.kill("core")
        page.wait_for_timeout(250)
        if banner.is_visible():
            break
    expect(banner).to_be_visible()
    expect(live).to_be_visible()
    weir.wait_child("core")
    expect(banner).not_to_be_visible(timeout=SOON)
    for _ in range(10):  # a click between the socket and the feed is no news to the feed
        seen = live.get_by_title(click(weir))
        page.wait_for_timeout(1_500)
        if seen.count():
            break
    expect(seen).to_be_visible(timeout=SOON)
