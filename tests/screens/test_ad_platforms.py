"""Ad platforms, walked in Chromium: an account made and tried, a pixel with its events, from dry run to real;
a token that dies; interpreted events by hand. The tests follow one another on one appliance."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.board import Board
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode
from tests.rig import Weir, wait_for
from tests.screens.browser import SIZES, Screens, signed_in
from tests.screens.looking import looks_right_in_both, open_in_light
from tests.screens.test_routing import panel_of

pytestmark = pytest.mark.slow
SOON = 30_000
CAMPAIGN = "120218982145500212"
TOKEN = "EAAB-secret-of-meta"


class Scene:
    """A campaign, a network, and a Meta that knows one pixel."""

    def __init__(self, weir: Weir, meta: MetaProcess) -> None:
        self.board, self.meta = Board(weir), meta
        self.board.call("networks.create", name="Net", slug="net")
        self.slug = self.board.campaign({"to": ["offer"]}, slug="ads")
        self._made = 0

    def convert(self) -> str:
        """A click from Meta and its sale; the click's id."""
        self._made += 1
        click = self.board.visit(f"/c/{self.slug}?fbclid=IwAR{self._made}abcdef").query["c"]
        query = f"click_id={click}&transaction_id=t{self._made}&payout=2.50&currency=USD&status=sale"
        assert self.board.visit(f"/pb/net?{query}").status == 200
        return click

    def live(self) -> None:
        """An account that reports for real, its pixel and a subscription, where they are not there yet."""
        call = self.board.call
        if not call("ad_accounts.list")["items"]:
            call(
                "ad_accounts.create",
                name="Summer",
                platform="meta",
                token=TOKEN,
                settings={"url": self.meta.url},
            )
            call("pixels.create", name="Shop", ad_account_id=1, code="px")
        if not call("subscriptions.list")["items"]:
            call("subscriptions.create", campaign_id=CAMPAIGN, network="airfind", name="Boats")
        (token,) = self.meta.change()["tokens"]
        call("ad_accounts.change", id=1, dry_run=False, token=token)
        self.board.settle()


@pytest.fixture(scope="module")
def scene(weir: Weir, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with MetaProcess(tmp_path_factory.mktemp("meta"), token=TOKEN) as meta:
        yield Scene(weir, meta)


def test_an_account_is_made_tried_and_begins_in_dry_run(screens: Screens, scene: Scene) -> None:
    page = signed_in(screens)
    page.goto("/platforms")
    page.get_by_role("button", name="Add an account").click()
    form = panel_of(page, "New account")
    form.get_by_label("Name", exact=True).fill("Summer")
    form.get_by_label("Access token").fill("wrong-token")
    form.get_by_label("Address of a proxy, if any").fill(scene.meta.url)
    form.get_by_role("button", name="Make it").click()
    panel = panel_of(page, "Summer")
    expect(panel.get_by_text("Dry run: nothing is sent to Meta.")).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("None yet: without a pixel nothing is reported.")).to_be_visible(timeout=SOON)
    panel.get_by_role("button", name="Add a pixel").click()
    form = panel_of(page, "New pixel")
    expect(form.get_by_label("Account")).not_to_have_value("0", timeout=SOON)
    form.get_by_label("Pixel (dataset) id").fill("px")
    form.get_by_label("Name", exact=True).fill("Shop")
    expect(form.get_by_text("Every sale or lead, from a click of its platform.")).to_be_visible()
    expect(form.get_by_text("of crossroads: PageView once for each visitor")).to_be_visible(timeout=SOON)
    form.get_by_role("button", name="Make it").click()
    expect(panel_of(page, "Shop").get_by_text("Its account is in")).to_be_visible(timeout=SOON)

    page.goto("/platforms?open=1")
    panel = panel_of(page, "Summer")
    panel.get_by_role("button", name="Test it").click()
    expect(panel.get_by_text("Token or permission refused")).to_be_visible(timeout=SOON)
    panel.get_by_role("button", name="Replace it").click()
    form = panel_of(page, "Edit Summer")
    form.get_by_label("Access token").fill(TOKEN)
    form.get_by_role("button", name="Save").click()
    panel = panel_of(page, "Summer")
    panel.get_by_role("button", name="Test it").click()
    expect(panel.get_by_text("It works")).to_be_visible(timeout=SOON)
    # Nobody reads it back, whatever is asked.
    assert TOKEN not in page.content()
    assert TOKEN not in json.dumps(scene.board.call("ad_accounts.get", id=1))
    assert not scene.meta.figures().counted
    assert screens.faults == []


