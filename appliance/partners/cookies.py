"""Meta's cookies: `fbc` says which click of an ad it was, `fbp` which browser. Neither is ever invented."""

from __future__ import annotations

from typing import NamedTuple


class Cookie(NamedTuple):
    """`fb.{domain}.{at_ms}.{payload}`: when the payload was first seen, unix milliseconds."""

    domain: int
    at_ms: int
    payload: str

    def __str__(self) -> str:
        return f"fb.{self.domain}.{self.at_ms}.{self.payload}"


def read(text: str) -> Cookie | None:
    """A cookie's parts; a fifth segment, which Meta's own builder adds, is dropped. None for what is none."""
    parts = text.strip().split(".")
    if len(parts) not in (4, 5) or parts[0] != "fb" or not parts[3]:
        return None
    index, at = parts[1], parts[2]
    if not (index.isascii() and index.isdecimal() and at.isascii() and at.isdecimal()):
        return None
    return Cookie(int(index), int(at), parts[3])


def fbc(fbclid: str, click_ms: int, seen: str = "") -> str:
    """The click's own `fbclid` and time, as Meta wants it; "" without one.

    `seen` is the browser's cookie: it wins while it speaks of the same click, for it has the older time. The
    payload is case-sensitive and never altered. 1 is the index of a server that knows no cookie's domain.
    """
    if seen and (known := read(seen)) and (not fbclid or known.payload == fbclid):
        return str(known)
    return f"fb.1.{click_ms}.{fbclid}" if fbclid else ""


def fbp(seen: str) -> str:
    """The browser's own id where one was observed, else "": a new one would be another person's."""
    known = read(seen) if seen else None
    return str(known) if known else ""
