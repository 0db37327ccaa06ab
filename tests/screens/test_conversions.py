"""Money in, walked in Chromium: a network is connected, its postbacks explained, its words mapped, its sales
followed. The tests follow one another on one appliance."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.rig import Weir, wait_for
from tests.screens.browser import SIZES, Screens, click, sign_in, signed_in
from tests.screens.looking import looks_right_in_both, open_in_light

pytestmark = pytest.mark.slow
SOON = 30_000


def panel_of(page: Page, name: str) -> Locator:
    return page.get_by_role("complementary", name=name)


def post(url: str, **fields: str) -> int:
    """One postback as a network sends it; the answer's status."""
    try:
        with urllib.request.urlopen(f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}") as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code


def logged(weir: Weir, **wanted: str) -> dict[str, Any]:
    """The newest record of the postback log that is like this, once it is there."""

    def look() -> dict[str, Any] | None:
        items = weir.call("postbacks.list", {"limit": 200})["items"]
        return next((item for item in items if wanted.items() <= item.items()), None)

    found: dict[str, Any] = wait_for(f"a postback with {wanted}", look)
    return found


def number_of(weir: Weir, slug: str) -> int:
    return int(weir.call("networks.get", {"slug": slug})["id"])


def test_a_network_is_connected_from_a_preset_and_its_url_works_as_copied(screens: Screens) -> None:
    weir = screens.weir
    page = signed_in(screens)
    page.goto("/networks")
    expect(page.get_by_role("row").filter(has_text="Demo network")).to_be_visible(timeout=SOON)
    page.keyboard.press("n")
    picker = panel_of(page, "Connect a network")
    picker.get_by_label("Which network?").fill("affise")
    picker.get_by_role("button", name="Affise").click()
    maker = panel_of(page, "Connect Affise")
    maker.get_by_label("Its currency").fill("nonsense")
    maker.get_by_role("button", name="Make it").click()
    expect(maker.get_by_label("Its currency")).to_be_focused(timeout=SOON)
    maker.get_by_label("Its currency").fill("usd")
    maker.get_by_role("button", name="Make it").click()
    panel = panel_of(page, "Affise")
    expect(panel.get_by_text("sub1={click_id}", exact=True)).to_be_visible(timeout=SOON)
    url = panel.locator("code", has_text="/pb/affise").inner_text()
    assert re.search(r"\?click_id=\{sub1\}&payout=\{sum\}&status=\{status\}&.*&secret=[a-z0-9]{20}$", url)
    expect(panel.get_by_text("once this window is closed nobody can read it", exact=False)).to_be_visible()

    # As the network would send it: its macros replaced, the rest as it was pasted.
    made = click(weir)
    values = {"sub1": made, "sum": "12.50", "status": "1", "transactionid": "AF-1", "currency": "USD"}
    filled = re.sub(r"\{(\w+)\}", lambda macro: values.get(macro[1], ""), url)
    wait_for("the network at the edges", lambda: post(filled) == 200)
    record = logged(weir, transaction_id="AF-1", outcome="conversion")
    assert record["network_id"] == number_of(weir, "affise")
    page.reload()
    expect(panel.get_by_text("secret=SECRET", exact=False)).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("counted", exact=True).first).to_be_visible(timeout=SOON)

    # A second one of the same preset gets a slug of its own.
    page.goto("/networks?edit=new")
    picker.get_by_role("button", name="Affise").click()
    expect(maker.get_by_label("Slug", exact=False)).to_have_value("affise-2")
    assert screens.faults == []


