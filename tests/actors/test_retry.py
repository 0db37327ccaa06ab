"""The delivery outbox over a real store and receivers that are functions, in virtual time."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.kernel import inline_runner
from appliance.actors.retry import Limits, Retry
from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Attempt, Delivery, Selection, Stored, delivery_id
from appliance.partners.patience import Outcome
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger

START = 1_790_000_000_000_000
OK = Outcome(True)
Answer = Callable[["World", str, str], tuple[float, Outcome]]


class Killed(BaseException):
    """kill -9, as far as the actor can tell."""


class World:
    """Receivers: target → how it answers, how long it takes to reach, and what they processed. Outlives the
    actor."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.connects: dict[str, float] = {}
        self.asked: list[tuple[float, str, str]] = []
        self.processed: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_in_all = 0

    async def carry(self, stored: Stored, sent: Callable[[], None]) -> tuple[Attempt, Outcome]:
        it = stored.delivery
        self.asked.append((trio.current_time(), it.target, it.id))
        self.under_way[it.target] += 1
        self.most[it.target] = max(self.most[it.target], self.under_way[it.target])
        self.most_in_all = max(self.most_in_all, self.under_way.total())
        try:
            answer = self.answers.get(it.target, at_once)
            takes, outcome = answer(self, it.target, it.id)
            if it.target in self.connects:
                await trio.sleep(self.connects[it.target])
            sent()
            await trio.sleep(takes)
            if outcome.delivered:
                self.processed[it.id] += 1
            attempt = Attempt(at_us=START, latency_us=int(takes * 1e6), request="r", error=outcome.reason)
            return attempt, outcome
        finally:
            self.under_way[it.target] -= 1

    def times(self, target: str) -> list[float]:
        return [at for at, asked, _ in self.asked if asked == target]


def at_once(world: World, target: str, key: str) -> tuple[float, Outcome]:
    return 0.01, OK


def fails(reason: str = "answered 500", takes: float = 0.01, **more: Any) -> Answer:
    return lambda world, target, key: (takes, Outcome(False, reason, **more))


