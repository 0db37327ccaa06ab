"""The seed's section "Postbacks And Conversions", line by line through the public port: what comes of them.

Where the seed names MongoDB and Redpanda, Weir has its ledger, and journals that it ships to its warehouse.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.bench import lookups
from tests.journeys.board import Board, running
from tests.journeys.reporting import JSON, click, converted, money, network, outcome, report, revisions, send
from tests.journeys.test_tail import tail
from tests.receivers import Receiver
from tests.rig import wait_for

DAY_MS, STORED = 86_400_000, 1_000
"""Clicks that are in the warehouse before Weir starts, of the last day: no journal has them."""


@pytest.fixture(scope="module")
def began_ms() -> int:
    return int(time.time() * 1_000) - DAY_MS


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, began_ms: int) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("conversions")
    lookups.fill(home / "data", STORED, began_ms, DAY_MS)
    with running(home, WEIR_OUTBOUND__ALLOW="127.0.0.0/8", WEIR_ROUTING__CURRENCY="USD") as found:
        yield found


# Conversion model; dedupe by network scope and transaction ID


def test_the_same_transaction_is_one_conversion_of_its_network(board: Board) -> None:
    first, one = network(board)
    second, other = network(board)
    his = click(board)
    report(board, first, click_id=his, transaction_id="same", payout="3")
    again = report(board, first, click_id=his, transaction_id="same", payout="3")
    report(board, second, click_id=his, transaction_id="same", payout="5")
    assert outcome(board, again)["outcome"] == "duplicate"
    assert converted(board, one, "same")["revenue"] == 3
    assert converted(board, other, "same")["revenue"] == 5
    assert converted(board, one, "same")["id"] != converted(board, other, "same")["id"]


def test_a_conversion_goes_from_hold_to_sale_to_chargeback(board: Board) -> None:
    slug, number = network(board)
    his = click(board)
    ends = []
    for revision, (status, more) in enumerate(
        [("pending", {"payout": "9"}), ("approved", {}), ("chargeback", {})], 1
    ):
        postback = report(board, slug, click_id=his, transaction_id="life", status=status, **more)
        outcome(board, postback, of=("conversion",))
        found = converted(board, number, "life", revision)
        wait_for(
            f"it is {status}",
            lambda status=status: converted(board, number, "life")["original_status"] == status,
        )
        found = converted(board, number, "life")
        ends.append((found["status"], found["count"], found["revenue"], found["hold"]))
    assert ends == [("hold", 1, 0, 9), ("sale", 1, 9, 0), ("chargeback", 0, 0, 0)]


def test_reports_have_what_the_log_of_conversions_has(board: Board) -> None:
    slug, number = network(board)
    his = click(board)
    for n, (status, payout) in enumerate([("sale", "0.000001"), ("lead", "2.5"), ("hold", "4")]):
        report(board, slug, click_id=his, transaction_id=f"r{n}", payout=payout, status=status)
    for n in range(3):
        converted(board, number, f"r{n}")
    board.shipped()
    names = ("conversions", "sales", "leads", "holds", "revenue", "hold_revenue")
    found = board.call("reports.overview", network_id=number, currency="USD", metrics=names)
    shown = [found[name] for name in names[:4]]
    assert shown == [3, 1, 1, 1]
    assert (money(found["revenue"]), money(found["hold_revenue"])) == (Decimal("2.500001"), 4)


# Click lookup enrichment from ClickHouse


def test_a_click_that_only_the_warehouse_knows_gives_its_conversion_everything(
    board: Board, began_ms: int
) -> None:
    slug, number = network(board)
    old = lookups.identifier(began_ms, DAY_MS, STORED, 437)
    before = board.call("system.status")["conversions"]["figures"]["lookups"]
    report(board, slug, click_id=old, transaction_id="old", payout="1")
    found = converted(board, number, "old")
    assert board.call("system.status")["conversions"]["figures"]["lookups"] > before
    assert (found["click_id"], found["campaign_id"], found["stream_id"]) == (old, 437 % 200, 437)
    assert (found["destination_id"], found["source_id"]) == (437 % 20, 437 % 5)
    assert (found["subs"]["1"], found["utm"]["utm_source"]) == ("p37", "push")


# Configurable click lookup fail-open/fail-closed behavior


def test_fail_closed_waits_for_the_click_and_then_refuses_with_a_reason(board: Board) -> None:
    slug, number = network(board, unknown_click="wait", click_wait_hours=3 / 3600)
    postback = report(
        board, slug, click_id="01a201dc-0c92-7bd0-8060-0e54d6026f6b", transaction_id="x", payout="1"
    )
    assert outcome(board, postback, of=("waiting", "click_unknown"))
    ended = outcome(board, postback, of=("click_unknown",))
    assert ended["reason"]
    assert not revisions(board, network_id=number)


def test_fail_open_records_it_without_its_click(board: Board) -> None:
    slug, number = network(board, unknown_click="accept", click_wait_hours=3 / 3600)
    stranger = "01a201dc-0c92-7bd0-8060-0e54d6026f6b"
    report(board, slug, click_id=stranger, transaction_id="x", payout="6")
    found = converted(board, number, "x")
    assert (found["campaign_id"], found["revenue"], found["count"]) == (0, 6, 1)


def test_fail_open_attaches_it_when_the_warehouse_is_back(board: Board, began_ms: int) -> None:
    slug, number = network(board, unknown_click="accept")
    shut, other = network(board, unknown_click="wait")
    old = lookups.identifier(began_ms, DAY_MS, STORED, 512)
    board.call("warehouse.detach", seconds=5)
    for name in (slug, shut):
        report(board, name, click_id=old, transaction_id="late", payout="6")
    wait_for(
        "the warehouse", lambda: board.call("system.status")["warehouse"]["state"] == "up"
    )  # it opens again by itself
    for each in (number, other):
        wait_for(
            "it has its click",
            lambda each=each: converted(board, each, "late")["campaign_id"] == 512 % 200,
        )
        found = converted(board, each, "late")
        assert (found["revenue"], found["count"], found["subs"]["1"]) == (6, 1, "p12")
    opened = revisions(board, network_id=number, transaction_id="late")
    assert [item["campaign_id"] for item in opened] == [0, 0, 512 % 200]
    assert {item["campaign_id"] for item in revisions(board, network_id=other)} == {512 % 200}


# Persistence for conversions and dedupe; postback logs; publishing of both


def test_what_was_answered_outlives_kill_9_of_everything_but_the_parent(board: Board) -> None:
    slug, number = network(board)
    his = click(board)
    report(board, slug, click_id=his, transaction_id="kept", payout="4")
    for role in ("core", "edge-0"):
        board.weir.wait_child(role, board.weir.kill(role))
    wait_for("both are back", board.linked)
    assert converted(board, number, "kept")["revenue"] == 4
    again = report(board, slug, click_id=his, transaction_id="kept", payout="4")
    assert outcome(board, again)["outcome"] == "duplicate"
    assert converted(board, number, "kept")["revenue"] == 4


def test_the_log_of_postbacks_tells_each_ones_whole_life(board: Board) -> None:
    slug, number = network(board)
    postback = report(board, slug, click_id=click(board), transaction_id="log", payout="4", extra="Ünïcode")
    ended = outcome(board, postback)
    found = converted(board, number, "log")
    assert (ended["outcome"], ended["conversion_id"]) == ("conversion", found["id"])
    board.shipped()
    items = board.call("postbacks.list", id=postback)["items"]
    assert {item["stage"] for item in items} == {"received", "processed"}
    (received,) = [item for item in items if item["stage"] == "received"]
    assert received["params"]["extra"] == "Ünïcode"


def test_postbacks_and_conversions_are_published_as_they_happen(board: Board) -> None:
    def published() -> int:
        edges = board.call("system.event_producers")["edges"]
        topics = [each for edge in edges for each in edge["topics"] if each["topic"] == "postback_log_events"]
        return sum(int(each["published"]) for each in topics)

    slug, _ = network(board)
    his, before = click(board), published()
    with tail("--data", str(board.weir.data), "tail") as watching:
        report(board, slug, click_id=his, transaction_id="event-1", payout="4")
        wait_for("the conversion", lambda: watching.shows("conversion", "4 USD", "transaction event-1"))
        wait_for("its outcome", lambda: watching.shows("postback", "processed conversion"))
    wait_for("it is counted", lambda: published() > before)


# Outbound postback rendering; bounded outbound retry worker; internal endpoints


def told(receiver: Receiver) -> list[dict[str, str]]:
    return [
        {name: values[0] for name, values in parse_qs(urlsplit(it.path).query, True).items()}
        for it in receiver.requests
    ]


def internal(board: Board, path: str, payload: dict[str, Any]) -> Any:
    asked = urllib.request.Request(board.weir.admin + path, json.dumps(payload).encode(), JSON)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def test_a_postback_is_rendered_for_the_source_tried_again_and_told_once_more_when_asked(
    board: Board,
) -> None:
    with Receiver(status=503) as receiver:
        slug, _ = network(board)
        campaign = board.campaign({"to": ["offer"]})
        target = board.call(
            "targets.create", name=board.name("target"), campaign_ids=[board.id_of(campaign)],
            url=f"{receiver.url}/?cid={{source_click_id}}&sum={{payout}}&c={{currency}}&s={{status}}&z={{sub1}}"
            "&t={transaction_id}",
        )["id"]  # fmt: skip
        his = board.visit(f"/c/{campaign}?source_click_id=S%261&sub1=z+1").query["c"]
        report(board, slug, click_id=his, transaction_id="out", payout="2.50")
        mine = {"targets": [f"postback:{target}"]}

        def stands() -> tuple[str, int]:
            (it,) = board.call("deliveries.list", **mine)["items"]
            return it["state"], it["attempts"]

        # Not when the receiver has heard of it: its answer could still become a 200.
        wait_for("an attempt", lambda: receiver.requests)
        wait_for("its failure", lambda: stands()[1])
        receiver.status = 200
        wait_for("it is delivered", lambda: stands()[0] == "delivered")
        assert len(receiver.requests) > 1
        assert told(receiver)[0] == {
            "cid": "S&1", "sum": "2.5", "c": "USD", "s": "sale", "z": "z 1", "t": "out",
        }  # fmt: skip
        assert len(receiver.told) == 1, "each attempt under the same id"
        before = len(receiver.requests)
        answer = internal(board, "/internal/outbound/retry", {**mine, "states": ["delivered"]})
        assert answer["count"] == 1
        wait_for("once more", lambda: len(receiver.requests) > before)
        assert len(receiver.told) == 1


def test_the_internal_doors_are_not_at_the_public_port(board: Board) -> None:
    for path in ("/internal/outbound/retry", "/internal/postbacks/test"):
        assert send(board, path, "POST", b"{}", **JSON).status == 404


def test_a_postback_is_tried_at_the_internal_door_and_nothing_is_stored(board: Board, began_ms: int) -> None:
    slug, number = network(board)
    old = lookups.identifier(began_ms, DAY_MS, STORED, 77)
    report(board, slug, click_id=old, transaction_id="there", payout="3", status="pending")
    there = converted(board, number, "there")

    def tried(query: str, **draft: Any) -> dict[str, Any]:
        url = f"https://track.example/pb/{slug}?{query}"
        return dict(internal(board, "/internal/postbacks/test", {"url": url, **draft}))

    as_it_is = tried(f"cid={old}&tid=there&sum=1.234%2C50&status=Genehmigt")
    assert as_it_is["fields"] == {
        "click_id": old, "transaction_id": "there", "payout": "1.234,50", "status": "Genehmigt",
    }  # fmt: skip
    assert (as_it_is["status"], as_it_is["click"]["found"]) == ("hold", True)
    assert as_it_is["click"]["campaign_id"] == 77
    assert (as_it_is["before"]["id"], as_it_is["after"]["id"]) == (there["id"], there["id"])
    assert (money(as_it_is["before"]["hold"]), money(as_it_is["after"]["hold"])) == (3, Decimal("1234.5"))
    drafted = tried(f"cid={old}&tid=there&sum=8&status=Genehmigt",
                    network={"status_words": {"genehmigt": "sale"}})  # fmt: skip
    assert (drafted["status"], money(drafted["after"]["revenue"])) == ("sale", 8)
    another = tried(f"x={old}&tid=another&sum=8", template={"mapping": {"click_id": ["x"]}})
    assert (another["before"], money(another["after"]["revenue"])) == (None, 8)
    stranger = tried("cid=01a201dc-0c92-7bd0-8060-0e54d6026f6b&tid=y&sum={payout}")
    assert (stranger["click"]["found"], stranger["after"]) == (False, None)
    assert stranger["notes"]
    # Nothing of all this was kept.
    report(board, slug, click_id=old, transaction_id="last", payout="1")
    converted(board, number, "last")
    board.shipped()
    items = board.call("postbacks.list", network_id=number)["items"]
    assert {item["params"].get("transaction_id") for item in items if item["stage"] == "received"} == {
        "there", "last",
    }  # fmt: skip
    assert (converted(board, number, "there")["hold"], len(revisions(board, network_id=number))) == (3, 2)
    (kept,) = board.call("networks.list", slug=slug)["items"]
    assert (kept["status_words"], kept["template_id"]) == ({}, None)


# The inbox of issue 6: kept raw, and processed anew by other rules


def test_stored_postbacks_are_understood_anew_and_applied_as_they_were_previewed(board: Board) -> None:
    slug, number = network(board)
    his = click(board)
    for n in range(3):
        report(board, slug, click_id=his, transaction_id=f"n{n}", payout="2", status="Genehmigt")
    lost = report(board, slug, kunde=his, transaction_id="lost", payout="5", status="Genehmigt")
    assert outcome(board, lost)["outcome"] == "refused"
    for n in range(3):
        assert converted(board, number, f"n{n}")["hold"] == 2
    board.shipped()
    drafts = {
        "network": {"status_words": {"genehmigt": "sale"}},
        "template": {"mapping": {"click_id": ["click_id", "kunde"]}},
    }
    seen = board.call("postbacks.reprocess_preview", network_id=number, **drafts)
    assert (seen["postbacks"], seen["made"], seen["changed"], seen["left"]) == (4, 1, 3, 0)
    assert [(it["conversions"], money(it["revenue"]), money(it["hold"])) for it in seen["sums"]] == [
        (1, 11, -6)
    ]
    assert all(converted(board, number, f"n{n}")["hold"] == 2 for n in range(3)), "only looked at"
    template = board.call("templates.create", name=slug, **drafts["template"])["id"]
    board.call("networks.change", id=number, template_id=template, **drafts["network"])
    with pytest.raises(AssertionError, match="conflict"):
        board.call("postbacks.reprocess_apply", network_id=number, fingerprint="0" * 32)
    again = board.call("postbacks.reprocess_preview", network_id=number)
    done = board.call("postbacks.reprocess_apply", network_id=number, fingerprint=again["fingerprint"])
    assert (done["applied"], done["made"], done["changed"]) == (True, 1, 3)

    def all_sales() -> bool:
        found = board.call("reports.overview", network_id=number, currency="USD",
                           metrics=["conversions", "sales", "revenue", "hold_revenue"])  # fmt: skip
        return (found["sales"], money(found["revenue"]), money(found["hold_revenue"])) == (4, 11, 0)

    wait_for("the report has them as sales", all_sales)
    wait_for("its log says so", lambda: outcome(board, lost)["outcome"] == "conversion")
    assert [it["outcome"] for it in board.call("postbacks.get", id=lost)["outcomes"]] == [
        "refused", "conversion",
    ]  # fmt: skip
    nothing = board.call("postbacks.reprocess_preview", network_id=number)
    assert [nothing[it] for it in ("made", "changed", "voided", "moved")] == [0, 0, 0, 0]
