"""The journal actor: a click or a postback is durable before its reply leaves.

Connection tasks append and wait; one task commits everything that was appended since its last turn, so a
group forms by itself out of whatever one scheduler tick brought. When the disk is full, visitors are still
answered: their events wait in a bounded ring, and only what overflows it is lost, and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import outcome
import trio

from appliance.actors.journal_ring import CountersFile, Ring, Unit
from appliance.errors import Unavailable
from appliance.model.messages import JournalReport
from appliance.ports import JournalSegment, Runner

log = logging.getLogger("weir.journal")

# A passive checkpoint that leaves more frames than this is finished under a hold (experiments.md a).
_HOLD_ABOVE_FRAMES = 4_000
# Start moving WAL frames at 4 MB: the WAL then stays at 17-21 MB at 10,000 events/s (experiments.md a).
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_RETRY_SECONDS = 0.5
# One row holds at most this many units: bounds a row's blob to a few MB and the loop's time to some ms.
_GROUP_UNITS = 1_000


Deliver = Callable[[bool], None]


class ReserveFile(Protocol):
    def fill(self) -> bool: ...
    def give_up(self) -> bool: ...


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and counts that bound a journal (config.Journal in the units used here)."""

    segment_bytes: int
    segment_seconds: float
    total_bytes: int
    ring_units: int
    commit_in_thread: bool


