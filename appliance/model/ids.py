"""Click ids: UUIDv7 (RFC 9562 §5.7) in canonical text, sorting by time; and names made of texts."""

from __future__ import annotations

import re
from hashlib import blake2b

_SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
DIGITS = 19
_SHORT = [length.to_bytes(4, "big").decode("ascii") for length in range(128)]


def click_id(unix_ms: int, randomness: int) -> str:
    """The id of a click at `unix_ms`; `randomness` fills 74 bits (postbacks are claimed by them)."""
    return click_id_text(unix_ms, f"{randomness & (1 << 76) - 1:019x}")


def click_id_text(unix_ms: int, digits: str) -> str:
    """The same from 19 unpredictable hexadecimal digits: slicing a text costs half of shifting a number."""
    time = f"{unix_ms:012x}"
    return f"{time[:8]}-{time[8:]}-7{digits[:3]}-{_VARIANT[digits[3]]}{digits[4:7]}-{digits[7:19]}"


def click_time_ms(identifier: str) -> int | None:
    """When the click was made, in unix milliseconds; None if this cannot be one of our ids."""
    if not _SHAPE.fullmatch(identifier):
        return None
    return int(identifier[:8] + identifier[9:13], 16)


def name_of(*parts: str) -> str:
    """32 hex digits that name this sequence of texts: the same in every replay, another for any other."""
    try:
        text = "".join([_SHORT[len(part)] + part for part in parts])
        if text.isascii():  # so that each length is that of its bytes
            return blake2b(text.encode(), digest_size=16).hexdigest()
    except IndexError:
        pass
    found: list[bytes] = []
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        found += (len(raw).to_bytes(4, "big"), raw)
    return blake2b(b"".join(found), digest_size=16).hexdigest()
