"""What an operator asks of an account at an ad platform, in Chromium: its secrets, its pixels one by one, why
events were refused, and the file that Google fetches. The tests follow one another on one appliance."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.journeys.board import Board
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode
from tests.receivers import Receiver
from tests.rig import Weir, start_weir, wait_for
from tests.screens.browser import SIZES, Screens, free_port, signed_in
from tests.screens.conftest import ENV
from tests.screens.looking import looks_right_in_both, open_in_light
from tests.screens.test_routing import panel_of

pytestmark = pytest.mark.slow
SOON = 30_000
TOKEN = "EAAB-token-of-the-desk"
NO_CLICK, TOO_LITTLE = "Missing traffic source click id", "Too little customer information"


class Scene:
    """An account at Meta that reports for real by the pixels 1 ("First") and 2 ("Second"), both of which hear
    of every sale; Meta knows the first one's code."""

    def __init__(self, weir: Weir, meta: MetaProcess) -> None:
        self.board, self.meta = Board(weir), meta
        call = self.board.call
        call("networks.create", name="Net", slug="net")
        self.slug = self.board.campaign({"to": ["offer"]}, slug="ads")
        settings = {"url": meta.url, "app_secret": "of-the-app"}
        meta.change(app_secret="of-the-app")
        call("ad_accounts.create", name="Summer", platform="meta", token=TOKEN, settings=settings)
        only = [self.board.id_of(self.slug)]
        call("pixels.create", name="First", ad_account_id=1, code="px", campaign_ids=only)
        call("pixels.create", name="Second", ad_account_id=1, code="nobodys", campaign_ids=only)
        call("ad_accounts.change", id=1, dry_run=False)
        self.board.settle()
        self._made = 0
        self.refused = False
        self.event: dict[str, Any] = {}

    def convert(self, query: str = "") -> None:
        """A click and its sale."""
        self._made += 1
        click = self.board.visit(f"/c/{self.slug}?{query}").query["c"]
        sale = f"click_id={click}&transaction_id=t{self._made}&payout=2.50&currency=USD&status=sale"
        assert self.board.visit(f"/pb/net?{sale}").status == 200

    def have_refused(self) -> None:
        """Five sales of which Meta takes none, at both pixels, for two reasons; once."""
        if self.refused:
            return
        self.refused = True
        self.board.call("pixels.change", id=2, code="px")
        self.board.settle()
        for query in ("", "fbclid=guilty2804050x1", "", "fbclid=guilty2804050x2", ""):
            self.convert(query)
        wait_for(
            "they are refused",
            lambda: (
                self.board.call("ad_accounts.standings")["items"][0]["refused_by"]
                == {NO_CLICK: 6, TOO_LITTLE: 4}
            ),
        )

    def have_many(self) -> dict[str, Any]:
        """An event of which more than a hundred deliveries follow, as `events.list` has it; made once."""
        if not self.event:
            self.board.call("subscription_filter.off")
            event = document(1, time.time_ns() // 1_000, conversions=120, revenue=150, network="tonic")
            self.board.call("events.import", text=encode(event).decode())
            self.board.shipped()
            (self.event,) = self.board.call("events.list", session_id=event["session_id"])["items"]
        return self.event


@pytest.fixture(scope="module")
def scene(weir: Weir, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with MetaProcess(tmp_path_factory.mktemp("meta"), token=TOKEN) as meta:
        yield Scene(weir, meta)


def test_each_pixel_is_tried_by_itself(screens: Screens, scene: Scene) -> None:
    page = signed_in(screens)
    page.goto("/platforms?of=pixels&open=2")
    panel = panel_of(page, "Second")
    trial = panel.get_by_role("group", name="Try the token")
    expect(trial.get_by_text("By the pixel Second.")).to_be_visible(timeout=SOON)
    expect(trial.get_by_text("Nothing is counted.")).to_be_visible()
    trial.get_by_role("button", name="Test it").click()
    expect(trial.get_by_role("status")).to_be_visible(timeout=SOON)
    expect(trial.get_by_text("It works")).to_have_count(0)

    page.goto("/platforms?of=pixels&open=1")
    trial = panel_of(page, "First").get_by_role("group", name="Try the token")
    trial.get_by_role("button", name="Test it").click()
    expect(trial.get_by_text("It works")).to_be_visible(timeout=SOON)
    expect(trial.get_by_text("nothing was counted")).to_be_visible()
    assert not scene.meta.figures().counted
    # With a code of one's own it is seen there, and counted: that is said before.
    trial.get_by_label("With a test code, if any").fill("TEST4711")
    expect(trial.get_by_text("With the code TEST4711 Meta takes an event")).to_be_visible()
    expect(trial.get_by_text("counts it like any other")).to_be_visible()
    trial.get_by_role("button", name="Test it").click()
    expect(trial.get_by_text("meta shows this event among its test events")).to_be_visible(timeout=SOON)
    assert scene.meta.figures().tests.total() == 1
    assert screens.faults == []


def test_a_stored_secret_is_kept_replaced_or_removed_and_never_pasted_into_its_mask(
    screens: Screens, scene: Scene
) -> None:
    page = signed_in(screens)
    page.goto("/platforms?open=1&edit=1")
    form = panel_of(page, "Edit Summer")
    token, secret = form.get_by_label("Access token"), form.get_by_label("App secret, if any")
    for field in (token, secret):
        expect(field).to_have_value("", timeout=SOON)
        expect(field).to_have_attribute("placeholder", "stored; leave empty to keep it")
    form.get_by_label("Name", exact=True).fill("Summer sale")
    token.fill("********EAAB-new")
    form.get_by_role("button", name="Save").click()
    expect(token).to_have_attribute("aria-invalid", "true", timeout=SOON)
    expect(form.get_by_text("the secret itself, without its mask").first).to_be_visible()
    token.fill("")
    form.get_by_role("button", name="Save").click()
    panel = panel_of(page, "Summer sale")
    trial = panel.get_by_role("group", name="Try the token")
    trial.get_by_role("button", name="Test it").click()
    # Meta asks for a proof that is made of both.
    expect(trial.get_by_text("It works")).to_be_visible(timeout=SOON)

    panel.get_by_role("button", name="Edit", exact=True).click()
    form = panel_of(page, "Edit Summer sale")
    form.locator('[data-path="settings.app_secret"]').get_by_role("button", name="Remove it").click()
    expect(form.get_by_text("It is removed.")).to_be_visible()
    form.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("button", name="Test it")).to_be_visible(timeout=SOON)
    assert "app_secret" not in scene.board.call("ad_accounts.get", id=1)["settings"]
    scene.meta.change(app_secret="")
    assert screens.faults == []


def test_the_first_of_two_events_is_removed_and_the_second_keeps_its_parameters(
    screens: Screens, scene: Scene
) -> None:
    rows = [
        {"event_name": "Purchase", "statuses": ["sale"], "custom": {"of_the_first": "{transaction_id}"}},
        {"event_name": "Lead", "statuses": ["lead"], "custom": {"of_the_second": "{click_id}"}},
    ]
    call = scene.board.call
    made = call("pixels.create", name="Rows", ad_account_id=1, code="r", status="paused", mapping=rows)
    page = signed_in(screens)
    page.goto(f"/platforms?of=pixels&open={made['id']}&edit=1")
    form = panel_of(page, "Edit Rows")
    expect(form.get_by_role("group", name="Event 2")).to_be_visible(timeout=SOON)
    form.get_by_role("button", name="Remove event 1").click()
    row = form.get_by_role("group", name="Event 1")
    expect(row.get_by_label("Event", exact=True)).to_have_value("Lead")
    expect(row.get_by_label("Parameter", exact=True)).to_have_value("of_the_second")
    row.get_by_label("Its text, with macros").fill("{click_id}-2")
    # A row that is added afterwards begins with nothing of the one that went.
    form.get_by_role("button", name="Add an event").click()
    expect(form.get_by_role("group", name="Event 2").get_by_label("Parameter", exact=True)).to_have_count(0)
    form.get_by_role("button", name="Save").click()
    expect(panel_of(page, "Rows").get_by_text("Also of_the_second = {click_id}-2.")).to_be_visible(
        timeout=SOON
    )
    stored = call("pixels.get", id=made["id"])["mapping"]
    assert [(each["event_name"], each.get("custom", {})) for each in stored] == [
        ("Lead", {"of_the_second": "{click_id}-2"}), ("Purchase", {}),
    ]  # fmt: skip
    call("pixels.archive", id=made["id"])
    assert screens.faults == []


def test_a_reason_opens_those_that_were_refused_for_it_at_every_pixel(screens: Screens, scene: Scene) -> None:
    scene.have_refused()
    page = signed_in(screens)
    page.goto("/platforms?open=1")
    panel_of(page, "Summer sale").get_by_role("link", name=TOO_LITTLE).click()
    rows = page.get_by_role("table", name="Deliveries, newest first").get_by_role("row")
    expect(rows).to_have_count(5, timeout=SOON)
    expect(rows.filter(has_text="First")).to_have_count(2)
    expect(rows.filter(has_text="Second")).to_have_count(2)
    # What is done to all of these is done to them alone.
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_text(f"to First or Second that is given up because of “{TOO_LITTLE}”")).to_be_visible()
    page.get_by_role("button", name="Leave them").click()
    page.get_by_role("button", name="Whatever the reason").click()
    expect(rows).to_have_count(11, timeout=SOON)
    # The figure of the list leads to both pixels as well.
    page.goto("/platforms")
    page.get_by_role("row").filter(has_text="Summer sale").get_by_role("link", name="10").click()
    expect(rows).to_have_count(11, timeout=SOON)
    assert screens.faults == []