def test_the_inbox_says_why_a_postback_did_not_count_and_what_mends_it(screens: Screens) -> None:
    weir = screens.weir
    page = signed_in(screens)
    demo = f"{weir.public}/pb/demo"
    assert post(f"{weir.public}/pb/affise", click_id=click(weir), payout="3") == 403
    post(demo, click_id="{click_id}", transaction_id="D-1", payout="3")
    post(demo, click_id="12345", transaction_id="D-2", payout="3")
    made = click(weir)
    post(demo, click_id=made, transaction_id="D-3", payout="3", status="approved")
    logged(weir, transaction_id="D-3", outcome="conversion")
    page.goto("/inbox?range=today")
    row = page.get_by_role("row").filter(has_text="D-2")
    expect(row.get_by_text("refused", exact=True)).to_be_visible(timeout=SOON)
    expect(row.get_by_text("click_id: not one of our click ids").last).to_be_visible()
    row.get_by_role("link").first.click()
    panel = panel_of(page, "What became of this postback")
    expect(panel.get_by_text("What came as click id is not Weir's.", exact=False)).to_be_visible(timeout=SOON)
    expect(panel.get_by_role("cell", name="12345", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape("open=")))
    page.keyboard.press("Escape")

    page.get_by_label("What became of them").select_option("door")
    expect(page.get_by_role("row").filter(has_text="turned away")).to_have_count(1, timeout=SOON)
    page.get_by_role("row").filter(has_text="turned away").get_by_role("link").first.click()
    expect(panel.get_by_text("The secret is missing.").first).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("Copy the postback URL from the network's panel", exact=False)).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_label("What became of them").select_option("")
    find = page.get_by_label("Find by click, transaction or conversion")
    find.fill("D-3")
    find.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2, timeout=SOON)
    expect(page.get_by_text("counted", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape("find=D-3")))
    page.reload()
    expect(page.get_by_role("row")).to_have_count(2, timeout=SOON)

    # What comes while one reads does not move the rows, but is said.
    page.goto("/inbox?range=today")
    # Rows come over the socket, behind the answer that the feed is followed.
    expect(page.get_by_role("row").filter(has_text="D-3")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="Read again")).to_be_visible()
    post(demo, click_id=made, transaction_id="D-4", payout="3")
    expect(page.get_by_role("button", name=re.compile(r"Show \d+ new"))).to_be_visible(timeout=SOON)
    logged(weir, transaction_id="D-4", outcome="conversion")
    page.get_by_role("button", name=re.compile(r"Show \d+ new")).click()
    expect(page.get_by_role("row").filter(has_text="D-4")).to_be_visible(timeout=SOON)
    assert screens.faults == []


def test_a_conversion_tells_how_it_became_what_it_is(screens: Screens) -> None:
    weir = screens.weir
    page = signed_in(screens)
    made = click(weir)
    for word, payout in (("pending", "2"), ("approved", "2.75"), ("rejected", "2.75")):
        post(f"{weir.public}/pb/demo", click_id=made, transaction_id="H-1", payout=payout, status=word)
        record = logged(weir, transaction_id="H-1", outcome="conversion", reason=_turn(word))
    conversion = record["conversion_id"]
    wait_for(
        "its revisions",
        lambda: weir.call("conversions.list", {"id": conversion, "status": "rejected"})["items"],
    )
    page.goto("/conversions?range=today")
    row = page.get_by_role("row").filter(has_text="H-1")
    expect(row.get_by_text("rejected", exact=True)).to_be_visible(timeout=SOON)
    row.get_by_role("link").first.click()
    panel = panel_of(page, "What happened to this conversion")
    steps = panel.locator(".tried > li")
    expect(steps).to_have_count(3, timeout=SOON)
    expect(steps.nth(0)).to_contain_text("began as hold")
    expect(steps.nth(1)).to_contain_text("hold became sale")
    expect(steps.nth(1)).to_contain_text("revenue 0.00 → 2.75 USD")
    expect(steps.nth(2)).to_contain_text("sale became rejected")
    expect(panel.locator(".log > li")).to_have_count(3, timeout=SOON)
    panel.locator(".log a").first.click()
    expect(panel_of(page, "What became of this postback").get_by_role("cell", name="H-1")).to_be_visible(
        timeout=SOON
    )
    page.goto("/conversions?range=today&status=hold")
    # It was on hold once: now it is not among those that are.
    expect(page.get_by_role("button", name="Read again")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("row").filter(has_text="H-1")).to_have_count(0)
    assert screens.faults == []


def _turn(word: str) -> str:
    return {"pending": "", "approved": "hold to sale", "rejected": "sale to rejected"}[word]


