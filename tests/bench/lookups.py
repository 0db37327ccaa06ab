"""The warehouse at size: 10 M clicks over 30 days; click lookups while a 30-day report runs beside them."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path

from appliance.config import Warehouse as Section
from appliance.stores.warehouse import Warehouse

DAYS = 30
# A UUIDv7 text made in SQL: 48 bits of milliseconds, version 7, variant 8, the row's number.
_FILL = """
insert into click_events (id, at, edge, epoch, seq, revision, door, decision, campaign_id, stream_id,
  destination_id, source_id, counted, cost, currency, user_agent, address, query, request_id, subs, utm)
select concat(substring(t, 1, 8), '-', substring(t, 9, 4), '-7', substring(n, 1, 3), '-8',
    substring(n, 4, 3), '-', substring(n, 7, 12)) as id,
  fromUnixTimestamp64Milli(ms, 'UTC'), 0, 1, number, 1, 'c', 'destination', number % 200,
  number % 1000, number % 20, number % 5, 1, 12000, 'USD',
  concat('Mozilla/5.0 (agent ', toString(number % 500), ')'), '203.0.113.0', 'sub1=p45&utm_source=push', id,
  map(1, concat('p', toString(number % 100))), map('utm_source', 'push')
from (
  select number, {start:Int64} + intDiv(number * {span:Int64}, {rows:Int64}) as ms,
    leftPad(lower(hex(ms)), 12, '0') as hexed, substring(hexed, -12) as t,
    substring(leftPad(lower(hex(number)), 18, '0'), -18) as n
  from numbers({first:UInt64}, {count:UInt64})
)
"""
_REPORT = """
select toDate(at, 'UTC') as day, campaign_id, destination_id, count() as clicks, sum(cost) as cost
from click_events where at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') and counted
group by day, campaign_id, destination_id order by clicks desc limit 100
"""


def identifier(start: int, span: int, rows: int, number: int) -> str:
    """The id that `_FILL` gave row `number`."""
    t = f"{start + number * span // rows:012x}"
    n = f"{number:018x}"
    return f"{t[:8]}-{t[8:]}-7{n[:3]}-8{n[3:6]}-{n[6:18]}"


def measure(rows: int, seconds: float) -> dict[str, float]:
    """Milliseconds of single and batched lookups beside reports; a key each."""
    span = DAYS * 86_400_000
    start = int(time.time() * 1000) - span
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        fill(Path(folder), rows, start, span)
        print(f"  {rows:,} clicks made in {time.monotonic() - began:.0f} s")
        warehouse = Warehouse(Section(max_memory_mb=4_000, query_memory_mb=2_000), Path(folder))
        try:
            return _beside_reports(warehouse, start, span, rows, seconds)
        finally:
            warehouse.close()


def fill(data: Path, rows: int, start: int, span: int, then: str = "") -> None:
    """So many clicks in the warehouse of a data directory, spread over `span` ms; `then` is one statement."""
    warehouse = Warehouse(Section(max_memory_mb=4_000, query_memory_mb=2_000), data)
    try:
        warehouse.open()
        step = 1_000_000
        for first in range(0, rows, step):
            sql = _FILL
            for name, value in (("start", start), ("span", span), ("rows", rows), ("first", first),
                                ("count", min(step, rows - first))):  # fmt: skip
                for kind in ("Int64", "UInt64"):
                    sql = sql.replace(f"{{{name}:{kind}}}", str(value))
            warehouse.execute(sql)
        if then:
            warehouse.execute(then)
    finally:
        warehouse.close()


def _beside_reports(
    warehouse: Warehouse, start: int, span: int, rows: int, seconds: float
) -> dict[str, float]:
    done = threading.Event()
    reports: list[float] = []

    def report() -> None:
        while not done.is_set():
            began = time.monotonic()
            warehouse.query(_REPORT, {"start": start})
            reports.append(time.monotonic() - began)

    thread = threading.Thread(target=report)
    thread.start()
    single: list[float] = []
    batch: list[float] = []
    try:
        number, end = 12_345, time.monotonic() + seconds
        while time.monotonic() < end or len(single) < 2:
            for size, times in ((1, single), (50, batch)):
                numbers = [(number := (number * 7_919 + 104_729) % rows) for _ in range(size)]
                ids = [identifier(start, span, rows, n) for n in numbers]
                began = time.monotonic()
                found = warehouse.lookup_clicks(ids)
                times.append((time.monotonic() - began) * 1000)
                if len(found) != len(set(ids)):
                    raise RuntimeError(f"{len(set(ids)) - len(found)} of {len(ids)} clicks were not found")
    finally:
        done.set()
        thread.join()
    return {
        "lookup_p50_ms": round(statistics.median(single), 2),
        "lookup_p99_ms": round(statistics.quantiles(single, n=100)[98], 2),
        "lookup_batch50_p50_ms": round(statistics.median(batch), 2),
        "lookup_batch50_p99_ms": round(statistics.quantiles(batch, n=100)[98], 2),
        "report_30d_s": round(statistics.median(reports), 2) if reports else float("nan"),
    }
