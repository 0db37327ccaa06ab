"""The delivery outbox in virtual time: what is due is told, what fails is told again."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from appliance.model.deliveries import Selection
from appliance.partners.patience import Outcome
from tests.actors.retry_rig import OK, Outbox, World, fails


async def test_what_is_due_is_delivered_at_once_when_woken(outbox: Outbox, autojump_clock: MockClock) -> None:
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(0.5)
        began = trio.current_time()
        outbox.put("postback:1", 5)
        retry.wake()
        await trio.sleep(0.1)
        assert [at - began for at in outbox.world.times("postback:1")] == pytest.approx([0] * 5, abs=0.02)
        assert outbox.states() == {"delivered": 5}
        assert retry.report().attempts == {"delivered": 5}
        nursery.cancel_scope.cancel()


async def test_a_failure_is_tried_again_after_longer_and_longer_drawn_pauses_under_the_same_id(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    tries = 0

    def sixth(world: World, target: str, key: str) -> tuple[float, Outcome]:
        nonlocal tries
        tries += 1
        return (0.0, OK) if tries == 6 else (0.0, Outcome(False, "answered 503"))

    outbox.world.answers["postback:1"] = sixth
    outbox.draw = lambda: 1.0
    retry = outbox.retry()
    (key,) = outbox.put("postback:1")
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(600)
        nursery.cancel_scope.cancel()
    times = outbox.world.times("postback:1")
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == pytest.approx([5, 10, 20, 40, 80], abs=0.1)
    assert {asked for _, _, asked in outbox.world.asked} == {key}
    found = outbox.store.get(key)
    assert found is not None
    assert (found[0].state, found[0].attempts) == ("delivered", 6)
    assert [each.error for each in found[1]] == ["answered 503"] * 5 + [""]


async def test_retry_after_is_waited_for(outbox: Outbox, autojump_clock: MockClock) -> None:
    outbox.world.answers["postback:1"] = fails("answered 429", asked=300.0)
    outbox.put("postback:1")
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(299)
        assert len(outbox.world.asked) == 1
        await trio.sleep(3)
        assert len(outbox.world.asked) == 2
        nursery.cancel_scope.cancel()


async def test_past_the_deadline_it_is_dead_after_a_last_attempt(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = fails()
    outbox.put("postback:1", hours=1 / 60)
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(120)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"dead": 1}
    assert outbox.world.times("postback:1")[-1] == pytest.approx(60, abs=1)
    (found,) = outbox.store.select(Selection(), 2**62, 1)
    assert found.reason == "deadline passed: answered 500"
    assert retry.report().dead == 1


async def test_a_target_that_an_operator_paused_waits_and_one_that_is_gone_ends(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.gates |= {"postback:1": "held", "postback:2": "gone"}
    outbox.put("postback:1")
    (gone,) = outbox.put("postback:2")
    outbox.put("meta:3")  # the reporter's
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(50)
        assert outbox.world.asked == []
        found = outbox.store.get(gone)
        assert found is not None
        assert (found[0].state, found[0].reason) == ("dead", "its target is not there any more")
        outbox.gates["postback:1"] = "open"
        await trio.sleep(2)
        assert [target for _, target, _ in outbox.world.asked] == ["postback:1"]
        nursery.cancel_scope.cancel()
    assert outbox.store.counts()["meta:3"] == {"pending": 1}


async def test_while_the_store_is_away_results_are_kept_and_nothing_is_sent_twice(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = lambda world, target, key: (1.0, OK)
    outbox.put("postback:1", 8)
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(0.5)
        outbox.away = True
        await trio.sleep(20)
        assert retry.report().last_error == "the disk is full"
        assert outbox.states() == {"pending": 8}
        outbox.away = False
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"delivered": 8}
    assert len(outbox.world.asked) == 8
    assert retry.report().last_error == ""


async def test_a_delivery_that_nobody_foresaw_stops_no_other(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    def broken(world: World, target: str, key: str) -> tuple[float, Outcome]:
        raise RuntimeError("a fault of ours")

    outbox.world.answers["postback:1"] = broken
    (bad,) = outbox.put("postback:1")
    outbox.put("postback:2", 10)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert outbox.store.counts()["postback:2"] == {"delivered": 10}
    found = outbox.store.get(bad)
    assert found is not None
    assert (found[0].state, found[0].reason) == ("pending", "Weir failed to make the request: RuntimeError")
