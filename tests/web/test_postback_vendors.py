"""What Digistore24 and ClickBank send, at the door: signed or encrypted, and about a buyer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.pure.test_signatures import IV as IV_OF_THE_VECTOR
from tests.pure.test_signatures import NOTIFICATION, SECRET, notify, sha_sign
from tests.web.affiliates import door, json_of, last
from tests.web.front import FORM, JSON, Front


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with door(tmp_path) as made:
        yield made


# -- Digistore24 -----------------------------------------------------------------------------------------

IPN = {
    "event": "on_payment", "order_id": "ABC123", "transaction_id": "55", "cid": "click", "upsell_no": "0",
    "amount_affiliate": "10.00", "email": "buyer@x.example", "address_first_name": "Änne", "note": "",
}  # fmt: skip


def ipn(fields: Mapping[str, str] = IPN, **more: str) -> bytes:
    return urlencode({**fields, "sha_sign": sha_sign(dict(fields), "secret"), **more}).encode()


async def test_a_notification_of_digistore_is_kept_without_its_buyer(edge: Front) -> None:
    answer = await edge.ask("/pb/digistore?amount_affiliate=1000&x=y", "POST", FORM, ipn())
    assert (answer.status, answer.body) == (200, b"OK")
    assert last(edge).params == {
        "event": "on_payment", "order_id": "ABC123", "transaction_id": "55", "cid": "click", "upsell_no": "0",
        "amount_affiliate": "10.00",
    }  # fmt: skip
    test = {"event": "connection_test", "api_mode": "live"}
    answer = await edge.ask("/pb/digistore", "POST", FORM, ipn(test))
    assert (answer.status, answer.body) == (200, b"OK"), "or it could not be entered there"


@pytest.mark.parametrize(
    "body",
    [
        ipn(cid="other"), ipn(more="1"), ipn() + b"&more=1", b"cid=other&" + ipn(), ipn()[:-1],
        ipn(sha_sign="x"), ipn().replace(b"on_payment", b"on_refund"), ipn().replace(b"cid=", b"CID="),
    ],
)  # fmt: skip
async def test_a_changed_notification_of_digistore_is_refused(edge: Front, body: bytes) -> None:
    answer = await edge.ask("/pb/digistore", "POST", FORM, body)
    assert (answer.status, answer.body) == (403, b"The signature is wrong.\n")
    assert last(edge).stage == "refused"
    assert not {"sha_sign", "email", "address_first_name"} & last(edge).params.keys()


async def test_what_is_appended_under_a_name_that_is_there_changes_nothing(edge: Front) -> None:
    assert (await edge.ask("/pb/digistore", "POST", FORM, ipn() + b"&cid=other")).status == 200
    assert last(edge).params["cid"] == "click"


@pytest.mark.parametrize(
    ("method", "target", "headers", "body"),
    [
        ("GET", f"?{ipn().decode()}", {}, b""),
        ("POST", f"?{ipn().decode()}", {}, b""),
        ("POST", "", JSON, json.dumps({**IPN, "sha_sign": sha_sign(IPN, "secret")}).encode()),
        ("POST", "?secret=secret", FORM, b"cid=click&secret=secret"),
        ("POST", "", {"Authorization": "Bearer secret"}, b"cid=click"),
    ],
)
async def test_only_a_signed_form_is_one_of_digistores(
    edge: Front, method: str, target: str, headers: dict[str, str], body: bytes
) -> None:
    answer = await edge.ask(f"/pb/digistore{target}", method, headers, body)
    assert answer.status == 403 and answer.body.startswith(b"The signature is missing")
    assert b"buyer@x.example" not in edge.journal_bytes()


# -- ClickBank -------------------------------------------------------------------------------------------

INS = {
    "transactionTime": "2026-11-22T10:00:00Z", "receipt": "R-1", "transactionType": "SALE", "vendor": "v",
    "totalAccountAmount": 12.5, "currency": "USD", "trackingCodes": ["c-1"], "orderLanguage": None,
    "customer": {"billing": {"email": "buyer@x.example"}}, "version": 8.0,
    "lineItems": [{"itemNo": "1", "accountAmount": 12.50, "downloadUrl": "https://x.example/key"}],
}  # fmt: skip


def encrypted(order: object = INS, **more: str) -> bytes:
    notification, iv = notify(json.dumps(order).encode())
    return json.dumps({"notification": notification, "iv": iv, **more}).encode()


async def test_a_notification_of_clickbank_is_decrypted_at_the_door(edge: Front) -> None:
    vector = json_of(notification=NOTIFICATION, iv=IV_OF_THE_VECTOR)
    for kind in (JSON, {}, {"Content-Type": "text/plain"}, FORM):
        assert (await edge.ask("/pb/clickbank", "POST", kind, vector)).status == 200
        assert last(edge).params == {
            "receipt": "ABC12345", "transactionType": "TEST", "trackingCodes": '["clk_1"]',
        }  # fmt: skip
    answer = await edge.ask("/pb/clickbank?totalAccountAmount=1000", "POST", JSON, encrypted(more="x"))
    assert answer.status == 200 and answer.body.startswith(b"OK ")
    params = last(edge).params
    assert json.loads(params.pop("lineItems")) == [{"itemNo": "1", "accountAmount": "12.5"}]
    assert params == {
        "transactionTime": "2026-11-22T10:00:00Z", "receipt": "R-1", "transactionType": "SALE", "vendor": "v",
        "totalAccountAmount": "12.5", "currency": "USD", "trackingCodes": '["c-1"]', "version": "8.0",
    }  # fmt: skip
    assert (
        await edge.ask("/pb/clickbank", "POST", JSON, encrypted({"transactionType": "TEST"}))
    ).status == 200
    held = edge.journal_bytes()
    assert b"buyer@x.example" not in held and b"x.example/key" not in held and SECRET not in held


async def test_what_is_no_notification_of_clickbanks_is_refused_alike(edge: Front) -> None:
    """One answer for all of it: who could tell bad padding from a bad order could write notifications."""
    notification, iv = notify(json.dumps(INS).encode())
    other, other_iv = notify(json.dumps(INS).encode(), secret=b"ANOTHER")
    padded, padded_iv = notify(b'{"transactionType":"SALE"}', padding=bytes(6))
    garbage, garbage_iv = notify(b"no order, well padded")
    for body in (
        {"notification": notification[:-24], "iv": iv}, {"notification": notification, "iv": iv[:-4]},
        {"notification": notification, "iv": "x"}, {"notification": 7, "iv": [iv]},
        {"notification": notification[4:], "iv": iv}, {"notification": "", "iv": ""},
        {"notification": other, "iv": other_iv}, {"notification": padded, "iv": padded_iv},
        {"notification": garbage, "iv": garbage_iv}, {"notification": "A" * 900_000, "iv": iv},
    ):  # fmt: skip
        answer = await edge.ask("/pb/clickbank", "POST", JSON, json.dumps(body).encode())
        why = "The notification cannot be read with the network's secret."
        assert (answer.status, answer.body) == (403, f"{why}\n".encode())
        assert (last(edge).stage, last(edge).reason, last(edge).params) == ("refused", why, {})
    for plain in (b"", b"{}", b"[]", b"notification=a&iv=b", json.dumps(INS).encode(), b"\xff" * 100):
        answer = await edge.ask("/pb/clickbank?receipt=R", "POST", JSON, plain)
        assert answer.status == 403 and answer.body.startswith(b"There is no notification")
    assert (await edge.ask(f"/pb/clickbank?receipt=R&secret={SECRET.decode()}")).status == 403
    assert SECRET not in edge.journal_bytes()
