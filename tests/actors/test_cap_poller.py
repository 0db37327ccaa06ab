"""The cap_poller: budgets, restarts, money and conversions."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from appliance.model.conversions import Counted
from appliance.model.rules import Cap
from appliance.stores.journal.lives import Lives
from appliance.stores.journal.reader import journal_directory
from tests.actors.caps_rig import BEGIN, SECOND, D, Edge, Site, adjustment, clicks, conversion


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
    edges: list[Edge] = []
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


async def test_cost_acts_within_a_second_and_so_does_cost_that_comes_with_aconversion(
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
        site.stored(adjustment(currency, cost, site.shift))
    await trio.sleep(1)
    assert site.closed == {}, "another currency is another matter"
    site.stored(adjustment("USD", 1, site.shift))
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
    site.stored(conversion("a", 1, 1, 3_000_000), conversion("a", 2, 0, 1_000_000))
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert [each.used for each in site.poller.report()] == [1, 4_000_000], "known from the ledger already"
    site.stored(conversion("b", 1, 1, 5_000_000))
    await trio.sleep(0.9)
    assert site.closed == {}
    site.stored(conversion("b", 2, 0, 1_000_000))
    await trio.sleep(0.9)
    assert site.closed == {D: "offer_cap_reached"} and site.poller.report()[1].reached
    site.stored(conversion("b", 3, -1, -6_000_000))
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
