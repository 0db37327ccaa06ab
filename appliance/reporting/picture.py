"""Whether the appliance has changed: its status without what moves by itself."""

from __future__ import annotations

from msgspec.structs import replace

from appliance.model.live import LiveReport
from appliance.model.status import EdgeStatus, SystemStatus


def steady(status: SystemStatus) -> SystemStatus:
    """The status without clocks, ages and sizes, so that two of an idle appliance are equal."""
    return replace(
        status,
        at_us=0,
        rss_bytes=0,
        disk_free_bytes=0,
        edges=tuple(map(_steady_edge, status.edges)),
        consumers=tuple(
            replace(each, behind_seconds=0.0, caught_up_us=0) if not each.behind_seconds else each
            for each in status.consumers
        ),
        live=LiveReport(),
        deliveries=replace(status.deliveries, oldest_seconds=0.0),
    )


def _steady_edge(edge: EdgeStatus) -> EdgeStatus:
    edge = replace(edge, report_age_seconds=0.0, disk_free_bytes=0)
    if edge.report is None:
        return edge
    journal = replace(edge.report.journal, bytes=0, wal_bytes=0, commits=0)
    report = replace(edge.report, at_us=0, table_age_us=0, rss_bytes=0, journal=journal)
    return replace(edge, report=report)
