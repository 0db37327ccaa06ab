"""What one currency was worth in another on a day: entered or imported by the operator, never fetched."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

OLDEST = 31
"""Days for which a rate holds when none is entered after it: then it is none any more."""
_DAY_US = 86_400_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - _EPOCH_DAY


class Rate(NamedTuple):
    """From `day` (2026-11-22) on, one `base` is worth `rate` (a plain decimal number) `quote`."""

    day: str
    base: str
    quote: str
    rate: str


RateOf = Callable[[str, str, str], str]
"""(day, from, to) → what an amount is multiplied by, as a decimal number or a fraction; "" for unknown."""


def no_rate(day: str, base: str, quote: str) -> str:
    """Nothing was entered."""
    return ""


class Rates:
    """All rates at a moment; never changes. A rate that was entered also serves the way back, and two serve
    one after the other: EUR to USD and EUR to GBP make USD to GBP."""

    def __init__(self, rates: Iterable[Rate] = ()) -> None:
        self._pairs: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
        self._beside: dict[str, set[str]] = {}
        for each in sorted(rates):
            days, values = self._pairs.setdefault((each.base, each.quote), ([], []))
            days.append(each.day)
            values.append(each.rate)
            self._beside.setdefault(each.base, set()).add(each.quote)
            self._beside.setdefault(each.quote, set()).add(each.base)

    def find(self, day: str, base: str, quote: str) -> str:
        """The rate of that day, else the newest of the days before it (see OLDEST)."""
        own = self._entered(day, base, quote)
        if own is not None:
            return str(own)
        for other in sorted(self._beside.get(base, set()) & self._beside.get(quote, set())):
            there, back = self._entered(day, base, other), self._entered(day, other, quote)
            if there is not None and back is not None:
                return str(Fraction(there) * Fraction(back))
        return ""

    def _entered(self, day: str, base: str, quote: str) -> str | Fraction | None:
        there, back = self._newest(day, base, quote), self._newest(day, quote, base)
        if there is not None and (back is None or there[0] >= back[0]):
            return there[1]
        return None if back is None else 1 / Fraction(back[1])

    def _newest(self, day: str, base: str, quote: str) -> tuple[str, str] | None:
        days, values = self._pairs.get((base, quote), ((), ()))
        place = bisect_right(days, day) - 1
        if place < 0 or date.fromisoformat(days[place]) < date.fromisoformat(day) - timedelta(days=OLDEST):
            return None
        return days[place], values[place]


class Exchange:
    """The rates of one conversion: each is looked up once and kept in `used`, "day from to" → rate or ""."""

    def __init__(self, used: Mapping[str, str], find: RateOf) -> None:
        self.used = used
        self._find = find

    def rate(self, day: str, base: str, quote: str) -> str:
        key = f"{day} {base} {quote}"
        if key not in self.used:
            self.used = {**self.used, key: self._find(day, base, quote)}
        return self.used[key]

    def convert(self, amount: int, day: str, base: str, quote: str) -> int | None:
        """Micro-units of `base` in those of `quote`, rounded half to even; None without a rate."""
        if base == quote:
            return amount
        rate = self.rate(day, base, quote)
        return times(amount, rate) if rate else None


def times(amount: int, rate: str) -> int:
    """An amount by a rate, in whole micro-units."""
    return round(amount * Fraction(rate))


def day_of(at_us: int) -> str:
    """The date of a moment, UTC; of one that no calendar has, the last that one has."""
    return _day(min(at_us // _DAY_US, _LAST_DAY))


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return date.fromordinal(_EPOCH_DAY + number).isoformat()
