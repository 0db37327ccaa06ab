"""The entries of a named list: read from lines of text, and made into the list's file in small steps."""

from __future__ import annotations

import heapq
import re
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from hashlib import blake2b
from ipaddress import ip_address, ip_network

import msgspec

from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import ListKind
from appliance.routing import networks
from appliance.routing.lists import (
    BITS,
    GRAM,
    LONGEST_ENTRY,
    LOW,
    MAGIC,
    MOST_ENTRIES,
    Footer,
    slot_of,
)

MOST_SHORT = 100
"""Masks without three characters in a row: each of them is tried on every text."""
MOST_ALIKE = 256
"""Masks known by the same three bytes: as many are tried on a text that has these."""
MOST_FAULTS = 20
STEP = 2_000
"""Entries between two steps: some 5 ms."""
_RUN = 4_096
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MARK = "\ufeff"
"""What editors of Windows put before a text: the first entry would never be met."""

Steps = Generator[None, None, Footer]


def read_entries(of: ListKind, text: str, first: int = 1) -> list[bytes]:
    """Lines of text, the first one with the number `first` → entries in order, each once.

    Raises Refused naming the lines that are none.

    Blanks around an entry and empty lines count for nothing; in a list of addresses neither does what
    follows a #.
    """
    found: set[bytes] = set()
    faults: list[FieldProblem] = []
    for number, line in enumerate(text.removeprefix(_MARK).split("\n"), first):
        entry = line.partition("#")[0].strip() if of == "address" else line.strip()
        if not entry:
            continue
        if fault := _fault(of, entry):
            faults.append(FieldProblem("text", f"line {number}: {fault}"))
            if len(faults) == MOST_FAULTS:
                break
        else:
            found.add((_address(entry) if of == "address" else entry).encode())
    if faults:
        raise Refused("these entries cannot be taken", faults)
    return sorted(found)


def _fault(of: ListKind, entry: str) -> str:
    if len(entry) > LONGEST_ENTRY:
        return f"at most {LONGEST_ENTRY} characters"
    if _CONTROL.search(entry):
        return "no control characters"
    if of == "address" and not networks.intervals(entry):
        return f"no address, network (10.0.0.0/8) or range (10.0.0.1-10.0.0.9): {entry[:60]!r}"
    if of == "mask" and not entry.strip("*"):
        return "a mask of stars would hold everything"
    return ""


def _address(entry: str) -> str:
    """Networks and ranges as they are usually written, so that none is there twice."""
    if ":" not in entry and "-" not in entry and "/" not in entry:
        return entry
    first, dash, last = entry.partition("-")
    if dash:
        return f"{ip_address(first.strip())}-{ip_address(last.strip())}"
    if "/" in entry:
        return str(ip_network(entry, strict=False))
    return str(ip_address(entry))


def merge(entries: Iterable[Iterable[bytes]], without: Iterable[bytes] = ()) -> Iterator[bytes]:
    """All of them in order and each once, but for `without`. Each comes in order itself."""
    gone, last = iter(without), b""
    next_gone = next(gone, None)
    for entry in heapq.merge(*entries):
        if entry != last:
            last = entry
            while next_gone is not None and next_gone < entry:
                next_gone = next(gone, None)
            if entry != next_gone:
                yield entry


def build(of: ListKind, entries: Iterator[bytes], write: Callable[[bytes], None]) -> Steps:
    """Write a list's file (routing/lists.py has its layout), yielding between small steps.

    `entries` are in order, each once. Raises Refused for too many, or for masks that are too much alike.
    """
    file = _File(write)
    index = _INDEXES[of]()
    count, piece = 0, list[bytes]()
    file.begin("lines")
    for entry in entries:
        count += 1
        if count > MOST_ENTRIES:
            raise Refused("too much", [FieldProblem("text", f"a list has at most {MOST_ENTRIES:,} entries")])
        index.add(entry)
        piece.append(entry + b"\n")
        if count % STEP == 0:
            file.write(b"".join(piece))
            piece.clear()
            yield None
    file.write(b"".join(piece))
    yield from index.write(file)
    return file.end(of, count)


class _File:
    """Sections one after the other, then the footer."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._sections: dict[str, tuple[int, int]] = {}
        self._name = ""
        self._at = self._from = 0
        self.write(MAGIC)

    def begin(self, name: str) -> None:
        self._close()
        self._name, self._from = name, self._at

    def write(self, data: bytes) -> None:
        self._write(data)
        self._at += len(data)

    def section(self, name: str, data: bytes) -> None:
        self.begin(name)
        self.write(data)

    def end(self, of: ListKind, count: int) -> Footer:
        self._close()
        footer = Footer(of, count, self._sections)
        encoded = msgspec.msgpack.encode(footer)
        self.write(encoded + len(encoded).to_bytes(8, "big"))
        return footer

    def _close(self) -> None:
        if self._name:
            self._sections[self._name] = (self._from, self._at - self._from)
        self.write(bytes(-self._at % 8))


class _Ordered:
    """Keys of one width, put in order: runs of 4,096 are sorted, then merged. Never long in one call."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._runs: list[bytes] = []
        self._run: list[bytes] = []

    def add(self, key: bytes) -> None:
        self._run.append(key)
        if len(self._run) == _RUN:
            self._close()

    def __iter__(self) -> Iterator[bytes]:
        self._close()
        return heapq.merge(*map(self._keys, self._runs))

    def _close(self) -> None:
        self._run.sort()
        self._runs.append(b"".join(self._run))
        self._run = []

    def _keys(self, run: bytes) -> Iterator[bytes]:
        width = self._width
        return (run[at : at + width] for at in range(0, len(run), width))


