"""The janitor: what has been kept for long enough goes.

Whole partitions are dropped (that frees the disk at once: a day of identity, a month of anything else); what
is too old within a younger partition is deleted row by row once a day. Conversions and cost adjustments stay:
they are the money, and there is one for hundreds of clicks.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from appliance.errors import Unavailable
from appliance.ports import Runner, Warehouse

log = logging.getLogger("weir.janitor")
_DAY_US = 86_400_000_000
# Soon after the start, so that a machine restarted daily is swept too; then every hour.
FIRST_SECONDS = 60.0
EACH_SECONDS = 3_600.0


class Keeping(NamedTuple):
    """How many days a table is kept; `by_row` also deletes within a partition that is partly too old."""

    table: str
    days: int
    by_row: bool = True


def keepings(identity_days: int, clicks_days: int, postbacks_days: int) -> tuple[Keeping, ...]:
    """The settings' three numbers as a rule per table."""
    return (
        # Its partitions are days: dropping them is exact enough, and nothing of an address stays on the disk.
        Keeping("click_identity", identity_days, by_row=False),
        Keeping("click_events", clicks_days),
        Keeping("trafficback_events", clicks_days),
        Keeping("destination_health_events", clicks_days),
        Keeping("report_conversions", clicks_days),
        Keeping("postback_log_events", postbacks_days),
        Keeping("ingestion_errors", postbacks_days),
    )


@dataclass
class Janitor:
    """`run` under supervision; it ends when it is cancelled. `lane` is the shipping lane's runner."""

    warehouse: Warehouse
    lane: Runner
    rules: Sequence[Keeping]
    now_us: Callable[[], int]
    chores: Sequence[Callable[[], Awaitable[None]]] = ()
    """What else is done at every sweep, each whatever the others did. May raise Unavailable, OSError."""
    turn: trio.Lock = field(default_factory=trio.Lock)
    """Nobody else may rewrite partitions meanwhile."""
    sweeps: int = 0
    last_error: str = ""
    _rows_deleted_on: int = -1

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep(FIRST_SECONDS)
        while True:
            self.last_error = ""
            for chore in (self.sweep, *self.chores):
                try:
                    await chore()
                except (Unavailable, OSError) as fault:  # an hour later is early enough
                    self.last_error = str(fault)
                    log.warning("retention waits", extra={"reason": str(fault)})
            await trio.sleep(EACH_SECONDS)

    async def sweep(self) -> None:
        """Delete what is too old now. Raises Unavailable; what was done stays done."""
        async with self.turn:
            await self._sweep()

    async def _sweep(self) -> None:
        now = self.now_us()
        today = now // _DAY_US
        for rule in self.rules:
            oldest = now - rule.days * _DAY_US
            partly = False
            for partition, first_us, last_us in await self.lane(self.warehouse.partitions, rule.table):
                if last_us < oldest:
                    await self.lane(self.warehouse.drop_partition, rule.table, partition)
                    log.info("retention", extra={"table": rule.table, "partition": partition})
                else:
                    partly = partly or first_us < oldest
            if partly and rule.by_row and self._rows_deleted_on != today:
                await self.lane(self.warehouse.delete_before, rule.table, oldest)
        self._rows_deleted_on = today
        self.sweeps += 1
