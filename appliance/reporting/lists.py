"""Stored records as they are, a page at a time: SQL with bound values, names from here only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from appliance.reporting.sql import Query


class Table(NamedTuple):
    """`columns` are shown; `times` are shown too, as unix microseconds under their own name."""

    name: str
    columns: tuple[str, ...]
    times: tuple[str, ...]
    newest_first: str


ERRORS = Table(
    "ingestion_errors", ("edge", "epoch", "seq", "topic", "reason", "bytes", "raw"), ("at",),
    "at desc, edge, epoch, seq desc",
)  # fmt: skip
POSTBACKS = Table(
    "postback_log_events",
    ("id", "stage", "outcome", "reason", "network_id", "method", "params", "address", "request_id",
     "click_id", "transaction_id", "conversion_id"),
    ("at", "known_at"),
    "at desc, id, known_at desc, seq desc",
)  # fmt: skip
CONVERSIONS = Table(
    "conversion_events",
    ("id", "revision", "status", "original_status", "event_type", "count", "revenue", "hold", "currency",
     "transaction_id", "network_id", "click_id", "campaign_id", "stream_id", "destination_id", "source_id",
     "link_id"),
    ("at", "known_at", "click_at"),
    "at desc, id, revision desc",
)  # fmt: skip
CLICKS = Table(
    "click_events",
    ("id", "revision", "door", "decision", "reason", "campaign_id", "stream_id", "destination_id",
     "source_id", "network_id", "link_id", "counted", "flags", "cost", "currency", "source_click_id",
     "user_agent", "referrer", "language", "host", "address", "query", "request_id", "inputs", "utm", "subs"),
    ("at",),
    "id desc",
)  # fmt: skip


def _shown(table: Table) -> str:
    times = (f"toUnixTimestamp64Micro({name}) as {name}_us" for name in table.times)
    return ", ".join([*times, *table.columns])


def page(
    table: Table, from_us: int, to_us: int, equal: Mapping[str, int | str], limit: int, offset: int
) -> tuple[Query, Query]:
    """A page of the period's rows whose columns are `equal`, newest first, and how many there are (`total`).

    `equal` names columns of `table` only. Two queries: counting beside the page would read every column.
    """
    where = (
        "at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
        " and at < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
    )
    parameters: dict[str, object] = {"from_us": from_us, "to_us": to_us}
    for index, (column, value) in enumerate(equal.items()):
        type_ = "Int64" if isinstance(value, int) else "String"
        where += f" and {column} = {{equal{index}:{type_}}}"
        parameters[f"equal{index}"] = value
    rows = (
        f"select {_shown(table)} from {table.name} where {where} "  # noqa: S608
        f"order by {table.newest_first} limit {{limit:UInt32}} offset {{offset:UInt64}}"
    )
    total = f"select count() as total from {table.name} where {where}"  # noqa: S608
    return Query(rows, {**parameters, "limit": limit, "offset": offset}), Query(total, parameters)


def one_click(id: str) -> Query:
    """The click of this id."""
    return Query(
        f"select {_shown(CLICKS)} from {CLICKS.name} where id = {{id:String}} limit 1",  # noqa: S608
        {"id": id},
    )
