"""Lives that end in the middle: killed at any step, or two of them at once."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.retry import Limits
from appliance.partners.patience import Outcome
from tests.actors.retry_rig import OK, Killed, Outbox, World


async def test_a_life_that_is_killed_is_followed_when_its_leases_run_out(
    outbox: Outbox, autojump_clock: MockClock
) -> None:
    outbox.world.answers["postback:1"] = lambda world, target, key: (10.0, OK)
    (key,) = outbox.put("postback:1")
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await trio.sleep(70)
        nursery.cancel_scope.cancel()
    times = outbox.world.times("postback:1")
    assert times == pytest.approx([0, Limits.lease], abs=1.1)
    assert outbox.states() == {"delivered": 1}
    assert outbox.world.processed == {key: 1}


async def test_two_lives_never_attempt_the_same_at_once(outbox: Outbox, autojump_clock: MockClock) -> None:
    holders: dict[str, int] = defaultdict(int)

    def answer(world: World, target: str, key: str) -> tuple[float, Outcome]:
        holders[key] += 1
        assert holders[key] == 1, "it is under way already"
        return 2.0, OK

    for number in range(1, 6):
        outbox.world.answers[f"postback:{number}"] = answer
        outbox.put(f"postback:{number}", 30)
    async with trio.open_nursery() as nursery:
        await nursery.start(outbox.retry().run)
        await nursery.start(outbox.retry().run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert outbox.states() == {"delivered": 150}
    assert set(outbox.world.processed.values()) == {1}


@pytest.mark.parametrize("seed", range(6))
async def test_killed_between_any_two_steps_every_delivery_arrives_and_counts_once(
    outbox: Outbox, autojump_clock: MockClock, seed: int
) -> None:
    """A receiver that loses 30 % of its answers after processing; the program dies at random steps."""
    dice = random.Random(seed)
    outbox.draw = dice.random
    got: dict[str, Counter[str]] = defaultdict(Counter)

    def flaky(world: World, target: str, key: str) -> tuple[float, Outcome]:
        got[target][key] += 1
        lost = dice.random() < 0.3
        return dice.random(), Outcome(False, "no answer") if lost else OK

    wanted: dict[str, list[str]] = {}
    for number in range(1, 4):
        outbox.world.answers[f"postback:{number}"] = flaky
        wanted[f"postback:{number}"] = outbox.put(f"postback:{number}", 25)

    for life in range(40):
        left = dice.randrange(1, 40)

        def step(name: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        outbox.step = step if life < 25 else lambda name: None
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(outbox.retry().run)
                await trio.sleep(dice.uniform(0, 100))
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            assert group.split(Killed)[1] is None
    assert outbox.states() == {"delivered": 75}
    assert outbox.store.waiting() == []
    assert {target: set(seen) for target, seen in got.items()} == {
        target: set(ids) for target, ids in wanted.items()
    }
