"""The period, timezone and currency that a request is about."""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.errors import FieldProblem, Refused
from appliance.model.money import currency
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.reporting import periods
from appliance.reporting.sql import Question


class Span(Request, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`from`, `to`: dates (both meant whole) or times (`to` exclusive) in `timezone`; the last 30 days."""

    from_: str = ""
    to: str = ""
    timezone: str = "UTC"


class Period(Span, frozen=True, kw_only=True):
    """And the currency in which it is counted."""

    currency: str = ""


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
    if begins >= ends:
        problems.append(FieldProblem("to", "is not after from"))
    return periods.micros(begins), periods.micros(ends), where.key


def question_of(request: Period, context: Context, problems: list[FieldProblem]) -> Question:
    """The period, timezone and currency of a request; what is wrong with them goes to `problems`."""
    from_us, to_us, timezone = span_of(request, problems)
    unit = currency(request.currency or context.reports.currency)
    if unit is None:
        problems.append(FieldProblem("currency", "an ISO 4217 code such as USD"))
    return Question(from_us=from_us, to_us=to_us, timezone=timezone, currency=unit or "")


def refuse(problems: list[FieldProblem], message: str) -> None:
    """Raise Refused when there are problems."""
    if problems:
        raise Refused(message, problems[:100])
