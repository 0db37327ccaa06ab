"""Who may send a postback: by address, by secret, by a signature over what was sent."""

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

from appliance.model.events import PostbackLogEvent
from appliance.model.table import NetworkEntry, Part
from tests.pure.test_signatures import notify, sha_sign
from tests.web.affiliates import door, json_of, last
from tests.web.front import FORM, JSON, Front, front


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with door(tmp_path) as made:
        yield made


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


def from_(address: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"X-Forwarded-For": address, **(headers or {})}


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
        notification, iv = notify(b'{"transactionType":"SALE"}', secret=b"")
        body = json_of(notification=notification, iv=iv)
        assert (await edge.ask("/pb/clickbank_ins", "POST", JSON, body)).status == 403
