"""What an attempt at a report shows: everything but who the visitor was, and what opens the account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
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


_PRIVATE = re.compile(
    r"[0-9A-Fa-f]{64}|[^\s@\"'<>:,;{}\[\]\\]+@[^\s@\"'<>:,;{}\[\]\\]+\.[^\s@\"'<>:,;{}\[\]\\]+"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f:]{0,39}",
    re.ASCII,
)
"""What says who somebody is, wherever it stands: hashes, addresses of mail, of IPv4 and of IPv6."""
_SHORT = 6


class Shown(NamedTuple):
    """An event as an attempt shows it, the names of the identifiers that it carries, and the texts that were
    replaced: a platform may repeat them in its answer."""

    text: str
    names: tuple[str, ...]
    private: tuple[str, ...] = ()


def shown(event: bytes) -> Shown:
    """An encoded event: each value about a person is replaced, its name stays, so that it can be counted."""
    try:
        found = msgspec.json.decode(event)
    except msgspec.DecodeError:  # a query; those carry no person
        text = event.decode("utf-8", "replace")
        return Shown(text[:_LONGEST], tuple(name for name, _ in parse_qsl(text) if name in _ALONE))
    marks = _Marks({}, {})
    text = json.dumps(_masked(found, marks, "", hide=False, counted=False), ensure_ascii=False)
    return Shown(text[:_LONGEST], tuple(marks.names), tuple(marks.private))


def masked(event: bytes) -> str:
    """The text of `shown`."""
    return shown(event).text


class _Marks(NamedTuple):
    names: dict[str, None]
    private: dict[str, None]


def _masked(value: object, marks: _Marks, under: str, *, hide: bool, counted: bool) -> object:
    match value:
        case dict():
            return {
                name: _masked(
                    item,
                    marks,
                    name,
                    hide=hide or name in _PEOPLE,
                    counted=counted or name in _IDENTIFYING or name in _ALONE,
                )
                for name, item in value.items()
            }
        case list():
            return [_masked(item, marks, under, hide=hide, counted=counted) for item in value]
    if counted and value not in ("", None):
        marks.names[under] = None
    if hide and isinstance(value, str) and len(value) >= _SHORT:
        marks.private[value] = None
    return MASK if hide else value


def scrubbed(text: str, private: Iterable[str] = ()) -> str:
    """A text of the platform's without what says who somebody is: these texts, and what looks like it."""
    for each in private:
        if each in text:
            text = text.replace(each, MASK)
    return _PRIVATE.sub(MASK, text)


def hidden(text: str, secrets: Sequence[str]) -> str:
    """A text of the platform's without what opens the account."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text
