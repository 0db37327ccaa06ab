"""The cap_poller when something is lost, late, killed or set back."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from appliance.errors import Unavailable
from appliance.model.conversions import Counted
from appliance.model.messages import Budgets
from appliance.model.rules import Cap
from appliance.ports import Piece
from appliance.stores.journal.lives import Lives
from appliance.stores.journal.tails import Tails
from tests.actors.caps_rig import SECOND, D, Edge, Site, adjustment, clicks, conversion


async def test_cost_that_was_stored_the_moment_before_a_kill_is_counted_once(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    cap = Cap(metric="cost", limit="1.5", window_hours=2)
    site.caps(cap)
    async with trio.open_nursery() as core:
        await core.start(site.poller.run)
        await trio.sleep(1)
        site.full = True  # nothing more of this core's is written: kill -9
        site.stored(adjustment("USD", 700_000, 0))
        await trio.sleep(0.1)
        core.cancel_scope.cancel()
    site.full = False
    for _ in range(3):
        site.fresh()
        site.caps(cap)
        async with trio.open_nursery() as core:
            await core.start(site.poller.run)
            await trio.sleep(3)
            assert site.used() == 700_000
            core.cancel_scope.cancel()


async def test_conversions_are_counted_once_whether_the_ledger_tells_them_or_its_outbox(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.stored(conversion("a", 1, 1, 5_000_000))
    await nursery.start(site.poller.run)
    site.caps(Cap(metric="revenue", limit="90", window_hours=24))
    site.conversions = [Counted("a", 1, D, site.now_us(), 1, 5_000_000, "USD")]
    await trio.sleep(1)
    assert site.used() == 5_000_000
    site.stored(conversion("a", 2, 0, 1_000_000))
    await trio.sleep(1)
    assert site.used() == 6_000_000
    site.stored(conversion("a", 3, 0, 1_000_000))
    site.caps(Cap(metric="revenue", limit="95", window_hours=24))
    site.conversions = [Counted("a", 3, D, site.now_us(), 1, 7_000_000, "USD")]
    await trio.sleep(1)
    assert site.used() == 7_000_000


async def test_a_budget_that_was_lost_on_its_way_is_told_again(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(40))
    lost: list[Budgets] = []
    site.lose = lost.append
    edge = Edge(site, 0)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert lost and edge.click(5) == 0
    site.lose = None
    await trio.sleep(6)
    assert edge.click(50) == 40


async def test_a_clock_that_was_set_back_while_the_core_was_away_stops_no_lending(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    cap = clicks(40)
    site.caps(cap)
    edge = Edge(site, 0)
    async with trio.open_nursery() as core:
        await core.start(site.poller.run)
        await trio.sleep(1)
        assert edge.click(10) == 10
        await trio.sleep(1)
        core.cancel_scope.cancel()
    site.shift = -1800 * SECOND
    site.fresh()
    site.caps(clicks(60))
    edge.report()
    await nursery.start(site.poller.run)
    total = 10
    for _ in range(20):
        await trio.sleep(0.5)
        total += edge.click(10)
    assert total == 60 == site.used()


async def test_a_process_that_begins_while_the_living_are_counted_is_not_dead(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(40))

    class Late(Lives):
        """An edge begins and is heard of after the directory was read and before that is known."""

        def find(self) -> dict[int, tuple[int, bool]]:
            found = super().find()
            if not site.edges:
                Edge(site, 0)
            return found

    site.poller._lives = Late(site.data)
    await nursery.start(site.poller.run)
    await trio.sleep(3)
    assert len(Lives(site.data).find()) == 1
    assert site.poller.lending.outstanding(D) == 40 and site.edges[0].click(50) == 40


async def test_lost_clicks_are_lent_again_although_other_clicks_never_pause(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(20))
    edge = Edge(site, 0, settles=True)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert edge.click(8, record=False) == 8  # a full disk
    passes, total = 0, 0

    class Flowing(Tails):
        """Every read finds another click."""

        def read(self, *args: Any) -> list[Piece]:
            nonlocal passes, total
            passes += 1
            if passes < 300:
                edge.click(1, destination=9)
                total += edge.click(1)
            return super().read(*args)

    flowing = Flowing(site.data)
    flowing.discover()
    site.poller._journals = flowing
    await trio.sleep(1)
    assert passes >= 300 and total == 20


async def test_one_segment_that_cannot_be_read_stops_no_other_edge(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(20))
    a, b = Edge(site, 0), Edge(site, 1)

    class Broken(Lives):
        def of(self, edge: int, epoch: int) -> int:
            if edge == 1 and broken:
                raise Unavailable("the disk says no")
            return super().of(edge, epoch)

    broken = True
    site.poller._lives = Broken(site.data)
    await nursery.start(site.poller.run)
    b.click(1, destination=9)
    await trio.sleep(2)
    assert a.click(3) == 3
    await trio.sleep(1)
    assert site.used() == 3
    broken = False
    total = 3
    for _ in range(40):
        await trio.sleep(0.5)
        total += a.click(1) + b.click(1)
    assert total == 20 == site.used()


async def test_an_edge_without_the_table_of_a_first_cap_sends_on_and_the_cap_says_that_it_is_exceeded(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    late, ready = Edge(site, 0, limited=()), Edge(site, 1, limited=())
    await nursery.start(site.poller.run)
    site.caps(clicks(30))
    ready.gates.limit([D])
    total = 0
    for _ in range(10):
        await trio.sleep(0.5)
        total += late.click(5) + ready.click(1)
    await trio.sleep(1)
    [cap] = site.poller.report()
    assert total > 30 and cap.used == total and cap.exceeded and cap.reached
    assert ready.click(1) == 0
    late.gates.limit([D])
    assert late.click(5) == 0


async def test_a_budget_is_taken_back_by_halves_however_late_the_answer_comes(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(64))
    rich = Edge(site, 0)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    said: list[Budgets] = []
    site.lose = lambda message: said.append(message) if message.life == rich.life.number else None
    poor = Edge(site, 1)
    for _ in range(8):
        poor.click(1)
        await trio.sleep(0.2)
    assert [message.ceilings[D] for message in said[:1]] == [32]
    assert all(message.ceilings[D] == 32 for message in said)


async def test_what_left_a_window_counts_again_when_the_clock_is_set_back(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.caps(clicks(20))
    edge = Edge(site, 0)
    await nursery.start(site.poller.run)
    await trio.sleep(1)
    assert edge.click(30) == 20
    await trio.sleep(1)
    site.shift = 3601 * SECOND
    await trio.sleep(2)
    site.shift = 0
    await trio.sleep(2)
    assert site.used() == 20 and edge.click(5) == 0
