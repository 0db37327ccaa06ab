"""Conversions and costs that no postback tells, through the real executable: pages, hands, corrections."""

from __future__ import annotations

import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.board import BERLIN, PARIS, Board, running
from tests.rig import PATIENCE, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("doors")
    with running(home) as board:
        yield board


class Shop:
    """A campaign with one offer of one network."""

    def __init__(self, board: Board, name: str, **campaign: Any) -> None:
        self.board = board
        self.network = board.call("networks.create", name=name, slug=name, currency="USD")["id"]
        offer = board.destination(f"{name}-offer", network_id=self.network)
        self.slug = board.campaign({"to": [(offer, 100)]}, **campaign)
        self.id = board.id_of(self.slug)

    def report(self, *names: str, **filters: Any) -> dict[Any, dict[str, Any]]:
        """Report lines of the campaign by their groups."""
        groups = names or ("campaign",)
        asked = {"group_by": groups, "filters": {"campaign": [self.id], **filters}, "limit": 1_000}
        lines = self.board.call("reports.query", **asked)["items"]
        return {tuple(line[name] for name in groups) if names else "": line for line in lines}

    def clicked(self, count: int) -> None:
        wait_for(
            f"{count} clicks in the reports",
            lambda: (found := self.report()) and found[""]["clicks"] == count,
        )


