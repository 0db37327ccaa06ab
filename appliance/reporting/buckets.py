"""Minutes to months of a timezone: as a number in SQL, as a text for people, as a list of all.

The timezone is known here only. SQL gets the seconds by which its clocks differ from UTC and when that
changes, as bound numbers. The two hours called 02:00 of an autumn night are two buckets: an hour is told by
its beginning and its difference from UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

Interval = Literal["minute", "hour", "day", "week", "month"]
INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)
MOST_BUCKETS = 10_000
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# An hour's or a minute's number: the moment it would have begun (seconds), then its difference from UTC,
# shifted to be positive. Ordered by time.
_STEP, _SHIFT = 1 << 18, 1 << 17
_EPOCH_DAY = date(1970, 1, 1)
_MONDAY = 3  # 1970-01-01 was a Thursday: so many days after a Monday

LOCAL = "(intDiv(toUnixTimestamp64Micro(at), 1000000) + @offset)"
"""The clock's seconds; @offset is put in by `Clock.sql`."""
SQL: Final[dict[Interval, str]] = {
    "minute": f"((intDiv({LOCAL}, 60) * 60 - @offset) * {_STEP} + @offset + {_SHIFT})",
    "hour": f"((intDiv({LOCAL}, 3600) * 3600 - @offset) * {_STEP} + @offset + {_SHIFT})",
    "day": f"intDiv({LOCAL}, 86400)",
    "week": f"intDiv(intDiv({LOCAL}, 86400) + {_MONDAY}, 7)",
    "month": f"toInt64(toYYYYMM(toDate(toUInt16(intDiv({LOCAL}, 86400)))))",
}
HOUR_OF_DAY = f"intDiv({LOCAL}, 3600) % 24"
WEEKDAY = f"(intDiv({LOCAL}, 86400) + {_MONDAY}) % 7 + 1"


class Clock(NamedTuple):
    """A timezone's difference from UTC in a period: `offsets[i]` seconds from unix second `starts[i]` on."""

    starts: tuple[int, ...]
    offsets: tuple[int, ...]

    def sql(self, expression: str) -> tuple[str, dict[str, object]]:
        """An expression over LOCAL and @offset as SQL over `at`, and its parameters."""
        if "@offset" not in expression:
            return expression, {}
        if len(self.starts) == 1:
            return expression.replace("@offset", "{clock_offset:Int64}"), {"clock_offset": self.offsets[0]}
        starts = "{clock_starts:Array(Int64)}"
        second = "intDiv(toUnixTimestamp64Micro(at), 1000000)"
        offset = (
            f"transform(roundDown({second}, {starts}), {starts}, {{clock_offsets:Array(Int64)}}, toInt64(0))"
        )
        parameters: dict[str, object] = {
            "clock_starts": list(self.starts),
            "clock_offsets": list(self.offsets),
        }
        return expression.replace("@offset", offset), parameters


@lru_cache(maxsize=256)
def clock(timezone: str, from_s: int, to_s: int) -> Clock:
    """The clock of a timezone between two moments (unix seconds)."""
    where = ZoneInfo(timezone)
    starts, offsets = [from_s], [_offset(where, from_s)]
    at = from_s
    while at < to_s:
        after = min(at + _DAY, to_s)
        if _offset(where, after) != offsets[-1]:
            before = at
            while after - before > 1:
                middle = (before + after) // 2
                if _offset(where, middle) == offsets[-1]:
                    before = middle
                else:
                    after = middle
            starts.append(after)
            offsets.append(_offset(where, after))
        at = after
    return Clock(tuple(starts), tuple(offsets))


def label(interval: Interval, number: int) -> str:
    """A bucket's number as people read it; when an hour or a minute began, with its difference from UTC."""
    if interval in ("minute", "hour"):
        began, shifted = divmod(number, _STEP)
        offset = shifted - _SHIFT
        local = datetime.fromtimestamp(began + offset, UTC)
        return f"{local:%Y-%m-%dT%H:%M}{_difference(offset)}"
    if interval == "month":
        return f"{number // 100:04}-{number % 100:02}"
    day = number if interval == "day" else number * 7 - _MONDAY
    return (_EPOCH_DAY + timedelta(days=day)).isoformat()


def every(interval: Interval, timezone: str, from_us: int, to_us: int) -> Iterator[int]:
    """The numbers of all buckets that a period touches, in their order."""
    from_s, to_s = from_us // 1_000_000, -(-to_us // 1_000_000)
    found = clock(timezone, from_s, to_s)
    last: int | None = None
    for index, start in enumerate(found.starts):
        offset = found.offsets[index]
        end = found.starts[index + 1] if index + 1 < len(found.starts) else to_s
        first, final = start + offset, end - 1 + offset
        if interval in ("minute", "hour"):
            length = _MINUTE if interval == "minute" else _HOUR
            for place in range(first // length, final // length + 1):
                yield (place * length - offset) * _STEP + offset + _SHIFT
            continue
        for day in range(first // _DAY, final // _DAY + 1):
            number = _of_day(interval, day)
            if last is None or number > last:
                yield number
                last = number


def about(interval: Interval, from_us: int, to_us: int) -> int:
    """Roughly how many buckets a period has, before any is made."""
    seconds = (to_us - from_us) // 1_000_000
    lengths = {"minute": _MINUTE, "hour": _HOUR, "day": _DAY, "week": 7 * _DAY, "month": 28 * _DAY}
    return seconds // lengths[interval] + 2


def _of_day(interval: Interval, day: int) -> int:
    if interval == "day":
        return day
    if interval == "week":
        return (day + _MONDAY) // 7
    on = _EPOCH_DAY + timedelta(days=day)
    return on.year * 100 + on.month


def _offset(where: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, where).utcoffset()
    assert offset is not None
    return offset.days * _DAY + offset.seconds


def _difference(offset: int) -> str:
    minutes = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
