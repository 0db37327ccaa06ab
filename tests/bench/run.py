"""`make bench`: one table from one run, and bench.json. Ratios within the run are what counts.

Every server has core 0, wrk and all else core 1. The servers are measured in turn, several rounds, and the
medians compared, because a shared machine changes its speed from one second to the next.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.bench import (
    binary,
    catalog,
    clicks,
    events,
    full,
    load,
    lookups,
    postbacks,
    reports,
    rivals,
    watchers,
)
from tests.bench.clicks import Rounds
from tests.rig import ROOT, Weir, start_weir, wait_for

AIMS = {
    "edge_over_nginx": ">= 0.20",
    "edge_over_nginx_new_connections": ">= 0.5",
    "edge_over_hypercorn": ">= 10",
    "edge_p99_ms_at_half": "<= 3",
    "edge_idle_rss_mb": "< 80",
    "core_idle_rss_mb": "< 600",
    "first_click_s": "< 3",
    "core_ready_s": "< 5",
    "binary_over_source": binary.AIM,
    **full.AIMS,
    **events.AIMS,
    **postbacks.AIMS,
    **reports.AIMS,
    **watchers.AIMS,
}


NEED_WRK = (
    "edge_clicks_per_s",
    "edge_clicks_new_connections_per_s",
    "nginx_302_per_s",
    "nginx_302_new_connections_per_s",
    "hypercorn_302_per_s",
    "edge_over_nginx",
    "edge_over_nginx_new_connections",
    "edge_over_hypercorn",
    "edge_p99_ms_at_half",
    "edge_clicks_per_s_while_shipping",
    "shipping_rows_per_s",
)
"""Null in bench.json where there is no wrk to measure them."""


def measure_start(folder: Path) -> dict[str, float]:
    """A new data directory: seconds to the first click answered and to a ready core."""
    began = time.monotonic()
    with start_weir(folder / "start", wait=False) as weir:
        wait_for("an address", lambda: weir.where().get("public"))
        with httpx.Client(timeout=10) as client:
            while client.get(f"{weir.public}/c/demo").status_code != 302:
                time.sleep(0.01)
        first = time.monotonic() - began
        weir.wait_ready()
        return {"first_click_s": round(first, 2), "core_ready_s": round(time.monotonic() - began, 2)}


def measure_clicks(folder: Path, rounds: int, seconds: float) -> dict[str, float | int | None]:
    found: dict[str, float | int | None] = {}
    with contextlib.ExitStack() as stack:
        weir = stack.enter_context(start_weir(folder / "data"))
        catalog.fill(weir.data)
        wait_for("the catalog on the edge", lambda: httpx.get(clicks.url(weir)).status_code == 302)
        wait_for("an idle core", lambda: weir.call("system.status")["warehouse"]["state"] == "up")
        time.sleep(3)
        children = weir.children()
        found["edge_idle_rss_mb"] = clicks.resident_mb(children["edge-0"])
        found["core_idle_rss_mb"] = clicks.resident_mb(children["core"])
        clicks.pin(weir)
        before = clicks.stored(weir.data)
        clicks.hold(weir)
        nginx = stack.enter_context(rivals.nginx(folder))
        hypercorn = stack.enter_context(rivals.hypercorn(folder))
        servers = {"edge": clicks.url(weir), "nginx": nginx, "hypercorn": hypercorn}
        measured = {name: Rounds() for name in servers}
        for _ in range(rounds):
            for name, url in servers.items():
                if url is not None:
                    measured[name].busy.append(load.run(url, seconds))
                    if name != "hypercorn":
                        measured[name].fresh.append(load.run(url, seconds, close=True))
        edge = measured["edge"]
        half = [load.run(clicks.url(weir), seconds, per_s=edge.per_s() / 2) for _ in range(rounds)]
        answered = sum(one.answers for one in (*edge.busy, *edge.fresh, *half))
        stored = clicks.stored(weir.data) - before
        if stored < answered or any(one.bad for one in (*edge.busy, *edge.fresh, *half)):
            raise SystemExit(f"bench: {answered} clicks answered, {stored} stored: this is no result")
        found |= _ratios(measured)
        found["edge_half_per_s"] = round(statistics.median(one.per_s for one in half))
        found["edge_p50_ms_at_half"] = round(statistics.median(one.p50_ms for one in half), 2)
        found["edge_p99_ms_at_half"] = round(statistics.median(one.p99_ms for one in half), 2)
        found["clicks_answered"], found["clicks_stored"] = answered, stored
        found |= _while_shipping(weir, rounds, seconds, before + stored)
    return found


def _ratios(measured: dict[str, Rounds]) -> dict[str, float | int | None]:
    edge, nginx, hypercorn = measured["edge"], measured["nginx"], measured["hypercorn"]
    known = bool(nginx.busy)
    return {
        "edge_clicks_per_s": round(edge.per_s()),
        "edge_clicks_new_connections_per_s": round(edge.fresh_per_s()),
        "nginx_302_per_s": round(nginx.per_s()) if known else None,
        "nginx_302_new_connections_per_s": round(nginx.fresh_per_s()) if known else None,
        "hypercorn_302_per_s": round(hypercorn.per_s()),
        "edge_over_nginx": round(edge.per_s() / nginx.per_s(), 3) if known else None,
        "edge_over_nginx_new_connections": (
            round(edge.fresh_per_s() / nginx.fresh_per_s(), 3) if known else None
        ),
        "edge_over_hypercorn": round(edge.per_s() / hypercorn.per_s(), 1) if hypercorn.per_s() else None,
    }


def _while_shipping(weir: Weir, rounds: int, seconds: float, clicks_so_far: int) -> dict[str, float | int]:
    """Rows shipped per second of what was held, then the click figure with the core at work."""
    shipped = clicks.ship(weir, clicks_so_far)
    busy = [load.run(clicks.url(weir), seconds) for _ in range(rounds)]
    return {
        # A click is two rows: the click and its identity.
        "shipping_rows_per_s": round(shipped * 2),
        "edge_clicks_per_s_while_shipping": round(statistics.median(one.per_s for one in busy)),
    }


def table(found: dict[str, float | int | None]) -> str:
    lines = [f"{'figure':<40} {'value':>14}  aim"]
    for name, value in found.items():
        shown = (
            "not measured" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
        )
        lines.append(f"{name:<40} {shown:>14}  {AIMS.get(name, '')}")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--quick", action="store_true", help="one short round, 1 M rows: a look, no figure"
    )
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--rows", type=int, help="clicks in the warehouse; 10 M, 1 M of a quick look")
    arguments.add_argument("--part", choices=PARTS, help="only this; bench.json stays as it is")
    asked = arguments.parse_args()
    asked.rows = asked.rows or (1_000_000 if asked.quick else 10_000_000)
    if asked.quick:
        asked.rounds, asked.seconds = 1, 1
    if (os.cpu_count() or 1) < 2:
        print("bench: needs two cores, one for the server and one for the client", file=sys.stderr)
        return 2
    if "BINARY" in os.environ:
        return _beside_source(asked.rounds, asked.seconds)
    print(f"Weir beside nginx and Hypercorn: {asked.rounds} rounds of {asked.seconds:g} s, 64 connections;")
    print("every server on core 0, wrk and the core of Weir on core 1; medians. At half: a closed loop whose")
    print("connections think between requests. 'while shipping': the core shares the client's core.\n")
    found: dict[str, float | int | None] = {}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = Path(name)
        for part in [asked.part] if asked.part else PARTS:
            found |= _part(part, folder, asked)
    print(table(found))
    if not asked.part:
        (ROOT / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0


PARTS = ("start", "clicks", "full", "watchers", "lookups", "reports", "postbacks", "events")


def _part(name: str, folder: Path, asked: argparse.Namespace) -> dict[str, float | int | None]:
    if name in ("clicks", "full", "watchers") and not load.available():
        print(f"wrk is not installed (apt install wrk): no figures of {name}\n")
        return dict.fromkeys({"clicks": NEED_WRK, "full": full.AIMS, "watchers": watchers.AIMS}[name])
    match name:
        case "start":
            return dict(measure_start(folder))
        case "clicks":
            return measure_clicks(folder, asked.rounds, asked.seconds)
        case "full":
            return full.measure(folder, asked.rounds, asked.seconds)
        case "watchers":
            return watchers.measure(folder, asked.rounds, max(asked.seconds, 5))
        case "lookups":
            return dict(lookups.measure(asked.rows, 10 if not asked.quick else 3))
        case "events":
            return events.measure(folder, 60 if not asked.quick else 4)
        case "postbacks":
            return postbacks.measure(folder, asked.rows, 60 if not asked.quick else 5)
    return dict(reports.measure(asked.rows, 9 if not asked.quick else 2))


def _beside_source(rounds: int, seconds: float) -> int:
    if not load.available():
        print("wrk is not installed (apt install wrk)", file=sys.stderr)
        return 2
    print(f"The executable beside the source: {rounds} rounds of {seconds:g} s in turn, 64 connections.\n")
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        found = binary.measure(Path(name), rounds, seconds)
    print(table(found))
    (ROOT / "bench-binary.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
