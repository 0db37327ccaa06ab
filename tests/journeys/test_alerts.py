"""Alerts of the real executable: told by a signed webhook, kept over a kill -9, seen in /metrics."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.board import Board, running
from tests.platforms.account import Account, counts
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode
from tests.receivers import Receiver
from tests.rig import wait_for

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Board]:
    """No disk of a test has ten terabytes to spare."""
    with running(
        tmp_path_factory.mktemp("alerts"),
        WEIR_OUTBOUND__ALLOW="127.0.0.0/8",
        WEIR_ALERTS__WEBHOOK=f"{receiver.url}/hooks/s3cret",
        WEIR_ALERTS__WEBHOOK_SECRET=SECRET,
        WEIR_ALERTS__DISK_FREE_MB="10000000",
    ) as found:
        yield found


def told(receiver: Receiver, type: str, kind: str = "") -> list[dict[str, Any]]:
    bodies = [json.loads(each.body) for each in receiver.requests]
    return [it for it in bodies if it["type"] == type and (not kind or it["data"]["kind"] == kind)]


def low_disk(board: Board) -> dict[str, Any]:
    def look() -> Any:
        found = board.call("alerts.list", state="open", kind="disk_low")
        return found["items"] and found["items"][0]["told"] and found

    page: dict[str, Any] = wait_for("an alert of the disk that was told", look)
    [alert] = page["items"]
    assert page["open"] >= 1
    return dict(alert)


def test_it_is_told_once_and_outlives_a_kill(board: Board, receiver: Receiver) -> None:
    alert = low_disk(board)
    assert (alert["about"], alert["told"]) == ("data", ["webhook"])
    [said] = told(receiver, "alert.opened", "disk_low")
    assert said["data"]["id"] == alert["id"] and said["data"]["text"].endswith(
        "MB are free where the data directory is"
    )
    assert {"webhook-id", "webhook-signature", "webhook-timestamp"} <= receiver.requests[0].headers.keys()
    acknowledged = board.call("alerts.acknowledge", id=alert["id"])
    assert acknowledged["acknowledged_us"] and acknowledged["state"] == "open"
    killed = board.weir.kill("core")
    board.weir.wait_child("core", besides=killed)
    wait_for("the core", board.linked)
    again = low_disk(board)
    assert (again["id"], again["acknowledged_us"]) == (alert["id"], acknowledged["acknowledged_us"])
    assert len(told(receiver, "alert.opened", "disk_low")) == 1


def test_a_test_says_whether_it_arrived(board: Board, receiver: Receiver) -> None:
    [channel] = board.call("alerts.test")["channels"]
    assert (channel["name"], channel["to"], channel["error"]) == ("webhook", "127.0.0.1", "")
    assert told(receiver, "alert.test")
    receiver.status = 500
    [channel] = board.call("alerts.test")["channels"]
    receiver.status = 200
    assert channel["error"] == "the webhook was not taken: answered 500"


def figures(board: Board) -> dict[str, str]:
    text = httpx.get(f"{board.weir.admin}/metrics").text
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_figures_are_there_under_the_founding_documents_names(board: Board) -> None:
    low_disk(board)
    slug = board.campaign({"to": [board.name("offer")]})
    board.visit(f"/c/{slug}")
    board.shipped()
    shown = figures(board)
    for name in ("TotalRecordsProcessed", "TotalRecordsFiltered", "ProcessedMessages", "FailedMessages"):
        assert shown[name] == "0"
    assert "FilteringRatio" not in shown
    assert shown['weir_alerts_open{kind="disk_low"}'] == "1"
    assert int(shown['weir_query_seconds_count{kind="insert"}']) >= 1
    assert shown["weir_optimize_runs_total"] == "0"


def test_events_are_counted_and_too_many_bad_ones_are_an_alert(tmp_path: Path) -> None:
    """In a Weir of its own: what it counts is in no other test's figures."""
    with running(tmp_path, WEIR_OUTBOUND__ALLOW="127.0.0.0/8") as board:
        _bad_ones_are_an_alert(board, tmp_path)


def _bad_ones_are_an_alert(board: Board, tmp_path: Path) -> None:
    now_us = time.time_ns() // 1_000
    changes: list[dict[str, Any]] = [
        *[{} for _ in range(20)],
        *[{"pixel_id": "nobodys"} for _ in range(10)],
        *[{"campaign_id": "1"} for _ in range(10)],
    ]
    with MetaProcess(tmp_path / "meta") as meta:
        account = Account(board, meta.url)
        account.subscribe()
        account.send([encode(document(n, now_us, **each)) for n, each in enumerate(changes)])
        wait_for("all told", lambda: counts(board.weir.data, account.target)["delivered"] == 20)

        text = "33 % of the last 30 interpreted events failed, most of all for “Invalid pixel”"

        def look() -> Any:
            found = board.call("alerts.list", state="open", kind="error_ratio")["items"]
            return [each for each in found if each["text"] == text]

        [alert] = wait_for("an alert of errors", look)
        assert alert["about"] == "interpreted events"
        name = f'account="{account.id}",platform="meta"'

        def whole() -> dict[str, str] | None:
            found = figures(board)
            return found if found.get(f"weir_platform_queued{{{name}}}") == "0" else None

        shown = wait_for("the figures of all of it", whole)
    assert (shown["TotalRecordsProcessed"], shown["TotalRecordsFiltered"]) == ("40", "30")
    assert shown["FilteringRatio"] == "75.0"
    assert int(shown["ProcessedMessages"]) >= 1 and shown["FailedMessages"] == "0"
    assert shown['weir_error_ratio{of="interpreted events",label="Invalid pixel"}'].startswith("0.33")
    assert shown[f"weir_platform_success_ratio{{{name}}}"] == "1.0"
