"""`make bench BINARY=dist/weir`: the executable beside the source, in turn, in one run."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from pathlib import Path

import httpx

from tests.bench import catalog, clicks, load
from tests.bench.clicks import Rounds
from tests.rig import Weir, start_weir, wait_for

AIM = ">= 0.95"


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
        for turn in range(rounds):
            # Who goes first changes: a machine that slows down during a round would favour one.
            for name in sorted(weirs, reverse=bool(turn % 2)):
                measured[name].busy.append(load.run(clicks.url(weirs[name]), seconds))
                measured[name].fresh.append(load.run(clicks.url(weirs[name]), seconds, close=True))
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


def _ratio(one: list[load.Load], other: list[load.Load]) -> float:
    return round(statistics.median(a.per_s / b.per_s for a, b in zip(one, other, strict=True)), 3)