def test_from_dry_run_to_real(screens: Screens, scene: Scene) -> None:
    scene.board.settle()
    scene.convert()
    page = signed_in(screens)
    page.goto("/platforms?open=1")
    panel = panel_of(page, "Summer")
    expect(panel.get_by_text("1 not sent (dry run)")).to_be_visible(timeout=60_000)
    assert not scene.meta.figures().counted
    panel.get_by_role("button", name="Report for real…").click()
    expect(panel.get_by_text("What was told cannot be taken back")).to_be_visible()
    panel.get_by_role("button", name="Report for real", exact=True).click()
    expect(panel.get_by_text("Reports for real: Meta counts what it accepts.")).to_be_visible(timeout=SOON)
    scene.board.settle()
    scene.convert()
    # Nobody touches the page.
    expect(panel.get_by_text("click id (fbc)")).to_be_visible(timeout=60_000)
    wait_for("Meta counts it", lambda: scene.meta.figures().counted.total() == 1)
    expect(panel.locator(".stat").filter(has_text="Accepted").get_by_text("1", exact=True)).to_be_visible(
        timeout=SOON
    )

    # The conversion says what was told of it, and what was answered.
    scene.board.shipped()
    page.goto("/conversions")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    story = panel_of(page, "What happened to this conversion")
    expect(story.get_by_role("link", name="Shop")).to_be_visible(timeout=SOON)
    story.get_by_text("1 attempt", exact=True).click()
    request = story.get_by_label("The request")
    expect(request).to_contain_text("Purchase", timeout=SOON)
    expect(story.get_by_label("Its answer")).to_contain_text("events_received")
    assert TOKEN not in page.content()
    story.get_by_role("link", name="Shop").click()
    expect(
        panel_of(page, "What was told, and what was answered").get_by_text("Purchase").first
    ).to_be_visible(timeout=SOON)
    assert screens.faults == []


def test_a_mapping_is_written_and_previewed(screens: Screens, scene: Scene) -> None:
    page = signed_in(screens)
    page.goto("/platforms?of=pixels&open=1")
    panel = panel_of(page, "Shop")
    preview = panel.get_by_label("The request, masked")
    expect(preview).to_contain_text('"Purchase"', timeout=SOON)
    assert TOKEN not in preview.inner_text()
    panel.get_by_role("button", name="Edit").click()
    form = panel_of(page, "Edit Shop")
    form.get_by_role("button", name="Add an event").click()
    row = form.get_by_role("group", name="Event 1")
    row.get_by_label("Event", exact=True).fill("")
    row.get_by_role("button", name="sale", exact=True).click()
    row.get_by_label("With", exact=True).select_option("whole")
    form.get_by_role("button", name="Save").click()
    expect(row.get_by_label("Event", exact=True)).to_have_attribute("aria-invalid", "true", timeout=SOON)
    row.get_by_label("Event", exact=True).fill("Subscribe")
    row.get_by_role("button", name="Add a parameter").click()
    row.get_by_label("Parameter", exact=True).fill("content_name")
    row.get_by_label("Its text, with macros").fill("{transaction_id}")
    expect(
        row.get_by_text("For a conversion that is sale: Subscribe once, with the whole revenue.")
    ).to_be_visible()
    form.get_by_role("button", name="Save").click()
    panel = panel_of(page, "Shop")
    expect(panel.get_by_text("Also content_name = {transaction_id}.")).to_be_visible(timeout=SOON)
    expect(panel.get_by_label("The request, masked")).to_contain_text('"Subscribe"', timeout=SOON)
    page.get_by_role("button", name="Undo").click()
    expect(panel.get_by_text("The usual ones:")).to_be_visible(timeout=SOON)
    assert screens.faults == []


