"""What clicks converted on, told to every edge out of the ledger: no kill of core or edge loses one.

Each edge remembers, beside what it learned, the ledger's number up to which it was told, and says it after
every Hello; the core keeps nothing of it. Each edge has one message on its way, the next follows its answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from appliance.errors import Unavailable
from appliance.model.memory import Converted, ConvertedTaken, Remembering
from appliance.ports import Runner

log = logging.getLogger("weir.memory")
MOST_IN_ONE = 500
# A ledger that cannot be read now is asked again so much later.
RETRY_SECONDS = 1.0

Read = Callable[[int, int], Sequence[tuple[int, str, int]]]
"""Ledger.converted(after, limit). Blocking."""
Say = Callable[[Converted, int | None], None]
"""CoreLink.say(message, edge)."""


@dataclass(eq=False)
class _Listener:
    """An edge's newest process, and the number up to which it was told."""

    pid: int
    after: int
    waits: bool = True
    """It has answered, and is to be told what follows."""


class ConvertedFeed:
    """Feeds every edge from where it is. `stored` says that the ledger may hold more."""

    def __init__(self, read: Read, say: Say, run_blocking: Runner) -> None:
        self._read = read
        self._say = say
        self._blocking = run_blocking
        self._listeners: dict[int, _Listener] = {}
        self._wake = trio.Event()

    def remembering(self, edge: int, message: Remembering) -> None:
        """An edge is connected, again or for the first time."""
        self._listeners[edge] = _Listener(message.pid, message.converted)
        self._wake.set()

    def taken(self, edge: int, message: ConvertedTaken) -> None:
        """An edge remembers what it was told. Of two processes the one that said hello last counts."""
        listener = self._listeners.get(edge)
        if listener is not None and message.pid == listener.pid:
            listener.after, listener.waits = message.last, True
            self._wake.set()

    def stored(self) -> None:
        """Something was settled."""
        self._wake.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell until cancelled."""
        task_status.started()
        while True:
            self._wake = trio.Event()
            try:
                for edge, listener in list(self._listeners.items()):
                    if listener.waits:
                        await self._feed(edge, listener)
            except Unavailable as fault:
                log.warning("the edges wait for what clicks converted on", extra={"error": str(fault)})
                await trio.sleep(RETRY_SECONDS)
            else:
                await self._wake.wait()

    async def _feed(self, edge: int, listener: _Listener) -> None:
        rows = await self._blocking(self._read, listener.after, MOST_IN_ONE)
        if rows and self._listeners.get(edge) is listener:
            listener.waits = False
            clicks = tuple((click_id, destination_id) for _, click_id, destination_id in rows)
            self._say(Converted(listener.after, rows[-1][0], clicks), edge)
