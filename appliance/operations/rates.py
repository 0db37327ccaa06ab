"""What currencies are worth, by day: entered or imported, never fetched. Conversions are counted by them.

A conversion keeps the rates that were known when it came; what is entered later holds for later ones.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from msgspec import Meta, Struct

from appliance.attribution.rates import Rate
from appliance.errors import FieldProblem, Unavailable
from appliance.model.money import currency
from appliance.operations.context import Context, RateDesk
from appliance.operations.nouns import Request
from appliance.operations.period import refuse
from appliance.operations.registry import operation

MOST_ROWS = 20_000
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,12})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SEPARATORS = ",;\t"
_HEADS = ("date", "day")
Code = Annotated[str, Meta(max_length=3)]


class OneRate(Request, frozen=True, kw_only=True, rename={"from_": "from"}):
    """From `date` on, one `from` is worth `rate` `to`."""

    date: str
    from_: str
    to: str
    rate: str | float


class SetRequest(Request, frozen=True, kw_only=True):
    rates: Annotated[tuple[OneRate, ...], Meta(min_length=1, max_length=1_000)]


class ImportRequest(Request, frozen=True, kw_only=True):
    """`text`: lines of date, from, to, rate (2026-11-22,EUR,USD,1.0832), separated by , or ; or a tab; a
    first line of names is passed over. One line that is wrong refuses all of them."""

    text: Annotated[str, Meta(max_length=2_000_000)]


class Stored(Struct, frozen=True, kw_only=True):
    stored: int


class Removed(Struct, frozen=True, kw_only=True):
    removed: int


class RemoveRequest(Request, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Rates dated before `before`, of these currencies; of all where none is named."""

    before: str
    from_: Code = ""
    to: Code = ""


class ListRequest(Request, frozen=True, kw_only=True, rename={"from_": "from"}):
    from_: Code = ""
    to: Code = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


class Shown(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    date: str
    from_: str
    to: str
    rate: str


class ShownRates(Struct, frozen=True, kw_only=True):
    items: tuple[Shown, ...]
    limit: int
    offset: int
    total: int


@operation("rates.list", permission="rates.read", example={"from": "EUR", "to": "USD", "limit": 10})
async def listed(request: ListRequest, context: Context) -> ShownRates:
    """Rates that were entered or imported, the newest day first."""
    found, total = await _desk(context).list(
        request.from_.upper(), request.to.upper(), request.limit, request.offset
    )
    items = tuple(Shown(date=it.day, from_=it.base, to=it.quote, rate=it.rate) for it in found)
    return ShownRates(items=items, limit=request.limit, offset=request.offset, total=total)


@operation(
    "rates.set",
    permission="rates.write",
    changes=True,
    example={"rates": [{"date": "2026-11-22", "from": "EUR", "to": "USD", "rate": "1.0832"}]},
)
async def put(request: SetRequest, context: Context) -> Stored:
    """Enter rates; one of the same day and currencies is replaced. They hold for conversions from now on."""
    problems: list[FieldProblem] = []
    rates = [
        _rate(f"rates[{index}].", it.date, it.from_, it.to, _text(it.rate), problems)
        for index, it in enumerate(request.rates)
    ]
    return await _store(rates, problems, context)


@operation(
    "rates.import",
    permission="rates.write",
    changes=True,
    example={"text": "date,from,to,rate\n2026-11-22,EUR,USD,1.0832"},
)
async def imported(request: ImportRequest, context: Context) -> Stored:
    """Enter rates from the text of a CSV file, all or none; the same day and currencies are replaced."""
    problems: list[FieldProblem] = []
    rates: list[Rate | None] = []
    lines = request.text.lstrip("\ufeff").splitlines()
    separator = max(_SEPARATORS, key=lines[0].count) if lines else ","
    for number, row in enumerate(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[0].lower() in _HEADS):
            continue
        if len(cells) != 4:
            problems.append(FieldProblem(f"text:{number}", "four columns: date, from, to, rate"))
        else:
            day, base, quote, rate = cells
            rates.append(_rate(f"text:{number} ", day, base, quote, rate, problems))
        if len(rates) > MOST_ROWS or len(problems) >= 100:
            break
    if len(rates) > MOST_ROWS:
        problems.append(FieldProblem("text", f"at most {MOST_ROWS:,} lines at once"))
    if not rates and not problems:
        problems.append(FieldProblem("text", "no line of it is a rate"))
    return await _store(rates, problems, context)


@operation("rates.remove", permission="rates.write", changes=True, example={"before": "2024-01-01"})
async def removed(request: RemoveRequest, context: Context) -> Removed:
    """Forget old rates. Conversions that were counted by them stay as they are."""
    if _day(request.before) is None:
        refuse([FieldProblem("before", "a date such as 2026-11-22")], "nothing is removed")
    gone = await _desk(context).remove(request.from_.upper(), request.to.upper(), request.before)
    return Removed(removed=gone)


async def _store(rates: list[Rate | None], problems: list[FieldProblem], context: Context) -> Stored:
    refuse(problems, "these rates cannot be stored")
    sound = [rate for rate in rates if rate is not None]
    await _desk(context).put(sound)
    return Stored(stored=len(sound))


def _rate(path: str, day: str, base: str, quote: str, rate: str, problems: list[FieldProblem]) -> Rate | None:
    """A rate, or what is wrong with it in `problems`."""
    before = len(problems)
    one, other = currency(base), currency(quote)
    if _day(day) is None:
        problems.append(FieldProblem(f"{path}date", "a date such as 2026-11-22"))
    for name, code in (("from", one), ("to", other)):
        if code is None:
            problems.append(FieldProblem(f"{path}{name}", "an ISO 4217 code such as USD"))
    if one is not None and one == other:
        problems.append(FieldProblem(f"{path}to", "is the same currency"))
    if not _NUMBER.fullmatch(rate) or not Fraction(rate):
        problems.append(FieldProblem(f"{path}rate", "a plain number above 0, such as 1.0832"))
    if len(problems) > before or one is None or other is None:
        return None
    return Rate(day, one, other, rate)


def _text(rate: str | float) -> str:
    """A JSON number as it was written."""
    return rate if isinstance(rate, str) else f"{Decimal(str(rate)):f}"


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return found if found and 2000 <= found.year < 2100 else None


def _desk(context: Context) -> RateDesk:
    if context.rates is None:
        raise Unavailable("there are no rates here")
    return context.rates
