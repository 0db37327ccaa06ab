"""How far each edge's journal was read: in memory, and which of it the ledger does not know yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from appliance.model.status import ConsumerReport

Log = tuple[int, int]
"""(edge, epoch)."""
SECOND = 1_000_000


@dataclass
class _State:
    seq: int
    taken: int = 0
    more: bool = False
    newest_us: int = 0
    error: str = ""


@dataclass
class Progress:
    """`offsets` are what was read, `unsaved` those that moved since the ledger was last told."""

    offsets: dict[Log, int] = field(default_factory=dict)
    unsaved: dict[Log, int] = field(default_factory=dict)
    _states: dict[Log, _State] = field(default_factory=dict)

    def restore(self, offsets: Mapping[Log, int]) -> None:
        """Go back to what the ledger knows."""
        self.offsets = dict(offsets)
        self.unsaved.clear()

    def idle(self, log: Log, error: str = "") -> None:
        """A read that brought nothing."""
        state = self._states.setdefault(log, _State(self.offsets.get(log, 0)))
        state.more = False
        state.error = error

    def moved(self, log: Log, last: int, count: int, newest_us: int) -> None:
        """A read that brought `count` entries up to the number `last`; `newest_us` is 0 when not known."""
        self.idle(log)
        state = self._states[log]
        state.more = True
        state.seq = self.offsets[log] = self.unsaved[log] = last
        state.taken += count
        state.newest_us = newest_us or state.newest_us

    def ended(self, log: Log) -> None:
        """Nothing will ever come from this log."""
        self._states.pop(log, None)

    def report(self, now_us: int, held: Callable[[int], bool]) -> tuple[ConsumerReport, ...]:
        """One per log that is being read. `behind` is 0, or -1: the last read brought something, so there may
        be more; how much is not known."""
        return tuple(
            ConsumerReport(
                consumer="conversions",
                edge=edge,
                epoch=epoch,
                seq=it.seq,
                behind=-1 if it.more else 0,
                behind_seconds=max(now_us - it.newest_us, 0) / SECOND if it.more and it.newest_us else 0.0,
                taken=it.taken,
                held=held(edge),
                last_error=it.error,
            )
            for (edge, epoch), it in sorted(self._states.items())
        )
