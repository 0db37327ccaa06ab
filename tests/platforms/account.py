"""An account at a double of Meta in a running Weir, and its way in for interpreted events.

account = Account(board, meta.url)
account.send(lines)            # POST /api/events until all of it is taken
account.told()                 # every delivery of its pixel, straight from the ledger's file
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from appliance.partners.report import Report
from tests.journeys.board import Board
from tests.rig import PATIENCE, wait_for
from tests.wire import Address, address_of, exchange

_report = msgspec.msgpack.Decoder(Report)
CAMPAIGN = "120218982145500212"
"""The ad platform's campaign of the lines in ways.py."""


class Told(NamedTuple):
    """A delivery of the pixel; `traces` are the platform's, of its attempts that were answered."""

    number: int
    report: Report
    state: str
    reason: str
    traces: tuple[str, ...]


class Account:
    """Made with its pixel and a subscription, live unless `dry_run`."""

    def __init__(
        self, board: Board, url: str, *, code: str = "px", token: str = "good", **fields: Any
    ) -> None:
        self.board = board
        settings = {"url": url, **fields.pop("settings", {})}
        fields = {"dry_run": False, "requests_per_minute": 60_000, **fields}
        made = board.call(
            "ad_accounts.create", name=board.name("account-"), platform="meta", token=token,
            settings=settings, **fields,
        )  # fmt: skip
        self.id = int(made["id"])
        self.pixel = int(
            board.call("pixels.create", name=board.name("pixel-"), ad_account_id=self.id, code=code)["id"]
        )
        self.target = f"pixel:{self.pixel}"
        renewed = board.call("ad_accounts.renew_intake_token", id=self.id)
        self.intake_token = str(renewed["intake_token"])
        board.settle()

    def subscribe(self, campaign_id: str = CAMPAIGN, **fields: Any) -> int:
        made = self.board.call(
            "subscriptions.create", name=self.board.name("wanted-"), campaign_id=campaign_id, **fields
        )
        return int(made["id"])

    def send(
        self, lines: Sequence[bytes], address: Address | None = None, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """One request of these lines, again until it is answered 200; its answer."""
        body = b"\n".join(lines)
        headers = {
            "Authorization": f"Bearer {self.intake_token}", "Content-Type": "application/x-ndjson"
        }  # fmt: skip

        def once() -> dict[str, Any] | None:
            try:
                answer = exchange(
                    address or address_of(self.board.public), "/api/events", "POST", headers, body, timeout=60
                )
            except (OSError, ValueError):
                return None
            assert answer.status in (200, 429, 503), (answer.status, answer.body[:500])
            if answer.status != 200:
                time.sleep(0.05)
                return None
            found: dict[str, Any] = json.loads(answer.body)
            return found

        taken: dict[str, Any] = wait_for("the events are taken", once, seconds)
        return taken


def counts(data: Path, target: str) -> Counter[str]:
    """How many of a target's deliveries are in each state, asked of the file: it costs the core nothing."""
    with closing(_ledger(data)) as db:
        found = db.execute("select state, rows from delivery_count where target=?", (target,)).fetchall()
    return Counter(dict(found))


def told(data: Path, target: str) -> list[Told]:
    """Every delivery of a target, in the order in which they came."""
    with closing(_ledger(data)) as db:
        traces: dict[int, list[str]] = {}
        for delivery, answer in db.execute(
            "select delivery, answer from attempt where status>0 order by number"
        ):
            traces.setdefault(delivery, []).append(trace_of(answer))
        sql = "select number, body, state, reason from delivery where target=? order by number"
        return [
            Told(number, _report.decode(body), state, reason, tuple(traces.get(number, ())))
            for number, body, state, reason in db.execute(sql, (target,))
        ]


def trace_of(answer: str) -> str:
    """The trace in an answer of Meta's, "" for what has none."""
    try:
        found = json.loads(answer)
    except ValueError:
        return ""
    return str(found.get("error", found).get("fbtrace_id", ""))


def _ledger(data: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"file:{data / 'ledger.db'}?mode=ro", uri=True, timeout=30)
    db.execute("pragma query_only=1")
    return db
