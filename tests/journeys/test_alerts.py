"""Alerts of the real executable: told by a signed webhook, kept over a kill -9, seen in /metrics."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.journeys.board import Board, running
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


def test_figures_are_there_under_the_founding_documents_names(board: Board) -> None:
    low_disk(board)
    slug = board.campaign({"to": [board.name("offer")]})
    board.visit(f"/c/{slug}")
    board.shipped()
    text = httpx.get(f"{board.weir.admin}/metrics").text
    shown = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for name in ("TotalRecordsProcessed", "TotalRecordsFiltered", "ProcessedMessages", "FailedMessages"):
        assert shown[name] == "0"
    assert "FilteringRatio" not in shown
    assert shown['weir_alerts_open{kind="disk_low"}'] == "1"
    assert int(shown['weir_query_seconds_count{kind="insert"}']) >= 1
    assert shown["weir_optimize_runs_total"] == "0"
