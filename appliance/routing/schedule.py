"""Schedules: open or not at a moment, by a wall clock somewhere, through its changes to and from summer time.

The hours of a window are those the wall clock shows: an hour that the clock skips is never open, one that it
shows twice is open twice. `first` and `last` are moments: of an hour shown twice the first, and one in a
skipped hour is as long after the change as it would be after the hour's begin.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from appliance.errors import FieldProblem, Refused
from appliance.model.rules import Schedule, Window
from appliance.model.zones import zone

Open = Callable[[int], bool]
"""Unix microseconds → open."""

MOST_WINDOWS = 50
_DAY = 1_440
_WEEK = 7 * _DAY
_MINUTE_US = 60_000_000
_DAY_US = _DAY * _MINUTE_US
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -(1 << 62), 1 << 62
# Between these no arithmetic on dates can overflow, wherever the zone.
_FIRST_YEAR, _LAST_YEAR = 1971, 9990


def check_schedule(schedule: Schedule, path: str) -> list[FieldProblem]:
    """Every fault of a schedule, each with its path below `path`; empty when it compiles."""
    found: list[FieldProblem] = []
    where: ZoneInfo | None = None
    try:
        where = zone(schedule.timezone)
    except ValueError as fault:
        found.append(FieldProblem(f"{path}.timezone", str(fault)))
    if len(schedule.windows) > MOST_WINDOWS:
        found.append(FieldProblem(f"{path}.windows", f"at most {MOST_WINDOWS} windows"))
    for index, window in enumerate(schedule.windows[:MOST_WINDOWS]):
        at = f"{path}.windows[{index}]"
        if not window.days or any(not 1 <= day <= 7 for day in window.days):
            found.append(FieldProblem(f"{at}.days", "weekdays from 1 (Monday) to 7, at least one"))
        if _minute(window.begin) is None:
            found.append(FieldProblem(f"{at}.begin", "a time from 00:00 to 23:59"))
        if window.end != "24:00" and _minute(window.end) is None:
            found.append(FieldProblem(f"{at}.end", "a time from 00:00 to 24:00"))
    bounds = [_EARLIEST, _LATEST]
    for index, name in enumerate(("first", "last")):
        text = getattr(schedule, name)
        try:
            if text:
                bounds[index] = _moment(text, where or ZoneInfo("UTC"))
        except ValueError:
            words = f"a date or a local time such as 2026-05-01T08:00, from {_FIRST_YEAR} to {_LAST_YEAR}"
            found.append(FieldProblem(f"{path}.{name}", words))
    if bounds[0] >= bounds[1]:
        found.append(FieldProblem(f"{path}.last", "later than first"))
    return found


def compiled(schedule: Schedule) -> Open:
    """The schedule as a test of a moment. Raises Refused for what `check_schedule` should have found.

    What was last worked out is kept until the next change of the schedule or the clock: another moment
    before it costs two comparisons.
    """
    problems = check_schedule(schedule, "schedule")
    if problems:
        raise Refused("a schedule that is none", problems)
    where = zone(schedule.timezone)
    first = _moment(schedule.first, where) if schedule.first else _EARLIEST
    last = _moment(schedule.last, where) if schedule.last else _LATEST
    changes = _changes(schedule.windows)
    known = (0, 0, False)

    def open_at(at_us: int) -> bool:
        nonlocal known
        begin, end, is_open = known
        if begin <= at_us < end:
            return is_open
        known = _constant(at_us, where, first, last, changes)
        return known[2]

    return open_at


def _changes(windows: tuple[Window, ...]) -> tuple[tuple[int, ...], bool]:
    """The minutes of a wall clock's week at which it opens or closes, and whether it is open at its begin."""
    if not windows:
        return (), True
    open_minutes = bytearray(_WEEK)
    for window in windows:
        begin = _minute(window.begin) or 0
        end = _DAY if window.end == "24:00" else _minute(window.end) or 0
        length = end - begin if end > begin else end + _DAY - begin
        for day in window.days:
            start = (day - 1) * _DAY + begin
            for minute in range(start, start + length):
                open_minutes[minute % _WEEK] = 1
    found = tuple(m for m in range(1, _WEEK) if open_minutes[m] != open_minutes[m - 1])
    return found, bool(open_minutes[0])


def _constant(
    at_us: int, where: ZoneInfo, first: int, last: int, changes: tuple[tuple[int, ...], bool]
) -> tuple[int, int, bool]:
    """(begin, end, open): a stretch around a moment in which nothing changes, of two days at most."""
    if at_us < first:
        return _EARLIEST, first, False
    if at_us >= last:
        return last, _LATEST, False
    minutes, open_at_begin = changes
    if not minutes:
        # Open or closed all week: nothing changes before `last`. (Never closed: a window has a day.)
        return first, last, open_at_begin
    offset = _offset(at_us, where)
    local_us = at_us + offset
    # 1970-01-01 was a Thursday, three days into its week.
    week_us = (local_us + 3 * _DAY_US) % (7 * _DAY_US)
    position = bisect_right(minutes, week_us // _MINUTE_US)
    since = minutes[position - 1] * _MINUTE_US if position else 0
    until = minutes[position] * _MINUTE_US if position < len(minutes) else _WEEK * _MINUTE_US
    begin = max(at_us - (week_us - since), at_us - _DAY_US, first)
    end = min(at_us + (until - week_us), at_us + _DAY_US, last)
    return (
        _change(at_us, begin, where, offset),
        _change(at_us, end, where, offset),
        open_at_begin ^ bool(position & 1),
    )


def _change(at_us: int, far_us: int, where: ZoneInfo, offset: int) -> int:
    """How far from a moment, towards `far_us`, the clock keeps its offset: a bound that excludes the rest.

    No zone changed its clock twice within a day.
    """
    if far_us <= at_us:
        if _offset(far_us, where) == offset:
            return far_us
        other, same = far_us, at_us
    else:
        if _offset(far_us - 1, where) == offset:
            return far_us
        other, same = far_us - 1, at_us
    while abs(other - same) > 1:
        middle = (other + same) // 2
        if _offset(middle, where) == offset:
            same = middle
        else:
            other = middle
    return same if other < same else other


def _offset(at_us: int, where: ZoneInfo) -> int:
    """Microseconds that the wall clock is ahead of UTC."""
    found = (_EPOCH + timedelta(microseconds=at_us)).astimezone(where).utcoffset()
    return 0 if found is None else found // timedelta(microseconds=1)


def _minute(text: str) -> int | None:
    """Minutes after midnight of HH:MM; None for what is no time."""
    match = _TIME.fullmatch(text)
    return int(match[1]) * 60 + int(match[2]) if match else None


def _moment(text: str, where: ZoneInfo) -> int:
    """A local ISO time → unix microseconds. Raises ValueError."""
    if not _LOCAL.fullmatch(text):
        raise ValueError("no local time")
    local = datetime.fromisoformat(text)
    if not _FIRST_YEAR <= local.year <= _LAST_YEAR:
        raise ValueError("too far away")
    return (local.replace(tzinfo=where) - _EPOCH) // timedelta(microseconds=1)
