"""Timezones by name."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", re.ASCII)


def zone(name: str) -> ZoneInfo:
    """A timezone by its IANA name. Raises ValueError for what is none."""
    if not _NAME.fullmatch(name) or name.startswith("right/"):  # right/: clocks that count leap seconds
        raise ValueError("an IANA name such as Europe/Berlin or UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"{name!r} is no IANA timezone such as Europe/Berlin or UTC") from None
