"""A batch of postbacks → what it changes. Pure: the actor brings what is known and stores what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from appliance.attribution import status
from appliance.attribution.charge import charges
from appliance.attribution.claim import Statement, Unusable
from appliance.attribution.rates import RateOf, no_rate
from appliance.attribution.revisions import Change, records
from appliance.model.conversions import (
    ClickFacts,
    Conversion,
    Position,
    SettledRecord,
    Terms,
    WaitingPostback,
)
from appliance.model.deliveries import Delivery
from appliance.model.events import PostbackLogEvent

NO_CLICK = "click_id: missing, and no such transaction is known"
COUNTED = ("conversion", "duplicate", "attributed")
"""Outcomes of a postback that belongs to a conversion."""


@dataclass(frozen=True)
class Arrival:
    """A received postback at its position, as understood; `row` when it has been waiting."""

    position: Position
    event: PostbackLogEvent
    meaning: Statement | Unusable
    row: WaitingPostback | None = None

    @property
    def claim(self) -> str:
        """The conversion it speaks of; "" when it is unusable."""
        return self.meaning.conversion_id if isinstance(self.meaning, Statement) else ""


@dataclass
class Batch:
    """What a batch did so far. `settled` are positions that waited before and no longer do, `recorded` those
    that became part of a conversion without their click and wait for it."""

    known: dict[str, Conversion]
    now_us: int
    changed: dict[str, Conversion] = field(default_factory=dict)
    records: list[SettledRecord] = field(default_factory=list)
    settled: list[Position] = field(default_factory=list)
    unresolved: list[Arrival] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, str] = field(default_factory=dict)
    changed_firsts: dict[str, str] = field(default_factory=dict)
    recorded: set[Position] = field(default_factory=set)

    def close(self, arrival: Arrival, outcome: str, reason: str) -> None:
        """Log what became of a postback that needs no more attention."""
        self.say(arrival, outcome, reason)
        self.end(arrival)

    def end(self, arrival: Arrival) -> None:
        """Its outcome was logged before; now it waits no longer."""
        if arrival.row is not None:
            self.settled.append(arrival.position)

    def record(self, arrival: Arrival, outcome: str, reason: str) -> None:
        """Log what became of a postback that is counted already and still waits for its click."""
        self.say(arrival, outcome, reason)
        self.recorded.add(arrival.position)

    def say(self, arrival: Arrival, outcome: str, reason: str) -> None:
        """Log an outcome; the postback's own parameters stay in its `received` record alone."""
        meaning = arrival.meaning
        self.outcomes[outcome] += 1
        self.records.append(
            msgspec.structs.replace(
                arrival.event,
                stage="processed",
                outcome=outcome,
                reason=reason,
                params={},
                address="",
                sealed=b"",
                click_id=meaning.click_id,
                transaction_id=meaning.transaction_id,
                conversion_id=arrival.claim if outcome in COUNTED else "",
                known_us=self.now_us,
            )
        )


def no_terms(source_id: int) -> Terms | None:
    """Nobody asks anything for a conversion."""
    return None


Post = Callable[[Conversion | None, Conversion, int], Iterable[Delivery]]
"""What a revision is reported to: (conversion before, after, now) → deliveries."""


def no_post(before: Conversion | None, after: Conversion, now_us: int) -> Iterable[Delivery]:
    """Nobody is told of a conversion."""
    return ()


def own_currency(campaign_id: int) -> str:
    """Every conversion counts in the currency that its network names."""
    return ""


class Circles(NamedTuple):
    """Whom a batch asks: what a source asks for a conversion that begins now, in which currency a campaign's
    conversions count ("" for their own), what is known of currencies, and who is told of a revision."""

    terms: Callable[[int], Terms | None] = no_terms
    post: Post = no_post
    unit: Callable[[int], str] = own_currency
    rate: RateOf = no_rate


def circumstances_of(circles: Circles, click: ClickFacts | None) -> status.Circumstances:
    """What counts for a conversion that begins now, or is given its click."""
    terms = circles.terms(click.source_id) if click is not None else None
    unit = circles.unit(click.campaign_id if click is not None else 0)
    return status.Circumstances(unit, terms, circles.rate)


def settle(
    arrivals: Iterable[Arrival],
    known: Mapping[str, Conversion],
    find: Callable[[str], ClickFacts | None],
    now_us: int,
    terms: Callable[[int], Terms | None] = no_terms,
    post: Post = no_post,
    *,
    unit: Callable[[int], str] = own_currency,
    rate: RateOf = no_rate,
    firsts: Mapping[str, str] | None = None,
    tried: Collection[Position] = (),
) -> Batch:
    """Apply postbacks in the order of their stamps. `known` holds the conversions they speak of and those
    that `firsts` names: the earliest one of each claim.

    `terms` says what a source asks for a conversion that begins now, `post` who is told of a revision, `unit`
    in which currency a campaign's conversions count ("" for their own), `rate` what is known of currencies.
    A postback whose conversion exists needs no click. One whose click `find` does not know is left in
    `unresolved`, unless another postback of this batch has begun its conversion. Where its network accepts
    that, and a lookup was tried, it is recorded without its click and waits on, in `unresolved` too.
    """
    batch = Batch(dict(known), now_us, firsts=dict(firsts or {}))
    work = _Settling(batch, find, Circles(terms, post, unit, rate), frozenset(tried))
    ordered = sorted(arrivals, key=lambda arrival: (arrival.event.at_us, arrival.position))
    left = [arrival for arrival in ordered if not work.apply(arrival)]
    batch.unresolved = [
        arrival for arrival in left if arrival.claim not in batch.known or not work.apply(arrival)
    ]
    return batch


