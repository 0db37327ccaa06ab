"""The logs the publisher follows: every edge's journal segments, and the ledger's outboxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from appliance.errors import Unavailable
from appliance.ports import CORE, Entry, EventLog
from appliance.stores.journal import reader
from appliance.stores.journal.segment import SUFFIX


class JournalLogs:
    """Segments below a data directory, those of new edges included as soon as they appear.

    `other_offset(edge, epoch)` says how far the other consumer is, None when it has not begun.
    `needed(edge, epoch, end)`: the edge itself has not yet stored what a segment that ends there taught it.
    """

    def __init__(
        self,
        data: Path,
        other_offset: Callable[[int, int], int | None],
        needed: Callable[[int, int, int], bool] = lambda edge, epoch, end: False,
    ) -> None:
        self._data = data
        self._other_offset = other_offset
        self._needed = needed

    def _path(self, edge: int, epoch: int) -> Path:
        return reader.journal_directory(self._data, edge) / f"{epoch:016x}{SUFFIX}"

    def find(self) -> Sequence[tuple[int, int]]:
        return [(int(path.parent.parent.name), int(path.stem, 16)) for path in reader.segments(self._data)]

    def open(self, edge: int, epoch: int) -> EventLog:
        return reader.open_segment(self._path(edge, epoch))

    def salvage(self, edge: int, epoch: int) -> tuple[Sequence[Entry], Sequence[tuple[int, int]]]:
        return reader.salvage(self._path(edge, epoch))

    def shipped(self, edge: int, epoch: int, seq: int) -> None:
        """A segment goes whole, when it is finished."""

    def remove(self, edge: int, epoch: int, end: int) -> bool:
        other = self._other_offset(edge, epoch)
        if end and (other is None or other < end or self._needed(edge, epoch, end)):
            return False
        reader.open_segment(self._path(edge, epoch)).remove()
        return True


class HasOutboxes(Protocol):
    def outboxes(self) -> list[EventLog]: ...
    def outbox_drop(self, epoch: int, seq: int) -> None: ...


class OutboxLogs:
    """The ledger's outboxes, one per life of the core; a row leaves as soon as it is shipped and the other
    consumer has taken it too: `other_offset(epoch)` says how far that one is.
    """

    def __init__(self, ledger: HasOutboxes, other_offset: Callable[[int], int]) -> None:
        self._ledger = ledger
        self._other_offset = other_offset
        self._shipped: dict[int, int] = {}
        """Epoch → what is shipped and not all dropped."""

    def find(self) -> Sequence[tuple[int, int]]:
        for epoch, seq in list(self._shipped.items()):
            self._drop(epoch, seq)
        return [(CORE, box.epoch) for box in self._ledger.outboxes()]

    def open(self, edge: int, epoch: int) -> EventLog:
        for box in self._ledger.outboxes():
            if box.epoch == epoch:
                return box
        raise Unavailable(f"outbox {epoch:x} is gone")

    def salvage(self, edge: int, epoch: int) -> tuple[Sequence[Entry], Sequence[tuple[int, int]]]:
        """An outbox is part of the ledger and is never damaged alone."""
        return (), ()

    def shipped(self, edge: int, epoch: int, seq: int) -> None:
        self._shipped[epoch] = seq
        self._drop(epoch, seq)

    def remove(self, edge: int, epoch: int, end: int) -> bool:
        """Nothing to delete once its rows are gone: an empty outbox of an earlier life is not found again."""
        return epoch not in self._shipped

    def _drop(self, epoch: int, seq: int) -> None:
        taken = min(seq, self._other_offset(epoch))
        if taken:
            self._ledger.outbox_drop(epoch, taken)
        if taken == seq:
            self._shipped.pop(epoch, None)
