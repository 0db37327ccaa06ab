"""What intakes are handed: a JSON array of events, an event a line (NDJSON), or a single one; gzip or not."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator, Sequence

import msgspec

from appliance.errors import Refused

MOST_BYTES = 256 << 20
"""Of one document, unpacked. A larger one is refused: an event a line can be read by pieces instead."""
_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
_BETWEEN = re.compile(rb"\}\s*,\s*\{")
_PART = 2 << 20
_TRIALS = 16
_array = msgspec.json.Decoder(list[msgspec.Raw])


def unpacked(body: bytes, most: int = MOST_BYTES) -> bytes:
    """The body itself, or what its gzip holds: known by its first two bytes, whatever a header or a name
    says. Raises Refused for gzip that is broken, and for more than `most` bytes."""
    if not body.startswith(_GZIP):
        if len(body) > most:
            raise Refused(f"it is larger than {most:,} bytes")
        return body
    found = bytearray()
    rest = body
    try:
        while rest:  # a file may be several gzip members, one after the other
            reader = zlib.decompressobj(31)
            found += reader.decompress(rest, most + 1 - len(found))
            if len(found) > most:
                raise Refused(f"it is larger than {most:,} bytes when unpacked")
            if not reader.eof:
                raise Refused("its gzip is cut short")
            rest = reader.unused_data.lstrip(b"\0")
    except zlib.error as fault:
        raise Refused(f"its gzip is broken: {fault}") from None
    return bytes(found)


def events_of(body: bytes) -> Sequence[bytes]:
    """Each event's JSON, in order and not read any further; a line that is no JSON is among them.

    Raises Refused for an array that is none, and for what is no JSON at all.
    """
    body = body.removeprefix(_MARK)
    start = body.lstrip()[:1]
    if start == b"[":
        try:
            return [bytes(each) for part in _parts(body) for each in part]
        except (msgspec.DecodeError, RecursionError) as fault:
            raise Refused(f"its array is no JSON: {fault}") from None
    if start == b"{" and b"\n" in body.strip():
        whole = _single(body)
        if whole is not None:
            return [whole]
    return list(lines_of(body))


def _parts(body: bytes) -> Iterator[list[msgspec.Raw]]:
    """A long array as shorter ones: to decode 64 MB at once would hold up every other thread for 0.1 s.

    Where an array may be cut is tried: what is an array up to there is one, and so is what follows.
    """
    start = body.index(b"[") + 1
    while len(body) - start > _PART:
        for match in itertools.islice(_BETWEEN.finditer(body, start + _PART), _TRIALS):
            try:
                found = _array.decode(b"[" + body[start : match.start() + 1] + b"]")
            except (msgspec.DecodeError, RecursionError):
                continue  # within a text, or an array within
            yield found
            start = match.end() - 1
            break
        else:
            break
    yield _array.decode(b"[" + body[start:])


def lines_of(body: bytes) -> Iterator[bytes]:
    """An event a line; empty lines are none."""
    return (line for each in body.split(b"\n") if (line := each.strip()))


def _single(body: bytes) -> bytes | None:
    """A body of many lines that is one event, as a person writes JSON."""
    first = body.lstrip().split(b"\n", 1)[0]
    try:
        msgspec.json.decode(first, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        return None
    try:
        return bytes(msgspec.json.decode(body, type=msgspec.Raw))
    except (msgspec.DecodeError, RecursionError):
        return None
