"""Which conversions a target is told of, and how often."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution import status
from appliance.attribution.claim import Statement
from appliance.model.catalog import PostbackTarget
from appliance.model.conversions import ClickFacts, Conversion
from appliance.model.deliveries import delivery_id
from appliance.partners.postback import (
    Postings,
    Wish,
    deliveries,
    in_share,
    key_of,
    number_of,
    values_of,
    wishes,
)

NOW = 1_790_000_000_000_000
CLICK = ClickFacts(
    id="0199c0de-0000-7000-8000-000000000001", at_us=NOW - 60_000_000, campaign_id=11, stream_id=12,
    destination_id=13, source_id=14, network_id=15, link_id=0, subs={1: "zone 7", 30: "last"},
    utm={"utm_source": "push"}, source_click_id="S&1", cost=12_500, currency="EUR",
)  # fmt: skip


def conversion(**changes: Any) -> Conversion:
    said = Statement(
        conversion_id="c" * 32, network_id=15, click_id=CLICK.id, transaction_id="t1",
        event_type="Deposit", status="sale", original_status="approved", payout=2_500_000, currency="USD",
        fallback="USD", stamp=(NOW, 0, 1, 1),
    )  # fmt: skip
    made = status.begin(said, CLICK, NOW).conversion
    return msgspec.structs.replace(made, **changes)


def target(**fields: Any) -> PostbackTarget:
    return PostbackTarget(**{"id": 3, "name": "t", "url": "https://r.example/", **fields})


HOLD, SALE, REJECTED = (conversion(status=word) for word in ("hold", "sale", "rejected"))


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, True),
        ({"statuses": ("lead",)}, False),
        ({"statuses": ()}, True),
        ({"types": ("deposit", "other")}, True),
        ({"types": ("purchase",)}, False),
        ({"source_id": 14}, True),
        ({"source_id": 1}, False),
        ({"campaign_ids": (10, 11)}, True),
        ({"campaign_ids": (10,)}, False),
        ({"network_ids": (15,)}, True),
        ({"network_ids": (16,)}, False),
        ({"min_payout": "2.5", "max_payout": "2.50"}, True),
        ({"min_payout": "2.500001"}, False),
        ({"max_payout": "2.499999"}, False),
    ],
)
def test_conditions(fields: dict[str, Any], wanted: bool) -> None:
    assert Wish(target(**fields)).holds(conversion()) is wanted


def test_nobody_is_told_of_a_void_one_and_of_one_that_begins_again_as_of_a_new_one() -> None:
    void = conversion(void=True)
    assert not Wish(target(statuses=())).holds(void)
    for on in ("created", "status", "payout"):
        assert Wish(target(on=on)).occasion(SALE, void) is None
        assert Wish(target(on=on)).occasion(void, SALE) is not None


def test_a_conversion_without_a_payout_is_worth_nothing() -> None:
    free = conversion(payout=None)
    assert Wish(target()).holds(free)
    assert not Wish(target(min_payout="0.01")).holds(free)


@pytest.mark.parametrize(
    ("on", "before", "after", "told"),
    [
        ("created", None, SALE, True),
        ("created", None, HOLD, False),
        ("created", HOLD, SALE, True),
        ("created", SALE, conversion(payout=9), False),
        ("created", SALE, REJECTED, False),
        ("status", None, SALE, True),
        ("status", HOLD, SALE, True),
        ("status", SALE, conversion(payout=9), False),
        ("status", SALE, conversion(status="lead"), True),
        ("status", SALE, REJECTED, False),
        ("payout", SALE, conversion(payout=9), True),
        ("payout", SALE, conversion(currency="EUR"), True),
        ("payout", SALE, SALE, False),
    ],
)
def test_how_often(on: Any, before: Conversion | None, after: Conversion, told: bool) -> None:
    assert (Wish(target(on=on)).occasion(before, after) is not None) is told


def test_created_tells_a_conversion_once_however_often_it_comes_and_goes() -> None:
    """Sale, rejected, sale again: the second delivery has the id of the first, and is not stored."""
    told = [
        each.id
        for before, after in ((None, SALE), (SALE, REJECTED), (REJECTED, conversion(revision=3)))
        for each in deliveries(wishes([target()]), before, after, NOW)
    ]
    assert len(told) == 2
    assert len(set(told)) == 1
    again = deliveries(wishes([target(on="status")]), REJECTED, conversion(revision=3), NOW)
    assert again[0].id not in told


def test_a_delivery_says_whom_it_is_for_and_until_when() -> None:
    (made,) = deliveries(wishes([target(deadline_hours=2)]), None, SALE, NOW)
    assert (made.target, made.conversion_id, made.revision, made.campaign_id) == (
        "postback:3", SALE.id, 1, 11,
    )  # fmt: skip
    assert (made.created_us, made.not_before_us, made.deadline_us) == (NOW, NOW, NOW + 7_200_000_000)
    assert made.id == delivery_id("postback:3", SALE.id)
    assert len(made.id) == 32


def test_who_is_paused_or_put_away_is_not_told() -> None:
    there = [target(id=1), target(id=2, status="paused"), target(id=3, archived=True)]
    assert [each.target for each in deliveries(wishes(there), None, SALE, NOW)] == ["postback:1"]


@given(st.integers(1, 2**53))
def test_targets_names_lead_back_to_their_numbers(number: int) -> None:
    assert number_of(key_of(number)) == number
    assert number_of(f"meta:{number}") is None


@given(st.text(max_size=40), st.integers(1, 100), st.integers(1, 100))
def test_a_share_is_always_the_same_and_within_every_greater_one(id: str, one: int, other: int) -> None:
    small, great = sorted((one, other))
    assert in_share(id, small) <= in_share(id, great)
    assert in_share(id, 100)


def test_a_share_is_about_that_many() -> None:
    chosen = sum(in_share(f"{number:032x}", 30) for number in range(10_000))
    assert 2_800 < chosen < 3_200


def test_what_there_is_to_say() -> None:
    said = values_of(HOLD, SALE)
    assert said["source_click_id"] == "S&1"
    assert (said["status"], said["previous_status"], said["original_status"]) == ("sale", "hold", "approved")
    assert (said["payout"], said["currency"], said["cost"], said["cost_currency"]) == (
        "2.5", "USD", "0.0125", "EUR",
    )  # fmt: skip
    assert (said["sub1"], said["sub30"], said["utm_source"]) == ("zone 7", "last", "push")
    assert (said["timestamp"], said["timestamp_ms"]) == ("1790000000", "1790000000000")
    assert said["time"] == "2026-09-21T14:13:20Z"
    assert "sub2" not in said
    assert "previous_status" not in values_of(None, SALE)


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ({"url": "https://other.example/"}, True),
        ({"headers": {"a": "b"}}, True),
        ({"secret": "whsec_bmV3"}, True),
        ({"method": "POST"}, True),
        ({"name": "another", "share": 50, "statuses": ("lead",)}, False),
        ({"status": "paused"}, True),
        ({"archived": True}, False),
    ],
)
def test_a_target_is_asked_anew_when_its_request_is_another(change: dict[str, Any], anew: bool) -> None:
    postings = Postings()
    assert postings.configure([target(), target(id=4)]) == [], "at the start nothing is new"
    changed = msgspec.structs.replace(target(), **change)
    assert postings.configure([changed, target(id=4), target(id=5)]) == (["postback:3"] if anew else [])
    assert postings.configure([changed, target(id=4), target(id=5)]) == []
