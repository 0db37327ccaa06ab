"""A question → SQL for any ClickHouse. Values are bound parameters; names come from the catalogue only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from appliance.reporting.catalogue import DIMENSIONS, SORTS


class Question(Struct, frozen=True, kw_only=True):
    """What is asked. Times in unix microseconds, `to_us` exclusive; `group_by`, `filters` name dimensions."""

    from_us: int
    to_us: int
    timezone: str
    currency: str
    group_by: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[int | str]] = {}
    sort: str = "clicks"
    descending: bool = True
    limit: int = 100
    offset: int = 0


class Query(NamedTuple):
    sql: str
    parameters: dict[str, object]


# One branch per table: (table, its counting condition, its sums in the order of _SUMS).
_SUMS = ("m_clicks", "m_conversions", "m_revenue", "m_cost")
_BRANCHES = (
    ("click_events", " and counted = 1", ("toInt64(count())", "toInt64(0)", "toInt64(0)", "sum(cost)")),
    ("conversion_events", "", ("toInt64(0)", "sum(count)", "sum(revenue)", "toInt64(0)")),
    ("cost_adjustments", "", ("toInt64(0)", "toInt64(0)", "toInt64(0)", "sum(cost)")),
)


def _facts(question: Question) -> Query:
    """The union that every report sums over: d0, d1, … , the currency, the four sums."""
    parameters: dict[str, object] = {
        "from_us": question.from_us,
        "to_us": question.to_us,
        "timezone": question.timezone,
        "currency": question.currency,
    }
    where = (
        "at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
        " and at < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
    )
    for index, (name, values) in enumerate(question.filters.items()):
        dimension = DIMENSIONS[name]
        type_ = "Array(Int64)" if dimension.number else "Array(String)"
        where += f" and {dimension.sql} in {{filter{index}:{type_}}}"
        parameters[f"filter{index}"] = list(values)
    dimensions = "".join(
        f"{DIMENSIONS[name].sql} as d{index}, " for index, name in enumerate(question.group_by)
    )
    groups = "".join(f"d{index}, " for index in range(len(question.group_by)))
    branches = []
    for table, condition, sums in _BRANCHES:
        named = ", ".join(f"{expression} as {name}" for expression, name in zip(sums, _SUMS, strict=True))
        branches.append(
            f"select {dimensions}currency as unit, {named} from {table} "  # noqa: S608
            f"where {where}{condition} group by {groups}unit"
        )
    return Query(" union all ".join(branches), parameters)


_TOTALS = (
    "sum(m_clicks) as clicks, sum(m_conversions) as conversions, "
    "sumIf(m_revenue, unit = {currency:String}) as revenue, sumIf(m_cost, unit = {currency:String}) as cost, "
    "sumMapIf(map(unit, m_cost), unit != {currency:String}) as other_cost, "
    "sumMapIf(map(unit, m_revenue), unit != {currency:String}) as other_revenue"
)


def totals(question: Question) -> Query:
    """One row: clicks, conversions, revenue, cost, other_cost and other_revenue ({currency: micro-units})."""
    facts = _facts(question_without_groups(question))
    return Query(f"select {_TOTALS} from ({facts.sql})", facts.parameters)  # noqa: S608


def grouped(question: Question) -> Query:
    """A page of groups: d0, d1, … and the columns of `totals`, and `total`, the number of groups."""
    facts = _facts(question)
    groups = ", ".join(f"d{index}" for index in range(len(question.group_by)))
    if question.sort in question.group_by:
        order = f"d{question.group_by.index(question.sort)}"
    else:
        order = SORTS[question.sort]
        for name in ("clicks", "conversions", "revenue", "cost"):
            order = order.replace(f"m_{name}", name)
    direction = "desc" if question.descending else "asc"
    sql = (
        f"select {groups}, {_TOTALS}, count() over () as total from ({facts.sql}) "  # noqa: S608
        f"group by {groups} order by {order} {direction} nulls last, {groups} "
        "limit {limit:UInt32} offset {offset:UInt64}"
    )
    return Query(sql, {**facts.parameters, "limit": question.limit, "offset": question.offset})


def question_without_groups(question: Question) -> Question:
    return Question(
        from_us=question.from_us,
        to_us=question.to_us,
        timezone=question.timezone,
        currency=question.currency,
        filters=question.filters,
    )
