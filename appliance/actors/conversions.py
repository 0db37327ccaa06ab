"""Postbacks → conversions: tails the edges' journals, finds each postback's click, keeps the ledger.

Each pass reads a piece of every journal, settles what it can and stores everything it did, its offsets
included, in one transaction; a kill at any moment repeats the pass. Nothing waits for the warehouse here: a
postback whose click is not in the recent-clicks index is stored as waiting, and a second task looks clicks
up for those that wait. So a warehouse that is slow or away holds up nobody whose click is recent.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import trio

from appliance.actors.conversions_books import Books
from appliance.actors.conversions_intake import Intake, Read, observed, postbacks
from appliance.actors.conversions_lookups import SECOND, ClickLookups, Lookup
from appliance.actors.conversions_orders import Order, Orders, T, Work
from appliance.attribution.rates import Rates
from appliance.attribution.settle import Batch, Circles, Post, no_post, no_terms, own_currency
from appliance.attribution.waiting import Patience, postpone
from appliance.errors import Unavailable
from appliance.model.catalog import Network, Template
from appliance.model.conversions import (
    ClickFacts,
    Position,
    SettledRecord,
    Settlement,
    Terms,
    WaitingPostback,
)
from appliance.model.doctor import Observed
from appliance.model.events import PostbackLogEvent
from appliance.model.status import ConsumerReport, ConversionsReport
from appliance.ports import Journals, Ledger, Runner

log = logging.getLogger("weir.conversions")

COUNTED = (
    "clicks", "undecodable", "entries_missing", "lookups", "lookups_away", "ledger_faults",
    "paused_outbox_full", "paused_waiting_full", "given_up_early",
)  # fmt: skip
"""What `counts` counts since the start."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms; times in seconds. What happens at each bound is said beside it."""

    read: int = 2_000
    """Entries per pass. 5,000 settle no more per second, and their thread kept the core's loop from the GIL
    for 60-90 ms at a time instead of 30-50; a longer read would also hold the edge's WAL."""
    recent_clicks: int = 200_000
    """Clicks in the index (70 MB when full). Full: the oldest goes out and is looked up in the warehouse."""
    lookup_first: int = 500
    lookup_again: int = 200
    """Per lookup: postbacks tried for the first time, and others. A batch of 500 takes the warehouse 0.3 s;
    the smaller share keeps ids that never existed from crowding out those that do."""
    waiting: int = 100_000
    waiting_bytes: int = 512 << 20
    """Full: journals are left unread; while the warehouse answers, the longest tried are given up."""
    outbox_bytes: int = 1 << 30
    """Full (the warehouse has been away for days): everything pauses; journals keep what arrives."""
    poll: float = 0.1
    discover: float = 0.5
    save: float = 1.0
    """Offsets that moved over clicks alone are saved this often: one fsync a second instead of ten."""
    retry_first: float = 0.25
    retry_longest: float = 60.0
    away_longest: float = 5.0


