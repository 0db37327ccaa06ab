"""Interpreted events at a rate, from POST /api/events until Meta has acknowledged each of them.

The real executable with one edge; the double of Meta and the network are processes of their own on loopback.
Memory is that of core and edge, looked at while the first and the last tenth was on its way.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from pathlib import Path

from tests.bench import clicks
from tests.journeys.board import Board
from tests.platforms.account import Account, counts
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode
from tests.rig import Weir, start_weir, wait_for

PER_S = 5_000
PER_REQUEST = 2_000
AIMS = {"events_per_s": f">= {PER_S:,}", "events_core_mb_growth": "<= 60", "events_edge_mb_growth": "<= 20"}
_PATIENT = 600.0


class _Memory(threading.Thread):
    """Resident megabytes of core and edge, each second."""

    def __init__(self, weir: Weir) -> None:
        super().__init__(daemon=True)
        self._children = weir.children()
        self._done = threading.Event()
        self.seen: dict[str, list[float]] = {name: [] for name in self._children}

    def run(self) -> None:
        while not self._done.wait(1.0):
            for name, pid in self._children.items():
                self.seen[name].append(clicks.resident_mb(pid))

    def stop(self) -> None:
        self._done.set()
        self.join()

    def growth(self, name: str) -> float:
        """From the second fifth, when every buffer had been filled once, to the last."""
        seen = self.seen[name]
        fifth = max(1, len(seen) // 5)
        return round(statistics.median(seen[-fifth:]) - statistics.median(seen[fifth : 2 * fifth] or seen), 1)


def measure(folder: Path, seconds: float) -> dict[str, float | int | None]:
    """Figures by name. SystemExit when an event was not counted by Meta exactly once."""
    count = round(seconds * PER_S)
    requests = _requests(count)
    env = {"WEIR_OUTBOUND__ALLOW": "127.0.0.0/8", "WEIR_LOG__LEVEL": "warning"}
    with MetaProcess(folder / "meta") as meta, start_weir(folder / "events", "--edges", "1", env=env) as weir:
        board = Board(weir)
        account = Account(board, meta.url)
        account.subscribe()
        account.send([encode(document(count, time.time_ns() // 1_000))])  # every way was gone once
        wait_for("the first event", lambda: counts(weir.data, account.target)["delivered"] == 1)
        memory = _Memory(weir)
        memory.start()
        began = time.monotonic()
        answered = 0.0
        for body in requests:
            asked = time.monotonic()
            taken = account.send(body)
            answered = max(answered, time.monotonic() - asked)
            if taken["taken"] != len(body):
                raise SystemExit(f"bench: {taken}: this is no result")
        accepted = time.monotonic() - began
        wait_for(
            "every event acknowledged",
            lambda: time.sleep(0.25) or counts(weir.data, account.target)["delivered"] == count + 1,
            _PATIENT,
        )
        took = time.monotonic() - began
        memory.stop()
        shown = meta.figures()
    if shown.counted.total() != count + 1 or set(shown.counted.values()) != {1}:
        raise SystemExit(f"bench: Meta counted {shown.counted.total()} of {count + 1}: this is no result")
    sizes = Counter(len(line["events"]) for line in meta.heard())
    return {
        "events_per_s": round(count / took),
        "events_accepted_per_s": round(count / accepted),
        "events_slowest_answer_s": round(answered, 2),
        "events_per_meta_request": round((count + 1) / sizes.total()),
        "events_core_mb": round(max(memory.seen["core"]), 1),
        "events_core_mb_growth": memory.growth("core"),
        "events_edge_mb_growth": memory.growth("edge-0"),
    }


def _requests(count: int) -> list[list[bytes]]:
    now_us = time.time_ns() // 1_000
    made = [encode(document(number, now_us)) for number in range(count)]
    return [made[start : start + PER_REQUEST] for start in range(0, count, PER_REQUEST)]
