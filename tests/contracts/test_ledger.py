"""What every ledger promises: a batch is stored whole or not at all, and its outbox never reuses a number."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from appliance.attribution import revisions, status
from appliance.attribution.claim import Statement
from appliance.errors import Conflict, Unavailable
from appliance.model.conversions import ClickFacts, Conversion, Settlement, WaitingPostback
from appliance.model.costs import CostOrder
from appliance.model.events import ConversionEvent, CostAdjustment, PostbackLogEvent, decode
from appliance.ports import CORE, Ledger
from appliance.stores.sqlite.ledger import MOST_CONVERTED, SqliteLedger
from tests.guards.record_old import filled

STEPS = ("begun", "offsets", "conversions", "converted", "waiting", "deliveries", "outbox", "committed")
NOW_MS = 1_767_225_600_000


class Killed(BaseException):
    """The process ends here, as far as the ledger can tell."""


class Place:
    """A ledger that can be closed or killed and opened again."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.db"
        self.opened: list[SqliteLedger] = []
        self.now_ms = NOW_MS

    def open(self, step: Callable[[str], None] | None = None) -> Ledger:
        ledger = SqliteLedger(self.path, lambda: self.now_ms, step)
        self.opened.append(ledger)
        return ledger

    def close(self) -> None:
        for ledger in self.opened:
            ledger.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.close()


def postback(seq: int) -> PostbackLogEvent:
    return PostbackLogEvent(
        1, f"p{seq}", NOW_MS * 1000 + seq, "received", "", "", 1, "GET", {"cid": f"c{seq}"}, "", "r"
    )


def conversion(seq: int) -> Conversion:
    said = Statement(
        conversion_id=f"k{seq}", network_id=1, click_id=f"c{seq}", transaction_id=f"t{seq}", event_type="",
        status="sale", original_status="", payout=2_000_000, currency="USD", fallback="USD",
        stamp=(seq, 0, 1, seq),
    )  # fmt: skip
    return status.begin(said, ClickFacts(id=f"c{seq}", at_us=1, subs={3: "x"}), 5).conversion


def waiting(seq: int, due: int = 10, attempts: int = 0, click: str = "") -> WaitingPostback:
    return WaitingPostback(
        position=(0, 1, seq), click_id=click or f"c{seq}", due_us=due, deadline_us=1000 + seq,
        event=postback(seq), attempts=attempts,
    )  # fmt: skip


def batch(seq: int) -> Settlement:
    """One postback becomes a conversion, the next one waits, the previous one waits no longer."""
    return Settlement(
        offsets={(0, 1): seq},
        conversions=[conversion(seq)],
        waiting=[waiting(seq + 1)],
        settled=[(0, 1, seq)],
        records=[postback(seq), sold(f"c{seq}", seq)],
    )


def sold(click_id: str, destination_id: int, count: int = 1) -> ConversionEvent:
    event = filled(ConversionEvent)
    assert isinstance(event, ConversionEvent)
    return msgspec.structs.replace(event, click_id=click_id, destination_id=destination_id, count=count)


def state(ledger: Ledger) -> tuple[object, ...]:
    ids = [f"k{seq}" for seq in range(1, 20)]
    return (
        dict(ledger.offsets()),
        sorted(ledger.conversions(ids)),
        sorted(w.position for w in ledger.due(10**9, 100, 100)),
        [entry.body for log in ledger.outboxes() for entry in log.read(0, 100)],
        list(ledger.converted(0, 100)),
    )


def test_a_new_ledger_is_empty(place: Place) -> None:
    ledger = place.open()
    assert ledger.offset(0, 1) == 0
    assert state(ledger) == ({}, [], [], [], [])
    assert ledger.next_due() is None
    assert tuple(ledger.sizes()) == (0, 0, 0, 0)


