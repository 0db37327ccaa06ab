"""Stored records as they are, a page or a stream at a time: SQL with bound values, names from here only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from appliance.reporting.catalogue import DIMENSIONS, click_facts
from appliance.reporting.sql import PERIOD, Filter, Query, conditions, reach

Content = Literal["number", "text", "money", "time", "map", "words"]
"""What a column holds; `money` is micro-units, `time` unix microseconds under <name>_us."""


class Table(NamedTuple):
    """`columns` in the order in which they are shown. `money` names those that tell of money, `dimensions`
    maps the dimensions it can be filtered by to SQL."""

    name: str
    columns: Mapping[str, Content]
    newest_first: str
    oldest_first: str
    money: tuple[str, ...] = ()
    dimensions: Mapping[str, str] = {}
    reachable: bool = True
    """False where a row belongs to no campaign: whoever may see some campaigns only sees none of them."""
    shared: bool = False
    """True where a row tells of what all campaigns share, such as a destination: everybody sees it."""


class Selection(Struct, frozen=True, kw_only=True):
    """Which rows; `equal` names columns, `contains` columns that have a text in them in any case, `filters`
    dimensions of the table. `campaigns` as in a Question."""

    from_us: int
    to_us: int
    campaigns: tuple[int, ...] | None = None
    sees_money: bool = True
    equal: Mapping[str, int | str] = {}
    contains: Mapping[str, str] = {}
    filters: Sequence[Filter] = ()
    oldest_first: bool = False


def columns(numbers: str = "", texts: str = "", **others: Content) -> dict[str, Content]:
    """Names in one text each → what they hold."""
    found: dict[str, Content] = dict.fromkeys(numbers.split(), "number")
    return {**found, **dict.fromkeys(texts.split(), "text"), **others}


_IDS = "campaign_id stream_id destination_id source_id network_id link_id"
_CLICK_DIMENSIONS = {
    name: dimension.clicks
    for name, dimension in DIMENSIONS.items()
    if dimension.filterable and "@offset" not in dimension.clicks and dimension.clicks != "''"
}
_CONVERSION_DIMENSIONS = {
    name: dimension.conversions
    for name, dimension in DIMENSIONS.items()
    if dimension.filterable
    and "@offset" not in dimension.conversions
    and not click_facts(dimension.conversions)
} | {"status": "status"}

ERRORS = Table(
    "ingestion_errors",
    {"at": "time", **columns("edge epoch seq", "topic reason"), "bytes": "number", "raw": "text"},
    "at desc, edge, epoch, seq desc",
    "at, edge, epoch, seq",
    money=("raw",),
    reachable=False,
)
POSTBACKS = Table(
    "postback_log_events",
    {"at": "time", "known_at": "time", **columns("", "id stage outcome reason"), "network_id": "number",
     "method": "text", "params": "map",
     **columns("", "address request_id click_id transaction_id conversion_id")},
    "at desc, id, known_at desc, seq desc",
    "at, id, known_at, seq",
    money=("params",),
    dimensions={"network": "network_id"},
    reachable=False,
)  # fmt: skip
CONVERSIONS = Table(
    "conversion_events",
    {"at": "time", "known_at": "time", "click_at": "time", "id": "text", "revision": "number",
     **columns("", "status original_status event_type"), "count": "number", "revenue": "money",
     "hold": "money", **columns("", "currency transaction_id click_id"), **columns(_IDS),
     "utm": "map", "subs": "map", "entered": "number", "repeated": "number", "upsell": "text",
     "original_payout": "money", "original_currency": "text", "rate": "text"},
    "at desc, id, revision desc",
    "at, id, revision",
    money=("revenue", "hold", "original_payout"),
    dimensions=_CONVERSION_DIMENSIONS,
)  # fmt: skip
CLICKS = Table(
    "click_events",
    {"at": "time", "id": "text", "revision": "number", **columns("", "door decision reason"),
     **columns(_IDS), "counted": "number", "flags": "words", "cost": "money",
     **columns("", "currency source_click_id user_agent referrer language host address query request_id "
                "inputs parent_id"), "utm": "map", "subs": "map", "facts": "map"},
    "id desc",
    "id",
    money=("cost", "query"),
    dimensions=_CLICK_DIMENSIONS,
)  # fmt: skip
TRAFFICBACKS = Table(
    "trafficback_events",
    {"at": "time", "click_id": "text", **columns("revision campaign_id stream_id source_id"),
     "reason": "text", "depth": "number", "url": "text"},
    "click_id desc",
    "click_id",
    money=("url",),
    dimensions={"campaign": "campaign_id", "stream": "stream_id", "source": "source_id", "reason": "reason"},
)  # fmt: skip

HEALTH = Table(
    "destination_health_events",
    {"at": "time", "destination_id": "number", **columns("", "before after"),
     **columns("status latency_us"), "error": "text"},
    "at desc, destination_id, seq desc",
    "at, destination_id, seq",
    shared=True,
)  # fmt: skip


def _where(table: Table, selection: Selection) -> Query:
    parameters: dict[str, object] = {"from_us": selection.from_us, "to_us": selection.to_us}
    where = PERIOD
    if selection.campaigns is not None and not table.reachable:
        where += " and false"
    else:
        where += reach(selection.campaigns, parameters)
    for index, (column, value) in enumerate(selection.equal.items()):
        type_ = "Int64" if isinstance(value, int) else "String"
        where += f" and {column} = {{equal{index}:{type_}}}"
        parameters[f"equal{index}"] = int(value) if isinstance(value, bool) else value  # "False" is no Int64
    for index, (column, text) in enumerate(selection.contains.items()):
        named = f"{{part{index}:String}}"
        if table.columns[column] == "map":
            found = f"positionCaseInsensitiveUTF8(x, {named}) > 0"
            where += f" and arrayExists(x -> {found}, mapValues({column}))"
        else:
            where += f" and positionCaseInsensitiveUTF8({column}, {named}) > 0"
        parameters[f"part{index}"] = text
    return Query(where + conditions(selection.filters, table.dimensions, parameters), parameters)


def _shown(table: Table, *, sees_money: bool = True) -> str:
    """The columns of a page: times and money as numbers of micro-units."""
    times = [
        f"toUnixTimestamp64Micro({name}) as {name}_us"
        for name, what in table.columns.items()
        if what == "time"
    ]
    others = [name for name, what in table.columns.items() if what != "time"]
    return ", ".join(times + [f"null as {n}" if n in table.money and not sees_money else n for n in others])


def page(table: Table, selection: Selection, limit: int, offset: int) -> tuple[Query, Query]:
    """A page of rows, and how many there are (`total`).

    Two queries: the page stops reading when it is full, and counting needs the filtered columns only. In one
    query, counting reads every column of every row (26 times as long on 10 M clicks).
    """
    where, parameters = _where(table, selection)
    order = table.oldest_first if selection.oldest_first else table.newest_first
    rows = (
        f"select {_shown(table, sees_money=selection.sees_money)} from {table.name} where {where} "  # noqa: S608
        f"order by {order} limit {{limit:UInt32}} offset {{offset:UInt64}}"
    )
    total = f"select count() as total from {table.name} where {where}"  # noqa: S608
    return Query(rows, {**parameters, "limit": limit, "offset": offset}), Query(total, parameters)


DANGEROUS = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"
"""A text that a spreadsheet would take for a formula; it gets an apostrophe in front."""


def harmless(sql: str) -> str:
    """The same text, harmless in a spreadsheet."""
    pattern = DANGEROUS.replace("\\", "\\\\")
    return f"concat(if(match({sql}, '{pattern}'), '\\'', ''), {sql})"


def _exported(name: str, what: Content, *, csv: bool) -> str:
    time = "%Y-%m-%dT%H:%i:%S.%fZ"
    made = {
        "time": f"formatDateTime({name}, '{time}', 'UTC')",
        "money": f"toDecimal128({name}, 6) / 1000000",
        "text": harmless(name) if csv else name,
        "map": f"toJSONString({name})" if csv else name,
        "words": harmless(f"arrayStringConcat({name}, ' ')") if csv else name,
    }.get(what, name)
    return f"{made} as {name}_" if made != name else f"{name} as {name}_"


def export(table: Table, selection: Selection, *, csv: bool) -> Query:
    """All rows, to be streamed in the order in which they lie where that is the newest first or the oldest.

    In CSV every column is a text or a number that a spreadsheet takes for nothing else.
    """
    where, parameters = _where(table, selection)
    order = table.oldest_first if selection.oldest_first else table.newest_first
    hidden = () if selection.sees_money else table.money
    inner = ", ".join(
        f"null as {name}_" if name in hidden else _exported(name, what, csv=csv)
        for name, what in table.columns.items()
    )
    outer = ", ".join(f"{name}_ as {name}" for name in table.columns)
    sql = f"select {outer} from (select {inner} from {table.name} where {where} order by {order})"  # noqa: S608
    return Query(sql, parameters)


def one_click(id: str, *, sees_money: bool = True) -> Query:
    """The click of this id."""
    return Query(
        f"select {_shown(CLICKS, sees_money=sees_money)} from {CLICKS.name} where id = {{id:String}} limit 1",  # noqa: S608
        {"id": id},
    )