def test_what_is_refused_with_status_200_is_no_success(screens: Screens, scene: Scene) -> None:
    with Receiver() as tiktok:
        tiktok.body = json.dumps({"code": 40002, "message": "No such pixel", "request_id": "R-77"}).encode()
        call = scene.board.call
        made = call(
            "ad_accounts.create", name="Tik", platform="tiktok", token="t", settings={"url": tiktok.url}
        )
        pixel = call("pixels.create", name="Tok", ad_account_id=made["id"], code="C")["id"]
        call("ad_accounts.change", id=made["id"], dry_run=False)
        scene.board.settle()
        scene.convert("ttclid=E.C.P.1")
        target = f"pixel:{pixel}"
        found = wait_for(
            "it is refused", lambda: call("deliveries.list", targets=[target], states=["dead"])["items"]
        )
        page = signed_in(screens)
        page.goto(f"/deliveries?open={found[0]['id']}")
        attempt = panel_of(page, "What was told, and what was answered").locator(".tried > li").first
        expect(attempt).to_contain_text("status 200 · ", timeout=SOON)
        expect(attempt).to_contain_text("No such pixel")
        expect(attempt).to_have_class("at-loss")
        expect(attempt.get_by_text("R-77", exact=True)).to_be_visible()
        call("ad_accounts.change", id=made["id"], status="paused")
    assert screens.faults == []


