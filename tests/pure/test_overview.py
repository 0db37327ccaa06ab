"""What the status says of consumers that cannot know themselves how far they are behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from appliance.metrics import exposition
from appliance.model.catalog import NamedList
from appliance.model.deliveries import DeliveriesReport
from appliance.model.health import Health, Seen
from appliance.model.holds import Holds
from appliance.model.interpreted import IntakeReport
from appliance.model.status import ConsumerReport, ConversionsReport, SystemStatus, WarehouseReport
from appliance.model.usage import CapReport
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


def test_an_intake_that_waits_says_for_what() -> None:
    waits = IntakeReport(name="trigger", kind="sqs", last_error="the table x refuses: allow it")
    paused = IntakeReport(name="folder", kind="folder", last_error="away", paused_by="anna")
    fine = IntakeReport(name="events", kind="http")
    found = status(intakes=lambda: (waits, paused, fine)).degraded
    assert [each for each in found if each.startswith("intake")] == [
        "intake trigger: the table x refuses: allow it"
    ]


def told(degraded: Sequence[str], about: str) -> list[str]:
    return [line for line in degraded if about in line]


def cap(destination: int = 5, **fields: object) -> CapReport:
    its: dict[str, object] = {
        "destination_id": destination, "metric": "clicks", "window_hours": 24, "timezone": "UTC",
        "currency": "", "limit": 30, "used": 30, "reached": True,
    }  # fmt: skip
    return CapReport(**{**its, **fields})  # type: ignore[arg-type]


def ill(destination: int) -> Health:
    return Health(
        destination_id=destination,
        state="unhealthy",
        last=Seen(at_us=1, latency_us=250_000, error="status 500"),
    )


def test_ill_destinations_and_caps_on_clicks_that_are_exceeded_are_named_but_not_those_only_reached() -> None:
    found = status(
        health=lambda: [ill(3), Health(destination_id=4, state="healthy"), Health(destination_id=6)],
        caps=lambda: [
            cap(),
            cap(6, used=45, exceeded=True),
            cap(7, metric="revenue", currency="USD", used=31, exceeded=True),
        ],
    ).degraded
    assert told(found, "destination") == [
        "destination 3: unhealthy: status 500",
        "destination 6: 45 clicks of a cap of 30",
    ]


def test_of_many_ill_destinations_ten_are_named() -> None:
    found = told(status(health=lambda: list(map(ill, range(1, 41)))).degraded, "destination")
    assert len(found) == 11 and found[-1] == "30 more destinations are unhealthy"


def test_what_waits_for_a_disk_is_named_with_its_reason_while_it_waits() -> None:
    why = ""
    faults = {"caps": lambda: why, "health": lambda: ""}
    assert not told(status(faults=faults).degraded, "caps")
    why = "caps cannot be written down now: disk full"
    assert told(status(faults=faults).degraded, "caps") == [
        "caps: caps cannot be written down now: disk full"
    ]


def test_a_list_whose_entries_are_gone_or_unread_by_an_edge_is_named() -> None:
    lists = [NamedList(id=n, name="x", digest=digest) for n, digest in enumerate(("", "a", "b", "c"), 1)]
    lists.append(NamedList(id=9, name="x", digest="b", archived=True))
    edge = edge_status()
    assert edge.report is not None
    reading = msgspec.structs.replace(
        edge, report=msgspec.structs.replace(edge.report, unread_lists=("c", "long gone"))
    )
    made = Parts(edges=lambda: [reading], lists=lambda: lists, has_list=lambda digest: digest != "b")
    found = Overview(Path(), made, Holds(), NoWarehouse()).status().degraded
    assert told(found, "list") == [
        "list 3: the file of its entries is gone; replace them",
        "list 4: its entries cannot be read by edge 0; see the log",
    ]


def test_deliveries_are_figures_and_paused_targets_are_named() -> None:
    report = DeliveriesReport(
        pending=7, dead=2, oldest_seconds=61.5, paused=("postback:3",), attempts={"failed": 4},
        last_error="the disk is full",
    )  # fmt: skip
    found = status(deliveries=lambda: report)
    assert [line for line in found.degraded if line.startswith("deliveries")] == [
        "deliveries: postback:3 is paused after repeated failures",
        "deliveries: the disk is full",
    ]
    lines = exposition(found).splitlines()
    assert [line for line in lines if line.startswith("weir_deliver")] == [
        "weir_deliveries_pending 7",
        "weir_deliveries_dead 2",
        "weir_deliveries_oldest_seconds 61.5",
        "weir_deliveries_paused_targets 1",
        'weir_delivery_attempts_total{outcome="delivered"} 0',
        'weir_delivery_attempts_total{outcome="failed"} 4',
    ]


def test_caps_and_health_are_figures() -> None:
    shown = exposition(
        status(
            health=lambda: [ill(3)],
            caps=lambda: [
                cap(used=7, lent=2, reached=False),
                cap(metric="cost", limit=2_500_000, used=2_500_000, currency="USD"),
            ],
        )
    ).splitlines()
    for line in (
        'weir_cap_used{destination="5",cap="0",metric="clicks",window_hours="24"} 7',
        'weir_cap_lent{destination="5",cap="0",metric="clicks",window_hours="24"} 2',
        'weir_cap_limit{destination="5",cap="1",metric="cost",window_hours="24"} 2.5',
        'weir_cap_reached{destination="5",cap="1",metric="cost",window_hours="24"} 1',
        'weir_destination_health{destination="3",state="unhealthy"} 1',
        'weir_destination_health{destination="3",state="healthy"} 0',
        'weir_destination_probe_seconds{destination="3"} 0.25',
    ):
        assert line in shown
