"""The publisher: journals and the core's outbox → warehouse, each row exactly once, whatever dies meanwhile.

The rows are the authority. A cut is recorded before the first of its rows is sent; after a crash or a
failed insert the open cut is compared with what the warehouse has, and only the missing rows are inserted
(a deduplication token alone lost rows: experiments.md d).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from appliance.actors.kernel import Ask, Mailbox, Question
from appliance.errors import JournalMalformed, RowRefused, Unavailable, WeirError
from appliance.model.shipping import Cut
from appliance.model.status import ConsumerReport
from appliance.ports import Entry, EventLog, Runner, ShippingStore, Warehouse
from appliance.reporting.batches import Batch, Item, damage_report, inserts, make_batch
from appliance.reporting.rows import ERRORS, Row, set_aside

log = logging.getLogger("weir.publisher")
Key = tuple[int, int]
# Beyond 5,000 rows a reader's cursor holds the WAL for too long (experiments.md a).
MAX_ENTRIES = 5_000
# One read must not take more memory than this: a postback's record can be a megabyte.
_READ_BYTES = 16 << 20
# A report shows a click within 1-2 s: this pause, one insert (0.1 s) and the report itself.
TICK_SECONDS = 0.4
_LONGEST_BACKOFF = 5.0
# So that a warehouse that is down shows while there is nothing to ship.
_LOOK_SECONDS = 5.0


class LogSource(Protocol):
    """Where logs come from. Blocking."""

    def find(self) -> Sequence[Key]:
        """Every log there is now, in order of (edge, epoch)."""

    def open(self, edge: int, epoch: int) -> EventLog: ...

    def salvage(self, edge: int, epoch: int) -> tuple[Sequence[Entry], Sequence[tuple[int, int]]]:
        """What can be read of a damaged log, and the holes in it."""

    def shipped(self, edge: int, epoch: int, seq: int) -> None:
        """Everything up to `seq` is in the warehouse."""

    def remove(self, edge: int, epoch: int, end: int) -> bool:
        """The log is finished and shipped up to `end`: delete it if the other consumers passed that too."""


class Holding(Protocol):
    def held(self, edge: int, consumer: Any) -> bool: ...


@dataclass(frozen=True)
class ShipNow(Ask[tuple[ConsumerReport, ...]]):
    """Ship everything there is; answered with `Publisher.consumers()` when nothing is left."""


@dataclass
class Tail:
    """One log being followed."""

    source: LogSource
    edge: int
    epoch: int
    log: EventLog
    offset: int
    cut: Cut | None
    limit: int = MAX_ENTRIES
    shipped: int = 0
    oldest_us: int = 0
    caught_up_us: int = 0
    last_error: str = ""
    retry_at: float = 0.0
    backoff: float = 0.0
    damage: str = ""
    salvaged: list[Item] | None = None
    """What a damaged log still holds beyond `offset`; None for a healthy one."""


@dataclass
class Publisher:
    """Construct once, `run` under supervision. `files` runs journal and SQLite work, `lane` the warehouse's.

    `rotate(edge, epoch, reason)` asks an edge to leave a damaged segment.
    """

    sources: Sequence[LogSource]
    store: ShippingStore
    warehouse: Warehouse
    files: Runner
    lane: Runner
    rotate: Callable[[int, int, str], Awaitable[None]]
    holds: Holding
    now_us: Callable[[], int]
    mailbox: Mailbox[ShipNow] = field(default_factory=lambda: Mailbox("publisher", 16))
    """16: only people and tests ask; beyond that they wait."""
    drain_seconds: float = 5.0
    rows_shipped: int = 0
    rows_set_aside: int = 0
    last_error: str = ""
    _tails: dict[Key, Tail] = field(default_factory=dict)
    _backoff: float = 0.0
    _look_at: float = 0.0

    def consumers(self) -> tuple[ConsumerReport, ...]:
        """How far each log is shipped."""
        now = self.now_us()
        return tuple(
            ConsumerReport(
                consumer="publisher",
                edge=tail.edge,
                epoch=tail.epoch,
                seq=tail.offset,
                behind=-1 if tail.oldest_us else 0,
                behind_seconds=max(0, now - tail.oldest_us) / 1e6 if tail.oldest_us else 0.0,
                taken=tail.shipped,
                held=self.holds.held(tail.edge, "publisher"),
                last_error=tail.last_error,
                caught_up_us=tail.caught_up_us,
            )
            for _, tail in sorted(self._tails.items())
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ship until the mailbox is closed, then drain for at most `drain_seconds` and return."""
        # A restart begins from what is stored: whatever this object remembers may be ahead or behind.
        for tail in self._tails.values():
            tail.log.close()
        self._tails.clear()
        task_status.started()
        asked: list[Question] = []
        try:
            while True:
                more = await self._round()
                if not more:
                    for question in asked:
                        self._answer(question)
                    asked.clear()
                await self._wait(asked, 0 if more else max(TICK_SECONDS, self._backoff))
        except trio.EndOfChannel:
            with trio.move_on_after(self.drain_seconds) as scope:
                while await self._round():
                    pass
            log.info(
                "publisher drained", extra={"complete": not scope.cancelled_caught and not self.last_error}
            )
        finally:
            for tail in self._tails.values():
                tail.log.close()

    async def _wait(self, asked: list[Question], seconds: float) -> None:
        """Until the next tick, or until somebody asks. Raises trio.EndOfChannel when it is time to stop."""
        with trio.move_on_after(seconds):
            message = await self.mailbox.receive()
            if isinstance(message, Question):
                asked.append(message)

    def _answer(self, question: Question) -> None:
        if self.last_error:
            question.fail(Unavailable(f"not everything could be shipped: {self.last_error}"))
        else:
            question.reply(self.consumers())

    async def _round(self) -> bool:
        """One cut of every log. True if there is more to do at once."""
        more = False
        try:
            await self._discover()  # first: what waits must show while the warehouse is away
            if self.last_error or trio.current_time() >= self._look_at:
                await self.lane(self.warehouse.open)
                self._look_at = trio.current_time() + _LOOK_SECONDS
            for tail in list(self._tails.values()):
                more = await self._step(tail) or more
        except Unavailable as fault:
            self._backoff = min(_LONGEST_BACKOFF, self._backoff * 2 or TICK_SECONDS)
            if not self.last_error:
                log.warning("shipping waits", extra={"reason": fault.message})
            self.last_error = fault.message
            return False
        if self.last_error:
            log.info("shipping goes on")
        self.last_error = ""
        self._backoff = 0.0
        return more

    async def _discover(self) -> None:
        found: set[Key] = set()
        for source in self.sources:
            for edge, epoch in await self.files(source.find):
                found.add((edge, epoch))
                if (edge, epoch) not in self._tails:
                    self._tails[edge, epoch] = await self.files(self._open, source, edge, epoch)
        for key in [key for key in self._tails if key not in found]:
            self._tails.pop(key).log.close()

    def _open(self, source: LogSource, edge: int, epoch: int) -> Tail:
        offset = self.store.offset(edge, epoch)
        if offset:
            source.shipped(edge, epoch, offset)  # a crash may have come between the two
        return Tail(source, edge, epoch, source.open(edge, epoch), offset, self.store.open_cut(edge, epoch))

    async def _step(self, tail: Tail) -> bool:
        """One cut of this log. Its own trouble delays this log only; the warehouse's is raised."""
        if self.holds.held(tail.edge, "publisher") or trio.current_time() < tail.retry_at:
            return False
        try:
            finished = await self.files(tail.log.finished)
            items = await self.files(self._read, tail)
        except JournalMalformed as fault:
            await self._damaged(tail, fault.message)
            return tail.salvaged is not None
        except Unavailable as fault:
            self._later(tail, fault.message)
            return False
        if not items:
            tail.oldest_us, tail.caught_up_us = 0, self.now_us()
            if (
                tail.cut is not None
            ):  # its entries are gone for good: a torn WAL took them before they were read
                await self._close_cut(tail, tail.cut, 0)
            elif finished or tail.salvaged is not None:
                await self._finish(tail)
            return False
        await self._ship(tail, items)
        tail.last_error, tail.backoff = "", 0.0
        return len(items) >= tail.limit or tail.salvaged is not None

    def _later(self, tail: Tail, reason: str) -> None:
        tail.last_error = reason
        tail.backoff = min(_LONGEST_BACKOFF, tail.backoff * 2 or TICK_SECONDS)
        tail.retry_at = trio.current_time() + tail.backoff

    def _read(self, tail: Tail) -> list[Item]:
        """The next entries: those of the open cut if there is one."""
        last = tail.cut.last if tail.cut is not None else None
        if tail.salvaged is not None:
            items = [item for item in tail.salvaged if item.seq > tail.offset]
            return [item for item in items if item.seq <= last] if last is not None else items[:MAX_ENTRIES]
        items = []
        after = tail.offset
        while entries := tail.log.read(after, tail.limit):
            items += map(Item._make, entries if last is None else (it for it in entries if it.seq <= last))
            after = entries[-1].seq
            if last is None or after >= last:
                break
        if items and last is None:
            mean = sum(len(item.body) for item in items) // len(items) + 1
            tail.limit = max(50, min(MAX_ENTRIES, _READ_BYTES // mean))
        return items

    async def _ship(self, tail: Tail, items: list[Item]) -> None:
        batch: Batch = await self.files(make_batch, tail.edge, tail.epoch, items, self.now_us())
        tail.oldest_us = tail.oldest_us or batch.oldest_us
        rows = batch.rows
        cut = tail.cut
        if cut is None:
            cut = batch.cut
            await self.files(self.store.record, cut)
            tail.cut = cut
        else:
            rows = await self.lane(self._missing, batch, cut)
        aside = [row for row in rows if row.table == ERRORS]
        for some in inserts((row for row in rows if row.table != ERRORS), MAX_ENTRIES):
            aside += await self._insert(some, batch)
        try:
            for some in inserts(aside, MAX_ENTRIES):
                await self.lane(self.warehouse.insert, some)
        except RowRefused as fault:  # no place left to set it aside: wait for somebody to look, lose nothing
            raise Unavailable(f"ingestion_errors does not take its rows: {fault.message}") from fault
        for row in aside:
            log.error("event set aside", extra={"edge": tail.edge, "seq": row.seq, "reason": row.values[5]})
        await self._close_cut(tail, cut, len(rows) - len(aside))
        self.rows_set_aside += len(aside)
        tail.oldest_us = batch.rows[-1].at_us if batch.rows and len(items) >= tail.limit else 0

    def _missing(self, batch: Batch, cut: Cut) -> list[Row]:
        """The rows of an open cut that the warehouse has neither stored nor set aside."""
        edge, epoch = cut.edge, cut.epoch
        self.warehouse.settle(edge, epoch)
        aside = self.warehouse.present(ERRORS, edge, epoch, cut.first, cut.last, None)
        have = {
            table: self.warehouse.present(table, edge, epoch, cut.first, cut.last, bound)
            for table, bound in batch.cut.bounds.items()
        }
        return [row for row in batch.rows if row.seq not in aside and row.seq not in have.get(row.table, ())]

    async def _insert(self, rows: list[Row], batch: Batch) -> list[Row]:
        """Insert `rows` (one table, one partition); the guilty ones come back as rows of ingestion_errors."""
        aside: list[Row] = []
        waiting = [rows]
        while waiting:
            some = waiting.pop()
            try:
                await self.lane(self.warehouse.insert, some)
            except RowRefused as fault:
                if len(some) == 1:
                    [row] = some
                    edge, epoch = batch.cut.edge, batch.cut.epoch
                    body = batch.bodies[row.seq]
                    aside.append(
                        set_aside(edge, epoch, row.seq, row.table, fault.message, body, self.now_us())
                    )
                else:
                    middle = len(some) // 2
                    waiting += [some[middle:], some[:middle]]
        return aside

    async def _close_cut(self, tail: Tail, cut: Cut, shipped: int) -> None:
        await self.files(self.store.close_cut, tail.edge, tail.epoch, cut.last)
        tail.cut, tail.offset = None, cut.last
        tail.shipped += shipped
        self.rows_shipped += shipped
        await self.files(tail.source.shipped, tail.edge, tail.epoch, cut.last)

    async def _damaged(self, tail: Tail, reason: str) -> None:
        """Have the edge leave a damaged segment, then take what can be read of it."""
        if not tail.damage:
            log.error("journal damaged", extra={"edge": tail.edge, "epoch": tail.epoch, "reason": reason})
        tail.damage = tail.damage or reason
        newest = max(epoch for edge, epoch in self._tails if edge == tail.edge)
        try:
            if newest == tail.epoch and not await self.files(tail.log.finished):
                await self.rotate(tail.edge, tail.epoch, tail.damage)
                self._later(tail, f"damaged, waiting for the edge to leave it: {tail.damage}")
                return
            entries, holes = await self.files(tail.source.salvage, tail.edge, tail.epoch)
        except WeirError as fault:
            self._later(tail, fault.message)
            return
        tail.salvaged = damage_report(tail.edge, tail.epoch, tail.offset, entries, holes, tail.damage)

    async def _finish(self, tail: Tail) -> None:
        """Nothing will follow and everything is shipped: the log may go once the others are done with it."""
        # The last word of a damaged log is a number that only the publisher counts.
        end = tail.offset if tail.salvaged is None else tail.offset - 1
        if await self.files(tail.source.remove, tail.edge, tail.epoch, end):
            tail.log.close()
            del self._tails[tail.edge, tail.epoch]
            await self.files(self.store.forget, tail.edge, tail.epoch)
