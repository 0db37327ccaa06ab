"""What /metrics says: Efflux's figures under its names, and those of accounts, queues and alerts."""

from __future__ import annotations

from msgspec.structs import replace

from appliance.metrics import exposition
from appliance.model.alerts import Alert, Channel
from appliance.model.interpreted import InterpreterReport
from appliance.model.platforms import PixelReport
from appliance.model.status import (
    QUERY_BOUNDS,
    AlertsReport,
    QueryReport,
    QueueReport,
    RecentReport,
    SystemStatus,
    UpkeepReport,
)
from tests.statuses import FOLDER, META, NOW, status

MORE = len(QUERY_BOUNDS) - 1


def lines(made: SystemStatus) -> dict[str, str]:
    text = exposition(made)
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_effluxs_figures_have_its_names_and_a_ratio_of_nothing_is_absent() -> None:
    before = lines(status())
    assert {name: before[name] for name in ("TotalRecordsProcessed", "TotalRecordsFiltered")} == {
        "TotalRecordsProcessed": "0",
        "TotalRecordsFiltered": "0",
    }
    assert (before["ProcessedMessages"], before["FailedMessages"]) == ("0", "0")
    assert "FilteringRatio" not in before
    assert not [name for name in before if "ratio" in name or "per_minute" in name]
    after = lines(
        status(
            interpreter=InterpreterReport(processed=80, passed=20, labels={"Invalid pixel": 5}),
            intakes=(replace(FOLDER, batches=3, failed=1, waiting=4), replace(FOLDER, name="api", batches=2)),
        )
    )
    assert after["FilteringRatio"] == "25.0"
    assert (after["TotalRecordsProcessed"], after["TotalRecordsFiltered"]) == ("80", "20")
    assert (after["ProcessedMessages"], after["FailedMessages"]) == ("5", "1")
    assert after['weir_intake_waiting{intake="folder"}'] == "4"
    assert 'weir_intake_waiting{intake="api"}' not in after
    assert after['weir_error_ratio{of="interpreted events",label="Invalid pixel"}'] == "0.25"


def test_figures_of_accounts_queues_statements_upkeep_and_alerts() -> None:
    alert = Alert(id="a", kind="disk_low", about="data", text="t", opened_us=1, seen_us=1)
    shown = lines(
        status(
            accounts=(
                replace(
                    META,
                    queued=4,
                    oldest_us=NOW - 9_000_000,
                    next_deadline_us=NOW + 60_000_000,
                    at_risk={"USD": 1_500_000},
                    accepted=9,
                    refused=1,
                    refused_by={"No consent": 1},
                    answers={"accepted": 3, "retry": 1},
                    unreconciled=4,
                    pixels=(PixelReport(target="pixel:4", pixel_id=4, code="1", paused_us=NOW),),
                ),
                replace(META, account_id=8, target="account:8"),
            ),
            queues=(QueueReport(name="postback:3", depth=2, oldest_us=NOW - 5_000_000, dead=1),),
            queries=(QueryReport(kind="report", count=3, seconds=1.5, buckets=(1, *[3] * MORE)),),
            upkeep=UpkeepReport(
                runs=2, partitions=1, rows_before=10, rows_after=7, last_us=NOW, last_seconds=0.5
            ),
            recent=RecentReport(conversions_per_minute=2.5, error_ratios={"account:7": 0.1}),
            alerts=AlertsReport(
                open=(alert,),
                kinds={"disk_low": 1},
                opened=3,
                channels=(Channel(name="webhook", to="x", error="no"),),
            ),
        )
    )
    for name, value in {
        "weir_conversions_per_minute": "2.5",
        'weir_recent_error_ratio{of="account:7"}': "0.1",
        'weir_platform_success_ratio{account="7",platform="meta"}': "0.75",
        'weir_platform_unreconciled_total{account="7",platform="meta"}': "4",
        'weir_platform_pixels_paused{account="7",platform="meta"}': "1",
        'weir_platform_oldest_seconds{account="7",platform="meta"}': "9.0",
        'weir_platform_deadline_seconds{account="7",platform="meta"}': "60.0",
        'weir_platform_at_risk{account="7",platform="meta",currency="USD"}': "1.5",
        'weir_error_ratio{of="account:7",label="No consent"}': "0.1",
        'weir_queue_depth{queue="postback:3"}': "2",
        'weir_queue_oldest_seconds{queue="postback:3"}': "5.0",
        'weir_query_seconds_bucket{kind="report",le="0.005"}': "1",
        'weir_query_seconds_bucket{kind="report",le="+Inf"}': "3",
        'weir_query_seconds_sum{kind="report"}': "1.5",
        'weir_query_seconds_count{kind="report"}': "3",
        "weir_optimize_rows_before_total": "10",
        "weir_optimize_rows_after_total": "7",
        "weir_optimize_last_seconds": "0.5",
        "weir_alerts": "1",
        'weir_alerts_open{kind="disk_low"}': "1",
        'weir_alert_channel_up{to="webhook"}': "0",
    }.items():
        assert shown[name] == value, name
    assert 'weir_platform_success_ratio{account="8",platform="meta"}' not in shown
    text = exposition(
        status(queries=(QueryReport(kind="a", count=0, seconds=0.0, buckets=(0,) * len(QUERY_BOUNDS)),))
    )
    assert text.count("# TYPE weir_query_seconds histogram") == 1
