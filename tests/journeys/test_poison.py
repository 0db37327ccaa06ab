"""One event that the warehouse refuses, among 100,000 in a real journal: it stops nothing and is not gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.model.events import encode
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from tests.faults.tally import held_by
from tests.records import NOON, click, identity
from tests.rig import start_weir, wait_for

EVENTS, POISON = 100_000, 61_803
IN_1999 = 946_684_799_000_000


@pytest.mark.slow
def test_a_poison_click_among_a_hundred_thousand(tmp_path: Path) -> None:
    data = tmp_path / "data"
    segment = Segment(journal_directory(data, 0), 0, NOON // 1000, "process")
    for first in range(0, EVENTS, 1000):
        clicks = [
            click(n, campaign_id=1) if n != POISON else click(n, campaign_id=1, at_us=IN_1999)
            for n in range(first, first + 1000)
        ]
        segment.append([encode(event) for event in clicks])
    poison = segment.epoch >> 20 << 20  # numbers begin with the segment's millisecond
    segment.append([encode(identity(n)) for n in range(100)])
    segment.close()
    period = {"from": "2026-11-17", "to": "2026-11-18", "currency": "USD"}
    with start_weir(data, env={"WEIR_DEMO": "false"}) as weir:
        report = wait_for("the report has them", lambda: _counted(weir.call, period), seconds=120)
        status = weir.call("system.status")
        assert weir.stop() == 0
    assert (report["clicks"], report["cost"]) == (EVENTS - 1, 999.99)
    assert status["warehouse"]["rows_set_aside"] == 1 and status["problems"] == []
    held = held_by(data)
    assert len(held["clicks"]) == EVENTS - 1 and len(held["identities"]) == 100
    [(seq, (reason, _))] = held["aside"].items()
    assert int(seq) == poison + POISON
    assert "sane_time" in reason
    assert list(journal_directory(data, 0).glob("*.sqlite")) == [], "the journal is shipped and gone"


def _counted(call, period):
    report = call("reports.overview", period)
    return report if report["clicks"] >= EVENTS - 1 else None
