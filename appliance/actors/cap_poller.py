"""The cap_poller: what every destination took, what its caps leave, and what of that is lent to the edges.

Clicks and their cost are read from the edges' journals; conversions, revenue and what they cost from the
ledger and its outbox. Caps on clicks are lent out (routing/budgets.py); the others close a destination by a
word to every edge, within a second of the event that reached them. What was read, and every ceiling before it
is told, is durable: a kill at any moment repeats a pass, and lends nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import trio

from appliance.actors.cap_meters import SECOND, CapMeters
from appliance.errors import Unavailable
from appliance.model.catalog import Destination
from appliance.model.conversions import Counted
from appliance.model.messages import Budgets, Spending
from appliance.model.rules import Cap
from appliance.model.status import ConsumerReport
from appliance.model.usage import CapReport, Took, UsageChange
from appliance.ports import CORE, EventLog, Journals, Piece, Runner, UsageStore
from appliance.routing.budgets import Lending
from appliance.routing.caps import LONGEST_HOURS
from appliance.routing.clicks_taken import counted_clicks, settled

log = logging.getLogger("weir.cap_poller")
# Entries per read: as many as conversions takes, for the same reason (the GIL).
_READ = 2_000
_POLL = 0.2
_DISCOVER = 0.5
_SAVE = 1.0
_LOOK = 1.0
_TIDY = 3_600.0
# An edge says what it spent every second; one that said nothing for so long is asked for nothing, and what
# it was told and does not confirm is told again.
_SILENT = 3.0
_PAUSE = 1.0
# Usage of destinations without caps is kept by the minute for two days, then by the hour: a cap that is set
# today counts what came before it.
_MINUTES_AFTER_S, _HOURS_AFTER_S = 2 * 3_600, 48 * 3_600
# Counts that the disk does not take. Full: nothing more is read until it does.
_MOST_UNSAVED = 100_000
_KEEP_S = (LONGEST_HOURS + 24) * 3_600


class Lives(Protocol):
    """Which edge processes live, and whose each journal segment is. Blocking."""

    def find(self) -> Mapping[int, tuple[int, bool]]: ...
    def of(self, edge: int, epoch: int) -> int: ...
    def logs(self) -> set[tuple[int, int]]: ...
    def forget(self, edge: int, life: int) -> None: ...


class Settled(Protocol):
    """The ledger: what conversions count for, and the outboxes that they and costs leave by. Blocking."""

    def counted(self, since_us: int) -> Iterable[Sequence[Counted]]: ...
    def outboxes(self) -> Sequence[EventLog]: ...


class _Read(NamedTuple):
    """A piece of a journal, with the life that wrote it; None when nobody can tell now."""

    piece: Piece
    life: int | None
    took: list[Took]


class CapPoller:
    """The actor. `say(budgets, edge)` and `close(closed)` never wait. What blocks is called through
    `run_blocking`.
    """

    def __init__(
        self,
        *,
        store: UsageStore,
        journals: Journals,
        lives: Lives,
        ledger: Settled,
        say: Callable[[Budgets, int], None],
        close: Callable[[Mapping[int, str]], None],
        run_blocking: Runner,
        now_us: Callable[[], int],
        currency: str,
    ) -> None:
        self._store = store
        self._journals = journals
        self._lives = lives
        self._ledger = ledger
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
        self.last_error = ""
        self.lending = Lending()
        self._reset()

    def _reset(self) -> None:
        """Forget what the stores can tell again."""
        self.lending = Lending()
        self._meters = CapMeters(self._currency)
        self._offsets: dict[tuple[int, int], int] = {}
        self._unsaved = UsageChange({}, [], {}, {}, {})
        self._dead: set[int] = set()
        self._untold: set[int] = set()
        self._told_at: dict[int, float] = {}
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

    def stored(self) -> None:
        """There is something in the ledger's outbox."""
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
        busy = await self._settle() or busy
        now = self._now_us()
        changed = self.lending.lend(self._meters.limited(now))
        self._untold |= changed
        for life in changed:
            self._unsaved.bounds[life] = (self.lending.lives()[life], dict(self.lending.bounds(life)))
        late = trio.current_time() - self._saved_at >= _SAVE
        if self._untold or self._unsaved.gone or (late and any(self._unsaved)):
            await self._save()
        lives = self.lending.lives()
        for life in self._untold & lives.keys():
            self._told_at[life] = trio.current_time()
            self._say(self.lending.tell(life, self._now_us()), lives[life])
        self._untold.clear()
        self._close(self._meters.closed(self._now_us()))
        if trio.current_time() - self._tidied_at >= _TIDY:
            self._tidied_at = trio.current_time()
            await self._blocking(self._tidy)
        return busy

    # What destinations took

    async def _reconfigure(self) -> None:
        """Meters for caps that are new, filled with what came before them."""
        wanted = self._wanted
        self._meters.keep(wanted)
        fresh = self._meters.changed(wanted)
        if not fresh:
            return
        await self._save()  # what is read back below
        since_s = self._now_us() // SECOND - _KEEP_S
        took = {d: await self._blocking(self._store.took, d, since_s) for d in fresh}
        converting = {d for d, caps in fresh.items() if self._meters.begin(d, caps, took[d])}
        if converting:
            pages = iter(self._ledger.counted(since_s * SECOND))
            while page := await self._blocking(next, pages, None):
                self._meters.before(page, converting)

    async def _read(self) -> bool:
        """Count what is new in the journals; True when there was anything."""
        if trio.current_time() - self._discovered_at >= _DISCOVER:
            self._discovered_at = trio.current_time()
            await self._blocking(self._journals.discover)
        if len(self._unsaved.took) > _MOST_UNSAVED:
            return False
        reads = await self._blocking(self._read_pieces)
        entries = sum(len(read.piece.entries) for read in reads)
        unread: dict[int, set[int]] = {}
        for piece, life, took in reads:
            if life is None or piece.entries or piece.error or piece.broken:
                lives = self.lending.lives().items()
                for one in [n for n, edge in lives if edge == piece.edge] if life is None else [life]:
                    unread.setdefault(one, set()).add(piece.epoch)
            if life is None or not piece.entries:
                continue
            log_ = (piece.edge, piece.epoch)
            self._offsets[log_] = self._unsaved.progress[log_] = piece.entries[-1].seq
            for each in took:
                self._count(each)
                self.lending.recorded(life, piece.edge, each.destination_id, each.clicks)
                if life:
                    key = (life, each.destination_id)
                    self._unsaved.seen[key] = (piece.edge, self.lending.seen(*key))
        if entries < _READ:
            self._caught_up(unread)
        return any(piece.entries for piece, life, _ in reads if life is not None)

    def _count(self, took: Took) -> None:
        self._unsaved.took.append(took)
        self._meters.took(took)

    def _read_pieces(self) -> list[_Read]:
        found = []
        for piece in self._journals.read(self._offsets, _READ, lambda edge: False):
            try:
                life = self._lives.of(piece.edge, piece.epoch)
            except Unavailable as fault:  # the other journals go on
                found.append(_Read(piece._replace(error=piece.error or fault.message), None, []))
            else:
                found.append(_Read(piece, life, counted_clicks(piece.entries) if piece.entries else []))
        return found

    def _caught_up(self, unread: Mapping[int, set[int]]) -> None:
        """Every journal was looked at; nothing was left but in the segments `unread` of each life."""
        for life, edge in list(self.lending.lives().items()):
            if life not in self._dead:
                offsets = {epoch: seq for (index, epoch), seq in self._offsets.items() if index == edge}
                for destination in self.lending.caught_up(life, offsets, unread.get(life, ())):
                    key = (life, destination)
                    self._unsaved.seen[key] = (edge, self.lending.seen(*key))
            elif life not in unread:
                self.lending.gone(life)
                self._unsaved.gone[life] = edge
                self._unsaved.bounds.pop(life, None)

    async def _look(self) -> None:
        """Which processes are gone; of those, the next reads find all that they recorded."""
        now = trio.current_time()
        if now - self._looked_at < _LOOK:
            return
        self._looked_at = now
        known = self.lending.lives()  # before: one that begins meanwhile and is not found is not dead
        found = await self._blocking(self._lives.find)
        dead = {life for life in known.keys() | found.keys() if life not in found or not found[life][1]}
        for life in dead - self.lending.lives().keys():  # it was lent nothing, and nothing of it was read
            self.lending.restore(life, found[life][0], {}, {}, self._now_us())
        if dead - self._dead:
            self._discovered_at = -1e9
        self._dead = dead
        for life in known:
            if now - self._heard.get(life, -1e9) > _SILENT:
                self.lending.silent(life)
            elif self.lending.unconfirmed(life) and now - self._told_at.get(life, -1e9) > _SILENT:
                self.lending.repeat(life)
        for life in self._dead:
            for of in (self._heard, self._said, self._told_at):
                of.pop(life, None)

    async def _settle(self) -> bool:
        """Count what the ledger stored since: what conversions bring, and what they or corrections cost."""
        if len(self._unsaved.took) > _MOST_UNSAVED:
            return False
        found = await self._blocking(self._read_outboxes)
        for epoch, last, took, changes in found:
            self._offsets[CORE, epoch] = self._unsaved.progress[CORE, epoch] = last
            for each in took:
                self._count(each)
            for change in changes:
                self._meters.converted(change)
        if not found:
            self._meters.all_converted()
        return bool(found)

    def _read_outboxes(self) -> list[tuple[int, int, list[Took], list[Counted]]]:
        return [
            (box.epoch, entries[-1].seq, *settled(entries))
            for box in self._ledger.outboxes()
            if (entries := box.read(self._offsets.get((CORE, box.epoch), 0), _READ))
        ]

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
        fine = self._meters.fine()
        self._store.thin(now_s - _MINUTES_AFTER_S, fine, 60)
        self._store.thin(now_s - _HOURS_AFTER_S, fine, 3_600)
        there = self._lives.logs() | {(CORE, box.epoch) for box in self._ledger.outboxes()}
        gone = [log_ for log_ in self._offsets if log_ not in there]
        self._store.forget(now_s - _KEEP_S, gone)
        for log_ in gone:
            del self._offsets[log_]

    # Figures

    def report(self) -> tuple[CapReport, ...]:
        """Every cap now."""
        return self._meters.report(self._now_us(), self.lending)

    def consumers(self) -> tuple[ConsumerReport, ...]:
        """How far each journal, and the ledger's outbox, was read."""
        return tuple(
            ConsumerReport(consumer="cap_poller", edge=edge, epoch=epoch, seq=seq)
            for (edge, epoch), seq in sorted(self._offsets.items())
        )
