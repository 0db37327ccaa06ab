"""Reports at size: operations beside SQL written by hand, straight on chDB, in the same run.

10 M clicks and 300 k conversions over 30 days. The operation answers a page, its totals and the number of
groups; the SQL by hand answers the page alone, which is what a person would type.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import trio
from clickhouse_connect.driver.client import Client

from appliance.config import Warehouse as Section
from appliance.model.holds import Holds
from appliance.operations import registry
from appliance.operations.context import Context, local_administrator
from appliance.overview import Overview, Parts
from appliance.report_slots import ReportSlots
from appliance.stores.warehouse import Warehouse
from tests.bench import lookups
from tests.doors import NoCosts, NoWarehouse

AIMS = {
    "overview_over_chdb": "<= 1.3",
    "three_levels_over_chdb": "<= 1.3",
    "click_log_over_chdb": "<= 1.3",
}
_CONVERSIONS = """
insert into conversion_events (id, revision, at, known_at, edge, epoch, seq, status, original_status,
  event_type, count, revenue, hold, currency, transaction_id, network_id, click_id, click_at, campaign_id,
  stream_id, destination_id, source_id, subs, utm)
select concat('c', id), 1, at, at, 0, 2, seq, 'sale', 'sale', 'conversion', 1, 1500000, 0, 'USD', id, 0, id,
  at, campaign_id, stream_id, destination_id, source_id, subs, utm
from click_events where seq % 33 = 0
"""
_PERIOD = (
    "at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') and at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')"
)
_OVERVIEW = f"""
select sum(c) as clicks, sum(n) as conversions, sumIf(r, unit = 'USD') as revenue,
  sumIf(h, unit = 'USD') as hold, sumIf(k, unit = 'USD') as cost
from (
  select currency as unit, toInt64(count()) as c, toInt64(0) as n, toInt64(0) as r, toInt64(0) as h,
    sum(cost) as k from click_events where counted = 1 and {_PERIOD} group by unit
  union all
  select currency, toInt64(0), sum(count), sum(revenue), sum(hold), toInt64(0) from conversion_events
    where {_PERIOD} group by currency
  union all
  select currency, toInt64(0), toInt64(0), toInt64(0), toInt64(0), sum(cost) from cost_adjustments
    where {_PERIOD} group by currency
)
"""
_THREE_LEVELS = f"""
select campaign_id, destination_id, day, sum(c) as clicks, sum(n) as conversions,
  sumIf(r, unit = 'USD') as revenue, sumIf(h, unit = 'USD') as hold, sumIf(k, unit = 'USD') as cost
