"""What the ledger hands on to be shipped is in order, and no number of it is used again."""

from __future__ import annotations

import threading

import msgspec
import pytest

from appliance.attribution import revisions
from appliance.model.conversions import Settlement
from appliance.model.events import ConversionEvent, decode
from appliance.ports import CORE
from appliance.stores.sqlite.ledger import MOST_CONVERTED
from tests.contracts.ledger_rig import NOW_MS, Killed, Place, conversion, order, part, postback, sold


def test_records_come_out_in_the_order_they_went_in(place: Place) -> None:
    ledger = place.open()
    event = revisions.records(conversion(1), revisions.changes(None, conversion(1)))[0]
    ledger.commit(Settlement(records=[postback(1), event]))
    ledger.commit(Settlement(records=[postback(2)]))
    (log,) = ledger.outboxes()
    assert log.edge == CORE
    entries = log.read(0, 10)
    assert [decode(entry.body) for entry in entries] == [postback(1), event, postback(2)]
    assert isinstance(event, ConversionEvent)
    assert [entry.seq for entry in entries] == [(NOW_MS << 20) + index for index in range(3)]
    assert list(log.read(entries[0].seq, 1)) == [entries[1]]


def test_each_life_has_its_own_outbox_and_rows_survive_under_it(place: Place) -> None:
    first = place.open()
    first.commit(Settlement(records=[postback(1)]))
    (old,) = first.outboxes()
    assert not old.finished()
    first.close()
    place.now_ms += 1
    second = place.open()
    second.commit(Settlement(records=[postback(2)]))
    logs = second.outboxes()
    assert [log.finished() for log in logs] == [True, False]
    assert logs[0].epoch == old.epoch
    assert [decode(entry.body) for log in logs for entry in log.read(0, 9)] == [postback(1), postback(2)]
    assert logs[1].read(0, 9)[0].seq > logs[0].read(0, 9)[0].seq
    second.outbox_drop(logs[0].epoch, logs[0].read(0, 9)[-1].seq)
    assert [log.epoch for log in second.outboxes()] == [logs[1].epoch]


def test_a_number_is_never_used_twice_not_even_after_a_failed_commit_or_an_empty_outbox(place: Place) -> None:
    failing = [False]

    def step(name: str) -> None:
        if failing[0] and name == "outbox":
            raise Killed

    ledger = place.open(step)
    ledger.commit(Settlement(records=[postback(1)]))
    (log,) = ledger.outboxes()
    seen = [log.read(0, 9)[-1].seq]
    failing[0] = True
    with pytest.raises(Killed):
        ledger.commit(Settlement(records=[postback(2)]))
    failing[0] = False
    ledger.outbox_drop(log.epoch, seen[0])
    ledger.commit(Settlement(records=[postback(3)]))
    assert log.read(0, 9)[0].seq > seen[0] + 1


def test_numbers_of_the_outbox_rise_in_the_order_of_commits_whoever_writes(place: Place) -> None:
    """A reader never looks below a number it has seen: a later commit of a smaller one would be lost."""
    ledger = place.open()
    (log,) = ledger.outboxes()
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set() or log.read(seen[-1] if seen else 0, 1):
            seen.extend(entry.seq for entry in log.read(seen[-1] if seen else 0, 50))

    def settle() -> None:
        for _ in range(60):
            ledger.commit(Settlement(records=[postback(1)] * 3))

    def correct() -> None:
        for number in range(60):
            ledger.adjust(order(str(number)), [part(str(number), 1)] * 3)

    reader = threading.Thread(target=look)
    writers = [threading.Thread(target=work) for work in (settle, correct)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert len(seen) == 360


@pytest.mark.parametrize("step", ["adjustment", "never"])
def test_a_correction_of_cost_and_its_parts_are_stored_together_and_once(place: Place, step: str) -> None:
    def kill(name: str) -> None:
        if name == step:
            raise Killed

    parts = [part("invoice-1", 2), part("invoice-1", 3)]
    dying = place.open(kill)
    if step == "never":
        dying.adjust(order(), parts)
    else:
        with pytest.raises(Killed):
            dying.adjust(order(), parts)
    dying.close()
    ledger = place.open()
    assert (ledger.adjustment("invoice-1") is not None) == (step == "never")
    assert ledger.adjust(order(), parts) == order()  # whoever got no answer sends it again
    assert ledger.adjust(order(amount=6), parts) == order()
    assert [decode(entry.body) for log in ledger.outboxes() for entry in log.read(0, 9)] == parts
    assert ledger.sizes().outbox == 2
    ledger.adjust(order("b"), [])
    assert ledger.adjustments(1, 0) == ([order("b")], 2)
    assert ledger.adjustments(9, 1) == ([order()], 2)
    other = msgspec.structs.replace(order("c"), campaign_id=order().campaign_id + 1)
    ledger.adjust(other, [])
    assert ledger.adjustments(9, 0, {other.campaign_id}) == ([other], 1)
    assert ledger.adjustments(1, 1, {order().campaign_id}) == ([order()], 2)
    assert ledger.adjustments(9, 0, frozenset()) == ([], 0)
    assert ledger.adjustment("nobody") is None


def test_what_clicks_converted_on_is_numbered_for_ever(place: Place) -> None:
    ledger = place.open()
    ledger.commit(
        Settlement(records=[sold("a", 1), postback(1), sold("b", 2, 0), sold("b", 2, -1), sold("", 3)])
    )
    ledger.commit(Settlement(records=[sold("c", 4), sold("a", 5)]))
    found = ledger.converted(0, 10)
    assert [each[1:] for each in found] == [("a", 1), ("c", 4), ("a", 5)]
    assert ledger.converted(found[0][0], 1) == found[1:2] and ledger.converted(found[2][0], 10) == []
    # Neither a clock that was set back nor a new ledger in the place of a lost one gives a number again.
    place.now_ms -= 1_000_000
    place.open().commit(Settlement(records=[sold("d", 6)]))
    assert [each[1:] for each in ledger.converted(found[2][0], 10)] == [("d", 6)]
    place.now_ms += 2_000_000
    place.path = place.path.with_name("new.db")
    new = place.open()
    new.commit(Settlement(records=[sold("e", 7)]))
    assert [each[1:] for each in new.converted(found[2][0], 10)] == [("e", 7)]


def test_of_what_clicks_converted_on_the_newest_are_kept(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(records=[sold(f"c{n}", n) for n in range(100)]))
    ledger.commit(Settlement(records=[sold("c", 1)] * (MOST_CONVERTED - 50)))
    assert [each[1] for each in ledger.converted(0, 2)] == ["c50", "c51"]
    place.open().commit(Settlement(records=[sold("x", 1)]))
    assert [each[1] for each in ledger.converted(0, 2)] == ["c51", "c52"]
