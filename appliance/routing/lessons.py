"""What a click teaches about its visitor: values that decide() returns and the edge's memory keeps."""

from __future__ import annotations

from typing import Final, NamedTuple

# Kinds stand in recorded clicks for ever: add, never change.
SHOWN: Final = 1
"""Stream `scope` sent `key` to destination `value`."""
SEEN_CAMPAIGN: Final = 2
SEEN_STREAM: Final = 3
"""`key` came to campaign, or stream, `scope`."""
CLICK: Final = 4
"""Click `click_id` was made by `key`: should it convert, that is what the key converted on."""
CONVERTED: Final = 5
"""`key` converted on destination `value`."""


class Lesson(NamedTuple):
    """One thing to remember of a user key; the memory stores keys only as hashes."""

    kind: int
    scope: int
    key: str
    value: int = 0
    click_id: str = ""
