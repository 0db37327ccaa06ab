"""Keys of identities are there before the day begins, and a disk that is full turns nobody away."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from appliance.actors.identity_days import EACH_SECONDS, IdentityDays
from appliance.actors.kernel import inline_runner


class Keys:
    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.full = False

    def prepare(self, now_us: int) -> None:
        self.prepared.append(now_us)
        if self.full:
            raise OSError("No space left on device")


async def test_keys_are_prepared_at_the_start_and_every_hour(autojump_clock: MockClock) -> None:
    keys = Keys()
    days = IdentityDays(keys, inline_runner, lambda: int(trio.current_time()))
    start = int(trio.current_time())
    async with trio.open_nursery() as nursery:
        await nursery.start(days.run)
        assert keys.prepared == [start], "before a click is answered"
        keys.full = True
        await trio.sleep(2 * EACH_SECONDS + 1)
        assert len(keys.prepared) == 3 and "No space" in days.last_error
        keys.full = False
        await trio.sleep(EACH_SECONDS)
        assert days.last_error == ""
        nursery.cancel_scope.cancel()
