"""A request for a report → a question, with everything that is wrong with it; rows → lines of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, structs

from appliance.errors import FieldProblem
from appliance.model.catalog import Kind
from appliance.operations.context import Context
from appliance.operations.inquiries import Inquiry
from appliance.operations.period import Filters, Period, filters_of, question_of
from appliance.reporting import buckets, periods
from appliance.reporting.catalogue import DIMENSIONS
from appliance.reporting.formulas import Formula
from appliance.reporting.metrics import METRICS, USUAL, custom, is_money, line, unconverted
from appliance.reporting.sql import Query, Question

MOST_CUSTOMS = 10
Tag = Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9_.:-]*$")]
# A page of the catalog's list, and how many of them a report reads for the names of its lines.
_NAMES_PAGE, _NAMES_PAGES = 1_000, 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OTHERS = ("unconverted", "previous", "at")


class ReportRequest(Period, frozen=True, kw_only=True):
    """`metrics`: which; "" is the usual ones. `custom`: names for formulas of your own over metrics.

    `known_until`: leave out what became known later (a date is meant whole): "revenue as known on Monday".
    `compare` adds the figures of the period before, or of `compare_from`, `compare_to`. `tag`: a name of
    your own for this question, by which reports.cancel can end it.
    """

    metrics: tuple[str, ...] = ()
    custom: dict[str, str] = {}  # noqa: RUF012  msgspec copies it
    filters: Filters = {}  # noqa: RUF012  msgspec copies it
    known_until: str = ""
    compare: bool = False
    compare_from: str = ""
    compare_to: str = ""
    tag: Tag = ""


def ask_of(request: ReportRequest, context: Context, problems: list[FieldProblem]) -> Question:
    """The question of a request, without groups; what is wrong with it goes to `problems`."""
    question = question_of(request, context, problems)
    customs: dict[str, Formula] = {}
    if len(request.custom) > MOST_CUSTOMS:
        problems.append(FieldProblem("custom", f"at most {MOST_CUSTOMS}"))
    for name, text in list(request.custom.items())[:MOST_CUSTOMS]:
        path = f"custom.{name[:64]}"
        if not (name.isidentifier() and name.isascii() and name.islower() and len(name) <= 40):
            problems.append(FieldProblem(path, "a name of small letters, digits and _"))
        elif name in METRICS or name in DIMENSIONS or name in _OTHERS or name.endswith("_name"):
            problems.append(FieldProblem(path, "this name is taken"))
        else:
            try:
                customs[name] = custom(text)
            except ValueError as fault:
                problems.append(FieldProblem(path, str(fault)))
                continue
            if not context.caller.sees_money and is_money(name, customs):
                problems.append(FieldProblem(path, "money is not shown to you"))
    for index, name in enumerate(request.metrics):
        if name not in METRICS:
            problems.append(FieldProblem(f"metrics[{index}]", "one of: " + ", ".join(METRICS)))
    metrics = tuple(dict.fromkeys(name for name in request.metrics if name in METRICS))
    return structs.replace(
        question,
        known_us=_known(request.known_until, question.timezone, problems),
        metrics=(*(metrics or USUAL), *customs),
        customs=customs,
        filters=filters_of(request.filters, problems),
    )


def _known(text: str, timezone: str, problems: list[FieldProblem]) -> int | None:
    """The first moment whose news are left out, in unix microseconds; None for no such moment."""
    if not text:
        return None
    try:
        return periods.micros(periods.end(text, periods.zone(timezone)))
    except ValueError as fault:
        problems.append(FieldProblem("known_until", str(fault)))
        return None


def group(question: Question, group_by: tuple[str, ...], problems: list[FieldProblem]) -> Question:
    """The question grouped; a name that is none goes to `problems`."""
    for index, name in enumerate(group_by):
        if name not in DIMENSIONS:
            problems.append(FieldProblem(f"group_by[{index}]", "one of: " + ", ".join(DIMENSIONS)))
        elif name in group_by[:index]:
            problems.append(FieldProblem(f"group_by[{index}]", "is there already"))
    return structs.replace(question, group_by=tuple(name for name in group_by if name in DIMENSIONS))


def sort(
    question: Question, by: str, *, descending: bool, context: Context, problems: list[FieldProblem]
) -> Question:
    """The question sorted by a metric, a custom one, or one of its groups."""
    if by not in METRICS and by not in question.customs and by not in question.group_by:
        problems.append(FieldProblem("sort", "one of group_by, custom or " + ", ".join(METRICS)))
    elif by not in question.group_by and not context.caller.sees_money and is_money(by, question.customs):
        problems.append(FieldProblem("sort", "money is not shown to you"))
    else:
        return structs.replace(question, sort=by, descending=descending)
    return question


def compared(request: ReportRequest, question: Question, problems: list[FieldProblem]) -> Question | None:
    """The same question about the period before, or the one named; None when nothing is to be compared."""
    where = periods.zone(question.timezone)
    if not request.compare_from and not request.compare_to:
        if not request.compare:
            return None
        before = periods.before(question.from_us, question.to_us, where)
        return structs.replace(question, from_us=before, to_us=question.from_us)
    ends: list[int] = []
    for path, text, read in (
        ("compare_from", request.compare_from, periods.begin),
        ("compare_to", request.compare_to, periods.end),
    ):
        try:
            ends.append(periods.micros(read(text, where)))
        except ValueError as fault:
            problems.append(FieldProblem(path, str(fault)))
    if len(ends) < 2:
        return None
    if ends[0] >= ends[1]:
        problems.append(FieldProblem("compare_to", "is not after compare_from"))
    return structs.replace(question, from_us=ends[0], to_us=ends[1])


async def ask(query: Query, context: Context, operation: str, tag: str = "") -> list[dict[str, Any]]:
    """Run it under the caller's name, so that he can cancel it."""
    caller = context.caller
    inquiry = Inquiry(caller.user_id, caller.name, operation, tag)
    return await context.reports.rows(query.sql, query.parameters, inquiry)


