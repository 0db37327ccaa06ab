"""What happened, in figures: one line for everything, or a table grouped by what the catalogue knows.

Money is in one currency; amounts in others are shown beside the report (`unconverted`), never added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from appliance.errors import FieldProblem
from appliance.model.catalog import Kind
from appliance.operations.context import Context
from appliance.operations.nouns import Id
from appliance.operations.period import Period, question_of, refuse
from appliance.operations.registry import operation
from appliance.reporting import periods
from appliance.reporting.catalogue import DIMENSIONS, METRICS, SORTS, Figures, unconverted
from appliance.reporting.sql import Query, Question, grouped, totals

# A page of the catalog's list, and how many of them a report reads for the names of its lines.
_NAMES_PAGE, _NAMES_PAGES = 1_000, 20


class OverviewRequest(Period, frozen=True, kw_only=True):
    """A period, and what to look at; everything by default."""

    campaign_id: Id | None = None
    stream_id: Id | None = None
    destination_id: Id | None = None
    source_id: Id | None = None
    network_id: Id | None = None
    link_id: Id | None = None


class Overview(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`roi` and `cr` are percentages, `epc` is money per click; null when there is nothing to divide by."""

    from_: str
    to: str
    timezone: str
    currency: str
    clicks: int
    conversions: int
    revenue: Decimal
    cost: Decimal
    profit: Decimal
    roi: Decimal | None
    cr: Decimal | None
    epc: Decimal | None
    unconverted: dict[str, dict[str, Decimal]]


class QueryRequest(Period, frozen=True, kw_only=True):
    """`filters` maps dimensions to the values let through; `sort` is a metric or one of `group_by`."""

    group_by: Annotated[tuple[str, ...], Meta(min_length=1, max_length=5)]
    filters: dict[str, tuple[int | str, ...]] = {}  # noqa: RUF012  msgspec copies it
    sort: str = "clicks"
    descending: bool = True
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


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


@operation(
    "reports.overview",
    permission="reports.read",
    example={"from": "2026-11-01", "to": "2026-11-30", "timezone": "Europe/Berlin"},
)
async def overview(request: OverviewRequest, context: Context) -> Overview:
    """Clicks, conversions and money of a period in one line."""
    problems: list[FieldProblem] = []
    question = question_of(request, context, problems)
    filters = {
        name: (value,) for name in DIMENSIONS if (value := getattr(request, f"{name}_id", None)) is not None
    }
    refuse(problems, "this report cannot be made")
    line = _line((await _ask(totals(structs.replace(question, filters=filters)), context))[0])
    return Overview(**_header(question), **line)


@operation(
    "reports.query",
    permission="reports.read",
    example={"group_by": ["campaign", "day"], "filters": {"source": [1]}, "sort": "profit", "limit": 50},
)
async def query(request: QueryRequest, context: Context) -> Table:
    """A table of figures by up to five of campaign, stream, destination, source, network, link, day, sub1…"""
    problems: list[FieldProblem] = []
    question = question_of(request, context, problems)
    for index, name in enumerate(request.group_by):
        if name not in DIMENSIONS:
            problems.append(FieldProblem(f"group_by[{index}]", "one of: " + ", ".join(DIMENSIONS)))
        elif name in request.group_by[:index]:
            problems.append(FieldProblem(f"group_by[{index}]", "is there already"))
    if request.sort not in SORTS and request.sort not in request.group_by:
        problems.append(FieldProblem("sort", "one of group_by or " + ", ".join(METRICS)))
    problems += _filter_problems(request.filters)
    refuse(problems, "this report cannot be made")
    question = structs.replace(
        question,
        group_by=request.group_by,
        filters=request.filters,
        sort=request.sort,
        descending=request.descending,
        limit=request.limit,
        offset=request.offset,
    )
    rows = await _ask(grouped(question), context)
    [sums] = await _ask(totals(question), context)
    items = [
        {**{name: row[f"d{index}"] for index, name in enumerate(question.group_by)}, **_line(row)}
        for row in rows
    ]
    for name in question.group_by:
        kind = DIMENSIONS[name].kind
        if kind is not None:
            names = await _names(kind, {item[name] for item in items}, context)
            for item in items:
                item[f"{name}_name"] = names.get(item[name], "")
    total = int(rows[0]["total"]) if rows else (await _count(question, context) if request.offset else 0)
    return Table(
        **_header(question),
        group_by=question.group_by,
        items=tuple(items),
        total=total,
        limit=question.limit,
        offset=question.offset,
        totals=_line(sums),
    )


def _filter_problems(filters: Mapping[str, tuple[int | str, ...]]) -> Iterable[FieldProblem]:
    usable = [name for name, dimension in DIMENSIONS.items() if dimension.filterable]
    for name, values in filters.items():
        path = f"filters.{name}"
        if name not in usable:
            yield FieldProblem(path, "no such filter; there are: " + ", ".join(usable))
        elif len(values) > 1_000:
            yield FieldProblem(path, "at most 1,000 values")
        else:
            wanted = int if DIMENSIONS[name].number else str
            for index, value in enumerate(values):
                if type(value) is not wanted or (isinstance(value, int) and not 0 <= value < 2**53):
                    yield FieldProblem(f"{path}[{index}]", "an id" if wanted is int else "a text")


async def _ask(query: Query, context: Context) -> list[dict[str, Any]]:
    return await context.reports.rows(query.sql, query.parameters)


async def _count(question: Question, context: Context) -> int:
    """How many groups there are, for a page beyond the last one."""
    rows = await _ask(grouped(structs.replace(question, limit=1, offset=0)), context)
    return int(rows[0]["total"]) if rows else 0


def _header(question: Question) -> dict[str, Any]:
    where = periods.zone(question.timezone)
    return {
        "from_": datetime.fromtimestamp(question.from_us / 1e6, where).isoformat(),
        "to": datetime.fromtimestamp(question.to_us / 1e6, where).isoformat(),
        "timezone": question.timezone,
        "currency": question.currency,
    }


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """The sums of reporting/sql.py as metrics."""
    figures = Figures(row["clicks"], row["conversions"], row["revenue"], row["cost"])
    units = row["other_cost"].keys() | row["other_revenue"].keys()
    others = {unit: (row["other_cost"].get(unit, 0), row["other_revenue"].get(unit, 0)) for unit in units}
    return {**figures.metrics(), "unconverted": unconverted(others)}


async def _names(kind: Kind, wanted: set[int], context: Context) -> dict[int, str]:
    """The names of these entities, archived ones included."""
    found: dict[int, str] = {}
    wanted = wanted - {0}
    for archived in (False, True):
        for page in range(_NAMES_PAGES):
            if wanted <= found.keys():
                return found
            entities, total = await context.catalog.list(kind, _NAMES_PAGE, page * _NAMES_PAGE, {}, archived)
            found.update((entity.id, entity.name) for entity in entities if entity.id in wanted)
            if (page + 1) * _NAMES_PAGE >= total:
                break
    return found
