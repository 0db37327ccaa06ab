"""How long statements take, by kind: a histogram of few buckets. Any thread may record."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from appliance.model.status import QUERY_BOUNDS, QueryReport


@dataclass
class _Kind:
    count: int = 0
    seconds: float = 0.0
    failed: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * len(QUERY_BOUNDS))


class Timings:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Record how long the block takes, whether it fails or not."""
        began = time.perf_counter()
        failed = True
        try:
            yield
            failed = False
        finally:
            self.record(kind, time.perf_counter() - began, failed)

    def record(self, kind: str, seconds: float, failed: bool = False) -> None:
        with self._lock:
            it = self._kinds.setdefault(kind, _Kind())
            it.count += 1
            it.seconds += seconds
            it.failed += failed
            place = bisect_left(QUERY_BOUNDS, seconds)
            if place < len(it.buckets):
                it.buckets[place] += 1

    def report(self) -> tuple[QueryReport, ...]:
        """By kind; each bucket holds those before it too, as Prometheus wants it."""
        found = []
        with self._lock:
            for kind, it in sorted(self._kinds.items()):
                sums = tuple(sum(it.buckets[: n + 1]) for n in range(len(it.buckets)))
                found.append(
                    QueryReport(kind=kind, count=it.count, seconds=it.seconds, buckets=sums, failed=it.failed)
                )
        return tuple(found)
