"""What the status says of consumers that cannot know themselves how far they are behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.model.holds import Holds
from appliance.model.status import ConsumerReport, ConversionsReport, SystemStatus, WarehouseReport
from appliance.overview import Overview, Parts
from tests.doors import NoWarehouse, edge_status


def status(*consumers: ConsumerReport, **parts: object) -> SystemStatus:
    """With one edge, whose journal has epoch 1 and ends with number 2."""
    made = Parts(edges=lambda: [edge_status()], consumers=[lambda: consumers], **parts)  # type: ignore[arg-type]
    return Overview(Path(), made, Holds(), NoWarehouse()).status()


@pytest.mark.parametrize(
    ("epoch", "seq", "said", "shown"),
    [
        (1, 1, 0, 1),  # held: it reads nothing, so it thinks that nothing is left
        (1, 1, -1, 1),
        (1, 2, -1, 0),
        (1, 9, 0, 0),  # the edge's report is a second old
        (1, 0, -1, -1),  # nothing was ever taken
        (7, 1, -1, -1),  # an earlier segment
    ],
)
def test_the_lag_is_measured_against_what_the_edge_wrote(epoch: int, seq: int, said: int, shown: int) -> None:
    report = ConsumerReport(consumer="publisher", edge=0, epoch=epoch, seq=seq, behind=said)
    assert status(report).consumers[0].behind == shown


def test_a_consumer_that_reads_nothing_grows_older() -> None:
    report = ConsumerReport(consumer="publisher", edge=0, epoch=1, seq=1, behind=0, caught_up_us=1)
    assert status(report).consumers[0].behind_seconds > 1e6


def test_what_an_operator_should_look_at_is_named() -> None:
    found = status(
        ConsumerReport(consumer="publisher", edge=0, epoch=1, seq=1, last_error="damaged"),
        warehouse=lambda: WarehouseReport(state="up", rows_set_aside=3),
        conversions=lambda: ConversionsReport(figures={"entries_missing": 4}),
    ).degraded
    assert "publisher of edge 0: damaged" in found
    assert "warehouse: 3 rows set aside; see ingestion_errors.list" in found
    assert "conversions: 4 journal entries are unreadable" in found
