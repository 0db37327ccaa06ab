"""Chromium as the tests drive it, and what a page did wrong while nobody looked."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.rig import PATIENCE, ROOT, Weir, wait_for

CHROMIUM = "/usr/bin/chromium"
# Playwright's own five seconds are few on a machine that is busy.
expect.set_options(timeout=PATIENCE * 1_000)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""As root, and without anything that looks for the internet."""
OUTPUT = ROOT / "test-output" / "screens"
EMAIL = "maria@example.com"
Size = Literal["desktop", "phone"]
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SIZES: dict[Size, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True},
}


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Screens:
    """Pages of one appliance. `faults` collects what the console said and what left for elsewhere."""

    session: Any = None
    """Cookies of the administrator, shared by the tests of one appliance."""

    def __init__(self, browser: Browser, weir: Weir) -> None:
        self.weir = weir
        self.faults: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def page(
        self, size: Size = "desktop", scheme: Scheme = "light", *, known: bool = False, **options: Any
    ) -> Page:
        """A new page in a browser profile of its own; a `known` one has the session of the last sign-in."""
        state = {"storage_state": self.session} if known and self.session else {}
        context = self._browser.new_context(
            base_url=self.weir.admin,
            color_scheme=scheme,
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
            **SIZES[size],
            **state,
            **options,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        page.on("request", lambda request: self._left(request.url))
        return page

    def _said(self, message: ConsoleMessage) -> None:
        expected = "status of 401" in message.text or "WebSocket" in message.text
        if message.type in ("error", "warning") and not expected:
            self.faults.append(f"{message.type}: {message.text}")

    def _left(self, url: str) -> None:
        if not url.startswith((self.weir.admin, "blob:")):
            self.faults.append(f"asked elsewhere: {url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def claim_path(weir: Weir) -> str:
    """The claim link's path, from where an operator finds it."""
    token = wait_for("a claim", lambda: (p := weir.data / "claim").is_file() and p.read_text().strip())
    return f"/claim/{token}"


def signed_in(screens: Screens, size: Size = "desktop", scheme: Scheme = "light", **options: Any) -> Page:
    """A page of the administrator on the dashboard; claimed or signed in first where that is needed."""
    page = screens.page(size, scheme, known=True, **options)
    dashboard = page.get_by_role("heading", name="Dashboard")
    if (screens.weir.data / "claim").is_file():
        claim(page, screens.weir)
    else:
        page.goto("/")
        dashboard.or_(page.get_by_role("heading", name="Sign in")).wait_for()
        if not dashboard.is_visible():
            sign_in(page)
    dashboard.wait_for()
    screens.session = page.context.storage_state()
    return page


def claim(page: Page, weir: Weir) -> None:
    page.goto(claim_path(weir))
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_role("button", name="Claim and sign in").click()
    page.get_by_role("heading", name="Dashboard").wait_for()


def sign_in(page: Page, email: str = EMAIL) -> None:
    """With the code that a local appliance says itself."""
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Send me a code").click()
    code = page.get_by_label("Code")
    expect(code).to_have_value(re.compile(r"^\d{6}$"))
    page.get_by_role("button", name="Sign in").click()


def click(weir: Weir, path: str = "/c/demo?sub1=hello&cost=0.10") -> str:
    """Follow a tracked link as a visitor; the click id it was given."""

    class Stop(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stop).open(weir.public + path)
    except urllib.error.HTTPError as answer:
        assert answer.code == 302
        return answer.headers["Location"].rpartition("click_id=")[2]
    raise AssertionError("no redirect")


def sale(weir: Weir, click_id: str, payout: str = "1.50") -> None:
    query = f"click_id={click_id}&transaction_id={click_id}&payout={payout}&currency=USD&status=approved"
    with urllib.request.urlopen(f"{weir.public}/pb/demo?{query}") as answer:
        assert answer.status == 200


def shot(page: Page, name: str) -> Path:
    """A picture for the eye, into test-output/screens."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{name}.png"
    page.screenshot(path=path)
    return path
