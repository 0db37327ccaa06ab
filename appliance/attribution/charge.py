"""What a conversion costs where its source is paid for conversions: so much for each, or a share of revenue.

The cost follows the conversion as its revenue does: a function of its state, so that what differs between
two states is what is charged or given back, and all revisions of a rejected one add up to nothing.
"""

from __future__ import annotations

from fractions import Fraction

from appliance.attribution.status import figures
from appliance.model import money
from appliance.model.catalog import Source
from appliance.model.conversions import Conversion, Terms
from appliance.model.events import CostAdjustment

_WHOLE = 100 * money.MICRO
"""100 per cent, in millionths of a per cent."""


def terms_of(source: Source | None, currency: str) -> Terms | None:
    """What a source asks for conversions now; None when it asks for clicks. `currency` where it has none."""
    if source is None or source.cost_model.kind not in ("cpa", "revshare"):
        return None
    amount = money.micro(source.cost_model.amount)
    if not amount or amount < 0:
        return None
    return Terms(kind=source.cost_model.kind, amount=amount, currency=source.currency or currency)


def charge(conversion: Conversion) -> tuple[str, int]:
    """(currency, micro-units) that the conversion costs as it is now."""
    terms = conversion.terms
    if terms is None:
        return conversion.currency, 0
    count, revenue, _ = figures(conversion)
    if terms.kind == "cpa":
        return terms.currency, terms.amount * count
    return conversion.currency, round(Fraction(revenue * terms.amount, _WHOLE))


def charges(before: Conversion | None, after: Conversion) -> list[CostAdjustment]:
    """What this revision adds to the cost, or takes away; two rows when the currency changed."""
    terms = after.terms
    if terms is None:
        return []
    differences: dict[str, int] = {}
    if before is not None:
        currency, amount = charge(before)
        differences[currency] = -amount
    currency, amount = charge(after)
    differences[currency] = differences.get(currency, 0) + amount
    click = after.click
    return [
        CostAdjustment(
            v=1,
            id=after.id,
            at_us=after.at_us,
            known_us=after.known_us,
            campaign_id=click.campaign_id,
            stream_id=click.stream_id,
            destination_id=click.destination_id,
            source_id=click.source_id,
            network_id=after.network_id,
            link_id=click.link_id,
            cost=difference,
            currency=unit,
            author="",
            note=f"{terms.kind}, revision {after.revision}",
            subs=click.subs,
            utm=click.utm,
            click_id=click.id,
        )
        for unit, difference in differences.items()
        if difference
    ]
