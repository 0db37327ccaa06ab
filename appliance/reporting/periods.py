"""The time a report covers: dates and times as people write them → unix microseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from appliance.model import zones

zone = zones.zone
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:.{1,30}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = 30
"""The default period: so many days, today included."""


def begin(text: str, where: tzinfo) -> datetime:
    """The first moment meant by a date (its midnight in `where`) or a time. Raises ValueError."""
    if _DATE.fullmatch(text):
        return datetime.combine(_date(text), time(), where)
    return _moment(text, where)


def end(text: str, where: tzinfo) -> datetime:
    """The first moment no longer meant: a date is meant whole, a time is exclusive. Raises ValueError."""
    if _DATE.fullmatch(text):
        return datetime.combine(_date(text) + timedelta(days=1), time(), where)
    return _moment(text, where)


def default(now: datetime, where: tzinfo) -> tuple[datetime, datetime]:
    """The last 30 days up to the end of today in `where`."""
    today = now.astimezone(where).date()
    first, after = today - timedelta(days=DAYS - 1), today + timedelta(days=1)
    return datetime.combine(first, time(), where), datetime.combine(after, time(), where)


def before(from_us: int, to_us: int, where: tzinfo) -> int:
    """When the period before this one begins: as long by the clocks of `where`, so days stay whole days."""
    begins = (_EPOCH + timedelta(microseconds=from_us)).astimezone(where)
    ends = (_EPOCH + timedelta(microseconds=to_us)).astimezone(where)
    length = ends.replace(tzinfo=None) - begins.replace(tzinfo=None)
    found = micros(begins - length)
    return found if found < from_us else 2 * from_us - to_us


def day(at_us: int, where: tzinfo) -> str:
    """The date of a moment in `where`."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(where).date().isoformat()


def micros(moment: datetime) -> int:
    """Unix microseconds, without a float in between."""
    since = moment.astimezone(UTC) - _EPOCH  # in UTC: two moments of one zone are subtracted as wall clocks
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _date(text: str) -> date:
    found = date.fromisoformat(text)
    if not 2000 <= found.year < 2100:
        raise ValueError("years from 2000 to 2099")
    return found


def _moment(text: str, where: tzinfo) -> datetime:
    try:
        if not _TIME.fullmatch(text):  # fromisoformat also takes weeks and days without their dashes
            raise ValueError
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date (2026-11-17) or a time (2026-11-17T12:00:00Z)") from None
    if not 2000 <= found.year < 2100:
        raise ValueError("years from 2000 to 2099")
    return found if found.tzinfo is not None else found.replace(tzinfo=where)
