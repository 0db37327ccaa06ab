"""What is entered by hand: costs, exchange rates, conversions. The tests follow one another on one
appliance."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.board import Board
from tests.rig import Weir, wait_for
from tests.screens.browser import SIZES, Screens, signed_in
from tests.screens.looking import looks_right_in_both, open_in_light
from tests.screens.test_routing import panel_of

pytestmark = pytest.mark.slow
SOON = 20_000


class Bought:
    """A campaign with clicks of two zones, each at 0.10, which the reports know already."""

    def __init__(self, weir: Weir) -> None:
        self.board = Board(weir)
        self.board.call("networks.create", name="Net", slug="net")
        self.slug = self.board.campaign({"to": ["offer"]}, slug="bought")
        self.campaign = self.board.id_of(self.slug)
        visits = [f"/c/{self.slug}?sub1={'push' if n % 2 else 'pop'}&cost=0.10" for n in range(10)]
        self.clicks = [self.board.visit(path).query["c"] for path in visits]
        wait_for("the clicks", lambda: self.figures()["clicks"] == 10)

    def figures(self) -> dict[str, Any]:
        asked = {"group_by": ["campaign"], "metrics": ["clicks", "cost", "conversions", "revenue"]}
        for row in self.board.call("reports.query", **asked)["items"]:
            if row["campaign"] == self.campaign:
                return dict(row)
        return {"clicks": 0}


@pytest.fixture(scope="module")
def bought(weir: Weir) -> Bought:
    return Bought(weir)


def test_a_cost_is_corrected_for_some_clicks_seen_first_and_taken_back(
    screens: Screens, bought: Bought
) -> None:
    page = signed_in(screens)
    page.goto("/costs")
    page.get_by_role("heading", name="No cost was corrected yet").wait_for()
    page.get_by_role("main").get_by_role("button", name="Correct a cost").last.click()
    form = panel_of(page, "Correct a cost")
    today = page.evaluate("new Date().toLocaleDateString('sv', {timeZone: 'Europe/Berlin'})")
    form.get_by_label("From").fill(today)
    form.get_by_label("To, that day too").fill(today)
    form.get_by_label("Campaign").select_option(str(bought.campaign))
    form.get_by_role("button", name="Only some of them").click()
    form.get_by_label("Only where").select_option("sub1")
    form.get_by_label("sub1 is").fill("push")
    form.get_by_label("sub1 is").press("Enter")
    form.get_by_label("Amount").fill("2.50")
    expect(form.get_by_text("5 clicks cost 2.00 USD more than reports say now")).to_be_visible(timeout=SOON)
    assert bought.board.call("costs.list")["total"] == 0, "looking changes nothing"
    form.get_by_label("Note").fill("invoice 4711")
    form.get_by_role("button", name="Correct it").click()
    row = page.get_by_role("row").filter(has_text="sub1 push")
    expect(row.get_by_text("2.50 USD in all")).to_be_visible(timeout=SOON)
    expect(row.get_by_text("+2.00 USD")).to_be_visible()
    wait_for("the report", lambda: bought.figures()["cost"] == 3.0)
    row.get_by_role("link").click()
    panel = panel_of(page, "A correction of cost")
    expect(panel.get_by_text("“invoice 4711”")).to_be_visible()
    panel.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("row").filter(has_text="−2.00 USD").first).to_be_visible(timeout=SOON)
    wait_for("the report", lambda: bought.figures()["cost"] == 1.0)
    assert screens.faults == []


def test_rates_are_pasted_each_wrong_line_is_named_and_old_ones_are_forgotten(
    screens: Screens, bought: Bought
) -> None:
    page = signed_in(screens)
    page.goto("/rates?edit=new")
    form = panel_of(page, "Enter rates")
    form.get_by_label("One a line").fill("2026-11-22,EUR,USD,1.0832\n2026-11-22,EUR,EUR,1")
    form.get_by_role("button", name="Store them").click()
    expect(form.get_by_text("is the same currency").first).to_be_visible(timeout=SOON)
    assert bought.board.call("rates.list")["total"] == 0
    form.get_by_label("One a line").fill("2026-11-22,EUR,USD,1.0832\n2020-01-01,EUR,USD,1.12")
    form.get_by_role("button", name="Store them").click()
    table = page.get_by_role("table", name="Exchange rates, the newest day first")
    expect(table.get_by_text("1.0832")).to_be_visible(timeout=SOON)
    page.get_by_label("From the currency").fill("gbp")
    expect(page.get_by_text("There is no rate between these.")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("button", name="Forget old ones…").click()
    page.get_by_label("Forget those before").fill("2021-01-01")
    page.get_by_role("button", name="Forget them").click()
    expect(page.get_by_text("1 rates are forgotten.")).to_be_visible(timeout=SOON)
    expect(table.get_by_text("1.12", exact=True)).not_to_be_visible()
    assert bought.board.call("rates.list")["total"] == 1
    assert screens.faults == []


def test_a_list_of_conversions_is_checked_row_by_row_before_it_is_entered(
    screens: Screens, bought: Bought
) -> None:
    page = signed_in(screens)
    page.goto("/conversions?edit=enter")
    panel_of(page, "Enter a conversion").get_by_role("button", name="A list").click()
    form = panel_of(page, "Enter a list of conversions")
    head, good = "click_id,transaction_id,payout,currency,status", bought.clicks[:3]
    rows = [f"{click},t{place},2.50,USD,sale" for place, click in enumerate(good)]
    form.get_by_label("The list").fill("\n".join([head, *rows, "nonsense,t9,abc,USD,sale"]))
    form.get_by_role("button", name="Check", exact=True).click()
    expect(form.get_by_text("1 of 4 rows are refused: nothing will be entered")).to_be_visible(timeout=SOON)
    refused = form.get_by_role("table", name="Refused rows")
    expect(refused.get_by_role("row").nth(1)).to_contain_text("5")
    form.get_by_role("button", name="Enter them").click()
    expect(form.get_by_text("1 of 4 rows are wrong: nothing was entered")).to_be_visible(timeout=SOON)
    form.get_by_label("The list").fill("\n".join([head, *rows]))
    form.get_by_role("button", name="Check", exact=True).click()
    expect(form.get_by_text("All 3 rows are good")).to_be_visible(timeout=SOON)
    assert bought.figures().get("conversions") == 0
    form.get_by_role("button", name="Enter 3").click()
    expect(page.get_by_text("Entered: 3 new.")).to_be_visible(timeout=SOON)
    wait_for("the report", lambda: bought.figures()["revenue"] == 7.5)
    assert screens.faults == []


def test_one_conversion_is_checked_while_it_is_typed_and_corrects_what_is_there(
    screens: Screens, bought: Bought
) -> None:
    page = signed_in(screens)
    page.goto("/conversions")
    page.get_by_role("button", name="Enter conversions").click()
    form = panel_of(page, "Enter a conversion")
    form.get_by_label("Click id").fill(bought.clicks[0])
    form.get_by_label("Transaction id").fill("t0")
    form.get_by_label("Payout").fill("4")
    form.get_by_label("Currency").fill("usd")
    expect(form.get_by_text("Changes a conversion that is there")).to_be_visible(timeout=SOON)
    form.get_by_role("button", name="Enter it").click()
    expect(page.get_by_text("Entered: 1 changed.")).to_be_visible(timeout=SOON)
    wait_for("the report", lambda: bought.figures()["revenue"] == 9.0)
    assert screens.faults == []


VIEWS = {
    "costs": "/costs",
    "cost": "/costs?open={cost}",
    "cost-edit": "/costs?edit=new&campaign={campaign}",
    "rates": "/rates",
    "rates-edit": "/rates?edit=new",
    "entry": "/conversions?edit=enter",
}


@pytest.mark.looks
@pytest.mark.parametrize("size", SIZES)
def test_they_look_right(screens: Screens, bought: Bought, size: Any) -> None:
    """Light and dark of one page each: axe-core finds nothing, nothing sticks out, a picture is left."""
    call = bought.board.call
    if not call("costs.list")["total"]:
        call("costs.adjust", **{"from": "2020-01-01", "to": "2035-01-01"}, campaign_id=bought.campaign,
             amount="12.50", note="invoice 4711", id="first", filters={"sub1": ["push"]})  # fmt: skip
        call("rates.import", text="2026-11-22,EUR,USD,1.0832\n2026-11-22,GBP,USD,1.2710\n")
    numbers = {"cost": "first", "campaign": bought.campaign}
    page = signed_in(screens, size, bypass_csp=True)
    for name, path in VIEWS.items():
        open_in_light(page, path.format_map(numbers))
        if name == "cost-edit":
            page.get_by_label("Amount").fill("250")
        if name == "entry":
            page.get_by_role("button", name="A list").click()
            text = f"click_id,payout,status\n{bought.clicks[0]},2.50,sale\nnonsense,abc,sale"
            page.get_by_label("The list").fill(text)
            page.get_by_role("button", name="Check", exact=True).click()
        page.wait_for_timeout(1_000)
        looks_right_in_both(page, name, size)
    assert screens.faults == []