def get(board: Board, path: str, cookie: str = "", method: str = "GET", body: bytes | None = None) -> Any:
    headers = {"Cookie": cookie} if cookie else {}
    asked = urllib.request.Request(board.public + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, fault.read()


def test_a_click_s_cookie_makes_the_pixel_a_conversion(board: Board) -> None:
    shop = Shop(board, "pixel", click_cookie_days=30)
    answer = board.visit(f"/c/{shop.slug}?sub1=x")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert answer.query["c"] in cookie
    status, body = get(board, "/px/pixel.gif?payout=12.50&transaction_id=A-1", cookie)
    assert (status, body[:6]) == (200, b"GIF89a")
    assert get(board, "/px/pixel.gif?payout=12.50&transaction_id=A-1", cookie)[0] == 200  # loaded again
    status, _ = get(board, "/js/pixel", cookie, "POST", b'{"payout": "2.5", "transaction_id": "A-2"}')
    assert status == 200
    assert get(board, "/px/pixel.gif?payout=99")[0] == 200  # whoever did not come through us

    def counted() -> bool:
        line = shop.report("sub1").get(("x",), {})
        return (line.get("conversions"), line.get("revenue")) == (2, 15)

    wait_for("two conversions in the report", counted)
    refused = board.record("postbacks.list", lambda row: row["stage"] == "refused")
    assert "No click is known" in refused["reason"]


def test_ten_thousand_rows_with_a_wrong_one_are_none_and_with_partial_all_others(board: Board) -> None:
    shop = Shop(board, "import")
    clicks = [board.visit(f"/c/{shop.slug}?sub1={n}").query["c"] for n in range(20)]
    shop.clicked(20)
    rows = [f"{clicks[n % 20]},T{n},0.01,USD,sale" for n in range(10_000)]
    rows[4_711] = f"{clicks[0]},T4711,free,USD,sale"
    text = "\r\n".join(["\ufeffclick_id,transaction_id,payout,currency,status", *rows])
    with pytest.raises(AssertionError) as refused:
        board.call("conversions.import", text=text)
    fields = refused.value.args[0][2]["error"]["fields"]
    assert [field["path"] for field in fields] == ["text:4713 payout"]
    assert shop.report()[""]["conversions"] == 0
    answer = board.call("conversions.import", text=text, partial=True, id="november")
    assert (answer["stored"], answer["made"], answer["rows"]) == (True, 9_999, 10_000)
    assert [(row["row"], row["field"]) for row in answer["refused"]] == [(4_713, "payout")]
    assert board.call("conversions.import", text=text, partial=True, id="november") == answer
    wait_for("all of them in the report", lambda: shop.report()[""]["conversions"] == 9_999)
    assert shop.report()[""]["revenue"] == 99.99
    seen = board.record(
        "postbacks.list", lambda row: (row["method"], row["stage"]) == ("entered", "received")
    )
    assert seen["reason"] == "entered by local administrator"


def test_a_conversion_is_entered_and_corrected_by_hand(board: Board) -> None:
    shop = Shop(board, "hand")
    click = board.visit(f"/c/{shop.slug}").query["c"]
    shop.clicked(1)
    made = board.call("conversions.enter", click_id=click, transaction_id="H", payout=7.5, status="hold")
    assert (made["made"], made["changed"]) == (1, 0)
    again = board.call(
        "conversions.enter", network_id=shop.network, transaction_id="H", payout="8.25", status="sale"
    )
    assert (again["made"], again["changed"]) == (0, 1)
    lines = f"{click}:payout=1:transaction_id=I:event_type=upsell\n{click}:txid=H:status=rejected"
    assert board.call("conversions.import", text=lines)["made"] == 1
    wait_for("what is left in the report", lambda: shop.report()[""]["revenue"] == 1)


def test_an_order_under_kill_9_counts_once(board: Board) -> None:
    shop = Shop(board, "killed")
    clicks = [board.visit(f"/c/{shop.slug}").query["c"] for _ in range(10)]
    shop.clicked(10)
    draw = random.Random(6)
    for turn in range(4):
        text = "\n".join(f"{clicks[n % 10]}:payout=1:transaction_id={turn}-{n}" for n in range(500))

        def send(text: str = text, id: str = f"order-{turn}") -> None:
            try:
                board.call("conversions.import", text=text, id=id)
            except (OSError, ValueError, AssertionError):
                pass  # killed before it could answer

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(draw.random() * 0.4)
        old = board.weir.kill("core")
        board.weir.wait_child("core", besides=old)
        sender.join()
        wait_for("the core again", board.linked)

        def sent(text: str = text, id: str = f"order-{turn}") -> bool:
            try:
                return int(board.call("conversions.import", text=text, id=id)["made"]) == 500
            except AssertionError as fault:
                assert "unavailable" in str(fault)
                return False

        wait_for("the order is carried out", sent)
    wait_for("all in the report", lambda: shop.report()[""]["conversions"] == 2_000)
    time.sleep(1)
    assert (shop.report()[""]["conversions"], shop.report()[""]["revenue"]) == (2_000, 2_000)


def test_a_cost_is_corrected_for_exactly_the_clicks_that_a_filter_lets_through(board: Board) -> None:
    shop = Shop(board, "costs")
    for n in range(12):
        address = BERLIN if n % 3 else PARIS
        board.visit(f"/c/{shop.slug}?sub1={'ab'[n % 2]}&utm_source=s{n}&cost=0.10", address)
    shop.clicked(12)
    today = {"from": time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400)), "to": "2099-12-31"}
    filters = {"sub1": ["a"], "country": ["DE"]}
    before = shop.report("sub1", "country", "utm_source")
    made = board.call("costs.adjust", campaign_id=shop.id, filters=filters, amount="1.000001", **today)
    assert made["clicks"] == 4

    def whole(cost: float) -> None:
        wait_for(f"{cost} in the report", lambda: shop.report()[""]["cost"] == cost)

    whole(2.200001)
    after = shop.report("sub1", "country", "utm_source")
    assert after.keys() == before.keys()
    for key, line in after.items():
        theirs = key[:2] == ("a", "DE")
        assert (line["cost"] in (0.35, 0.350001)) if theirs else line["cost"] == 0.1, key
    assert shop.report("sub1", "country")["a", "DE"]["cost"] == 1.400001
    wait_for("the correction is known", lambda: total(board, shop, today))
    whole(2.8)
    assert shop.report("country")["FR",]["cost"] == 2
    assert shop.report("country")["DE",]["cost"] == 0.8


def total(board: Board, shop: Shop, period: dict[str, str]) -> bool:
    """Both countries' costs are set: one in all, one for each click."""
    try:
        for country, cost in (("FR", {"amount": 2}), ("DE", {"per_click": "0.1"})):
            filters = {"country": [country], "campaign": [shop.id]}
            board.call("costs.set", filters=filters, id=country, **cost, **period)
    except AssertionError as fault:
        assert "on its way" in str(fault)
        return False
    return True
