"""Networks made from presets, on the real executable: links, postback URLs, what their postbacks come to."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.journeys.board import Board, running
from tests.rig import PATIENCE, wait_for

PASSPHRASE = "the passphrase of the vendor"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("networks")
    with running(home, WEIR_ROUTING__CURRENCY="USD") as found:
        yield found


def network(board: Board, preset: str, **fields: Any) -> tuple[Any, Any]:
    """(the network, what to enter where)."""
    made = board.call("networks.create_from_preset", preset=preset, **fields)
    return made, board.call("networks.urls", id=made["id"])


def clicked(board: Board, paste: str) -> str:
    """Our click id as an offer gets it, which is what the network sends back."""
    offer = board.destination(board.name("offer"), url=f"https://offer.example/buy?{paste}")
    slug = board.campaign({"to": [(offer, 100)]})
    return next(iter(board.visit(f"/c/{slug}").query.values()))


def post(board: Board, path: str, body: bytes, kind: str) -> tuple[int, str]:
    asked = urllib.request.Request(board.public + path, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, fault.read().decode()


def figures(board: Board, number: int) -> dict[str, Decimal]:
    """What the reports have of a network; its revenue in whatever unit it counts."""
    rows = board.call("conversions.list", network_id=number, limit=200)["items"]
    found = {"rows": Decimal(len(rows))}
    for name in ("entered", "count", "revenue"):
        found[name] = sum((Decimal(str(row[name])) for row in rows), Decimal(0))
    return found


def settled(board: Board, made: Any, **expected: str) -> dict[str, Decimal]:
    wanted = {name: Decimal(value) for name, value in expected.items()}

    def there() -> dict[str, Decimal] | None:
        found = figures(board, made["id"])
        return found if {name: found[name] for name in wanted} == wanted else None

    found: dict[str, Decimal] = wait_for(f"{made['slug']}: {expected}", there)
    return found


def test_a_get_with_macros_and_words_that_are_mapped_later(board: Board) -> None:
    made, urls = network(board, "affise", currency="EUR")
    board.settle()
    click = clicked(board, urls["paste"])
    (url,) = [it["url"] for it in urls["postbacks"]]
    happened = int(time.time())  # whole seconds: maybe a little before the click
    for words in (
        {"{status}": "5", "{sum}": "1.234,50 €"},
        {"{status}": "1", "{sum}": "{sum}"},
        {"{status}": "Neu", "{sum}": "2000", "{transactionid}": "B"},
        {"{status}": "1", "{sum}": "1,234", "{transactionid}": "C"},
    ):
        filled = {"{sub1}": click, "{transactionid}": "A", "{currency}": "EUR", "{goal}": "", **words}
        filled["{timestamp}"] = str(happened * 1_000)
        called = url.partition("/pb/")[2]
        for macro, value in filled.items():
            called = called.replace(macro, urlencode({"": value})[1:])
        assert board.visit(f"/pb/{called}").status == 200
    found = settled(board, made, entered="2", count="2")
    assert found["revenue"] == Decimal("1234.5")

    board.shipped()
    refused = board.record(
        "postbacks.list", lambda row: row["outcome"] == "refused" and row["network_id"] == made["id"]
    )
    assert refused["reason"].startswith("payout: 1,234 may be thousands")
    rows = board.call("conversions.list", network_id=made["id"], transaction_id="A")["items"]
    assert {row["at_us"] for row in rows} == {max(happened * 1_000_000, rows[0]["click_at_us"])}
    reasons = [row["reason"] for row in board.call("postbacks.list", network_id=made["id"])["items"]]
    assert any("payout: the macro was not replaced" in reason for reason in reasons)

    (word,) = board.call("networks.unknown_words", id=made["id"])["items"]
    assert (word["word"], word["postbacks"], word["status"]) == ("Neu", 1, "")
    board.call("networks.change", id=made["id"], status_words={**made["status_words"], "NEU": "lead"})
    (word,) = board.call("networks.unknown_words", id=made["id"])["items"]
    assert word["status"] == "lead"


def test_a_json_body_of_names_of_its_own_and_a_refund(board: Board) -> None:
    made, urls = network(board, "hotmart", secret="hottok-of-the-shop")
    board.settle()
    click = clicked(board, urls["paste"])

    def told(event: str, **more: Any) -> tuple[int, str]:
        price = {"currency_value": "BRL", "value": 97.5}
        purchase = {"transaction": "HP1", "price": price, "origin": {"sck": click}}
        body = {"hottok": "hottok-of-the-shop", "event": event, "data": {"purchase": purchase}, **more}
        return post(board, f"/pb/{made['slug']}", json.dumps(body).encode(), "application/json")

    assert told("PURCHASE_APPROVED", hottok="wrong")[0] == 403
    assert told("PURCHASE_APPROVED")[0] == 200
    settled(board, made, entered="1", count="1", revenue="97.5")
    assert told("PURCHASE_REFUNDED")[0] == 200
    settled(board, made, entered="1", count="0", revenue="0")


def test_a_signed_form_whose_negative_amount_takes_back_a_part(board: Board) -> None:
    made, urls = network(board, "digistore24_ipn", secret=PASSPHRASE)
    board.settle()
    click = clicked(board, urls["paste"])

    def told(event: str, amount: str, passphrase: str = PASSPHRASE) -> tuple[int, str]:
        form = {
            "event": event,
            "transaction_id": "9",
            "amount_affiliate": amount,
            "currency": "EUR",
            "cid": click,
        }
        signed = "".join(f"{name}={form[name]}{passphrase}" for name in sorted(form) if form[name])
        form["sha_sign"] = hashlib.sha512(signed.encode()).hexdigest().upper()
        kind = "application/x-www-form-urlencoded"
        return post(board, f"/pb/{made['slug']}", urlencode(form).encode(), kind)

    assert told("on_payment", "20.00", "somebody else's")[0] == 403
    status, reply = told("on_payment", "20.00")
    assert (status, reply.startswith("OK")) == (200, True)
    settled(board, made, count="1", revenue="20")
    assert told("on_refund", "-5.00")[1].startswith("OK")
    settled(board, made, count="1", revenue="15")
    assert told("last_paid_day", "")[1].startswith("OK"), "news that change nothing"
    reasons = wait_for(
        "news",
        lambda: [
            row["reason"]
            for row in board.call("postbacks.list", network_id=made["id"], outcome="duplicate")["items"]
        ],
    )
    assert reasons == ["refund may not become trash"]
