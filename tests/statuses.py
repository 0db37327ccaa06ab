"""The status of an appliance in which all is well, but for what a test names."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from appliance.alarms import Thresholds
from appliance.model.interpreted import IntakeReport
from appliance.model.platforms import AccountReport
from appliance.model.status import (
    CatalogReport,
    ConversionsReport,
    EdgeStatus,
    SystemStatus,
    WarehouseReport,
)
from tests.doors import edge_status

NOW = 1_795_000_000_000_000  # 2026-11-18 11:06:40 UTC
MINUTE = 60_000_000
HOUR = 60 * MINUTE
LIMITS = Thresholds()
META = AccountReport(
    account_id=7, name="Main", platform="meta", target="account:7", state="sending", dry_run=False
)
FOLDER = IntakeReport(name="folder", kind="folder")


def sound(**journal: Any) -> EdgeStatus:
    """An edge with which all is well, but for what is named of its journal."""
    edge = edge_status()
    assert edge.report is not None
    wanted = {"mode": "recording", "unrecorded": 0, **journal}
    report = replace(edge.report, journal=replace(edge.report.journal, **wanted))
    return replace(edge, connected=True, refused="", report=report)


def status(**fields: Any) -> SystemStatus:
    """All is well, but for what is named."""
    return replace(
        SystemStatus(
            version="1",
            at_us=NOW,
            started_us=NOW - HOUR,
            ready=True,
            problems=(),
            degraded=(),
            catalog=CatalogReport(),
            warehouse=WarehouseReport(state="up"),
            edges=(sound(),),
            consumers=(),
            conversions=ConversionsReport(),
            actors=(),
            holds=(),
            disk_free_bytes=LIMITS.disk_free_bytes,
        ),
        **fields,
    )
