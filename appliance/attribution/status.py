"""The state machine of one conversion: its state and a postback → a revision, as differences, or a duplicate.

Status, payout and currency are each "the latest word wins", by the postback's stamp. So the end state does
not depend on the order in which postbacks are read: edges, retries and restarts may reorder them.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from appliance.attribution.claim import Statement
from appliance.model.conversions import NEVER, ClickFacts, Conversion, Terms
from appliance.model.events import ConversionEvent


class Figures(NamedTuple):
    """What a conversion adds to a report, in micro-units of its currency."""

    conversions: int
    revenue: int
    hold: int


class Difference(NamedTuple):
    """A change of the figures in one currency."""

    currency: str
    conversions: int
    revenue: int
    hold: int


class Revised(NamedTuple):
    """Something visible changed. One revision number per difference, the last being the conversion's."""

    conversion: Conversion
    differences: tuple[Difference, ...]
    note: str


class Duplicate(NamedTuple):
    """Nothing visible changed. `conversion` remembers the newer stamps and must still be stored."""

    conversion: Conversion
    note: str


Verdict = Revised | Duplicate


def figures(conversion: Conversion) -> Figures:
    """sale and lead: one, and its revenue. hold: one, and money in hold. rejected and trash: nothing."""
    payout = conversion.payout or 0
    if conversion.status in ("sale", "lead"):
        return Figures(1, payout, 0)
    if conversion.status == "hold":
        return Figures(1, 0, payout)
    return Figures(0, 0, 0)


def begin(said: Statement, click: ClickFacts, known_us: int, terms: Terms | None = None) -> Revised:
    """The first postback of a claim: revision 1. `terms`: what its source asks for it."""
    conversion = Conversion(
        id=said.conversion_id,
        revision=1,
        network_id=said.network_id or click.network_id,
        transaction_id=said.transaction_id,
        event_type=said.event_type,
        at_us=said.stamp[0],
        known_us=known_us,
        status=said.status,
        original_status=said.original_status,
        status_stamp=said.stamp,
        payout=said.payout,
        payout_stamp=NEVER if said.payout is None else said.stamp,
        currency=said.currency or said.fallback,
        currency_stamp=said.stamp if said.currency else NEVER,
        click=click,
        terms=terms,
    )
    return Revised(conversion, (Difference(conversion.currency, *figures(conversion)),), "")


def advance(before: Conversion, said: Statement, known_us: int) -> Verdict:
    """A further postback of the claim.

    A postback without a payout keeps the one known, and so for the currency. A changed
    currency takes the old figures back and adds the new ones, as two revisions.
    """
    changes: dict[str, object] = {}
    if said.stamp > before.status_stamp:
        changes["status_stamp"] = said.stamp
        if said.status != before.status:
            changes["status"] = said.status
            changes["original_status"] = said.original_status
    if said.payout is not None and said.stamp > before.payout_stamp:
        changes |= {"payout": said.payout, "payout_stamp": said.stamp}
    if said.currency and said.stamp > before.currency_stamp:
        changes |= {"currency": said.currency, "currency_stamp": said.stamp}
    after = msgspec.structs.replace(before, **changes)
    old, new = figures(before), figures(after)
    moved = after.currency != before.currency and (any(old) or any(new))
    if after.status == before.status and old == new and not moved:
        same = said.status == before.status and said.payout in (None, after.payout)
        return Duplicate(after, "already known" if same else "older than what is known, or without effect")
    differences: tuple[Difference, ...]
    if moved and any(old):
        differences = (
            Difference(before.currency, -old.conversions, -old.revenue, -old.hold),
            Difference(after.currency, *new),
        )
    else:
        differences = (
            Difference(
                after.currency,
                new.conversions - old.conversions,
                new.revenue - old.revenue,
                new.hold - old.hold,
            ),
        )
    after = msgspec.structs.replace(after, revision=before.revision + len(differences), known_us=known_us)
    note = f"{before.status} to {after.status}" if after.status != before.status else "amount corrected"
    return Revised(after, differences, note)


def records(revised: Revised) -> list[ConversionEvent]:
    """The revision as events: one per difference, each with its own revision number."""
    conversion, click = revised.conversion, revised.conversion.click
    first = conversion.revision - len(revised.differences) + 1
    return [
        ConversionEvent(
            v=1,
            id=conversion.id,
            revision=first + index,
            at_us=conversion.at_us,
            known_us=conversion.known_us,
            status=conversion.status,
            original_status=conversion.original_status,
            event_type=conversion.event_type,
            count=difference.conversions,
            revenue=difference.revenue,
            hold=difference.hold,
            currency=difference.currency,
            transaction_id=conversion.transaction_id,
            network_id=conversion.network_id,
            click_id=click.id,
            click_at_us=click.at_us,
            campaign_id=click.campaign_id,
            stream_id=click.stream_id,
            destination_id=click.destination_id,
            source_id=click.source_id,
            link_id=click.link_id,
            subs=click.subs,
            utm=click.utm,
        )
        for index, difference in enumerate(revised.differences)
    ]
