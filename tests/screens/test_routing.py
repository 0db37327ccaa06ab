"""What decides clicks, built and looked into in Chromium. The tests follow one another on one appliance."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.board import BROWSER, Board
from tests.rig import Weir, wait_for
from tests.screens.browser import SIZES, Screens, signed_in
from tests.screens.looking import looks_right_in_both, open_in_light

pytestmark = pytest.mark.slow
SOON = 15_000


class Offer:
    """An offer's server on this machine whose health can be chosen."""

    def __init__(self) -> None:
        self.status = 503
        offer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(offer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/health"


@pytest.fixture(scope="module")
def offer() -> Iterator[Offer]:
    made = Offer()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


@pytest.fixture(scope="module")
def board(weir: Weir, offer: Offer) -> Board:
    """Keto (3 clicks a day), VPN (ill, probed once an hour), and the campaign `summer` with three streams."""
    made = Board(weir)
    keto = made.destination("keto", caps=[{"metric": "clicks", "limit": "3", "timezone": "Europe/Berlin"}])
    probe = {"url": offer.url, "every_s": 3600, "down_after": 1, "up_after": 1}
    vpn = made.destination("vpn", probe=probe)
    made.destinations |= {"keto": keto, "vpn": vpn}
    wait_for("the first probe", lambda: _state(made, vpn) == "unhealthy")
    bots = {
        "rules": [{"fact": "bot", "operator": "eq", "value": "1"}],
        "answer": {"kind": "status", "status": 404},
    }
    munich = {"rules": [{"fact": "city", "operator": "eq", "value": "Munich"}], "to": ["vpn"]}
    made.campaign(
        {"kind": "forced", **bots}, munich, {"kind": "default", "to": ["keto", "vpn"]}, slug="summer"
    )
    return made


def _state(board: Board, number: int) -> str:
    found = board.call("destinations.health", destination_id=number)["items"]
    return str(found[0].get("state", "unknown")) if found else ""


def _used(board: Board, name: str) -> int:
    return int(board.call("destinations.caps", destination_id=board.destinations[name])["items"][0]["used"])


def panel_of(page: Page, name: str) -> Locator:
    return page.get_by_role("complementary", name=name)


def test_a_destination_is_probed_capped_and_edited(screens: Screens, board: Board, offer: Offer) -> None:
    page = signed_in(screens)
    page.goto("/destinations?range=today")
    vpn = page.get_by_role("row").filter(has_text="vpn.example")
    expect(vpn.get_by_text("unhealthy", exact=True)).to_be_visible(timeout=SOON)
    vpn.get_by_role("link", name="vpn").click()
    panel = panel_of(page, "vpn")
    expect(panel.get_by_text("Unhealthy: takes no clicks")).to_be_visible()
    offer.status = 200
    panel.get_by_role("button", name="Probe now").click()
    expect(panel.get_by_text("healthy", exact=True).first).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("Takes clicks", exact=False).first).to_be_visible(timeout=SOON)
    # The way it went: from unknown to ill, and to well again.
    expect(panel.locator(".changes li")).to_have_count(2, timeout=SOON)

    page.goto(f"/destinations?open={board.destinations['keto']}")
    panel = panel_of(page, "keto")
    expect(panel.get_by_role("img", name="0 of 3 clicks used")).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("begins anew in", exact=False)).to_contain_text("00:00 Europe/Berlin")

    def spent() -> bool:
        board.visit("/c/summer?n=1")
        return _used(board, "keto") == 3

    wait_for("the cap is spent", spent)
    expect(panel.get_by_role("img", name="3 of 3 clicks used")).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("reached", exact=True)).to_be_visible()
    expect(panel.get_by_text("Cap on clicks reached: takes no clicks")).to_be_visible()

    page.keyboard.press("Escape")
    expect(panel).not_to_be_visible()
    page.goto(f"/destinations?open={board.destinations['keto']}&edit=1")
    editor = panel_of(page, "Edit keto")
    editor.get_by_label("At most").fill("many")
    editor.get_by_role("button", name="Save").click()
    limit = editor.get_by_label("At most")
    expect(limit).to_have_attribute("aria-invalid", "true", timeout=SOON)
    expect(limit).to_be_focused()
    expect(editor.get_by_role("alert")).to_contain_text("caps[0].limit")
    limit.fill("4")
    editor.get_by_label("Open at certain hours only").check()
    page.keyboard.press("Escape")
    expect(editor.get_by_text("Not saved: hours, caps.")).to_be_visible()
    editor.get_by_role("button", name="Go on editing").click()
    page.keyboard.press("Control+Enter")
    expect(panel_of(page, "keto").get_by_text("of 4 clicks")).to_be_visible(timeout=SOON)
    kept = board.call("destinations.get", id=board.destinations["keto"])
    assert kept["caps"][0]["limit"] == "4" and kept["schedule"]["windows"][0]["begin"] == "09:00"
    page.get_by_role("button", name="Undo").click()
    wait_for("the undo", lambda: board.call("destinations.get", id=kept["id"])["schedule"] is None)
    assert screens.faults == []


