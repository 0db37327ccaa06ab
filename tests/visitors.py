"""Visitors that keep clicking, in threads: half on a new connection each time, half keeping theirs.

Each click carries a token of its own in sub7, so that one whose answer was lost can be told apart later.
"""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tests.wire import Address, Wire

_CLICK_ID = re.compile(r"[?&](?:click_id|cid)=([0-9a-f-]{36})")


class Visit(NamedTuple):
    """One request: times of time.monotonic(), its token, and the answer or the error that took its place."""

    began: float
    ended: float
    token: str
    status: int = 0
    click_id: str = ""
    error: str = ""
    text: str = ""
    """The body of an answer of 400 and above."""
    reused: bool = False
    """It went out on a connection that had served others before."""

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def click_id_of(location: str) -> str:
    """The click id that a redirect carries; "" when there is none."""
    found = _CLICK_ID.search(location)
    return found.group(1) if found else ""


class Visitors:
    """`clients` threads that click `targets` in turn until stopped; `paused` ones hold still."""

    def __init__(
        self,
        address: Callable[[], Address],
        targets: Sequence[str],
        *,
        name: str = "v",
        clients: int = 4,
        pause: float = 0.01,
        timeout: float = 60.0,
        host: str = "t.example",
    ) -> None:
        self._address = address
        self._host = {"Host": host}
        self._targets = targets
        self._name = name
        self._pause = pause
        self._timeout = timeout
        self._visits: list[list[Visit]] = [[] for _ in range(clients)]
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._busy = [threading.Lock() for _ in range(clients)]
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(clients)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._go.set()
        for thread in self._threads:
            thread.join()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody has a request under way inside this block."""
        self._go.clear()
        for busy in self._busy:
            with busy:
                pass
        try:
            yield
        finally:
            self._go.set()

    @property
    def visits(self) -> list[Visit]:
        """All so far."""
        return [visit for visits in self._visits for visit in list(visits)]

    @property
    def answered(self) -> list[Visit]:
        return [visit for visit in self.visits if not visit.error]

    @property
    def failed(self) -> list[Visit]:
        return [visit for visit in self.visits if visit.error]

    def latest_click(self, thread: int) -> str:
        """A click that this thread was answered lately; "" when it has none yet."""
        for visit in reversed(self._visits[thread % len(self._visits)][-50:]):
            if visit.click_id:
                return visit.click_id
        return ""

    def _run(self, thread: int) -> None:
        keeps = thread % 2 == 1
        wire: Wire | None = None
        count = 0
        while not self._stop.is_set():
            self._go.wait()
            with self._busy[thread]:
                if not self._go.is_set() or self._stop.is_set():
                    continue
                count += 1
                token = f"{self._name}-{thread}-{count}"
                visit, wire = self._visit(token, self._targets[count % len(self._targets)], wire)
                self._visits[thread].append(visit)
                if wire is not None and (not keeps or visit.error):
                    wire.close()
                    wire = None
            # A refused connection comes back at once: without this a dead parent would mean a busy loop.
            time.sleep(self._pause if not visit.error else max(self._pause, 0.02))
        if wire is not None:
            wire.close()

    def _visit(self, token: str, target: str, wire: Wire | None) -> tuple[Visit, Wire | None]:
        began = (
            time.monotonic()
        )  # before the look at the kept connection: what it shows is older than the send
        reused = wire is not None and wire.idle()
        if wire is not None and not reused:
            wire.close()
            wire = None
        try:
            if wire is None:
                wire = Wire(self._address(), self._timeout)
            answer = wire.ask(target + f"{'&' if '?' in target else '?'}sub7={token}", headers=self._host)
        except (OSError, ValueError) as fault:
            error = f"{type(fault).__name__}: {fault}"
            return Visit(began, time.monotonic(), token, error=error, reused=reused), wire
        if answer.closes:
            wire.close()
            wire = None
        ended = time.monotonic()
        text = answer.body[:100].decode("utf-8", "replace") if answer.status >= 400 else ""
        found = click_id_of(answer.location)
        return Visit(began, ended, token, answer.status, found, "", text, reused), wire


@contextmanager
def visiting(address: Callable[[], Address], targets: Sequence[str], **options: object) -> Iterator[Visitors]:
    """Visitors for the length of a block."""
    visitors = Visitors(address, targets, **options)  # type: ignore[arg-type]
    visitors.start()
    try:
        yield visitors
    finally:
        visitors.stop()


def percentile(seconds: Sequence[float], percent: int) -> float:
    """By the inclusive method; 0.0 of nothing."""
    if len(seconds) < 2:
        return max(seconds, default=0.0)
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def summary(visits: Sequence[Visit]) -> str:
    """`123 answered, p50 1.2 ms, p99 8.0 ms, longest 0.5 s`: printed, never asserted (a shared machine)."""
    seconds = [visit.seconds for visit in visits if not visit.error]
    p50, p99 = (percentile(seconds, percent) * 1000 for percent in (50, 99))
    longest = max(seconds, default=0.0)
    return f"{len(seconds)} answered, p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.3f} s"
