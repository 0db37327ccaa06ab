"""OPTIMIZE on an interval: partitions in which merging changes rows, written since the last time.

An actor of its own, because large partitions take minutes: retention waits for one of them at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import trio

from appliance.errors import WeirError
from appliance.model.shipping import Mergeable
from appliance.model.status import UpkeepReport
from appliance.ports import Runner

log = logging.getLogger("weir.optimization")
FIRST_SECONDS = 300.0
"""After the start, so that what waited for it is shipped first."""
AGAIN_SECONDS = 600.0
"""While the warehouse is away."""


class Merging(Protocol):
    """The upkeep of the reports' database that may take long. Blocking; raises Unavailable."""

    def mergeable(self) -> Sequence[Mergeable]:
        """The partitions in which merging would change rows."""

    def optimize(self, partition: Mergeable) -> int:
        """Merge it as a whole; how many rows it has then. Inserts go on meanwhile."""


@dataclass
class Optimizer:
    """`run` under supervision; it ends when it is cancelled. `lane` abandons what it runs then."""

    warehouse: Merging
    lane: Runner
    hours: float
    now_us: Callable[[], int]
    turn: trio.Lock = field(default_factory=trio.Lock)
    """Held while a partition is merged: what deletes rows of it would wait on the shipping lane."""
    first_seconds: float = FIRST_SECONDS
    runs: int = 0
    partitions: int = 0
    rows_before: int = 0
    rows_after: int = 0
    seconds: float = 0.0
    last_us: int = 0
    last_seconds: float = 0.0
    last_error: str = ""

    def report(self) -> UpkeepReport:
        """Since the core started; never waits."""
        return UpkeepReport(
            runs=self.runs,
            partitions=self.partitions,
            rows_before=self.rows_before,
            rows_after=self.rows_after,
            seconds=self.seconds,
            last_us=self.last_us,
            last_seconds=self.last_seconds,
            last_error=self.last_error,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        if not self.hours:
            await trio.sleep_forever()
        pause = min(self.first_seconds, self.hours * 3600)
        while True:
            await trio.sleep(pause)
            pause = self.hours * 3600
            try:
                await self.optimize()
            except WeirError as fault:
                self.last_error = str(fault)
                log.warning("optimization waits", extra={"reason": self.last_error})
                pause = min(pause, AGAIN_SECONDS)

    async def optimize(self) -> None:
        """One round. Raises WeirError when a partition could not be merged; the others were tried."""
        began, failed = trio.current_time(), None
        for partition in await self.lane(self.warehouse.mergeable):
            try:
                await self._one(partition)
            except WeirError as fault:  # its neighbour may fit on the disk
                failed = fault
        self.runs += 1
        self.last_us, self.last_seconds = self.now_us(), trio.current_time() - began
        self.seconds += self.last_seconds
        if failed is not None:
            raise failed
        self.last_error = ""

    async def _one(self, it: Mergeable) -> None:
        began = trio.current_time()
        async with self.turn:
            rows = await self.lane(self.warehouse.optimize, it)
        took = round(trio.current_time() - began, 3)
        self.partitions += 1
        self.rows_before += it.rows
        self.rows_after += rows
        log.info(
            "partition optimized",
            extra={
                "table": it.table,
                "partition": it.partition,
                "parts": it.parts,
                "rows_before": it.rows,
                "rows_after": rows,
                "seconds": took,
            },
        )