def test_of_many_events_the_newest_are_shown_and_the_others_are_not_forgotten(
    screens: Screens, scene: Scene
) -> None:
    row = scene.have_many()
    whole = scene.board.call("events.get", id=row["id"])
    assert (len(whole["deliveries"]), whole["told"] > 120) == (50, True), whole["told"]
    page = signed_in(screens)
    page.goto(f"/events?open={row['id']}")
    panel = panel_of(page, "What became of this event")
    expect(panel.get_by_text(f"The newest 100 of {whole['told']}.")).to_be_visible(timeout=SOON)
    panel.get_by_role("link", name="All of them").click()
    expect(page.get_by_label("Find by conversion")).to_have_value(row["id"], timeout=SOON)
    assert screens.faults == []


def test_what_hands_events_in_names_the_public_origin_and_a_file_with_the_token(
    screens: Screens, scene: Scene
) -> None:
    command = (
        f"weir events send events.ndjson --url {scene.board.call('system.about')['public']} --token-file"
    )
    page = signed_in(screens)
    page.goto("/events?of=intakes")
    expect(page.get_by_text(command)).to_be_visible(timeout=SOON)
    page.goto("/platforms?open=1")
    panel = panel_of(page, "Summer sale")
    expect(panel.get_by_text(command)).to_have_count(0)
    panel.get_by_role("button", name="Make a token", exact=True).click()
    expect(panel.get_by_text("Shown once: keep it now.")).to_be_visible(timeout=SOON)
    expect(panel.get_by_text(command)).to_be_visible()
    assert screens.faults == []