def span(question: Question) -> dict[str, str]:
    """When the period begins and ends, in its timezone."""
    where = periods.zone(question.timezone)
    ends = (_EPOCH + timedelta(microseconds=us) for us in (question.from_us, question.to_us))
    return dict(zip(("from", "to"), (end.astimezone(where).isoformat() for end in ends), strict=True))


def header(question: Question) -> dict[str, Any]:
    """What every answer begins with, as fields of its Struct."""
    both = span(question)
    return {
        "from_": both["from"],
        "to": both["to"],
        "timezone": question.timezone,
        "currency": question.currency,
    }


def figures(row: Mapping[str, Any], question: Question, sees_money: bool, prefix: str = "") -> dict[str, Any]:
    """The metrics of a row of sums, and the money that is in other currencies."""
    sums = {name: row[prefix + name] for name in question.sums() if prefix + name in row}
    found: dict[str, Any] = dict(line(sums, question.metrics, question.customs, sees_money))
    others: dict[str, dict[str, Decimal]] = {}
    if sees_money:
        cost, revenue = row.get(f"{prefix}other_cost", {}), row.get(f"{prefix}other_revenue", {})
        units = cost.keys() | revenue.keys()
        others = unconverted({unit: (cost.get(unit, 0), revenue.get(unit, 0)) for unit in units})
    return {**found, "unconverted": others}


def groups(row: Mapping[str, Any], question: Question) -> dict[str, Any]:
    """What a row is about, as people read it."""
    found: dict[str, Any] = {}
    for index, name in enumerate(question.group_by):
        interval, value = DIMENSIONS[name].interval, row[f"d{index}"]
        found[name] = value if interval is None else buckets.label(interval, int(value))
    return found


async def name_all(items: Sequence[dict[str, Any]], group_by: Iterable[str], context: Context) -> None:
    """Put the names of entities beside their ids."""
    for name in group_by:
        kind = DIMENSIONS[name].kind
        if kind is not None:
            known = await names(kind, {item[name] for item in items}, context)
            for item in items:
                item[f"{name}_name"] = known.get(item[name], "")


async def names(kind: Kind, wanted: set[int], context: Context) -> dict[int, str]:
    """The names of these entities, archived ones included."""
    found: dict[int, str] = {}
    wanted = wanted - {0}
    for archived in (False, True):
        if not wanted <= found.keys():
            found |= await _pages(kind, archived, context, wanted - found.keys())
    return {number: name for number, name in found.items() if number in wanted}


async def all_names(kind: Kind, context: Context) -> dict[int, str]:
    """The names of all entities of a kind."""
    return {**await _pages(kind, True, context), **await _pages(kind, False, context)}


async def _pages(
    kind: Kind, archived: bool, context: Context, wanted: set[int] | None = None
) -> dict[int, str]:
    found: dict[int, str] = {}
    for page in range(_NAMES_PAGES):
        entities, total = await context.catalog.list(kind, _NAMES_PAGE, page * _NAMES_PAGE, {}, archived)
        found.update((entity.id, entity.name) for entity in entities)
        if (page + 1) * _NAMES_PAGE >= total or (wanted is not None and wanted <= found.keys()):
            break
    return found
