"""Batches of postbacks: order, clicks that are not known yet, what waits and what is looked up."""

from __future__ import annotations

import os
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.attribution import revisions
from appliance.attribution.claim import understand
from appliance.attribution.recent import RecentClicks, take
from appliance.attribution.settle import Arrival, Batch, settle
from appliance.attribution.waiting import Patience, postpone
from appliance.model.conversions import ClickFacts, Conversion, Position, WaitingPostback
from appliance.model.events import (
    ClickEvent,
    ClickIdentity,
    ConversionEvent,
    DecisionInputs,
    DestinationHealthEvent,
    PostbackLogEvent,
    TrafficbackEvent,
    encode,
)
from appliance.model.ids import click_id

BASE = 1_767_225_600_000
CLICKS = [click_id(BASE, number) for number in range(4)]
FACTS = {id_: ClickFacts(id=id_, at_us=BASE * 1000, campaign_id=number) for number, id_ in enumerate(CLICKS)}
PATIENCE = Patience(100, 10, 40)


def received(seq: int, click: str = CLICKS[0], at: int = 0, **params: str) -> PostbackLogEvent:
    return PostbackLogEvent(
        1, f"p{seq}", at or BASE + seq, "received", "", "", 1, "GET", {"cid": click, **params}, "a", ""
    )


def arrival(seq: int, event: PostbackLogEvent, row: WaitingPostback | None = None) -> Arrival:
    position = (0, 1, seq)
    return Arrival(position, event, understand(event, position, None, None, "USD"), row)


def waits(event: PostbackLogEvent, seq: int, **more: object) -> WaitingPostback:
    return WaitingPostback(
        position=(0, 1, seq), click_id=CLICKS[0], due_us=0, deadline_us=50, event=event, **more
    )  # type: ignore[arg-type]


def unresolved(**more: object) -> Batch:
    event = received(1)
    return settle([arrival(1, event, waits(event, 1, **more))], {}, {}.get, 20)


def test_a_postback_without_its_click_is_left_unresolved() -> None:
    batch = settle([arrival(1, received(1))], {}, {}.get, 7)
    assert [it.position for it in batch.unresolved] == [(0, 1, 1)]
    assert (batch.records, batch.changed, batch.settled) == ([], {}, [])


def test_another_postback_of_the_batch_may_begin_its_conversion() -> None:
    lost = arrival(1, received(1, CLICKS[1], tid="T", payout="1"))
    found = arrival(2, received(2, CLICKS[0], tid="T", payout="2"))
    batch = settle([found, lost], {}, {CLICKS[0]: FACTS[CLICKS[0]]}.get, 7)
    assert batch.unresolved == []
    assert batch.outcomes == {"conversion": 2}  # the second one began it, and then it began earlier
    (conversion,) = batch.changed.values()
    assert conversion.payout == 2_000_000


def said_by(*marks: tuple[int, bytes]) -> bytes:
    """What a conversion keeps of who bought, of postbacks read in this order: (arrival, sealed)."""
    known: dict[str, Conversion] = {}
    for seq, sealed in marks:
        event = replace(received(seq, tid="T", payout=str(seq)), sealed=sealed)
        known |= settle([arrival(seq, event)], known, FACTS.get, 20).changed
    (conversion,) = known.values()
    return conversion.sealed


def test_a_conversion_keeps_the_latest_that_says_who_bought() -> None:
    assert said_by((1, b"")) == b""
    assert said_by((1, b"one"), (2, b"two")) == b"two"
    assert said_by((2, b"two"), (1, b"one")) == b"two", "however late it is read"
    assert said_by((1, b"one"), (2, b""), (3, b"")) == b"one"
    assert said_by((2, b""), (1, b"one")) == b"one"


def test_what_is_logged_of_an_outcome_says_nothing_of_who_bought() -> None:
    event = replace(received(1, payout="1"), sealed=b"one")
    batch = settle([arrival(1, event)], {}, FACTS.get, 20)
    (logged,) = [it for it in batch.records if isinstance(it, PostbackLogEvent)]
    assert (logged.sealed, logged.params) == (b"", {})


def test_a_new_one_waits_and_is_looked_up_at_once() -> None:
    batch = settle([arrival(1, received(1))], {}, {}.get, 20)
    waiting = postpone(batch, {}, (), PATIENCE)
    (row,) = waiting
    assert (row.position, row.click_id, row.due_us, row.deadline_us, row.attempts) == (
        (0, 1, 1),
        CLICKS[0],
        20,
        120,
        0,
    )
    assert batch.records == []


def test_a_lookup_in_vain_is_told_once_and_backs_off() -> None:
    batch = unresolved()
    (row,) = postpone(batch, {(0, 1, 1): True}, (), PATIENCE)
    assert (row.attempts, row.due_us, row.told, row.deadline_us) == (1, 30, True, 50)
    assert batch.outcomes == {"waiting": 1}
    again = unresolved(attempts=3, told=True)
    (row,) = postpone(again, {(0, 1, 1): True}, (), PATIENCE)
    assert (row.attempts, row.due_us) == (4, 60)
    assert again.records == []


def test_a_warehouse_that_is_away_is_no_attempt_and_ends_nothing() -> None:
    batch = unresolved()
    batch.now_us = 1000
    (row,) = postpone(batch, {(0, 1, 1): False}, (), PATIENCE)
    assert (row.attempts, row.told, row.due_us) == (0, True, 0)
    assert batch.outcomes == {"waiting": 1}
    assert postpone(unresolved(told=True), {(0, 1, 1): False}, (), PATIENCE) == []


