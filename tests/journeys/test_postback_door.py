"""Networks prove their postbacks to the real executable, each in its way, and get the answers they need."""

from __future__ import annotations

import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.journeys.board import Board, running
from tests.pure.test_signatures import notify, sha_sign
from tests.rig import PATIENCE, wait_for


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("door")
    with running(home, WEIR_ROUTING__CURRENCY="USD") as found:
        found.campaign({"to": ["offer"]}, slug="bought")
        yield found


def network(board: Board, slug: str, **fields: Any) -> int:
    made = board.call("networks.create", name=slug, slug=slug, **fields)
    board.settle()
    return int(made["id"])


def change(board: Board, number: int, **fields: Any) -> None:
    board.call("networks.change", id=number, **fields)
    board.settle()


def click(board: Board) -> str:
    return board.visit("/c/bought").query["c"]


def post(
    board: Board, path: str, body: bytes, headers: Mapping[str, str], address: str = "198.51.100.1"
) -> tuple[int, str]:
    """What a network that posts is answered: status and body."""
    sent = {"X-Forwarded-For": address, **headers}
    asked = urllib.request.Request(board.public + path, body, sent, method="POST")
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, fault.read().decode()


def conversion(board: Board, click_id: str, **fields: str) -> dict[str, Any]:
    """The newest revision of a click's conversion, once it is what it should be."""

    def settled() -> dict[str, Any] | None:
        rows = [
            row for row in board.call("conversions.list", limit=200)["items"] if row["click_id"] == click_id
        ]
        return next((row for row in rows if all(row[name] == value for name, value in fields.items())), None)

    found: dict[str, Any] = wait_for(f"the conversion of {click_id} with {fields}", settled)
    return found


def journals(board: Board) -> bytes:
    return b"".join(path.read_bytes() for path in (board.weir.data / "edges").rglob("*") if path.is_file())


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_secret_is_replaced_and_no_postback_is_lost(board: Board) -> None:
    old, new = "the-old-secret-of-it", "the-new-secret-of-it"
    number = network(board, "rotating", secret=old)

    def statuses() -> list[int]:
        return [
            board.visit(f"/pb/rotating?click_id={click(board)}&secret={old}").status,
            board.visit(f"/pb/rotating?click_id={click(board)}", Authorization=f"Bearer {new}").status,
            board.visit(f"/pb/rotating?click_id={click(board)}", X_Secret=new).status,
        ]

    assert statuses() == [200, 403, 403]
    change(board, number, secrets=[new])
    assert statuses() == [200, 200, 200]
    change(board, number, secret="", secrets=["********1"])
    assert statuses() == [403, 200, 200]
    shown = board.call("networks.get", id=number)
    assert (shown["secret"], shown["secrets"]) == ("", ["********1"])
    history = json.dumps(board.call("history.list", kind="network", id=number))
    assert old not in history and new not in history
    refused = board.record("postbacks.list", lambda row: row["network_id"] == number and row["reason"] != "")
    assert (refused["stage"], refused["reason"]) == ("refused", "The secret is wrong.")
    held = journals(board)
    assert b"rotating" in held and old.encode() not in held and new.encode() not in held


def test_only_the_networks_addresses_may_send(board: Board) -> None:
    number = network(board, "fenced", allow=["203.0.113.0/24", "2001:db8::/32"])
    for address, status in (("203.0.113.200", 200), ("2001:db8::1", 200), ("198.51.100.1", 403)):
        assert board.visit(f"/pb/fenced?click_id={click(board)}", address).status == status
    change(board, number, allow=[])
    assert board.visit(f"/pb/fenced?click_id={click(board)}", "198.51.100.1").status == 200


def test_a_signed_nested_body_becomes_a_conversion(board: Board) -> None:
    mapping = {
        "click_id": ["$.order.click"], "transaction_id": ["$.order.id"],
        "payout": ["$.order.lines[0].price"], "currency": ["=EUR"], "status": ["event"],
    }  # fmt: skip
    template = board.call("templates.create", name="nested", mapping=mapping)["id"]
    network(board, "signing", signature="hmac_sha256", secret="key", secrets=["next"], template_id=template,
            status_words={"order.paid": "sale"}, reply='{"ok":true,"order":"{transaction}"}')  # fmt: skip
    mine = click(board)
    order = {"id": "N-1", "click": mine, "lines": [{"price": 12.5, "name": "Über" * 100}]}
    body = json.dumps({"event": "Order.Paid", "order": order}).encode()
    for key in (b"key", b"next"):
        signed = {**JSON, "X-Signature": f"sha256={hmac.digest(key, body, 'sha256').hex()}"}
        assert post(board, "/pb/signing", body, signed) == (200, '{"ok":true,"order":"N-1"}')
    found = conversion(board, mine, status="sale")
    assert (found["transaction_id"], found["revenue"], found["currency"]) == ("N-1", 12.5, "EUR")
    forged = body.replace(b"12.5", b"99.5")
    assert post(board, "/pb/signing", forged, signed)[0] == 403
    assert post(board, "/pb/signing", body, JSON) == (403, "The signature is missing.\n")
    assert post(board, "/api/postbacks?network=signing", body, signed)[0] == 200


