"""A receiver that fails again and again is paused, probed and resumed."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from appliance.model.deliveries import Selection
from appliance.partners.patience import Outcome
from tests.actors.retry_rig import OK, START, Outbox, World, fails


async def test_a_target_is_paused_after_failures_probed_and_resumed(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    dead = True

    def answer(world: World, target: str, key: str) -> tuple[float, Outcome]:
        return (0.01, Outcome(False, "connection refused")) if dead else (0.01, OK)

    outbox.world.answers["postback:1"] = answer
    outbox.put("postback:1", 50)
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(60)
        assert retry.report().paused == ("postback:1",)
        asked = len(outbox.world.asked)
        assert asked <= 8 + 10 + 2, "the first ones at once, then one by one, then a probe"
        await trio.sleep(3600)
        probes = len(outbox.world.asked) - asked
        assert 3 <= probes <= 14
        dead = False
        await trio.sleep(901)
        assert outbox.states() == {"delivered": 50}
        assert retry.report().paused == ()
        nursery.cancel_scope.cancel()
    assert outbox.store.standings() == []


async def test_a_pause_outlives_a_restart_and_an_operator_ends_it(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = fails()
    outbox.put("postback:1", 20)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    asked = len(outbox.world.asked)
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(1)
        assert retry.report().paused == ("postback:1",)
        assert len(outbox.world.asked) - asked <= 1
        del outbox.world.answers["postback:1"]
        outbox.store.replay(Selection(targets=("postback:1",)), 0, 100, outbox.now_us(), START + 10**15)
        await retry.resume(["postback:1"])
        await trio.sleep(2)
        assert outbox.states() == {"delivered": 20}
        nursery.cancel_scope.cancel()


async def test_what_a_paused_target_was_to_be_told_ends_with_its_deadline(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = fails()
    outbox.put("postback:1", 100, hours=0.5)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(2 * 3600)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"dead": 100}


async def test_a_paused_target_that_is_taken_away_is_paused_no_more(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = fails()
    outbox.put("postback:1", 20)
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(100)
        assert retry.report().paused == ("postback:1",)
        outbox.gates["postback:1"] = "gone"
        await trio.sleep(3)
        assert outbox.states() == {"dead": 20}
        assert retry.report().paused == ()
        assert outbox.store.standings() == []
        nursery.cancel_scope.cancel()