@pytest.mark.looks
@pytest.mark.parametrize("size", SIZES)
def test_they_look_right(screens: Screens, scene: Scene, size: Any) -> None:
    page = signed_in(screens, size, bypass_csp=True)
    call = scene.board.call
    scene.have_refused()
    event = scene.have_many()
    fetched = next(
        (each["id"] for each in call("ad_accounts.list")["items"] if each["name"] == "Fetched"), None
    )
    if fetched is None:
        fetched = call("ad_accounts.create", name="Fetched", platform="google")["id"]
        call("pixels.create", name="Found", ad_account_id=fetched, code="9")
        call("ad_accounts.renew_feed", id=fetched)
    refused = call("deliveries.list", targets=["pixel:1"], states=["dead"], limit=1)["items"][0]
    views = {
        "account-refused": "/platforms?open=1",
        "account-secrets": "/platforms?open=1&edit=1",
        "account-feed": f"/platforms?open={fetched}",
        "pixel-tried": "/platforms?of=pixels&open=1",
        "told-reason": f"/deliveries?target=pixel:1,pixel:2&state=dead&reason={quote(TOO_LITTLE)}",
        "told-refused": f"/deliveries?open={refused['id']}",
        "interpreted-many": f"/events?open={event['id']}",
    }
    for name, path in views.items():
        open_in_light(page, path)
        if name == "pixel-tried":
            page.get_by_role("button", name="Test it").click()
            expect(page.get_by_text("It works")).to_be_visible(timeout=SOON)
        looks_right_in_both(page, name, size)
    assert screens.faults == []


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        return answer.code


def test_google_fetches_a_file_whose_address_is_shown_once(screens: Screens, scene: Scene) -> None:
    call = scene.board.call
    made = call("ad_accounts.create", name="Search", platform="google")["id"]
    pixel = call("pixels.create", name="Sale", ad_account_id=made, code="123")["id"]
    page = signed_in(screens)
    page.goto(f"/platforms?open={made}")
    panel = panel_of(page, "Search")
    panel.get_by_role("button", name="Make an address…").click()
    expect(panel.get_by_text("From then on nothing of this account is sent")).to_be_visible()
    panel.get_by_role("button", name="Make the address").click()
    address = panel.get_by_text("/feeds/weir_")
    expect(address).to_be_visible(timeout=SOON)
    expect(panel.get_by_role("button", name="Copy the address of the file")).to_be_visible()
    first = address.inner_text()
    assert first.startswith(call("system.about")["public"])
    wait_for("the file is there", lambda: status_of(first) == 200)
    call("ad_accounts.change", id=made, dry_run=False)
    scene.board.settle()
    scene.convert("gclid=Cj0K-1&consent=granted")
    listed = panel.get_by_role("link", name="1 listed", exact=True)
    expect(listed).to_be_visible(timeout=60_000)
    listed.click()
    expect(page.get_by_role("row").filter(has_text="Sale (file)")).to_have_count(1, timeout=SOON)

    # Nobody is shown it a second time; a new one ends it.
    page.goto(f"/platforms?open={made}")
    expect(panel.get_by_role("button", name="Make a new address…")).to_be_visible(timeout=SOON)
    expect(address).to_have_count(0)
    panel.get_by_role("button", name="Make a new address…").click()
    panel.get_by_role("button", name="Make a new address", exact=True).click()
    expect(address).to_be_visible(timeout=SOON)
    second = address.inner_text()
    wait_for("the first opens nothing", lambda: status_of(first) == 404 and status_of(second) == 200)
    panel.get_by_role("button", name="End the file…").click()
    panel.get_by_role("button", name="End the file", exact=True).click()
    expect(panel.get_by_role("button", name="Make an address…")).to_be_visible(timeout=SOON)
    wait_for("the file is gone", lambda: status_of(second) == 404)
    call("pixels.archive", id=pixel)
    assert screens.faults == []


def test_an_account_whose_token_cannot_be_opened_says_so(browser: Any, tmp_path: Path) -> None:
    data = tmp_path / "data"
    admin = ("--admin", f"127.0.0.1:{free_port()}")
    with start_weir(data, *admin, env=ENV) as weir:
        board = Board(weir)
        made = board.call("ad_accounts.create", name="Sealed", platform="meta", token=TOKEN)["id"]
        board.call("pixels.create", ad_account_id=made, code="px")
        board.call("ad_accounts.change", id=made, dry_run=False)
    (data / "secret").write_text(secrets.token_hex(32))
    with start_weir(data, *admin, env=ENV) as weir:
        screens = Screens(browser, weir)
        page = signed_in(screens)
        page.goto(f"/platforms?open={made}")
        panel = panel_of(page, "Sealed")
        alarm = panel.get_by_role("alert")
        expect(alarm).to_contain_text("Nothing is reported: its token cannot be opened:", timeout=SOON)
        expect(alarm).to_contain_text("secret_file")
        expect(page.get_by_text("paused by hand")).to_have_count(0)
        alarm.get_by_role("button", name="Enter it again").click()
        form = panel_of(page, "Edit Sealed")
        form.get_by_label("Access token").fill(TOKEN)
        form.get_by_role("button", name="Save").click()
        expect(alarm).to_have_count(0, timeout=SOON)
        assert screens.faults == []
        screens.close()
