"""Every screen, light and dark, on a desk and on a phone: axe-core finds nothing, nothing sticks out, and a
picture is left in test-output/screens for whoever says a screen is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.rig import Weir
from tests.screens.browser import (
    SCHEMES,
    SIZES,
    Scheme,
    Screens,
    Size,
    claim_path,
    click,
    shot,
    sign_in,
    signed_in,
)
from tests.screens.looking import looks_right
from tests.screens.traffic import make_traffic

SOON = 60_000
pytestmark = pytest.mark.looks
LOOKS = [(size, scheme) for size in SIZES for scheme in SCHEMES]
Prepare = Callable[[Page, Weir], None]


def open_screen(screens: Screens, size: Size, scheme: Scheme) -> Page:
    # The policy forbids injected scripts, and axe-core is one. Only here.
    return signed_in(screens, size, scheme, bypass_csp=True)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_before_anybody_is_in(screens: Screens, size: Size, scheme: Scheme) -> None:
    page = screens.page(size, scheme, bypass_csp=True)
    page.goto("/claim/some-token")
    expect(page.get_by_role("heading", name="Make this Weir yours")).to_be_visible(timeout=SOON)
    looks_right(page, "claim", size, scheme)
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SOON)
    looks_right(page, "sign-in", size, scheme)


def test_nothing_has_happened_yet(screens: Screens) -> None:
    """First of those that claim: the later ones make traffic."""
    assert claim_path(screens.weir)
    for size, scheme in LOOKS:
        page = open_screen(screens, size, scheme)
        expect(page.get_by_role("heading", name="No clicks yet")).to_be_visible(timeout=SOON)
        looks_right(page, "empty", size, scheme)
    make_traffic(screens.weir)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_dashboard(screens: Screens, size: Size, scheme: Scheme) -> None:
    page = open_screen(screens, size, scheme)
    expect(page.get_by_role("table", name="Top campaigns today").get_by_text("Demo campaign")).to_be_visible(
        timeout=SOON
    )
    made = [click(screens.weir, f"/c/c{n % 3}?country=US&cost=0.02") for n in range(12)]
    expect(page.get_by_title(made[-1])).to_have_count(1, timeout=SOON)
    page.wait_for_timeout(3000)
    looks_right(page, "dashboard", size, scheme)
    page.get_by_role("heading", name="Live").scroll_into_view_if_needed()
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(300)
    shot(page, f"dashboard-below-{size}-{scheme}")
    assert screens.faults == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_campaigns_and_one_of_them(screens: Screens, size: Size, scheme: Scheme) -> None:
    page = open_screen(screens, size, scheme)
    page.goto("/campaigns?range=today")
    expect(page.get_by_role("row").filter(has_text="Demo campaign")).to_be_visible(timeout=SOON)
    page.wait_for_timeout(500)
    looks_right(page, "campaigns", size, scheme)
    page.goto("/campaigns?range=today&open=2")
    expect(page.get_by_role("heading", name="Tracked link")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("70 %")).to_be_visible(timeout=SOON)
    page.wait_for_timeout(500)
    looks_right(page, "campaign", size, scheme)
    assert screens.faults == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_system(screens: Screens, size: Size, scheme: Scheme) -> None:
    page = open_screen(screens, size, scheme)
    page.goto("/system")
    expect(page.get_by_role("rowheader", name="core", exact=True)).to_be_visible(timeout=SOON)
    looks_right(page, "system", size, scheme)
    page.mouse.wheel(0, 5000)
    page.wait_for_timeout(300)
    shot(page, f"system-below-{size}-{scheme}")
    assert screens.faults == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_help_search_and_the_account(screens: Screens, size: Size, scheme: Scheme) -> None:
    page = open_screen(screens, size, scheme)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible(timeout=SOON)
    looks_right(page, "help", size, scheme)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Search everything").click()
    page.get_by_role("combobox", name="Search everything").fill("nutra")
    expect(page.get_by_role("option", name="Nutra US keto")).to_be_visible(timeout=SOON)
    looks_right(page, "search", size, scheme)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    looks_right(page, "account", size, scheme)


def test_a_stranger_waits(screens: Screens) -> None:
    for size, scheme in LOOKS:
        page = screens.page(size, scheme, bypass_csp=True)
        sign_in(page, f"{size}-{scheme}@example.com")
        expect(page.get_by_role("heading", name="Almost there")).to_be_visible(timeout=SOON)
        looks_right(page, "pending", size, scheme)