from (
  select campaign_id, destination_id, toDate(at, 'Europe/Berlin') as day, currency as unit,
    toInt64(count()) as c, toInt64(0) as n, toInt64(0) as r, toInt64(0) as h, sum(cost) as k
    from click_events where counted = 1 and {_PERIOD} group by campaign_id, destination_id, day, unit
  union all
  select campaign_id, destination_id, toDate(at, 'Europe/Berlin') as day, currency, toInt64(0), sum(count),
    sum(revenue), sum(hold), toInt64(0) from conversion_events
    where {_PERIOD} group by campaign_id, destination_id, day, currency
  union all
  select campaign_id, destination_id, toDate(at, 'Europe/Berlin') as day, currency, toInt64(0), toInt64(0),
    toInt64(0), toInt64(0), sum(cost) from cost_adjustments
    where {_PERIOD} group by campaign_id, destination_id, day, currency
)
group by campaign_id, destination_id, day order by clicks desc, campaign_id, destination_id, day limit 100
"""
_LOG = f"""
select * except (edge, epoch, seq, v) from click_events
where campaign_id = 5 and subs[1] = 'p5' and {_PERIOD} order by id desc limit 50
"""
_LOG_COUNT = f"select count() from click_events where campaign_id = 5 and subs[1] = 'p5' and {_PERIOD}"


class _NoNames:
    async def list(self, *_: object) -> tuple[list[object], int]:
        return [], 0


def fill(data: Path, rows: int, start_ms: int) -> None:
    """30 days of clicks, a conversion for every 33rd."""
    lookups.fill(data, rows, start_ms, lookups.DAYS * 86_400_000, _CONVERSIONS)


def measure(rows: int, rounds: int, folder: Path | None = None) -> dict[str, float]:
    """Milliseconds of operations and of SQL by hand, medians of rounds in turn, and their ratios."""
    start_ms = 1_792_000_000_000
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        place = folder or Path(name)
        if not (place / "warehouse").exists():
            began = time.monotonic()
            fill(place, rows, start_ms)
            took = time.monotonic() - began
            print(f"  {rows:,} clicks and {rows // 33:,} conversions made in {took:.0f} s")
        warehouse = Warehouse(Section(), place)
        try:
            return trio.run(_measure, warehouse, rounds, start_ms)
        finally:
            warehouse.close()


async def _measure(warehouse: Warehouse, rounds: int, start_ms: int) -> dict[str, float]:
    operations = registry.load_all()
    slots = ReportSlots(warehouse, 2, 1, "USD")
    overview = Overview(Path(), Parts(), Holds(), NoWarehouse())
    context = Context(local_administrator("call"), _NoNames(), slots, overview, NoCosts())  # type: ignore[arg-type]
    until_ms = start_ms + lookups.DAYS * 86_400_000
    period = {
        "from": datetime.fromtimestamp(start_ms / 1000, UTC).isoformat(),
        "to": datetime.fromtimestamp(until_ms / 1000, UTC).isoformat(),
        "timezone": "Europe/Berlin",
    }
    bound = {"from": start_ms * 1000, "to": until_ms * 1000}
    warehouse.open()
    limits = {"max_threads": 2, "max_memory_usage": 500 << 20, "output_format_json_quote_64bit_integers": 0}
    client = warehouse._engine.connect(limits)

    async def ask(name: str, **payload: object) -> None:
        registry.encode(await registry.call(operations, name, {**period, **payload}, context))

    async def run(*queries: str) -> None:
        for query in queries:
            await trio.to_thread.run_sync(_straight, client, query, bound)

    levels = ["campaign", "destination", "day"]
    pairs: dict[str, tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]] = {
        "overview": (lambda: ask("reports.overview"), lambda: run(_OVERVIEW)),
        "three_levels": (lambda: ask("reports.query", group_by=levels), lambda: run(_THREE_LEVELS)),
        "click_log": (
            lambda: ask("clicks.list", campaign_id=5, filters={"sub1": ["p5"]}),
            lambda: run(_LOG, _LOG_COUNT),
        ),
    }
    found: dict[str, float] = {}
    try:
        for name, (operation, by_hand) in pairs.items():
            times: tuple[list[float], list[float]] = ([], [])
            for number in range(rounds + 1):
                for work, taken in zip((operation, by_hand), times, strict=True):
                    began = time.monotonic()
                    await work()
                    if number:  # the first reads the files
                        taken.append((time.monotonic() - began) * 1000)
            ours, chdb = map(statistics.median, times)
            found[f"{name}_ms"], found[f"{name}_chdb_ms"] = round(ours, 1), round(chdb, 1)
            found[f"{name}_over_chdb"] = round(
                statistics.median(a / b for a, b in zip(*times, strict=True)), 3
            )
    finally:
        client.close()
    return found


def _straight(client: Client, query: str, bound: dict[str, int]) -> bytes:
    body: bytes = client.raw_query(query, parameters=bound, fmt="JSONEachRow")
    return body


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=10_000_000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--folder", type=Path, help="a warehouse that is filled once and kept")
    given = asked.parse_args()
    for key, figure in measure(given.rows, given.rounds, given.folder).items():
        print(f"{key:<28} {figure:>12,.3f}  {AIMS.get(key, '')}")
