"""The reports' database: one adapter, two URLs ("chdb", or http(s):// of a ClickHouse server).

Three lanes with a client each, so that no report delays shipping or a postback's lookup. Blocking: the
composition root gives each lane a runner with a limiter of its own.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from clickhouse_connect.driver.client import Client

from appliance import config
from appliance.errors import FieldProblem, Refused, RowRefused, Unavailable, WeirError
from appliance.model.conversions import ClickFacts
from appliance.model.ids import click_time_ms
from appliance.model.shipping import Bound, Mergeable
from appliance.model.status import QueryReport, WarehouseReport
from appliance.reporting.rows import COLUMNS, KEYS, Row, block
from appliance.stores.timings import Timings
from appliance.stores.warehouse_client import Embedded, Lane, Server, rows
from appliance.stores.warehouse_schema import migrate
from appliance.stores.warehouse_stream import AnswerStream
from appliance.stores.warehouse_upkeep import mergeable, optimize

T = TypeVar("T")
MAX_INSERT = 10_000
"""Rows per insert: larger ones hold the GIL for longer than the core's loop may wait (experiments.md d)."""
MAX_LOOKUP = 200
MERGING_LEAVE = 5.0
"""Seconds for the end of an OPTIMIZE that was cut."""
_ANY_BOUND = Bound(0, 0, 4_102_444_800_000_000)
_LOOKUP = "select id, packed from click_events prewhere id in {ids:Array(String)}"
_IDENTITIES = (
    "select click_id, sealed from click_identity prewhere click_id in {ids:Array(String)} "
    "where at between fromUnixTimestamp64Milli({first:Int64}, 'UTC') "
    "and fromUnixTimestamp64Milli({last:Int64}, 'UTC')"
)
_SLACK_MS = 60_000
"""A click's id and its record take their time within the same call; a clock may step in between."""


class _Packed(msgspec.Struct, array_like=True):
    """ClickFacts as migration 0010 puts them together; a click from before it ends with its currency."""

    at_us: int
    campaign_id: int
    stream_id: int
    destination_id: int
    source_id: int
    network_id: int
    link_id: int
    subs: dict[int, str]
    utm: dict[str, str]
    source_click_id: str
    cost: int
    currency: str
    click_ids: dict[str, str] = {}


_unpack = msgspec.json.Decoder(_Packed, strict=False).decode


