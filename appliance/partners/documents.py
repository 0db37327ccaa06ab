"""What intakes are handed: a JSON array of events, an event a line (NDJSON), or a single one; gzip or not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import msgspec

from appliance.errors import Refused

MOST_BYTES = 256 << 20
"""Of one document, unpacked. A larger one is refused: an event a line can be read by pieces instead."""
_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
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
            return [bytes(each) for each in _array.decode(body)]
        except (msgspec.DecodeError, RecursionError) as fault:
            raise Refused(f"its array is no JSON: {fault}") from None
    if start == b"{" and b"\n" in body.strip():
        whole = _single(body)
        if whole is not None:
            return [whole]
    return list(lines_of(body))


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
