"""What is sent for a delivery: URL, body, headers, signature; and what an operator is shown of it."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import PostbackTarget
from appliance.model.postbacks import ALIASES, MACROS, known
from appliance.partners import presets, webhooks
from appliance.partners.postback import masked, message, words
from appliance.routing import presets as sources
from appliance.routing.reported import check_target

NOW = 1_790_000_000_000_000
VALUES = {
    "click_id": "0199c0de-0000-7000-8000-000000000001", "source_click_id": "S&1=ü", "status": "sale",
    "payout": "2.5", "currency": "USD", "sub1": "{status}", "time": "2026-09-21T14:13:20Z",
}  # fmt: skip
# The vector of the specification's own libraries: id, time, body, secret, signature.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def target(**fields: Any) -> PostbackTarget:
    return PostbackTarget(**{"id": 3, "name": "t", "url": "https://r.example/", **fields})


def url(template: str, **fields: Any) -> str:
    return message(target(url="https://r.example" + template, **fields), "d1", VALUES, NOW).url[17:]


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("/?cid={source_click_id}&p={payout}", "/?cid=S%261%3D%C3%BC&p=2.5"),
        ("/?id={delivery_id}", "/?id=d1"),
        ("/?a={sub1}", "/?a=%7Bstatus%7D"),
        ("/?a={sub2}&b={utm_term}", "/?a=&b="),
        ("/?t={_time}&u={time}", "/?t=2026-09-21T14:13:20Z&u=2026-09-21T14%3A13%3A20Z"),
        ("/?s={status:sale=1,lead=0}", "/?s=1"),
        ("/?s={status:lead=0 hold=2}", "/?s=sale"),
        ("/{status}/{payout}", "/sale/2.5"),
        ("/?e={external_id}&r={revenue}&t={tid}", "/?e=S%261%3D%C3%BC&r=2.5&t="),
        ("/?n={nobody}", "/?n="),
        ("/?x={{payout}}", "/?x={2.5}"),
    ],
)
def test_macros_of_a_url(template: str, result: str) -> None:
    assert url(template) == result


@pytest.mark.parametrize(
    ("scale", "said"), [(100, "2.5"), (50, "1.25"), (0, "0"), (130, "3.25"), (33, "0.825")]
)
def test_a_payout_is_scaled(scale: int, said: str) -> None:
    assert url("/?p={payout}", payout_scale=scale) == f"/?p={said}"


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_value_ends_its_parameter_or_changes_the_host(first: str, second: str) -> None:
    it = target(url="https://r.example/a?x={sub1}&y={sub2}")
    split = urlsplit(message(it, "d1", {"sub1": first, "sub2": second}, NOW).url)
    assert (split.netloc, split.path, split.fragment) == ("r.example", "/a", "")
    clean = [text.encode("utf-8", "replace").decode() for text in (first, second)]
    assert parse_qsl(split.query, keep_blank_values=True) == [("x", clean[0]), ("y", clean[1])]


@given(st.text(max_size=60))
def test_no_value_adds_a_line_to_a_header(value: str) -> None:
    sent = message(target(headers={"X-Zone": "a {sub1} b"}), "d1", {"sub1": value}, NOW)
    (found,) = [text for name, text in sent.headers if name == "x-zone"]
    assert found.encode("latin-1")
    assert not set(found) & set("\r\n\0")


def test_a_body_is_filled_as_json_whatever_the_values() -> None:
    body = json.dumps({"id": "{click_id}", "say": ['a "{sub1}" {status}', 1, None],
                       "p": "{payout:number}", "q": "{cost:number}"})  # fmt: skip
    sent = message(target(method="POST", body=body), "d1", {**VALUES, "sub1": 'x"},{"'}, NOW)
    assert json.loads(sent.body) == {
        "id": VALUES["click_id"], "say": ['a "x"},{"" sale', 1, None], "p": 2.5, "q": None,
    }  # fmt: skip
    assert dict(sent.headers)["content-type"] == "application/json"
    assert dict(sent.headers)["idempotency-key"] == "d1"


def test_without_a_template_a_post_has_the_payload_of_standard_webhooks() -> None:
    sent = message(target(method="POST"), "d1", VALUES, NOW)
    assert json.loads(sent.body) == {
        "type": "conversion.created",
        "timestamp": VALUES["time"],
        "data": {**VALUES, "delivery_id": "d1"},
    }
    changed = message(target(method="POST"), "d1", {**VALUES, "previous_status": "hold"}, NOW)
    assert json.loads(changed.body)["type"] == "conversion.updated"


def test_the_signature_of_the_specifications_vector() -> None:
    body = b'{"test": 2432232314}'
    assert webhooks.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, SECRET) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_make_two_signatures_over_what_is_sent() -> None:
    other = "whsec_" + base64.b64encode(b"k" * 32).decode()
    sent = message(target(method="POST", secret=f"{SECRET} {other}"), "d1", VALUES, NOW)
    headers = dict(sent.headers)
    first, second = headers["webhook-signature"].split(" ")
    assert first != second
    content = b"d1.1790000000." + sent.body
    assert second == "v1," + base64.b64encode(hmac.digest(b"k" * 32, content, "sha256")).decode()


def test_an_operator_sees_a_request_without_its_secrets() -> None:
    it = target(
        url="https://r.example/?token=T0P&api_key=T0P&c={source_click_id}",
        method="POST",
        headers={"Authorization": "Bearer T0P"},
        body='{"secret": "T0P", "list": [{"access_token": "T0P"}], "p": "{payout}"}',
        secret=SECRET,
    )
    shown = masked(message(it, "d1", VALUES, NOW))
    assert "T0P" not in shown
    assert shown.splitlines()[0] == "POST https://r.example/?token=***&api_key=***&c=S%261%3D%C3%BC"
    assert "webhook-signature: ***" in shown
    assert json.loads(shown.splitlines()[-1]) == {
        "secret": "***", "list": [{"access_token": "***"}], "p": "2.5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "argument", "said"),
    [
        ("sale", None, "sale"),
        ("sale", "", "sale"),
        ("sale", "sale=", ""),
        ("a", "a=b=c", "b=c"),
        ("a", "b=c", "a"),
    ],
)
def test_words_are_replaced(value: str, argument: str | None, said: str) -> None:
    assert words(value, argument) == said


def test_every_other_name_stands_for_a_macro_there_is() -> None:
    assert {known(name) for name in ALIASES} <= set(MACROS)
    assert not set(ALIASES) & set(MACROS)
    assert known("_payout") == "payout"
    assert known("nobody") == ""


def faults(**fields: Any) -> dict[str, str]:
    return {each.path: each.message for each in check_target(target(**fields))}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"url": "/here"}, "url"),
        ({"url": "ftp://r.example/"}, "url"),
        ({"url": "https://{sub1}.example/"}, "url"),
        ({"url": "https://user:pass@r.example/"}, "url"),
        ({"url": "https://r.example:22/"}, "url"),
        ({"url": "https://r.example/?a={nobody}"}, "url"),
        ({"url": "https://r.example/ a"}, "url"),
        ({"body": "{}"}, "body"),
        ({"method": "POST", "body": "{click_id}"}, "body"),
        ({"method": "POST", "body": '{"a": "{nobody}"}'}, "body"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"Webhook-Id": "x"}}, "headers.Webhook-Id"),
        ({"headers": {"a b": "x"}}, "headers.a b"),
        ({"headers": {"X": "a\r\nb"}}, "headers.X"),
        ({"headers": {"X": "{nobody}"}}, "headers.X"),
        ({"statuses": ("sale", "sold")}, "statuses[1]"),
        ({"types": ("",)}, "types[0]"),
        ({"min_payout": "1e3"}, "min_payout"),
        ({"min_payout": "3", "max_payout": "2"}, "max_payout"),
        ({"share": 0}, "share"),
        ({"payout_scale": -1}, "payout_scale"),
        ({"deadline_hours": 0}, "deadline_hours"),
        ({"secret": "secret"}, "secret"),
    ],
)
def test_a_wrong_target_is_refused_with_the_field(fields: dict[str, Any], path: str) -> None:
    assert set(faults(**fields)) == {path}


def test_a_good_target_is_taken() -> None:
    it: dict[str, Any] = {
        "url": "http://r.example:8080/x?c={external_id}",
        "method": "POST",
        "body": '{"a": "{payout:number}"}',
        "headers": {"X-Key": "{sub1}"},
        "secret": SECRET,
        "types": ("deposit",),
        "max_payout": "10",
    }
    assert faults(**it) == {}


@pytest.mark.parametrize("preset", [each for each in presets.ALL if each.url], ids=lambda it: it.name)
def test_every_preset_makes_a_target(preset: presets.ReportBack) -> None:
    filled = preset.filled(dict.fromkeys(preset.blanks, "a/b"))
    assert faults(url=filled) == {}
    assert "<" not in filled
    assert "source_click_id" in filled


def test_every_preset_is_of_a_source_that_weir_knows() -> None:
    assert {each.name for each in presets.ALL} <= set(sources.names())
    assert [each.name for each in presets.ALL if not each.url and not each.note] == []
