"""Stored postbacks understood anew: gathered from the warehouse and the ledger, told in a thread, and stored
through the conversions actor. Nothing is kept from one request to the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from appliance.actors.conversions import Conversions
from appliance.actors.conversions_books import Books
from appliance.actors.kernel import thread_runner
from appliance.attribution.claim import Statement, Unusable
from appliance.attribution.history import policy_of
from appliance.attribution.reprocess import Known, Reprocessed, reprocess
from appliance.attribution.settle import Arrival
from appliance.errors import Conflict, FieldProblem, Refused, Unavailable
from appliance.model.conversions import ClickFacts, Conversion, Position, Settlement, Stamp, entered_position
from appliance.model.events import ConversionEvent, PostbackLogEvent, decode
from appliance.model.ids import name_of
from appliance.model.inbox import Fate, Raw
from appliance.operations.reprocessing_desk import NO_DRAFTS, Ask, Drafts, Prepared, Tried
from appliance.ports import Ledger, Runner
from appliance.reporting import inbox
from appliance.reporting.inbox import Wanted

T = TypeVar("T")
Subject = tuple[int, str, str]
"""(network id, transaction id, click id where there is none): what conversions of a claim share."""
MOST = 20_000
"""Postbacks of one reprocessing, those that come along included."""
MOST_BYTES = 64 << 20
MOST_UNSHIPPED = 100_000
_CHANGED = "something that this depends on has changed meanwhile; look at a preview again"


@dataclass(frozen=True)
class Unshipped:
    """What the warehouse does not know yet: fates of postbacks by id, conversions by their subject."""

    fates: dict[str, Fate]
    claimed: dict[Subject, set[str]]

    def take(self, record: object) -> None:
        match record:
            case PostbackLogEvent(stage="processed") as it:
                self.fates[it.id] = Fate(
                    it.outcome, it.reason, it.conversion_id, it.click_id, it.transaction_id
                )
            case ConversionEvent() as it:
                subject = _subject(it.network_id, it.transaction_id, it.click_id)
                self.claimed.setdefault(subject, set()).add(it.id)
            case _:
                pass


@dataclass
class Gathered:
    """One reprocessing before it is carried out; `applied` and `profiles` are what it was made by."""

    applied: int
    books: Books
    raws: dict[Position, Raw] = field(default_factory=dict)
    meanings: dict[Position, Statement | Unusable] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)
    conversions: dict[str, Conversion] = field(default_factory=dict)
    firsts: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Subject] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    sought: set[Stamp] = field(default_factory=set)
    bytes: int = 0


class _Prepared:
    """operations.reprocessing_desk.Prepared."""

    def __init__(self, gathered: Gathered, found: Reprocessed, drafted: bool) -> None:
        self.gathered = gathered
        self.found = found
        self.fingerprint = found.fingerprint()
        self.postbacks = len(gathered.raws)
        self.drafted = drafted


class Inbox:
    """operations.reprocessing_desk.InboxDesk. One reprocessing is prepared at a time. `wait_us`: how long a
    postback waits for its click where its network says nothing."""

    def __init__(
        self, ledger: Ledger, conversions: Conversions, wait_us: int, run_blocking: Runner | None = None
    ) -> None:
        self._ledger = ledger
        self._conversions = conversions
        self._wait_us = wait_us
        self._run = run_blocking or thread_runner(1)
        self._busy = False
        self._applied = 0

    async def conversions(self, ids: Sequence[str]) -> Mapping[str, Conversion]:
        return await self._run(self._ledger.conversions, ids)

    # Preparing

    async def prepare(
        self, which: Wanted, ask: Ask, drafts: Drafts = NO_DRAFTS, *, report: bool = False
    ) -> Prepared:
        async with self._alone():
            gathered = Gathered(self._applied, _drafted(self._conversions.books({}), drafts))
            # First what is not shipped yet: what is shipped meanwhile is then in the warehouse.
            later = await self._run(self._unshipped)
            rows = await ask(inbox.wanted(which, MOST + 1))
            await self._run(self._take, gathered, rows, later)
            while stamps := await self._run(self._missing, gathered):
                for some in _pieces(stamps, inbox.AT_ONCE):
                    rows = await ask(inbox.at(some))
                    await self._run(self._take, gathered, rows, later)
            for subjects in _pieces(sorted(set(gathered.claims.values())), inbox.AT_ONCE):
                gathered.claimed |= {row["id"] for row in await ask(inbox.claimed(subjects))}
            facts = await self._conversions.clicks(await self._run(_clicks, gathered))
            facts |= {it.click.id: it.click for it in gathered.conversions.values() if it.attributed}
            found = await self._run(self._reprocess, gathered, facts, later, report)
            return _Prepared(gathered, found, bool(drafts.networks or drafts.templates))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self._busy:
            raise Unavailable("somebody else is reprocessing postbacks just now; try again in a moment")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _unshipped(self) -> Unshipped:
        """What the warehouse has not heard of yet."""
        if self._ledger.sizes().outbox > MOST_UNSHIPPED:
            raise Unavailable("too much waits for the warehouse; try again when it has caught up")
        found = Unshipped({}, {})
        for log in self._ledger.outboxes():
            after = 0
            while entries := log.read(after, 5_000):
                after = entries[-1].seq
                for entry in entries:
                    found.take(decode(entry.body))
        return found

    def _take(self, gathered: Gathered, rows: Iterable[Mapping[str, object]], later: Unshipped) -> None:
        """Take in and understand what was received."""
        for row in rows:
            raw = inbox.raw_of(row, later.fates)
            if raw.position in gathered.raws:
                continue
            gathered.bytes += sum(map(len, raw.event.params.values()))
            if len(gathered.raws) >= MOST or gathered.bytes > MOST_BYTES:
                raise Refused(
                    "these are too many postbacks at once",
                    [FieldProblem("to", f"a shorter period: at most {MOST:,} postbacks, those included that "
                                  "belong to the same conversions")],
                )  # fmt: skip
            gathered.raws[raw.position] = raw
            gathered.meanings[raw.position] = gathered.books.understand(raw.position, raw.event)

    def _missing(self, gathered: Gathered) -> list[Stamp]:
        """Load the conversions that are touched; the stamps of their postbacks not looked for yet."""
        ids = {raw.fate.conversion_id for raw in gathered.raws.values()} - {""}
        for meaning in gathered.meanings.values():
            if isinstance(meaning, Statement):
                ids.add(meaning.conversion_id)
                if meaning.policy == "repeat":
                    gathered.claims[meaning.claim] = _subject(
                        meaning.network_id, meaning.transaction_id, meaning.click_id
                    )
        ids -= gathered.looked_at
        gathered.looked_at |= ids
        conversions = self._ledger.conversions(list(ids))
        gathered.conversions |= conversions
        missing = []
        for conversion in conversions.values():
            if policy_of(conversion) == "repeat":
                it = conversion
                gathered.claims[it.claim] = _subject(it.network_id, it.transaction_id, it.click.id)
            for said in conversion.history:
                if said.stamp[1:] not in gathered.raws and said.stamp not in gathered.sought:
                    gathered.sought.add(said.stamp)
                    missing.append(said.stamp)
        if len(gathered.raws) + len(missing) > MOST:
            raise Refused(
                "these are too many postbacks at once",
                [FieldProblem("to", f"a shorter period: more than {MOST:,} belong to these conversions")],
            )
        return sorted(missing)

    def _reprocess(
        self, gathered: Gathered, facts: Mapping[str, ClickFacts], later: Unshipped, report: bool
    ) -> Reprocessed:
        ledger, books = self._ledger, gathered.books
        gathered.firsts = dict(ledger.firsts(list(gathered.claims)))
        unshipped = {id_ for subject in gathered.claims.values() for id_ in later.claimed.get(subject, ())}
        named = {*gathered.firsts.values(), *gathered.claimed, *unshipped} - gathered.looked_at
        others = ledger.conversions(list(named))
        others = {id_: it for id_, it in others.items() if it.claim in gathered.claims}
        gathered.looked_at |= others.keys()
        gathered.conversions |= others
        known = Known(gathered.conversions, facts.get, gathered.firsts, self._wait_us)
        return reprocess(
            gathered.raws.values(), gathered.meanings, known, books.now_us, books.circles, report=report
        )

    # Applying

    async def apply(self, prepared: Prepared) -> None:
        assert isinstance(prepared, _Prepared)
        assert not prepared.drafted
        gathered, batch = prepared.gathered, prepared.found.batch

        def work(books: Books) -> tuple[Settlement, None]:
            """In the actor's thread: nothing that this was made of may have changed."""
            for number, profile in gathered.books.profiles().items():
                if books.profile(number) != profile:
                    raise Conflict(_CHANGED)
            if (
                self._applied != gathered.applied
                or books.ledger.conversions(list(gathered.looked_at)) != gathered.conversions
                or books.ledger.firsts(list(gathered.claims)) != gathered.firsts
            ):
                raise Conflict(_CHANGED)
            self._applied += 1
            return Settlement(
                conversions=list(batch.changed.values()),
                settled=batch.settled,
                records=batch.records,
                deliveries=batch.deliveries,
                firsts=batch.changed_firsts,
            ), None

        await self._conversions.perform(work)

    # Trying one

    async def test(self, event: PostbackLogEvent, drafts: Drafts = NO_DRAFTS) -> Tried:
        position = entered_position(name_of("test"))
        books = _drafted(self._conversions.books({}), drafts)
        meaning = books.understand(position, event)
        wanted = meaning.click_id
        facts = await self._conversions.clicks([wanted] if wanted else [])
        return await self._run(self._try, event, position, replace(books, find=facts.get), meaning)

    def _try(
        self, event: PostbackLogEvent, position: Position, books: Books, meaning: Statement | Unusable
    ) -> Tried:
        batch = books.settle([Arrival(position, event, meaning)], [position])
        before = None
        if isinstance(meaning, Statement):
            before = books.ledger.conversions([meaning.conversion_id]).get(meaning.conversion_id)
        outcome, reason = "waiting", "its click is not known"
        for record in batch.records:
            if isinstance(record, PostbackLogEvent):
                outcome, reason = record.outcome, record.reason
        after = batch.changed.get(meaning.conversion_id) if isinstance(meaning, Statement) else None
        return Tried(meaning, books.find(meaning.click_id), outcome, reason, before, after)


def _clicks(gathered: Gathered) -> list[str]:
    """The clicks that have to be looked up: those that a conversion has are known."""
    had = {it.click.id for it in gathered.conversions.values() if it.attributed and not it.void}
    named = {meaning.click_id for meaning in gathered.meanings.values() if isinstance(meaning, Statement)}
    return sorted(named - had - {""})


def _drafted(books: Books, drafts: Drafts) -> Books:
    if not (drafts.networks or drafts.templates):
        return books
    return books.instead(
        lambda number: drafts.networks.get(number) or books.network(number),
        lambda number: drafts.templates.get(number) or books.template(number),
    )


def _subject(network_id: int, transaction_id: str, click_id: str) -> Subject:
    """What a claim is about, as a conversion's events name it."""
    return network_id, transaction_id, "" if transaction_id else click_id


def _pieces(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
