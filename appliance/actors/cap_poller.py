"""The cap_poller: what every destination took, what its caps leave, and what of that is lent to the edges.

Clicks and their cost are read from the edges' journals, conversions and revenue come from the ledger. Caps on
clicks are lent out (routing/budgets.py); the others close a destination by a word to every edge, within a
second of the event that reached them. What was read, and every ceiling before it is told, is durable: a kill
at any moment repeats a pass, and lends nothing twice.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import trio

from appliance.errors import Unavailable
from appliance.model.catalog import Destination
from appliance.model.conversions import Counted, SettledRecord
from appliance.model.events import ConversionEvent, CostAdjustment
from appliance.model.messages import Budgets, Spending
from appliance.model.rules import Cap
from appliance.model.status import ConsumerReport
from appliance.model.usage import CapReport, Took, UsageChange
from appliance.ports import Journals, Piece, Runner, UsageStore
from appliance.routing import verdicts
from appliance.routing.budgets import Lending
from appliance.routing.caps import LONGEST_HOURS, Meter
from appliance.routing.clicks_taken import counted_clicks

log = logging.getLogger("weir.cap_poller")
SECOND = 1_000_000
# Entries per read: as many as conversions takes, for the same reason (the GIL).
_READ = 2_000
_POLL = 0.2
_DISCOVER = 0.5
_SAVE = 1.0
_LOOK = 1.0
_TIDY = 3_600.0
# An edge says what it spent every second; one that said nothing for so long is asked for nothing.
_SILENT = 3.0
_PAUSE = 1.0
# Usage of destinations without caps is kept by the minute for two days, then by the hour: a cap that is set
# today counts what came before it.
_MINUTES_AFTER_S, _HOURS_AFTER_S = 2 * 3_600, 48 * 3_600
# Counts that the disk does not take. Full: nothing more is read until it does.
_MOST_UNSAVED = 100_000
_KEEP_S = (LONGEST_HOURS + 24) * 3_600
# Conversions that were stored and not counted yet. Full (the poller hangs): everything is counted anew.
_MOST_RECORDS = 100_000


class Lives(Protocol):
    """Which edge processes live, and whose each journal segment is. Blocking."""

    def find(self) -> Mapping[int, tuple[int, bool]]: ...
    def of(self, edge: int, epoch: int) -> int: ...
    def logs(self) -> set[tuple[int, int]]: ...
    def forget(self, edge: int, life: int) -> None: ...


class _Read(NamedTuple):
    piece: Piece
    life: int
    took: list[Took]


class CapPoller:
    """The actor. `say(budgets, edge)` and `close(closed)` never wait; `counted(since_us)` are pages of the
    ledger's conversions. What blocks is called through `run_blocking`.
    """

    def __init__(
        self,
        *,
        store: UsageStore,
        journals: Journals,
        lives: Lives,
        counted: Callable[[int], Iterable[Sequence[Counted]]],
        say: Callable[[Budgets, int], None],
        close: Callable[[Mapping[int, str]], None],
        run_blocking: Runner,
        now_us: Callable[[], int],
        currency: str,
    ) -> None:
        self._store = store
        self._journals = journals
        self._lives = lives
        self._counted = counted
        self._say = say
        self._close = close
        self._blocking = run_blocking
        self._now_us = now_us
        self._currency = currency
        self._wanted: dict[int, tuple[Cap, ...]] = {}
        self._wake = trio.Event()
        self._heard: dict[int, float] = {}
        self._said: dict[int, tuple[int, Spending]] = {}
        """What each process said last: also before this began to run."""
        self._records: deque[ConversionEvent] = deque(maxlen=_MOST_RECORDS)
        self._costs: list[Took] = []
        """Cost that came with conversions."""
        self._stale_records = True
        self.last_error = ""
        self.lending = Lending()
        self._reset()

    def _reset(self) -> None:
        """Forget what the stores can tell again."""
        self.lending = Lending()
        self._meters: dict[int, list[Meter]] = {}
        self._offsets: dict[tuple[int, int], int] = {}
        self._revisions: dict[str, int] = {}
        self._unsaved = UsageChange({}, [], {}, {}, {})
        self._dead: set[int] = set()
        self._untold: set[int] = set()
        self._stale_records = True
        self._saved_at = self._discovered_at = self._looked_at = -1e9
        self._tidied_at = 0.0

    # What comes in; none of these waits

    def configure(self, destinations: Iterable[Destination]) -> None:
        """The catalog as it is now."""
        wanted = {each.id: each.caps for each in destinations if each.caps}
        if wanted != self._wanted:
            self._wanted = wanted
            self._wake.set()

    def spending(self, edge: int, message: Spending) -> None:
        """An edge says what it spent."""
        self._heard[message.life] = trio.current_time()
        self._said[message.life] = (edge, message)
        if self.lending.take(edge, message):
            self._wake.set()

    def stored(self, records: Sequence[SettledRecord]) -> None:
        """These have just been stored in the ledger."""
        for record in records:
            if isinstance(record, ConversionEvent):
                self._stale_records = self._stale_records or len(self._records) == _MOST_RECORDS
                self._records.append(record)
            elif isinstance(record, CostAdjustment) and record.destination_id:
                second = record.at_us // SECOND
                self._costs.append(Took(record.destination_id, second, 1, record.currency, 0, record.cost))
        self._wake.set()

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled. While the disk says no, nothing new is lent."""
        self._reset()
        self._tidied_at = trio.current_time()
        await self._load()
        task_status.started()
        try:
            while True:
                self._wake = trio.Event()
                try:
                    busy = await self._pass()
                    self.last_error = ""
                except Unavailable as fault:
                    if not self.last_error:
                        log.warning("caps wait", extra={"reason": fault.message})
                    self.last_error = fault.message
                    await trio.sleep(_PAUSE)
                    continue
                if not busy:
                    with trio.move_on_after(_POLL):
                        await self._wake.wait()
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                try:
                    await self._save()
                except Unavailable as fault:  # the next start reads it again
                    log.info("caps not saved at the end", extra={"reason": fault.message})

    async def _load(self) -> None:
        offsets, lives = await self._blocking(lambda: (self._store.offsets(), self._store.lives()))
        self._offsets = dict(offsets)
        for held in lives:
            self.lending.restore(held.life, held.edge, held.bound, held.seen, self._now_us())
        for edge, said in self._said.values():
            self.lending.take(edge, said)
        await self._blocking(self._journals.reopen)

    async def _pass(self) -> bool:
        await self._reconfigure()
        await self._look()
        busy = await self._read()
        await self._take_conversions()
        now = self._now_us()
        changed = self.lending.lend({d: self._left(d, now) for d in self._limited()})
        self._untold |= changed
        for life in changed:
            self._unsaved.bounds[life] = (self.lending.lives()[life], dict(self.lending.bounds(life)))
        late = trio.current_time() - self._saved_at >= _SAVE
        if self._untold or self._unsaved.gone or (late and any(self._unsaved)):
            await self._save()
        lives = self.lending.lives()
        for life in self._untold & lives.keys():
            self._say(self.lending.tell(life, self._now_us()), lives[life])
        self._untold.clear()
        self._close(self.closed())
        if trio.current_time() - self._tidied_at >= _TIDY:
            self._tidied_at = trio.current_time()
            await self._blocking(self._tidy)
        return busy

    def _limited(self) -> list[int]:
        return [d for d, meters in self._meters.items() if any(m.cap.metric == "clicks" for m in meters)]

    def _left(self, destination: int, now: int) -> Callable[[], int]:
        meters = [m for m in self._meters[destination] if m.cap.metric == "clicks"]
        return lambda: min(meter.left(now) for meter in meters)

    def closed(self) -> dict[int, str]:
        """The destinations whose caps on money or conversions are reached."""
        now = self._now_us()
        return {
            destination: verdicts.CAP
            for destination, meters in self._meters.items()
            if any(m.cap.metric != "clicks" and m.used(now) >= m.limit for m in meters)
        }

    # What destinations took

    async def _reconfigure(self) -> None:
        """Meters for caps that are new, filled with what came before them."""
        wanted = self._wanted
        if {d: tuple(m.cap for m in meters) for d, meters in self._meters.items()} == wanted:
            return
        await self._save()  # what is read back below
        fresh = {
            d: caps for d, caps in wanted.items() if tuple(m.cap for m in self._meters.get(d, ())) != caps
        }
        since_s = self._now_us() // SECOND - _KEEP_S
        for destination, caps in fresh.items():
            took = await self._blocking(self._store.took, destination, since_s)
            meters = [Meter(cap) for cap in caps]
            for each in took:
                self._count(meters, each)
            self._meters[destination] = meters
            self._stale_records = True
        for destination in self._meters.keys() - wanted.keys():
            del self._meters[destination]

    def _count(self, meters: Sequence[Meter], took: Took) -> None:
        for meter in meters:
            if meter.cap.metric == "clicks":
                meter.add(took.start_s * SECOND, took.clicks, took.width_s * SECOND)
            elif meter.cap.metric == "cost" and took.currency == (meter.cap.currency or self._currency):
                meter.add(took.start_s * SECOND, took.cost, took.width_s * SECOND)

    async def _read(self) -> bool:
        """Count what is new in the journals; True when there was anything."""
        costs, self._costs = self._costs, []
        for each in costs:
            self._unsaved.took.append(each)
            self._count(self._meters.get(each.destination_id, ()), each)
        if trio.current_time() - self._discovered_at >= _DISCOVER:
            self._discovered_at = trio.current_time()
            await self._blocking(self._journals.discover)
        if len(self._unsaved.took) > _MOST_UNSAVED:
            return False
        reads = await self._blocking(self._read_pieces)
        entries = sum(len(read.piece.entries) for read in reads)
        unread: set[int] = set()
        for piece, life, took in reads:
            if piece.entries or piece.error or piece.broken:
                unread.add(life)
            if not piece.entries:
                continue
            log_ = (piece.edge, piece.epoch)
            self._offsets[log_] = self._unsaved.progress[log_] = piece.entries[-1].seq
            for each in took:
                self._unsaved.took.append(each)
                self._count(self._meters.get(each.destination_id, ()), each)
                self.lending.recorded(life, piece.edge, each.destination_id, each.clicks)
                if life:
                    key = (life, each.destination_id)
                    self._unsaved.seen[key] = (piece.edge, self.lending.seen(*key))
        if entries < _READ:
            self._caught_up(unread)
        return entries > 0

    def _read_pieces(self) -> list[_Read]:
        found = []
        for piece in self._journals.read(self._offsets, _READ, lambda edge: False):
            life = self._lives.of(piece.edge, piece.epoch)
            found.append(_Read(piece, life, counted_clicks(piece.entries) if piece.entries else []))
        return found

    def _caught_up(self, unread: set[int]) -> None:
        """Every journal was looked at, and nothing was left in those of other lives than `unread`."""
        for life, edge in list(self.lending.lives().items()):
            if life in unread:
                continue
            if life in self._dead:
                self.lending.gone(life)
                self._unsaved.gone[life] = edge
                self._unsaved.bounds.pop(life, None)
            else:
                offsets = {epoch: seq for (index, epoch), seq in self._offsets.items() if index == edge}
                for destination in self.lending.caught_up(life, offsets):
                    key = (life, destination)
                    self._unsaved.seen[key] = (edge, self.lending.seen(*key))

    async def _look(self) -> None:
        """Which processes are gone; of those, the next reads find all that they recorded."""
        now = trio.current_time()
        if now - self._looked_at < _LOOK:
            return
        self._looked_at = now
        found = await self._blocking(self._lives.find)
        known = self.lending.lives()
        dead = {life for life in known.keys() | found.keys() if life not in found or not found[life][1]}
        for life in dead - known.keys():  # it was lent nothing, and nothing of it was read
            self.lending.restore(life, found[life][0], {}, {}, self._now_us())
        if dead - self._dead:
            self._discovered_at = -1e9
        self._dead = dead
        for life in known:
            if now - self._heard.get(life, -1e9) > _SILENT:
                self.lending.silent(life)
        for life in self._dead:
            self._heard.pop(life, None)
            self._said.pop(life, None)

    async def _take_conversions(self) -> None:
        """Count what was stored in the ledger; all of it anew when a cap asks for more than was counted."""
        metered = {
            d: [m for m in meters if m.cap.metric in ("conversions", "revenue")]
            for d, meters in self._meters.items()
        }
        metered = {d: meters for d, meters in metered.items() if meters}
        if self._stale_records and metered:
            self._stale_records = False
            self._revisions.clear()
            for destination, meters in metered.items():
                anew = [Meter(m.cap) if m in meters else m for m in self._meters[destination]]
                self._meters[destination] = anew
                metered[destination] = [m for m in anew if m.cap.metric in ("conversions", "revenue")]
            pages = iter(self._counted(self._now_us() - _KEEP_S * SECOND))
            while page := await self._blocking(next, pages, None):
                for each in page:
                    if each.destination_id in metered:
                        self._revisions[each.id] = each.revision
                        self._add(metered[each.destination_id], each)
        while self._records:
            event = self._records.popleft()
            if event.destination_id in metered and event.revision > self._revisions.get(event.id, 0):
                self._revisions[event.id] = event.revision
                change = Counted(
                    event.id, event.revision, event.destination_id, event.at_us, event.count, event.revenue,
                    event.currency,
                )  # fmt: skip
                self._add(metered[event.destination_id], change)

    def _add(self, meters: Sequence[Meter], counted: Counted) -> None:
        for meter in meters:
            if meter.cap.metric == "conversions":
                meter.add(counted.at_us, counted.conversions)
            elif counted.currency == (meter.cap.currency or self._currency):
                meter.add(counted.at_us, counted.revenue)

    # Durable

    async def _save(self) -> None:
        """Write down what changed. Until that succeeds it is kept, and nothing is lent."""
        change = self._unsaved
        if any(change):
            await self._blocking(self._store.change, change)
            self._unsaved = UsageChange({}, [], {}, {}, {})
            for life, edge in change.gone.items():
                await self._blocking(self._lives.forget, edge, life)
        self._saved_at = trio.current_time()

    def _tidy(self) -> None:
        now_s = self._now_us() // SECOND
        fine = [
            d
            for d, meters in self._meters.items()
            if any(meter.cap.metric in ("clicks", "cost") for meter in meters)
        ]
        self._store.thin(now_s - _MINUTES_AFTER_S, fine, 60)
        self._store.thin(now_s - _HOURS_AFTER_S, fine, 3_600)
        there = self._lives.logs()
        gone = [log_ for log_ in self._offsets if log_ not in there]
        self._store.forget(now_s - _KEEP_S, gone)
        for log_ in gone:
            del self._offsets[log_]

    # Figures

    def report(self) -> tuple[CapReport, ...]:
        """Every cap now."""
        now = self._now_us()
        found = []
        for destination, meters in sorted(self._meters.items()):
            for meter in meters:
                cap, used = meter.cap, meter.used(now)
                found.append(
                    CapReport(
                        destination_id=destination,
                        metric=cap.metric,
                        window_hours=cap.window_hours,
                        timezone=cap.timezone,
                        currency=(cap.currency or self._currency)
                        if cap.metric in ("cost", "revenue")
                        else "",
                        limit=meter.limit,
                        used=used,
                        lent=self.lending.outstanding(destination) if cap.metric == "clicks" else 0,
                        reached=used >= meter.limit,
                    )
                )
        return tuple(found)

    def consumers(self) -> tuple[ConsumerReport, ...]:
        """How far each journal was read."""
        return tuple(
            ConsumerReport(consumer="cap_poller", edge=edge, epoch=epoch, seq=seq, last_error=self.last_error)
            for (edge, epoch), seq in sorted(self._offsets.items())
        )
