"""Click ids: UUIDv7 (RFC 9562 §5.7) in canonical text, 36 URL-safe characters, sorting by time."""

from __future__ import annotations

import re

_SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def click_id(unix_ms: int, randomness: int) -> str:
    """The id of a click at `unix_ms`; `randomness` is 74 unpredictable bits (postbacks are claimed by it)."""
    return (
        f"{unix_ms >> 16:08x}-{unix_ms & 0xFFFF:04x}-7{(randomness >> 62) & 0xFFF:03x}"
        f"-{0x8000 | ((randomness >> 48) & 0x3FFF):04x}-{randomness & 0xFFFFFFFFFFFF:012x}"
    )


def click_time_ms(identifier: str) -> int | None:
    """When the click was made, in unix milliseconds; None if this cannot be one of our ids."""
    if not _SHAPE.fullmatch(identifier):
        return None
    return int(identifier[:8] + identifier[9:13], 16)
