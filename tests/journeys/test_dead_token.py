"""A token that dies on Friday: the account pauses, somebody is told until when and of how much money; with a
new token what is still inside its window is delivered, and the rest says why it is not."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.partners.platform import DAY, MARGIN
from tests.journeys.board import Board, running
from tests.platforms.account import Account, counts, told
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import SECOND, document, encode
from tests.rig import wait_for

TOO_OLD = "Conversion older than 7 days"
SOON = 90
"""Seconds until the oldest ones' window ends, the margin before it included."""


def _event(number: int, at_us: int) -> bytes:
    hour = datetime.fromtimestamp(at_us / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return encode(document(number, at_us, click_timestamp=at_us // SECOND, date_hour=hour))


def _open_alert(board: Board) -> dict[str, Any] | None:
    items = board.call("alerts.list", state="open", kind="token_dead")["items"]
    assert len(items) <= 1, items
    return items[0] if items else None


@pytest.mark.slow
def test_a_token_that_died_on_friday(tmp_path: Path) -> None:
    with (
        MetaProcess(tmp_path / "meta", token="good") as meta,
        running(tmp_path, WEIR_OUTBOUND__ALLOW="127.0.0.0/8") as board,
    ):
        account = Account(board, meta.url, token="died-on-friday")
        account.subscribe()
        now_us = time.time_ns() // 1_000
        deadline_us = now_us + SOON * SECOND
        old = [_event(number, deadline_us - 7 * DAY + MARGIN) for number in range(3)]
        fresh = [_event(number, now_us - 3_600 * SECOND) for number in range(3, 8)]
        account.send(old + fresh)

        alert = wait_for("an alert", lambda: _open_alert(board))
        # Until when, and how much: 8 events of 1.25.
        minute = datetime.fromtimestamp(deadline_us // SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")
        assert re.search(r"8 events worth 10\.00 USD", alert["text"]), alert["text"]
        assert minute in alert["text"], alert["text"]
        assert "died-on-friday" not in alert["text"]
        (shown,) = board.call("ad_accounts.standings")["items"]
        assert (shown["state"], shown["queued"], shown["at_risk"]) == ("paused", 8, {"USD": 10_000_000})
        assert abs(shown["next_deadline_us"] - deadline_us) <= SECOND

        # Nobody acts: what has left its window is given up by its name, the others go on waiting.
        wait_for("the oldest are given up", lambda: counts(board.weir.data, account.target)["dead"] == 3, 240)
        assert counts(board.weir.data, account.target)["pending"] == 5
        wait_for(
            "the alert speaks of the others", lambda: "5 events worth 6.25 USD" in _open_alert(board)["text"]
        )  # type: ignore[index]
        assert meta.figures().counted.total() == 0
        asked = len(meta.heard())
        assert asked <= 4, f"a paused account was asked {asked} times"

        # On Monday somebody does.
        board.call("ad_accounts.change", id=account.id, token="good")
        wait_for("the rest delivered", lambda: counts(board.weir.data, account.target)["delivered"] == 5)
        wait_for("the alert is closed", lambda: _open_alert(board) is None)
        (closed,) = board.call("alerts.list", kind="token_dead")["items"]
        assert closed["state"] == "closed" and closed["id"] == alert["id"]
        found = told(board.weir.data, account.target)
        assert Counter((each.state, each.reason) for each in found) == {
            ("delivered", ""): 5,
            ("dead", TOO_OLD): 3,
        }
        assert set(meta.figures().counted.values()) == {1}
        assert meta.figures().counted.total() == 5
