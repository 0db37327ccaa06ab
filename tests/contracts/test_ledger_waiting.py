"""Postbacks that wait for their click, in the ledger."""

from __future__ import annotations

import msgspec

from appliance.model.conversions import Settlement
from tests.contracts.ledger_rig import Place, postback, waiting


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


def test_what_waits_says_whether_it_is_recorded_already(place: Place) -> None:
    ledger = place.open()
    rows = [
        msgspec.structs.replace(waiting(seq), told=told, recorded=recorded)
        for seq, (told, recorded) in enumerate([(False, False), (True, False), (True, True)])
    ]
    ledger.commit(Settlement(waiting=rows))
    found = sorted(ledger.due(100, 9, 9), key=lambda row: row.position)
    assert [(row.told, row.recorded) for row in found] == [(False, False), (True, False), (True, True)]