def test_a_dead_token_is_an_alert_with_the_money_and_a_new_one_delivers(
    screens: Screens, scene: Scene
) -> None:
    scene.meta.change(tokens=["EAAB-another"])
    counted = scene.meta.figures().counted.total()
    scene.board.settle()
    scene.convert()
    page = signed_in(screens)
    page.goto("/platforms?open=1")
    panel = panel_of(page, "Summer")
    expect(panel.get_by_text("Meta refuses this account")).to_be_visible(timeout=60_000)
    expect(panel.get_by_text("2.50 USD").first).to_be_visible()
    page.goto("/alerts")
    page.get_by_role("link", name="Ad account refused").click(timeout=60_000)
    alert = panel_of(page, "Ad account refused")
    expect(alert.get_by_text("1 event worth 2.50 USD")).to_be_visible(timeout=SOON)
    alert.get_by_role("button", name="I have seen it").click()
    expect(alert.get_by_text("nobody yet")).to_have_count(1, timeout=SOON)
    alert.get_by_role("link", name="Look into it").click()
    panel.get_by_role("button", name="Replace its token").click()
    form = panel_of(page, "Edit Summer")
    form.get_by_label("Access token").fill("EAAB-another")
    form.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Meta refuses this account")).not_to_be_visible(timeout=60_000)
    wait_for("it is delivered", lambda: scene.meta.figures().counted.total() == counted + 1)
    assert screens.faults == []


def events(page: Page, lines: list[bytes]) -> None:
    """Hand a file of them in."""
    page.get_by_label("A file of events").set_input_files(
        {"name": "events.ndjson", "mimeType": "application/x-ndjson", "buffer": b"\n".join(lines)}
    )


