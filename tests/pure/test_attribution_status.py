"""The status machine: transitions, and that the differences always add up to the state."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution import revisions, status
from appliance.attribution.claim import Statement
from appliance.attribution.normalize import Status
from appliance.model.catalog import Duplicates
from appliance.model.conversions import ClickFacts, Conversion, statuses_of
from appliance.model.events import ConversionEvent

CLICK = ClickFacts(id="c", at_us=5, campaign_id=3, network_id=4, subs={1: "s"})
STATUSES: tuple[Status, ...] = ("sale", "lead", "hold", "rejected", "trash")


def said(
    word: Status = "sale",
    payout: int | None = 10,
    currency: str = "",
    at: int = 1,
    seq: int = 0,
    click: str = "c",
) -> Statement:
    return Statement(
        conversion_id="k", network_id=1, click_id=click, transaction_id="t", event_type="e", status=word,
        original_status=word, payout=payout, currency=currency, fallback="USD", stamp=(at, 0, 0, seq),
    )  # fmt: skip


def play(statements: list[Statement]) -> tuple[Conversion, list[ConversionEvent], list[status.Verdict]]:
    state: Conversion | None = None
    events: list[ConversionEvent] = []
    verdicts: list[status.Verdict] = []
    for statement in statements:
        verdict: status.Verdict = (
            status.begin(statement, CLICK, 99) if state is None else status.advance(state, statement, 99)
        )
        state = verdict.conversion
        verdicts.append(verdict)
        if isinstance(verdict, status.Revised):
            events += revisions.records(state, verdict.changes)
    assert state is not None
    return state, events, verdicts


def sums(events: list[ConversionEvent]) -> dict[str, tuple[int, int, int]]:
    found: dict[str, Counter[str]] = {}
    for event in events:
        found.setdefault(event.currency, Counter()).update(
            {"count": event.count, "revenue": event.revenue, "hold": event.hold}
        )
    totals = {currency: (c["count"], c["revenue"], c["hold"]) for currency, c in found.items()}
    return {currency: total for currency, total in totals.items() if any(total)}


@pytest.mark.parametrize(
    ("word", "figures"),
    [
        ("sale", (1, 10, 0)),
        ("lead", (1, 10, 0)),
        ("hold", (1, 0, 10)),
        ("rejected", (0, 0, 0)),
        ("trash", (0, 0, 0)),
    ],
)
def test_each_status_counts_as_told(word: Status, figures: tuple[int, int, int]) -> None:
    state, events, _ = play([said(word)])
    assert revisions.figures(state) == figures
    assert [(e.revision, e.count, e.revenue, e.hold) for e in events] == [(1, *figures)]


@pytest.mark.parametrize(
    ("words", "differences"),
    [
        (["hold", "sale"], (0, 10, -10)),
        (["sale", "rejected"], (-1, -10, 0)),
        (["lead", "sale"], (0, 0, 0)),
        (["hold", "trash"], (-1, 0, -10)),
        (["rejected", "sale"], (1, 10, 0)),
        (["rejected", "trash"], (0, 0, 0)),
    ],
)
def test_a_changed_status_is_a_revision_with_the_difference(
    words: list[Status], differences: tuple[int, int, int]
) -> None:
    _, events, verdicts = play([said(word, at=at) for at, word in enumerate(words, 1)])
    first, left, entered = events
    assert [event.revision for event in events] == [1, 2, 3]
    assert [(event.status, event.entered) for event in events] == [
        (words[0], 1), (words[0], -1), (words[1], 1)
    ]  # fmt: skip
    assert (left.count, left.revenue, left.hold) == (-first.count, -first.revenue, -first.hold)
    moved = (left.count + entered.count, left.revenue + entered.revenue, left.hold + entered.hold)
    assert moved == differences
    assert verdicts[-1].note == f"{words[0]} to {words[1]}"


def test_the_same_again_is_a_duplicate() -> None:
    _, events, verdicts = play([said(at=1), said(at=2), said(payout=None, at=3)])
    assert len(events) == 1
    assert [v.note for v in verdicts[1:]] == ["already known", "already known"]


def test_a_later_amount_replaces_and_never_adds() -> None:
    state, events, verdicts = play([said(payout=10, at=1), said(payout=12, at=2)])
    assert (events[-1].count, events[-1].revenue) == (0, 2)
    assert state.payout == 12
    assert verdicts[-1].note == "amount corrected"


def test_a_later_postback_without_payout_keeps_the_payout() -> None:
    state, events, _ = play([said("hold", 10, at=1), said("sale", None, at=2)])
    assert revisions.figures(state) == (1, 10, 0)
    assert sums(events) == {"USD": (1, 10, 0)}


def test_a_changed_currency_takes_back_and_adds_anew() -> None:
    state, events, _ = play([said(payout=10, at=1), said("sale", 9, "EUR", at=2)])
    assert [(e.revision, e.currency, e.count, e.revenue) for e in events] == [
        (1, "USD", 1, 10),
        (2, "USD", -1, -10),
        (3, "EUR", 1, 9),
    ]
    assert state.revision == 3
    assert sums(events) == {"EUR": (1, 9, 0)}


def test_a_postback_that_names_no_currency_keeps_the_one_known() -> None:
    state, _, _ = play([said(payout=10, currency="EUR", at=1), said(payout=12, at=2)])
    assert (state.currency, state.payout) == ("EUR", 12)


def test_older_news_do_not_undo_newer_ones_but_fill_their_gaps() -> None:
    state, events, verdicts = play([said("rejected", None, at=9), said("sale", 10, at=5)])
    assert state.status == "rejected"
    assert (verdicts[1].note, state.at_us) == ("amount corrected", 5)
    again = status.advance(state, said("sale", None, at=10), 99)
    assert isinstance(again, status.Revised)
    assert again.conversion.payout == 10
    assert [change.amounts[:4] for change in again.changes] == [(-1, 0, 0, 0), (1, 1, 10, 0)]
    assert sums(events) == {}


def test_every_revision_keeps_the_first_ones_time_and_dimensions() -> None:
    _, events, _ = play([said("hold", at=7), said("sale", at=9, click="another")])
    assert {(e.at_us, e.click_id, e.campaign_id, e.event_type, e.network_id) for e in events} == {
        (7, "c", 3, "e", 1)
    }


STATEMENTS = st.builds(
    said,
    word=st.sampled_from(STATUSES),
    payout=st.none() | st.integers(0, 3) | st.integers(0, 10**15),
    currency=st.sampled_from(["", "", "USD", "EUR", "GBP"]),
    at=st.integers(1, 6),
    seq=st.integers(0, 10**6),
)


@given(st.lists(STATEMENTS, min_size=1, max_size=12))
def test_the_sum_of_the_differences_is_always_the_state(statements: list[Statement]) -> None:
    for length in range(1, len(statements) + 1):
        state, events, _ = play(statements[:length])
        expected = revisions.figures(state)
        assert sums(events) == ({state.currency: tuple(expected)} if any(expected) else {})
    assert [e.revision for e in events] == list(range(1, len(events) + 1))


@given(st.lists(STATEMENTS, min_size=1, max_size=8, unique_by=lambda s: s.stamp), st.randoms())
def test_the_end_state_does_not_depend_on_the_order_of_reading(
    statements: list[Statement], random: object
) -> None:
    shuffled = list(statements)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ordered, _, _ = play(sorted(statements, key=lambda s: s.stamp))
    other, _, _ = play(shuffled)
    facts = [(s.status, s.payout, s.currency, revisions.figures(s)) for s in (ordered, other)]
    assert facts[0] == facts[1]


@given(
    st.lists(STATEMENTS, min_size=1, max_size=80, unique_by=lambda s: s.stamp),
    st.sampled_from(get_args(Duplicates)),
    st.dictionaries(st.sampled_from(STATUSES), st.lists(st.sampled_from(STATUSES)).map(tuple)),
)
def test_what_it_was_from_each_postback_on_ends_with_what_it_is(
    statements: list[Statement], policy: Duplicates, transitions: dict[str, tuple[str, ...]]
) -> None:
    rules = {"policy": policy, "transitions": transitions}
    state, _, _ = play([msgspec.structs.replace(it, **rules) for it in statements])
    *_, (_, last) = statuses_of(state)
    assert last == state.status