def test_after_its_time_a_lookup_in_vain_ends_it() -> None:
    batch = unresolved()
    batch.now_us = 50
    assert postpone(batch, {(0, 1, 1): True}, (), PATIENCE) == []
    assert batch.outcomes == {"click_unknown": 1}
    assert batch.settled == [(0, 1, 1)]


def test_pauses_double_up_to_the_longest() -> None:
    assert [PATIENCE.pause_us(attempts) for attempts in (0, 1, 2, 3, 10**6)] == [10, 20, 40, 40, 40]


def test_a_journal_is_sorted_and_what_is_not_ours_is_counted() -> None:
    click = ClickEvent(
        1, CLICKS[2], 5, 1, "c", "send", "", 11, 12, 13, 14, 15, 16, True, (), {2: "s"}, {"source": "u"}, "",
        0, "", "ua", "", "", "", "", "", "", DecisionInputs(),
    )  # fmt: skip
    bodies = [
        encode(click),
        encode(ClickIdentity(1, CLICKS[2], 5, "a")),
        encode(TrafficbackEvent(1, CLICKS[2], 5, 1, 1, 1, 1, "", 0, "")),
        encode(DestinationHealthEvent(1, 5, 1, "", "", 200, 1, "")),
        b"\xc1",
        encode(received(1)),
    ]
    refused = PostbackLogEvent(1, "x", 5, "refused", "", "", 1, "GET", {}, "", "")
    taken = take([*enumerate(bodies, 10), (16, encode(refused))])
    assert (taken.last, taken.broken) == (16, 1)
    assert taken.postbacks == [(15, received(1))]
    recent = RecentClicks(2)
    recent.put(taken.clicks)
    assert recent.get(CLICKS[2]) == ClickFacts(
        id=CLICKS[2], at_us=5, campaign_id=11, stream_id=12, destination_id=13, source_id=14, network_id=15,
        link_id=16, subs={2: "s"}, utm={"source": "u"},
    )  # fmt: skip
    assert recent.get(CLICKS[0]) is None


def test_the_oldest_click_goes_out_of_a_full_index() -> None:
    recent = RecentClicks(2)
    recent.put([("a", b""), ("b", b""), ("a", b""), ("c", b"")])
    assert (len(recent), recent.evicted) == (2, 1)
    assert "a" not in recent._packed


POSTBACK = st.fixed_dictionaries(
    {
        "click": st.sampled_from(CLICKS),
        "at": st.integers(BASE, BASE + 5),
        "tid": st.sampled_from(["", "A", "B"]),
        "status": st.sampled_from(["", "lead", "pending", "rejected", "trash"]),
        "payout": st.sampled_from(["", "1", "2", "3.5"]),
        "currency": st.sampled_from(["", "USD", "EUR"]),
    }
)


@settings(max_examples=int(os.environ.get("WEIR_EXAMPLES", "300")), deadline=None)
@given(
    st.lists(st.tuples(POSTBACK, st.integers(0, 3)), max_size=12),
    st.sets(st.sampled_from(CLICKS)),
    st.randoms(),
)
def test_however_postbacks_are_split_into_batches_the_end_is_the_same(
    said: list[tuple[dict[str, object], int]], clicks: set[str], dice: object
) -> None:
    """Shuffled, split, some seen before their click: the ledger ends as if all had come in order at once."""
    arrivals = [arrival(seq, received(seq, **params)) for seq, (params, _) in enumerate(said)]  # type: ignore[arg-type]
    find = {id_: FACTS[id_] for id_ in clicks}.get
    ordered = settle(arrivals, {}, find, 9)
    batches: dict[int, list[Arrival]] = defaultdict(list)
    for one, (_, number) in zip(arrivals, said, strict=True):
        batches[number].append(one)
    known: dict[str, Conversion] = {}
    records: list[object] = []
    left: list[Arrival] = []
    done: list[Position] = []
    numbers = sorted(batches)
    dice.shuffle(numbers)  # type: ignore[attr-defined]
    for number in numbers:
        early = settle([*left, *batches[number]], known, {}.get if number == 0 else find, 9)
        known |= early.changed
        records += early.records
        left = early.unresolved
    last = settle(left, known, find, 9)
    known |= last.changed
    records += last.records
    done += [it.position for it in last.unresolved]
    assert end(known) == end(ordered.known)
    assert sorted(done) == sorted(it.position for it in ordered.unresolved)
    assert sums(records) == sums(ordered.records)
    assert sum(isinstance(record, PostbackLogEvent) for record in records) == len(said) - len(done)


def end(known: dict[str, Conversion]) -> dict[str, tuple[object, ...]]:
    return {
        id_: (it.at_us, it.status, it.payout, it.currency, revisions.figures(it)) for id_, it in known.items()
    }


def sums(records: list[object]) -> dict[tuple[str, str], tuple[int, int, int]]:
    totals: dict[tuple[str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for it in records:
        if isinstance(it, ConversionEvent):
            count, revenue, hold = totals[it.id, it.currency]
            totals[it.id, it.currency] = (count + it.count, revenue + it.revenue, hold + it.hold)
    return {key: total for key, total in totals.items() if any(total)}


def test_a_record_whose_tag_is_no_utf_8_is_counted_and_passed_over():
    taken = take([(1, b"\x91\xa2\x00\x80"), (2, b"\xc1")])
    assert (taken.last, taken.broken) == (2, 2)
