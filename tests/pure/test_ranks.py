"""Ranks by ROI, and shares that follow what is known and leave everybody the floor."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.reporting.ranks import SHARES, Figures, adaptive_shares, figures, roi_ranks

UNIT = 1_000_000
several = st.builds(
    Figures,
    st.integers(0, 5_000),
    st.integers(0, 900 * UNIT),
    st.integers(0, 60),
    st.integers(0, 900 * UNIT),
)


def test_the_highest_return_ranks_highest_whatever_its_size():
    known = {
        1: Figures(1_000, 100 * UNIT, 10, 150 * UNIT),
        2: Figures(100, UNIT, 1, 3 * UNIT),
        3: Figures(100, UNIT, 0, 0),
        4: Figures(99, UNIT, 9, 900 * UNIT),
    }
    assert roi_ranks(known, (1, 2, 3, 4, 5), 100) == {1: 2, 2: 3, 3: 1}


def test_without_cost_revenue_for_a_click_counts():
    known = {1: Figures(100, 0, 1, 5 * UNIT), 2: Figures(200, 0, 1, 6 * UNIT), 3: Figures(100, 0, 0, 0)}
    assert roi_ranks(known, (1, 2, 3), 1) == {3: 1, 2: 2, 1: 3}
    assert roi_ranks({}, (1, 2), 0) == {1: 1, 2: 1}


@settings(deadline=None, max_examples=60)
@given(
    known=st.dictionaries(st.integers(1, 6), several),
    targets=st.lists(st.integers(1, 6), min_size=1, max_size=6, unique=True),
    goal=st.sampled_from(["conversions", "revenue"]),
    floor=st.integers(0, 50),
)
def test_shares_are_whole_numbers_above_the_floor_and_no_more_than_all(known, targets, goal, floor):
    shares = adaptive_shares(known, targets, goal, floor, random.Random(1), rounds=50)
    least = min(floor * SHARES // 100, SHARES // len(targets))
    assert list(shares) == targets and all(share >= least for share in shares.values())
    assert SHARES - len(targets) <= sum(shares.values()) <= SHARES


def shares(known: dict[int, Figures], goal="conversions", floor=5) -> dict[int, int]:
    return adaptive_shares(known, tuple(known), goal, floor, random.Random(7), rounds=2_000)


def test_nothing_known_is_an_even_split():
    assert all(
        abs(share - SHARES / 4) < 500 for share in shares(dict.fromkeys((1, 2, 3, 4), Figures())).values()
    )


def test_what_is_plainly_better_gets_all_but_the_floors():
    found = shares({1: Figures(5_000, 0, 50), 2: Figures(5_000, 0, 200), 3: Figures(5_000, 0, 40)})
    assert found == {1: 500, 2: 9_000, 3: 500}


def test_little_evidence_moves_little():
    few, many = (
        shares({1: Figures(20, 0, 2), 2: Figures(20, 0, 1)}),
        shares({1: Figures(2_000, 0, 200), 2: Figures(2_000, 0, 100)}),
    )
    assert 5_500 < few[1] < 8_500 < many[1]


def test_revenue_prefers_fewer_conversions_that_pay_more():
    known = {1: Figures(2_000, 0, 100, 100 * UNIT), 2: Figures(2_000, 0, 50, 500 * UNIT)}
    assert shares(known)[1] == 9_500 and shares(known, "revenue")[2] == 9_500


def test_both_answers_of_the_warehouse_come_together():
    clicks = [{"stream_id": 1, "destination_id": 2, "clicks": 3, "cost": 4}]
    conversions = [
        {"stream_id": 1, "destination_id": 2, "conversions": 5, "revenue": 6},
        {"stream_id": 1, "destination_id": 7, "conversions": 1, "revenue": -6},
    ]
    assert figures(clicks, conversions) == {1: {2: Figures(3, 4, 5, 6), 7: Figures(0, 0, 1, 0)}}
