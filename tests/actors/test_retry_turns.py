"""No receiver takes the places of another."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from appliance.actors.retry import Limits
from tests.actors.retry_rig import OK, Outbox, fails


async def test_slow_and_dead_receivers_delay_nobody_else(outbox: Outbox, autojump_clock: MockClock) -> None:
    """More of them than attempts may be shared, each with more to tell than it may have under way."""
    for number in range(100, 220):
        outbox.world.answers[f"postback:{number}"] = fails("no answer within 15 s", takes=15.0)
        outbox.put(f"postback:{number}", 12)
    retry = outbox.retry()
    async with trio.open_nursery() as nursery:
        await nursery.start(retry.run)
        await trio.sleep(1)
        for _ in range(30):
            keys = outbox.put("postback:1", 3)
            retry.wake()
            await trio.sleep(0.2)
            assert all(outbox.world.processed[key] for key in keys)
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert outbox.world.most_in_all <= 121 + Limits.shared
    assert max(outbox.world.most.values()) <= Limits.per_target


async def test_many_at_once_stay_within_the_bounds_and_all_arrive(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    for number in range(1, 21):
        outbox.world.answers[f"postback:{number}"] = lambda world, target, key: (1.0, OK)
        outbox.put(f"postback:{number}", 40)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"delivered": 800}
    assert outbox.world.most_in_all <= 20 + Limits.shared
    assert max(outbox.world.most.values()) == Limits.per_target
    assert min(outbox.world.most.values()) > 1, "what is shared goes round"


async def test_with_more_targets_than_places_each_has_its_turn(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    for number in range(1, 31):
        outbox.world.answers[f"postback:{number}"] = lambda world, target, key: (1.0, OK)
        outbox.put(f"postback:{number}", 3)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry(in_all=7).run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"delivered": 90}
    assert outbox.world.most_in_all == 7
