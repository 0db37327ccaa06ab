"""Where a template finds a value in a postback: a parameter's name, a JSON path, or the value itself.

`payout` is a parameter; `$.order.items[0]["unit price"]` goes into JSON that a parameter holds (a JSON body's
members are its parameters); `=USD` is always USD. docs/reference/networks.md describes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

DEEPEST = 16
"""Steps of a path at most."""
LONGEST_JSON = 65_536
"""A longer parameter is not looked into."""
_STEP = re.compile(
    r"""\.([A-Za-z_][\w-]{0,127})|\[(\d{1,4})\]|\["([^"\\]{1,128})"\]|\['([^'\\]{1,128})'\]""", re.ASCII
)
# Numbers as they were written: 12.50 is no 12.5, and an exponent shows.
_decode = msgspec.json.Decoder(float_hook=str).decode


def fault(place: str) -> str:
    """What is wrong with how a place is written; "" for nothing."""
    if place.startswith("$") and _is_path(place) and steps(place) is None:
        return f'a JSON path such as $.order.items[0]["unit price"], of {DEEPEST} steps at most'
    return ""


def _is_path(place: str) -> bool:
    return place[:2] in ("$.", "$[")


@lru_cache(maxsize=4096)
def steps(path: str) -> tuple[str | int, ...] | None:
    """A path's steps, the first of which names a parameter; None when it is no path."""
    if not _is_path(path):
        return None
    found: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or len(found) == DEEPEST:
            return None
        name, index, *quoted = match.groups()
        found.append(int(index) if index else name or quoted[0] or quoted[1])
        at = match.end()
    return tuple(found) if isinstance(found[0], str) else None


def value_at(place: str, params: Mapping[str, str]) -> str | None:
    """The text that stands there; None where there is none. Never raises."""
    if place[:1] == "=":
        return place[1:]
    if not _is_path(place):
        return params.get(place)
    path = steps(place)
    if path is None:
        return params.get(place)
    text = params.get(str(path[0]))
    if text is None or len(path) == 1:
        return text
    if len(text) > LONGEST_JSON:
        return None
    value = _parsed(text)
    for step in path[1:]:
        if isinstance(step, int) and isinstance(value, list):
            value = value[step] if step < len(value) else None
        elif isinstance(value, dict):
            value = value.get(str(step))
        else:
            return None
    return _text(value)


@lru_cache(maxsize=4)
def _parsed(text: str) -> Any:
    """One postback's JSON is asked for several fields, one after the other. None for what is no JSON."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def param_of(place: str) -> str:
    """The parameter that has to be there for a value at this place; "" for a constant."""
    if place[:1] == "=":
        return ""
    path = steps(place)
    return str(path[0]) if path else place


def _text(value: Any) -> str | None:
    """A scalar as text; objects and lists are no values."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else None
