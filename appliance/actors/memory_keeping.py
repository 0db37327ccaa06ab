"""The edge's memory of visitors on disk: read before anything, saved while it grows.

What is new goes into a log, twice a second. A log of 5 M pairs takes 10 s and more to learn again, so from
100,000 on an image of the memory as it is takes its place, made in the background while clicks go on: every
piece is copied as it is found, and what changed meanwhile is copied again until nothing is left to copy.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import trio

from appliance.errors import Unavailable
from appliance.model.memory import MemoryPlace
from appliance.ports import Runner
from appliance.routing.pairs import Extent, Pairs, pack

log = logging.getLogger("weir.memory")
T = TypeVar("T")
STEP = 250
"""Places packed, or pairs learned, before the connections run: about 1 ms."""
MOST_LOGGED = 100_000
"""Pairs in the log: learned again within a second, at 6 µs each where the memory is full."""
_MOST_SAVED = 50_000
_LOOK_SECONDS = 5.0
_RETRY_SECONDS = 60.0
_PIECE = 1 << 20
# Between two pieces, so that an image is no flood to a small disk: 180 MB in some seconds.
_PAUSE_SECONDS = 0.01


class MemoryStore(Protocol):
    """What an edge remembers of visitors, on disk. Any thread may call, one at a time. Raises Unavailable."""

    def place(self) -> MemoryPlace | None:
        """Where the memory was when it was saved last; None when it never was, or was broken."""

    @property
    def logged(self) -> int:
        """Pairs that no image holds."""

    def extent(self) -> Extent | None:
        """The counters of the image, None without one. No other process makes one from now on."""

    def read_image(self, sections: Sequence[tuple[int, memoryview]]) -> bool:
        """Fill (offset, memory) from the image; False when it is broken, and the memory is spoilt."""

    def begin_image(self, size: int) -> None:
        """A new image of about `size` bytes, which takes the place of the present one when it is complete."""

    def write_image(self, pieces: Iterable[tuple[int, bytes | memoryview]]) -> None:
        """Bytes at their offsets."""

    def covered(self) -> int:
        """A mark: everything saved so far."""

    def end_image(self, extent: Extent, sizes: Sequence[tuple[int, int]], covered: int) -> None:
        """Put it to use: `sizes` are (offset, length) of what counts in it, and it holds what was saved
        before the mark `covered`. Whole or not at all."""

    def abandon_image(self) -> None:
        """Nothing more comes for one that has not ended."""

    def groups(self) -> Iterator[bytes]:
        """All packed pairs that the image does not hold, the oldest first."""

    def save(self, groups: Sequence[tuple[int, bytes]], place: MemoryPlace, capacity: int) -> None:
        """Add groups of (count, packed pairs) and remember the place, both or neither; drop the oldest."""

    def unsaved(self, place: MemoryPlace | None) -> Iterator[Sequence[bytes]]:
        """The journal's records behind a place, in pieces."""

    def close(self) -> None: ...


