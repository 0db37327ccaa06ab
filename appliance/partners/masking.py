"""What an attempt at a report shows: everything but who the visitor was, and what opens the account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

MASK = "***"
_PEOPLE = frozenset(("user_data", "user", "userData", "landingPageDeviceInfo"))
_IDENTIFYING = _PEOPLE | {"adIdentifiers"}
"""Where a platform's identifiers stand; clicks' own ids among them say nothing of a person."""
_ALONE = frozenset(("oppref", "click-id", "ob_click_id"))
"""Identifiers that stand beside the event's other fields."""
_LONGEST = 2_000


class Shown(NamedTuple):
    """An event as an attempt shows it, and the names of the identifiers that it carries."""

    text: str
    names: tuple[str, ...]


def shown(event: bytes) -> Shown:
    """An encoded event: each value about a person is replaced, its name stays, so that it can be counted."""
    try:
        found = msgspec.json.decode(event)
    except msgspec.DecodeError:  # a query; those carry no person
        text = event.decode("utf-8", "replace")
        return Shown(text[:_LONGEST], tuple(name for name, _ in parse_qsl(text) if name in _ALONE))
    names: dict[str, None] = {}
    text = json.dumps(_masked(found, names, "", hide=False, counted=False), ensure_ascii=False)
    return Shown(text[:_LONGEST], tuple(names))


def masked(event: bytes) -> str:
    """The text of `shown`."""
    return shown(event).text


def _masked(value: object, names: dict[str, None], under: str, *, hide: bool, counted: bool) -> object:
    match value:
        case dict():
            return {
                name: _masked(
                    item,
                    names,
                    name,
                    hide=hide or name in _PEOPLE,
                    counted=counted or name in _IDENTIFYING or name in _ALONE,
                )
                for name, item in value.items()
            }
        case list():
            return [_masked(item, names, under, hide=hide, counted=counted) for item in value]
    if counted and value not in ("", None):
        names[under] = None
    return MASK if hide else value


def hidden(text: str, secrets: Sequence[str]) -> str:
    """A text of the platform's without what opens the account."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text
