"""Where events wait while the journal cannot be written: bounded, and what overflows is lost and counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import Protocol

log = logging.getLogger("weir.journal")

Unit = tuple[bytes, ...]
"""The records of one click or one postback: stored together or not at all."""


class CountersFile(Protocol):
    @property
    def ring(self) -> int: ...
    @property
    def unrecorded(self) -> int: ...
    def set(self, ring: int, unrecorded: int) -> None: ...
    def absorb(self) -> int: ...


class Ring:
    """The oldest first. How many wait and how many were lost stands in `counters`, which outlives a kill."""

    def __init__(self, capacity: int, counters: CountersFile) -> None:
        self.capacity = capacity
        self._counters = counters
        self._waiting: deque[Unit] = deque()
        self._overflowing = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unrecorded(self) -> int:
        return self._counters.unrecorded

    def put(self, units: Iterable[Unit]) -> None:
        """Full: what comes now is lost."""
        lost = 0
        for unit in units:
            if len(self._waiting) < self.capacity:
                self._waiting.append(unit)
            else:
                lost += 1
        if lost and not self._overflowing:
            self._overflowing = True
            log.error("the memory ring is full: events are being lost and counted as unrecorded")
        self._counters.set(len(self._waiting), self._counters.unrecorded + lost)

    def oldest(self, most: int) -> list[Unit]:
        return [self._waiting[index] for index in range(min(len(self._waiting), most))]

    def written(self, count: int) -> None:
        """The oldest are durable."""
        for _ in range(count):
            self._waiting.popleft()
        self._counters.set(len(self._waiting), self._counters.unrecorded)

    def emptied(self) -> None:
        """The journal records again: the next overflow is told anew."""
        self._overflowing = False

    def lose_all(self) -> None:
        """This process ends: what still waits is unrecorded."""
        self._counters.set(0, self._counters.unrecorded + len(self._waiting))
        self._waiting.clear()

    def absorb(self) -> None:
        """Count what processes before this one took with them."""
        self._counters.absorb()
