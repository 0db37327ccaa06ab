"""The postback door: who may send, what is believed of what was sent, what is kept, what is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from appliance.attribution.template import names
from appliance.http.public.bodies import MAX_FIELD, MAX_FIELDS, MAX_NESTED
from appliance.model.catalog import Network, Template
from appliance.model.events import PostbackLogEvent
from appliance.model.table import NetworkEntry, Part
from appliance.routing.holdings import Holdings
from appliance.routing.parts import compile_part
from tests.pure.test_signatures import IV as IV_OF_THE_VECTOR
from tests.pure.test_signatures import NOTIFICATION, SECRET, notify, sha_sign
from tests.web.front import FORM, Front, front
from tests.wire import Answer

JSON = {"Content-Type": "application/json"}
PATHS: dict[str, tuple[str, ...]] = {
    "click_id": ("$.order.refs[0].click", "cid"), "transaction_id": ("$.order.id",),
    "secret": ("$.auth.token", "api_token"),
}  # fmt: skip
VENDOR: dict[str, tuple[str, ...]] = {
    "click_id": ("$.trackingCodes[0]",), "transaction_id": ("receipt",), "payout": ("totalAccountAmount",),
}  # fmt: skip
NETWORKS = [
    Network(id=1, slug="open"),
    Network(id=2, slug="turning", secret="the-old-secret", secrets=("the-new-secret", "one-more-secret")),
    Network(id=3, slug="fenced", allow=("127.0.0.2", "203.0.113.0/24", "2001:db8::/32")),
    Network(id=4, slug="signed", signature="hmac_sha256", secrets=("hmac-old", "hmac-new")),
    Network(id=5, slug="digistore", signature="digistore24", secret="secret", reply="OK"),
    Network(id=6, slug="clickbank", signature="clickbank_ins", secret=SECRET.decode(), template_id=2),
    Network(id=7, slug="nested", secret="nested-secret", template_id=1),
    Network(id=8, slug="echo", reply="OK {transaction}|{click_id}|{id}"),
    Network(id=9, slug="silent", reply="{nothing}"),
    Network(id=10, slug="json", reply='{"status":"ok","transaction":"{transaction_id}"}'),
]


def parts() -> list[Part]:
    """The networks as the core's table brings them to an edge."""
    holdings = Holdings()
    templates = [Template(id=1, mapping=PATHS), Template(id=2, mapping=VENDOR)]
    for network in NETWORKS:
        holdings.put("network", network)
    for template in templates:
        holdings.put("template", template)
    part, left_out = compile_part("network", holdings, names)
    assert part is not None and not left_out
    return [part]


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path, parts=parts(), trusted_proxies=("127.0.0.1/32",)) as made:
        yield made


def last(edge: Front) -> PostbackLogEvent:
    return edge.events(PostbackLogEvent)[-1]


def from_(address: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"X-Forwarded-For": address, **(headers or {})}


# -- secrets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["the-old-secret", "the-new-secret", "one-more-secret"])
async def test_every_secret_of_a_rotation_is_valid_in_every_place(edge: Front, secret: str) -> None:
    asked = [
        await edge.ask(f"/pb/turning?click_id=1&secret={secret}"),
        await edge.ask(f"/pb/turning?click_id=1&token={secret}&secret=wrong"),
        await edge.ask("/pb/turning?click_id=1", headers={"Authorization": f"Bearer {secret}"}),
        await edge.ask("/pb/turning?click_id=1", headers={"X-Token": secret}),
        await edge.ask("/pb/turning?click_id=1", headers={"Key": secret}),
        await edge.ask("/pb/turning?token=wrong", "POST", JSON, json_of(click_id=1, token=secret)),
        await edge.ask(f"/pb/turning?secret={secret}", "POST", FORM, b"click_id=1&secret=wrong"),
    ]
    assert [answer.status for answer in asked] == [200] * 7
    for event in edge.events(PostbackLogEvent):
        assert event.stage == "received" and event.params == {"click_id": "1"}
    assert secret.encode() not in edge.journal_bytes()


def json_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("query", "headers", "reason"),
    [
        ("secret=the-other-secret", {}, "The secret is wrong."),
        ("secret=", {}, "The secret is missing."),
        ("secret=The-old-secret", {}, "The secret is wrong."),
        ("secret=the-old-secret%20", {}, "The secret is wrong."),
        ("", {"Authorization": "Basic dGhlLW9sZC1zZWNyZXQ="}, "The secret is missing."),
        ("pw=the-old-secret", {}, "The secret is in pw; it is looked for in secret, token, key."),
        ("the-old-secret", {}, "The secret is missing."),
        ("", {"X-Signature": "the-old-secret"}, "The secret is missing."),
    ],
)
async def test_why_a_secret_is_refused(edge: Front, query: str, headers: dict[str, str], reason: str) -> None:
    answer = await edge.ask(f"/pb/turning?click_id=1&{query}", headers=headers)
    assert (answer.status, answer.body) == (403, f"{reason}\n".encode())
    assert (last(edge).stage, last(edge).reason, last(edge).params) == ("refused", reason, {"click_id": "1"})
    assert b"the-old-secret" not in edge.journal_bytes()


