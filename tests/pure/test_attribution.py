"""Postback texts → fields, money and statuses."""

from __future__ import annotations

import pytest

from appliance.attribution import normalize, template
from appliance.attribution.claim import Statement, Unusable, conversion_id, understand
from appliance.attribution.template import extract
from appliance.model.catalog import Network, Template
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import click_id

CLICK = click_id(1_767_225_600_000, 12345)


def received(
    params: dict[str, str], network_id: int = 7, at_us: int = 1_767_225_601_000_000
) -> PostbackLogEvent:
    return PostbackLogEvent(1, "p1", at_us, "received", "", "", network_id, "GET", params, "192.0.2.0", "r1")


def meaning(params: dict[str, str], **more: object) -> Statement | Unusable:
    network = Network(id=7, slug="net", currency=str(more.get("currency", "")))
    return understand(received(params), (0, 1, 2), network, None, "USD")


@pytest.mark.parametrize(
    ("params", "field", "value"),
    [
        ({"click_id": "a", "cid": "b"}, "click_id", "a"),
        ({"cid": "b", "subid": "c"}, "click_id", "b"),
        ({"click_id": "", "subid": "c"}, "click_id", "c"),
        ({"click_id": "  ", "sub_id": " d "}, "click_id", "d"),
        ({"tx": "1", "tid": "2"}, "transaction_id", "1"),
        ({"tid": "2"}, "transaction_id", "2"),
        ({"order_id": "3"}, "transaction_id", "3"),
        ({"sum": "1"}, "payout", "1"),
        ({"amount": "2", "revenue": "3"}, "payout", "2"),
        ({"revenue": "3"}, "payout", "3"),
        ({"currency": "EUR"}, "currency", "EUR"),
        ({"event": "deposit"}, "event_type", "deposit"),
        ({"event_type": "a", "event": "b"}, "event_type", "a"),
        ({"status": "lead"}, "status", "lead"),
    ],
)
def test_the_first_alias_with_a_value_wins(params: dict[str, str], field: str, value: str) -> None:
    assert getattr(extract(None, params), field) == value


def test_a_template_replaces_the_aliases_of_the_fields_it_maps_only() -> None:
    own = Template(id=1, mapping={"payout": ("commission",), "status": ()})
    fields = extract(own, {"commission": "5", "payout": "9", "status": "lead", "cid": "x"})
    assert (fields.payout, fields.status, fields.click_id) == ("5", "", "x")
    assert template.names(own, "secret") == ("secret", "token", "key")


@pytest.mark.parametrize(
    "macro",
    ["{payout}", "{{payout}}", "${payout}", "[payout]", "[[payout]]", "%payout%", "%7Bpayout%7D", "{PAYOUT}",
     "{sub.id_1}", "{conversion.payout|0}"],
)  # fmt: skip
def test_a_macro_that_nobody_replaced_is_no_value(macro: str) -> None:
    fields = extract(None, {"payout": macro, "sum": "4"})
    assert fields.payout == "4"
    assert fields.notes == ("payout: the macro was not replaced",)
    assert extract(None, {"payout": macro}).payout == ""


@pytest.mark.parametrize("text", ["{", "{}", "a{payout}", "{pay out}", "[1]", "%41%42", "12%", "{1}", "$5"])
def test_a_text_that_only_looks_like_a_macro_is_a_value(text: str) -> None:
    assert extract(None, {"payout": text}).payout == text


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("", "sale"), ("approved", "sale"), ("Approved", "sale"), ("SALE", "sale"), ("confirmed", "sale"),
        ("paid", "sale"), ("1", "sale"), ("accepted", "sale"), ("success", "sale"), ("completed", "sale"),
        ("lead", "lead"), ("Registration", "lead"), ("signup", "lead"),
        ("pending", "hold"), ("HOLD", "hold"),
        ("rejected", "rejected"), ("declined", "rejected"), ("cancelled", "rejected"),
        ("canceled", "rejected"), ("refused", "rejected"),
        ("trash", "trash"), ("fraud", "trash"), ("Spam", "trash"), ("duplicate", "trash"),
    ],
)  # fmt: skip
def test_status_words_are_known_in_any_case(word: str, status: str) -> None:
    assert normalize.status(word)[:2] == (status, True)


def test_an_unknown_word_is_hold_and_keeps_its_original() -> None:
    said = meaning({"cid": CLICK, "status": "Zweifelhaft"})
    assert isinstance(said, Statement)
    assert (said.status, said.original_status) == ("hold", "Zweifelhaft")
    assert said.notes == ("status: unknown word, taken as hold: Zweifelhaft",)


def test_no_word_stands_for_two_statuses() -> None:
    listed = [word for words in normalize._WORDS.values() for word in words.split()]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "click_id: missing"),
        ({"cid": "{clickid}"}, "click_id: missing; click_id: the macro was not replaced"),
        ({"cid": "not-ours"}, "click_id: not one of our click ids"),
        ({"cid": "not-ours", "tid": "1"}, "click_id: not one of our click ids"),
        ({"cid": CLICK, "payout": "1e3"}, "payout: written with an exponent; expected 12.50"),
        ({"cid": CLICK, "payout": "5 EUR", "currency": "USD"}, "currency: USD, but the payout says EUR"),
        ({"cid": CLICK, "currency": "dollars"}, "currency: expected an ISO 4217 code such as USD"),
        ({"cid": CLICK, "tid": "x" * 513}, "transaction_id: longer than 512 characters"),
    ],
)  # fmt: skip
def test_what_can_never_be_a_conversion_is_refused_with_a_reason(params: dict[str, str], reason: str) -> None:
    unusable = meaning(params)
    assert isinstance(unusable, Unusable)
    assert unusable.reason == reason


def test_a_whole_postback_is_understood() -> None:
    said = meaning(
        {"subid": CLICK.upper(), "tid": "T1", "sum": "2.5", "currency": "eur", "status": "Pending"}
    )
    assert isinstance(said, Statement)
    assert said.click_id == CLICK
    assert (said.transaction_id, said.payout, said.currency, said.status) == ("T1", 2_500_000, "EUR", "hold")
    assert said.stamp == (1_767_225_601_000_000, 0, 1, 2)


def test_the_currency_falls_back_to_the_networks_then_to_the_settings() -> None:
    said = meaning({"cid": CLICK}, currency="GBP")
    assert isinstance(said, Statement)
    assert (said.currency, said.fallback) == ("", "GBP")
    other = understand(received({"cid": CLICK}), (0, 1, 2), None, None, "USD")
    assert isinstance(other, Statement)
    assert other.fallback == "USD"


def test_a_claim_is_network_and_transaction_or_else_the_click() -> None:
    assert conversion_id(1, "t", "c") == conversion_id(1, "t", "other click")
    assert conversion_id(1, "t", "c") != conversion_id(2, "t", "c")
    assert conversion_id(1, "", "c") != conversion_id(1, "c", "")
    assert conversion_id(1, "t", "c", "deposit") != conversion_id(1, "t", "c")
    assert conversion_id(1, "t", "c") == "03122d47780a584b58c7e313e5d70231"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" USD ", "USD"), ("usd", "USD"), ("", ""), ("  ", ""),
        *((bad, None) for bad in ("US", "USDX", "U5D", "€")),
    ],
)  # fmt: skip
def test_a_currency_is_three_letters(text: str, code: str | None) -> None:
    found = normalize.currency(text)
    assert (found if isinstance(found, str) else None) == code
