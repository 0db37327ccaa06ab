"""Real journals, a real ledger and a warehouse that is a dict, around the conversions actor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from appliance.actors.conversions import Conversions, Limits
from appliance.actors.kernel import inline_runner
from appliance.attribution.rates import Rates
from appliance.errors import Unavailable
from appliance.model.catalog import Network, Template
from appliance.model.conversions import ClickFacts
from appliance.model.events import (
    ClickEvent,
    ClickIdentity,
    ConversionEvent,
    DecisionInputs,
    PostbackLogEvent,
    decode,
    encode,
)
from appliance.model.ids import click_id
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.tails import Tails
from appliance.stores.sqlite.ledger import SqliteLedger

START_US = 1_767_225_600_000_000


class Killed(BaseException):
    """kill -9, as far as the actor can tell."""


def click(number: int) -> str:
    """The id of the click with this number."""
    return click_id(START_US // 1000, number)


def facts(number: int) -> ClickFacts:
    return ClickFacts(
        id=click(number),
        at_us=START_US,
        campaign_id=number + 1,
        stream_id=2,
        destination_id=3,
        source_id=4,
        network_id=5,
        link_id=6,
        subs={1: f"s{number}"},
        utm={"source": "u"},
    )


def click_event(number: int) -> ClickEvent:
    it = facts(number)
    return ClickEvent(
        v=1, id=it.id, at_us=it.at_us, revision=1, door="c", decision="send", reason="",
        campaign_id=it.campaign_id, stream_id=2, destination_id=3, source_id=4, network_id=5, link_id=6,
        counted=True, flags=(), subs=it.subs, utm=it.utm, source_click_id="", cost=0, currency="USD",
        user_agent="a", referrer="", language="", host="h", address="192.0.2.0", query="q", request_id="r",
        inputs=DecisionInputs(),
    )  # fmt: skip


class Rig:
    """One data directory; the actor over it may be started, stopped, killed and started again."""

    def __init__(self, data: Path, hours: float = 0.02, **limits: Any) -> None:
        self.data = data
        self.hours = hours
        self.limits = Limits(**limits)
        self.networks: dict[int, Network] = {7: Network(id=7, slug="net")}
        self.units: dict[int, str] = {}
        """Campaign → the currency its conversions count in."""
        self.rates = Rates()
        self.templates: dict[int, Template] = {}
        self.warehouse: dict[str, ClickFacts] = {}
        self.away = False
        self.looked_up: list[tuple[float, tuple[str, ...]]] = []
        self.held: set[int] = set()
        self.broken: list[tuple[int, int, str]] = []
        self.kill_at: int | None = None
        self.fault: Callable[[str], None] = lambda step: None
        self._edges: dict[int, Segment] = {}
        self._segments = 0
        self.sent = 0
        self.shipped: list[PostbackLogEvent | ConversionEvent] = []
        self._lives = 0
        self.open()

    def now_us(self) -> int:
        return START_US + int(trio.current_time() * 1_000_000)

    # The appliance's side

    def open(self) -> None:
        """A new process life."""
        self._lives += 1
        self.ledger = SqliteLedger(
            self.data / "ledger.db", lambda: START_US // 1000 + self._lives, self._step
        )
        self.journals = Tails(self.data)
        self.hire()

    def hire(self) -> None:
        """An actor over what is open: a stopped one does not start again."""
        self.actor = Conversions(
            ledger=self.ledger,
            journals=self.journals,
            lookup_clicks=lambda ids: self.lookup(ids),
            network=self.networks.get,
            template=self.templates.get,
            currency="USD",
            click_wait_hours=self.hours,
            held=self.held.__contains__,
            broken=lambda edge, epoch, reason: self.broken.append((edge, epoch, reason)),
            run_blocking=inline_runner,
            now_us=self.now_us,
            limits=self.limits,
            unit=lambda campaign: self.units.get(campaign, ""),
            rates=lambda: self.rates,
        )

    def shut(self) -> None:
        self.journals.close()
        self.ledger.close()

    def close(self) -> None:
        self.shut()
        for segment in self._edges.values():
            segment.close()

    def restart(self) -> None:
        self.shut()
        self.open()

    def _step(self, name: str) -> None:
        self.fault(name)
        if self.kill_at is not None:
            self.kill_at -= 1
            if self.kill_at < 0:
                self.kill_at = None
                raise Killed(name)

    async def lookup(self, ids: Sequence[str]) -> Mapping[str, ClickFacts]:
        self.looked_up.append((trio.current_time(), tuple(ids)))
        await trio.sleep(0.01)
        if self.away:
            raise Unavailable("the warehouse is away")
        return {id_: self.warehouse[id_] for id_ in ids if id_ in self.warehouse}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Conversions]:
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: self.actor.run(task_status=task_status))
            yield self.actor
            self.actor.stop()

    async def live(self, seconds: float, *, reopen: bool = True) -> None:
        """Run for a while, then stop; a kill on the way ends this life, and the next one begins.

        Without `reopen` only a kill does that: after a stop another actor takes over the open stores.
        """
        try:
            async with self.running():
                await trio.sleep(seconds)
        except* Killed:
            self.restart()
        else:
            if reopen:
                self.restart()
            else:
                self.hire()

    async def killed_beside(self, work: Callable[[], Awaitable[object]], after: int) -> None:
        """Run with `work` beside it until a kill, so many steps of the ledger later; then begin anew."""
        try:
            async with self.running(), trio.open_nursery() as nursery:
                self.kill_at = after
                nursery.start_soon(work)
                await trio.sleep(1)
        except* (Killed, Unavailable):
            pass
        self.kill_at = None
        self.restart()

    # The edges' side

    def edge(self, number: int) -> Segment:
        if number not in self._edges:
            self._segments += 1
            self._edges[number] = Segment(
                journal_directory(self.data, number), number, START_US // 1000 + self._segments, "process"
            )
        return self._edges[number]

    def appending(self) -> list[int]:
        """The edges that have a segment; edge 0 always does."""
        self.edge(0)
        return sorted(self._edges)

    def rotate(self, number: int) -> None:
        """The edge leaves its segment; the next append makes a new one."""
        self._edges.pop(number).close()

    def click(self, number: int, edge: int = 0) -> None:
        identity = ClickIdentity(1, click(number), START_US, "192.0.2.7")
        self.edge(edge).append([encode(click_event(number)), encode(identity)])

    def postback(
        self, number: int | str | None, edge: int = 0, at_us: int | None = None, **params: str
    ) -> str:
        """A received postback for the click `number`; returns its id."""
        event = self.received(number, at_us, **params)
        self.send(event, edge)
        return event.id

    def send(self, event: PostbackLogEvent, edge: int = 0) -> None:
        self.edge(edge).append([encode(event)])

    def received(self, number: int | str | None, at_us: int | None = None, **params: str) -> PostbackLogEvent:
        self.sent += 1
        if number is not None:
            params["cid"] = click(number) if isinstance(number, int) else number
        at = START_US + self.sent if at_us is None else at_us
        return PostbackLogEvent(
            1, f"p{self.sent}", at, "received", "", "", 7, "GET", params, "192.0.2.0", f"r{self.sent}"
        )

    # What came out

    def ship_outbox(self, wholly: bool) -> None:
        """Take the outbox, or its first half, into `shipped`, as the publisher does."""
        for log in self.ledger.outboxes():
            entries = log.read(0, 10**6)
            some = entries if wholly else entries[: len(entries) // 2]
            for entry in some:
                record = decode(entry.body)
                assert isinstance(record, PostbackLogEvent | ConversionEvent)
                self.shipped.append(record)
            if some:
                self.ledger.outbox_drop(log.epoch, some[-1].seq)

    def records(self) -> list[PostbackLogEvent | ConversionEvent]:
        entries = [entry for log in self.ledger.outboxes() for entry in log.read(0, 10**6)]
        decoded = [decode(entry.body) for entry in entries]
        assert all(isinstance(record, PostbackLogEvent | ConversionEvent) for record in decoded)
        return decoded  # type: ignore[return-value]

    def conversions(self) -> list[ConversionEvent]:
        return [record for record in self.records() if isinstance(record, ConversionEvent)]

    def outcomes(self) -> list[tuple[str, str]]:
        """(postback id, outcome) in the order they were logged."""
        return [
            (record.id, record.outcome) for record in self.records() if isinstance(record, PostbackLogEvent)
        ]

    def reasons(self) -> dict[str, str]:
        return {record.id: record.reason for record in self.records() if isinstance(record, PostbackLogEvent)}
