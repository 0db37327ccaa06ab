"""wrk on one core: a rate with every connection busy, and latencies at a chosen rate."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CLIENT_CORE = "1"
CONNECTIONS = 64
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """One run of wrk: answers, answers per second, latency in ms, and answers that were no 2xx or 3xx."""

    answers: int
    per_s: float
    p50_ms: float
    p99_ms: float
    bad: int


def available() -> bool:
    return shutil.which("wrk") is not None


def run(url: str, seconds: float, close: bool = False, per_s: float = 0.0) -> Load:
    """Load `url`. `close`: a new connection for every request.

    `per_s` paces: each of the 64 connections thinks between two requests so that together they ask that
    often (a closed loop, wrk's `delay`); the latencies then are those at that rate, not of a full queue.
    """
    lua = 'wrk.headers["Connection"] = "close"\n' if close else ""
    if per_s:
        # Think times spread over 0.5-1.5 of the mean: 64 connections in step would be bursts.
        mean = CONNECTIONS / per_s * 1_000
        lua += f"function delay() return math.floor({mean} * (0.5 + math.random()) + 0.5) end\n"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(lua)
        out = subprocess.run(
            ["taskset", "-c", CLIENT_CORE, "wrk", "--latency", "-t1", f"-c{CONNECTIONS}",
             f"-d{max(1, round(seconds))}", "-s", str(script), url],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    return parse(out.stdout + out.stderr)


def joined(loads: list[Load]) -> Load:
    """Equally long runs as one: answers added, the mean rate, medians of the latencies."""
    return Load(
        sum(one.answers for one in loads),
        statistics.fmean(one.per_s for one in loads),
        statistics.median(one.p50_ms for one in loads),
        statistics.median(one.p99_ms for one in loads),
        sum(one.bad for one in loads),
    )


def parse(out: str) -> Load:
    """What wrk printed."""

    def milliseconds(percent: str) -> float:
        found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", out, re.MULTILINE)
        return float(found[1]) * _UNITS[found[2]] if found else float("nan")

    answers = re.search(r"(\d+) requests in", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if answers is None or rate is None:
        raise RuntimeError(f"wrk said nothing to go by:\n{out}")
    return Load(
        int(answers[1]), float(rate[1]), milliseconds("50"), milliseconds("99"), int(bad[1]) if bad else 0
    )