def test_a_stream_is_built_tried_and_saved(screens: Screens, board: Board) -> None:
    page = signed_in(screens)
    campaign = board.id_of("summer")
    page.goto(f"/campaigns/{campaign}")
    munich = page.get_by_role("listitem", name="summer 1")
    expect(munich.get_by_text("when city is Munich")).to_be_visible(timeout=SOON)
    expect(munich.get_by_text("city cannot be known here", exact=False)).to_be_visible(timeout=SOON)
    page.get_by_role("heading", name="Streams").click()
    page.keyboard.press("n")
    editor = panel_of(page, "New stream")
    editor.get_by_label("Name").fill("Germans")
    for _ in range(3):
        editor.get_by_role("button", name="Add a rule").last.click()
    first, second, third = (editor.locator(".rule").nth(at) for at in range(3))
    first.get_by_label("Values").fill("DE,AT,")
    expect(first.get_by_text("country is one of DE, AT")).to_be_visible()
    expect(editor.get_by_text("when country is one of DE, AT and", exact=False)).to_be_visible()
    second.get_by_label("What is looked at").select_option("city")
    expect(second.get_by_text("city cannot be known here", exact=False)).to_be_visible()
    second.get_by_label("What is looked at").select_option("param")
    second.get_by_label("Name of the parameter").fill("zone")
    second.get_by_label("How it is compared").select_option("regex")
    second.get_by_label("Value").fill("(")
    third.get_by_label("What is looked at").select_option("any")
    inner = third.locator(".rule").first
    inner.get_by_label("What is looked at").select_option("device_type")
    inner.get_by_label("How it is compared").select_option("eq")
    inner.get_by_label("Value").fill("mobile")
    third.get_by_role("button", name="not").first.click()
    editor.get_by_label("Add a destination").select_option(label="vpn")
    editor.get_by_label("Shared out").select_option("adaptive")
    editor.get_by_label("Never the same destination twice").check()
    editor.get_by_label("Answers with").select_option("double_meta")
    editor.get_by_role("button", name="Make it").click()
    wrong = second.get_by_label("Value")
    expect(wrong).to_be_focused(timeout=SOON)
    expect(second.get_by_text("not a regular expression of RE2", exact=False)).to_be_visible()
    wrong.fill("^z")

    # Tried before it is saved: a German on a desktop comes, a phone does not.
    editor.get_by_text("Try it before it is saved").click()
    tried = editor.get_by_label("Simulate a click")
    tried.get_by_label("Country").fill("de")
    tried.get_by_label("Query").fill("zone=z1")
    tried.get_by_label("User agent").select_option(label="Windows, Chrome")
    expect(tried.get_by_text("By Germans")).to_be_visible(timeout=SOON)
    tried.get_by_label("Device").select_option("mobile")
    expect(tried.get_by_text("By Germans")).not_to_be_visible(timeout=SOON)
    editor.get_by_role("button", name="Replay").click()
    expect(editor.get_by_text("clicks would go elsewhere", exact=False)).to_be_visible(timeout=SOON)
    editor.get_by_role("button", name="Make it").click()
    card = page.get_by_role("listitem", name="Germans")
    expect(card.get_by_text("double meta refresh", exact=False)).to_be_visible(timeout=SOON)
    [made] = [
        each
        for each in board.call("streams.list", campaign_id=campaign)["items"]
        if each["name"] == "Germans"
    ]
    assert made["rules"] == [
        {"fact": "country", "operator": "in", "value": ["DE", "AT"]},
        {"param": "zone", "operator": "regex", "value": "^z"},
        {"any": [{"fact": "device_type", "operator": "eq", "value": "mobile"}], "negate": True},
    ]
    assert made["distribution"] == {"strategy": "adaptive"} and made["unique_policy"] == {}
    assert made["answer"] == {"kind": "double_meta"}

    # The order is changed by the card, and the campaign's own settings by theirs.
    card.get_by_role("button", name="Germans earlier").click()
    expect(page.get_by_role("listitem").filter(has=page.get_by_role("strong")).nth(1)).to_contain_text(
        "Germans", timeout=SOON
    )
    page.get_by_role("button", name="Settings").click()
    settings = panel_of(page, "Campaign settings")
    settings.get_by_label("A visitor who returns").select_option("destination")
    settings.get_by_label("Slug").fill("Not a slug")
    settings.get_by_role("button", name="Save").click()
    expect(settings.get_by_label("Slug")).to_be_focused(timeout=SOON)
    settings.get_by_label("Slug").fill("summer")
    settings.get_by_role("button", name="Save").click()
    expect(settings).not_to_be_visible(timeout=SOON)
    assert board.call("campaigns.get", id=campaign)["sticky"] == "destination"
    assert screens.faults == []


