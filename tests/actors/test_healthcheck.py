"""The healthcheck over a real ledger and destinations that are a dict, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.closings import Closings
from appliance.actors.healthcheck import MOST_AT_ONCE, Healthcheck, url_of
from appliance.actors.kernel import inline_runner
from appliance.errors import Missing, Refused, Unavailable
from appliance.model.catalog import Destination
from appliance.model.events import DestinationHealthEvent, decode
from appliance.model.messages import Closed
from appliance.model.rules import Probe
from appliance.stores.sqlite.ledger import SqliteLedger


class World:
    """The destinations' servers: URL → (status, body, seconds), and who asked when."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes, float]] = {}
        self.asked: list[tuple[float, str, str]] = []
        self.under_way = self.most_under_way = 0

    async def fetch(self, method: str, url: str, seconds: float, most: int) -> tuple[int, bytes]:
        self.asked.append((trio.current_time(), method, url))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            status, body, takes = self.answers.get(url, (200, b"", 0.01))
            with trio.move_on_after(seconds):
                await trio.sleep(takes)
                return status, body[:most]
            raise Refused(f"no answer within {seconds:g} s")
        finally:
            self.under_way -= 1


class Site:
    def __init__(self, path: Path) -> None:
        self.ledger = SqliteLedger(path, lambda: 1_790_000_000_000)
        self.world = World()
        self.closed: list[Mapping[int, str]] = []
        self.full = False
        self.fresh()

    def fresh(self) -> None:
        """A core that has just started."""
        self.healthcheck = Healthcheck(
            store=self,
            fetch=self.world.fetch,
            close=lambda closed: self.closed.append(dict(closed)),
            run_blocking=inline_runner,
            now_us=lambda: 1_790_000_000_000_000 + int(trio.current_time() * 1e6),
        )

    def healths(self):
        return self.ledger.healths()

    def put_health(self, health, event) -> None:
        if self.full:
            raise Unavailable("the disk is full")
        self.ledger.put_health(health, event)

    def events(self) -> list[DestinationHealthEvent]:
        found = [decode(e.body) for box in self.ledger.outboxes() for e in box.read(0, 1_000)]
        return [event for event in found if isinstance(event, DestinationHealthEvent)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db")
    yield made
    made.ledger.close()


def destination(number: int, status: str = "active", **probe) -> Destination:
    return Destination(
        id=number, url=f"https://d{number}.example/?c={{click_id}}&x=1", status=status, probe=Probe(**probe)
    )


async def test_it_asks_on_schedule_and_says_who_is_ill_and_well_again(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    check = site.healthcheck
    check.configure([destination(1, every_s=60, down_after=3, up_after=2, contains="ok")])
    url = "https://d1.example/?c=&x=1"
    site.world.answers[url] = (200, b"all ok", 0.5)
    await nursery.start(check.run)
    await trio.sleep(200)
    assert [round(at) for at, _, _ in site.world.asked] == [0, 60, 120, 180]
    assert site.closed[-1] == {} and check.health()[0].state == "healthy"
    site.world.answers[url] = (500, b"", 0.1)
    await trio.sleep(120)
    assert check.health()[0].state == "healthy" and check.health()[0].failures == 2
    await trio.sleep(60)
    assert site.closed[-1] == {1: "destination_unhealthy"}
    site.world.answers[url] = (200, b"all ok", 7)  # later than its timeout
    await trio.sleep(120)
    assert check.health()[0].last is not None and "no answer within" in check.health()[0].last.error
    site.world.answers[url] = (200, b"ok", 0.1)
    await trio.sleep(120)
    assert site.closed[-1] == {} and check.health()[0].state == "healthy"
    assert [(e.before, e.after, e.status) for e in site.events()] == [
        ("unknown", "healthy", 200), ("healthy", "unhealthy", 500), ("unhealthy", "healthy", 200),
    ]  # fmt: skip


async def test_nothing_restarts_as_healthy(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    url = "https://d1.example/?c=&x=1"
    site.world.answers[url] = (503, b"", 0.1)
    async with trio.open_nursery() as first:
        site.healthcheck.configure([destination(1, up_after=2)])
        await first.start(site.healthcheck.run)
        await trio.sleep(1)
        first.cancel_scope.cancel()
    assert site.closed[-1] == {1: "destination_unhealthy"}
    site.closed.clear()
    site.fresh()
    site.world.answers[url] = (200, b"", 0.1)
    site.healthcheck.configure([destination(1, up_after=2)])
    await nursery.start(site.healthcheck.run)
    assert site.closed[0] == {1: "destination_unhealthy"}, "before any probe"
    await trio.sleep(30)
    assert site.closed[-1] == {1: "destination_unhealthy"}, "one success is not two"
    await trio.sleep(60)
    assert site.closed[-1] == {}


async def test_no_more_than_so_many_at_once_and_nobody_is_left_out(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    for number in range(1, 101):
        site.world.answers[f"https://d{number}.example/?c=&x=1"] = (200, b"", 4)
    site.healthcheck.configure([destination(n, every_s=3600) for n in range(1, 101)])
    await nursery.start(site.healthcheck.run)
    await trio.sleep(60)
    assert site.world.most_under_way == MOST_AT_ONCE
    assert len({url for _, _, url in site.world.asked}) == 100 == len(site.world.asked)


async def test_a_changed_probe_counts_and_an_answer_to_the_old_one_does_not(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    check = site.healthcheck
    site.world.answers["https://d1.example/?c=&x=1"] = (500, b"", 3)
    check.configure([destination(1)])
    await nursery.start(check.run)
    await trio.sleep(1)
    check.configure([destination(1, url="http://other.example/", method="HEAD")])
    await trio.sleep(5)
    assert site.world.asked[-1][1:] == ("HEAD", "http://other.example/")
    assert check.health()[0].state == "healthy" and len(site.events()) == 1
    check.configure([destination(1, status="paused")])
    await trio.sleep(300)
    assert len(site.world.asked) == 2 and check.health() == () and site.closed[-1] == {}


async def test_it_can_be_asked_to_ask_now(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    check = site.healthcheck
    site.world.answers["https://d1.example/?c=&x=1"] = (404, b"", 0.1)
    check.configure([destination(1, every_s=3600), Destination(id=2, url="https://d2.example/")])
    await nursery.start(check.run)
    await trio.sleep(10)
    found = await check.probe(1)
    assert (found.state, found.failures) == ("unhealthy", 2) and len(site.world.asked) == 2
    with pytest.raises(Missing):
        await check.probe(9)
    with pytest.raises(Refused):
        await check.probe(2)


async def test_a_change_acts_at_once_and_is_stored_when_the_disk_has_room(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.full = True
    site.world.answers["https://d1.example/?c=&x=1"] = (404, b"", 0.1)
    site.healthcheck.configure([destination(1)])
    await nursery.start(site.healthcheck.run)
    await trio.sleep(5)
    assert site.closed[-1] == {1: "destination_unhealthy"} and site.events() == []
    assert "full" in site.healthcheck.last_error
    site.full = False
    await trio.sleep(5)
    assert [e.after for e in site.events()] == ["unhealthy"] and site.healthcheck.last_error == ""


async def test_while_the_disk_is_full_others_are_closed_and_opened_all_the_same(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    check = site.healthcheck
    check.configure([destination(n, every_s=10, down_after=1, up_after=1) for n in (1, 2)])
    await nursery.start(check.run)
    await trio.sleep(1)
    site.full = True
    site.world.answers["https://d1.example/?c=&x=1"] = (500, b"", 0.1)
    await trio.sleep(10)
    site.world.answers["https://d2.example/?c=&x=1"] = (500, b"", 0.1)
    await trio.sleep(10)
    assert site.closed[-1].keys() == {1, 2} and "full" in check.last_error
    site.full = False
    await trio.sleep(3)
    assert {each.destination_id: each.state for each in site.healths()} == {1: "unhealthy", 2: "unhealthy"}
    assert not check.last_error


async def test_a_probe_that_is_taken_away_while_somebody_asks_is_told_as_unknown(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    check = site.healthcheck
    site.world.answers["https://d1.example/?c=&x=1"] = (200, b"", 5)
    await nursery.start(check.run)
    check.configure([destination(1)])

    async def change() -> None:
        await trio.sleep(1)
        check.configure([destination(1, status="paused")])

    nursery.start_soon(change)
    assert (await check.probe(1)).state == "unknown"


def test_macros_are_left_empty() -> None:
    assert url_of(Destination(id=1, url="https://x.example/{sub1}?c={click_id}")) == "https://x.example/?c="


def test_nothing_is_said_before_all_have_spoken() -> None:
    said: list[Closed] = []
    closings = Closings(said.append, ("caps", "health"))
    closings.put("caps", {1: "offer_cap_reached"})
    assert said == []
    closings.put("health", {2: "destination_unhealthy"})
    closings.put("health", {2: "destination_unhealthy"})
    assert said == [Closed({1: "offer_cap_reached", 2: "destination_unhealthy"})]
    closings.put("caps", {})
    assert said[-1] == Closed({2: "destination_unhealthy"}) and len(said) == 2
