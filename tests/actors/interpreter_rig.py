"""The interpreter over a real ledger's file and a pixel of Meta's, and lives of it that are killed."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from appliance.actors.intakes import Intakes
from appliance.actors.interpreter import Interpreter
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable
from appliance.model.catalog import AdAccount, Pixel, Subscription
from appliance.model.events import ReportConversion, decode
from appliance.partners.announcing import Announcements
from appliance.partners.reckoning import Known, Progress, Reckoned
from appliance.partners.report import Identity, Report
from appliance.partners.subscribing import Subscriptions
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.interpreted import SqliteInterpreted
from appliance.stores.sqlite.ledger import SqliteLedger

START_US = 1_790_000_000_000_000
PIXEL, CAMPAIGN = "1234567890", "120218982145500212"
ADDRESS = "203.0.113.77"


class Killed(BaseException):
    """kill -9, as far as the interpreter can tell."""


class Sealer:
    """Seals into what only it understands."""

    def seal(self, identity: Identity, at_us: int) -> bytes:
        return b"sealed:" + msgspec.msgpack.encode(msgspec.to_builtins(identity))[::-1]

    def open(self, sealed: bytes) -> Identity:
        return msgspec.msgpack.decode(sealed.removeprefix(b"sealed:")[::-1], type=Identity)


class Frail:
    """A store whose process dies, or whose disk refuses, at the commits of these numbers."""

    def __init__(self, store: SqliteInterpreted) -> None:
        self.store = store
        self.commits = 0
        self.dies_before: set[int] = set()
        self.dies_after: set[int] = set()
        self.refuses: set[int] = set()
        self.doubts: set[int] = set()
        """Stored, and yet said to have failed."""

    def taken(self, batch_id: str) -> int:
        return self.store.taken(batch_id)

    def known(self, ids: Sequence[str]) -> Mapping[str, Known]:
        return self.store.known(ids)

    def crowded(self, targets: Collection[str]) -> str:
        return self.store.crowded(targets)

    def count(self) -> int:
        return self.store.count()

    def commit(self, progress: Progress, reckoned: Reckoned, now_us: int) -> None:
        self.commits += 1
        if self.commits in self.dies_before:
            raise Killed
        if self.commits in self.refuses:
            raise Unavailable("the disk is full")
        self.store.commit(progress, reckoned, now_us)
        if self.commits in self.dies_after:
            raise Killed
        if self.commits in self.doubts:
            raise Unavailable("disk I/O error")


class Site:
    """One installation; `interpreter` is this life's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "ledger.db"
        self.now_us = START_US
        self.outbox_full = False
        self.held: set[str] = set()
        self.posted = 0
        self.ledger = SqliteLedger(self.path, lambda: self.now_us // 1_000)
        self.deliveries = SqliteDeliveries(self.path)
        self.store = Frail(SqliteInterpreted(self.path, self.ledger))
        self.sealer = Sealer()
        self.announcements = Announcements()
        self.pixel()
        self.subscriptions = [Subscription(id=1, name="s", campaign_id=CAMPAIGN)]
        self.begin()

    def pixel(self, status: str = "active", **changed: Any) -> None:
        account = AdAccount(id=1, name="a", platform="meta")
        pixel = Pixel(
            **{"id": 7, "name": "p", "ad_account_id": 1, "code": PIXEL, "status": status, **changed}
        )
        self.announcements.configure([account], [pixel])

    def begin(self) -> Interpreter:
        """Another life on the same files."""
        self.intakes = Intakes(self.store.store, inline_runner, lambda: self.now_us)
        self.interpreter = Interpreter(
            store=self.store,
            announcer=self.announcements,
            sealer=self.sealer,
            intakes=self.intakes,
            run_blocking=inline_runner,
            now_us=lambda: self.now_us,
            outbox_full=lambda: self.outbox_full,
            held=self.held.__contains__,
            posted=self._posted,
        )
        self.interpreter.configure(Subscriptions(self.subscriptions), {1: {PIXEL, "123"}})
        return self.interpreter

    def _posted(self) -> None:
        self.posted += 1

    def subscribe(self, *subscriptions: Subscription) -> None:
        self.subscriptions = list(subscriptions)
        self.interpreter.configure(Subscriptions(self.subscriptions))

    # What came of it

    def reports(self) -> list[Report]:
        with sqlite3.connect(self.path) as db:
            bodies = db.execute("select body from delivery order by number").fetchall()
        return [msgspec.msgpack.decode(body, type=Report) for (body,) in bodies]

    def names(self) -> Counter[str]:
        return Counter(report.event_name for report in self.reports())

    def records(self) -> list[ReportConversion]:
        found = []
        for box in self.ledger.outboxes():
            for _, body in box.read(0, 1_000_000):
                record = decode(body)
                assert isinstance(record, ReportConversion)
                found.append(record)
        return found

    def worth(self) -> int:
        return sum(report.value or 0 for report in self.reports())

    def close(self) -> None:
        self.store.store.close()
        self.deliveries.close()
        self.ledger.close()


def event(number: int = 0, **changed: Any) -> dict[str, Any]:
    """An event of its own session, as a network's data have it."""
    return {
        "session_id": f"session-{number}",
        "keyword_clicked": "suv deals",
        "network": "tonic",
        "traffic_source": "facebook",
        "pixel_id": PIXEL,
        "campaign_id": CAMPAIGN,
        "click_timestamp": START_US // 1_000_000 - 3_600,
        "ts_click_id": f"IwAR{number}",
        "ip": ADDRESS,
        "user_agent": "Mozilla/5.0 (Test)",
        "country_code": "US",
        "region": "NewYork",
        "city": "New York",
        "conversions": 1,
        "revenue": 1.5,
        **changed,
    }


def lines(*events: dict[str, Any]) -> list[bytes]:
    return [json.dumps(each).encode() for each in events]
