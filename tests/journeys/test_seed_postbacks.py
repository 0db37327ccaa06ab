"""Every line of the seed's section "Postbacks And Conversions", through the real executable's public port.

Where the seed names MongoDB and Redpanda, Weir has its ledger, and journals that it ships to its warehouse.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.bench import lookups
from tests.journeys.board import Board, running
from tests.journeys.test_tail import tail
from tests.receivers import Receiver
from tests.rig import wait_for
from tests.wire import Answer, address_of, exchange

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DAY_MS, STORED = 86_400_000, 1_000
"""Clicks that are in the warehouse before Weir starts, of the last day: no journal has them."""


@pytest.fixture(scope="module")
def began_ms() -> int:
    return int(time.time() * 1_000) - DAY_MS


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, began_ms: int) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("postbacks")
    lookups.fill(home / "data", STORED, began_ms, DAY_MS)
    with running(home, WEIR_OUTBOUND__ALLOW="127.0.0.0/8", WEIR_ROUTING__CURRENCY="USD") as found:
        yield found


def network(board: Board, **fields: Any) -> tuple[str, int]:
    """A network of its own for a test: slug and number, known at the edge."""
    slug = board.name("net-")
    made = board.call("networks.create", name=slug, slug=slug, **fields)
    board.settle()
    return slug, int(made["id"])


def click(board: Board, **query: str) -> str:
    """Somebody's click on a campaign of its own; its id."""
    slug = board.campaign({"to": ["offer"]})
    return board.visit(f"/c/{slug}?{urlencode(query)}").query["c"]