def test_a_click_says_why_and_a_thousand_say_where(screens: Screens, board: Board) -> None:
    page = signed_in(screens)
    campaign = board.id_of("summer")
    board.settle()
    click = board.visit("/c/summer?n=why").query["c"]
    board.record("clicks.list", lambda row: row["id"] == click)
    page.goto("/clicks")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    panel = panel_of(page, "Why this click went there")
    expect(panel.get_by_text("every recorded field came out the same", exact=False)).to_be_visible(
        timeout=SOON
    )
    expect(panel.get_by_text(click).first).to_be_visible()
    bots = panel.locator(".tried > li").filter(has_text="summer 0")
    expect(bots.get_by_text("a rule did not hold")).to_be_visible()
    expect(bots.get_by_role("img", name="did not hold")).to_be_visible()
    expect(bots.get_by_text("— was 0")).to_be_visible()
    expect(panel.get_by_text("a rule's fact cannot be known").first).to_be_visible()
    expect(panel.get_by_text("took the click")).to_be_visible()
    expect(panel.get_by_text("cap reached")).to_be_visible()
    expect(panel.get_by_text("The draw fell on", exact=False)).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape(f"open={click}")))
    page.goto("/clicks?open=nothing")
    expect(panel.get_by_role("alert")).to_be_visible(timeout=SOON)

    page.goto(f"/campaigns/{campaign}?sim.country=FR")
    beside = page.get_by_label("Simulate a click")
    expect(beside.get_by_text("By summer 2")).to_be_visible(timeout=SOON)
    beside.get_by_label("User agent").select_option(label="Googlebot")
    expect(beside.get_by_text("answered by the stream itself (404)")).to_be_visible(timeout=SOON)
    beside.get_by_label("User agent").select_option(label="curl")
    beside.get_by_role("button", name="1,000 clicks").click()
    expect(beside.get_by_text("100.0 %").first).to_be_visible(timeout=SOON)
    beside.get_by_label("Country").fill("Germany")
    expect(page).to_have_url(re.compile("sim.country=GERMANY"))
    assert screens.faults == []


def test_a_list_is_made_filled_from_a_file_and_asked(screens: Screens, board: Board) -> None:
    page = signed_in(screens)
    page.goto("/lists")
    expect(page.get_by_role("heading", name="No lists yet")).to_be_visible(timeout=SOON)
    page.keyboard.press("n")
    maker = panel_of(page, "New list")
    maker.get_by_label("Name").fill("Bad publishers")
    maker.get_by_role("button", name="Make it").click()
    panel = panel_of(page, "Bad publishers")
    lines = "".join(f"publisher-{number}\n" for number in range(40_000))
    panel.get_by_label("A text file of entries").set_input_files(
        {"name": "bad.txt", "mimeType": "text/plain", "buffer": lines.encode()}
    )
    expect(panel.get_by_text("40,000 lines")).to_be_visible()
    panel.get_by_role("button", name="Add", exact=True).last.click()
    expect(page.get_by_text("it has 40,000 now", exact=False)).to_be_visible(timeout=2 * SOON)
    panel.get_by_label("A value to look for").fill("publisher-39999")
    expect(panel.get_by_text("yes", exact=True)).to_be_visible(timeout=SOON)
    panel.get_by_label("A value to look for").fill("publisher-x")
    expect(panel.get_by_text("no", exact=True)).to_be_visible(timeout=SOON)
    panel.get_by_label("Entries that contain").fill("-12345")
    expect(panel.locator(".entries li")).to_have_count(1, timeout=SOON)
    expect(panel.get_by_text("No rule asks for it.", exact=False)).to_be_visible()
    made = board.call("lists.list")["items"][0]
    rule = {"fact": "sub1", "operator": "in_list", "list_id": made["id"]}
    stream = board.call("streams.list", campaign_id=board.id_of("summer"), search="Germans")["items"]
    board.call("streams.change", id=stream[0]["id"], rules=[*stream[0]["rules"], rule])
    page.reload()
    expect(panel.get_by_role("link", name="summer: Germans")).to_be_visible(timeout=SOON)
    assert screens.faults == []


