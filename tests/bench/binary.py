"""`make bench BINARY=dist/weir`: the executable beside the source, in turn, in one run."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import sys
from pathlib import Path

import httpx

from tests.bench import catalog, clicks, load
from tests.bench.clicks import Rounds
from tests.rig import Weir, start_weir, wait_for

AIM = ">= 0.95"
_SLICE_S = 1.0
"""A core of a shared machine changes its speed by a third within ten seconds, and wrk counts whole seconds:
so the two take turns of one second, and a round compares their sums."""


def measure(folder: Path, rounds: int, seconds: float) -> dict[str, float | int | None]:
    """Both serve the same catalog on the same core, one measured while the other idles.

    Keys: clicks per second of both, and the median over the rounds of their ratios within a round.
    """
    argvs = {
        "binary": [str(Path(os.environ["BINARY"]).absolute())],
        "source": [sys.executable, "-m", "appliance"],
    }
    with contextlib.ExitStack() as stack:
        weirs: dict[str, Weir] = {}
        for name, argv in argvs.items():
            weir = stack.enter_context(start_weir(folder / name, argv=argv))
            catalog.fill(weir.data)
            wait_for("the catalog on the edge", lambda at=weir: httpx.get(clicks.url(at)).status_code == 302)
            clicks.pin(weir)
            clicks.hold(weir)
            weirs[name] = weir
        measured = {name: Rounds() for name in weirs}
        before = {name: clicks.stored(weir.data) for name, weir in weirs.items()}
        for _ in range(rounds):
            busy = _round(weirs, seconds)
            fresh = _round(weirs, seconds, close=True)
            for name in weirs:
                measured[name].busy.append(busy[name])
                measured[name].fresh.append(fresh[name])
        for name, weir in weirs.items():
            answered = sum(one.answers for one in (*measured[name].busy, *measured[name].fresh))
            stored = clicks.stored(weir.data) - before[name]
            if stored < answered:
                raise SystemExit(f"bench: {name} answered {answered} clicks and stored {stored}")
    binary, source = measured["binary"], measured["source"]
    return {
        "binary_clicks_per_s": round(binary.per_s()),
        "source_clicks_per_s": round(source.per_s()),
        "binary_over_source": _ratio(binary.busy, source.busy),
        "binary_over_source_new_connections": _ratio(binary.fresh, source.fresh),
    }


def _round(weirs: dict[str, Weir], seconds: float, close: bool = False) -> dict[str, load.Load]:
    """At least `seconds` of load on each, in turns: rates averaged, latencies by their medians."""
    slices: dict[str, list[load.Load]] = {name: [] for name in weirs}
    # An even number of turns, and who goes first changes: a machine that slows down would favour one.
    for turn in range(2 * math.ceil(seconds / _SLICE_S / 2)):
        for name in sorted(weirs, reverse=bool(turn % 2)):
            slices[name].append(load.run(clicks.url(weirs[name]), _SLICE_S, close))
    return {name: load.joined(of) for name, of in slices.items()}


def _ratio(one: list[load.Load], other: list[load.Load]) -> float:
    return round(statistics.median(a.per_s / b.per_s for a, b in zip(one, other, strict=True)), 3)