class _Texts:
    def __init__(self) -> None:
        self._digests = _Ordered(16)

    def add(self, entry: bytes) -> None:
        self._digests.add(blake2b(entry, digest_size=16).digest())

    def write(self, file: _File) -> Generator[None, None, None]:
        high, low = bytearray(), bytearray()
        for count, digest in enumerate(self._digests, 1):
            high += digest[:8]
            low += digest[8:]
            if count % STEP == 0:
                yield None
        for name, halves in (("high", high), ("low", low)):
            column = array("Q", bytes(halves))
            if sys.byteorder == "little":
                column.byteswap()
            file.section(name, column.tobytes())


class _Intervals:
    def __init__(self) -> None:
        self._pairs = _Ordered(32)

    def add(self, entry: bytes) -> None:
        found = networks.intervals(entry.decode())
        if not found:
            raise Refused(f"no address, network or range: {entry[:60]!r}")
        for begin, end in found:
            self._pairs.add(begin.to_bytes(16, "big") + end.to_bytes(16, "big"))

    def write(self, file: _File) -> Generator[None, None, None]:
        names = ("begin_high", "begin_low", "end_high", "end_low")
        columns = [array("Q") for _ in names]

        def put(begin: int, end: int) -> None:
            for column, half in zip(columns, (begin >> 64, begin & LOW, end >> 64, end & LOW), strict=True):
                column.append(half)

        begin, end = -1, -1
        for count, pair in enumerate(self._pairs, 1):
            first, last = int.from_bytes(pair[:16], "big"), int.from_bytes(pair[16:], "big")
            if begin >= 0 and first <= end + 1:
                end = max(end, last)
            else:
                if begin >= 0:
                    put(begin, end)
                begin, end = first, last
            if count % STEP == 0:
                yield None
        if begin >= 0:
            put(begin, end)
        for name, column in zip(names, columns, strict=True):
            file.section(name, column.tobytes())


class _Masks:
    """Those with a *: each is known by the rarest three bytes in a row that a text must have to fit it."""

    def __init__(self) -> None:
        self._exact = _Texts()
        self._masks: list[bytes] = []
        self._counts: Counter[bytes] = Counter()

    def add(self, entry: bytes) -> None:
        if b"*" in entry:
            self._masks.append(entry)
            self._counts.update(_grams(entry))
        else:
            self._exact.add(entry)

    def write(self, file: _File) -> Generator[None, None, None]:
        yield from self._exact.write(file)
        short, offsets = array("I"), array("Q", [0])
        members: dict[bytes, array[int]] = {}
        for number, mask in enumerate(self._masks):
            offsets.append(offsets[-1] + len(mask))
            grams = _grams(mask)
            if grams:
                rarest = min(sorted(grams), key=self._counts.__getitem__)
                members.setdefault(rarest, array("I")).append(number)
            else:
                short.append(number)
            if number % STEP == 0:
                yield None
        _refuse_alike(short, members, self._masks)
        bits, grams_, places, all_members = bytearray(1 << BITS - 3), array("I"), array("I", [0]), array("I")
        for gram in sorted(members):
            slot = slot_of(gram)
            bits[slot >> 3] |= 1 << (slot & 7)
            grams_.append(int.from_bytes(gram, "big"))
            all_members.extend(members[gram])
            places.append(len(all_members))
        yield None
        file.section("masks", b"".join(self._masks))
        file.section("map", bytes(bits))
        for name, column in (
            ("offsets", offsets), ("short", short), ("grams", grams_), ("places", places),
            ("members", all_members),
        ):  # fmt: skip
            file.section(name, column.tobytes())


def _grams(mask: bytes) -> set[bytes]:
    return {piece[at : at + GRAM] for piece in mask.split(b"*") for at in range(len(piece) - GRAM + 1)}


def _refuse_alike(short: Collection[int], members: dict[bytes, array[int]], masks: list[bytes]) -> None:
    """Raise Refused for masks that would make every visitor wait."""
    if len(short) > MOST_SHORT:
        words = f"at most {MOST_SHORT} masks without three characters in a row, not {len(short)}"
        raise Refused("these entries cannot be taken", [FieldProblem("text", words)])
    for same in members.values():
        if len(same) > MOST_ALIKE:
            example = masks[same[0]].decode("utf-8", "replace")[:60]
            words = f"at most {MOST_ALIKE} masks as much alike as {len(same)} like {example!r} are"
            raise Refused("these entries cannot be taken", [FieldProblem("text", words)])


_INDEXES: dict[ListKind, type[_Texts] | type[_Intervals] | type[_Masks]] = {
    "text": _Texts,
    "address": _Intervals,
    "mask": _Masks,
}
