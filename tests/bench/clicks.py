"""The click figure: the real executable with one edge on one core, every stored click counted afterwards."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from appliance.model.events import ClickEvent, decode
from appliance.stores.journal.reader import open_segment, segments
from tests.bench import catalog, load
from tests.bench.rivals import SERVER_CORE
from tests.rig import Weir, wait_for

_EDGE = "edge-0"


@dataclass
class Rounds:
    """Figures of one server over the rounds."""

    busy: list[load.Load] = field(default_factory=list)
    fresh: list[load.Load] = field(default_factory=list)

    def per_s(self) -> float:
        return statistics.median(one.per_s for one in self.busy)

    def fresh_per_s(self) -> float:
        return statistics.median(one.per_s for one in self.fresh)


def pin(weir: Weir) -> None:
    """The edge to the server's core, everything else to the client's: nothing competes with the edge."""
    others = {int(load.CLIENT_CORE)}
    edge = weir.children()[_EDGE]
    for pid in weir.family():
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {int(SERVER_CORE)} if pid == edge else others)


def url(weir: Weir) -> str:
    return f"{weir.public}/c/b7?{catalog.QUERY}"


def hold(weir: Weir) -> None:
    weir.call("journal.hold", {"edge": 0, "consumer": "all"})


def release(weir: Weir) -> None:
    weir.call("journal.release", {"edge": 0, "consumer": "all"})


def stored(data: Path) -> int:
    """Clicks in the journals, read as any consumer reads them."""
    count = 0
    for path in segments(data):
        reader = open_segment(path)
        after = 0
        while entries := reader.read(after, 5_000):
            after = entries[-1].seq
            count += sum(isinstance(decode(entry.body), ClickEvent) for entry in entries)
        reader.close()
    return count


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return float("nan")


def ship(weir: Weir, clicks: int, seconds: float = 600.0) -> float:
    """Release the journals and wait until every stored click is in a report; clicks shipped per second."""
    began = time.monotonic()
    release(weir)
    wait_for(
        f"{clicks} clicks in the report",
        lambda: weir.call("reports.overview", {})["clicks"] >= clicks or time.sleep(0.3),
        seconds,
    )
    return clicks / (time.monotonic() - began)
