"""The delivery outbox stops, and its targets are mended: nothing waits longer than it must."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.retry import Limits
from appliance.model.deliveries import Selection
from tests.actors.retry_rig import OK, Outbox, fails


async def test_what_was_not_sent_when_it_stopped_is_sent_at_once_by_the_next_life(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    for target in ("postback:1", "postback:2"):
        outbox.world.answers[target] = lambda world, target, key: (10, OK)
    outbox.world.connects["postback:1"] = 10
    (unsent,) = outbox.put("postback:1")
    (sent,) = outbox.put("postback:2")
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    outbox.world.connects.clear()
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(70)
        nursery.cancel_scope.cancel()
    assert outbox.world.times("postback:1") == pytest.approx([0, 1], abs=0.1)
    # The other one may have arrived.
    assert outbox.world.times("postback:2") == pytest.approx([0, Limits.lease], abs=1.1)
    assert outbox.world.processed == {unsent: 1, sent: 1}
    found = outbox.store.get(unsent)
    assert found is not None
    assert (found[0].state, found[0].attempts, len(found[1])) == ("delivered", 1, 1)


async def test_results_that_wait_for_the_store_are_stored_when_it_stops(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = lambda world, target, key: (1.0, OK)
    outbox.put("postback:1", 8)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry(stored_again=1e6).run)
        await trio.sleep(0.5)
        outbox.away = True
        await trio.sleep(20)
        assert outbox.states() == {"pending": 8}
        outbox.away = False
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"delivered": 8}
    assert {each.attempts for each in outbox.store.select(Selection(), 2**62, 10)} == {1}


async def test_a_store_that_is_away_holds_up_no_stop(outbox: Outbox, autojump_clock: MockClock) -> None:
    outbox.world.connects["postback:1"] = 10
    outbox.put("postback:1", 8)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(1)
        outbox.away = True
        began = trio.current_time()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - began <= Limits.leave
    outbox.away = False
    outbox.world.connects.clear()
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"delivered": 8}


async def test_a_target_that_is_mended_is_paused_no_more_and_told_at_once(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = fails("answered 429", asked=80_000.0)
    outbox.put("postback:1", 30)
    retry = outbox.retry(hurry_at_once=4)
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(2000)
        assert retry.report().paused == ("postback:1",)
        del outbox.world.answers["postback:1"]
        began = trio.current_time()
        retry.anew(["postback:1"])
        await trio.sleep(3)
        assert outbox.states() == {"delivered": 30}
        assert outbox.world.times("postback:1")[-1] - began < 1
        assert retry.report().paused == ()
        nursery.cancel_scope.cancel()
    assert outbox.store.standings() == []
