"""What happened, in figures: one line for everything, a series over time, or a table grouped by dimensions.

Money is in one currency; amounts in others are shown beside the report (`unconverted`), never added.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from appliance.errors import FieldProblem
from appliance.operations.asking import (
    ReportRequest,
    ask,
    ask_of,
    compared,
    figures,
    group,
    groups,
    header,
    name_all,
    sort,
    span,
)
from appliance.operations.context import Context
from appliance.operations.nouns import Id
from appliance.operations.period import refuse
from appliance.operations.registry import operation
from appliance.reporting import buckets
from appliance.reporting.catalogue import DIMENSIONS
from appliance.reporting.sql import NOT_ADDITIVE, Filter, Question, grouped, of_keys, totals

WRONG = "this report cannot be made"
Ratio = Decimal | UnsetType | None
Count = int | UnsetType | None


class OverviewRequest(ReportRequest, frozen=True, kw_only=True):
    """A period, and what to look at; everything by default."""

    campaign_id: Id | None = None
    stream_id: Id | None = None
    destination_id: Id | None = None
    source_id: Id | None = None
    network_id: Id | None = None
    link_id: Id | None = None


class Overview(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The metrics asked for; null where there is nothing to divide by, or money that is not shown to you."""

    from_: str
    to: str
    timezone: str
    currency: str
    clicks: Count = UNSET
    unique_clicks: Count = UNSET
    trafficbacks: Count = UNSET
    lp_views: Count = UNSET
    lp_clicks: Count = UNSET
    conversions: Count = UNSET
    sales: Count = UNSET
    leads: Count = UNSET
    holds: Count = UNSET
    rejected: Count = UNSET
    trash: Count = UNSET
    refunds: Count = UNSET
    chargebacks: Count = UNSET
    revenue: Ratio = UNSET
    hold_revenue: Ratio = UNSET
    cost: Ratio = UNSET
    profit: Ratio = UNSET
    roi: Ratio = UNSET
    cr: Ratio = UNSET
    lp_ctr: Ratio = UNSET
    epc: Ratio = UNSET
    uepc: Ratio = UNSET
    cpc: Ratio = UNSET
    cpa: Ratio = UNSET
    ar: Ratio = UNSET
    custom: dict[str, Decimal | int | None] = {}
    unconverted: dict[str, dict[str, Decimal]]
    previous: dict[str, Any] | UnsetType = UNSET
    """The same of the compared period, with its `from` and `to`."""


@operation(
    "reports.overview",
    permission="reports.read",
    example={"from": "2026-11-01", "to": "2026-11-30", "timezone": "Europe/Berlin", "compare": True},
)
async def overview(request: OverviewRequest, context: Context) -> Overview:
    """Clicks, conversions and money of a period in one line."""
    problems: list[FieldProblem] = []
    question = ask_of(request, context, problems)
    equal = tuple(
        Filter(name, "in", (value,))
        for name in DIMENSIONS
        if (value := getattr(request, f"{name}_id", None)) is not None
    )
    question = structs.replace(question, filters=question.filters + equal)
    other = compared(request, question, problems)
    refuse(problems, WRONG)
    found = await _totals(question, context, "reports.overview", request.tag)
    custom = {name: found.pop(name) for name in question.customs}
    previous: dict[str, Any] | UnsetType = UNSET
    if other is not None:
        previous = {**span(other), **await _totals(other, context, "reports.overview", request.tag)}
    return Overview(**header(question), **found, custom=custom, previous=previous)


class QueryRequest(ReportRequest, frozen=True, kw_only=True):
    """`filters` maps dimensions to the values let through or to {"in", "not_in", "contains",
    "not_contains"}; `sort` is a metric, a custom one, or one of `group_by`."""

    group_by: Annotated[tuple[str, ...], Meta(min_length=1, max_length=5)]
    sort: str = "clicks"
    descending: bool = True
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


