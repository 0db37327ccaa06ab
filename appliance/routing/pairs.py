"""What an edge remembers of visitors, compactly: a ring of pairs, oldest out first, with an index.

A pair is a hash of 16 bytes (a user key within its scope), a value (a destination, say) and when it was last
learned, in unix seconds. 5 M of them in dictionaries take over 1 GB; here 28 bytes each, and 8 to 12 for the
index. Memory is taken from the system as it is first used. A lookup that finds nothing takes about 1 µs.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_BLOCK = 256
"""Places of which the first own one is looked at, when a time is searched for."""
_LOW = (1 << 64) - 1
_FORM = struct.Struct("<QQQIB")
_UNIT: dict[str, int] = {"B": 1, "I": 4, "Q": 8}


class Extent(NamedTuple):
    """What an image of Pairs is read with: the counters of the same names."""

    capacity: int
    next: int
    live: int
    pushed_out: int

    @property
    def used(self) -> int:
        """Places that hold anything: the first so many."""
        return min(self.next, self.capacity)


class Pair(NamedTuple):
    """`own`: this edge learned it from a click; else it was told."""

    hash: int
    value: int
    at_s: int
    own: bool


def pack(pairs: Iterable[Pair]) -> bytes:
    """Pairs as they are stored and sent: 29 bytes each."""
    return b"".join(_FORM.pack(p.hash & _LOW, p.hash >> 64, p.value, p.at_s, p.own) for p in pairs)


def unpack(body: bytes) -> Iterator[Pair]:
    """The reverse. Raises ValueError for what is no whole number of pairs."""
    try:
        for low, high, value, at_s, own in _FORM.iter_unpack(body):
            yield Pair(high << 64 | low, value, at_s, bool(own))
    except struct.error as fault:
        raise ValueError("not a whole number of pairs") from fault


def _zeros(kind: str, count: int) -> Any:
    """`count` numbers, all 0, that cost no memory before they are written."""
    view: Any = memoryview(mmap.mmap(-1, max(count, 1) * _UNIT[kind]))
    return view.cast(kind)


class Pairs:
    """At most `capacity` pairs. Places are numbered from 0 for ever; the oldest is overwritten by the newest.

    The index is open addressing with linear probing, at most two thirds full; a hash that was learned with
    several values has a place for each. Learning a pair again gives it a new place, and its old one is empty.
    """

    def __init__(self, capacity: int) -> None:
        slots = 1 << (max(capacity, 2) * 3 // 2 - 1).bit_length()
        self.capacity = capacity
        self.next = 0
        """The number of the next place."""
        self.live = 0
        self.pushed_out = 0
        """Pairs that had to go because a newer one needed their place."""
        self._mask = slots - 1
        self._index = _zeros("I", slots)  # place + 1; 0 is free
        self._low = _zeros("Q", capacity)
        self._high = _zeros("Q", capacity)
        self._value = _zeros("Q", capacity)
        self._at = _zeros("I", capacity)  # 0: nothing here any more
        self._own = _zeros("B", capacity)
        self._changed: tuple[set[int], set[int]] | None = None
        """While an image is made: slots and places that changed since it was begun."""

    def find(self, hash_: int) -> list[tuple[int, int]]:
        """Every (value, at_s) learned with this hash."""
        low, high = hash_ & _LOW, hash_ >> 64
        index, mask, slot = self._index, self._mask, hash_ & self._mask
        found: list[tuple[int, int]] = []
        while entry := index[slot]:
            place = entry - 1
            if self._low[place] == low and self._high[place] == high:
                found.append((self._value[place], self._at[place]))
            slot = (slot + 1) & mask
        return found

    def learn(self, hash_: int, value: int, at_s: int, own: bool) -> bool:
        """Remember a pair as the newest. False, and nothing changes, when it was learned as late or later."""
        low, high = hash_ & _LOW, hash_ >> 64
        index, mask, slot = self._index, self._mask, hash_ & self._mask
        while entry := index[slot]:
            place = entry - 1
            if self._low[place] == low and self._high[place] == high and self._value[place] == value:
                if self._at[place] >= at_s:
                    return False
                self._forget(place, slot)
                break
            slot = (slot + 1) & mask
        place = self.next % self.capacity
        self._free(place)
        self._low[place], self._high[place], self._value[place] = low, high, value
        self._at[place], self._own[place] = at_s, own
        slot = hash_ & mask
        while index[slot]:
            slot = (slot + 1) & mask
        index[slot] = place + 1
        if self._changed is not None:
            self._changed[0].add(slot)
            self._changed[1].add(place)
        self.next += 1
        self.live += 1
        return True

    def load(self, body: bytes) -> None:
        """Learn packed pairs one after the other, with the fewest steps: 5 M are read when an edge starts."""
        index, mask, low_of, high_of = self._index, self._mask, self._low, self._high
        values, times, owns, capacity = self._value, self._at, self._own, self.capacity
        for low, high, value, at_s, own in _FORM.iter_unpack(body):
            slot = low & mask
            place = self.next % capacity
            while entry := index[slot]:
                if low_of[entry - 1] == low and high_of[entry - 1] == high and values[entry - 1] == value:
                    break
                slot = (slot + 1) & mask
            if entry or times[place]:
                self.learn(high << 64 | low, value, at_s, bool(own))
                continue
            low_of[place], high_of[place], values[place] = low, high, value
            times[place], owns[place], index[slot] = at_s, own, place + 1
            self.next += 1
            self.live += 1

    def take_over(self, other: Pairs, number: int, limit: int) -> int:
        """Learn what stands at `limit` places of `other` from `number` on, each at the place of its number.

        Returns the number to go on from: `other.next` when this has all of it. Begins with the oldest.
        """
        number = max(number, other.next - other.capacity)
        if not self.live:
            self.next = number
        while self.next < number:  # it learned more meanwhile than one step: what was there is gone
            self._free(self.next % self.capacity)
            self.next += 1
        end = min(number + limit, other.next)
        for at in range(number, end):
            place = at % other.capacity
            if not other._at[place]:
                self._free(self.next % self.capacity)
                self.next += 1
                continue
            pair = other._pair(place)
            if not self.learn(*pair):  # let go there meanwhile, and told again of an earlier time
                self._drop(pair.hash, pair.value)
                self.learn(*pair)
        return end

    def since(self, number: int, limit: int) -> tuple[list[Pair], int]:
        """Pairs at the places from `number` on, at most `limit` places, and the number to go on from."""
        number = max(number, self.next - self.capacity)
        end = min(number + limit, self.next)
        found = []
        for at in range(number, end):
            place = at % self.capacity
            if self._at[place]:
                found.append(self._pair(place))
        return found, end

    def first_since(self, at_s: int) -> int:
        """The lowest number after which no place of this edge's own clicks is older than `at_s`.

        Places are in order of time within a second or two: own clicks are learned as they happen.
        """
        low, number = max(0, self.next - self.capacity), self.next
        while number > low:
            begin = max(low, number - _BLOCK)
            first = next((at for at in range(begin, number) if self._is_own(at)), None)
            if first is not None and self._at[first % self.capacity] < at_s:
                behind = (at for at in range(number - 1, begin - 1, -1) if self._is_own(at))
                return next(at for at in behind if self._at[at % self.capacity] < at_s) + 1
            number = begin
        return low

    def _is_own(self, number: int) -> bool:
        place = number % self.capacity
        return bool(self._own[place] and self._at[place])

    def __iter__(self) -> Iterator[Pair]:
        """All of them, the oldest first."""
        return iter(self.since(0, self.next)[0])

    def _pair(self, place: int) -> Pair:
        return Pair(
            self._high[place] << 64 | self._low[place],
            self._value[place],
            self._at[place],
            bool(self._own[place]),
        )

    def _slot_of(self, place: int) -> int:
        slot: int = self._low[place] & self._mask
        while self._index[slot] != place + 1:
            slot = (slot + 1) & self._mask
        return slot

    def _drop(self, hash_: int, value: int) -> None:
        low, high, slot = hash_ & _LOW, hash_ >> 64, hash_ & self._mask
        while entry := self._index[slot]:
            place = entry - 1
            if self._low[place] == low and self._high[place] == high and self._value[place] == value:
                self._forget(place, slot)
                return
            slot = (slot + 1) & self._mask

    def _free(self, place: int) -> None:
        """Whoever is at the next place has to go."""
        if self._at[place]:
            self._forget(place, self._slot_of(place))
            self.pushed_out += 1

    def _forget(self, place: int, slot: int) -> None:
        """Empty a place and its slot, and move up what probing could not find any more behind it."""
        self._at[place] = 0
        self.live -= 1
        index, mask, changed = self._index, self._mask, self._changed
        if changed is not None:
            changed[1].add(place)
        free = slot
        slot = (slot + 1) & mask
        while entry := index[slot]:
            home = self._low[entry - 1] & mask
            if (slot - home) & mask >= (slot - free) & mask:
                index[free] = entry
                if changed is not None:
                    changed[0].add(free)
                free = slot
            slot = (slot + 1) & mask
        index[free] = 0
        if changed is not None:
            changed[0].add(free)

    # -- images: the memory as it is, read back without learning it pair by pair ------------------------

    @property
    def extent(self) -> Extent:
        return Extent(self.capacity, self.next, self.live, self.pushed_out)

    def sections(self, used: int) -> list[tuple[int, memoryview]]:
        """The memory itself as (offset in an image, bytes): the index, and of all places the first `used`."""
        found, offset = [(0, self._index.cast("B"))], len(self._index) * _UNIT["I"]
        for view in self._columns():
            found.append((offset, view.cast("B")[: used * view.itemsize]))
            offset += view.nbytes
        return found

    def begin_image(self) -> list[tuple[int, memoryview]]:
        """Note from now on what changes; what to copy, in any order and meanwhile, then `changes`."""
        self._changed = (set(), set())
        return self.sections(self.extent.used)

    def changes(self, most: int) -> list[tuple[int, bytes]]:
        """(offset, bytes) of up to `most` slots and places that changed; none when a copy is up to date."""
        slots, places = self._changed or (set(), set())
        found: list[tuple[int, bytes]] = []
        while slots and len(found) < most:
            slot = slots.pop()
            found.append((slot * _UNIT["I"], bytes(self._index[slot : slot + 1])))
        count, begin = len(found), len(self._index) * _UNIT["I"]
        while places and count < most:
            place, offset, count = places.pop(), begin, count + 1
            for view in self._columns():
                found.append((offset + place * view.itemsize, bytes(view[place : place + 1])))
                offset += view.nbytes
        return found

    def end_image(self) -> None:
        self._changed = None

    def restore(self, extent: Extent) -> None:
        """The sections hold what was copied; these were the counters."""
        _, self.next, self.live, self.pushed_out = extent

    def _columns(self) -> tuple[Any, ...]:
        return (self._low, self._high, self._value, self._at, self._own)