class Warehouse:
    """ports.Warehouse, plus click lookups and reports. Opens on first use, so a core starts without it."""

    def __init__(self, settings: config.Warehouse, data: Path, database: str | None = None) -> None:
        memory = settings.query_memory_mb << 20
        self._engine: Embedded | Server
        if settings.url == "chdb":
            self._engine = Embedded(data / "warehouse", database or "weir", settings.max_memory_mb << 20)
        else:
            self._engine = Server(settings.url, database)
        limits = {
            "max_memory_usage": memory,
            "max_bytes_before_external_group_by": memory // 2,
            "max_bytes_before_external_sort": memory // 2,
            "output_format_json_quote_64bit_integers": 0,
            "output_format_json_validate_utf8": 1,
        }
        shipping = {
            **limits,
            "max_execution_time": 60,
            "max_threads": 1,
            "async_insert": 0,
            "input_format_parallel_parsing": 0,
        }
        lookups = {**limits, "max_execution_time": 10, "max_threads": 1}
        reports = {
            **limits,
            "max_execution_time": settings.query_seconds,
            "max_threads": 2,
            "max_result_rows": 100_000,
            "result_overflow_mode": "throw",
        }
        # A block is what one step of a reader waits for, and what it holds in memory.
        self._exports = {
            **reports,
            "max_execution_time": settings.export_seconds,
            "max_threads": 1,
            "max_result_rows": 0,
            "max_block_size": 2048,
            "wait_end_of_query": 0,
        }
        self._streams: set[AnswerStream] = set()
        self._schema = threading.Lock()
        self._migrated = False
        self._shipping = Lane("shipping", lambda: self._connect(shipping))
        self._lookups = Lane("lookups", lambda: self._connect(lookups))
        slots = [Lane(f"report-{n}", lambda: self._connect(reports)) for n in range(settings.report_slots)]
        # As many slots as the reports' runner has threads, so that get() never waits for long.
        self._slots: queue.SimpleQueue[Lane] = queue.SimpleQueue()
        for slot in slots:
            self._slots.put(slot)
        self._control = Lane("control", lambda: self._connect(lookups))
        self._ranks = Lane("ranks", lambda: self._connect(lookups))
        self._lanes = (self._shipping, self._lookups, *slots, self._control, self._ranks)
        # OPTIMIZE takes as long as a partition is large.
        merging = {**limits, "max_execution_time": 3_600, "max_threads": 1}
        self._merging = Lane("optimize", lambda: self._connect(merging))
        self._merges_stopped = False
        self._timings = Timings()
        self._names = itertools.count()
        self._detached_until = 0.0
        self._opened = False
        self._last_error = ""

    # Opening and closing

    def open(self) -> None:
        """Connect and migrate, or only see whether it answers. Every other call connects by itself."""
        self._on(self._shipping, lambda client: client.command("select 1"))

    def close(self) -> None:
        """Close every client, after the statements that are running; exports and OPTIMIZE are cut."""
        for stream in list(self._streams):
            self.end(stream)
        self._cut_merging()
        for lane in self._lanes:
            lane.close()
        self._opened = False

    def detach(self, seconds: float) -> None:
        """Let go of the database's files or server for `seconds` (a backup, a repair): all lanes refuse.

        Blocks until the running statements are over. Shipping catches up by itself afterwards.
        """
        self._detached_until = time.monotonic() + seconds
        self.close()

    def attach(self) -> None:
        """End a `detach` early."""
        self._detached_until = 0.0

    def report(self) -> WarehouseReport:
        error = self._detached_text() or self._last_error
        state = "down" if error else "up" if self._opened else "opening"
        return WarehouseReport(state=state, engine=self._engine.kind, last_error=error)

    def _detached_text(self) -> str:
        left = self._detached_until - time.monotonic()
        return f"the warehouse is detached for another {left:.0f} s" if left > 0 else ""

    def _connect(self, settings: Mapping[str, Any]) -> Client:
        client = self._engine.connect(settings)
        with self._schema:
            if not self._migrated:
                migrate(client.command, lambda sql: {row["n"] for row in rows(client, sql, {})})
                self._migrated = True
            if self._merges_stopped:  # for the end of an OPTIMIZE only
                client.command("system start merges")
                self._merges_stopped = False
        return client

    def _on(self, lane: Lane, work: Callable[[Client], T], kind: str = "") -> T:
        """`kind` of statement is for the figures: its lane's name, if it has no other."""
        detached = self._detached_text()
        if detached:
            raise Unavailable(detached)

        def timed(client: Client) -> T:
            with self._timings.timed(kind or lane.name.partition("-")[0]):
                return work(client)

        try:
            answer = lane.run(timed)
        except Unavailable as fault:
            if lane is self._shipping:  # a report that ran too long says nothing about the warehouse
                self._last_error = fault.message
            raise
        if lane is self._shipping:
            self._opened = True
            self._last_error = ""
        return answer

    # Shipping

    def insert(self, some: Sequence[Row]) -> None:
        if not some:
            return
        if len(some) > MAX_INSERT or any(r[:2] != some[0][:2] for r in some):
            raise ValueError(f"one insert takes at most {MAX_INSERT} rows of one table and partition")
        edge, epoch = some[0].values[:2]
        name = f"weir-ship-{edge}-{epoch}-{next(self._names)}"
        self._on(
            self._shipping,
            lambda client: self._engine.insert(
                client, some[0].table, COLUMNS[some[0].table], block(some), name
            ),
            "insert",
        )

    def present(
        self, table: str, edge: int, epoch: int, first: int, last: int, bound: Bound | None
    ) -> set[int]:
        bound = bound or _ANY_BOUND
        known(table)
        sql = (
            f"select seq from {table} where edge = {{edge:Int32}} and epoch = {{epoch:Int64}} "  # noqa: S608
            "and seq between {first:Int64} and {last:Int64} "
            "and at between fromUnixTimestamp64Micro({at_from:Int64}, 'UTC') "
            "and fromUnixTimestamp64Micro({at_to:Int64}, 'UTC')"
        )
        if bound.key_to and table in KEYS:
            sql += f" and {KEYS[table]} between {{key_from:String}} and {{key_to:String}}"
        parameters = {
            "edge": edge, "epoch": epoch, "first": first, "last": last,
            "at_from": bound.at_from, "at_to": bound.at_to,
            "key_from": bound.key_from, "key_to": bound.key_to,
        }  # fmt: skip
        return self._on(self._shipping, lambda client: {row["seq"] for row in rows(client, sql, parameters)})

    def settle(self, edge: int, epoch: int) -> None:
        name = f"weir-ship-{edge}-{epoch}-"
        self._on(self._shipping, lambda client: self._engine.settle(client, name))

    # Upkeep, on the shipping lane: it is rare and must not run beside an insert into the same partition

    def execute(self, sql: str) -> None:
        """Run one statement that answers nothing."""
        self._on(self._shipping, lambda client: client.command(sql), "upkeep")

    def partitions(self, table: str) -> list[tuple[str, int, int]]:
        known(table)
        sql = (
            "select _partition_id as id, toUnixTimestamp64Micro(min(at)) as oldest, "  # noqa: S608
            f"toUnixTimestamp64Micro(max(at)) as newest from {table} group by id order by newest"
        )
        found = self._on(self._shipping, lambda client: rows(client, sql, {}), "upkeep")
        return [(row["id"], row["oldest"], row["newest"]) for row in found]

    def drop_partition(self, table: str, partition: str) -> None:
        known(table)
        if not partition.isdigit():
            raise ValueError(f"{partition!r} is no partition id of ours")
        self.execute(f"alter table {table} drop partition id '{partition}'")

    def delete_before(self, table: str, at_us: int) -> None:
        known(table)
        sql = f"delete from {table} where at < fromUnixTimestamp64Micro({int(at_us)}, 'UTC')"  # noqa: S608
        self.execute(sql)

    # OPTIMIZE, on a lane of its own: an insert may go on meanwhile

    def mergeable(self) -> list[Mergeable]:
        return self._on(self._merging, mergeable, "upkeep")

    def optimize(self, partition: Mergeable) -> int:
        return self._on(self._merging, lambda client: optimize(client, partition))

    def _cut_merging(self) -> None:
        """End an OPTIMIZE that is running here; a server goes on with it by itself, and nobody waits."""
        if self._merging.busy and self._engine.kind == "chdb":
            with suppress(WeirError):
                self._control.run(lambda client: client.command("system stop merges"))
                self._merges_stopped = True
        self._merging.close(MERGING_LEAVE)

    def queries(self) -> tuple[QueryReport, ...]:
        """How long statements took since the start, by kind; never waits for one."""
        return self._timings.report()

    # Lookups

    def lookup_clicks(self, ids: Sequence[str]) -> dict[str, ClickFacts]:
        """What is known of these clicks; unknown ids are left out. In batches: one at a time is 400/s."""
        found: dict[str, ClickFacts] = {}
        for start in range(0, len(ids), MAX_LOOKUP):
            parameters = {"ids": list(ids[start : start + MAX_LOOKUP])}
            work = partial(rows, sql=_LOOKUP, parameters=parameters)
            for row in self._on(self._lookups, work):
                facts = msgspec.structs.asdict(_unpack(row["packed"]))
                found[row["id"]] = ClickFacts(id=row["id"], **facts)
        return found

    def lookup_identities(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The sealed identity of each of these clicks that is there; b"" for one from before they were.

        By their ids' time only the days (a partition each) that they lie in are read.
        """
        found: dict[str, bytes] = {}
        known = [(time_ms, each) for each in ids if (time_ms := click_time_ms(each)) is not None]
        known.sort()
        for start in range(0, len(known), MAX_LOOKUP):
            some = known[start : start + MAX_LOOKUP]
            parameters = {
                "ids": [each for _, each in some],
                "first": some[0][0] - _SLACK_MS,
                "last": some[-1][0] + _SLACK_MS,
            }
            for row in self._on(self._lookups, partial(rows, sql=_IDENTITIES, parameters=parameters)):
                found[row["click_id"]] = b64decode(row["sealed"])
        return found

    def rank(self, sql: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """Rows of a SELECT on the lane of ranks: one thread, ten seconds at most."""
        return self._on(self._ranks, partial(rows, sql=sql, parameters=parameters))

    # Reports

    def query(self, sql: str, parameters: Mapping[str, object], mark: str = "") -> list[dict[str, object]]:
        """Rows of a SELECT with bound parameters ({name:Type}), on whichever report slot is free."""
        slot = self._slots.get()
        try:
            return self._on(slot, lambda client: rows(client, marked(sql, mark), parameters))
        except RowRefused as fault:  # a question, not an insert
            raise Refused(fault.message) from fault
        except Unavailable as fault:  # a name that Python knows and the warehouse does not, such as right/UTC
            if "Cannot load time zone" in fault.message:
                unknown = FieldProblem("timezone", "the warehouse does not know this one")
                raise Refused("this report cannot be made", [unknown]) from fault
            raise
        finally:
            self._slots.put(slot)

    def stream(self, sql: str, parameters: Mapping[str, object], form: str, mark: str) -> AnswerStream:
        """A SELECT's answer in a ClickHouse format, in blocks. `end` must follow."""
        detached = self._detached_text()
        if detached:
            raise Unavailable(detached)
        client = Lane("export", lambda: self._connect(self._exports)).run(lambda client: client)
        opened = AnswerStream(client, marked(sql, mark), parameters, form, lambda: self.cancel(mark))
        self._streams.add(opened)
        return opened

    def end(self, stream: AnswerStream) -> None:
        self._streams.discard(stream)
        stream.close()

    def cancel(self, mark: str) -> None:
        """End the statements that carry this mark; they fail within a second or two."""
        sql = (
            "kill query where position(query, {mark:String}) > 0 and not startsWith(query, 'kill')"
            " and user = currentUser() async"
        )
        self._on(self._control, lambda client: client.command(sql, parameters={"mark": mark}))


def marked(sql: str, mark: str) -> str:
    """The statement with a comment by which it can be found among those running (chDB takes no query_id)."""
    if not mark:
        return sql
    if not mark.replace("-", "").isalnum():
        raise ValueError(f"{mark!r} is no mark of ours")
    return f"{sql} /* {mark} */"


def known(table: str) -> None:
    """Table names are the one thing that cannot be a bound parameter: only ours get into a statement."""
    if table not in COLUMNS:
        raise ValueError(f"{table!r} is no table of ours")
