"""Interpreted events: filtered, checked, compared with what was reported before; the difference is reported.

Every intake hands its batches to `take`. A batch is taken by pieces, and each piece is one transaction: the
totals of its keys, the reports that follow, the rows for the warehouse, and how far the batch (or the journal
it came from) was taken. So a kill at any moment repeats a piece, and the same piece gives the same reports.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Protocol, TypeVar

import msgspec

from appliance.actors.intakes import FILTER, Intakes
from appliance.errors import Unavailable, WeirError
from appliance.model.deliveries import Delivery
from appliance.model.interpreted import InterpreterReport, Refusal, Sifted, Taken
from appliance.partners.interpreted import Difference, Interpreted, Unreadable, parsed
from appliance.partners.platform import DAY
from appliance.partners.reckoning import Known, Progress, Reckoned, Unreportable, reckon
from appliance.partners.report import Identity
from appliance.partners.subscribing import Subscriptions
from appliance.ports import Runner
from appliance.routing.visit import cut_address

log = logging.getLogger("weir.interpreter")
T = TypeVar("T")
PIECE = 1_000
"""Lines of one transaction, and reports that it may come to (more, where a single event does): the ledger is
locked for some 100 ms meanwhile. The larger, the less often is a page of random keys written."""
MOST_REFUSALS = 1_000
"""Named in an answer; the others are counted."""
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_USUAL = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
Marked = tuple[int, Interpreted]
"""An event, and what has been taken once it is: the number of its line, or of its journal's entry."""
_mark = itemgetter(0)


class Announcer(Protocol):
    """partners/announcing.Announcements."""

    def codes(self, traffic_source: str) -> Collection[str]: ...

    def interpreted(
        self, event: Interpreted, difference: Difference, now_us: int, sealed: bytes = b""
    ) -> Sequence[Delivery]: ...


class Sealer(Protocol):
    """ports.Identities, as far as it matters here."""

    def seal(self, identity: Identity, at_us: int) -> bytes: ...

    def open(self, sealed: bytes) -> Identity: ...


class Totals(Protocol):
    """The store; blocking, one writer. Every method raises Unavailable."""

    def taken(self, batch_id: str) -> int:
        """How many lines of a batch are taken; 0 for one never seen."""

    def known(self, ids: Sequence[str]) -> Mapping[str, Known]: ...

    def crowded(self, targets: Collection[str]) -> str:
        """One of these of which too many reports wait already; "" for none."""

    def commit(self, progress: Progress, reckoned: Reckoned, now_us: int) -> None:
        """Store all of it, durable when it returns, or nothing."""

    def count(self) -> int:
        """How many keys are remembered; never blocks."""


def read_lines(lines: Sequence[bytes], first: int) -> tuple[list[Marked], list[Refusal]]:
    """What these lines say; they are numbered from `first` on."""
    events: list[Marked] = []
    refused: list[Refusal] = []
    for number, line in enumerate(lines, first):
        found = parsed(line)
        if isinstance(found, Unreadable):
            refused.append(refusal(number, found.reason))
        else:
            events.append((number, found))
    return events, refused


def refusal(number: int, reason: str) -> Refusal:
    field, colon, rest = reason.partition(": ")
    named = bool(colon) and field.isidentifier()
    return Refusal(number, field, rest) if named else Refusal(number, "", reason)


