"""What a postback's URL and body hold: fields of a query, a form or a JSON object, as bounded texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from appliance.model import places
from appliance.routing.visit import read_query

MAX_FIELDS = 256
MAX_NAME = 128
MAX_FIELD = 2_048
MAX_FORM = 256 * 1024
"""Bytes: a megabyte of percent signs would hold up clicks for a seventh of a second."""
MAX_NESTED = 32 * 1024
"""Characters of JSON below the fields of one postback: a part of one has no paths, so more is not kept."""
DEEPEST = 32
_BOM = b"\xef\xbb\xbf"
# Numbers as they were written: 12.50 is no 12.5, and an exponent shows.
_decode_json = msgspec.json.Decoder(float_hook=str).decode
_encode_json = msgspec.json.Encoder().encode
_JSON = (b"", b"application/json", b"text/json", b"text/plain")


def read(body: bytes, content_type: bytes) -> dict[str, Any] | str:
    """The body's fields, JSON's as they are, or a sentence that says why it cannot be read."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"application/x-www-form-urlencoded" or (not kind and not is_json(body)):
        return read_form(body)
    if kind not in _JSON and not kind.endswith(b"+json"):
        return "The body must be application/json or application/x-www-form-urlencoded."
    return read_json(body)


def is_json(body: bytes) -> bool:
    """What the first byte says: a form's name begins with no brace."""
    return body.removeprefix(_BOM).lstrip()[:1] == b"{"


def read_form(body: bytes) -> dict[str, Any] | str:
    if len(body) > MAX_FORM:
        return f"A form may have {MAX_FORM // 1024} KiB at most."
    return dict(read_query(body.decode("utf-8", "replace")))


def read_json(body: bytes) -> dict[str, Any] | str:
    try:
        value = _decode_json(body.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "The body is not valid JSON."
    if not isinstance(value, dict):
        return "The JSON body must be one object."
    return {str(name): item for name, item in list(value.items())[:MAX_FIELDS] if item is not None}


def text(value: Any) -> str:
    """A JSON value as the text a URL would have carried; what is nested stays JSON."""
    return value if isinstance(value, str) else _encode_json(value).decode()


def take(fields: dict[str, Any], place: str) -> Any:
    """Take out what stands at a parameter's name or a JSON path; None for nothing."""
    if place not in fields and not place.startswith("$"):
        return None
    *above, last = places.steps(place) or (place,)
    held: Any = fields
    for step in above:
        held = held.get(step) if isinstance(held, dict) else None
    return held.pop(last, None) if isinstance(held, dict) else None


def texts(fields: Iterable[tuple[str, Any]], is_secret: Callable[[str], bool]) -> dict[str, str]:
    """The fields as the journal may keep them: bounded, without any value (or bare name) that is a secret.

    Nested ones stay whole JSON while there is room, so that paths lead into them; the rest is left out.
    """
    found: dict[str, str] = {}
    room = MAX_NESTED
    for name, value in fields:
        if len(found) == MAX_FIELDS:
            break
        if isinstance(value, dict | list):
            try:
                if (size := len(text(value))) > room:
                    continue
                room -= size
                found[name[:MAX_NAME]] = text(_masked(value, is_secret, DEEPEST))
            except RecursionError:  # nested as deeply as Python can read, but not write
                continue
        elif not is_secret((written := text(value)) or name):
            found[name[:MAX_NAME]] = written[:MAX_FIELD]
    return found


def _masked(value: Any, is_secret: Callable[[str], bool], depth: int) -> Any:
    if isinstance(value, dict):
        return {
            "***" if is_secret(name) else name: _masked(item, is_secret, depth - 1)
            for name, item in value.items()
            if depth
        }
    if isinstance(value, list):
        return [_masked(item, is_secret, depth - 1) for item in value if depth]
    return "***" if isinstance(value, str | int) and is_secret(text(value)) else value


def merged(url: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    """The body is what the network composed; the URL is what was pasted."""
    return {**url, **body}
