"""A seat that is given up stays empty, however its child leaves."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from appliance.config import Settings
from appliance.seat import READY_AT_MOST, READY_WITHIN, Seat


class Sitter:
    """A child as far as a seat looks at one."""

    def __init__(self) -> None:
        self.ready, self.gone = trio.Event(), trio.Event()
        self.stopping, self.serving = False, False
        self.pid, self.began = 1, trio.current_time()
        self.code: int | None = None

    async def live(self, seconds: float) -> None:
        """Be ready after so long, unless killed before."""
        with trio.move_on_after(seconds):
            await self.gone.wait()
            return
        self.serving = True
        self.ready.set()

    def kill(self) -> None:
        self.code = -9
        self.gone.set()


async def test_a_child_that_leaves_after_the_cut_is_not_replaced() -> None:
    started: list[Any] = []

    async def start(settings: Settings) -> Any:
        await trio.lowlevel.checkpoint()
        started.append(Sitter())
        return started[-1]

    seat = Seat("core", Settings(), start)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(seat.keep)
        await wait_all_tasks_blocked()
        started[0].ready.set()
        seat.give_up()
        started[0].stopping = True
        started[0].gone.set()
        await wait_all_tasks_blocked()
        assert len(started) == 1
        nursery.cancel_scope.cancel()


async def test_a_machine_on_which_a_start_takes_long_is_given_longer_each_time(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    started: list[Sitter] = []

    async def start(settings: Settings) -> Any:
        await trio.lowlevel.checkpoint()
        started.append(Sitter())
        nursery.start_soon(started[-1].live, 3 * READY_WITHIN)
        return started[-1]

    seat = Seat("core", Settings(), start)
    nursery.start_soon(seat.keep)
    await trio.sleep(8 * READY_WITHIN)
    assert len(started) == 3 and seat.serving is not None


async def test_a_child_that_hangs_is_replaced_however_often_one_hung_before(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    started: list[Sitter] = []

    async def start(settings: Settings) -> Any:
        await trio.lowlevel.checkpoint()
        started.append(Sitter())
        return started[-1]

    nursery.start_soon(Seat("core", Settings(), start).keep)
    await trio.sleep(10 * READY_AT_MOST)
    before = len(started)
    await trio.sleep(2 * READY_AT_MOST)
    assert len(started) >= before + 1
