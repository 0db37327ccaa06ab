"""What a conversion's postbacks come to: a pure fold over what they said, in the order of their stamps.

So the end does not depend on the order in which postbacks are read: edges, retries and restarts may reorder
them, and late news find the place that was theirs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import msgspec

from appliance.attribution.rates import Exchange, day_of
from appliance.model.conversions import NEVER, Conversion, Said, Stamp, Told, forbidden

MOST = 64
"""What is kept of a conversion; what is older is put together, and nothing older than that is heard."""
TAKEN_BACK = ("refund", "chargeback")
COUNTING = ("lead", "sale", "hold")


_SECOND = 1_000_000


class Rules(NamedTuple):
    """By what one conversion's postbacks are put together, beside each one's own policy. `since`: when its
    click was made, 0 while that is not known; it did not happen before."""

    transitions: Mapping[str, tuple[str, ...]]
    fallback: str
    exchange: Exchange
    since: int = 0


def happened(at_us: int, arrival_us: int, since: int) -> int:
    """When a conversion happened: its own time unless that is before its click, else its arrival. Many tell
    whole seconds, so within one of its click it happened with it."""
    return min(max(at_us, since), arrival_us) if at_us and at_us + _SECOND > since else arrival_us


def _begun(told: Told, rules: Rules) -> int:
    return happened(told.happened_us, told.first[0], rules.since)


def started(said: Said) -> Told:
    """The first postback alone."""
    back = said.status in TAKEN_BACK
    return Told(
        first=said.stamp,
        last=said.stamp,
        status=said.status,
        word=said.word,
        payout=None if back else said.payout,
        currency="" if back else said.currency,
        returned=said.payout if back else None,
        returned_in=said.currency if back else "",
        event_type=said.event_type,
        upsell=said.upsell,
        policy=said.policy,
        happened_us=said.happened_us,
    )


def heard(told: Told, said: Said, rules: Rules) -> Told:
    """A further postback. The policy is that of the first one."""
    if told.policy == "increment":
        return msgspec.structs.replace(told, last=said.stamp, **_added(told, said, rules))
    if told.policy in ("ignore", "event_id") or forbidden(told.status, said.status, rules.transitions):
        return msgspec.structs.replace(told, last=said.stamp)
    return msgspec.structs.replace(told, last=said.stamp, **_edited(told, said))


def _edited(told: Told, said: Said) -> dict[str, object]:
    """The latest word on each matter: one that names no payout keeps the one known, and so for the currency.
    What a refund names is taken back, and is no payout."""
    changes: dict[str, object] = {}
    if said.status != told.status:
        changes = {"status": said.status, "word": said.word, "returned": None, "returned_in": ""}
    if said.status in TAKEN_BACK:
        return changes | {"returned": said.payout, "returned_in": said.currency}
    if said.payout is not None:
        changes["payout"] = said.payout
    if said.currency:
        changes["currency"] = said.currency
    return changes


def _added(told: Told, said: Said, rules: Rules) -> dict[str, object]:
    """The status stays the first one's; payouts add up, and what is taken back is taken off."""
    payout = told.payout or 0
    if said.status in TAKEN_BACK and said.payout is None:
        return {"payout": 0}
    if said.payout is None or said.status not in (*COUNTING, *TAKEN_BACK):
        return {}
    own = told.currency or rules.fallback
    amount = rules.exchange.convert(said.payout, day_of(_begun(told, rules)), said.currency or own, own)
    if amount is None:
        return {}
    return {"payout": max(payout - amount, 0) if said.status in TAKEN_BACK else payout + amount}


def fold(base: Told | None, history: Sequence[Said], rules: Rules) -> Told:
    """All of it together. Raises IndexError when there is nothing."""
    if base is None:
        base, history = started(history[0]), history[1:]
    return reduce(lambda told, said: heard(told, said, rules), history, base)


def base_of(conversion: Conversion) -> Told | None:
    """What stands before the history; of a conversion from before there was one, all that is known."""
    if conversion.base is not None or conversion.history or conversion.void:
        return conversion.base
    stamps = (conversion.status_stamp, conversion.payout_stamp, conversion.currency_stamp)
    return Told(
        first=(conversion.at_us, 0, 0, 0),
        last=max(stamps),
        status=conversion.status,
        word=conversion.original_status,
        payout=conversion.payout,
        currency=conversion.currency,
        returned=None,
        returned_in="",
        event_type=conversion.event_type,
        upsell="",
        policy="edit",
    )


def policy_of(conversion: Conversion) -> str:
    """What becomes of a further postback: the first one's word holds."""
    told = conversion.base if conversion.base is not None else next(iter(conversion.history), None)
    return "edit" if told is None else told.policy


def place_of(history: Sequence[Said], stamp: Stamp) -> int:
    """Where what was said then stands, or belongs."""
    return bisect_left(history, stamp, key=lambda said: said.stamp)


def evaluated(conversion: Conversion, rules: Rules) -> Conversion:
    """The conversion as its history, its click and its rates make it."""
    told = fold(conversion.base, conversion.history, rules)
    exchange, own = rules.exchange, told.currency or rules.fallback
    at_us = _begun(told, rules)
    day = day_of(at_us)
    currency, payout, rate = own, told.payout, ""
    if conversion.unit and conversion.unit != own:
        rate = exchange.rate(day, own, conversion.unit)
    if rate:
        currency = conversion.unit
        payout = None if told.payout is None else exchange.convert(told.payout, day, own, currency)
    returned = told.returned
    if returned is not None:
        returned = exchange.convert(returned, day, told.returned_in or own, currency)
    return msgspec.structs.replace(
        conversion,
        at_us=at_us,
        event_type=told.event_type,
        upsell=told.upsell,
        status=told.status,
        original_status=told.word,
        status_stamp=told.last,
        payout=payout,
        payout_stamp=NEVER,
        currency=currency,
        currency_stamp=NEVER,
        returned=returned,
        original_payout=told.payout if rate else None,
        original_currency=own if rate else "",
        rate=rate,
        rates=exchange.used,
    )