async def test_a_secret_within_json_is_taken_out_wherever_it_stands(edge: Front) -> None:
    copies: list[Any] = ["nested-secret", {"x": "nested-secret", "nested-secret": 1}]
    order = {"id": "T-1", "refs": [{"click": "c-1"}], "copy": copies}
    body = json_of(order=order, auth={"token": "nested-secret", "v": 2}, again="nested-secret")
    assert (await edge.ask("/pb/nested", "POST", JSON, body)).status == 200
    order["copy"] = ["***", {"x": "***", "***": 1}]
    kept = {name: json.loads(value) for name, value in last(edge).params.items()}
    assert kept == {"order": order, "auth": {"v": 2}}
    assert (await edge.ask("/pb/nested", "POST", {**JSON, "X-Api-Token": "nested-secret"},
                           json_of(order=order, auth=[]))).status == 200  # fmt: skip
    wrong = json_of(order=order, auth={"token": "a-wrong-guess"})
    assert (await edge.ask("/pb/nested", "POST", JSON, wrong)).status == 403
    held = edge.journal_bytes()
    assert b"nested-secret" not in held and b"a-wrong-guess" not in held


# -- addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("203.0.113.7", 200), ("203.0.114.7", 403), ("::ffff:203.0.113.7", 200), ("2001:db8:1::7", 200),
        ("2001:db9::1", 403), ("198.51.100.1, 203.0.113.7", 200), ("203.0.113.7, 198.51.100.1", 403),
        ("unknown", 403), ("", 403), ("127.0.0.2", 200),
    ],
)  # fmt: skip
async def test_only_addresses_of_the_list_may_send(edge: Front, address: str, status: int) -> None:
    answer = await edge.ask("/pb/fenced?click_id=1&payout=2", headers=from_(address))
    assert answer.status == status
    event = last(edge)
    assert event.params == {"click_id": "1", "payout": "2"}
    assert event.stage == ("received" if status == 200 else "refused")
    if status == 403:
        assert event.reason == "This address may not send postbacks of this network."


async def test_nobody_gets_onto_the_list_by_a_header_of_his_own(edge: Front) -> None:
    client = await edge.client("127.0.0.3")
    assert (await client.ask("/pb/fenced?click_id=1", headers=from_("203.0.113.7"))).status == 403
    listed = await edge.client("127.0.0.2")
    assert (await listed.ask("/pb/fenced?click_id=1", headers=from_("198.51.100.1"))).status == 200


# -- HMAC ------------------------------------------------------------------------------------------------


def hex_of(message: bytes, key: bytes = b"hmac-new") -> str:
    return hmac.digest(key, message, "sha256").hex()


@pytest.mark.parametrize("key", [b"hmac-old", b"hmac-new"])
async def test_a_signed_body_is_believed_and_nothing_beside_it(edge: Front, key: bytes) -> None:
    body = b'{"click_id": "c", "payout": 2.50, "order": {"items": [{"sku": "\xc3\xa4"}]}}'
    raw = hmac.digest(key, body, "sha256")
    for headers in (
        {"X-Signature": raw.hex()}, {"X-Hub-Signature-256": f"sha256={raw.hex()}"},
        {"X-Signature-SHA256": base64.b64encode(raw).decode()},
    ):  # fmt: skip
        for kind in (JSON, FORM, {}, {"Content-Type": "text/xml"}):
            answer = await edge.ask("/pb/signed?payout=1000&status=sale", "POST", {**headers, **kind}, body)
            assert answer.status == 200
            assert last(edge).params == {
                "click_id": "c", "payout": "2.50", "order": '{"items":[{"sku":"ä"}]}',
            }  # fmt: skip
    assert (await edge.ask(f"/pb/signed?hmac={raw.hex()}", "POST", JSON, body)).status == 200
    form = b"click_id=c&payout=%7B&note=%E4"
    answer = await edge.ask("/pb/signed", "POST", {**JSON, "X-Signature": hex_of(form, key)}, form)
    assert answer.status == 200 and last(edge).params == {"click_id": "c", "payout": "{", "note": "\ufffd"}


