"""A batch of postbacks → what it changes. Pure: the actor brings what is known and stores what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from appliance.attribution import status
from appliance.attribution.charge import charges
from appliance.attribution.claim import Statement, Unusable
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
    """What a batch did so far. `settled` are positions that waited before and no longer do."""

    known: dict[str, Conversion]
    now_us: int
    changed: dict[str, Conversion] = field(default_factory=dict)
    records: list[SettledRecord] = field(default_factory=list)
    settled: list[Position] = field(default_factory=list)
    unresolved: list[Arrival] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def close(self, arrival: Arrival, outcome: str, reason: str) -> None:
        """Log what became of a postback that needs no more attention."""
        self.say(arrival, outcome, reason)
        if arrival.row is not None:
            self.settled.append(arrival.position)

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
                click_id=meaning.click_id,
                transaction_id=meaning.transaction_id,
                conversion_id=arrival.claim if outcome in ("conversion", "duplicate") else "",
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


def settle(
    arrivals: Iterable[Arrival],
    known: Mapping[str, Conversion],
    find: Callable[[str], ClickFacts | None],
    now_us: int,
    terms: Callable[[int], Terms | None] = no_terms,
    post: Post = no_post,
) -> Batch:
    """Apply postbacks in the order of their stamps. `known` holds the conversions their claims name.

    `terms` says what a source asks for a conversion that begins now, `post` who is told of a revision.
    A postback whose conversion exists needs no click. One whose click `find` does not know is left in
    `unresolved`, unless another postback of this batch has begun its conversion.
    """
    batch = Batch(dict(known), now_us)
    ordered = sorted(arrivals, key=lambda arrival: (arrival.event.at_us, arrival.position))
    left = [arrival for arrival in ordered if not _apply(batch, arrival, find, terms, post)]
    batch.unresolved = [
        arrival
        for arrival in left
        if arrival.claim not in batch.known or not _apply(batch, arrival, find, terms, post)
    ]
    return batch


def _apply(
    batch: Batch,
    arrival: Arrival,
    find: Callable[[str], ClickFacts | None],
    terms: Callable[[int], Terms | None],
    post: Post,
) -> bool:
    """Settle one postback; False when its click is not known."""
    said = arrival.meaning
    if isinstance(said, Unusable):
        batch.close(arrival, "refused", said.reason)
        return True
    before = batch.known.get(said.conversion_id)
    verdict: status.Verdict
    if before is not None:
        verdict = status.advance(before, said, batch.now_us)
    elif not said.click_id:
        batch.close(arrival, "refused", "click_id: missing, and no such transaction is known")
        return True
    else:
        click = find(said.click_id)
        if click is None:
            return False
        verdict = status.begin(said, click, batch.now_us, terms(click.source_id))
    after = verdict.conversion
    batch.known[after.id] = batch.changed[after.id] = after
    notes = [verdict.note] if verdict.note else []
    if said.click_id and said.click_id != after.click.id:
        notes.append("names another click than its conversion's")
    outcome = "duplicate"
    if isinstance(verdict, status.Revised):
        batch.records += status.records(verdict)
        batch.records += charges(before, after)
        batch.deliveries += post(before, after, batch.now_us)
        outcome = "conversion"
    batch.close(arrival, outcome, "; ".join([*notes, *said.notes]))
    return True