def test_a_source_is_made_of_a_preset_and_names_what_arrived_unfilled(screens: Screens, board: Board) -> None:
    page = signed_in(screens)
    page.goto("/sources?edit=new")
    picker = panel_of(page, "New source")
    picker.get_by_label("Which source?").fill("propeller")
    picker.get_by_role("button", name="PropellerAds").click()
    panel = panel_of(page, "PropellerAds")
    expect(panel.get_by_text("zoneid={zoneid}").last).to_be_visible(timeout=SOON)
    source = next(each for each in board.call("sources.list")["items"] if each["name"] == "PropellerAds")
    board.call("campaigns.change", id=board.id_of("summer"), source_id=source["id"])
    board.settle()
    board.visit("/c/summer?zoneid=%7Bzoneid%7D")
    wait_for("its report", lambda: board.call("sources.unexpanded", source_id=source["id"])["items"])
    page.reload()
    expect(panel.get_by_text("and nothing else; compare it letter by letter", exact=False)).to_be_visible(
        timeout=SOON
    )
    expect(panel.get_by_text(re.compile(r"/c/summer\?visitor_id="))).to_be_visible()
    panel.get_by_role("button", name="Edit").click()
    editor = panel_of(page, "Edit PropellerAds")
    editor.get_by_label("A click costs").select_option("cpc")
    editor.get_by_label("Amount").fill("0.05")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_label("Currency")).to_be_focused(timeout=SOON)
    editor.get_by_label("Currency").fill("usd")
    editor.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("0.05 USD for every click.")).to_be_visible(timeout=SOON)
    assert screens.faults == []


VIEWS = {
    "destinations": "/destinations?range=today",
    "destination": "/destinations?open={vpn}",
    "destination-edit": "/destinations?open={keto}&edit=1",
    "streams": "/campaigns/{campaign}?sim.country=DE",
    "stream-edit": "/campaigns/{campaign}?stream={stream}",
    "campaign-settings": "/campaigns/{campaign}?settings=1",
    "clicks": "/clicks",
    "click-why": "/clicks?open={click}",
    "lists": "/lists?open=1",
    "sources-new": "/sources?edit=new",
    "source": "/sources?open={source}",
    "source-edit": "/sources?open={source}&edit=1",
}


@pytest.fixture(scope="module")
def lived_in(board: Board) -> Board:
    """With clicks that went several ways, a list that holds something and a source beside the demo's."""
    for number in range(8):
        agent = "Googlebot/2.1" if number % 4 == 3 else BROWSER
        board.visit(f"/c/summer?sub1=night&cost=0.{number}1", agent=agent)
    wait_for("the clicks", lambda: len(board.call("clicks.list", limit=10)["items"]) >= 8)
    made = board.call("lists.create", name="office", of="address")
    board.call("lists.append", id=made["id"], text="203.0.113.0/24\n198.51.100.7")
    board.call("sources.create_from_preset", preset="propellerads")
    return board


@pytest.mark.looks
@pytest.mark.parametrize("size", SIZES)
def test_they_look_right(screens: Screens, lived_in: Board, size: Any) -> None:
    """Light and dark of one page each: axe-core finds nothing, nothing sticks out, a picture is left."""
    board = lived_in
    campaign = board.id_of("summer")
    streams = board.call("streams.list", campaign_id=campaign)["items"]
    numbers = {
        **board.destinations,
        "campaign": campaign,
        "stream": max(streams, key=lambda each: len(each["rules"]))["id"],
        "click": board.call("clicks.list", limit=1)["items"][0]["id"],
        "source": board.call("sources.list")["items"][-1]["id"],
    }
    page = signed_in(screens, size, bypass_csp=True)
    for name, path in VIEWS.items():
        open_in_light(page, path.format_map(numbers))
        looks_right_in_both(page, name, size)
    assert screens.faults == []