def test_a_refund_needs_to_name_only_its_transaction(board: Board) -> None:
    network(board, "refunding")
    mine = click(board)
    path = "/pb/refunding?transaction_id=TX-7"
    assert board.visit(f"{path}&click_id={mine}&payout=8").status == 200
    assert conversion(board, mine, status="sale")["revenue"] == 8
    assert board.visit(f"{path}&status=refund").status == 200
    assert conversion(board, mine, status="refund")["transaction_id"] == "TX-7"
    assert board.visit("/pb/refunding?payout=8").status == 400


def test_clickbank_notifies(board: Board) -> None:
    made = board.call("networks.create_from_preset", preset="clickbank_ins", slug="cb", secret="MYSECRETKEY")
    board.settle()
    (address,) = board.call("networks.urls", id=made["id"])["postbacks"]
    assert address["url"].endswith("/pb/cb")
    mine = click(board)

    def tell(kind: str, amount: float, secret: bytes = b"MYSECRETKEY") -> tuple[int, str]:
        order = {
            "transactionTime": "2026-11-22T10:00:00+00:00", "receipt": "CB-1", "transactionType": kind,
            "totalAccountAmount": amount, "currency": "USD", "trackingCodes": [mine],
            "customer": {"billing": {"email": "buyer@clickbank.example"}}, "version": 8.0,
        }  # fmt: skip
        notification, iv = notify(json.dumps(order).encode(), secret)
        return post(board, "/pb/cb", json.dumps({"notification": notification, "iv": iv}).encode(), JSON)

    assert tell("SALE", 31.07) == (200, "OK")
    assert tell("SALE", 31.07) == (200, "OK"), "a replay"
    found = conversion(board, mine, status="sale")
    assert (found["transaction_id"], found["revenue"]) == ("CB-1", 31.07)
    assert tell("SALE", 99.0, b"ANOTHER")[0] == 403
    assert tell("RFND", -31.07)[0] == 200
    conversion(board, mine, status="refund")
    rows = [row for row in board.call("conversions.list", limit=200)["items"] if row["click_id"] == mine]
    assert len({row["id"] for row in rows}) == 1 and sum(row["count"] for row in rows) == 0
    plain = json.dumps({"receipt": "CB-2", "transactionType": "SALE", "trackingCodes": [mine]}).encode()
    assert post(board, "/pb/cb", plain, JSON)[0] == 403
    assert b"buyer@clickbank.example" not in journals(board)


def test_digistore24_notifies(board: Board) -> None:
    board.call("networks.create_from_preset", preset="digistore24_ipn", slug="ds", secret="passphrase")
    board.settle()
    mine = click(board)

    def tell(fields: Mapping[str, str], passphrase: str = "passphrase") -> tuple[int, str]:
        signed = {**fields, "sha_sign": sha_sign(dict(fields), passphrase)}
        return post(board, "/pb/ds", urlencode(signed).encode(), FORM)

    assert tell({"event": "connection_test"}) == (200, "OK")
    sale = {
        "event": "on_payment", "transaction_id": "DS-1", "cid": mine, "amount_affiliate": "18.40",
        "currency": "EUR", "upsell_no": "0", "email": "buyer@digistore.example", "note": "",
    }  # fmt: skip
    assert tell(sale) == (200, "OK") and tell(sale) == (200, "OK")
    found = conversion(board, mine, status="sale")
    assert (found["transaction_id"], found["revenue"], found["currency"]) == ("DS-1", 18.4, "EUR")
    assert tell(sale, "guessed") == (403, "The signature is wrong.\n")
    assert b"buyer@digistore.example" not in journals(board)


def test_a_preset_s_url_with_its_macros_filled_in(board: Board) -> None:
    made = board.call("networks.create_from_preset", preset="affise", slug="af", secret="affise-secret")
    board.settle()
    urls = board.call("networks.urls", id=made["id"])
    assert (urls["paste"], urls["pixel"], urls["script"]) == ("sub1={click_id}", "", "")
    (address,) = urls["postbacks"]
    mine = click(board)
    said = {"sub1": mine, "sum": "3.5", "status": "1", "transactionid": "AF-1", "currency": "USD"}
    url = address["url"].removeprefix(board.public).replace("SECRET", "affise-secret")
    for macro, value in said.items():
        url = url.replace(f"{{{macro}}}", value)
    assert board.visit(url.replace("{", "%7B").replace("}", "%7D")).status == 200
    assert conversion(board, mine, status="sale")["transaction_id"] == "AF-1"


@pytest.mark.parametrize(
    ("reply", "body"), [("OK {transaction}", "OK R-1"), ("{nothing}", ""), ("1", "1"), ("", "OK {id}\n")]
)
def test_networks_are_answered_as_they_need(board: Board, reply: str, body: str) -> None:
    slug = board.name("replying-")
    network(board, slug, reply=reply)
    mine = click(board)
    answer = board.visit(f"/pb/{slug}?click_id={mine}&transaction_id=R-1")
    row = board.record("postbacks.list", lambda row: row["click_id"] == mine or mine in str(row["params"]))
    assert (answer.status, answer.body) == (200, body.replace("{id}", row["id"]))