async def test_a_signed_query_is_believed(edge: Front) -> None:
    query = "click_id=c&payout=12.50&name=a%20b+c"
    signed = hex_of(query.encode())
    for target in (f"{query}&signature={signed}", f"signature={signed}&{query}", f"{query}&hmac={signed}"):
        assert (await edge.ask(f"/pb/signed?{target}")).status == 200
        assert last(edge).params == {"click_id": "c", "payout": "12.50", "name": "a b c"}
    assert (await edge.ask(f"/pb/signed?{query}", headers={"X-Signature": signed})).status == 200
    for target in (
        f"{query}&signature={signed}&status=sale", f"status=sale&{query}&signature={signed}",
        f"{query.replace('12', '13')}&signature={signed}", f"{query.replace('%20', '+')}&signature={signed}",
        f"{query}&signature={signed[:-1]}", f"{query}&signature={hex_of(query.encode(), b'hmac')}",
    ):  # fmt: skip
        answer = await edge.ask(f"/pb/signed?{target}")
        assert (answer.status, answer.body) == (403, b"The signature is wrong.\n"), target
        assert not {"signature", "hmac"} & last(edge).params.keys()
    assert (await edge.ask(f"/pb/signed?{query}&secret=hmac-new")).body == b"The signature is missing.\n"
    assert b"hmac-new" not in edge.journal_bytes()


async def test_no_byte_of_a_signed_body_can_be_changed(edge: Front) -> None:
    body = b'{"click_id": "c", "payout": 12.50}'
    client, headers = await edge.client(), {**JSON, "X-Signature": hex_of(body)}
    for at in range(len(body)):
        changed = body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]
        assert (await client.ask("/pb/signed", "POST", headers, changed)).status == 403
    assert (await client.ask("/pb/signed", "POST", headers, body[:-1])).status == 403
    assert (await client.ask("/pb/signed", "POST", headers, body + b"\n")).status == 403
    assert (await client.ask("/pb/signed", "POST", headers)).status == 403
    assert (await client.ask("/pb/signed", "POST", headers, body)).status == 200
    assert (await client.ask("/pb/signed", "POST", headers, body)).status == 200, "a replay is for the core"


async def test_what_is_signed_and_cannot_be_read_is_told_so(edge: Front) -> None:
    for body, why in ((b'{"click_id": ', b"The body is not valid JSON.\n"), (b"{" * 100_000, None)):
        answer = await edge.ask("/pb/signed", "POST", {"X-Signature": hex_of(body)}, body)
        assert answer.status == 400 and why in (None, answer.body)
        assert last(edge).stage == "refused"
    answer = await edge.ask("/pb/signed", "POST", {"X-Signature": hex_of(b"[]")}, b"[]")
    assert answer.status == 200, "a form of one name without a value, and without a click: the core says so"


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


# -- what is kept ----------------------------------------------------------------------------------------


async def test_nested_json_stays_whole_and_paths_lead_into_it(edge: Front) -> None:
    order = {"id": 7, "refs": [{"click": "c-7"}], "text": "ü" * 5_000}
    body = json_of(order=order, price=1e3, cost=12.50, yes=True, none=None, api_token="nested-secret")
    answer = await edge.ask("/pb/nested", "POST", {"Content-Type": "application/vnd.x+json"}, body)
    assert answer.status == 200
    kept = last(edge).params
    assert json.loads(kept["order"]) == order
    assert {name: kept[name] for name in ("price", "cost", "yes")} == {
        "price": "1000.0", "cost": "12.5", "yes": "true",
    }  # fmt: skip
    assert "none" not in kept and "api_token" not in kept
    written = b'{"order":{"id":1,"refs":[{"click":"c"}]},"a":1E3,"b":0.10,"api_token":"nested-secret"}'
    assert (await edge.ask("/pb/nested", "POST", JSON, b"\xef\xbb\xbf" + written)).status == 200
    assert (last(edge).params["a"], last(edge).params["b"]) == ("1E3", "0.10"), "as it was written"


async def test_what_is_too_large_is_cut_and_what_is_too_deep_is_left_out(edge: Front) -> None:
    body = msgspec.json.encode(
        {"click_id": "c", "x" * 500: "y" * 10_000, "big": ["z" * MAX_NESTED], "small": [1], "deep": deep(500)}
        | {f"n{number}": number for number in range(400)}
    )
    assert (await edge.ask("/pb/open", "POST", JSON, body)).status == 200
    params = last(edge).params
    assert len(params) <= MAX_FIELDS and params["x" * 128] == "y" * MAX_FIELD
    assert "big" not in params and params["small"] == "[1]"
    assert params["deep"].count("[") == 33
    many = urlencode([("click_id", "c"), *((f"p{number}", "x") for number in range(1_000))]).encode()
    assert (await edge.ask("/pb/open", "POST", FORM, many)).status == 200
    assert len(last(edge).params) == MAX_FIELDS


