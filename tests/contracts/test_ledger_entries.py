"""An order of conversions counts once: it is in the ledger with what it made, or neither is."""

from __future__ import annotations

import pytest

from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from appliance.model.entries import Entered, EntryRecord, RowRefusal
from tests.contracts.ledger_rig import Killed, Place, conversion

ORDER = EntryRecord(
    id="list", digest="d", at_us=7, author="Ann",
    answer=Entered(id="list", stored=True, rows=3, made=2, refused=(RowRefusal(9, "payout", "é"),)),
)  # fmt: skip


@pytest.mark.parametrize("step", ["begun", "conversions", "deliveries", "outbox", "never"])
def test_an_order_and_its_conversions_are_stored_together(place: Place, step: str) -> None:
    def kill(name: str) -> None:
        if name == step:
            raise Killed

    settlement = Settlement(conversions=[conversion(1)], entries=[ORDER])
    dying = place.open(kill)
    if step == "never":
        dying.commit(settlement)
    else:
        with pytest.raises(Killed):
            dying.commit(settlement)
    dying.close()
    ledger = place.open()
    stored = step == "never"
    assert ledger.entry("list") == (ORDER if stored else None)
    assert len(ledger.conversions([conversion(1).id])) == stored
    assert ledger.entry("another") is None


def test_an_id_that_is_there_stores_nothing_more(place: Place) -> None:
    """The actor looks first; should it not, the whole settlement is refused."""
    ledger = place.open()
    ledger.commit(Settlement(entries=[ORDER]))
    with pytest.raises(Unavailable):
        ledger.commit(Settlement(conversions=[conversion(1)], entries=[ORDER]))
    assert ledger.conversions([conversion(1).id]) == {}