def test_an_unknown_word_is_mapped_and_its_past_is_mended_as_the_preview_says(screens: Screens) -> None:
    weir = screens.weir
    page = signed_in(screens)
    demo = f"{weir.public}/pb/demo"
    for number in range(2):
        post(demo, click_id=click(weir), transaction_id=f"W-{number}", payout="4.50", status="Awaiting QC")
    unknown = [logged(weir, transaction_id=f"W-{number}", outcome="conversion") for number in range(2)]
    page.goto(f"/inbox?range=today&open={unknown[0]['id']}")
    panel = panel_of(page, "What became of this postback")
    expect(panel.get_by_text("counted, but", exact=True)).to_be_visible(timeout=SOON)
    panel.get_by_role("button", name="What would become of it by the rules of now?").click()
    expect(panel.get_by_text("nothing new", exact=True)).to_be_visible(timeout=SOON)
    panel.get_by_label("“Awaiting QC” is a").select_option("sale")
    panel.get_by_role("button", name="See what would change").click()

    again = panel_of(page, "Process again")
    changes = again.locator(".log > li")
    expect(changes).to_have_count(2, timeout=SOON)
    expect(changes.first).to_contain_text("hold → sale")
    expect(again.locator(".stat", has_text="Would change").get_by_text("2", exact=True)).to_be_visible()
    expect(again.get_by_text("on hold −9.00")).to_be_visible()
    assert _status(weir, unknown[0]["conversion_id"]) == "hold"
    again.get_by_role("button", name="Save the words and apply").click()
    expect(again.get_by_text("Done.", exact=False)).to_be_visible(timeout=SOON)
    assert weir.call("networks.get", {"slug": "demo"})["status_words"] == {"awaiting qc": "sale"}
    for record in unknown:
        wait_for("the sale", lambda: _status(weir, record["conversion_id"]) == "sale")  # noqa: B023
    again.get_by_role("button", name="Close").last.click()

    # What would be the same again says so; and one that is only tried is stored nowhere.
    page.get_by_role("button", name="Process again…").click()
    expect(again.get_by_text("Nothing would change.")).to_be_visible(timeout=SOON)
    page.goto(f"/networks?open={number_of(weir, 'demo')}")
    panel = panel_of(page, "Demo network")
    panel.get_by_text("Try a postback").click()
    box = panel.get_by_label("Its URL", exact=False)
    box.fill(f"{demo}?click_id={click(weir)}&transaction_id=TRY-1&payout=1.234,50&status=awaiting+QC")
    panel.get_by_role("button", name="Try it").click()
    expect(panel.get_by_text("Its click is known", exact=False)).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("1,234.50")).to_be_visible()
    box.fill("payout={payout}")
    panel.get_by_role("button", name="Try it").click()
    expect(panel.get_by_text("click_id: missing", exact=False)).to_be_visible(timeout=SOON)
    assert not weir.call("postbacks.list", {"text": "TRY-1"})["items"]
    assert screens.faults == []


def _status(weir: Weir, conversion: str) -> str:
    """What it is by now, as the warehouse has it."""
    rows = weir.call("conversions.list", {"id": conversion, "limit": 200})["items"]
    return str(max(rows, key=lambda row: row["revision"])["status"]) if rows else ""


def test_a_template_begins_with_another_trackers_names(screens: Screens) -> None:
    page = signed_in(screens)
    page.goto("/networks?of=templates&edit=new")
    editor = panel_of(page, "New template")
    editor.get_by_label("Begin with the names of").select_option("keitaro")
    expect(editor.get_by_label("Name", exact=True)).to_have_value("Keitaro")
    expect(editor.get_by_label("Map a field")).to_be_visible()
    editor.get_by_label("Parameters with currency").fill("=EUR,")
    editor.get_by_role("button", name="Make it").click()
    panel = panel_of(page, "Keitaro")
    expect(panel.get_by_role("cell", name="currency, =EUR", exact=True)).to_be_visible(timeout=SOON)
    [made] = screens.weir.call("templates.list", {"search": "Keitaro"})["items"]
    assert made["mapping"]["currency"] == ["currency", "=EUR"] and made["mapping"]["click_id"]
    page.goto(f"/networks?open={number_of(screens.weir, 'affise')}&edit=1")
    settings = panel_of(page, "Edit Affise")
    settings.get_by_label("How it names what it sends").select_option(label="Keitaro")
    settings.get_by_label("Addresses and networks").fill("not-an-address,")
    settings.get_by_label("A further postback of the same sale").select_option("ignore")
    settings.get_by_label("Bind a status").select_option("sale")
    settings.get_by_label("What a sale may become").fill("refund,")
    settings.get_by_role("button", name="Save").click()
    expect(settings.get_by_label("Addresses and networks")).to_be_focused(timeout=SOON)
    settings.get_by_label("Remove not-an-address").click()
    settings.get_by_role("button", name="Save").click()
    panel = panel_of(page, "Affise")
    expect(panel.get_by_text("A sale may only become refund.")).to_be_visible(timeout=SOON)
    kept = screens.weir.call("networks.get", {"slug": "affise"})
    assert kept["template_id"] == made["id"] and kept["duplicates"] == "ignore" and kept["secret"]
    page.get_by_role("button", name="Undo").click()
    wait_for("the undo", lambda: screens.weir.call("networks.get", {"slug": "affise"})["template_id"] is None)
    assert screens.faults == []