class Interpreter:
    """Construct once. `run_blocking` has one thread: pieces take turns, whosever they are, because each must
    know what the one before it has stored. `held`: what waits for that target makes no other wait; `posted`
    is told when reports were stored. `others`, set by whoever has them, asks for campaigns that are
    subscribed elsewhere (a DynamoDB table)."""

    def __init__(
        self,
        *,
        store: Totals,
        announcer: Announcer,
        sealer: Sealer,
        intakes: Intakes,
        run_blocking: Runner,
        now_us: Callable[[], int],
        outbox_full: Callable[[], bool] = lambda: False,
        held: Callable[[str], bool] = lambda target: False,
        posted: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._sealer = sealer
        self._intakes = intakes
        self._blocking = run_blocking
        self._now_us = now_us
        self._outbox_full = outbox_full
        self._held = held
        self._posted = posted
        self._subscriptions = Subscriptions()
        self._pixels: Mapping[int, Collection[str]] = {}
        self._waits: tuple[Interpreted | None, str] = None, ""
        """The first event of the last piece that had to wait, and for which target: that one is asked before
        the same piece is reckoned in vain again."""
        self.others: Callable[[Collection[str]], Awaitable[Collection[str]]] | None = None
        self.labels: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.last_error = ""

    def configure(
        self, subscriptions: Subscriptions, pixels: Mapping[int, Collection[str]] | None = None
    ) -> None:
        """The catalog has changed. `pixels`: each ad account's codes."""
        self._subscriptions = subscriptions
        self._pixels = pixels or {}

    # What intakes ask

    async def take(self, batch_id: str, lines: Sequence[bytes], filtered: bool, origin: str = "") -> Taken:
        """Take a batch: an event's JSON document a line; partners/documents.py makes lines of objects.

        `batch_id` names it for ever, with the same lines each time (an object's key and etag, a file's name
        and size): what was taken of it is not taken again. `filtered`: an earlier filter let them through,
        no subscription is asked. `origin` is the intake's name. Durable when it returns. Raises Unavailable:
        try again later under the same id; pieces that were taken by then are remembered.
        """
        done = await self._read(self._store.taken, batch_id)
        last = max(len(lines), 1)
        if done >= last:
            return Taken(again=True)
        tally = _Tally()
        for start in range(done, last, PIECE):
            piece = lines[start : start + PIECE]
            end = min(start + PIECE, last)
            events, refused = await self._blocking(read_lines, piece, start + 1)
            tally.refused(refused)
            self.counts["refused"] += len(refused)
            await self._settle(events, end, lambda line: Progress(batch_id, line), tally, filtered, origin)
        return tally.taken()

    async def take_entries(
        self, events: Sequence[Marked], last: int, progress: Callable[[int], Progress], origin: str
    ) -> Taken:
        """The same for events of a numbered log, up to its entry `last`: `progress` says so of a number."""
        tally = _Tally()
        await self._settle(events, last, progress, tally, False, origin)
        return tally.taken()

    async def sift(self, lines: Sequence[bytes]) -> Sifted:
        """Only filter: the lines that are asked for, for who has them taken elsewhere, or by a queue that
        follows. Nothing is stored; what is kept is counted where it is taken. Raises Unavailable."""
        kept: list[bytes] = []
        refusals: list[Refusal] = []
        for start in range(0, len(lines), PIECE):
            piece = lines[start : start + PIECE]
            events, refused = await self._blocking(read_lines, piece, start + 1)
            passed = await self._passed(events)
            kept += [lines[number - 1] for number, _ in passed]
            refusals += refused
            self.counts["processed"] += len(events) - len(passed)
            self.counts["refused"] += len(refused)
        return Sifted(kept, refusals)

    # One piece

    async def _settle(
        self,
        events: Sequence[Marked],
        end: int,
        progress: Callable[[int], Progress],
        tally: _Tally,
        filtered: bool,
        origin: str,
    ) -> None:
        """Store what these come to, and that everything up to `end` is taken."""
        if self._outbox_full():
            raise self._failed(Unavailable("too much waits for the warehouse: no event can be taken"))
        passed: Sequence[Marked] = events if filtered else await self._passed(events)
        rest: Sequence[Marked] = passed
        done = 0
        while True:
            some, rest = _lighter(rest)
            # What the filter holds back has no mark of its own: it goes with what follows it.
            upto = rest[0][0] - 1 if rest else end
            now = self._now_us()
            piece = [event for _, event in some]
            reckoned = await self._read(self._store_piece, piece, progress(upto), now, origin)
            tally.add(reckoned)
            self.labels.update(reckoned.labels)
            self.counts["unchanged"] += reckoned.unchanged
            self.counts["reports"] += len(reckoned.deliveries)
            if reckoned.deliveries:
                self._posted()
            stored = bisect_right(events, upto, lo=done, key=_mark)
            tally.passed(stored - done, len(some))
            self.counts["processed"] += stored - done
            self.counts["passed"] += len(some)
            done = stored
            if not rest:
                return

    def _store_piece(
        self, events: Sequence[Interpreted], progress: Progress, now: int, origin: str
    ) -> Reckoned:
        """In a thread: what was known, what follows from it, and all of it stored."""
        first = events[0] if events else None
        if first is not None and first == self._waits[0]:
            self._make_sure_of_room(first, {self._waits[1]})
        reckoned = reckon(
            events,
            self._store.known([event.id for event in events]) if events else {},
            self._codes,
            lambda event, change: self._announced(event, change, now),
            _shown_address,
            now,
            origin,
        )
        self._make_sure_of_room(first, {it.target for it in reckoned.deliveries})
        self._store.commit(progress, reckoned, now)
        return reckoned

    def _make_sure_of_room(self, first: Interpreted | None, targets: Collection[str]) -> None:
        crowded = self._store.crowded({target for target in targets if not self._held(target)})
        if crowded:
            self._waits = first, crowded
            raise Unavailable(f"too many reports wait for {crowded}: events wait until it has taken some")

    def _codes(self, event: Interpreted) -> Collection[str]:
        owner = event.ad_account_id
        if owner and event.pixel_id not in self._pixels.get(owner, ()):
            return ()
        return self._announcer.codes(event.traffic_source)

    def _announced(self, event: Interpreted, change: Difference, now: int) -> Sequence[Delivery]:
        try:
            return self._announcer.interpreted(event, change, now, self._sealed(event, now))
        except Exception as fault:  # one event that no one foresaw must not stop all the others
            log.exception("event not made", extra={"event": event.id})
            raise Unreportable(f"The event cannot be made: {type(fault).__name__}") from fault

    def _sealed(self, event: Interpreted, now: int) -> bytes:
        """Who it was, with the place that the event names, under today's key."""
        if not event.sealed:
            return self._sealer.seal(
                Identity(
                    address=event.address,
                    user_agent=event.user_agent,
                    city=event.city,
                    region=event.region,
                    country=event.country,
                ),
                now,
            )
        if event.sealed_us // DAY == now // DAY:  # by an edge, under the same key
            return event.sealed
        it = self._sealer.open(event.sealed)
        it = msgspec.structs.replace(it, city=event.city, region=event.region, country=event.country)
        return self._sealer.seal(it, now)

    async def _passed(self, events: Sequence[Marked]) -> list[Marked]:
        """Those that a subscription asks for; all of them while the filter is off."""
        if not self._intakes.filtering:
            return list(events)
        wants = self._subscriptions.wants
        passed = [each for each in events if wants(each[1])]
        if self.others is None or len(passed) == len(events):
            return passed
        ours = {number for number, _ in passed}
        campaigns = {event.campaign_id for number, event in events if number not in ours}
        try:
            elsewhere = set(await self.others(campaigns - {""}))
        except WeirError as fault:  # whatever it is, no event is wrong because of it
            raise self._failed(Unavailable(fault.message)) from fault
        return [each for each in events if each[0] in ours or each[1].campaign_id in elsewhere]

    async def _read(self, fn: Callable[..., T], *args: object) -> T:
        """In the store's thread; what it raises is kept for whoever looks."""
        try:
            found = await self._blocking(fn, *args)
        except Unavailable as fault:
            self._failed(fault)
            raise
        self.last_error = ""
        return found

    def _failed(self, fault: Unavailable) -> Unavailable:
        if fault.message != self.last_error:
            log.warning("interpreted events wait", extra={"reason": fault.message})
        self.last_error = fault.message
        return fault

    # Figures

    def report(self) -> InterpreterReport:
        off = self._intakes.switched_off(FILTER)
        return InterpreterReport(
            processed=self.counts["processed"],
            passed=self.counts["passed"],
            unchanged=self.counts["unchanged"],
            refused=self.counts["refused"],
            reports=self.counts["reports"],
            labels=dict(self.labels),
            totals=self._store.count(),
            filter_off_by=off.by if off is not None else "",
            last_error=self.last_error,
        )


class _Tally:
    """A batch's answer while it is taken."""

    def __init__(self) -> None:
        self._read = self._kept = self._unchanged = self._reports = 0
        self._labels: Counter[str] = Counter()
        self._refused: list[Refusal] = []

    def passed(self, read: int, kept: int) -> None:
        self._read += read
        self._kept += kept

    def add(self, reckoned: Reckoned) -> None:
        self._unchanged += reckoned.unchanged
        self._reports += len(reckoned.deliveries)
        self._labels.update(reckoned.labels)

    def refused(self, refused: Sequence[Refusal]) -> None:
        self._refused += refused[: max(MOST_REFUSALS - len(self._refused), 0)]

    def taken(self) -> Taken:
        return Taken(
            read=self._read,
            kept=self._kept,
            unchanged=self._unchanged,
            reports=self._reports,
            labels=dict(self._labels),
            refused=tuple(self._refused),
        )


def _lighter(events: Sequence[Marked]) -> tuple[Sequence[Marked], Sequence[Marked]]:
    """The first ones, as many as come to PIECE reports, and the rest."""
    weight = 0
    for place, (_, event) in enumerate(events):
        weight += 1 + event.conversions + event.lander_visitors + event.lander_searches
        if weight > 4 * PIECE and place:
            return events[:place], events[place:]
    return events, ()


def _shown_address(address: str) -> str:
    """What may be kept of it; "" for what is no address."""
    if not address:
        return ""
    if _USUAL.fullmatch(address):
        return cut_address(address)
    try:
        return cut_address(str(ipaddress.ip_address(address)))
    except ValueError:
        return ""