def send(board: Board, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return exchange(address_of(board.public), path, method, sent, body)


def report(board: Board, slug: str, **fields: str) -> str:
    """A postback in the URL, taken; its id."""
    taken = send(board, f"/pb/{slug}?{urlencode(fields)}")
    words = taken.body.split()
    assert (taken.status, words[0]) == (200, b"OK")
    return words[1].decode()


def revisions(board: Board, **which: Any) -> list[dict[str, Any]]:
    """What the conversion log has, oldest first."""
    items: list[dict[str, Any]] = board.call("conversions.list", limit=200, **which)["items"]
    return sorted(items, key=lambda item: (item["id"], item["revision"]))


def _money(shown: float | str | None) -> Decimal:
    return Decimal(str(shown or 0))


def converted(board: Board, number: int, transaction: str, revision: int = 1) -> dict[str, Any]:
    """The newest revision of a transaction's conversion, once there are so many; its figures added up."""

    def look() -> list[dict[str, Any]] | None:
        found = revisions(board, network_id=number, transaction_id=transaction)
        return found if found and found[-1]["revision"] >= revision else None

    found = wait_for(f"revision {revision} of {transaction}", look)
    assert len({item["id"] for item in found}) == 1
    return {
        **found[-1],
        "count": sum(item["count"] for item in found),
        "revenue": sum(_money(item["revenue"]) for item in found),
        "hold": sum(_money(item["hold"]) for item in found),
    }


def outcome(board: Board, postback: str, *, of: tuple[str, ...] = ()) -> dict[str, Any]:
    """What became of a postback: the newest entry of its log that is one `of` these outcomes, if given."""

    def look() -> dict[str, Any] | None:
        items = board.call("postbacks.list", id=postback, stage="processed")["items"]
        return next((item for item in items if not of or item["outcome"] in of), None)

    found: dict[str, Any] = wait_for(f"an outcome of {postback}", look)
    return found


# GET /pb/{network}; POST /api/postbacks; GET and JSON POST postbacks


def by_get(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return f"/pb/{slug}?{urlencode(fields)}", "GET", b"", {}


def by_form(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return f"/pb/{slug}", "POST", urlencode(fields).encode(), FORM


def by_json(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    typed = {**fields, "payout": float(fields["payout"])}
    return f"/pb/{slug}", "POST", json.dumps(typed).encode(), JSON


def at_the_other_door_by_json(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return "/api/postbacks", "POST", json.dumps({"network": slug, **fields}).encode(), JSON


def at_the_other_door_by_url(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return f"/api/postbacks?network={slug}", "POST", urlencode(fields).encode(), FORM


@pytest.mark.parametrize(
    "shape", [by_get, by_form, by_json, at_the_other_door_by_json, at_the_other_door_by_url]
)
def test_a_postback_becomes_a_conversion_by_every_door(board: Board, shape: Any) -> None:
    slug, number = network(board)
    his = click(board, sub1="zone-7", utm_source="push")
    fields = {"click_id": his, "transaction_id": "t-1", "payout": "12.5", "currency": "USD"}
    path, method, body, headers = shape(slug, fields)
    taken = exchange(address_of(board.public), path, method, headers, body)
    assert (taken.status, taken.body[:3]) == (200, b"OK ")
    found = converted(board, number, "t-1")
    assert (found["click_id"], found["status"], found["count"]) == (his, "sale", 1)
    assert (found["revenue"], found["currency"]) == (Decimal("12.5"), "USD")
    assert (found["subs"]["1"], found["utm"]["utm_source"]) == ("zone-7", "push")
    (kept,) = board.call("postbacks.list", id=taken.body.split()[1].decode(), stage="received")["items"]
    assert kept["method"] == method
    assert {name: kept["params"][name] for name in fields} == fields


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("/pb/nobody?click_id=x", b"", {}, 404, "There is no such affiliate network."),
        ("/api/postbacks", b'{"click_id": "x"}', JSON, 400, "The field network is missing"),
        ("/pb/{slug}?payout=1", b"", {}, 400, "The click id is missing: expected one of click_id, cid"),
        ("/pb/{slug}", b'{"click_id": ', JSON, 400, "The body is not valid JSON."),
        ("/pb/{slug}", b"[1]", JSON, 400, "The JSON body must be one object."),
        ("/pb/{slug}", b"<x/>", {"Content-Type": "text/xml"}, 400, "The body must be"),
    ],
)
def test_what_is_no_postback_is_refused_with_a_reason(
    board: Board, path: str, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    slug, number = network(board)
    method = "POST" if body else "GET"
    taken = exchange(address_of(board.public), path.format(slug=slug), method, headers, body)
    assert (taken.status, taken.body.decode()[: len(said)]) == (status, said)
    if "{slug}" in path:
        row = board.record("postbacks.list", lambda row: row["network_id"] == number)
        assert (row["stage"], row["reason"][: len(said)]) == ("refused", said)


# Template-based normalization; field mapping through postback templates


def test_a_template_says_where_a_networks_fields_are(board: Board) -> None:
    mapping = {
        "click_id": ["$.meta.tracking[0]"], "transaction_id": ["order"], "payout": ["$.sum.value"],
        "currency": ["=EUR"], "status": ["state"], "event_type": ["goal"],
    }  # fmt: skip
    template = board.call("templates.create", name=board.name("template"), mapping=mapping)["id"]
    slug, number = network(board, template_id=template, status_words={"Bezahlt": "lead"})
    his = click(board)
    body = {
        "meta": {"tracking": [his]}, "order": "A-1", "sum": {"value": "1.234,56"}, "state": "BEZAHLT",
        "goal": "signup",
    }  # fmt: skip
    assert send(board, f"/pb/{slug}", "POST", json.dumps(body).encode(), **JSON).status == 200
    found = converted(board, number, "A-1")
    assert (found["click_id"], found["status"], found["event_type"]) == (his, "lead", "signup")
    assert (_money(found["original_payout"]), found["original_status"]) == (
        Decimal("1234.56"), "BEZAHLT",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("alias", "field", "value"),
    [
        *((name, "click_id", "") for name in ("click_id", "cid", "subid", "sub_id")),
        *((name, "transaction_id", "T-9") for name in ("transaction_id", "tx", "tid", "order_id")),
        *((name, "revenue", "7.25") for name in ("payout", "sum", "amount", "revenue")),
        *((name, "event_type", "deposit") for name in ("event_type", "event")),
    ],
)
def test_without_a_template_a_field_is_known_by_its_aliases(
    board: Board, alias: str, field: str, value: str
) -> None:
    slug, number = network(board)
    his = click(board)
    usual = {"click_id": his, "transaction_id": "T-9", "payout": "1"}
    usual.pop({"revenue": "payout"}.get(field, field), None)
    report(board, slug, **usual, **{alias: value or his})
    (found,) = wait_for("the conversion", lambda: revisions(board, network_id=number))
    shown = Decimal(found[field]) if field == "revenue" else found[field]
    assert shown == (Decimal(value) if field == "revenue" else value or his)


@pytest.mark.parametrize(
    ("word", "status", "counts"),
    [
        ("", "sale", 1), ("Approved", "sale", 1), ("registration", "lead", 1), ("PENDING", "hold", 1),
        ("declined", "rejected", 0), ("fraud", "trash", 0), ("never heard of", "hold", 1),
    ],
)  # fmt: skip
def test_status_words_are_normalized(board: Board, word: str, status: str, counts: int) -> None:
    slug, number = network(board)
    report(board, slug, click_id=click(board), transaction_id="s", payout="2", status=word)
    found = converted(board, number, "s")
    assert (found["status"], found["original_status"], found["count"]) == (status, word, counts)
    money = {"sale": ("2", "0"), "lead": ("2", "0"), "hold": ("0", "2")}.get(status, ("0", "0"))
    assert (found["revenue"], found["hold"]) == tuple(map(Decimal, money))


# Secret/token validation


@pytest.mark.parametrize("name", ["secret", "token", "key", "bearer"])
def test_a_network_with_a_secret_takes_no_postback_without_it(board: Board, name: str) -> None:
    slug, number = network(board, secret="opensesame-1", secrets=["opensesame-2"])
    his = click(board)

    def ask(secret: str, transaction: str) -> Answer:
        path = f"/pb/{slug}?click_id={his}&transaction_id={transaction}"
        if name == "bearer":
            return send(board, path, Authorization=f"Bearer {secret}")
        return send(board, f"{path}&{name}={secret}")

    assert [ask(secret, "none").status for secret in ("", "wrong", "opensesame")] == [403] * 3
    assert [ask(f"opensesame-{n}", f"t-{n}").status for n in (1, 2)] == [200] * 2
    for n in (1, 2):
        assert converted(board, number, f"t-{n}")["count"] == 1
    assert not revisions(board, network_id=number, transaction_id="none")

    def log() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = board.call("postbacks.list", network_id=number, limit=200)["items"]
        return items

    wait_for("three refusals", lambda: sum(row["stage"] == "refused" for row in log()) == 3)
    assert "opensesame" not in json.dumps(log())
    assert "opensesame" not in board.weir.log.read_text()


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
    names = ("conversions", "sales", "leads", "holds", "revenue", "hold_revenue")
    found = board.call("reports.overview", network_id=number, currency="USD", metrics=names)
    shown = [found[name] for name in names[:4]]
    assert shown == [3, 1, 1, 1]
    assert (_money(found["revenue"]), _money(found["hold_revenue"])) == (Decimal("2.500001"), 4)


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
        wait_for("an attempt", lambda: receiver.requests)
        receiver.status = 200
        wait_for("another one", lambda: len(receiver.requests) > 1)
        mine = {"targets": [f"postback:{target}"]}
        wait_for(
            "it is delivered",
            lambda: [it["state"] for it in board.call("deliveries.list", **mine)["items"]] == ["delivered"],
        )
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
