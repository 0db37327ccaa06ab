"""What conversions must come to, said in as few words as possible and without a line of the appliance's own.

All postbacks of a history are known at once here, in the order of their stamps: no batches, no kills.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

BACK = ("refund", "chargeback")


class Postback(NamedTuple):
    """What a network sends. `stamp` orders them; `payout` in micro-units, None for none; "" is nothing; `at`
    is when it says that the conversion happened, 0 for nothing."""

    stamp: tuple[int, ...]
    click: str
    transaction: str
    type: str
    upsell: str
    event: str
    status: str
    payout: int | None
    currency: str
    at: int = 0

    def meant(self) -> Postback:
        """Below zero: what would count is a refund of the amount, and what never counts names none."""
        if self.payout is None or self.payout >= 0:
            return self
        if self.status in BACK:
            return self._replace(payout=-self.payout)
        if self.status in ("sale", "lead", "hold"):
            return self._replace(status="refund", payout=-self.payout)
        return self._replace(payout=None)

    def happened(self, since: int) -> int:
        """Its own time between its click (within a second; 0: none known) and its arrival; else that."""
        arrival = self.stamp[0]
        if not self.at or self.at >= arrival or self.at <= since - 1_000_000:
            return arrival
        return min(max(self.at, since), arrival)


class Rules(NamedTuple):
    """How a network is set up. `policies`: type → policy, "" for all others."""

    policies: Mapping[str, str]
    claim_by: tuple[str, ...]
    transitions: Mapping[str, tuple[str, ...]]
    accept: bool
    currency: str


class End(NamedTuple):
    """A conversion at the end; figures in micro-units of `currency`."""

    at: int
    status: str
    currency: str
    type: str
    upsell: str
    repeated: bool
    count: int
    revenue: int
    hold: int


@dataclass
class Group:
    """Postbacks that are one conversion; `claim` is shared by those that policy repeat compares."""

    policy: str
    claim: tuple[object, ...]
    said: list[Postback] = field(default_factory=list)

    def clicks(self, known: Iterable[str]) -> set[str]:
        """Those of the clicks it may belong to that exist."""
        return {it.click for it in self.said if it.click} & set(known)


def groups(postbacks: Iterable[Postback], rules: Rules) -> list[Group]:
    """Postbacks by the conversion that they speak of."""
    found: dict[tuple[object, ...], Group] = {}
    for it in (each.meant() for each in sorted(postbacks)):
        policy = rules.policies.get(it.type, rules.policies[""])
        claim: tuple[object, ...] = ("t", it.transaction) if it.transaction else ("c", it.click)
        if "event_type" in rules.claim_by:
            claim += ("type", it.type)
        if "upsell" in rules.claim_by:
            claim += ("upsell", it.upsell)
        if policy == "event_id" and it.event:
            claim += ("event", it.event)
        elif policy == "event_id":
            policy = "edit"
        key = (*claim, "at", it.stamp) if policy in ("create", "repeat") else claim
        found.setdefault(key, Group(policy, claim)).said.append(it)
    return list(found.values())


def ends(
    group: Group, rules: Rules, unit: str, rates: Mapping[tuple[str, str], Fraction], since: int = 0
) -> End:
    """What the group comes to when it counts in `unit` ("" for its own currency); its click is of `since`."""
    first, *others = group.said

    def change(amount: int, old: str, new: str) -> int | None:
        if old == new:
            return amount
        return round(amount * rates[old, new]) if (old, new) in rates else None

    status, payout, currency, back = first.status, first.payout, first.currency, ""
    taken = None
    if status in BACK:
        taken, back, payout, currency = first.payout, first.currency, None, ""
    for it in others:
        if group.policy == "increment":
            own = currency or rules.currency
            amount = None if it.payout is None else change(it.payout, it.currency or own, own)
            if it.status in BACK:
                if it.payout is None:
                    payout = 0
                elif amount is not None:
                    payout = max((payout or 0) - amount, 0)
            elif it.status in ("lead", "sale", "hold") and amount is not None:
                payout = (payout or 0) + amount
        elif group.policy in ("edit", "create", "repeat"):
            if it.status != status and it.status not in rules.transitions.get(status, (it.status,)):
                continue
            status = it.status
            taken, back = (it.payout, it.currency) if status in BACK else (None, "")
            if status not in BACK:
                payout = payout if it.payout is None else it.payout
                currency = it.currency or currency
    own = currency or rules.currency
    counted = unit if unit and (own, unit) in rates else own
    whole = change(payout or 0, own, counted)
    assert whole is not None
    left = 0
    if status in BACK and taken is not None:
        gone = change(taken, back or own, counted)
        left = 0 if gone is None else max(whole - gone, 0)
    count, revenue, hold = {
        "sale": (1, whole, 0), "lead": (1, whole, 0), "hold": (1, 0, whole),
        "refund": (int(left > 0), left, 0), "chargeback": (int(left > 0), left, 0),
    }.get(status, (0, 0, 0))  # fmt: skip
    return End(first.happened(since), status, counted, first.type, first.upsell, False, count, revenue, hold)
