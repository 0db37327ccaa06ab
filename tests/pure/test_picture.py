"""What is no news of the appliance: time that goes by."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.model.deliveries import DeliveriesReport
from appliance.model.live import LiveReport
from appliance.model.status import CatalogReport, ConversionsReport, SystemStatus, WarehouseReport
from appliance.reporting.picture import steady

BEFORE = SystemStatus(
    version="1", at_us=1, started_us=1, ready=True, problems=(), degraded=(), catalog=CatalogReport(),
    warehouse=WarehouseReport(state="up"), edges=(), consumers=(), conversions=ConversionsReport(),
    actors=(), holds=(), live=LiveReport(), deliveries=DeliveriesReport(pending=3, oldest_seconds=2.0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "news"),
    [
        ({"at_us": 7, "rss_bytes": 8, "disk_free_bytes": 9}, False),
        ({"deliveries": DeliveriesReport(pending=3, oldest_seconds=9.0)}, False),
        ({"deliveries": DeliveriesReport(pending=2, oldest_seconds=2.0)}, True),
        ({"deliveries": DeliveriesReport(pending=3, attempts={"failed": 1})}, True),
        ({"degraded": ("something",)}, True),
    ],
)
def test_time_alone_is_no_news(change: dict[str, Any], news: bool) -> None:
    after: SystemStatus = msgspec.structs.replace(BEFORE, **change)
    assert (steady(after) != steady(BEFORE)) is news
