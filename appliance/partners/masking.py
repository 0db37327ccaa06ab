"""What an attempt at a report shows: everything but who the visitor was, and what opens the account."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

MASK = "***"
_PEOPLE = frozenset(("user_data", "user", "userData", "landingPageDeviceInfo"))
_LONGEST = 2_000


def masked(event: bytes) -> str:
    """An encoded event: each value about a person is replaced, its name stays, so that it can be counted."""
    try:
        found = msgspec.json.decode(event)
    except msgspec.DecodeError:  # a query; those carry no person
        return event.decode("utf-8", "replace")[:_LONGEST]
    return json.dumps(_masked(found, hide=False), ensure_ascii=False)[:_LONGEST]


def _masked(value: object, *, hide: bool) -> object:
    match value:
        case dict():
            return {name: _masked(item, hide=hide or name in _PEOPLE) for name, item in value.items()}
        case list():
            return [_masked(item, hide=hide) for item in value]
    return MASK if hide else value


def hidden(text: str, secrets: Sequence[str]) -> str:
    """A text of the platform's without what opens the account."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