class Keeping:
    """What of `pairs` is on disk. `saved` is the number of the first that is not; `place` goes with it."""

    def __init__(
        self, capacity: int, store: MemoryStore, run_blocking: Runner, most_logged: int = MOST_LOGGED
    ) -> None:
        self.pairs = Pairs(capacity)
        self._capacity = capacity
        self.saved = 0
        self.place = MemoryPlace(0, 0)
        self.lost_unsaved = 0
        self._store = store
        self._blocking = run_blocking
        self._error = self._image_error = ""
        self._resized = False
        self._most_logged = most_logged

    @property
    def loaded(self) -> bool:
        return self.place.epoch > 0

    @property
    def last_error(self) -> str:
        return self._error or self._image_error

    def overrun(self) -> None:
        """A pair that the disk has not taken had to go."""
        self.saved += 1
        self.lost_unsaved += 1

    async def load(self) -> MemoryPlace | None:
        """Fill `pairs` with what was saved; the place that goes with it, None when nothing was saved."""
        place = None
        try:
            place = await self._blocking(self._store.place)
            await self._read_image()
            groups = self._store.groups()
            while (body := await self._blocking(next, groups, None)) is not None:
                self.pairs.load(body)
                await trio.lowlevel.checkpoint()
        except Unavailable as fault:
            self._error = str(fault)
            log.error("the memory of visitors begins empty", extra={"error": str(fault)})
        self.saved = self.pairs.next
        return place

    async def _read_image(self) -> None:
        extent = await self._blocking(self._store.extent)
        if extent is None:
            return
        pairs = Pairs(extent.capacity)
        if await self._blocking(self._store.read_image, pairs.sections(extent.used)):
            pairs.restore(extent)
            self.pairs = pairs

    async def unsaved(self, place: MemoryPlace | None) -> Iterator[Sequence[bytes]]:
        """The journal's records behind a place, in pieces. Each may block."""
        return await self._blocking(self._store.unsaved, place)

    async def save(self, place: MemoryPlace) -> None:
        """Everything learned until now, and the place: the journal's position before it was gathered.

        Of more than 50,000 pairs, part by part; the place moves on with the last one.
        """
        end, number = self.pairs.next, self.saved
        while True:
            count, bodies = 0, []
            while number < end and count < _MOST_SAVED:
                pairs, number = self.pairs.since(number, min(STEP, end - number))
                count += len(pairs)
                bodies.append(pack(pairs))
                await trio.lowlevel.checkpoint()
            done = number >= end
            groups = [(count, b"".join(bodies))] if count else []
            if not await self._write(groups, place if done else self.place, number) or done:
                return

    async def _write(self, groups: list[tuple[int, bytes]], place: MemoryPlace, number: int) -> bool:
        try:
            with trio.CancelScope(shield=True):
                await self._blocking(self._store.save, groups, place, self.pairs.capacity)
        except Unavailable as fault:
            if not self._error:
                log.error("the memory of visitors waits for the disk", extra={"error": str(fault)})
            self._error = str(fault)
            return False
        self.saved, self.place, self._error = max(self.saved, number), place, ""
        return True

    async def imaging(self) -> None:
        """Make an image whenever the log has grown, until cancelled."""
        await self._resize()
        while True:
            await trio.sleep(_LOOK_SECONDS)
            if self._store.logged <= self._most_logged and not self._resized:
                continue
            began = trio.current_time()
            try:
                await self._make_image()
            except Unavailable as fault:
                if not self._image_error:
                    log.error("the memory's image waits for the disk", extra={"error": str(fault)})
                self._image_error = str(fault)
                await trio.sleep(_RETRY_SECONDS)
            else:
                self._image_error, self._resized = "", False
                seconds = round(trio.current_time() - began, 3)
                log.info("the memory's image is made", extra={"pairs": self.pairs.live, "seconds": seconds})

    async def _resize(self) -> None:
        """memory.pairs was changed since the image was made: it serves while its pairs move to a new ring."""
        if self.pairs.capacity == self._capacity:
            return
        fresh, number = Pairs(self._capacity), 0
        while (number := fresh.take_over(self.pairs, number, STEP)) < self.pairs.next:
            await trio.lowlevel.checkpoint()
        self.pairs, self._resized = fresh, True
        log.info("the memory has another size", extra={"capacity": fresh.capacity, "pairs": fresh.live})

    async def _make_image(self) -> None:
        pairs = self.pairs
        write = self._store.write_image
        size = sum(len(view) for _, view in pairs.sections(pairs.extent.used))
        await self._blocking(self._store.begin_image, size)
        try:
            for offset, view in pairs.begin_image():
                for at in range(0, len(view), _PIECE):
                    await self._blocking(write, [(offset + at, view[at : at + _PIECE])])
                    await trio.sleep(_PAUSE_SECONDS)
            while len(changes := pairs.changes(STEP)) >= STEP:
                await self._blocking(write, changes)
            # Up to date as of here, where nothing awaits: what is learned from now on is in the log.
            extent, covered = pairs.extent, self._store.covered()
            sizes = [(offset, len(view)) for offset, view in pairs.sections(extent.used)]
            pairs.end_image()
            await self._blocking(write, changes)
            await self._blocking(self._store.end_image, extent, sizes, covered)
        finally:
            pairs.end_image()
            with trio.CancelScope(shield=True):
                await self._blocking(self._store.abandon_image)

    async def close(self) -> None:
        await self._blocking(self._store.close)


def steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for begin in range(0, len(items), STEP):
        yield items[begin : begin + STEP]
