"""When a conversion happened, as networks write it: a number of (milli-, micro-) seconds, or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime

SECOND = 1_000_000
_NUMBER = re.compile(r"(\d{9,16})(?:\.(\d{1,9}))?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-?\d\d-?\d\d)[T ](\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?) ?(Z|[+ -]\d\d(?::?\d\d)?)?", re.ASCII
)


def read(text: str) -> int | None:
    """Unix microseconds; None for what is no time. Without a zone it is UTC.

    The number of digits tells seconds (9 or 10), milliseconds (12 or 13) and microseconds (15 or 16).
    """
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return _of_number(*number.groups())
    iso = _ISO.fullmatch(text.upper().replace(" UTC", "Z"))
    if iso is None:
        return None
    date, clock, zone = iso.groups()
    # A + in a URL arrives as a space.
    zone = "+00:00" if zone in (None, "Z") else zone.replace(" ", "+")
    try:
        at = datetime.fromisoformat(f"{date.replace('-', '')}T{_clock(clock)}{zone}")
        return _micros(at)
    except (ValueError, OverflowError):
        return None


def _of_number(digits: str, fraction: str | None) -> int | None:
    step = {9: SECOND, 10: SECOND, 12: 1_000, 13: 1_000, 15: 1, 16: 1}.get(len(digits))
    if step is None:
        return None
    part = int((fraction or "").ljust(9, "0")) * step // 1_000_000_000
    return int(digits) * step + part


def _clock(text: str) -> str:
    """Hours, minutes, seconds and six digits of what follows, without separators."""
    whole, _, fraction = text.replace(",", ".").replace(":", "").partition(".")
    return f"{whole}.{fraction[:6].ljust(6, '0')}" if fraction else whole


def _micros(at: datetime) -> int:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