def _with_buyer(before: Conversion | None, after: Conversion, said: Statement) -> Conversion:
    """The latest postback that says who bought counts, in whatever order they are read."""
    known = before.sealed if before is not None and not before.void else b""
    newest = not any(it.stamp > said.stamp for it in after.history)
    its_own = said.sealed if said.conversion_id == after.id else b""
    sealed = its_own if its_own and (newest or not known) else known
    return msgspec.structs.replace(after, sealed=sealed) if sealed != after.sealed else after


class _Settling:
    """One batch at work."""

    def __init__(
        self,
        batch: Batch,
        find: Callable[[str], ClickFacts | None],
        circles: Circles,
        tried: frozenset[Position],
    ) -> None:
        self._batch = batch
        self._find = find
        self._circles = circles
        self._tried = tried

    def apply(self, arrival: Arrival) -> bool:
        """Settle one postback; False when it waits (on) for its click."""
        said, batch = arrival.meaning, self._batch
        if isinstance(said, Unusable):
            batch.close(arrival, "refused", said.reason)
            return True
        before = batch.known.get(said.conversion_id)
        sought = said.click_id and (before is None or before.void or not before.attributed)
        click = self._find(said.click_id) if sought else None
        if before is None or before.void:
            return self._begin(arrival, said, click, before)
        recorded = arrival.position in batch.recorded or (arrival.row is not None and arrival.row.recorded)
        if not recorded:
            verdict = status.advance(before, said, batch.now_us, self._circles.rate)
            outcome, reason = self._store(before, verdict, said)
        now = batch.known[said.conversion_id]
        if not now.attributed and click is not None:
            attached = status.attach(now, click, batch.now_us, circumstances_of(self._circles, click))
            self._store(now, attached, said)
            if recorded:
                batch.close(arrival, "attributed", "its click is known now")
                return True
        elif not now.attributed and said.click_id and (said.accept or recorded):
            if not recorded:
                batch.record(arrival, outcome, reason)
            return False
        if recorded:
            batch.end(arrival)
        else:
            batch.close(arrival, outcome, reason)
        return True

    def _begin(
        self, arrival: Arrival, said: Statement, click: ClickFacts | None, void: Conversion | None
    ) -> bool:
        batch = self._batch
        if click is None and not said.accept:
            if said.click_id:
                return False
            batch.close(arrival, "refused", NO_CLICK)
            return True
        if click is None and said.click_id and arrival.position not in self._tried:
            return False
        verdict = status.begin(said, click, batch.now_us, circumstances_of(self._circles, click), void)
        if said.policy == "repeat":
            verdict = self._among(said, verdict)
        outcome, reason = self._store(void, verdict, said)
        if click is None and said.click_id:
            batch.record(arrival, outcome, "; ".join(filter(None, [reason, "its click is not known yet"])))
            return False
        batch.close(arrival, outcome, reason)
        return True

    def _among(self, said: Statement, begun: status.Revised) -> status.Revised:
        """Of all conversions of a claim, all but the earliest are marked."""
        batch = self._batch
        earliest = batch.known.get(batch.firsts.get(said.claim, ""))
        if earliest is not None and not earliest.void and earliest.history[0].stamp < said.stamp:
            after = msgspec.structs.replace(begun.conversion, repeated=True)
            return status.Revised(after, (Change(after, begun.changes[0].amounts),), "repeated")
        batch.firsts[said.claim] = batch.changed_firsts[said.claim] = begun.conversion.id
        if earliest is not None and not earliest.void:
            self._store(earliest, status.repeat(earliest, batch.now_us), said)
        return begun

    def _store(self, before: Conversion | None, verdict: status.Verdict, said: Statement) -> tuple[str, str]:
        """Keep what became of a conversion; (outcome, reason) of the postback."""
        batch, after = self._batch, _with_buyer(before, verdict.conversion, said)
        batch.known[after.id] = batch.changed[after.id] = after
        notes = [verdict.note] if verdict.note else []
        if said.click_id and said.click_id != after.click.id:
            notes.append("names another click than its conversion's")
        outcome = "duplicate"
        if isinstance(verdict, status.Revised):
            batch.records += records(after, verdict.changes)
            batch.records += charges(before, after)
            batch.deliveries += self._circles.post(before, after, batch.now_us)
            outcome = "conversion"
        return outcome, "; ".join([*notes, *said.notes])
