"""What CloudWatch is told: metrics of reporting once a minute, and the log's lines by their component."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import trio

from appliance.errors import WeirError
from appliance.metrics_reporting import reporting
from appliance.model.status import SystemStatus
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
MOST_SAMPLES = 10_000
"""Of a minute. CloudWatch bills for each name with its dimensions."""
_REQUEST_SAMPLES, _REQUEST_BYTES = 1_000, 1_000_000
_SAMPLE_BYTES, _DIMENSION_BYTES = 300, 150
"""Of a sample in a request without its texts, and of each of its dimensions; a letter may come to 3 bytes."""
_DIMENSIONS, _NAME, _VALUE = 30, 255, 1_024


class Sample(NamedTuple):
    """A figure of this minute. `unit` is one of CloudWatch's; dimensions are (name, value)."""

    name: str
    value: float
    unit: str
    dimensions: tuple[tuple[str, str], ...] = ()


class Figures(NamedTuple):
    """What only grows while the process lives: counters by name, (seconds, statements) by kind. What does
    not: `gauges`."""

    counters: Mapping[str, float] = {}
    durations: Mapping[str, tuple[float, float]] = {}
    gauges: Sequence[Sample] = ()


_GAUGES: Mapping[str, tuple[str, str]] = {
    "conversions_per_minute": ("ConversionsPerMinute", "Count"),
    "platform_success_ratio": ("PlatformSuccessRatio", "None"),
    "platform_queued": ("PlatformQueued", "Count"),
    "platform_oldest_seconds": ("PlatformOldest", "Seconds"),
    "queue_depth": ("QueueDepth", "Count"),
    "queue_oldest_seconds": ("QueueOldest", "Seconds"),
    "intake_waiting": ("IntakeWaiting", "Count"),
    "intake_oldest_seconds": ("IntakeOldest", "Seconds"),
    "error_ratio": ("ErrorRatio", "None"),
    "recent_error_ratio": ("RecentErrorRatio", "None"),
}
"""What /metrics has below `weir_` → its name and unit here. Its labels are the dimensions."""


class _Picked:
    """Samples of metrics_reporting, of which those are kept that CloudWatch is told."""

    def __init__(self) -> None:
        self.counters: dict[str, float] = {}
        self.gauges: list[Sample] = []
        self.seconds: dict[str, float] = {}
        self.statements: dict[str, float] = {}

    def add(self, kind: str, name: str, words: str, value: float, /, **labels: object) -> None:
        if name in _GAUGES:
            dimensions = tuple((label.capitalize(), str(text)) for label, text in labels.items())
            self.gauges.append(Sample(_GAUGES[name][0], value, _GAUGES[name][1], dimensions))
        elif name == "query_seconds_sum":
            self.seconds[str(labels["kind"])] = value
        elif name == "query_seconds_count":
            self.statements[str(labels["kind"])] = value

    def seeds(self, kind: str, name: str, words: str, value: float) -> None:
        if kind == "counter":
            self.counters[name] = value


def figures_of(status: SystemStatus) -> Figures:
    """The same as /metrics has."""
    found = _Picked()
    reporting(found, status)
    durations = {kind: (found.seconds.get(kind, 0.0), count) for kind, count in found.statements.items()}
    return Figures(found.counters, durations, found.gauges)


class Metrics(Protocol):
    """stores/aws_watch.CloudMetrics. Blocking; raises WeirError."""

    def put(self, samples: Sequence[Sample]) -> None: ...


class Streams(Protocol):
    """stores/aws_watch.CloudLogs. Blocking; raises WeirError."""

    def put(self, stream: str, lines: Sequence[tuple[int, str]]) -> None: ...


class MetricsFeed:
    """Sends them each minute. What has grown and could not be sent is added to the next."""

    def __init__(
        self, connect: Callable[[], Metrics], figures: Callable[[], Figures], run_blocking: Runner
    ) -> None:
        self._connect = connect
        self._figures = figures
        self._blocking = run_blocking
        self._sent = Figures()
        self.last_error = ""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        metrics: Metrics | None = None
        while True:
            await trio.sleep(EVERY_S)
            now = self._figures()
            try:
                if metrics is None:
                    metrics = await self._blocking(self._connect)
                for request in requests(samples(self._sent, now)):
                    await self._blocking(metrics.put, request)
                    self._sent = now  # the first one has all that is counted
            except WeirError as fault:
                _say(self.last_error, fault)
                self.last_error = fault.message
            else:
                self.last_error = ""


def samples(before: Figures, now: Figures) -> list[Sample]:
    """What was added and the ratio and mean of that, then what is so now. Nothing to divide gives none."""
    added = {name: count - before.counters.get(name, 0) for name, count in now.counters.items()}
    found = [Sample(name, float(count), "Count") for name, count in added.items()]
    if processed := added.get("TotalRecordsProcessed", 0):
        share = added.get("TotalRecordsFiltered", 0) / processed * 100
        found.append(Sample("FilteringRatio", share, "Percent"))
    for kind, (seconds, statements) in now.durations.items():
        seconds_before, statements_before = before.durations.get(kind, (0.0, 0))
        if more := statements - statements_before:
            mean = (seconds - seconds_before) / more
            found.append(Sample("QueryDuration", mean, "Seconds", (("Kind", kind),)))
    return [*found, *now.gauges][:MOST_SAMPLES]


def requests(samples: Sequence[Sample]) -> list[list[Sample]]:
    """In their order, each request within what CloudWatch takes; what is no number is left out, for it would
    have the whole request refused."""
    made: list[list[Sample]] = []
    size = 0
    for it in samples:
        if not math.isfinite(it.value):
            continue
        dimensions = tuple(
            (_plain(name, _NAME), _plain(value, _VALUE)) for name, value in it.dimensions[:_DIMENSIONS]
        )
        texts = sum(_DIMENSION_BYTES + 3 * (len(name) + len(value)) for name, value in dimensions)
        more = _SAMPLE_BYTES + 3 * len(it.name) + texts
        if not made or len(made[-1]) >= _REQUEST_SAMPLES or size + more > _REQUEST_BYTES:
            made.append([])
            size = 0
        made[-1].append(it._replace(dimensions=dimensions))
        size += more
    return made


def _plain(text: str, most: int) -> str:
    """As a dimension may be: ASCII, without control characters, and not blank."""
    found = "".join(letter if " " <= letter <= "~" else "?" for letter in text[:most])
    return found if found.strip() else "-"


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
