"""Where decisions are made again, for whoever asks why: in a thread of their own, a few tables remembered.

Pure work, one piece after another: it never runs in the loop, ends when its time is up or its caller leaves,
and waits in a short line while another is at it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

import trio

from appliance.errors import Unavailable
from appliance.model.messages import Closed, Weights
from appliance.operations.workbench import Check, Situation
from appliance.routing.configuration import Built, Configuration, OpenLists, build
from appliance.routing.detection import Detection

T = TypeVar("T")
MOST_WAITING = 16
WORK_SECONDS = 30.0
ENTITIES_KEPT = 20_000
"""Of the remembered tables together: about 100 MB of the largest, the oldest out first."""


class Workbench:
    """operations.workbench.Workbench. `said(type)`: what all edges were told last of a type, or None."""

    def __init__(
        self,
        open_lists: OpenLists,
        detection: Detection,
        said: Callable[[Any], Any],
        seconds: float = WORK_SECONDS,
    ) -> None:
        self._open_lists = open_lists
        self._detection = detection
        self._said = said
        self._seconds = seconds
        self._thread = trio.CapacityLimiter(1)
        self._waiting = 0
        self._tables: OrderedDict[Hashable, Built] = OrderedDict()

    @property
    def detection(self) -> Detection:
        return self._detection

    def situation(self) -> Situation:
        closed, weights = self._said(Closed), self._said(Weights)
        return Situation(closed.destinations if closed else {}, weights.streams if weights else {})

    async def table(self, key: Hashable, gather: Callable[[], Awaitable[Configuration]]) -> Built:
        held = self._tables.get(key)
        if held is not None:
            self._tables.move_to_end(key)
            return held
        built = await self.build(await gather())
        self._tables[key] = built
        while len(self._tables) > 1 and self._kept() > ENTITIES_KEPT:
            self._tables.popitem(last=False)
        return built

    def _kept(self) -> int:
        return sum(len(built.configuration.entities) for built in self._tables.values())

    async def build(self, configuration: Configuration) -> Built:
        return await self.run(lambda check: self._build(configuration, check))

    def _build(self, configuration: Configuration, check: Check) -> Built:
        for step in build(configuration, self._open_lists):
            check()
            if step is not None:
                return step
        raise AssertionError("a build ends with its table")

    async def run(self, work: Callable[[Check], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many clicks are being explained or tried out already; try again")
        self._waiting += 1
        try:
            return await trio.to_thread.run_sync(self._timed, work, limiter=self._thread)
        finally:
            self._waiting -= 1

    def _timed(self, work: Callable[[Check], T]) -> T:
        end = time.monotonic() + self._seconds

        def check() -> None:
            trio.from_thread.check_cancelled()
            if time.monotonic() > end:
                raise Unavailable(f"this took longer than {self._seconds:g} s; ask for fewer clicks")

        return work(check)