def test_a_buyer_sees_his_conversions_without_money_and_no_inbox(screens: Screens) -> None:
    """A postback belongs to no campaign, so it is for those who see every campaign."""
    weir = screens.weir
    email = "paul@example.com"
    rights = {"role": "buyer", "status": "active", "campaigns": [1], "sees_money": False}
    weir.call("users.create", {"email": email, **rights})
    post(f"{weir.public}/pb/demo", click_id=click(weir), transaction_id="B-1", payout="77.50")
    made = logged(weir, transaction_id="B-1", outcome="conversion")["conversion_id"]
    wait_for("its revision", lambda: _status(weir, made) == "sale")
    page = screens.page()
    sign_in(page, email)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("link", name="Conversions", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="Inbox", exact=True)).to_have_count(0)
    page.goto(f"/conversions?range=today&open={made}")
    panel = panel_of(page, "What happened to this conversion")
    expect(panel.get_by_text("began as sale")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("77.50")).to_have_count(0)
    expect(panel.get_by_text("What the network said")).to_have_count(0)
    page.goto("/inbox")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible(timeout=SOON)
    assert screens.faults == []


VIEWS = {
    "networks": "/networks?range=today",
    "networks-new": "/networks?edit=new",
    "network": "/networks?open=1",
    "network-edit": "/networks?open=1&edit=1",
    "doctor": "/networks?of=doctor",
    "templates": "/networks?of=templates",
    "template-edit": "/networks?of=templates&open=1&edit=1",
    "inbox": "/inbox?range=today",
    "inbox-why": "/inbox?range=today&open={postback}",
    "inbox-again": "/inbox?range=today&reprocess=1&network=1&words=awaiting_review%09sale",
    "conversions": "/conversions?range=today",
    "conversion": "/conversions?range=today&open={conversion}",
}


@pytest.fixture(scope="module")
def lived_in(weir: Weir) -> dict[str, str]:
    """What the pictures show: sales of every kind, a word nobody knows, a template."""
    for number in range(9):
        word = ("approved", "pending", "awaiting_review")[number % 3]
        post(
            f"{weir.public}/pb/demo",
            click_id=click(weir),
            transaction_id=f"L-{number}",
            payout=f"{number}.25",
            status=word,
        )
    post(f"{weir.public}/pb/demo", click_id="{click_id}", transaction_id="L-x")
    logged(weir, transaction_id="L-x", outcome="refused")
    if not weir.call("templates.list")["items"]:
        weir.call("templates.create", {"name": "Keitaro's", "mapping": {"payout": ["revenue"]}})
    found = logged(weir, transaction_id="L-8", outcome="conversion")
    return {"postback": found["id"], "conversion": found["conversion_id"]}


@pytest.mark.looks
@pytest.mark.parametrize("size", SIZES)
def test_they_look_right(screens: Screens, lived_in: dict[str, str], size: Any) -> None:
    """Light and dark of one page each: axe-core finds nothing, nothing sticks out, a picture is left."""
    page = signed_in(screens, size, bypass_csp=True)
    for name, path in VIEWS.items():
        open_in_light(page, path.format_map(lived_in))
        looks_right_in_both(page, name, size)
    assert screens.faults == []