def deep(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "params"),
    [
        ("GET", "?click_id=1&click_id=2&cid=3", {}, b"", {"click_id": "1", "cid": "3"}),
        ("GET", "?click_id=%00%0a%ff%F0%9F%98%80", {}, b"", {"click_id": "\0\n\ufffd\U0001f600"}),
        ("GET", "?cid=1&=x&y&%3D=z", {}, b"", {"cid": "1", "y": "", "=": "z"}),
        ("POST", "?cid=1", FORM, b"cid=2&cid=3", {"cid": "2"}),
        ("POST", "?cid=1&p=1", JSON, b'{"p": 2, "p": 3}', {"cid": "1", "p": "3"}),
        ("POST", "", JSON, b'{"cid": "\\u00e9\\ud83d\\ude00", "\\u0000": ""}', {"cid": "é😀", "\0": ""}),
        ("POST", "", {"Content-Type": "Application/JSON ; charset=utf-8"}, b'{"cid": 12}', {"cid": "12"}),
        ("GET", "?transaction_id=T-1&status=refund", {}, b"", {"transaction_id": "T-1", "status": "refund"}),
    ],
)  # fmt: skip
async def test_odd_fields(
    edge: Front, method: str, target: str, headers: dict[str, str], body: bytes, params: dict[str, str]
) -> None:
    answer = await edge.ask(f"/pb/open{target}", method, headers, body)
    assert answer.status == 200 and last(edge).params == params


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b'{"cid": "\\ud800"}'), (JSON, b'{"cid": "\xff"}'), (JSON, b'{"cid": NaN}'), (JSON, b"null"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({"Content-Type": "application/octet-stream"}, b"cid=1"), (JSON, b"cid=1"), (JSON, b"\xef\xbb\xbf"),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_read(edge: Front, headers: dict[str, str], body: bytes) -> None:
    answer = await edge.ask("/pb/open?x=y", "POST", headers, body)
    assert answer.status == 400 and answer.body.startswith(b"The ")
    assert (last(edge).stage, last(edge).params) == ("refused", {"x": "y"})


# -- replies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/pb/echo?click_id=c&tx=T-1", "OK T-1|c|{id}"),
        ("/pb/echo?click_id=c", "OK |c|{id}"),
        ("/pb/echo?cid=c&order_id=%3Cscript%3E", "OK |c|{id}"),
        ("/pb/echo?cid=c&order_id=a%0d%0ab", "OK |c|{id}"),
        ("/pb/echo?cid=c&order_id=" + "x" * 129, "OK |c|{id}"),
        ("/pb/echo?cid=%7Bid%7D&order_id=1", "OK 1||{id}"),
        ("/pb/silent?cid=c", ""),
        ("/pb/json?cid=c&tid=T.1@x", '{"status":"ok","transaction":"T.1@x"}'),
        ("/pb/open?cid=c", "OK {id}\n"),
    ],
)
async def test_replies(edge: Front, target: str, body: str) -> None:
    answer: Answer = await edge.ask(target)
    assert (answer.status, answer.body.decode()) == (200, body.replace("{id}", last(edge).id))
    kind = "application/json" if target.startswith("/pb/json") else "text/plain; charset=utf-8"
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-length"] == str(len(answer.body))


# -- a table of another Weir -----------------------------------------------------------------------------


async def test_an_unknown_signature_is_refused_and_one_without_keys_too(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").digest()
    entries = [
        NetworkEntry(1, "newer", True, (digest,), ("cid",), signature="ed25519", keys=(b"x",)),
        *(
            NetworkEntry(number, kind, True, (), ("cid",), signature=kind)
            for number, kind in enumerate(("hmac_sha256", "digistore24", "clickbank_ins"), 2)
        ),
    ]
    part = Part("all", "0" * 32, tuple(msgspec.msgpack.encode(entry) for entry in entries))
    async with front(tmp_path, parts=[part]) as edge:
        assert (await edge.ask("/pb/newer?cid=1&secret=x")).status == 403
        empty = hmac.digest(b"", b"cid=1", "sha256").hex()
        assert (await edge.ask(f"/pb/hmac_sha256?cid=1&signature={empty}")).status == 403
        body = urlencode({"cid": "1", "sha_sign": sha_sign({"cid": "1"}, "")}).encode()
        assert (await edge.ask("/pb/digistore24", "POST", FORM, body)).status == 403
        notification, iv = notify(json.dumps(INS).encode(), secret=b"")
        body = json_of(notification=notification, iv=iv)
        assert (await edge.ask("/pb/clickbank_ins", "POST", JSON, body)).status == 403
