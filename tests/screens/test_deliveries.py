"""Who is told of conversions: targets made, tried and mended, deliveries looked into and told again. The
tests follow one another on one appliance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.board import Board
from tests.receivers import Receiver
from tests.rig import Weir, wait_for
from tests.screens.browser import SIZES, Screens, signed_in
from tests.screens.looking import looks_right_in_both, open_in_light
from tests.screens.test_routing import panel_of

pytestmark = pytest.mark.slow
SOON = 20_000


class Told:
    """A campaign and a network on the board, a receiver that listens and one that does not."""

    def __init__(self, weir: Weir, good: Receiver, bad: Receiver) -> None:
        self.board, self.good, self.bad = Board(weir), good, bad
        self.board.call("networks.create", name="Net", slug="net")
        self.slug = self.board.campaign({"to": ["offer"]}, slug="told")
        self._made = 0

    def convert(self, times: int = 1) -> None:
        for _ in range(times):
            self._made += 1
            click = self.board.visit(f"/c/{self.slug}?source_click_id=S-{self._made}&sub1=zone").query["c"]
            query = f"click_id={click}&transaction_id=t{self._made}&payout=2.50&currency=USD&status=sale"
            assert self.board.visit(f"/pb/net?{query}").status == 200

    def counts(self, target: int) -> dict[str, int]:
        for each in self.board.call("deliveries.queues")["items"]:
            if each["target"] == f"postback:{target}":
                return dict(each["states"])
        return {}


@pytest.fixture(scope="module")
def told(weir: Weir) -> Iterator[Told]:
    with Receiver() as good, Receiver(status=500) as bad:
        yield Told(weir, good, bad)


def test_a_source_that_weir_knows_asks_for_what_only_the_account_knows(screens: Screens, told: Told) -> None:
    told.board.call("sources.create_from_preset", preset="propellerads")
    page = signed_in(screens)
    page.goto("/targets")
    page.get_by_role("button", name="Choose a source").click()
    picker = panel_of(page, "New target")
    picker.get_by_label("Who shall hear of conversions?").fill("propeller")
    picker.get_by_role("button", name="PropellerAds").click()
    form = panel_of(page, "PropellerAds hears of conversions")
    expect(form.get_by_label("Conversions of clicks from")).not_to_have_value("", timeout=SOON)
    form.get_by_label("Your account there").fill("12345")
    form.get_by_role("button", name="Make it").click()
    expect(form.get_by_text("your account with the source tells it").first).to_be_visible(timeout=SOON)
    expect(form.get_by_label("Your tracker there")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Your tracker there").fill("678")
    expect(form.get_by_text("aid=12345&pid=&tid=678")).to_be_visible()
    form.get_by_role("button", name="Make it").click()
    panel = panel_of(page, "PropellerAds")
    expect(panel.get_by_text("Every lead or sale from PropellerAds, once.")).to_be_visible(timeout=SOON)
    (made,) = told.board.call("targets.list")["items"]
    assert made["url"].startswith("https://ad.propellerads.com/conversion.php?aid=12345&pid=&tid=678&")
    told.board.call("targets.change", id=made["id"], status="paused")
    assert screens.faults == []


def test_a_target_is_tried_before_it_is_saved_and_told_afterwards(screens: Screens, told: Told) -> None:
    page = signed_in(screens)
    page.goto("/targets?edit=own")
    form = panel_of(page, "New target")
    form.get_by_label("Name", exact=True).fill("Our CRM")
    form.get_by_label("Address").fill(f"{told.good.url}/in?cid=")
    form.get_by_role("button", name="{source_click_id}").click()
    request = form.get_by_label("The request")
    expect(request).to_contain_text(f"GET {told.good.url}/in?cid=weir-test", timeout=SOON)
    form.get_by_role("button", name="Send a sample").click()
    expect(form.get_by_text("Accepted: status 200")).to_be_visible(timeout=SOON)
    assert [each.path for each in told.good.requests] == ["/in?cid=weir-test"]
    form.get_by_role("button", name="hold", exact=True).click()
    expect(form.get_by_text("Every lead, sale or hold, once.")).to_be_visible()
    form.get_by_label("Payout that is told").fill("0")
    form.get_by_label("Share that is told").fill("0")
    form.get_by_role("button", name="Make it").click()
    expect(form.get_by_label("Share that is told")).to_have_attribute("aria-invalid", "true", timeout=SOON)
    form.get_by_label("Share that is told").fill("100")
    form.get_by_label("Payout that is told").fill("80")
    form.get_by_role("button", name="Make it").click()
    panel = panel_of(page, "Our CRM")
    expect(panel.get_by_text("not told yet")).to_be_visible(timeout=SOON)
    told.board.settle()
    told.convert()
    # Nobody touches the page.
    expect(panel.get_by_text("answers")).to_be_visible(timeout=SOON)
    assert told.good.requests[-1].path == "/in?cid=S-1"
    assert screens.faults == []


def test_one_that_does_not_answer_is_seen_mended_and_told_at_once(screens: Screens, told: Told) -> None:
    made = told.board.call(
        "targets.create", name="Broken", url=f"{told.bad.url}/?p={{payout}}", statuses=["sale"]
    )
    told.board.settle()
    told.convert(12)
    page = signed_in(screens)
    page.goto(f"/targets?open={made['id']}")
    panel = panel_of(page, "Broken")
    alarm = panel.get_by_text("Left alone after failures: answered 500")
    expect(alarm).to_be_visible(timeout=60_000)
    expect(panel.get_by_text("30.00 USD")).to_be_visible()
    panel.get_by_role("button", name="Send a sample").click()
    expect(panel.get_by_text("Not accepted: answered 500")).to_be_visible(timeout=SOON)
    panel.get_by_role("button", name="Edit").click()
    form = panel_of(page, "Edit Broken")
    form.get_by_label("Address").fill(f"{told.good.url}/mended?p={{payout}}")
    form.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("answers")).to_be_visible(timeout=SOON)
    expect(alarm).not_to_be_visible()
    wait_for("all of them", lambda: told.counts(made["id"]) == {"delivered": 12}, 20)
    assert screens.faults == []


def test_a_delivery_shows_its_attempts_and_is_told_again(screens: Screens, told: Told) -> None:
    page = signed_in(screens)
    page.goto("/deliveries")
    page.get_by_label("Target").select_option("Broken")
    rows = page.get_by_role("table", name="Deliveries, newest first").get_by_role("row")
    expect(rows).to_have_count(13, timeout=SOON)
    for number in range(1, 13):  # the one that was tried while it was broken
        rows.nth(number).get_by_role("link").first.click()
        panel = panel_of(page, "What was told, and what was answered")
        expect(panel.get_by_text("status 200")).to_be_visible(timeout=SOON)
        if panel.get_by_text("status 500").count():
            break
    else:
        raise AssertionError("none of them was ever refused")
    expect(panel.get_by_label("The request").first).to_contain_text("/mended?p=2.5")
    before = len(told.good.requests)
    panel.get_by_role("button", name="Tell it again").click()
    wait_for("the delivery", lambda: len(told.good.requests) > before)
    expect(panel.get_by_text("status 200")).to_have_count(2, timeout=SOON)
    assert told.good.requests[-1].headers["idempotency-key"] in page.url
    panel.get_by_role("link", name="sale conversion of 2.5 USD").click()
    expect(page.get_by_role("complementary", name="What happened to this conversion")).to_be_visible(
        timeout=SOON
    )
    assert screens.faults == []


def test_all_that_a_filter_lets_through_are_cancelled_and_told_again(screens: Screens, told: Told) -> None:
    made = told.board.call("targets.create", name="Held", url=f"{told.good.url}/held", statuses=["sale"])
    told.board.settle()
    told.board.call("targets.change", id=made["id"], status="paused")
    told.board.call("targets.change", id=made["id"], status="active", url=f"{told.bad.url}/held")
    told.board.settle()
    told.convert(3)
    wait_for("them", lambda: told.counts(made["id"]).get("pending") == 3)
    page = signed_in(screens)
    page.goto(f"/deliveries?target=postback%3A{made['id']}&state=pending")
    strip = page.get_by_label("What waits")
    expect(strip.get_by_text("7.50")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_text("every delivery to Held that is waiting?")).to_be_visible()
    page.get_by_role("button", name="Cancel them").click()
    expect(page.get_by_text("3 deliveries are cancelled.")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("No delivery is like that.")).to_be_visible(timeout=SOON)
    told.board.call("targets.change", id=made["id"], url=f"{told.good.url}/held")
    told.board.settle()
    page.get_by_role("button", name="Cancelled", exact=True).click()
    page.get_by_role("button", name="Tell again…").click()
    page.get_by_role("button", name="Attempt them").click()
    wait_for("all of them", lambda: told.counts(made["id"]) == {"delivered": 3})
    assert screens.faults == []


def test_what_was_given_up_is_on_the_dashboard_until_it_is_told(screens: Screens, told: Told) -> None:
    with Receiver(status=410) as gone:
        made = told.board.call("targets.create", name="Gone", url=f"{gone.url}/", statuses=["sale"])
        told.board.settle()
        told.convert()
        wait_for("the refusal", lambda: told.counts(made["id"]) == {"dead": 1})
        page = signed_in(screens)
        expect(page.get_by_text("1 was given up.")).to_be_visible(timeout=SOON)
        gone.status = 200
        page.get_by_role("link", name="Tell again, or cancel").click()
        expect(page.get_by_text("answered 410: its receiver wants no more")).to_be_visible(timeout=SOON)
        page.get_by_role("button", name="Tell again…").click()
        page.get_by_role("button", name="Attempt them").click()
        wait_for("the delivery", lambda: told.counts(made["id"]) == {"delivered": 1})
        page.get_by_role("link", name="Dashboard").first.click()
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        expect(page.get_by_text("1 was given up.")).not_to_be_visible(timeout=SOON)
    assert screens.faults == []


VIEWS = {
    "targets": "/targets",
    "targets-new": "/targets?edit=new",
    "target-ill": "/targets?open={ill}",
    "target-edit": "/targets?open={crm}&edit=1",
    "deliveries": "/deliveries",
    "deliveries-several": "/deliveries?state=pending&target=postback%3A{ill}",
    "delivery": "/deliveries?open={delivery}",
}


@pytest.fixture(scope="module")
def lived_in(told: Told) -> Told:
    """With a target that listens, one that does not, and one that gave a delivery up."""
    call = told.board.call
    url = f"{told.good.url}/in?cid={{source_click_id}}&p={{payout}}"
    headers = {"Authorization": "Bearer abc"}
    call("targets.create", name="Our CRM", url=url, method="POST", headers=headers, payout_scale=80)
    ill = call("targets.create", name="Push network", url=f"{told.bad.url}/?p={{payout}}", statuses=["sale"])
    call(
        "targets.create", name="A name that is quite long and goes on", url="https://x.example/", on="payout"
    )
    told.board.settle()
    told.convert(12)
    listed = {"targets": [f"postback:{ill['id']}"], "limit": 5}

    def left_alone() -> bool:
        return any(each["paused_us"] for each in call("deliveries.queues")["items"])

    wait_for("the pause", left_alone)
    first = call("deliveries.list", **listed)["items"][-1]
    call("deliveries.cancel", ids=[first["id"]])
    return told


@pytest.mark.looks
@pytest.mark.parametrize("size", SIZES)
def test_they_look_right(screens: Screens, lived_in: Told, size: Any) -> None:
    """Light and dark of one page each: axe-core finds nothing, nothing sticks out, a picture is left."""
    call = lived_in.board.call
    targets = {each["name"]: each["id"] for each in call("targets.list")["items"]}
    ill = targets["Push network"]
    found = call("deliveries.list", targets=[f"postback:{ill}"], states=["pending"])["items"]
    tried = max(found, key=lambda each: each["attempts"])
    numbers = {"ill": ill, "crm": targets["Our CRM"], "delivery": tried["id"]}
    page = signed_in(screens, size, bypass_csp=True)
    for name, path in VIEWS.items():
        open_in_light(page, path.format_map(numbers))
        looks_right_in_both(page, name, size)
    assert screens.faults == []
