"""What conversions cost where the source is paid for them: taken once, and given back whole."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.charge import charge, charges, terms_of
from appliance.attribution.claim import understand
from appliance.attribution.settle import Arrival, settle
from appliance.model.catalog import Network, Source
from appliance.model.conversions import ClickFacts, Conversion, Terms
from appliance.model.events import CostAdjustment, PostbackLogEvent
from appliance.model.ids import click_id
from appliance.model.rules import CostModel

BASE = 1_767_225_600_000
CLICK = click_id(BASE, 1)
FACTS = ClickFacts(
    id=CLICK, at_us=BASE * 1000, campaign_id=1, stream_id=2, destination_id=3, source_id=4, network_id=5,
    link_id=6, subs={1: "zone"}, utm={"utm_source": "push"},
)  # fmt: skip
CPA = Terms(kind="cpa", amount=12_500_000, currency="EUR")
SHARE = Terms(kind="revshare", amount=33_333_333, currency="EUR")


def arrival(seq: int, **params: str) -> Arrival:
    event = PostbackLogEvent(
        1, f"p{seq}", BASE * 1000 + seq, "received", "", "", 5, "GET", {"cid": CLICK, **params}, "a", ""
    )
    return Arrival((0, 1, seq), event, understand(event, (0, 1, seq), None, None, "USD"))


def costs(
    arrivals: list[Arrival], terms: Terms | None, known: dict[str, Conversion] | None = None
) -> list[CostAdjustment]:
    batch = settle(
        arrivals, known or {}, {CLICK: FACTS}.get, 7, lambda source: terms if source == 4 else None
    )
    if known is not None:
        known |= batch.changed
    return [record for record in batch.records if isinstance(record, CostAdjustment)]


def test_a_conversion_costs_under_its_clicks_dimensions_at_its_own_time() -> None:
    (found,) = costs([arrival(1, payout="30", tid="T")], CPA)
    assert (found.cost, found.currency, found.at_us) == (12_500_000, "EUR", BASE * 1000 + 1)
    names = ("campaign_id", "stream_id", "destination_id", "source_id", "network_id", "link_id")
    assert [getattr(found, name) for name in names] == [1, 2, 3, 4, 5, 6]
    assert (found.click_id, found.subs, found.utm) == (CLICK, {1: "zone"}, {"utm_source": "push"})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found))[0] == "cost_adjustments"


@pytest.mark.parametrize(
    ("terms", "postbacks", "expected"),
    [
        (CPA, [{"status": "lead"}], {"EUR": 12_500_000}),
        (CPA, [{"status": "hold"}], {"EUR": 12_500_000}),
        (CPA, [{"status": "rejected"}], {}),
        (CPA, [{"status": "lead"}, {"status": "sale", "payout": "9"}], {"EUR": 12_500_000}),
        (CPA, [{"status": "sale"}, {"status": "rejected"}], {}),
        (CPA, [{"status": "rejected"}, {"status": "sale"}], {"EUR": 12_500_000}),
        (CPA, [{"payout": "9"}, {"payout": "9", "currency": "JPY"}], {"EUR": 12_500_000}),
        (SHARE, [{"payout": "30"}], {"USD": 10_000_000}),
        (SHARE, [{"payout": "30"}, {"payout": "60"}], {"USD": 20_000_000}),
        (SHARE, [{"payout": "30"}, {"payout": "30", "currency": "JPY"}], {"JPY": 10_000_000}),
        (SHARE, [{"payout": "30"}, {"status": "trash"}], {}),
        (SHARE, [{"status": "hold", "payout": "30"}], {}),
        (SHARE, [{"payout": "0.000001"}], {}),
        (None, [{"payout": "30"}], {}),
    ],
)  # fmt: skip
def test_what_a_conversion_comes_to(
    terms: Terms | None, postbacks: list[dict[str, str]], expected: dict[str, int]
) -> None:
    for batches in ([postbacks], [[each] for each in postbacks]):
        known: dict[str, Conversion] = {}
        total: Counter[str] = Counter()
        seq = 0
        for some in batches:
            made = [arrival(seq := seq + 1, tid="T", **params) for params in some]
            for found in costs(made, terms, known):
                total[found.currency] += found.cost
        assert {unit: cost for unit, cost in total.items() if cost} == expected


def test_a_new_price_is_for_new_conversions_and_what_is_given_back_is_what_was_taken() -> None:
    known: dict[str, Conversion] = {}
    (taken,) = costs([arrival(1, tid="T")], CPA, known)
    (back,) = costs(
        [arrival(2, tid="T", status="rejected")], Terms(kind="cpa", amount=99, currency="USD"), known
    )
    assert (back.cost, back.currency) == (-taken.cost, taken.currency)
    assert costs([arrival(3, tid="T", status="rejected")], CPA, known) == []


states = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["sale", "lead", "hold", "rejected", "trash", ""]),
        "payout": st.sampled_from(["", "0", "0.1", "7.77", "1000.000001"]),
        "currency": st.sampled_from(["", "EUR", "JPY"]),
    }
)


@given(
    st.lists(states, min_size=1, max_size=8), st.sampled_from([CPA, SHARE]), st.randoms(use_true_random=False)
)
def test_the_costs_of_any_postbacks_add_up_to_that_of_the_state_they_end_in(postbacks, terms, random) -> None:
    arrivals = [arrival(seq, tid="T", **params) for seq, params in enumerate(postbacks)]
    random.shuffle(arrivals)
    known: dict[str, Conversion] = {}
    total: Counter[str] = Counter()
    while arrivals:
        size = random.randint(1, len(arrivals))
        for found in costs(arrivals[:size], terms, known):
            total[found.currency] += found.cost
            assert found.cost
        del arrivals[:size]
    (conversion,) = known.values()
    currency, amount = charge(conversion)
    assert {unit: cost for unit, cost in total.items() if cost} == ({currency: amount} if amount else {})
    # A second look at the same state changes nothing.
    assert charges(conversion, conversion) == []


@pytest.mark.parametrize(
    ("source", "terms"),
    [
        (None, None),
        (Source(currency="EUR"), None),
        (Source(currency="EUR", cost_model=CostModel(kind="cpc", amount="1")), None),
        (Source(currency="EUR", cost_model=CostModel(kind="cpa", amount="12.5")), CPA),
        (
            Source(cost_model=CostModel(kind="revshare", amount="25")),
            Terms(kind="revshare", amount=25_000_000, currency="USD"),
        ),
        (Source(currency="EUR", cost_model=CostModel(kind="cpa", amount="0")), None),
    ],
)
def test_what_a_source_asks_for(source: Source | None, terms: Terms | None) -> None:
    assert terms_of(source, "USD") == terms


def test_a_conversion_that_was_stored_before_costs_nothing() -> None:
    known: dict[str, Conversion] = {}
    costs([arrival(1, tid="T", payout="3")], None, known)
    (stored,) = known.values()
    body = msgspec.msgpack.encode(stored)
    assert b"terms" not in body
    old = msgspec.msgpack.decode(body, type=Conversion)
    assert costs([arrival(2, tid="T", payout="4")], CPA, {old.id: old}) == []


def test_a_conversion_without_its_click_costs_nothing_until_that_is_found() -> None:
    rules = Network(id=5, slug="n", unknown_click="accept")
    ask = lambda source: CPA if source == 4 else None  # noqa: E731
    unknown, later = (
        Arrival((0, 1, seq), it.event, understand(it.event, (0, 1, seq), rules, None, "USD"))
        for seq, it in enumerate([arrival(5, payout="30", tid="T"), arrival(2, payout="30", tid="T")], 1)
    )
    recorded = settle([unknown], {}, {}.get, 7, ask, tried=[unknown.position])
    assert [it for it in recorded.records if isinstance(it, CostAdjustment)] == []
    found = settle([later], recorded.known, {CLICK: FACTS}.get, 7, ask)
    (charged,) = [it for it in found.records if isinstance(it, CostAdjustment)]
    assert (charged.cost, charged.campaign_id, charged.at_us) == (12_500_000, 1, BASE * 1000 + 2)


def test_what_a_conversion_costs_moves_with_it_to_an_earlier_time() -> None:
    known: dict[str, Conversion] = {}
    costs([arrival(9, payout="30", tid="T")], CPA, known)
    moved = costs([arrival(4, payout="30", tid="T")], CPA, known)
    assert [(it.cost, it.at_us - BASE * 1000) for it in moved] == [(-12_500_000, 9), (12_500_000, 4)]
