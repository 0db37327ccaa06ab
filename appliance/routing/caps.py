"""Caps: what a destination has taken in a window of time, and what that leaves it.

A window of hours ends now and moves with it; a calendar day lasts from midnight to midnight of its timezone,
whatever its length. Counted is in buckets of whole seconds, each inside the window until its last instant has
left it: a meter never shows less than what was taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from appliance.errors import FieldProblem
from appliance.model.money import currency
from appliance.model.rules import Cap
from appliance.model.zones import zone

MOST_CAPS = 8
LONGEST_HOURS = 31 * 24
_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND
_MOST_CLICKS = 1_000_000_000
_MOST_MONEY = Decimal(1_000_000_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_caps(caps: Sequence[Cap]) -> list[FieldProblem]:
    """Every fault of a destination's caps."""
    found: list[FieldProblem] = []
    if len(caps) > MOST_CAPS:
        found.append(FieldProblem("caps", f"at most {MOST_CAPS} caps"))
    for index, cap in enumerate(caps[:MOST_CAPS]):
        path = f"caps[{index}]"
        if limit(cap) is None:
            words = (
                "a whole number from 0"
                if cap.metric in ("clicks", "conversions")
                else "a plain number from 0"
            )
            found.append(FieldProblem(f"{path}.limit", f"{words} to 1,000,000,000"))
        if not 0 <= cap.window_hours <= LONGEST_HOURS:
            found.append(
                FieldProblem(f"{path}.window_hours", f"0 for a calendar day, or from 1 to {LONGEST_HOURS}")
            )
        try:
            zone(cap.timezone)
        except ValueError as fault:
            found.append(FieldProblem(f"{path}.timezone", str(fault)))
        if cap.currency and currency(cap.currency) != cap.currency:
            found.append(FieldProblem(f"{path}.currency", "an ISO 4217 code in capitals such as USD"))
    return found


def limit(cap: Cap) -> int | None:
    """A cap's limit: a count, or micro-units of money; None for a text that is neither."""
    if len(cap.limit) > 30:
        return None
    try:
        number = Decimal(cap.limit)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number <= _MOST_MONEY:
        return None
    if cap.metric in ("cost", "revenue"):
        micro = number * 1_000_000
        return int(micro) if micro == int(micro) else None
    return int(number) if number == int(number) else None


def day(at_us: int, timezone: str) -> tuple[int, int]:
    """The calendar day around a moment, as (its first instant, the next one's)."""
    where = zone(timezone)
    date = (_EPOCH + timedelta(microseconds=at_us)).astimezone(where).date()
    begin, end = (
        (datetime.combine(each, time(), where) - _EPOCH) // timedelta(microseconds=1)
        for each in (date, date + timedelta(days=1))
    )
    return begin, end


class Meter:
    """What counted against one cap. Memory: one bucket per second with anything in it, at most 86,400.

    Windows of more than 24 hours have longer buckets: their 86,400th part.
    """

    def __init__(self, cap: Cap) -> None:
        self.cap = cap
        self.limit = limit(cap) or 0
        self._window_us = cap.window_hours * _HOUR
        self._width = max(1, -(-cap.window_hours // 24)) * _SECOND
        self._buckets: deque[list[int]] = deque()
        """[begin, end, amount], in order of their ends."""
        self._total = 0
        self._day = (0, 0)

    def add(self, at_us: int, amount: int, width_us: int = 0) -> None:
        """Count what came at a moment, or within `width_us` after it."""
        begin = at_us - at_us % self._width
        end = max(begin + self._width, at_us + width_us)
        if not amount or (self._window_us == 0 and end <= self._day[0]):
            return
        self._total += amount
        buckets = self._buckets
        if not buckets or end > buckets[-1][1]:
            buckets.append([begin, end, amount])
        elif end == buckets[-1][1]:
            buckets[-1][2] += amount
        else:  # it comes late: recorded after others, or taken back
            index = bisect_right([bucket[1] for bucket in buckets], end)
            if index and buckets[index - 1][1] == end:
                buckets[index - 1][2] += amount
            else:
                buckets.insert(index, [begin, end, amount])

    def used(self, now_us: int) -> int:
        """What counts now."""
        if self._window_us:
            since = now_us - self._window_us
        else:
            if not self._day[0] <= now_us < self._day[1]:
                self._day = day(now_us, self.cap.timezone)
            since = self._day[0]
        buckets = self._buckets
        while buckets and buckets[0][1] <= since:
            self._total -= buckets.popleft()[2]
        return self._total

    def left(self, now_us: int) -> int:
        """What may still come now, 0 at least."""
        return max(0, self.limit - self.used(now_us))
