"""The keys of the days to come: made beforehand, so that no click waits for a file at midnight."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import trio

from appliance.ports import Runner

log = logging.getLogger("weir.identity_days")
EACH_SECONDS = 3_600.0


class DailyKeys(Protocol):
    """stores/identity_keys.IdentityKeys."""

    def prepare(self, now_us: int) -> None:
        """Today's key and tomorrow's are there. Blocking; raises OSError, and ValueError for one that is
        damaged."""


@dataclass
class IdentityDays:
    """`run` under supervision, before clicks are answered; it ends when it is cancelled."""

    keys: DailyKeys
    run_blocking: Runner
    now_us: Callable[[], int]
    last_error: str = ""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self._prepare()
        task_status.started()
        while True:
            await trio.sleep(EACH_SECONDS)
            await self._prepare()

    async def _prepare(self) -> None:
        """A disk that is full is no reason to turn visitors away: they go on without their identity."""
        try:
            await self.run_blocking(self.keys.prepare, self.now_us())
            self.last_error = ""
        except (OSError, ValueError) as fault:
            self.last_error = str(fault)
            log.error("no key for identities", extra={"error": str(fault)})
