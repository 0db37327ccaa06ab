"""The cap_poller over real journals, a real ledger's events and its own store, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.actors.cap_poller import CapPoller
from appliance.actors.gates import Gates
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable
from appliance.model.catalog import Destination
from appliance.model.conversions import Counted
from appliance.model.events import ConversionEvent, CostAdjustment, encode
from appliance.model.messages import Budgets
from appliance.model.rules import Cap
from appliance.model.usage import UsageChange
from appliance.stores.journal.lives import Life, Lives
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.tails import Tails
from appliance.stores.sqlite.caps import SqliteUsage
from tests.actors.conversions_rig import click_event

SECOND = 1_000_000
BEGIN = 1_790_000_000 * SECOND
D = 5


def now_us() -> int:
    return BEGIN + int(trio.current_time() * SECOND)


class Edge:
    """An edge process: its life, its journal and its gates, as edge.py ties them together."""

    def __init__(self, site: Site, index: int, limited: Sequence[int] = (D,)) -> None:
        site.births += 1
        self.site, self.index = site, index
        self.life = Life(site.data, index, 1_790_000_000_000 + site.births)
        self.segment = Segment(
            journal_directory(site.data, index), index, 1_790_000_000_000 + site.births, "process",
            self.life.number,
        )  # fmt: skip
        self.gates = Gates(self.life.number)
        self.gates.limit(limited)
        self.turned_away = 0
        site.edges[index] = self
        self.report()

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
        self.full = False
        self.shift = 0
        self.usage = SqliteUsage(data / "caps.db")
        self.fresh()

    def fresh(self) -> None:
        self.poller = CapPoller(
            store=self,  # type: ignore[arg-type]
            journals=Tails(self.data),
            lives=Lives(self.data),
            counted=lambda since: iter([self.conversions] if self.conversions else []),
            say=self.say,
            close=self.close,
            run_blocking=inline_runner,
            now_us=lambda: now_us() + self.shift,
            currency="USD",
        )

    def __getattr__(self, name: str):
        return getattr(self.usage, name)

    def change(self, change: UsageChange) -> None:
        if self.full:
            raise Unavailable("the disk is full")
        self.usage.change(change)

    def say(self, message: Budgets, edge: int) -> None:
        if edge in self.edges:
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


@pytest.fixture
async def site(tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    nursery.start_soon(made.chatter)
    yield made
    made.usage.close()


def clicks(limit: int, hours: int = 1) -> Cap:
    return Cap(metric="clicks", limit=str(limit), window_hours=hours)


async def test_two_edges_share_a_cap_and_meet_it_exactly_then_again_when_the_window_has_moved(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(100))
    a, b = Edge(site, 0), Edge(site, 1)
    await nursery.start(site.poller.run)
    total = 0
    for _ in range(60):
        await trio.sleep(0.5)
        total += a.click(3) + b.click(2)
    assert total == 100 == site.used() and a.turned_away and b.turned_away
    assert a.gates.availability == {D: "offer_cap_reached"} == b.gates.availability
    site.shift = 3600 * SECOND
    await trio.sleep(2)
    assert b.click(1) + a.click(1) == 2
    await trio.sleep(1)
    assert site.used() == 2


async def test_demand_at_one_edge_gets_what_the_other_holds(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(50))
    Edge(site, 0)
    b = Edge(site, 1)
    await nursery.start(site.poller.run)
    total = 0
    for _ in range(60):
        await trio.sleep(0.3)
        site.edges[0].report()
        total += b.click(2)
    assert total == 50


async def test_what_a_killed_edge_did_not_record_is_lent_again(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(20))
    first = Edge(site, 0)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert first.click(7) == 7
    assert first.click(5, record=False) == 5  # decided, killed before it was durable
    first.kill()
    await trio.sleep(3)
    second = Edge(site, 0)
    total = 7
    for _ in range(20):
        await trio.sleep(0.5)
        total += second.click(2)
    assert total == 20 == site.used()
    assert len(site.usage.lives()) == 1 and len(Lives(site.data).find()) == 1


async def test_a_process_that_is_silent_keeps_what_it_holds(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(20))
    quiet = Edge(site, 0)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert quiet.click(100) == 20
    quiet.kill()
    site.caps(clicks(60))
    quiet = Edge(site, 0)
    await trio.sleep(3)
    assert site.poller.lending.outstanding(D) == 40
    site.edges.pop(0)  # its link is cut; it lives and holds 40
    other = Edge(site, 1)
    for _ in range(20):
        await trio.sleep(1)
        assert other.click(5) == 0
    assert quiet.click(60) == 40
    await trio.sleep(1)
    assert site.used() == 60


async def test_a_core_that_was_killed_lends_nothing_twice(site: Site, autojump_clock: MockClock) -> None:
    total = 0
    edges = []
    for life in range(6):
        site.fresh()
        site.caps(clicks(100))
        async with trio.open_nursery() as nursery:
            if not edges:
                edges = [Edge(site, 0), Edge(site, 1)]
            await nursery.start(site.poller.run)
            for _ in range(2 + life % 3):
                await trio.sleep(0.1)
                total += edges[0].click(4) + edges[1].click(3)
            site.full = True  # nothing of its last moments is written: kill -9
            nursery.cancel_scope.cancel()
        total += edges[0].click(2) + edges[1].click(2)  # while the core is down
        site.full = False
        assert total <= 100
    site.fresh()
    site.caps(clicks(100))
    async with trio.open_nursery() as nursery:
        await nursery.start(site.poller.run)
        for _ in range(60):
            await trio.sleep(0.5)
            total += edges[0].click(4) + edges[1].click(3)
        nursery.cancel_scope.cancel()
    assert total == 100


async def test_nothing_is_lent_that_is_not_written_down(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(10))
    edge = Edge(site, 0)
    site.full = True
    await nursery.start(site.poller.run)
    await trio.sleep(5)
    assert edge.click(5) == 0 and "full" in site.poller.last_error
    site.full = False
    await trio.sleep(3)
    assert edge.click(15) == 10


async def test_a_cap_counts_what_came_before_it_was_set(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    edge = Edge(site, 0, limited=())
    await nursery.start(site.poller.run)
    assert edge.click(30) == 30
    await trio.sleep(2)
    site.caps(clicks(40))
    edge.gates.limit([D])
    total = 0
    for _ in range(10):
        await trio.sleep(0.5)
        total += edge.click(5)
    assert total == 10 and site.used() == 40


async def test_a_lowered_cap_takes_back_and_a_cap_that_goes_opens(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(1_000))
    edge = Edge(site, 0)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert edge.click(10) == 10
    site.caps(clicks(12))
    total = 0
    for _ in range(10):
        await trio.sleep(0.5)
        total += edge.click(5)
    assert total == 2
    site.caps()
    edge.gates.limit(())
    assert edge.click(5) == 5


async def test_cost_acts_within_a_second_and_so_does_cost_that_comes_with_a_conversion(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(Cap(metric="cost", limit="1.5", window_hours=2))
    edge = Edge(site, 0, limited=())
    await nursery.start(site.poller.run)
    edge.click(2, cost=500_000)
    await trio.sleep(1)
    assert site.closed == {}
    edge.click(1, cost=500_000)
    await trio.sleep(1)
    assert site.closed == {D: "offer_cap_reached"}
    site.shift = 7201 * SECOND
    await trio.sleep(1)
    assert site.closed == {}
    for each in (("EUR", 9_000_000), ("USD", 1_499_999)):
        currency, cost = each
        site.poller.stored([_adjustment(currency, cost, site.shift)])
    await trio.sleep(1)
    assert site.closed == {}, "another currency is another matter"
    site.poller.stored([_adjustment("USD", 1, site.shift)])
    await trio.sleep(1)
    assert site.closed == {D: "offer_cap_reached"}
    site.fresh()
    site.caps(Cap(metric="cost", limit="1.5", window_hours=2))
    await nursery.start(site.poller.run)
    await trio.sleep(0.1)
    assert site.closed == {D: "offer_cap_reached"}, "a restart knows it"


async def test_conversions_and_revenue_count_by_revision_however_they_come(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.conversions = [
        Counted("a", 2, D, BEGIN, 1, 4_000_000, "USD"),
        Counted("z", 1, 9, BEGIN, 1, 1, "USD"),
    ]
    caps = (
        Cap(metric="conversions", limit="3", window_hours=24),
        Cap(metric="revenue", limit="10", window_hours=24),
    )
    site.caps(*caps)
    site.poller.stored([_conversion("a", 1, 1, 3_000_000), _conversion("a", 2, 0, 1_000_000)])
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert [each.used for each in site.poller.report()] == [1, 4_000_000], "known from the ledger already"
    site.poller.stored([_conversion("b", 1, 1, 5_000_000)])
    await trio.sleep(0.9)
    assert site.closed == {}
    site.poller.stored([_conversion("b", 2, 0, 1_000_000)])
    await trio.sleep(0.9)
    assert site.closed == {D: "offer_cap_reached"} and site.poller.report()[1].reached
    site.poller.stored([_conversion("b", 3, -1, -6_000_000)])
    await trio.sleep(0.9)
    assert site.closed == {} and [each.used for each in site.poller.report()] == [1, 4_000_000]


async def test_usage_is_thinned_and_forgotten(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    edge = Edge(site, 0, limited=())
    await nursery.start(site.poller.run)
    for _ in range(30):
        edge.click(1)
        await trio.sleep(10)
    assert len(site.usage.took(D, 0)) == 30
    for hours, width in ((4, 60), (54, 3600)):
        site.shift = hours * 3600 * SECOND
        site.poller._tidy()
        rows = site.usage.took(D, 0)
        assert {row.width_s for row in rows} == {width} and sum(row.clicks for row in rows) == 30
    edge.kill()
    await trio.sleep(3)
    for path in journal_directory(site.data, 0).glob("*"):
        path.unlink()  # as the publisher does when all have read it
    site.shift = 40 * 24 * 3600 * SECOND
    site.poller._tidy()
    assert site.usage.took(D, 0) == [] and site.usage.offsets() == {}


def _adjustment(currency: str, cost: int, shift: int) -> CostAdjustment:
    return CostAdjustment(
        1, "x", now_us() + shift, now_us() + shift, 1, 1, D, 0, 0, 0, cost, currency, "", ""
    )


def _conversion(number: str, revision: int, count: int, revenue: int) -> ConversionEvent:
    return ConversionEvent(
        v=1, id=number, revision=revision, at_us=now_us(), known_us=now_us(), status="sale",
        original_status="", event_type="", count=count, revenue=revenue, hold=0, currency="USD",
        transaction_id="", network_id=0, click_id="", click_at_us=0, campaign_id=1, stream_id=1,
        destination_id=D, source_id=0, link_id=0, subs={}, utm={},
    )  # fmt: skip
