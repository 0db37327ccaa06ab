"""Named lists as their files hold them: what a list's kind asks, and the layout that answers it by bisection.

A file is: 8 bytes MAGIC, the sections, each padded to 8 bytes, a footer (msgpack) and its length in 8 bytes.
The first section are the entries, one a line, in order; the others are the index of the list's kind:

- text: BLAKE2b-128 of every entry, in order, as two columns of 64-bit numbers (high, low halves)
- address: where intervals begin and end, in order and joined, as four such columns
- mask: the entries without a * like text; the others by three bytes that a text must have (`masks`)

Columns are in this machine's byte order, which MAGIC shows: a file never leaves it.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from mmap import mmap
from typing import Literal

import msgspec
from msgspec import Struct

from appliance.errors import WeirError
from appliance.model.catalog import ListKind
from appliance.routing import networks
from appliance.routing.masks import compile_mask

MAGIC = b"WEIRLST1" if sys.byteorder == "little" else b"WEIRLSTB"
MOST_ENTRIES = 1_000_000
LONGEST_ENTRY = 512
"""Characters."""
GRAM = 3
BITS = 18
"""Of the map that says which three bytes are asked for at all."""
LOW = (1 << 64) - 1


class Damaged(WeirError):
    """A list's file is not what it should be: cut off, or of another machine. Replace the list's entries."""

    code = "unavailable"


class Footer(Struct, frozen=True):
    """`sections`: name → (offset, bytes)."""

    of: ListKind
    entries: int
    sections: dict[str, tuple[int, int]]


def digest_of(text: str) -> tuple[int, int]:
    """The halves of a text's BLAKE2b-128."""
    whole = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big")
    return whole >> 64, whole & LOW


def slot_of(gram: bytes) -> int:
    """The bit of three bytes in the map."""
    return (int.from_bytes(gram, "big") * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - BITS)


class ListFile:
    """A file's footer and sections, over its bytes or a map of them. Raises Damaged."""

    def __init__(self, data: bytes | mmap) -> None:
        whole = memoryview(data)
        if len(whole) < 24 or whole[:8] != MAGIC:
            raise Damaged("this is no list of this machine")
        size = int.from_bytes(whole[-8:], "big")
        if size > len(whole) - 16:
            raise Damaged("this list is cut off")
        try:
            self.footer = msgspec.msgpack.decode(whole[-8 - size : -8], type=Footer)
        except msgspec.DecodeError as fault:
            raise Damaged(f"this list cannot be read: {fault}") from fault
        self._whole = whole

    def section(self, name: str) -> memoryview:
        offset, size = self.footer.sections[name]
        return self._whole[offset : offset + size]

    def column(self, name: str, form: Literal["Q", "I"] = "Q") -> memoryview[int]:
        section = self.section(name)
        return section.cast(form) if section else memoryview(array(form))  # nothing cannot be cast

    def contents(self) -> Contents:
        match self.footer.of:
            case "text":
                return Texts(self)
            case "address":
                return Addresses(self)
        return Masks(self)

    def lines(self) -> Iterator[bytes]:
        """The entries in order, some 64 KiB read at a time."""
        section = self.section("lines")
        rest = b""
        for at in range(0, len(section), 1 << 16):
            *whole, rest = (rest + bytes(section[at : at + (1 << 16)])).split(b"\n")
            yield from whole


class Nothing:
    """A list without entries."""

    def holds(self, text: str) -> bool:
        return False


class Texts:
    """Holds exactly its entries."""

    def __init__(self, file: ListFile) -> None:
        self._high, self._low = file.column("high"), file.column("low")

    def holds(self, text: str) -> bool:
        high, low = digest_of(text)
        column = self._high
        at = bisect_left(column, high)
        while at < len(column) and column[at] == high:
            if self._low[at] == low:
                return True
            at += 1
        return False


class Addresses:
    """Holds the addresses that are in one of its intervals; what is no address is in none."""

    def __init__(self, file: ListFile) -> None:
        self._high, self._low = file.column("begin_high"), file.column("begin_low")
        self._end_high, self._end_low = file.column("end_high"), file.column("end_low")

    def holds(self, text: str) -> bool:
        place = networks.number(text)
        if place is None:
            return False
        high, low = place >> 64, place & LOW
        first, behind = bisect_left(self._high, high), bisect_right(self._high, high)
        at = bisect_right(self._low, low, first, behind) - 1
        return at >= 0 and (high, low) <= (self._end_high[at], self._end_low[at])


class Masks:
    """Holds what fits one of its masks. What was asked for lately is remembered: agents come again."""

    def __init__(self, file: ListFile) -> None:
        self._exact = Texts(file)
        self._map = file.section("map")
        self._grams, self._places = file.column("grams", "I"), file.column("places", "I")
        self._members = file.column("members", "I")
        self._offsets, self._texts = file.column("offsets", "Q"), file.section("masks")
        self._short = [compile_mask(self._mask(number)) for number in file.column("short", "I")]
        self.holds = lru_cache(maxsize=2048)(self._holds)

    def _holds(self, text: str) -> bool:
        if self._exact.holds(text) or any(fits(text) for fits in self._short):
            return True
        data, bits, tried = text.encode("utf-8", "surrogatepass"), self._map, set[int]()
        for gram in {data[at : at + GRAM] for at in range(len(data) - GRAM + 1)}:
            slot = slot_of(gram)
            if not bits[slot >> 3] & 1 << (slot & 7):
                continue
            key = int.from_bytes(gram, "big")
            at = bisect_left(self._grams, key)
            if at == len(self._grams) or self._grams[at] != key:
                continue
            for number in self._members[self._places[at] : self._places[at + 1]]:
                if number not in tried:
                    tried.add(number)
                    if compile_mask(self._mask(number))(text):
                        return True
        return False

    def _mask(self, number: int) -> str:
        begin, end = self._offsets[number], self._offsets[number + 1]
        return bytes(self._texts[begin:end]).decode("utf-8", "surrogatepass")


Contents = Nothing | Texts | Addresses | Masks
NOTHING = Nothing()
