"""The edge's memory of visitors: learned at once, saved and shared by itself, rebuilt after a kill.

What a click teaches is in memory when its decision is made, and its hashes stand in the click's record, which
is in the journal before the answer. Twice a second what is new goes to disk, in a thread, with the journal's
position at which it began to be gathered: after kill -9 the journal's records behind that position teach it
again. What waits for the disk is the ring itself: when the disk fails for so long that the ring comes round,
its oldest are counted as `lost_unsaved`. The same ring feeds the core, which tells the other edges.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import msgspec
import trio

from appliance.actors.memory_keeping import MOST_LOGGED, Keeping, MemoryStore, steps
from appliance.model.events import ClickEvent, decode
from appliance.model.memory import (
    Converted,
    ConvertedTaken,
    Lessons,
    LessonsTaken,
    MemoryPlace,
    MemoryReport,
    Remembering,
    ShareAgain,
    Taught,
    TaughtTaken,
)
from appliance.ports import Runner
from appliance.routing.lessons import CLICK, CONVERTED, SHOWN, Lesson
from appliance.routing.pairs import pack, unpack

log = logging.getLogger("weir.memory")
_LOW = (1 << 64) - 1
SECOND = 1_000_000
_SAVE_SECONDS = 0.5
_SHARE_SECONDS = 0.1
_MOST_SHARED = 5_000
# An answer of the core that does not come: the connection ended in between, and all is said again.
_UNANSWERED_SECONDS = 3.0
# What the core took and had not passed on when it died was learned within its last minute.
_MARGIN_S = 60
_HASHES_KEPT = 8


Say = Callable[[Lessons | TaughtTaken | ConvertedTaken], None]


def _to_nobody(message: Lessons | TaughtTaken | ConvertedTaken) -> None:
    """Before the actor runs."""


class VisitorMemory:
    """State's Memory, and the actor that keeps it. `position` is the journal's (epoch, last seq)."""

    def __init__(
        self,
        capacity: int,
        key: bytes,
        store: MemoryStore,
        run_blocking: Runner,
        position: Callable[[], tuple[int, int]],
        now_us: Callable[[], int],
        pid: int,
        most_logged: int = MOST_LOGGED,
    ) -> None:
        self._turns: dict[int, int] = {}
        self._keeping = Keeping(capacity, store, run_blocking, most_logged)
        self._key = key
        self._blocking = run_blocking
        self._position = position
        self._say: Say = _to_nobody
        self._connected: Callable[[], bool] = lambda: False
        self._now_us = now_us
        self._pid = pid
        self._hashes: dict[tuple[int, int, str], int] = {}
        self._turned = False
        self._heard = (0, 0, 0)
        self._core = 0
        self._shared = self._in_flight = 0
        self._said_at = -1e9
        self._shared_again = 0
        self._told: deque[Taught | Converted] = deque()
        self._converted = 0
        self._wake = trio.Event()

    # -- the hot path ---------------------------------------------------------------------------------

    @property
    def turns(self) -> dict[int, int]:
        return self._turns

    def shown(self, stream_id: int, key: str, since_us: int) -> Collection[int]:
        since_s = since_us // SECOND
        return {
            value for value, at in self._keeping.pairs.find(self._hash(SHOWN, stream_id, key)) if at > since_s
        }

    def converted(self, key: str) -> Collection[int]:
        return {value for value, _ in self._keeping.pairs.find(_doubled(self._hash(CONVERTED, 0, key)))}

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        since_s = since_us // SECOND
        return any(at > since_s for _, at in self._keeping.pairs.find(self._hash(kind, scope, key)))

    def learn(self, lessons: Sequence[Lesson], at_us: int) -> tuple[tuple[bytes, int], ...]:
        """Remember what a click taught; returns what its record must say of it."""
        at_s = at_us // SECOND
        taught = []
        for kind, scope, key, value, click_id in lessons:
            if kind == CLICK:
                hash_ = self._hash(CLICK, 0, click_id)
                value = self._hash(CONVERTED, 0, key) & _LOW
            else:
                hash_ = self._hash(kind, scope, key)
            self._learn(hash_, value, at_s, own=True)
            taught.append((hash_.to_bytes(16, "little"), value))
        return tuple(taught)

    def turned(self, stream_id: int) -> None:
        self._turns[stream_id] = self._turns.get(stream_id, 0) + 1
        self._turned = True

    def _hash(self, kind: int, scope: int, key: str) -> int:
        """Keyed, so that nobody can tell a visitor from it, nor make two that meet."""
        known = self._hashes
        name = (kind, scope, key)
        found = known.get(name)
        if found is None:
            text = f"{kind} {scope} {key}".encode("utf-8", "surrogatepass")
            digest = hashlib.blake2b(text, digest_size=16, key=self._key).digest()
            found = int.from_bytes(digest, "little")
            if len(known) >= _HASHES_KEPT:  # of this click: it is looked up and then learned
                known.clear()
            known[name] = found
        return found

    def _learn(self, hash_: int, value: int, at_s: int, *, own: bool) -> None:
        pairs = self._keeping.pairs
        if pairs.learn(hash_, value, at_s, own) and pairs.next - self._keeping.saved > pairs.capacity:
            self._keeping.overrun()

    # -- what the core says ---------------------------------------------------------------------------

    def remembering(self) -> Remembering:
        """What is said after a Hello: what this edge heard last. What was not confirmed is said again."""
        self._in_flight = 0
        self._said_at = -1e9
        return Remembering(self._pid, self._heard, self._converted)

    def taught(self, message: Taught) -> None:
        """Queued: there is one at a time, because the core waits for the answer."""
        self._meet(message.core)
        self._told.append(message)
        self._wake.set()

    def told_converted(self, message: Converted) -> None:
        """Queued, as what is taught."""
        self._told.append(message)
        self._wake.set()

    def taken(self, message: LessonsTaken) -> None:
        self._meet(message.core)
        if message.pid == self._pid and self._in_flight and message.last >= self._in_flight:
            self._shared, self._in_flight = max(self._shared, self._in_flight), 0

    def share_again(self, message: ShareAgain) -> None:
        if message.id != self._shared_again:
            self._shared_again = message.id
            self._go_back(message.since_s)

    def _meet(self, core: int) -> None:
        """Another core than before knows nothing of what the one before had taken last."""
        if core != self._core:
            before, self._core = self._core, core
            if before:
                self._go_back(self._heard[2] - _MARGIN_S)

    def _go_back(self, since_s: int) -> None:
        self._shared = min(self._shared, self._keeping.pairs.first_since(since_s))
        self._in_flight = 0  # its answer would take the place forward again

    def report(self) -> MemoryReport:
        pairs = self._keeping.pairs
        return MemoryReport(
            pairs=pairs.live,
            capacity=pairs.capacity,
            pushed_out=pairs.pushed_out,
            unsaved=pairs.next - self._keeping.saved,
            lost_unsaved=self._keeping.lost_unsaved,
            unshared=pairs.next - max(self._shared, pairs.next - pairs.capacity),
            last_error=self._keeping.last_error,
        )

    # -- the actor ------------------------------------------------------------------------------------

    async def run(
        self,
        say: Say,
        connected: Callable[[], bool],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Remember again what was known before this start, then save and share until cancelled.

        `say` sends a message to the core when it can; `connected` tells whether it is there.
        """
        self._say, self._connected = say, connected
        if not self._keeping.loaded:  # not after a restart of this actor alone, which has it all
            await self._load()
        task_status.started()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._saving)
                nursery.start_soon(self._keeping.imaging)
                nursery.start_soon(self._sharing)
                nursery.start_soon(self._hearing)
        finally:
            with trio.CancelScope(shield=True):
                await self._save()
                await self._keeping.close()

    async def _load(self) -> None:
        place = await self._keeping.load()
        pairs = self._keeping.pairs
        if place is not None:
            self._turns.update(place.turns)
            self._heard, self._converted = place.heard, place.converted
            self._shared = pairs.first_since(place.shared_s - _MARGIN_S)
        before = pairs.next
        records = await self._keeping.unsaved(place)
        while (bodies := await self._blocking(next, records, None)) is not None:
            for some in steps(bodies):
                self._relearn(some)
                await trio.lowlevel.checkpoint()
        self._keeping.place = place or MemoryPlace(1, 0)
        extra = {"pairs": pairs.live, "from_the_journal": pairs.next - before}
        log.info("visitors remembered", extra=extra)

    def _relearn(self, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            try:
                event = decode(body)
            except (msgspec.MsgspecError, ValueError):
                continue  # a newer version's record; the publisher sets it aside and says so
            if isinstance(event, ClickEvent):
                at_s = event.at_us // SECOND
                for hash_, value in event.taught:
                    self._learn(int.from_bytes(hash_, "little"), value, at_s, own=True)
                if event.inputs.turn >= 0 and event.counted:
                    self._turns[event.stream_id] = event.inputs.turn + 1

    async def _saving(self) -> None:
        while True:
            await trio.sleep(_SAVE_SECONDS)
            if self._connected():
                core, number, _ = self._heard
                self._heard = (core, number, self._now_us() // SECOND)
            saved = self._keeping.place
            moved = self._position()[0] not in (0, saved.epoch)
            # So that no edge has to tell a day again after a kill.
            late = self._keeping.pairs.next and self._heard[2] - saved.heard[2] > _MARGIN_S
            told = self._converted != saved.converted
            if moved or late or told or self._turned or self._keeping.pairs.next > self._keeping.saved:
                await self._save()

    async def _save(self) -> None:
        epoch, seq = self._position()
        saved = self._keeping.place
        if epoch == 0:  # no journal can be opened: what is learned now is behind the place before
            epoch, seq = saved.epoch, saved.seq
        self._turned = False
        shared_s = self._now_us() // SECOND if self._shared >= self._keeping.pairs.next else saved.shared_s
        turns = dict(self._turns)
        await self._keeping.save(MemoryPlace(epoch, seq, self._heard, shared_s, turns, self._converted))

    async def _sharing(self) -> None:
        """What this edge learned, to the core: one message at a time, the next after its answer."""
        while True:
            await trio.sleep(_SHARE_SECONDS)
            late = trio.current_time() - self._said_at > _UNANSWERED_SECONDS
            while (
                self._connected()
                and (not self._in_flight or late)
                and self._shared < self._keeping.pairs.next
            ):
                pairs, end = self._keeping.pairs.since(self._shared, _MOST_SHARED)
                own = [pair for pair in pairs if pair.own]
                if not own:
                    self._shared = end
                    await trio.lowlevel.checkpoint()
                    continue
                self._in_flight, self._said_at, late = end, trio.current_time(), False
                self._say(Lessons(self._pid, end, pack(own)))

    async def _hearing(self) -> None:
        """What the core said, learned in small steps, then confirmed."""
        while True:
            self._wake = trio.Event()
            while self._told:
                message = self._told.popleft()
                if isinstance(message, Converted):
                    await self._hear_converted(message)
                else:
                    await self._hear_taught(message)
            await self._wake.wait()

    async def _hear_taught(self, message: Taught) -> None:
        for body in message.bodies:
            with suppress(ValueError):  # not ours to mend; the sender's own memory is whole
                for some in steps(list(unpack(body))):
                    for pair in some:
                        self._learn(pair.hash, pair.value, pair.at_s, own=False)
                    await trio.lowlevel.checkpoint()
        self._heard = (message.core, message.last, self._now_us() // SECOND)
        self._say(TaughtTaken(message.core, self._pid, message.last))

    async def _hear_converted(self, message: Converted) -> None:
        """Whose click is not known here learns it from the edge that knows: hence `own`."""
        for some in steps(message.clicks):
            for click_id, destination_id in some:
                for value, _ in self._keeping.pairs.find(self._hash(CLICK, 0, click_id)):
                    self._learn(_doubled(value), destination_id, self._now_us() // SECOND, own=True)
            await trio.lowlevel.checkpoint()
        if message.after <= self._converted:  # else said to the process that takes over from this one
            self._converted = max(self._converted, message.last)
        self._say(ConvertedTaken(self._pid, self._converted))


def _doubled(hash_: int) -> int:
    """A user key's hash where conversions are remembered: a click's record keeps 8 bytes of it."""
    low = hash_ & _LOW
    return low << 64 | low
