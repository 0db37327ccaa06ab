"""The cap_poller over real journals, a real ledger's outbox and its own store, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import trio

from appliance.actors.cap_poller import CapPoller
from appliance.actors.gates import Gates
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable
from appliance.model.catalog import Destination
from appliance.model.conversions import Counted, SettledRecord, Settlement
from appliance.model.events import ConversionEvent, CostAdjustment, encode
from appliance.model.messages import Budgets
from appliance.model.rules import Cap
from appliance.model.usage import UsageChange
from appliance.ports import EventLog
from appliance.stores.journal.lives import Life, Lives
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.tails import Tails
from appliance.stores.sqlite.caps import SqliteUsage
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.actors.conversions_rig import click_event

SECOND = 1_000_000
BEGIN = 1_790_000_000 * SECOND
D = 5


def now_us() -> int:
    return BEGIN + int(trio.current_time() * SECOND)


class Edge:
    """An edge process: its life, its journal and its gates, as edge.py ties them together."""

    def __init__(self, site: Site, index: int, limited: Sequence[int] = (D,), settles: bool = False) -> None:
        site.births += 1
        self.site, self.index = site, index
        self.life = Life(site.data, index, 1_790_000_000_000 + site.births)
        self.segment = Segment(
            journal_directory(site.data, index), index, 1_790_000_000_000 + site.births, "process",
            self.life.number,
        )  # fmt: skip
        self.gates = Gates(self.life.number, settled=self.settled if settles else lambda: (0, 0))
        self.gates.limit(limited)
        self.turned_away = 0
        site.edges[index] = self
        self.report()

    def settled(self) -> tuple[int, int]:
        return (self.segment.epoch, self.segment.last) if self.segment.size else (0, 0)

    def report(self) -> None:
        self.site.poller.spending(self.index, self.gates.spending())

    def lend(self, message: Budgets) -> None:
        self.gates.lend(message)
        self.report()

    def click(self, times: int = 1, destination: int = D, cost: int = 0, record: bool = True) -> int:
        """Clicks that come; how many were sent."""
        sent = 0
        for _ in range(times):
            closed = self.gates.availability.get(destination, "")
            if closed:
                self.turned_away += 1
                self.gates.turned_away([(destination, closed, -1)])
                continue
            self.gates.sent[destination] += 1
            if destination in self.gates.limited:
                self.gates.spent(destination)
            sent += 1
            if record:
                event = msgspec.structs.replace(
                    click_event(1), destination_id=destination, at_us=now_us() + self.site.shift, cost=cost
                )
                self.segment.append([encode(event)])
        self.report()
        return sent

    def kill(self) -> None:
        self.segment.close()
        self.life.close()
        self.site.edges.pop(self.index, None)


class Site:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.births = 0
        self.edges: dict[int, Edge] = {}
        self.closed: Mapping[int, str] = {}
        self.conversions: list[Counted] = []
        self.ledger = SqliteLedger(data / "ledger.db", lambda: 1_790_000_000_000)
        self.full = False
        self.lose: Callable[[Budgets], object] | None = None
        """Budgets that are said meanwhile arrive nowhere."""
        self.shift = 0
        self.usage = SqliteUsage(data / "caps.db")
        self.fresh()

    def fresh(self) -> None:
        self.poller = CapPoller(
            store=self,  # type: ignore[arg-type]
            journals=Tails(self.data),
            lives=Lives(self.data),
            ledger=self,
            say=self.say,
            close=self.close,
            run_blocking=inline_runner,
            now_us=self.now_us,
            currency="USD",
        )

    def now_us(self) -> int:
        return now_us() + self.shift

    def end(self) -> None:
        self.usage.close()
        self.ledger.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.usage, name)

    def counted(self, since_us: int) -> Iterator[list[Counted]]:
        """The ledger's conversions, as a test puts them there."""
        return iter([self.conversions] if self.conversions else [])

    def stored(self, *records: SettledRecord) -> None:
        """As the core does: into the ledger's outbox, durable, then a word."""
        self.ledger.commit(Settlement(records=records))
        self.poller.stored()

    def outboxes(self) -> list[EventLog]:
        return self.ledger.outboxes()

    def change(self, change: UsageChange) -> None:
        if self.full:
            raise Unavailable("the disk is full")
        self.usage.change(change)

    def say(self, message: Budgets, edge: int) -> None:
        if self.lose is not None:
            self.lose(message)
        elif edge in self.edges:
            self.edges[edge].lend(message)

    def close(self, closed: Mapping[int, str]) -> None:
        self.closed = closed

    async def chatter(self) -> None:
        """Edges say every second what they spent."""
        while True:
            for edge in list(self.edges.values()):
                edge.report()
            await trio.sleep(1)

    def caps(self, *caps: Cap, number: int = D) -> None:
        self.poller.configure([Destination(id=number, url="https://d.example/", caps=caps)])

    def used(self) -> int:
        return self.poller.report()[0].used


def clicks(limit: int, hours: int = 1) -> Cap:
    return Cap(metric="clicks", limit=str(limit), window_hours=hours)


def adjustment(currency: str, cost: int, shift: int) -> CostAdjustment:
    return CostAdjustment(
        1, "x", now_us() + shift, now_us() + shift, 1, 1, D, 0, 0, 0, cost, currency, "", ""
    )


def conversion(number: str, revision: int, count: int, revenue: int) -> ConversionEvent:
    return ConversionEvent(
        v=1, id=number, revision=revision, at_us=now_us(), known_us=now_us(), status="sale",
        original_status="", event_type="", count=count, revenue=revenue, hold=0, currency="USD",
        transaction_id="", network_id=0, click_id="", click_at_us=0, campaign_id=1, stream_id=1,
        destination_id=D, source_id=0, link_id=0, subs={}, utm={},
    )  # fmt: skip