def test_interpreted_events_are_subscribed_handed_in_and_followed(screens: Screens, scene: Scene) -> None:
    now_us = time.time_ns() // 1_000
    page = signed_in(screens)
    page.goto("/platforms?of=subscriptions")
    page.get_by_role("button", name="Subscribe a campaign").click()
    form = panel_of(page, "New subscription")
    form.get_by_label("Campaign id at the ad platform").fill(CAMPAIGN)
    form.get_by_label("Network").fill("airfind")
    form.get_by_role("button", name="Subscribe").click()
    expect(
        page.get_by_role("row").filter(has_text=CAMPAIGN).get_by_role("cell", name="airfind", exact=True)
    ).to_be_visible(timeout=SOON)
    scene.live()
    counted = scene.meta.figures().counted.total()
    page.goto("/events?of=intakes")
    good = encode(document(1, now_us))
    events(page, [good, encode(document(2, now_us, pixel_id="another")), b'{"keyword_clicked": "x"}'])
    expect(page.get_by_text("2 read, 2 subscribed, 1 event told to pixels")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Invalid pixel: 1")).to_be_visible()
    expect(page.get_by_text("session_id: missing")).to_be_visible()
    wait_for("Meta counts it", lambda: scene.meta.figures().counted.total() == counted + 1)
    scene.board.shipped()
    page.goto("/events")
    expect(page.get_by_role("row").filter(has_text="Invalid pixel")).to_be_visible(timeout=SOON)
    page.get_by_role("row").filter(has_text="1 event").get_by_role("link").click()
    story = panel_of(page, "What became of this event")
    expect(story.get_by_text("told as 1 event: 1 conversion more")).to_be_visible(timeout=SOON)
    story.get_by_text("1 attempt", exact=True).click()
    expect(story.get_by_label("Its answer")).to_contain_text("events_received", timeout=SOON)
    page.keyboard.press("Escape")
    page.get_by_label("Not reported, by reason").get_by_role("button", name="Invalid pixel").click()
    expect(page.get_by_role("row").filter(has_text="1 event")).to_have_count(0, timeout=SOON)
    expect(page).to_have_url(re.compile("reason=Invalid"))
    assert screens.faults == []


def test_an_intake_is_paused_and_the_filter_is_switched_off_and_on(screens: Screens, scene: Scene) -> None:
    page = signed_in(screens)
    page.goto("/events?of=intakes")
    expect(page.get_by_text("Only subscribed campaigns are reported.")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Report every campaign…").click()
    expect(page.get_by_text("What was reported cannot be taken back.")).to_be_visible()
    page.get_by_role("button", name="Report every campaign", exact=True).click()
    expect(page.get_by_text("Subscriptions are not asked.")).to_be_visible(timeout=SOON)
    assert scene.board.call("intakes.list")["filter"]["on"] is False
    page.get_by_role("button", name="Ask them again").click()
    expect(page.get_by_text("Only subscribed campaigns are reported.")).to_be_visible(timeout=SOON)
    switch = page.get_by_role("switch").first
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked(timeout=SOON)
    assert any(each["paused_by"] for each in scene.board.call("intakes.list")["items"])
    switch.click()
    expect(switch).to_be_checked(timeout=SOON)
    assert not any(each["paused_by"] for each in scene.board.call("intakes.list")["items"])
    assert screens.faults == []


VIEWS = {
    "accounts": "/platforms",
    "account-new": "/platforms?edit=new",
    "account": "/platforms?open=1",
    "account-dry": "/platforms?open={dry}",
    "pixels": "/platforms?of=pixels",
    "pixel": "/platforms?of=pixels&open=1",
    "pixel-edit": "/platforms?of=pixels&open={mapped}&edit=1",
    "subscriptions": "/platforms?of=subscriptions",
    "subscription-edit": "/platforms?of=subscriptions&open=1",
    "interpreted": "/events",
    "interpreted-one": "/events?open={event}",
    "intakes": "/events?of=intakes",
    "alerts": "/alerts?state=all",
    "alert": "/alerts?state=all&open={alert}",
    "told-platforms": "/deliveries",
    "told-platform": "/deliveries?open={delivery}",
    "told-conversion": "/conversions?open={conversion}",
    "told-dashboard": "/",
}


@pytest.fixture(scope="module")
def lived_in(scene: Scene) -> dict[str, Any]:
    """Numbers for the views: an account that was refused, one in dry run, events, alerts, reports."""
    call = scene.board.call
    scene.live()
    trial = call("ad_accounts.create", name="Trial", platform="tiktok", token="t")["id"]
    rows = [
        {"event_name": "Purchase", "statuses": ["sale"], "value": "whole"},
        {"event_name": "ViewContent", "when": "interpreted", "network": "crossroads",
         "count": "lander_searches", "value": "none", "custom": {"content_name": "{keyword}"}},
    ]  # fmt: skip
    made = call("pixels.create", name="Mapped", ad_account_id=trial, code="C1", mapping=rows, test_code="T1")
    now_us = time.time_ns() // 1_000
    lines = [encode(document(number, now_us)) for number in range(10, 22)]
    lines += [encode(document(number, now_us, pixel_id="another")) for number in range(22, 25)]
    lines += [encode(document(25, now_us, ts_click_id=""))]
    call("events.import", text=b"\n".join(lines).decode())
    for _ in range(3):
        scene.convert()
    wait_for("they are accepted", lambda: call("ad_accounts.standings")["items"][0]["accepted"] >= 15)
    scene.meta.change(tokens=["EAAB-third"])
    for _ in range(4):
        scene.convert()
    wait_for("an alert", lambda: call("alerts.list", state="open", kind="token_dead")["items"])
    scene.board.shipped()
    told = call("deliveries.list", targets=["pixel:1"], states=["delivered"], limit=1)["items"][0]
    return {
        "dry": trial,
        "mapped": made["id"],
        "event": call("events.list", limit=1)["items"][0]["id"],
        "alert": call("alerts.list", state="open", kind="token_dead")["items"][0]["id"],
        "delivery": told["id"],
        "conversion": call("conversions.list", limit=1)["items"][0]["id"],
    }


@pytest.mark.looks
@pytest.mark.parametrize("size", SIZES)
def test_they_look_right(screens: Screens, lived_in: dict[str, Any], size: Any) -> None:
    """Light and dark of one page each: axe-core finds nothing, nothing sticks out, a picture is left."""
    page = signed_in(screens, size, bypass_csp=True)
    for name, path in VIEWS.items():
        open_in_light(page, path.format_map(lived_in))
        looks_right_in_both(page, name, size)
    assert screens.faults == []