class Compared(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The compared period as a whole; what it has of a line is in the line's `previous`."""

    from_: str
    to: str
    totals: dict[str, Any]


class Table(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A page of groups: `total` of them in all, `totals` over all of them."""

    from_: str
    to: str
    timezone: str
    currency: str
    group_by: tuple[str, ...]
    items: tuple[dict[str, Any], ...]
    total: int
    limit: int
    offset: int
    totals: dict[str, Any]
    previous: Compared | UnsetType = UNSET


@operation(
    "reports.query",
    permission="reports.read",
    example={"group_by": ["campaign", "day"], "filters": {"source": [1], "sub1": {"contains": ["push"]}},
             "metrics": ["clicks", "cr", "profit"], "custom": {"margin": "profit / revenue * 100"},
             "sort": "profit", "limit": 50},
)  # fmt: skip
async def query(request: QueryRequest, context: Context) -> Table:
    """A table of figures by up to five dimensions; docs/reference/reports.md lists them and every metric."""
    problems: list[FieldProblem] = []
    question, other = table_of(request, context, problems)
    refuse(problems, WRONG)
    return await _table(question, other, context, "reports.query", request.tag)


class TrafficbackRequest(ReportRequest, frozen=True, kw_only=True):
    """As reports.query; by reason unless told otherwise."""

    group_by: Annotated[tuple[str, ...], Meta(min_length=1, max_length=5)] = ("decision", "reason")
    metrics: tuple[str, ...] = ("clicks",)
    sort: str = "clicks"
    descending: bool = True
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


@operation("reports.trafficback", permission="reports.read", example={"group_by": ["campaign", "reason"]})
async def trafficback(request: TrafficbackRequest, context: Context) -> Table:
    """Counted clicks that no destination took: how many, and why they got a trafficback or a reply."""
    problems: list[FieldProblem] = []
    question, other = table_of(request, context, problems)
    refuse(problems, WRONG)
    lost = (Filter("decision", "in", ("trafficback", "reply")),)
    question = structs.replace(question, filters=question.filters + lost)
    other = other and structs.replace(other, filters=question.filters)
    return await _table(question, other, context, "reports.trafficback", request.tag)


class SeriesRequest(ReportRequest, frozen=True, kw_only=True):
    """`interval`: how long each point is, by the clocks of `timezone`."""

    interval: buckets.Interval = "day"


class Series(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A point for every interval that the period touches, the empty ones too; `at` is when it begins.

    With a comparison, `previous` of a point is the point as far into the compared period.
    """

    from_: str
    to: str
    timezone: str
    currency: str
    interval: str
    items: tuple[dict[str, Any], ...]
    previous: dict[str, str] | UnsetType = UNSET
    """The compared period's `from` and `to`."""


@operation(
    "reports.series",
    permission="reports.read",
    example={"interval": "hour", "from": "2026-11-17", "to": "2026-11-17", "metrics": ["clicks", "revenue"]},
)
async def series(request: SeriesRequest, context: Context) -> Series:
    """Figures by minute, hour, day, week or month; where the clocks go back, the hour is there twice."""
    problems: list[FieldProblem] = []
    question = group(ask_of(request, context, problems), (request.interval,), problems)
    other = compared(request, question, problems)
    for path, asked in (("interval", question), ("compare_to", other)):
        if asked and buckets.about(request.interval, asked.from_us, asked.to_us) > buckets.MOST_BUCKETS:
            problems.append(FieldProblem(path, f"more than {buckets.MOST_BUCKETS:,} points"))
    refuse(problems, WRONG)
    items = await _points(question, request, context)
    if other is not None:
        before = await _points(other, request, context)
        for index, item in enumerate(items):
            item["previous"] = before[index] if index < len(before) else None
    return Series(
        **header(question),
        interval=request.interval,
        items=tuple(items),
        previous=UNSET if other is None else span(other),
    )


async def _points(question: Question, request: SeriesRequest, context: Context) -> list[dict[str, Any]]:
    wanted = structs.replace(question, sort=request.interval, limit=buckets.MOST_BUCKETS, offset=0)
    rows = await ask(grouped(wanted), context, "reports.series", request.tag)
    known = {int(row["d0"]): row for row in rows}
    nothing = dict.fromkeys(question.sums(), 0)
    return [
        {
            "at": buckets.label(request.interval, number),
            **figures(known.get(number, nothing), question, context.caller.sees_money),
        }
        for number in buckets.every(request.interval, question.timezone, question.from_us, question.to_us)
    ]


def table_of(
    request: QueryRequest | TrafficbackRequest, context: Context, problems: list[FieldProblem]
) -> tuple[Question, Question | None]:
    """The question of a table and the one it is compared with."""
    question = group(ask_of(request, context, problems), request.group_by, problems)
    question = sort(question, request.sort, descending=request.descending, context=context, problems=problems)
    question = structs.replace(question, limit=request.limit, offset=request.offset)
    other = compared(request, question, problems)
    timed = [name for name in question.group_by if DIMENSIONS[name].interval]
    if other is not None and timed:
        problems.append(
            FieldProblem("compare", f"no two periods share a {timed[0]}; reports.series has that")
        )
    return question, other


async def _table(
    question: Question, other: Question | None, context: Context, operation: str, tag: str
) -> Table:
    rows = await ask(grouped(question), context, operation, tag)
    items = [{**groups(row, question), **figures(row, question, context.caller.sees_money)} for row in rows]
    if rows and not NOT_ADDITIVE & set(question.sums()):
        sums = figures(rows[0], question, context.caller.sees_money, "all_")
    else:
        sums = await _totals(question, context, operation, tag)
    total = int(rows[0]["total"]) if rows else 0
    if not rows and question.offset:  # a page beyond the last one
        first = await ask(grouped(structs.replace(question, limit=1, offset=0)), context, operation, tag)
        total = int(first[0]["total"]) if first else 0
    previous: Compared | UnsetType = UNSET
    if other is not None:
        keys = [tuple(row[f"d{index}"] for index in range(len(question.group_by))) for row in rows]
        before = await ask(of_keys(other, keys), context, operation, tag) if keys else []
        known = {tuple(row[f"d{index}"] for index in range(len(question.group_by))): row for row in before}
        nothing = dict.fromkeys(question.sums(), 0)
        for key, item in zip(keys, items, strict=True):
            item["previous"] = figures(known.get(key, nothing), other, context.caller.sees_money)
        both = span(other)
        whole = await _totals(other, context, operation, tag)
        previous = Compared(from_=both["from"], to=both["to"], totals=whole)
    await name_all(items, question.group_by, context)
    return Table(
        **header(question),
        group_by=question.group_by,
        items=tuple(items),
        total=total,
        limit=question.limit,
        offset=question.offset,
        totals=sums,
        previous=previous,
    )


async def _totals(question: Question, context: Context, operation: str, tag: str) -> dict[str, Any]:
    [row] = await ask(totals(question), context, operation, tag)
    return figures(row, question, context.caller.sees_money)