class Site:
    """One ledger file; the actor over it may be killed and begun again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world = World()
        self.gates: dict[str, str] = {}
        self.step: Callable[[str], None] = lambda name: None
        self.away = False
        self.ledger = SqliteLedger(path, lambda: START // 1000)
        self.store = SqliteDeliveries(path, lambda name: self.step(name))
        self.draw = random.Random(1).random
        self._made = 0

    def now_us(self) -> int:
        return START + int(trio.current_time() * 1e6)

    def retry(self, **limits: Any) -> Retry:
        async def blocking(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if self.away:
                raise Unavailable("the disk is full")
            return await inline_runner(fn, *args, **kwargs)

        return Retry(
            store=self.store,
            carry=self.world.carry,
            gate=lambda target: self.gates.get(target, "open" if target.startswith("postback:") else ""),
            run_blocking=blocking,
            now_us=self.now_us,
            draw=self.draw,
            limits=Limits(**limits),
        )

    def put(self, target: str, count: int = 1, hours: float = 72.0) -> list[str]:
        made = []
        for _ in range(count):
            self._made += 1
            made.append(
                Delivery(
                    id=delivery_id(target, str(self._made)),
                    target=target,
                    conversion_id=f"c{self._made}",
                    revision=1,
                    campaign_id=0,
                    created_us=self.now_us(),
                    not_before_us=self.now_us(),
                    deadline_us=self.now_us() + int(hours * 3.6e9),
                    body=b"\x80",
                )
            )
        self.ledger.commit(Settlement(deliveries=made))
        return [each.id for each in made]

    def states(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for states in self.store.counts().values():
            found.update(states)
        return found

    def close(self) -> None:
        self.ledger.close()
        self.store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db")
    yield made
    made.close()


async def test_what_is_due_is_delivered_at_once_when_woken(site: Site, autojump_clock: MockClock) -> None:
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(0.5)
        began = trio.current_time()
        site.put("postback:1", 5)
        retry.wake()
        await trio.sleep(0.1)
        assert [at - began for at in site.world.times("postback:1")] == pytest.approx([0] * 5, abs=0.02)
        assert site.states() == {"delivered": 5}
        assert retry.report().attempts == {"delivered": 5}
        nursery.cancel_scope.cancel()


async def test_a_failure_is_tried_again_after_longer_and_longer_drawn_pauses_under_the_same_id(
    site: Site, autojump_clock: MockClock
) -> None:
    tries = 0

    def sixth(world: World, target: str, key: str) -> tuple[float, Outcome]:
        nonlocal tries
        tries += 1
        return (0.0, OK) if tries == 6 else (0.0, Outcome(False, "answered 503"))

    site.world.answers["postback:1"] = sixth
    site.draw = lambda: 1.0
    retry = site.retry()
    (key,) = site.put("postback:1")
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(600)
        nursery.cancel_scope.cancel()
    times = site.world.times("postback:1")
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == pytest.approx([5, 10, 20, 40, 80], abs=0.1)
    assert {asked for _, _, asked in site.world.asked} == {key}
    found = site.store.get(key)
    assert found is not None
    assert (found[0].state, found[0].attempts) == ("delivered", 6)
    assert [each.error for each in found[1]] == ["answered 503"] * 5 + [""]


async def test_retry_after_is_waited_for(site: Site, autojump_clock: MockClock) -> None:
    site.world.answers["postback:1"] = fails("answered 429", asked=300.0)
    site.put("postback:1")
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(299)
        assert len(site.world.asked) == 1
        await trio.sleep(3)
        assert len(site.world.asked) == 2
        nursery.cancel_scope.cancel()


async def test_past_the_deadline_it_is_dead_after_a_last_attempt(
    site: Site, autojump_clock: MockClock
) -> None:
    site.world.answers["postback:1"] = fails()
    site.put("postback:1", hours=1 / 60)
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(120)
        nursery.cancel_scope.cancel()
    assert site.states() == {"dead": 1}
    assert site.world.times("postback:1")[-1] == pytest.approx(60, abs=1)
    (found,) = site.store.select(Selection(), 2**62, 1)
    assert found.reason == "deadline passed: answered 500"
    assert retry.report().dead == 1


async def test_slow_and_dead_receivers_delay_nobody_else(site: Site, autojump_clock: MockClock) -> None:
    """More of them than attempts may be shared, each with more to tell than it may have under way."""
    for number in range(100, 220):
        site.world.answers[f"postback:{number}"] = fails("no answer within 15 s", takes=15.0)
        site.put(f"postback:{number}", 12)
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(1)
        for _ in range(30):
            keys = site.put("postback:1", 3)
            retry.wake()
            await trio.sleep(0.2)
            assert all(site.world.processed[key] for key in keys)
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert site.world.most_in_all <= 121 + Limits.shared
    assert max(site.world.most.values()) <= Limits.per_target


async def test_many_at_once_stay_within_the_bounds_and_all_arrive(
    site: Site, autojump_clock: MockClock
) -> None:
    for number in range(1, 21):
        site.world.answers[f"postback:{number}"] = lambda world, target, key: (1.0, OK)
        site.put(f"postback:{number}", 40)
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert site.states() == {"delivered": 800}
    assert site.world.most_in_all <= 20 + Limits.shared
    assert max(site.world.most.values()) == Limits.per_target
    assert min(site.world.most.values()) > 1, "what is shared goes round"


async def test_with_more_targets_than_places_each_has_its_turn(site: Site, autojump_clock: MockClock) -> None:
    for number in range(1, 31):
        site.world.answers[f"postback:{number}"] = lambda world, target, key: (1.0, OK)
        site.put(f"postback:{number}", 3)
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry(in_all=7).run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert site.states() == {"delivered": 90}
    assert site.world.most_in_all == 7


async def test_a_target_is_paused_after_failures_probed_and_resumed(
    site: Site, autojump_clock: MockClock
) -> None:
    dead = True

    def answer(world: World, target: str, key: str) -> tuple[float, Outcome]:
        return (0.01, Outcome(False, "connection refused")) if dead else (0.01, OK)

    site.world.answers["postback:1"] = answer
    site.put("postback:1", 50)
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(60)
        assert retry.report().paused == ("postback:1",)
        asked = len(site.world.asked)
        assert asked <= 8 + 10 + 2, "the first ones at once, then one by one, then a probe"
        await trio.sleep(3600)
        probes = len(site.world.asked) - asked
        assert 3 <= probes <= 14
        dead = False
        await trio.sleep(901)
        assert site.states() == {"delivered": 50}
        assert retry.report().paused == ()
        nursery.cancel_scope.cancel()
    assert site.store.standings() == []


async def test_a_pause_outlives_a_restart_and_an_operator_ends_it(
    site: Site, autojump_clock: MockClock
) -> None:
    site.world.answers["postback:1"] = fails()
    site.put("postback:1", 20)
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    asked = len(site.world.asked)
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(1)
        assert retry.report().paused == ("postback:1",)
        assert len(site.world.asked) - asked <= 1
        del site.world.answers["postback:1"]
        site.store.replay(Selection(targets=("postback:1",)), 0, 100, site.now_us(), START + 10**15)
        await retry.resume(["postback:1"])
        await trio.sleep(2)
        assert site.states() == {"delivered": 20}
        nursery.cancel_scope.cancel()


async def test_what_a_paused_target_was_to_be_told_ends_with_its_deadline(
    site: Site, autojump_clock: MockClock
) -> None:
    site.world.answers["postback:1"] = fails()
    site.put("postback:1", 100, hours=0.5)
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(2 * 3600)
        nursery.cancel_scope.cancel()
    assert site.states() == {"dead": 100}


async def test_a_target_that_an_operator_paused_waits_and_one_that_is_gone_ends(
    site: Site, autojump_clock: MockClock
) -> None:
    site.gates |= {"postback:1": "held", "postback:2": "gone"}
    site.put("postback:1")
    (gone,) = site.put("postback:2")
    site.put("meta:3")  # the reporter's
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(50)
        assert site.world.asked == []
        found = site.store.get(gone)
        assert found is not None
        assert (found[0].state, found[0].reason) == ("dead", "its target is not there any more")
        site.gates["postback:1"] = "open"
        await trio.sleep(2)
        assert [target for _, target, _ in site.world.asked] == ["postback:1"]
        nursery.cancel_scope.cancel()
    assert site.store.counts()["meta:3"] == {"pending": 1}


async def test_a_paused_target_that_is_taken_away_is_paused_no_more(
    site: Site, autojump_clock: MockClock
) -> None:
    site.world.answers["postback:1"] = fails()
    site.put("postback:1", 20)
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(100)
        assert retry.report().paused == ("postback:1",)
        site.gates["postback:1"] = "gone"
        await trio.sleep(3)
        assert site.states() == {"dead": 20}
        assert retry.report().paused == ()
        assert site.store.standings() == []
        nursery.cancel_scope.cancel()


async def test_a_life_that_is_killed_is_followed_when_its_leases_run_out(
    site: Site, autojump_clock: MockClock
) -> None:
    site.world.answers["postback:1"] = lambda world, target, key: (10.0, OK)
    (key,) = site.put("postback:1")
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(70)
        nursery.cancel_scope.cancel()
    times = site.world.times("postback:1")
    assert times == pytest.approx([0, Limits.lease], abs=1.1)
    assert site.states() == {"delivered": 1}
    assert site.world.processed == {key: 1}


async def test_two_lives_never_attempt_the_same_at_once(site: Site, autojump_clock: MockClock) -> None:
    holders: dict[str, int] = defaultdict(int)

    def answer(world: World, target: str, key: str) -> tuple[float, Outcome]:
        holders[key] += 1
        assert holders[key] == 1, "it is under way already"
        return 2.0, OK

    for number in range(1, 6):
        site.world.answers[f"postback:{number}"] = answer
        site.put(f"postback:{number}", 30)
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await nursery.start(site.retry().run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert site.states() == {"delivered": 150}
    assert set(site.world.processed.values()) == {1}


async def test_while_the_store_is_away_results_are_kept_and_nothing_is_sent_twice(
    site: Site, autojump_clock: MockClock
) -> None:
    site.world.answers["postback:1"] = lambda world, target, key: (1.0, OK)
    site.put("postback:1", 8)
    retry = site.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(0.5)
        site.away = True
        await trio.sleep(20)
        assert retry.report().last_error == "the disk is full"
        assert site.states() == {"pending": 8}
        site.away = False
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert site.states() == {"delivered": 8}
    assert len(site.world.asked) == 8
    assert retry.report().last_error == ""


async def test_a_delivery_that_nobody_foresaw_stops_no_other(site: Site, autojump_clock: MockClock) -> None:
    def broken(world: World, target: str, key: str) -> tuple[float, Outcome]:
        raise RuntimeError("a fault of ours")

    site.world.answers["postback:1"] = broken
    (bad,) = site.put("postback:1")
    site.put("postback:2", 10)
    async with trio.open_nursery() as nursery:
        await nursery.start(site.retry().run)
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert site.store.counts()["postback:2"] == {"delivered": 10}
    found = site.store.get(bad)
    assert found is not None
    assert (found[0].state, found[0].reason) == ("pending", "Weir failed to make the request: RuntimeError")


@pytest.mark.parametrize("seed", range(6))
async def test_killed_between_any_two_steps_every_delivery_arrives_and_counts_once(
    site: Site, autojump_clock: MockClock, seed: int
) -> None:
    """A receiver that loses 30 % of its answers after processing; the program dies at random steps."""
    dice = random.Random(seed)
    site.draw = dice.random
    got: dict[str, Counter[str]] = defaultdict(Counter)

    def flaky(world: World, target: str, key: str) -> tuple[float, Outcome]:
        got[target][key] += 1
        lost = dice.random() < 0.3
        return dice.random(), Outcome(False, "no answer") if lost else OK

    wanted: dict[str, list[str]] = {}
    for number in range(1, 4):
        site.world.answers[f"postback:{number}"] = flaky
        wanted[f"postback:{number}"] = site.put(f"postback:{number}", 25)

    for life in range(40):
        left = dice.randrange(1, 40)

        def step(name: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        site.step = step if life < 25 else lambda name: None
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(site.retry().run)
                await trio.sleep(dice.uniform(0, 100))
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            assert group.split(Killed)[1] is None
    assert site.states() == {"delivered": 75}
    assert site.store.waiting() == []
    assert {target: set(seen) for target, seen in got.items()} == {
        target: set(ids) for target, ids in wanted.items()
    }
