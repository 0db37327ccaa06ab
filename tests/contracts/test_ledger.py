"""What every ledger promises: a batch is stored whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from appliance.attribution import status
from appliance.attribution.claim import Statement
from appliance.errors import Conflict, Unavailable
from appliance.model.conversions import Settlement
from appliance.model.events import ConversionEvent, decode
from tests.contracts.ledger_rig import Killed, Place, batch, conversion, state, waiting

STEPS = ("begun", "offsets", "conversions", "converted", "waiting", "deliveries", "outbox", "committed")


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
from tests.contracts.ledger_rig import batch
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
