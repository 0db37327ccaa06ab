"""A seat that is given up stays empty, however its child leaves."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from appliance.config import Settings
from appliance.seat import Seat


class Sitter:
    """A child as far as a seat looks at one."""

    def __init__(self) -> None:
        self.ready, self.gone = trio.Event(), trio.Event()
        self.stopping = False


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