def test_a_batch_is_there_after_a_restart(place: Place) -> None:
    ledger = place.open()
    ledger.commit(batch(3))
    before, sizes = state(ledger), ledger.sizes()
    ledger.close()
    again = place.open()
    assert state(again) == before
    assert again.sizes() == sizes
    assert again.offset(0, 1) == 3
    assert again.conversions(["k3", "nobody"]) == {"k3": conversion(3)}
    assert again.due(10, 10, 10) == [waiting(4)]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_all_of_a_batch_or_nothing(place: Place, step: str) -> None:
    first = place.open()
    first.commit(batch(1))
    before = state(first)
    first.close()

    def kill(name: str) -> None:
        if name == step:
            raise Killed

    dying = place.open(kill)
    with pytest.raises(Killed):
        dying.commit(batch(2))
    dying.close()
    after = place.open()
    if step == "committed":
        assert after.offset(0, 1) == 2
        assert sorted(after.conversions(["k1", "k2"])) == ["k1", "k2"]
        assert [w.position for w in after.due(10**9, 9, 9)] == [(0, 1, 3)]
        assert len(state(after)[3]) == 4  # type: ignore[arg-type]
    else:
        assert state(after) == before
        after.commit(batch(2))  # the replay


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


def test_an_offset_that_does_not_move_forward_stores_nothing(place: Place) -> None:
    ledger = place.open()
    ledger.commit(batch(5))
    before = state(ledger)
    for seq in (5, 4):
        with pytest.raises(Conflict):
            ledger.commit(batch(seq))
    assert state(ledger) == before


def test_offsets_are_kept_per_edge_and_epoch(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(offsets={(0, 1): 7, (0, 2): 8, (1, 1): 9}))
    assert ledger.offsets() == {(0, 1): 7, (0, 2): 8, (1, 1): 9}
    assert (ledger.offset(0, 2), ledger.offset(1, 2)) == (8, 0)


def test_a_conversion_is_replaced_by_its_next_state(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(conversions=[conversion(1)]))
    changed = msgspec.structs.replace(conversion(1), revision=2, status="rejected")
    ledger.commit(Settlement(conversions=[changed]))
    assert ledger.conversions(["k1"]) == {"k1": changed}


def test_many_ids_are_looked_up_at_once(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(conversions=[conversion(seq) for seq in range(1200)]))
    assert len(ledger.conversions([f"k{seq}" for seq in range(3000)])) == 1200


def test_what_was_never_looked_up_is_due_before_what_was(place: Place) -> None:
    ledger = place.open()
    rows = [
        waiting(1, due=5, attempts=3),
        waiting(2, due=9),
        waiting(3, due=4, attempts=1),
        waiting(4, due=8),
    ]
    ledger.commit(Settlement(waiting=rows))
    assert [w.position[2] for w in ledger.due(9, 10, 10)] == [4, 2, 3, 1]
    assert [w.position[2] for w in ledger.due(9, 1, 1)] == [4, 3]
    assert [w.position[2] for w in ledger.due(4, 10, 10)] == [3]
    assert ledger.next_due() == 4
    assert [w.position[2] for w in ledger.longest_tried(10)] == [1, 3]


def test_postbacks_are_found_by_the_click_they_wait_for(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(waiting=[waiting(1, click="a"), waiting(2, click="a"), waiting(3, click="b")]))
    assert ledger.awaited() == {"a": 2, "b": 1}
    assert sorted(w.position[2] for w in ledger.waiting_for(["a", "x"])) == [1, 2]
    ledger.commit(Settlement(settled=[(0, 1, 1), (0, 1, 3)]))
    assert ledger.awaited() == {"a": 1}


def test_sizes_follow_what_comes_and_goes(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(waiting=[waiting(1), waiting(2)], records=[postback(1), postback(2)]))
    ledger.commit(Settlement(waiting=[waiting(1, due=99, attempts=1)]))  # replaced, not added
    sizes = ledger.sizes()
    assert (sizes.waiting, sizes.outbox) == (2, 2)
    assert sizes.waiting_bytes > 0
    (log,) = ledger.outboxes()
    ledger.outbox_drop(log.epoch, log.read(0, 9)[0].seq)
    ledger.commit(Settlement(settled=[(0, 1, 1), (0, 1, 2)]))
    assert (ledger.sizes().waiting, ledger.sizes().outbox, ledger.sizes().waiting_bytes) == (0, 1, 0)
    ledger.close()
    assert place.open().sizes() == ledger.sizes()


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


def order(id: str = "invoice-1", amount: int = 5) -> CostOrder:
    return CostOrder(
        id=id, campaign_id=1, from_us=1, to_us=9, amount=amount, currency="USD", note="", author="me",
        known_us=7,
    )  # fmt: skip