class Conversions:
    """The actor. `ledger` and `journals` are called through `run_blocking`, everything else on the loop.

    `lookup_clicks` raises Unavailable while the warehouse is away; it must end by itself in bounded time.
    `currency` counts for networks without one. `held(edge)` leaves an edge's journal alone. `broken(edge,
    epoch, reason)` is called once per segment that cannot be read: its edge must rotate. `stored(records)`
    is told what has just been stored for shipping, `observed` what a pass came to; neither waits. From the
    thread of `run_blocking` are asked: `terms(source_id)`, what a source asks for a conversion that begins
    now; `unit(campaign_id)`, the currency in which it counts ("" for its own), by `rates()`; and `post`, who
    is told of a revision. `posted` hears that there is something to tell; it never waits.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        journals: Journals,
        lookup_clicks: Lookup,
        network: Callable[[int], Network | None],
        template: Callable[[int], Template | None],
        currency: str,
        click_wait_hours: float,
        held: Callable[[int], bool],
        broken: Callable[[int, int, str], None],
        run_blocking: Runner,
        now_us: Callable[[], int],
        limits: Limits | None = None,
        stored: Callable[[Sequence[SettledRecord]], None] = lambda records: None,
        observed: Callable[[Observed], None] = lambda seen: None,
        terms: Callable[[int], Terms | None] = no_terms,
        unit: Callable[[int], str] = own_currency,
        rates: Callable[[], Rates] = Rates,
        post: Post = no_post,
        posted: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._journals = journals
        self._lookup_clicks = lookup_clicks
        self._network = network
        self._template = template
        self._terms = terms
        self._unit = unit
        self._rates = rates
        self._post = post
        self._posted = posted
        self._currency = currency
        self._held = held
        self._broken = broken
        self._blocking = run_blocking
        self._now_us = now_us
        self._stored = stored
        self._observed = observed
        self._limits = it = limits or Limits()
        self._patience = Patience(
            int(click_wait_hours * 3600 * SECOND),
            int(it.retry_first * SECOND),
            int(it.retry_longest * SECOND),
        )
        self._stop = trio.Event()
        self._wake = trio.Event()
        self._orders = Orders(self._come)
        self.outcomes: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.last_error = ""
        self._reset()

    def _reset(self) -> None:
        """Forget what the ledger or the journals can tell again."""
        it = self._limits
        self._intake = Intake(
            self._journals, self._blocking, self._held, self._broken,
            recent_clicks=it.recent_clicks, entries=it.read, discover=it.discover, counts=self.counts,
        )  # fmt: skip
        self._lookups = ClickLookups(
            self._lookup_clicks, self._ledger, self._blocking,
            first=it.lookup_first, again=it.lookup_again, retry_first=it.retry_first,
            away_longest=it.away_longest, counts=self.counts, came=self._come, failed=self._note_away,
        )  # fmt: skip
        self._next_due: int | None = None
        self._saved_at = -1e9

    def _come(self) -> None:
        """There is something to do."""
        self._wake.set()

    def _note_away(self, reason: str) -> None:
        self.last_error = reason

    # Life

    def stop(self) -> None:
        """Finish the pass at hand, save, return."""
        self._stop.set()
        self._wake.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until `stop`. A ledger that cannot be written now is tried again; other errors end this."""
        try:
            await self._run(task_status)
        except ExceptionGroup as group:  # the nursery's wrapping says nothing to whoever reads the status
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from group
            raise
        finally:
            self._orders.close()

    async def _run(self, task_status: trio.TaskStatus[None]) -> None:
        self._reset()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lookups.run)
            await self._load()
            self._orders.open()
            task_status.started()
            await self._intake.warm(self._stop.is_set)
            delay = self._limits.retry_first
            while not self._stop.is_set():
                self._wake = trio.Event()
                try:
                    await self._perform()
                    busy = await self._pass()
                except Unavailable as fault:
                    self._note_fault(fault)
                    # What was read is not settled: until the ledger has told where, nothing is read on.
                    self._intake.progress.unsaved.clear()
                    while not self._stop.is_set():
                        await self._rest(delay)
                        delay = min(delay * 2, self._limits.away_longest)
                        if await self._reloaded():
                            break
                        self._wake = trio.Event()
                else:
                    delay = self._limits.retry_first
                    if not busy and not self._orders:
                        await self._rest(min(self._until_due(), self._limits.poll))
            if self._intake.progress.unsaved:
                try:
                    await self._commit(Settlement())
                except Unavailable as fault:  # the pass is repeated after the restart
                    self._note_fault(fault)
            nursery.cancel_scope.cancel()

    def _note_fault(self, fault: Unavailable) -> None:
        self.last_error = str(fault)
        self.counts["ledger_faults"] += 1
        log.warning("conversions pause", extra={"reason": str(fault)})

    async def _load(self) -> None:
        """Begin where the ledger says."""
        offsets, awaited, due = await self._blocking(
            lambda: (self._ledger.offsets(), self._ledger.awaited(), self._ledger.next_due())
        )
        self._next_due = due
        self._lookups.forget()
        await self._intake.begin(offsets, awaited)

    async def _reloaded(self) -> bool:
        """After a failed pass only the ledger knows what was stored. False while it cannot be asked."""
        try:
            await self._load()
        except Unavailable:
            return False
        return True

    async def _rest(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._wake.wait()

    def _until_due(self) -> float:
        """Seconds until a waiting postback may be looked up."""
        due = self._lookups.next_at(self._next_due)
        if due is None or self._outbox_full():
            return self._limits.poll
        # Never 0: a pass that could not take what is due must not spin.
        return max((due - self._now_us()) / SECOND, 0.001)

    # What others order

    async def perform(self, work: Work[T], clicks: Collection[str] = ()) -> T:
        """Have `work` done between two passes: what it settles is stored as a pass's own is, in one
        transaction, then its answer is returned. What it raises is raised here, and nothing is stored.

        It knows recent clicks and those of `clicks`, which are looked up before, in the warehouse too.
        Raises Unavailable when the warehouse cannot be asked for them, or the ledger not be written, when
        too many orders wait, and when the actor does not run.
        """
        return await self._orders.put(Order(work, await self.clicks(clicks)))

    async def clicks(self, ids: Collection[str]) -> dict[str, ClickFacts]:
        """Those that are recent, or in the warehouse. Raises Unavailable when that cannot be asked."""
        recent, wanted = self._intake.recent, set(ids)
        facts = {click: found for click in wanted if (found := recent.get(click)) is not None}
        unknown = sorted(wanted - facts.keys())
        for start in range(0, len(unknown), self._limits.lookup_first):
            facts |= await self._lookup_clicks(unknown[start : start + self._limits.lookup_first])
        return facts

    def books(self, facts: Mapping[str, ClickFacts]) -> Books:
        """What settles postbacks, as it is now; for looking only: what changes anything is `perform`."""
        return self._books(facts, self._now_us())

    async def _perform(self) -> None:
        """Carry out one order, if there is any."""
        order = self._orders.take()
        if order is None:
            return
        if self._outbox_full():
            order.fail(Unavailable("the warehouse has been away for too long: nothing more can be changed"))
            return
        now = self._now_us()
        try:
            settlement, answer = await self._blocking(lambda: order.work(self._books(order.facts, now)))
        except Exception as error:  # whoever ordered it is told, and nothing was stored
            order.fail(error)
            return
        if any(settlement[1:]):
            try:
                await self._commit(settlement)
            except Unavailable as fault:
                order.fail(fault)
                raise
        order.fulfil(answer)
        self._tell(settlement)
        for record in settlement.records:
            if isinstance(record, PostbackLogEvent) and record.stage == "processed":
                self.outcomes[record.outcome] += 1
        for position in (positions := [*settlement.settled, *(row.position for row in settlement.waiting)]):
            self._lookups.settled(position)
        if positions:
            self._intake.expect(await self._blocking(self._ledger.awaited))

    def _tell(self, settlement: Settlement) -> None:
        """Something has been stored."""
        if settlement.records:
            self._stored(settlement.records)
        if settlement.deliveries:
            self._posted()

    # One pass

    async def _pass(self) -> bool:
        """Read, settle, store. True when there was anything to do."""
        if self._outbox_full():
            self.counts["paused_outbox_full"] += 1
            return False
        now = self._now_us()
        rows, facts, tried = self._lookups.take(now)
        await self._lookups.ask(self._next_due, now, tried)  # before settling: the next lookup runs meanwhile
        given_up: set[Position] = set()
        sizes = self._ledger.sizes()
        read: Read = []
        if sizes.waiting < self._limits.waiting and sizes.waiting_bytes < self._limits.waiting_bytes:
            read = await self._intake.read()
        else:
            longest = [] if self._lookups.away(now) else await self._blocking(self._ledger.longest_tried, 500)
            rows = {row.position: row for row in longest} | rows
            given_up = {row.position for row in longest}
            self.counts["paused_waiting_full"] += 1
            self.counts["given_up_early"] += len(longest)
        rows = await self._triggered() | rows
        fresh = postbacks(read)
        batch = Batch({}, now)
        if fresh or rows:
            batch = await self._blocking(self._settle, fresh, rows, facts, now, tried.keys() | given_up)
        waiting = postpone(batch, tried, given_up, self._patience)
        settlement = Settlement(
            conversions=list(batch.changed.values()),
            waiting=waiting,
            settled=batch.settled,
            records=batch.records,
            deliveries=batch.deliveries,
            firsts=batch.changed_firsts,
        )
        something = any(settlement[1:])
        if something or self._save_now(read):
            await self._commit(settlement)
            self._account(batch, rows, waiting)
            self._tell(settlement)
        seen = observed(read, rows.values(), settlement)
        if any(seen):
            self._observed(seen)
        return something or any(piece.entries for piece, _ in read)

    def _outbox_full(self) -> bool:
        return self._ledger.sizes().outbox_bytes >= self._limits.outbox_bytes

    async def _triggered(self) -> dict[Position, WaitingPostback]:
        """Postbacks whose click has just been indexed."""
        clicks = self._intake.arrived()
        if not clicks:
            return {}
        return {row.position: row for row in await self._blocking(self._ledger.waiting_for, clicks)}

    def _settle(
        self,
        fresh: Sequence[tuple[Position, PostbackLogEvent]],
        rows: Mapping[Position, WaitingPostback],
        facts: Mapping[str, ClickFacts],
        now: int,
        tried: Collection[Position],
    ) -> Batch:
        books = self._books(facts, now)
        arrivals = [books.arrival(position, event) for position, event in fresh]
        arrivals += [books.arrival(position, row.event, row) for position, row in rows.items()]
        return books.settle(arrivals, tried)

    def _books(self, facts: Mapping[str, ClickFacts], now: int) -> Books:
        recent = self._intake.recent
        return Books(
            ledger=self._ledger,
            find=lambda click: recent.get(click) or facts.get(click),
            now_us=now,
            circles=Circles(self._terms, self._post, self._unit, self._rates().find),
            network=self._network,
            template=self._template,
            currency=self._currency,
        )

    def _save_now(self, read: Read) -> bool:
        if not self._intake.progress.unsaved:
            return False
        late = trio.current_time() - self._saved_at >= self._limits.save
        return late or any(piece.ended for piece, _ in read)

    async def _commit(self, settlement: Settlement) -> None:
        """Store a settlement with every offset that moved; the ledger says when the next one is due."""
        settlement = settlement._replace(offsets=dict(self._intake.progress.unsaved))
        self._next_due = await self._blocking(self._store, settlement)
        self._intake.progress.unsaved.clear()
        self._saved_at = trio.current_time()

    def _store(self, settlement: Settlement) -> int | None:
        self._ledger.commit(settlement)
        return self._ledger.next_due()

    def _account(
        self, batch: Batch, rows: Mapping[Position, WaitingPostback], waiting: Sequence[WaitingPostback]
    ) -> None:
        """After a commit: figures, and who waits for which click."""
        self.outcomes += batch.outcomes
        for position in batch.settled:
            self._intake.await_click(rows[position].click_id, -1)
            self._lookups.settled(position)
        for row in waiting:
            old = rows.get(row.position)
            if old is not None:
                self._intake.await_click(old.click_id, -1)
            self._intake.await_click(row.click_id, 1)

    # Figures

    def report(self) -> ConversionsReport:
        return ConversionsReport(
            outcomes=dict(self.outcomes),
            waiting=self._ledger.sizes().waiting,
            figures=self.gauges(),
            last_error=self.last_error,
        )

    def consumers(self) -> tuple[ConsumerReport, ...]:
        """How far each segment was read."""
        return self._intake.progress.report(self._now_us(), self._held)

    def gauges(self) -> dict[str, int]:
        """Everything else that is counted, by name: for /metrics, where a series begins with 0."""
        sizes = self._ledger.sizes()
        return {
            **dict.fromkeys(COUNTED, 0),
            **self.counts,
            "recent_clicks": len(self._intake.recent),
            "recent_clicks_evicted": self._intake.recent.evicted,
            "waiting": sizes.waiting,
            "waiting_bytes": sizes.waiting_bytes,
            "outbox": sizes.outbox,
            "outbox_bytes": sizes.outbox_bytes,
        }
