"""Two states of a conversion → the differences between them, so that a report is a sum over all of them.

A conversion stands in one place of every report: its hour, its click's dimensions, its status, its currency.
While it stays there, what changed is one row; when it moves, all of it is taken from the old place and put
into the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from appliance.model.conversions import Conversion
from appliance.model.events import ConversionEvent


class Figures(NamedTuple):
    """What a conversion adds to a report, in micro-units of its currency."""

    conversions: int
    revenue: int
    hold: int


def figures(conversion: Conversion) -> Figures:
    """sale and lead: one, and its revenue. hold: one, and money in hold. refund and chargeback: what they
    leave of it, and one while they leave anything. rejected and trash: nothing."""
    payout, status = conversion.payout or 0, conversion.status
    if conversion.void:
        return Figures(0, 0, 0)
    if status in ("sale", "lead"):
        return Figures(1, payout, 0)
    if status == "hold":
        return Figures(1, 0, payout)
    returned = conversion.returned
    if status in ("refund", "chargeback") and returned is not None and returned < payout:
        return Figures(1, payout - returned, 0)
    return Figures(0, 0, 0)


class Amounts(NamedTuple):
    """What one row adds. `entered`: how many conversions it brings into its place; `original`: the payout in
    the network's word."""

    entered: int
    conversions: int
    revenue: int
    hold: int
    original: int


class Change(NamedTuple):
    """What is added where `conversion` stands."""

    conversion: Conversion
    amounts: Amounts


def amounts(conversion: Conversion) -> Amounts:
    """All that it adds where it stands."""
    if conversion.void:
        return Amounts(0, 0, 0, 0, 0)
    payout = conversion.original_payout if conversion.rate else conversion.payout
    return Amounts(1, *figures(conversion), payout or 0)


def place(conversion: Conversion) -> tuple[object, ...]:
    """Where it stands in reports."""
    it = conversion
    return (
        it.at_us, it.status, it.currency, it.event_type, it.upsell, it.repeated, it.network_id, it.rate,
        it.original_currency, it.click,
    )  # fmt: skip


def changes(before: Conversion | None, after: Conversion) -> tuple[Change, ...]:
    """What takes reports from one state to the other; () when no report can tell them apart."""
    new = amounts(after)
    if before is None:
        return (Change(after, new),)
    old = amounts(before)
    if place(before) == place(after):
        difference = Amounts(*(b - a for a, b in zip(old, new, strict=True)))
        return (Change(after, difference),) if any(difference) else ()
    found = (Change(before, Amounts(*(-each for each in old))), Change(after, new))
    return tuple(change for change in found if any(change.amounts))


def census(known: Conversion, now_us: int) -> tuple[Conversion, ConversionEvent]:
    """A conversion from before `entered` was told, and the revision that says where it is."""
    after = msgspec.structs.replace(known, revision=known.revision + 1, known_us=now_us)
    payout = known.payout or 0
    (record,) = records(after, (Change(after, Amounts(1, 0, 0, 0, payout)),))
    return after, record


def records(after: Conversion, found: Sequence[Change]) -> list[ConversionEvent]:
    """The changes as events, each with its own revision number, the last one being that of `after`."""
    first = after.revision - len(found) + 1
    return [
        ConversionEvent(
            v=2,
            id=it.id,
            revision=first + index,
            at_us=it.at_us,
            known_us=after.known_us,
            status=it.status,
            original_status=it.original_status,
            event_type=it.event_type,
            count=added.conversions,
            revenue=added.revenue,
            hold=added.hold,
            currency=it.currency,
            transaction_id=it.transaction_id,
            network_id=it.network_id,
            click_id=it.click.id,
            click_at_us=it.click.at_us,
            campaign_id=it.click.campaign_id,
            stream_id=it.click.stream_id,
            destination_id=it.click.destination_id,
            source_id=it.click.source_id,
            link_id=it.click.link_id,
            subs=it.click.subs,
            utm=it.click.utm,
            entered=added.entered,
            repeated=it.repeated,
            upsell=it.upsell,
            original_payout=added.original,
            original_currency=it.original_currency or it.currency,
            rate=it.rate,
        )
        for index, (it, added) in enumerate(found)
    ]
