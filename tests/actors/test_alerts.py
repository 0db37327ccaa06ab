"""One open alert per cause, closed when it ends, told to everybody once, kept over restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.alerts import Alerts, Limits, Look
from appliance.actors.kernel import inline_runner
from appliance.errors import Missing, Unavailable
from appliance.model.alerts import Alarm, Alert
from appliance.model.status import QueueReport, RecentReport
from appliance.stores.sqlite.alerts import SqliteAlerts
from tests.actors.conversions_rig import START_US

LIMITS = Limits()
DISK = Alarm("disk_low", "data", "17 MB are free where the data directory is")
AWAY = Alarm("warehouse_away", "warehouse", "the reports' database does not answer")


class Ear:
    """Remembers what it is told, unless it is deaf."""

    def __init__(self, name: str) -> None:
        self.name, self.to = name, name
        self.deaf = False
        self.heard: list[str] = []
        self.tries = 0

    async def tell(self, opened: Sequence[Alert], closed: Sequence[Alert]) -> Sequence[str]:
        await self._listen()
        self.heard += [f"+{it.about}" for it in opened] + [f"-{it.about}" for it in closed]
        return [it.id for it in (*opened, *closed)]

    async def test(self) -> None:
        await self._listen()
        self.heard.append("test")

    async def _listen(self) -> None:
        await trio.sleep(0.5)
        self.tries += 1
        if self.deaf:
            raise Unavailable("nobody listens")


class Tower:
    """The actor over a real file, in virtual time; what is wrong is a list."""

    def __init__(self, data: Path) -> None:
        self.path = data / "ledger.db"
        self.store = SqliteAlerts(self.path)
        self.wrong: list[Alarm] = []
        self.full = self.blind = False
        self.ears = [Ear("mail:ann@example.com"), Ear("webhook")]
        self.hire()

    def hire(self, limits: Limits = LIMITS) -> None:
        self.actor = Alerts(
            store=self,
            queues=self.queues,
            look=lambda queues: Look(
                tuple(self.wrong), RecentReport(conversions_per_minute=float(len(queues)))
            ),
            hold=lambda kind: 300.0 if kind == "warehouse_away" else 0.0,
            tellers=self.ears,
            run_blocking=inline_runner,
            now_us=lambda: START_US + int(trio.current_time() * 1e6),
            limits=limits,
        )

    async def queues(self) -> Sequence[QueueReport]:
        await trio.lowlevel.checkpoint()
        if self.blind:
            raise Unavailable("the outbox is locked")
        return [QueueReport(name="postback:1", depth=3)]

    def load(self) -> list[Alert]:
        return self.store.load()

    def save(self, put: Sequence[Alert], gone: Sequence[str]) -> None:
        if self.full:
            raise Unavailable("the disk is full")
        self.store.save(put, gone)

    @property
    def heard(self) -> list[list[str]]:
        return [ear.heard for ear in self.ears]

    def stored(self) -> list[tuple[str, str]]:
        return sorted((it.about, it.state) for it in self.store.load())

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Alerts]:
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: self.actor.run(task_status=task_status))
            await trio.sleep(1)
            yield self.actor
            nursery.cancel_scope.cancel()

    def killed(self) -> None:
        """kill -9: what was not stored is gone."""
        self.store.close()
        self.store = SqliteAlerts(self.path)
        self.hire()


@pytest.fixture
def tower(tmp_path: Path) -> Iterator[Tower]:
    made = Tower(tmp_path)
    yield made
    made.store.close()


async def looks(count: int = 1) -> None:
    await trio.sleep(LIMITS.look * count + 1)


async def test_a_cause_is_one_alert_until_it_ends(tower: Tower, autojump_clock: MockClock) -> None:
    tower.wrong = [DISK]
    async with tower.watching() as actor:
        await looks(3)
        [alert] = actor.alerts()
        assert (alert.kind, alert.about, alert.text, alert.state) == (*DISK, "open")
        tower.wrong = [DISK._replace(text="9 MB are free")]
        await looks()
        [same] = actor.alerts()
        assert (same.id, same.text) == (alert.id, "9 MB are free")
        assert tower.heard == [["+data"], ["+data"]], "news of the same is not told"
        tower.wrong = []
        await trio.sleep(LIMITS.calm + LIMITS.look + 2)
        [ended] = actor.alerts()
        assert (ended.id, ended.state) == (alert.id, "closed")
        assert tower.heard == [["+data", "-data"], ["+data", "-data"]]
        tower.wrong = [DISK]
        await looks()
        assert [it.state for it in actor.alerts()] == ["open", "closed"]
        assert actor.alerts()[0].id != alert.id


async def test_what_flaps_is_one_alert(tower: Tower, autojump_clock: MockClock) -> None:
    async with tower.watching() as actor:
        for _ in range(6):
            tower.wrong = [DISK]
            await looks()
            tower.wrong = []
            await looks(2)
        assert (actor.opened, tower.heard[0]) == (1, ["+data"])


async def test_a_cause_must_last_where_its_kind_says_so(tower: Tower, autojump_clock: MockClock) -> None:
    async with tower.watching() as actor:
        tower.wrong = [AWAY]
        await trio.sleep(290)
        tower.wrong = []
        await looks()
        tower.wrong = [AWAY]
        await trio.sleep(290)
        assert not actor.alerts()
        await looks(2)
        assert [it.about for it in actor.alerts()] == ["warehouse"]


async def test_a_restart_tells_nothing_twice_and_closes_what_ended_meanwhile(
    tower: Tower, autojump_clock: MockClock
) -> None:
    tower.wrong = [DISK, Alarm("edge_away", "edge 0", "edge 0 is not connected to the core")]
    async with tower.watching():
        await looks()
    tower.killed()
    tower.wrong = [DISK]
    async with tower.watching() as actor:
        await looks()
        assert [it.state for it in actor.alerts()] == ["open", "open"], "not at the first look"
        await trio.sleep(LIMITS.calm + LIMITS.look)
        assert tower.stored() == [("data", "open"), ("edge 0", "closed")]
        assert tower.heard[1] == ["+data", "+edge 0", "-edge 0"]


async def test_a_full_disk_is_told_although_nothing_can_be_stored(
    tower: Tower, autojump_clock: MockClock
) -> None:
    tower.full = True
    tower.wrong = [DISK]
    async with tower.watching() as actor:
        await looks()
        assert tower.heard == [["+data"], ["+data"]] and tower.stored() == []
        assert actor.fault() == "the disk is full"
        tower.full = False
        await looks()
        assert tower.stored() == [("data", "open")] and actor.fault() == ""


async def test_who_cannot_be_told_is_told_later_and_nobody_else_waits(
    tower: Tower, autojump_clock: MockClock
) -> None:
    mail, hook = tower.ears
    mail.deaf = True
    tower.wrong = [DISK]
    async with tower.watching() as actor:
        await looks()
        assert tower.heard == [[], ["+data"]]
        assert actor.fault() == "mail:ann@example.com is not told: nobody listens"
        tower.wrong = []
        await trio.sleep(LIMITS.calm + 2 * LIMITS.look)
        tried = mail.tries
        mail.deaf = False
        await trio.sleep(LIMITS.retry_longest)
        assert tower.heard == [["-data"], ["+data", "-data"]], "of what has ended already only that is news"
        assert mail.tries == tried + 1 and actor.fault() == ""
        [ended] = actor.alerts()
        assert set(ended.told) == set(ended.ended) == {mail.name, hook.name}


async def test_tries_get_rarer_and_old_news_is_none(tower: Tower, autojump_clock: MockClock) -> None:
    mail, _ = tower.ears
    mail.deaf = True
    tower.wrong = [DISK]
    async with tower.watching():
        await trio.sleep(3600)
        assert mail.tries <= 10
        tower.wrong = []
        await trio.sleep(LIMITS.give_up + 2 * LIMITS.retry_longest)
        mail.deaf = False
        await trio.sleep(2 * LIMITS.retry_longest)
        assert mail.heard == []


async def test_what_nobody_was_told_before_a_kill_is_told_after_it(
    tower: Tower, autojump_clock: MockClock
) -> None:
    for ear in tower.ears:
        ear.deaf = True
    tower.wrong = [DISK]
    async with tower.watching():
        await looks()
    for ear in tower.ears:
        ear.deaf = False
    tower.killed()
    async with tower.watching():
        await looks()
        assert tower.heard == [["+data"], ["+data"]]


async def test_one_that_was_seen_stays_open_and_says_by_whom(tower: Tower, autojump_clock: MockClock) -> None:
    tower.wrong = [DISK]
    async with tower.watching() as actor:
        await looks()
        [alert] = actor.alerts()
        assert (await actor.acknowledge(alert.id, "Ann")).acknowledged_by == "Ann"
        assert (await actor.acknowledge(alert.id, "Bob")).acknowledged_by == "Ann", "the first one"
        await looks(3)
        assert tower.heard[0] == ["+data"]
        with pytest.raises(Missing):
            await actor.acknowledge("0" * 32, "Ann")
        tower.full = True
        tower.wrong = [DISK, AWAY._replace(kind="actor_down")]
        await looks()
        other = next(it for it in actor.alerts() if it.kind == "actor_down")
        with pytest.raises(Unavailable, match="full"):
            await actor.acknowledge(other.id, "Ann")
        tower.full = False
    tower.killed()
    async with tower.watching() as actor:
        assert [it.acknowledged_by for it in actor.alerts() if it.kind == "disk_low"] == ["Ann"]


async def test_a_test_reaches_everybody_at_once_and_says_who_did_not_hear_it(
    tower: Tower, autojump_clock: MockClock
) -> None:
    tower.ears[1].deaf = True
    async with tower.watching() as actor:
        began = trio.current_time()
        mail, hook = await actor.test()
        assert trio.current_time() == began + 0.5
        assert (mail.name, mail.error, hook.error) == ("mail:ann@example.com", "", "nobody listens")
        assert mail.told_us and not hook.told_us
        assert tower.heard == [["test"], []]


async def test_beyond_its_bound_causes_are_counted_and_closed_ones_forgotten(
    tower: Tower, autojump_clock: MockClock
) -> None:
    tower.hire(Limits(most_open=3, keep_closed=2, at_once=2))
    tower.wrong = [DISK._replace(about=f"disk {n}") for n in range(5)]
    async with tower.watching() as actor:
        await looks()
        assert len(actor.alerts()) == 3 and actor.passed_over >= 2
        assert len(tower.ears[0].heard) == 3, "by twos"
        tower.wrong = []
        await trio.sleep(LIMITS.calm + 2 * LIMITS.look)
        assert [it.state for it in actor.alerts()] == ["closed"] * 2
        assert [state for _, state in tower.stored()] == ["closed"] * 2


async def test_a_rule_with_a_fault_ends_neither_the_actor_nor_an_alert(
    tower: Tower, autojump_clock: MockClock
) -> None:
    tower.wrong = [DISK]
    async with tower.watching() as actor:
        await looks()
        tower.wrong = None  # type: ignore[assignment]
        await trio.sleep(2 * LIMITS.calm)
        assert [it.state for it in actor.alerts()] == ["open"]
        assert actor.fault() == "a rule has a fault: TypeError"
        tower.wrong = [DISK]
        await looks()
        assert actor.fault() == "" and actor.opened == 1


async def test_figures_of_the_last_look_are_there_and_an_outbox_that_is_away_hides_nothing(
    tower: Tower, autojump_clock: MockClock
) -> None:
    async with tower.watching() as actor:
        assert [it.name for it in actor.queues()] == ["postback:1"]
        assert actor.recent().conversions_per_minute == 1.0
        tower.blind = True
        tower.wrong = [DISK]
        await looks()
        assert [it.about for it in actor.alerts()] == ["data"]
        assert actor.fault() == "the outbox is locked"
