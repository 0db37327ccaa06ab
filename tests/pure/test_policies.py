"""What further postbacks of a claim do: six policies, claims by type and upsell, transitions, refunds; and
postbacks whose click nobody knows yet."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from appliance.attribution.claim import understand
from appliance.attribution.history import MOST
from appliance.attribution.revisions import figures
from appliance.attribution.settle import Arrival, Batch, settle
from appliance.attribution.waiting import Patience, postpone
from appliance.model.catalog import Network
from appliance.model.conversions import ClickFacts, Conversion, WaitingPostback
from appliance.model.events import ConversionEvent, PostbackLogEvent
from appliance.model.ids import click_id

BASE = 1_767_225_600_000_000
CLICK, OTHER = click_id(BASE // 1000, 1), click_id(BASE // 1000, 2)
FACTS = {CLICK: ClickFacts(id=CLICK, at_us=BASE, campaign_id=1, source_id=4)}
ONE = 1_000_000
PATIENCE = Patience(1000, 10, 40)


def arrival(seq: int, network: Network, row: WaitingPostback | None = None, **params: str) -> Arrival:
    event = PostbackLogEvent(
        1, f"p{seq}", BASE + seq, "received", "", "", 1, "GET", {"cid": CLICK, "tid": "T", **params}, "a", ""
    )
    position = (0, 1, seq)
    return Arrival(position, event, understand(event, position, network, None, "USD"), row)


def play(network: Network, *said: dict[str, str]) -> list[Conversion]:
    """The conversions in the end, each postback in a batch of its own, the earliest first."""
    known: dict[str, Conversion] = {}
    firsts: dict[str, str] = {}
    for seq, params in enumerate(said, 1):
        batch = settle([arrival(seq, network, **params)], known, FACTS.get, 9, firsts=firsts)
        known, firsts = batch.known, batch.firsts
    return sorted(known.values(), key=lambda it: it.history[0].stamp)


def network(**fields: Any) -> Network:
    return Network(id=1, slug="n", **fields)


def pay(payout: str, status: str = "sale", **more: str) -> dict[str, str]:
    return {"payout": payout, "status": status, **more}


TWICE = (pay("1"), pay("3"))


@pytest.mark.parametrize(
    ("policy", "said", "expected"),
    [
        ("edit", TWICE, [(1, 3 * ONE)]),
        ("ignore", TWICE, [(1, ONE)]),
        ("increment", TWICE, [(1, 4 * ONE)]),
        ("create", TWICE, [(1, ONE), (1, 3 * ONE)]),
        ("repeat", TWICE, [(1, ONE), (1, 3 * ONE)]),
        ("event_id", (pay("1", event_id="x"), pay("3", event_id="x")), [(1, ONE)]),
        ("event_id", (pay("1", event_id="x"), pay("3", event_id="y")), [(1, ONE), (1, 3 * ONE)]),
        ("event_id", TWICE, [(1, 3 * ONE)]),
        ("increment", (pay("4"), pay("1", "refund"), pay("9", "rejected")), [(1, 3 * ONE)]),
        ("increment", (pay("4"), pay("", "chargeback")), [(1, 0)]),
        ("ignore", (pay("4"), pay("", "rejected")), [(1, 4 * ONE)]),
        ("edit", (pay("4"), pay("", "refund")), [(0, 0)]),
        ("edit", (pay("4"), pay("4", "chargeback")), [(0, 0)]),
        ("edit", (pay("4"), pay("1.5", "refund")), [(1, 2_500_000)]),
        ("edit", (pay("4"), pay("1", "refund"), pay("1.5", "refund")), [(1, 2_500_000)]),
        ("edit", (pay("4"), pay("1", "refund"), pay("", "sale")), [(1, 4 * ONE)]),
    ],
)
def test_a_further_postback_does_what_the_policy_says(
    policy: Any, said: tuple[dict[str, str], ...], expected: list[tuple[int, int]]
) -> None:
    assert [figures(it)[:2] for it in play(network(duplicates=policy), *said)] == expected


def test_all_but_the_earliest_are_repeated_also_when_that_one_comes_last() -> None:
    rules = network(duplicates="repeat")
    late, early = arrival(5, rules, payout="1"), arrival(2, rules, payout="1")
    first = settle([late], {}, FACTS.get, 9)
    assert [it.repeated for it in first.known.values()] == [False]
    second = settle([early], first.known, FACTS.get, 9, firsts=first.firsts)
    assert {it.history[0].stamp[3]: it.repeated for it in second.known.values()} == {5: True, 2: False}
    assert sums(first, second) == {(1, False, "sale"): [1, ONE], (1, True, "sale"): [1, ONE]}
    assert [set(batch.changed_firsts.values()) for batch in (first, second)] == [
        {late.claim}, {early.claim}
    ]  # fmt: skip


def sums(*batches: Batch) -> dict[tuple[int, bool, str], list[int]]:
    """(campaign, repeated, status) → [conversions that are there, revenue], as a report would add them up."""
    found: dict[tuple[int, bool, str], list[int]] = defaultdict(lambda: [0, 0])
    for batch in batches:
        for it in batch.records:
            if isinstance(it, ConversionEvent):
                total = found[it.campaign_id, it.repeated, it.status]
                total[0] += it.entered
                total[1] += it.revenue
    return {place: total for place, total in found.items() if any(total)}


def test_a_type_has_its_own_policy_and_claims_of_its_own_where_the_network_says_so() -> None:
    said = (pay("1", event="deposit"), pay("2", event="rebill"), pay("3", event="rebill", upsell="2"))
    assert len(play(network(), *said)) == 1
    assert len(play(network(claim_by=("event_type",)), *said)) == 2
    assert len(play(network(claim_by=("event_type", "upsell")), *said)) == 3
    by_type = network(claim_by=("event_type",), duplicates_by_type={"rebill": "increment"})
    assert [figures(it).revenue for it in play(by_type, *said)] == [ONE, 5 * ONE]


def test_a_transition_that_the_network_may_not_make_changes_nothing() -> None:
    rules = network(transitions={"sale": ("refund", "chargeback"), "rejected": ()})
    (kept,) = play(rules, pay("4"), pay("1", "lead"), pay("9", "rejected"))
    assert (kept.status, figures(kept)) == ("sale", (1, 4 * ONE, 0))
    (taken,) = play(rules, pay("4"), pay("1", "lead"), pay("", "refund"))
    assert (taken.status, figures(taken)) == ("refund", (0, 0, 0))
    (lost,) = play(rules, pay("4", "rejected"), pay("4", "sale"))
    assert lost.status == "rejected"
    batch = settle([arrival(9, rules, payout="4", status="sale")], {lost.id: lost}, FACTS.get, 9)
    assert [r.reason for r in batch.records if isinstance(r, PostbackLogEvent)] == [
        "rejected may not become sale"
    ]  # fmt: skip


def test_a_long_history_is_put_together_and_what_is_older_is_not_heard() -> None:
    rules = network(duplicates="increment")
    (long,) = play(rules, *(pay("1") for _ in range(MOST + 40)))
    assert (len(long.history), figures(long).revenue) == (MOST, (MOST + 40) * ONE)
    late = settle([arrival(3, rules, payout="1")], {long.id: long}, FACTS.get, 9)
    assert late.outcomes == {"duplicate": 1}
    assert figures(late.known[long.id]).revenue == (MOST + 40) * ONE


# Postbacks of unknown clicks


def test_fail_open_records_after_a_lookup_in_vain_and_moves_everything_when_the_click_comes() -> None:
    rules = network(unknown_click="accept")
    fresh = settle([arrival(1, rules, payout="2")], {}, {}.get, 9)
    assert (fresh.records, fresh.changed) == ([], {})
    (row,) = postpone(fresh, {}, (), PATIENCE)
    waits = arrival(1, rules, row, payout="2")
    recorded = settle([waits], {}, {}.get, 20, tried=[waits.position])
    assert recorded.outcomes == {"conversion": 1}
    assert sums(recorded) == {(0, False, "sale"): [1, 2 * ONE]}
    (row,) = postpone(recorded, {waits.position: True}, (), PATIENCE)
    assert (row.recorded, row.told, row.attempts) == (True, True, 1)
    again = arrival(1, rules, row, payout="2")
    still = settle([again], recorded.known, {}.get, 30, tried=[again.position])
    assert (still.records, still.settled) == ([], [])
    came = settle([again], recorded.known, FACTS.get, 40)
    assert (came.outcomes, came.settled) == ({"attributed": 1}, [again.position])
    assert sums(recorded, came) == {(1, False, "sale"): [1, 2 * ONE]}


def test_what_was_recorded_without_its_click_stays_so_after_the_window() -> None:
    rules = network(unknown_click="accept", click_wait_hours=1)
    fresh = settle([arrival(1, rules, payout="2")], {}, {}.get, 9)
    (row,) = postpone(fresh, {}, (), PATIENCE)
    assert row.deadline_us == 9 + 3_600_000_000
    waits = arrival(1, rules, row, payout="2")
    recorded = settle([waits], {}, {}.get, 20, tried=[waits.position])
    (row,) = postpone(recorded, {waits.position: False}, (), PATIENCE)  # the warehouse was away
    assert (row.recorded, row.attempts) == (True, 0)
    ended = settle([arrival(1, rules, row, payout="2")], recorded.known, {}.get, row.deadline_us)
    assert postpone(ended, {waits.position: True}, (), PATIENCE) == []
    assert (ended.settled, ended.records) == ([waits.position], [])


def test_fail_open_needs_no_click_id_and_a_later_postback_may_bring_it() -> None:
    rules = network(unknown_click="accept")
    nameless = settle([arrival(1, rules, cid="", payout="2")], {}, {}.get, 9)
    assert sums(nameless) == {(0, False, "sale"): [1, 2 * ONE]}
    assert nameless.unresolved == []
    named = settle([arrival(2, rules, payout="3")], nameless.known, FACTS.get, 9)
    assert sums(nameless, named) == {(1, False, "sale"): [1, 3 * ONE]}
    closed = settle([arrival(1, network(), cid="", payout="2")], {}, {}.get, 9)
    assert closed.outcomes == {"refused": 1}
