"""Each fault is found in one postback, and its healthy look-alike is not; nothing of it tells a secret."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.claim import understand
from appliance.attribution.rates import Rate, Rates
from appliance.attribution.settle import Arrival, settle
from appliance.attribution.symptoms import Symptom, of_conversion, of_postback, of_refusal, shown
from appliance.model.catalog import Network, Template
from appliance.model.conversions import ClickFacts
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import click_id

NOW_US = 1_790_000_000_000_000
MINUTE_MS = 60_000
CLICK = click_id(NOW_US // 1000 - 10 * MINUTE_MS, 1)
OTHER = click_id(NOW_US // 1000 - 5 * MINUTE_MS, 2)
THEIRS = click_id(NOW_US // 1000 - 300, 3)
"""A network's own UUIDv7, made for the postback."""
NETWORK = Network(id=7, slug="net")


def received(params: dict[str, str], **fields: Any) -> PostbackLogEvent:
    event = PostbackLogEvent(1, "p", NOW_US, "received", "", "", 7, "GET", params, "192.0.2.0", "r")
    return PostbackLogEvent(**{**{n: getattr(event, n) for n in event.__struct_fields__}, **fields})


def seen(
    params: dict[str, str],
    template: Template | None = None,
    network: Network = NETWORK,
    click: bool = True,
    unit: str = "",
    rates: Rates | None = None,
) -> list[Symptom]:
    """What a postback and its conversion show, through the rules that really settle it."""
    event = received(params)
    meaning = understand(event, (0, 1, 1), network, template, "USD")
    facts = {CLICK: ClickFacts(id=CLICK, at_us=NOW_US - 600_000_000, campaign_id=3)} if click else {}
    batch = settle(
        [Arrival((0, 1, 1), event, meaning)], {}, facts.get, NOW_US,
        unit=lambda number: unit, rate=(rates or Rates()).find,
    )  # fmt: skip
    records = [it for it in batch.records if isinstance(it, PostbackLogEvent)]
    found = [each for it in records for each in of_postback(it, event, template)]
    return found + [each for it in batch.changed.values() for each in of_conversion(it)]


def codes(params: dict[str, str], **how: Any) -> list[tuple[str, str]]:
    return [(each.code, each.about) for each in seen(params, **how)]


