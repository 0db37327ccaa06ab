"""The period, timezone, currency and filters that a request is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from appliance.errors import FieldProblem, Refused
from appliance.model.money import currency
from appliance.operations.context import Caller, Context
from appliance.operations.nouns import Request
from appliance.reporting import periods
from appliance.reporting.catalogue import DIMENSIONS, FILTERS
from appliance.reporting.sql import Filter, Operator, Question

MOST_FILTERS = 20
MOST_VALUES = 1_000
LONGEST_VALUE = 2_000


class Span(Request, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`from`, `to`: dates (both meant whole) or times (`to` exclusive) in `timezone`; the last 30 days."""

    from_: str = ""
    to: str = ""
    timezone: str = "UTC"


class Period(Span, frozen=True, kw_only=True):
    """And the currency in which it is counted."""

    currency: str = ""


class Condition(Request, frozen=True, kw_only=True, rename={"in_": "in"}):
    """What a value must be: one of `in`, none of `not_in`, with one of `contains` in it, with none in it."""

    in_: tuple[int | str, ...] = ()
    not_in: tuple[int | str, ...] = ()
    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()


Filters = dict[str, tuple[int | str, ...] | Condition]
"""Dimension → the values let through, or a Condition."""


def span_of(request: Span, problems: list[FieldProblem]) -> tuple[int, int, str]:
    """(from, to, timezone's name), unix microseconds, `to` exclusive; faults go to `problems`."""
    where = periods.zone("UTC")
    try:
        where = periods.zone(request.timezone)
    except ValueError as fault:
        problems.append(FieldProblem("timezone", str(fault)))
    begins, ends = periods.default(datetime.now(UTC), where)
    try:
        begins = periods.begin(request.from_, where) if request.from_ else begins
    except ValueError as fault:
        problems.append(FieldProblem("from", str(fault)))
    try:
        ends = periods.end(request.to, where) if request.to else ends
    except ValueError as fault:
        problems.append(FieldProblem("to", str(fault)))
    from_us, to_us = periods.micros(begins), periods.micros(ends)
    if from_us >= to_us:
        problems.append(FieldProblem("to", "is not after from"))
    return from_us, to_us, where.key


def question_of(request: Period, context: Context, problems: list[FieldProblem]) -> Question:
    """The period, timezone, currency and reach of a request; what is wrong with them goes to `problems`."""
    from_us, to_us, timezone = span_of(request, problems)
    unit = currency(request.currency or context.reports.currency)
    if unit is None:
        problems.append(FieldProblem("currency", "an ISO 4217 code such as USD"))
    return Question(
        from_us=from_us,
        to_us=to_us,
        timezone=timezone,
        currency=unit or "",
        campaigns=reach_of(context.caller),
    )


def reach_of(caller: Caller) -> tuple[int, ...] | None:
    """The campaigns whose records he may see."""
    return None if caller.campaigns is None else tuple(sorted(caller.campaigns))


def filters_of(
    filters: Mapping[str, tuple[int | str, ...] | Condition],
    problems: list[FieldProblem],
    allowed: tuple[str, ...] = FILTERS,
) -> tuple[Filter, ...]:
    """What is let through; what is wrong with it goes to `problems`."""
    found: list[Filter] = []
    if len(filters) > MOST_FILTERS:
        problems.append(FieldProblem("filters", f"at most {MOST_FILTERS}"))
        return ()
    for name, given in filters.items():
        path = f"filters.{name[:80]}"
        if name not in allowed:
            problems.append(FieldProblem(path, "no such filter; there are: " + ", ".join(allowed)))
            continue
        if not isinstance(given, Condition):
            found += _filter(name, "in", given, path, problems)
            continue
        if DIMENSIONS[name].number and (given.contains or given.not_contains):
            problems.append(FieldProblem(path, "numbers are equal or not: in, not_in"))
            continue
        parts: dict[Operator, tuple[int | str, ...]] = {
            "in": given.in_,
            "not_in": given.not_in,
            "contains": given.contains,
            "not_contains": given.not_contains,
        }
        if not any(parts.values()):
            problems.append(FieldProblem(path, "one of in, not_in, contains, not_contains"))
        for operator, values in parts.items():
            if values:
                found += _filter(name, operator, values, f"{path}.{operator}", problems)
    return tuple(found)


def _filter(
    name: str,
    operator: Operator,
    values: tuple[int | str, ...],
    path: str,
    problems: list[FieldProblem],
) -> list[Filter]:
    if len(values) > MOST_VALUES:
        problems.append(FieldProblem(path, f"at most {MOST_VALUES:,} values"))
        return []
    wanted = int if DIMENSIONS[name].number else str
    for index, value in enumerate(values):
        if type(value) is not wanted or (isinstance(value, int) and not 0 <= value < 2**53):
            problems.append(FieldProblem(f"{path}[{index}]", "an id" if wanted is int else "a text"))
        elif isinstance(value, str) and len(value) > LONGEST_VALUE:
            problems.append(FieldProblem(f"{path}[{index}]", f"at most {LONGEST_VALUE:,} characters"))
    return [Filter(name, operator, values)]


def refuse(problems: list[FieldProblem], message: str) -> None:
    """Raise Refused when there are problems."""
    if problems:
        raise Refused(message, problems[:100])
