"""The state machine of one conversion: its state and a postback → a revision, or a duplicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from appliance.attribution import history
from appliance.attribution.claim import Statement
from appliance.attribution.rates import Exchange, RateOf, no_rate
from appliance.attribution.revisions import Change, amounts, changes
from appliance.model.conversions import NEVER, ClickFacts, Conversion, Said, Terms, forbidden


class Circumstances(NamedTuple):
    """What counts beside the postbacks, at the moment when a conversion begins or its click is found.

    `unit`: the currency it counts in, "" for its own; `terms`: what its source asks for it; `rate`: what is
    known of currencies.
    """

    unit: str = ""
    terms: Terms | None = None
    rate: RateOf = no_rate


NOTHING_KNOWN = Circumstances()


class Revised(NamedTuple):
    """Something visible changed. One revision number per change, the last being the conversion's."""

    conversion: Conversion
    changes: tuple[Change, ...]
    note: str


class Duplicate(NamedTuple):
    """Nothing visible changed. `conversion` remembers what was said and must still be stored."""

    conversion: Conversion
    note: str


Verdict = Revised | Duplicate


def said_of(statement: Statement) -> Said:
    """What is kept of it."""
    return Said(
        statement.stamp,
        statement.status,
        statement.original_status,
        statement.payout,
        statement.currency,
        statement.event_type,
        statement.upsell,
        statement.policy,
        statement.happened_us,
    )


def begin(
    said: Statement,
    click: ClickFacts | None,
    known_us: int,
    circumstances: Circumstances = NOTHING_KNOWN,
    void: Conversion | None = None,
) -> Revised:
    """The first postback of a claim: revision 1, or the next one of the `void` conversion of that name.
    Without a click it is not attributed."""
    blank = fresh(said, click, known_us, circumstances, void)
    conversion = msgspec.structs.replace(blank, history=(said_of(said),))
    return _revised(void, _evaluated(conversion, circumstances.rate), known_us, "")


def fresh(
    said: Statement,
    click: ClickFacts | None,
    known_us: int,
    circumstances: Circumstances = NOTHING_KNOWN,
    before: Conversion | None = None,
) -> Conversion:
    """What `said` speaks of, before anything is heard of it; `before` has been it until now."""
    return Conversion(
        id=said.conversion_id,
        revision=before.revision if before is not None else 0,
        network_id=said.network_id or (click.network_id if click else 0),
        transaction_id=said.transaction_id,
        event_type="",
        at_us=0,
        known_us=known_us,
        status="",
        original_status="",
        status_stamp=NEVER,
        payout=None,
        payout_stamp=NEVER,
        currency="",
        currency_stamp=NEVER,
        click=click or ClickFacts(id=said.click_id, at_us=said.stamp[0]),
        terms=circumstances.terms,
        transitions=said.transitions,
        fallback=said.fallback,
        unit=circumstances.unit,
        attributed=click is not None,
        claim=said.claim if said.claim != said.conversion_id else "",
    )


def advance(before: Conversion, said: Statement, known_us: int, rate: RateOf = no_rate) -> Verdict:
    """A further postback of the conversion, wherever among the others its stamp puts it."""
    base = history.base_of(before)
    place = history.place_of(before.history, said.stamp)
    if place < len(before.history) and before.history[place].stamp == said.stamp:
        return Duplicate(before, "already known")
    if base is not None and said.stamp <= base.last:
        return Duplicate(before, "older than what is known, or without effect")
    told = (*before.history[:place], said_of(said), *before.history[place:])
    after = msgspec.structs.replace(
        before, history=told, base=base, fallback=before.fallback or said.fallback
    )
    after = _shortened(_evaluated(after, rate), rate)
    if changes(before, after):
        return _revised(before, after, known_us, _what_changed(before, after))
    return Duplicate(after, _without_effect(before, said))


def attach(before: Conversion, click: ClickFacts, known_us: int, circumstances: Circumstances) -> Revised:
    """Its click is known now: from here on it counts where the click does."""
    after = msgspec.structs.replace(
        before,
        click=click,
        attributed=True,
        network_id=before.network_id or click.network_id,
        terms=circumstances.terms,
        unit=circumstances.unit,
    )
    return _revised(before, _evaluated(after, circumstances.rate), known_us, "its click is known now")


def repeat(before: Conversion, known_us: int, *, repeated: bool = True) -> Revised:
    """Another conversion of its claim is the earliest now, or it is that one."""
    after = msgspec.structs.replace(before, repeated=repeated)
    return _revised(before, after, known_us, "repeated" if repeated else "the first one")


def retell(before: Conversion, said: Sequence[Statement], known_us: int, rate: RateOf = no_rate) -> Verdict:
    """The conversion as if these had been its postbacks, by today's rates. Without any it is void."""
    return moved(before, retold(before, said, rate), known_us)


def retold(standing: Conversion, said: Sequence[Statement], rate: RateOf = no_rate) -> Conversion:
    """The same, not yet a revision."""
    ordered = sorted(said, key=lambda it: it.stamp)
    after = msgspec.structs.replace(
        standing, history=tuple(map(said_of, ordered)), base=None, rates={}, void=not ordered
    )
    if not ordered:
        return after
    first = ordered[0]
    after = msgspec.structs.replace(after, transitions=first.transitions, fallback=first.fallback)
    return _shortened(_evaluated(after, rate), rate)


def moved(before: Conversion | None, after: Conversion, known_us: int) -> Verdict:
    """From one state to the other: what reprocessing makes of it."""
    if before is None or changes(before, after):
        note = "its postbacks are others' now" if after.void else "processed anew"
        return _revised(before, after, known_us, note)
    return Duplicate(after, "the same when processed anew")


def _rules(conversion: Conversion, rate: RateOf) -> history.Rules:
    since = conversion.click.at_us if conversion.attributed else 0
    return history.Rules(conversion.transitions, conversion.fallback, Exchange(conversion.rates, rate), since)


def _evaluated(conversion: Conversion, rate: RateOf) -> Conversion:
    return history.evaluated(conversion, _rules(conversion, rate))


def _shortened(conversion: Conversion, rate: RateOf) -> Conversion:
    """With no more history than is kept."""
    over = len(conversion.history) - history.MOST
    if over <= 0:
        return conversion
    base = history.fold(conversion.base, conversion.history[:over], _rules(conversion, rate))
    return msgspec.structs.replace(conversion, base=base, history=conversion.history[over:])


def _revised(before: Conversion | None, after: Conversion, known_us: int, note: str) -> Revised:
    found = changes(before, after)
    after = msgspec.structs.replace(after, revision=after.revision + len(found), known_us=known_us)
    return Revised(after, found, note)


def _what_changed(before: Conversion, after: Conversion) -> str:
    if after.status != before.status:
        return f"{before.status} to {after.status}"
    return "amount corrected" if amounts(after) != amounts(before) else "it began earlier"


def _without_effect(before: Conversion, said: Statement) -> str:
    """Why a postback changed nothing."""
    policy = before.history[0].policy if before.history else "edit"
    if policy in ("ignore", "event_id"):
        return "the first one stays"
    if forbidden(before.status, said.status, before.transitions):
        return f"{before.status} may not become {said.status}"
    original = before.original_payout if before.rate else before.payout
    same = said.status == before.status and said.payout in (None, original)
    return "already known" if same else "older than what is known, or without effect"