OK = {"cid": CLICK, "payout": "1"}
SWAPPING = Template(id=1, name="t", mapping={"click_id": ("aff",), "transaction_id": ("cid",)})
FAULTS: list[tuple[str, dict[str, str], dict[str, Any], list[tuple[str, str]]]] = [
    ("literal payout", {"cid": CLICK, "payout": "{payout}"}, {}, [("macro_unexpanded", "payout")]),
    ("another delimiter", {**OK, "currency": "%currency%"}, {}, [("macro_unexpanded", "currency")]),
    ("two of them", {"cid": CLICK, "payout": "{{sum}}", "status": "[STATUS]"}, {},
     [("macro_unexpanded", "payout"), ("macro_unexpanded", "status")]),
    ("literal click id", {"cid": "{clickid}", "payout": "1"}, {}, [("macro_unexpanded", "click_id")]),
    ("the second name has the value", {"cid": CLICK, "payout": "{payout}", "sum": "2"}, {},
     [("macro_unexpanded", "payout")]),
    ("swapped ids", {"cid": "A-1234567", "tx": CLICK, "payout": "1"}, {}, [("ids_swapped", "")]),
    ("swapped by a template", {"aff": "778899", "cid": CLICK}, {"template": SWAPPING}, [("ids_swapped", "")]),
    ("click id elsewhere", {"cid": "abc", "aff_sub": CLICK}, {}, [("click_id_elsewhere", "aff_sub")]),
    ("in capitals elsewhere", {"cid": "abc", "s2": CLICK.upper()}, {}, [("click_id_elsewhere", "s2")]),
    ("and the first a macro", {"cid": "{x}", "s2": CLICK}, {},
     [("macro_unexpanded", "click_id"), ("click_id_elsewhere", "s2")]),
    ("double ?", {"cid": f"{CLICK}?payout=1"}, {}, [("click_id_glued", "")]),
    ("a space behind", {"cid": f"{CLICK} x"}, {}, [("click_id_glued", "")]),
    ("nanoseconds", {**OK, "conversion_time": str((NOW_US - 60_000_000) * 1000)}, {}, [("time_unit", "")]),
    ("minutes of a clock", {**OK, "conversion_time": "yesterday"}, {}, [("time_unusable", "")]),
    ("before its click", {**OK, "conversion_time": "2020-01-01 10:00:00"}, {}, [("time_unusable", "")]),
    ("tomorrow's tomorrow", {**OK, "conversion_time": str(NOW_US // 10**6 + 200_000)}, {},
     [("time_unusable", "")]),
    ("unknown word", {**OK, "status": "Wobbling"}, {}, [("status_unknown", "Wobbling")]),
    ("no rate", {**OK, "currency": "EUR"}, {"unit": "USD"}, [("rate_missing", "EUR to USD")]),
]  # fmt: skip
HEALTHY: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("all there", {**OK, "tx": "1", "status": "sale", "currency": "USD"}, {}),
    ("nothing but the click", {"cid": CLICK}, {}),
    ("an empty payout", {"cid": CLICK, "payout": ""}, {}),
    ("a macro that nobody reads", {**OK, "sub5": "{sub5}"}, {}),
    ("an id in braces", {**OK, "tx": "{0123456789abcdef0123456789abcdef}"}, {}),
    ("the transaction is the click", {**OK, "tx": CLICK}, {}),
    ("the transaction is another click of ours", {**OK, "tx": OTHER}, {}),
    ("a click id of another tracker, its own transaction", {"cid": "w4m0k2", "tx": "998877"}, {}),
    ("that tracker's transactions look like our ids", {"cid": "w4m0k2", "tx": THEIRS}, {}),
    ("two places with ids of ours", {"cid": "abc", "s2": CLICK, "s3": OTHER}, {}),
    ("a click nobody knows", OK, {"click": False}),
    ("a transaction without any click", {"tx": "nobody-knows"}, {}),
    ("seconds", {**OK, "conversion_time": str(NOW_US // 10**6 - 60)}, {}),
    ("milliseconds, which are understood", {**OK, "conversion_time": str(NOW_US // 1000 - 60_000)}, {}),
    ("microseconds", {**OK, "conversion_time": str(NOW_US - 60_000_000)}, {}),
    ("ISO with its zone", {**OK, "conversion_time": "2026-09-21T14:10:00Z"}, {}),
    ("a known word in capitals", {**OK, "status": "APPROVED"}, {}),
    ("the network's own word", {**OK, "status": "Wobbling"},
     {"network": Network(id=7, slug="net", status_words={"wobbling": "lead"})}),
    ("a currency with its rate", {**OK, "currency": "EUR"},
     {"unit": "USD", "rates": Rates([Rate("2026-09-20", "EUR", "USD", "1.1")])}),
    ("the campaign's own currency", {**OK, "currency": "EUR"}, {"unit": "EUR"}),
    ("no money in another currency", {**OK, "payout": "0", "currency": "EUR"}, {"unit": "USD"}),
    ("no unit at all", {**OK, "currency": "EUR"}, {}),
    ("negative, a refund", {**OK, "payout": "-3"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "params", "how", "expected"), FAULTS, ids=[it[0] for it in FAULTS])
def test_a_fault_is_found(
    what: str, params: dict[str, str], how: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert codes(params, **how) == expected


@pytest.mark.parametrize(("what", "params", "how"), HEALTHY, ids=[it[0] for it in HEALTHY])
def test_its_healthy_look_alike_is_not(what: str, params: dict[str, str], how: dict[str, Any]) -> None:
    assert codes(params, **how) == []


def refused(reason: str, **params: str) -> list[tuple[str, str]]:
    event = received(params, stage="refused", reason=reason)
    return [(each.code, each.about) for each in of_refusal(event, None)]


def test_the_door_says_where_a_secret_was() -> None:
    elsewhere = "The secret is in passphrase; it is looked for in secret, token, key."
    assert refused(elsewhere, cid=CLICK) == [("secret_misplaced", "passphrase")]
    assert refused("The secret is wrong.", cid=CLICK, key="") == []
    assert refused("The secret is missing.", cid=CLICK, password="none of ours") == []
    strange = "The secret is in hunter2 hunter2; it is looked for in secret."
    [(_, about)] = refused(strange)
    assert "hunter2" not in about


def test_a_click_id_is_looked_for_behind_the_door_too() -> None:
    missing = "The click id is missing: expected one of click_id, cid."
    assert refused(missing, aff_sub=CLICK, payout="1") == [("click_id_elsewhere", "aff_sub")]
    assert refused(missing, payout="1") == []
    assert refused("This address may not send postbacks of this network.", aff_sub=CLICK) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Preapproved", "Preapproved"), ("on-hold", "on-hold"), ("2", "2"), ("{payout}", "{payout}"),
        ("john.doe@example.com", "joh… (20 characters)"), ("+4915112345678", "+49… (14 characters)"),
        ("John Doe", "Joh… (8 characters)"), ("hunter2", "h… (7 characters)"), ("", "… (0 characters)"),
        ("4111111111111111", "411… (16 characters)"), ("a\x00b\nc\u202ed efgh", "a?b… (12 characters)"),
    ],
)  # fmt: skip
def test_values_are_shown_as_words_or_by_their_beginning(value: str, expected: str) -> None:
    assert shown(value) == expected


texts = st.text(max_size=60)
names_ = (
    st.sampled_from(
        [
            "cid",
            "click_id",
            "tx",
            "payout",
            "status",
            "currency",
            "conversion_time",
            "event",
            "upsell",
            "x",
            "secret",
        ]
    )
    | texts
)
values = texts | st.sampled_from(
    ["{payout}", CLICK, OTHER, "1763800000000000000", "[x]", f"{CLICK}?a", "{a;b}"]
)


@given(st.dictionaries(names_, values, max_size=8))
def test_nothing_raises_and_nothing_is_long(params: dict[str, str]) -> None:
    found = seen(params)
    assert len(found) <= 16
    assert all(len(each.about) <= 64 and len(each.example) <= 64 for each in found)


@given(
    st.emails().filter(lambda mail: len(mail) >= 8)
    | st.from_regex(r"\+\d{9,13}", fullmatch=True)
    | st.from_regex(r"[A-Za-z]{3,8}\d{4,10}[!-/]{0,3}[a-z0-9]{4,20}", fullmatch=True),
    st.sampled_from(["cid", "tx", "status", "conversion_time", "aff_sub", "payout", "currency"]),
)
def test_no_address_number_or_password_is_shown_whole(value: str, place: str) -> None:
    for each in seen({"cid": "abc", "payout": "{payout}", place: value}):
        assert value not in each.about + each.example
