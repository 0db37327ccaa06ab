"""What Efflux told CloudWatch: its metrics once a minute, and the lines of the log by their component."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import trio

from appliance.errors import WeirError
from appliance.ports import Runner

log = logging.getLogger("weir.cloudwatch")
EVERY_S = 60.0
DRAIN_S = 2.0
MOST_LINES = 10_000
"""That wait to be sent. More: the oldest are dropped, and how many is said in the next line."""
_BATCH_LINES = 10_000
_BATCH_BYTES = 1_000_000
_LINE_BYTES = 200_000
_OVERHEAD = 26
"""Bytes that CloudWatch counts for each line beside its own."""
_SPAN_MS = 23 * 3_600_000
_LONGEST_S = 60.0


class Metrics(Protocol):
    """stores/aws_watch.CloudMetrics. Blocking; raises WeirError."""

    def put(self, samples: Sequence[tuple[str, float, str]]) -> None: ...


class Streams(Protocol):
    """stores/aws_watch.CloudLogs. Blocking; raises WeirError."""

    def put(self, stream: str, lines: Sequence[tuple[int, str]]) -> None: ...


class MetricsFeed:
    """`figures`: Efflux's counters by name, which only grow while the process lives."""

    def __init__(
        self, connect: Callable[[], Metrics], figures: Callable[[], Mapping[str, int]], run_blocking: Runner
    ) -> None:
        self._connect = connect
        self._figures = figures
        self._blocking = run_blocking
        self._sent: dict[str, int] = {}
        self.last_error = ""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        metrics: Metrics | None = None
        while True:
            await trio.sleep(EVERY_S)
            now = dict(self._figures())
            try:
                if metrics is None:
                    metrics = await self._blocking(self._connect)
                await self._blocking(metrics.put, samples(self._sent, now))
            except WeirError as fault:  # it is added to the next
                _say(self.last_error, fault)
                self.last_error = fault.message
            else:
                self._sent, self.last_error = now, ""


def samples(before: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[str, float, str]]:
    """What was added, and the ratio of that; none where nothing was processed."""
    added = {name: count - before.get(name, 0) for name, count in now.items()}
    found = [(name, float(count), "Count") for name, count in added.items()]
    if processed := added.get("TotalRecordsProcessed", 0):
        found.append(("FilteringRatio", added.get("TotalRecordsFiltered", 0) / processed * 100, "Percent"))
    return found


class Line(NamedTuple):
    stream: str
    at_ms: int
    text: str

    @property
    def size(self) -> int:
        return len(self.text.encode("utf-8", "replace")) + _OVERHEAD


class LogTap(logging.Handler):
    """Keeps the lines of this process for CloudWatch, whichever thread they come from. Never raises.

    `stream_of` gives a logger's stream; the handler's formatter the text.
    """

    def __init__(self, stream_of: Callable[[str], str], most: int = MOST_LINES) -> None:
        super().__init__()
        self._stream_of = stream_of
        self._lines: deque[Line] = deque()
        self._most = most
        self._guard = threading.Lock()
        self.dropped = 0
        """Since the last `take`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record).encode("utf-8", "backslashreplace")[:_LINE_BYTES]
            line = Line(
                self._stream_of(record.name), int(record.created * 1_000), text.decode("utf-8", "ignore")
            )
        except Exception:  # a line that cannot be written must not stop anybody
            return
        with self._guard:
            self._lines.append(line)
            while len(self._lines) > self._most:
                self._lines.popleft()
                self.dropped += 1

    def take(self) -> tuple[list[Line], int]:
        """Everything that waits, and how many were dropped before it."""
        with self._guard:
            found, dropped = list(self._lines), self.dropped
            self._lines.clear()
            self.dropped = 0
        return found, dropped


def batches(lines: Sequence[Line]) -> list[list[Line]]:
    """By stream and in the order of time, each within what CloudWatch takes in a request."""
    made: list[list[Line]] = []
    open_: dict[str, tuple[list[Line], int]] = {}
    for line in sorted(lines, key=lambda line: line.at_ms):
        batch, size = open_.get(line.stream, ([], 0))
        full = len(batch) >= _BATCH_LINES or size + line.size > _BATCH_BYTES
        if not batch or full or line.at_ms - batch[0].at_ms > _SPAN_MS:
            batch, size = [], 0
            made.append(batch)
        batch.append(line)
        open_[line.stream] = batch, size + line.size
    return made


class LogFeed:
    """Sends what a tap keeps. Unsent batches are tried again before anything newer."""

    def __init__(self, connect: Callable[[], Streams], tap: LogTap, run_blocking: Runner) -> None:
        self._connect = connect
        self._tap = tap
        self._blocking = run_blocking
        self.last_error = ""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        streams: Streams | None = None
        waiting: deque[list[Line]] = deque()
        pause = DRAIN_S
        while True:
            await trio.sleep(pause)
            if not waiting:
                found, dropped = self._tap.take()
                if dropped:
                    log.warning("log lines were not sent to CloudWatch", extra={"lines": dropped})
                waiting.extend(batches(found))
            try:
                if streams is None:
                    streams = await self._blocking(self._connect)
                while waiting:
                    batch = waiting[0]
                    lines = [(line.at_ms, line.text) for line in batch]
                    await self._blocking(streams.put, batch[0].stream, lines)
                    waiting.popleft()
            except WeirError as fault:
                _say(self.last_error, fault)
                self.last_error = fault.message
                pause = min(pause * 2, _LONGEST_S)
            else:
                self.last_error, pause = "", DRAIN_S


def _say(before: str, fault: WeirError) -> None:
    if fault.message != before:
        log.warning("CloudWatch does not take it", extra={"reason": fault.message})
