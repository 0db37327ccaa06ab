"""What a conversion costs where its source is paid for conversions: so much for each, or a share of revenue.

The cost follows the conversion as its revenue does: a function of its state, so that what differs between
two states is what is charged or given back, and all revisions of a rejected one add up to nothing.
"""

from __future__ import annotations

from fractions import Fraction

from appliance.attribution.revisions import figures
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
    """What this revision adds to the cost, or takes away: two rows when the currency, the time or the click
    changed."""
    due: dict[tuple[str, int, int, str], tuple[Conversion, int]] = {}
    for sign, it in ((-1, before), (1, after)):
        if it is None or it.terms is None:
            continue
        currency, amount = charge(it)
        # A click has dictionaries and no hash.
        where = (currency, it.at_us, it.network_id, it.click.id if it.attributed else "")
        due[where] = (it, due[where][1] + sign * amount if where in due else sign * amount)
    return [
        CostAdjustment(
            v=1,
            id=it.id,
            at_us=it.at_us,
            known_us=after.known_us,
            campaign_id=it.click.campaign_id,
            stream_id=it.click.stream_id,
            destination_id=it.click.destination_id,
            source_id=it.click.source_id,
            network_id=it.network_id,
            link_id=it.click.link_id,
            cost=amount,
            currency=where[0],
            author="",
            note=f"{it.terms.kind if it.terms else ''}, revision {after.revision}",
            subs=it.click.subs,
            utm=it.click.utm,
            click_id=it.click.id,
        )
        for where, (it, amount) in due.items()
        if amount
    ]