class Journal:
    """The hot object: `append` is synchronous, `recorded` is the one await of a click."""

    def __init__(
        self,
        open_segment: Callable[[], JournalSegment],
        disk_bytes: Callable[[], tuple[int, int]],
        reserve: ReserveFile,
        counters: CountersFile,
        limits: Limits,
        run_blocking: Runner,
    ) -> None:
        self._open_segment = open_segment
        self._disk_bytes = disk_bytes
        """() → (bytes of all segments of this edge, their number); blocking."""
        self._reserve = reserve
        self._limits = limits
        self._run = run_blocking
        self._pending: list[Unit] = []
        self._refusable: set[int] = set()
        """Indexes in `_pending` whose sender repeats on 503 (postbacks): never put into the ring."""
        self._waiters: list[tuple[trio.lowlevel.Task, Deliver]] = []
        self._sleeper: trio.lowlevel.Task | None = None
        self._ring = Ring(limits.ring_units, counters)
        self._segment: JournalSegment | None = None
        self._segment_since = 0.0
        self._writing = trio.Lock()
        """Held while the segment is written, and by whoever needs commits (not the loop) to wait."""
        self._wanted_rotation: int | None = None
        self._closing = False
        self.mode: Literal["recording", "ring", "closed"] = "ring"
        self.commits = 0
        self.published = 0
        self.failures = 0
        self.turned_away = 0
        """Postbacks answered 503 so that their network repeats them."""
        self.last_error = ""
        self._total_bytes = 0
        self._segments = 0
        self._over_limit = False

    # -- the hot path ---------------------------------------------------------------------------------

    def append(self, unit: Unit, refusable: bool = False) -> None:
        """Queue one unit for the next commit. `refusable`: its sender repeats it when told 503."""
        if refusable:
            self._refusable.add(len(self._pending))
        self._pending.append(unit)

    async def recorded(self, deliver: Deliver) -> None:
        """Wait until everything appended before is durable; `deliver(True)` is called the moment it is.

        deliver(False): it is not (ring, or lost and counted). `deliver` runs in the journal's task, so a
        reply leaves one scheduler turn earlier, and the caller's turn after it finds the next request.
        """
        if not self._pending:
            deliver(True)
            await trio.lowlevel.checkpoint()
            return
        task = trio.lowlevel.current_task()
        waiter = (task, deliver)
        self._waiters.append(waiter)
        sleeper = self._sleeper
        if sleeper is not None:
            self._sleeper = None
            trio.lowlevel.reschedule(sleeper)

        def abort(_: object) -> trio.lowlevel.Abort:
            # A cancelled connection leaves its unit in the group: the event happened.
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                return trio.lowlevel.Abort.SUCCEEDED
            return trio.lowlevel.Abort.FAILED

        await trio.lowlevel.wait_task_rescheduled(abort)

    # -- the actor ------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Commit until `close`; then write what is left, close the segment and return."""
        await self._open_first()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._maintain)
            task_status.started()
            while not (self._closing and not self._pending):
                if not self._pending:
                    await self._sleep()
                    continue
                try:
                    self._writing.acquire_nowait()
                except trio.WouldBlock:
                    await self._writing.acquire()
                try:
                    await self._commit_pending()
                finally:
                    self._writing.release()
            nursery.cancel_scope.cancel()
        await self._finish()

    def close(self) -> None:
        """No more appends will come: the actor commits what is pending and returns."""
        self._closing = True
        if self._sleeper is not None:
            sleeper, self._sleeper = self._sleeper, None
            trio.lowlevel.reschedule(sleeper)

    def rotate(self, epoch: int, reason: str) -> None:
        """Leave segment `epoch` (a reader found it malformed) at the next maintenance turn."""
        if self._segment is not None and self._segment.epoch == epoch:
            log.error("journal segment is malformed; rotating", extra={"epoch": epoch, "reason": reason})
            self._wanted_rotation = epoch

    def report(self) -> JournalReport:
        segment = self._segment
        return JournalReport(
            epoch=segment.epoch if segment else 0,
            last_seq=segment.last if segment else 0,
            mode=self.mode,
            ring=len(self._ring),
            ring_capacity=self._ring.capacity,
            unrecorded=self._ring.unrecorded,
            bytes=self._total_bytes,
            wal_bytes=segment.wal_bytes() if segment else 0,
            segments=self._segments,
            commits=self.commits,
            last_error=self.last_error,
        )

    def settled(self) -> tuple[int, int]:
        """(epoch, last number) when all that was appended is durable or lost for good, else (0, 0)."""
        segment = self._segment
        busy = self._pending or self._ring or self._writing.locked() or self.mode != "recording"
        return (0, 0) if segment is None or busy or not segment.size else (segment.epoch, segment.last)

    def position(self) -> tuple[int, int]:
        """(epoch, last number) of what is durable now; (0, 0) while no segment can be opened."""
        segment = self._segment
        return (0, 0) if segment is None else (segment.epoch, segment.last)

    @property
    def queued(self) -> int:
        return len(self._pending)

    async def _sleep(self) -> None:
        self._sleeper = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._sleeper = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    async def _commit_pending(self) -> None:
        units, self._pending = self._pending, []
        refusable, self._refusable = self._refusable, set()
        waiters, self._waiters = self._waiters, []
        recorded = False
        stored = 0
        try:
            if self.mode == "recording":
                stored = await self._store(units)
                self.commits += 1
                self.published += stored
            if stored == len(units):
                recorded = True
            else:
                self._shelter(units, stored, refusable)
        finally:
            for task, deliver in waiters:
                # A fault in `deliver` belongs to its connection, not to the journal.
                trio.lowlevel.reschedule(task, outcome.capture(deliver, recorded))

    async def _store(self, units: Sequence[Unit]) -> int:
        """Write units, giving up the reserve once if the disk is full; how many are durable."""
        stored = 0
        while stored < len(units):
            segment = self._segment
            assert segment is not None
            part = units[stored : stored + _GROUP_UNITS]
            bodies = [body for unit in part for body in unit]
            try:
                await self._write(segment, bodies)
            except Unavailable as fault:
                self.failures += 1
                self.last_error = str(fault)
                if self._give_up_reserve(fault):
                    continue
                self._enter_ring(self.last_error)
                break
            stored += len(part)
        return stored

    async def _write(self, segment: JournalSegment, bodies: Sequence[bytes]) -> None:
        if not self._limits.commit_in_thread:
            segment.append(bodies)
            return
        with trio.CancelScope(shield=True):  # cut in between, nobody would know whether they are stored
            await self._run(segment.append, bodies)

    def _enter_ring(self, reason: str) -> None:
        if self.mode == "recording":
            self.mode = "ring"
            log.error(
                "the journal cannot be written: visitors are redirected, their events wait in memory, "
                "postbacks get 503; free disk space",
                extra={"error": reason, "ring_capacity": self._ring.capacity},
            )

    def _shelter(self, units: Sequence[Unit], stored: int, refusable: set[int]) -> None:
        """Put the units after `stored` into the ring; what overflows is lost and counted."""
        left = range(stored, len(units))
        self.turned_away += sum(index in refusable for index in left)  # answered 503: the network repeats it
        self._ring.put(units[index] for index in left if index not in refusable)

    # -- what need not be fast ------------------------------------------------------------------------

    async def _open_first(self) -> None:
        if self._segment is None:  # not after a restart of this actor, which keeps its segment
            try:
                self._segment = await self._open()
            except (Unavailable, OSError) as fault:
                self.last_error = str(fault)
                log.error(
                    "no journal can be opened: visitors are redirected, their events wait in memory, "
                    "postbacks get 503; free disk space",
                    extra={"error": str(fault), "ring_capacity": self._ring.capacity},
                )
            else:
                self.mode = "recording"
                self._segment_since = trio.current_time()
        await self._run(self._reserve.fill)

    async def _open(self) -> JournalSegment:
        """A new segment, once more without the reserve if the disk is full."""
        try:
            return await self._run(self._open_segment)
        except (Unavailable, OSError) as fault:
            if not self._give_up_reserve(fault):
                raise
        return await self._run(self._open_segment)

    def _give_up_reserve(self, fault: Exception) -> bool:
        given = self._reserve.give_up()
        if given:
            log.warning("disk full: the journal's reserve is given up", extra={"error": str(fault)})
        return given

    async def _maintain(self) -> None:
        """Checkpoints, rotation, the size limit, and the way back from the ring."""
        turns = 0
        while True:
            await trio.sleep(0.05 if self.mode == "recording" else _RETRY_SECONDS)
            turns += 1
            if self.mode == "recording" and (turns % 40 == 1):
                await self._measure()
            segment = self._segment
            if self.mode == "ring":
                await self._return_from_ring()
            elif segment is None:
                continue
            elif self._wanted_rotation == segment.epoch or self._is_old(segment):
                await self._rotate()
            elif segment.unchecked_bytes > _CHECKPOINT_BYTES:
                await self._checkpoint(segment)

    def _is_old(self, segment: JournalSegment) -> bool:
        if segment.size == 0:
            return False
        age = trio.current_time() - self._segment_since
        return segment.size > self._limits.segment_bytes or age > self._limits.segment_seconds

    async def _measure(self) -> None:
        self._total_bytes, self._segments = await self._run(self._disk_bytes)
        self._ring.absorb()
        over = self._total_bytes > self._limits.total_bytes
        if over and not self._over_limit:
            held, limit = self._total_bytes, self._limits.total_bytes
            self.last_error = f"the journal holds {held} bytes, its limit is {limit} (journal.size_limit_mb)"
            self._enter_ring(self.last_error)
        self._over_limit = over
        if not over:
            await self._run(self._reserve.fill)  # it may have been given up, and the space be back

    async def _checkpoint(self, segment: JournalSegment) -> None:
        try:
            if await self._run(segment.checkpoint, False) < _HOLD_ABOVE_FRAMES:
                return
            await self._run(segment.checkpoint, False)
            async with self._writing:  # commits wait, the loop does not: 1.2 ms at 10,000 events/s
                await self._run(segment.checkpoint, True)
        except Unavailable as fault:
            self.last_error = f"checkpoint: {fault}"
            self._give_up_reserve(fault)

    async def _rotate(self) -> None:
        try:
            fresh = await self._open()
        except (Unavailable, OSError) as fault:
            self.last_error = f"rotation: {fault}"
            if self._segment is not None and self._wanted_rotation == self._segment.epoch:
                self._enter_ring(self.last_error)  # nobody could read what goes on into a malformed file
            return
        async with self._writing:
            old, self._segment = self._segment, fresh
            self._segment_since = trio.current_time()
            self._wanted_rotation = None
        if old is not None:
            with trio.CancelScope(shield=True):
                await self._run(old.close)

    async def _return_from_ring(self) -> None:
        """Write the ring; when it is empty the journal records again."""
        self._ring.absorb()
        if self._over_limit:
            # Only finished segments are pruned: kept open, the present one alone could hold the limit.
            if self._segment is not None and self._segment.size:
                await self._rotate()
            await self._measure()
            if self._over_limit:
                return
        if self._segment is None or self._wanted_rotation is not None:
            await self._rotate()
            if self._segment is None or self._wanted_rotation is not None:
                return
        while self._ring:
            part = self._ring.oldest(_GROUP_UNITS)
            try:
                async with self._writing:
                    await self._write(self._segment, [body for unit in part for body in unit])
            except Unavailable as fault:
                self.last_error = str(fault)
                self._wanted_rotation = self._segment.epoch  # if the file is what is broken, a new one helps
                return
            self._ring.written(len(part))
            self.published += len(part)
            await trio.lowlevel.checkpoint()
        self.mode = "recording"
        self._ring.emptied()
        log.info("the journal records again", extra={"unrecorded": self._ring.unrecorded})
        await self._run(self._reserve.fill)

    async def _finish(self) -> None:
        """The last flush: what the ring still holds is tried once more, then counted as unrecorded."""
        with trio.CancelScope(shield=True):
            if self._ring:
                self._over_limit = False
                await self._return_from_ring()
            if self._ring:
                log.error("stopping with events that could not be written", extra={"lost": len(self._ring)})
            self._ring.lose_all()
            self.mode = "closed"
            if self._segment is not None:
                await self._run(self._segment.close)
                self._segment = None
