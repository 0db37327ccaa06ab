"""The gates: which destinations are open at this edge, as the core said last and as its budgets last.

What the core closed is kept on disk and holds after a restart too: nothing opens because nobody is there to
keep it closed. A destination with a cap on clicks is open while this process was lent some; it begins with
none.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import trio

from appliance.model.events import Verdict
from appliance.model.messages import Budgets, Closed, Spending
from appliance.routing import verdicts
from appliance.routing.budgets import Allowance

log = logging.getLogger("weir.gates")
# What was sent is said so often while any destination is limited, and so soon when the core should know.
EVERY = 1.0
SOON = 0.05


class Gates:
    """`availability` is what the router's decisions read: changed in place, on the loop."""

    def __init__(
        self,
        life: int = 0,
        closed: Mapping[int, str] | None = None,
        save: Callable[[Mapping[int, str]], Awaitable[None]] | None = None,
        settled: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        """`closed` is what was held on disk; `save` keeps it there. `settled`: see Spending."""
        self.sent: Counter[int] = Counter()
        """Destination id → counted clicks sent there by this process."""
        self.availability: dict[int, str] = {}
        self.limited: frozenset[int] = frozenset()
        """Destinations with a cap on clicks."""
        self.exhausted: set[int] = set()
        self._closed = dict(closed or {})
        self._allowance = Allowance(life, self.sent)
        self._save = save
        self._settled = settled
        self._unsaved = False
        self._wake = trio.Event()
        self._low: dict[int, int] = {}
        """Where the core should lend more: when so few are left."""
        self._refresh()

    # What comes in

    def close(self, message: Closed) -> None:
        """The core says what is closed now."""
        self._unsaved = self._unsaved or message.destinations != self._closed
        self._closed = message.destinations
        self._refresh()
        self._wake.set()

    def lend(self, message: Budgets) -> None:
        """The core lends, or takes back."""
        if self._allowance.take(message):
            self._low = {d: self._allowance.left(d) // 2 for d in self._allowance.ceilings}
            self._refresh()
            self._wake.set()

    def limit(self, destinations: Collection[int]) -> None:
        """A routing table comes into use: these have caps on clicks."""
        if self.limited != destinations:
            self.limited = frozenset(destinations)
            self._refresh()
            self._wake.set()

    # The hot path

    def spent(self, destination: int) -> None:
        """One more click was sent to a limited destination."""
        left = self._allowance.left(destination)
        if left <= 0:
            self.exhausted.add(destination)
            self.availability.setdefault(destination, verdicts.CAP)
        if left <= self._low.get(destination, 0):
            self._low[destination] = left // 2 if left else -1
            self._wake.set()

    def turned_away(self, looked: Sequence[Verdict]) -> None:
        """A click found some of the exhausted ones closed: there is demand for them here."""
        for destination, word, _ in looked:
            if word == verdicts.CAP and destination in self.exhausted:
                self._allowance.refuse(destination)
                self._wake.set()

    # The actor

    def spending(self) -> Spending:
        """What the core is told, after a Hello too."""
        return self._allowance.spending(self.limited, self._settled())

    async def run(
        self,
        say: Callable[[Spending], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Tell the core what was spent, and keep what it closed."""
        task_status.started()
        while True:
            with trio.move_on_after(EVERY):
                await self._wake.wait()
            self._wake = trio.Event()
            if self.limited or self._allowance.ceilings:
                say(self.spending())
            if self._unsaved and self._save is not None:
                self._unsaved = False
                try:
                    await self._save(self._closed)
                except OSError as fault:
                    self._unsaved = True
                    log.error("what is closed could not be saved", extra={"error": str(fault)})
            await trio.sleep(SOON)

    def _refresh(self) -> None:
        self.exhausted = {d for d in self.limited if self._allowance.left(d) <= 0}
        fresh = {**dict.fromkeys(self.exhausted, verdicts.CAP), **self._closed}
        self.availability.clear()
        self.availability.update(fresh)
