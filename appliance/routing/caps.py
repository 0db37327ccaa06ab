"""Caps: what a destination has taken in a window of time, and what that leaves it.

A window of hours ends now and moves with it; a calendar day lasts from midnight to midnight of its timezone,
whatever its length. Counted is in buckets of whole seconds, each inside the window until its last instant has
left it: a meter never shows less than what was taken.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from operator import itemgetter

from appliance.errors import FieldProblem
from appliance.model.money import currency
from appliance.model.rules import Cap
from appliance.model.zones import zone

MOST_CAPS = 8
LONGEST_HOURS = 31 * 24
_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND
_SET_BACK = _HOUR
"""By how much the clock may be set back and a window still know what had left it."""
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
    """What counted against one cap. Memory: one bucket per second with anything in it, at most 90,000.

    Windows of more than 24 hours have longer buckets: their 86,400th part. A bucket that has left the window
    is kept for an hour: it counts again should the clock be set back.
    """

    def __init__(self, cap: Cap) -> None:
        self.cap = cap
        self.limit = limit(cap) or 0
        self._window_us = cap.window_hours * _HOUR
        self._width = max(1, -(-cap.window_hours // 24)) * _SECOND
        self._buckets: deque[list[int]] = deque()
        """[begin, end, amount], in order of their ends."""
        self._left = 0
        """How many of the buckets, the first ones, have left the window."""
        self._total = 0
        """The sum of the others."""
        self._days: deque[tuple[int, int]] = deque()
        """Calendar days that were asked for."""

    def add(self, at_us: int, amount: int, width_us: int = 0) -> None:
        """Count what came at a moment, or within `width_us` after it."""
        if not amount:
            return
        begin = at_us - at_us % self._width
        end = max(begin + self._width, at_us + width_us)
        buckets = self._buckets
        index = len(buckets)
        if buckets and end <= buckets[-1][1]:  # mostly the last one; others come late, or are taken back
            index = index - 1 if end == buckets[-1][1] else bisect_left(buckets, end, key=itemgetter(1))
        if index < len(buckets) and buckets[index][1] == end:
            buckets[index][2] += amount
        else:
            buckets.insert(index, [begin, end, amount])
            if index < self._left:
                self._left += 1
                return
        if index >= self._left:
            self._total += amount

    def used(self, now_us: int) -> int:
        """What counts now."""
        since = self._since(now_us)
        buckets = self._buckets
        while self._left < len(buckets) and buckets[self._left][1] <= since:
            self._total -= buckets[self._left][2]
            self._left += 1
        while self._left and buckets[self._left - 1][1] > since:
            self._left -= 1
            self._total += buckets[self._left][2]
        if self._left:
            until = self._since(now_us - _SET_BACK)
            while self._left and buckets[0][1] <= until:
                buckets.popleft()
                self._left -= 1
        return self._total

    def _since(self, now_us: int) -> int:
        """The instant up to which whatever ended counts no more."""
        if self._window_us:
            return now_us - self._window_us
        for first, following in self._days:
            if first <= now_us < following:
                return first
        self._days.append(day(now_us, self.cap.timezone))
        if len(self._days) > 2:
            self._days.popleft()
        return self._days[-1][0]

    def left(self, now_us: int) -> int:
        """What may still come now, 0 at least."""
        return max(0, self.limit - self.used(now_us))