def part(id: str, cost: int) -> CostAdjustment:
    return CostAdjustment(1, id, 2, 7, 1, 0, 0, 0, 0, 0, cost, "USD", "me", "")


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


def test_a_closed_ledger_says_so(place: Place) -> None:
    ledger = place.open()
    ledger.close()
    with pytest.raises(Unavailable):
        ledger.commit(batch(1))
    with pytest.raises(Unavailable):
        ledger.offset(0, 1)


def test_a_file_that_is_no_ledger_is_reported_as_unavailable(place: Place) -> None:
    place.path.write_bytes(b"nothing of the kind" * 500)
    with pytest.raises(Unavailable, match="cannot be opened"):
        place.open()


WRITER = """
import sys, time
from pathlib import Path
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.contracts.test_ledger import batch
ledger = SqliteLedger(Path(sys.argv[1]), lambda: time.time_ns() // 1_000_000)
seq = ledger.offset(0, 1)
print("open", flush=True)
while True:
    seq += 1
    ledger.commit(batch(seq))
"""


@pytest.mark.slow
def test_kill_9_leaves_offset_conversions_waiting_and_outbox_in_step(place: Place) -> None:
    last = 0
    for pause in (0.05, 0.011, 0.03):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(place.path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        time.sleep(pause)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        ledger = place.open()
        seq = ledger.offset(0, 1)
        assert seq > last
        last = seq
        ids = [f"k{number}" for number in range(1, seq + 5)]
        assert len(ledger.conversions(ids)) == seq
        assert [w.position[2] for w in ledger.due(10**9, 99, 99)] == [seq + 1]
        assert sum(len(log.read(0, 10**6)) for log in ledger.outboxes()) == 2 * seq
        assert len(ledger.converted(0, 10**6)) == seq
        ledger.close()


def test_an_older_ledgers_conversions_say_once_where_they_are(place: Place) -> None:
    """From before `entered`: without it the first change of status would take away what was never counted."""
    old = [msgspec.structs.replace(conversion(seq), history=(), fallback="") for seq in range(1203)]
    place.open().commit(Settlement(conversions=old))
    place.close()
    with closing(sqlite3.connect(place.path)) as db:
        db.execute("pragma user_version=1")
    for life in (1, 2):
        place.now_ms += life
        ledger = place.open()
        told = [decode(entry.body) for log in ledger.outboxes() for entry in log.read(0, 9999)]
        assert all(isinstance(record, ConversionEvent) for record in told)
        figures = [(record.revision, record.entered, record.count, record.revenue) for record in told]
        assert figures == [(2, 1, 0, 0)] * 1203
    known = ledger.conversions(["k7"])["k7"]
    assert (known.revision, known.history) == (2, ())
    later = Statement(
        conversion_id="k7", network_id=1, click_id="c7", transaction_id="t7", event_type="",
        status="rejected", original_status="", payout=None, currency="", fallback="USD", stamp=(99, 0, 1, 1),
    )  # fmt: skip
    verdict = status.advance(known, later, 9)
    assert isinstance(verdict, status.Revised)
    assert [(change.amounts.entered, change.amounts.revenue) for change in verdict.changes] == [
        (-1, -2_000_000), (1, 0)
    ]  # fmt: skip


def test_the_earliest_of_a_claim_is_stored_with_its_conversions(place: Place) -> None:
    ledger = place.open()
    ledger.commit(Settlement(firsts={"a": "k1", "b": "k2"}))
    ledger.commit(Settlement(firsts={"a": "k3"}))
    assert ledger.firsts(["a", "b", "c"]) == {"a": "k3", "b": "k2"}


def test_what_waits_says_whether_it_is_recorded_already(place: Place) -> None:
    ledger = place.open()
    rows = [
        msgspec.structs.replace(waiting(seq), told=told, recorded=recorded)
        for seq, (told, recorded) in enumerate([(False, False), (True, False), (True, True)])
    ]
    ledger.commit(Settlement(waiting=rows))
    found = sorted(ledger.due(100, 9, 9), key=lambda row: row.position)
    assert [(row.told, row.recorded) for row in found] == [(False, False), (True, False), (True, True)]
