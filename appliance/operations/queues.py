"""What targets have not heard yet: how long their queues are, what ends soon, and the money behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import Struct

from appliance.errors import Unavailable
from appliance.model import money
from appliance.model.deliveries import Selection, Standing, Stored
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation
from appliance.partners import postback

MOST_READ = 10_000
_PAGE = 500
"""Read at once: whoever delivers waits meanwhile."""
_ABOVE_ALL = 2**63 - 1


class Everything(Request, frozen=True, kw_only=True):
    """No fields."""


class Unheard(Struct, frozen=True, kw_only=True):
    """Payouts of conversions that a target has not acknowledged, each conversion once."""

    currency: str
    amount: Decimal
    conversions: int


class Queue(Struct, frozen=True, kw_only=True):
    """A target's deliveries: `states` counts them. Times in unix microseconds, 0 for none.

    Pending ones: the oldest, the next that is due, the first that is given up. `failures` in a row since the
    last success; paused from `paused_us` on, tried again at `probe_us`, and why.
    """

    target: str
    states: dict[str, int]
    oldest_us: int = 0
    next_us: int = 0
    deadline_us: int = 0
    failures: int = 0
    paused_us: int = 0
    probe_us: int = 0
    reason: str = ""
    unheard: tuple[Unheard, ...] = ()


class Queues(Struct, frozen=True, kw_only=True):
    """`unheard` over all targets; `whole` false: of the newest deliveries only, there are more."""

    items: tuple[Queue, ...]
    unheard: tuple[Unheard, ...]
    whole: bool


class _Money(Struct, frozen=True):
    payout: str = ""
    currency: str = ""


_decode = msgspec.msgpack.Decoder(_Money).decode


@operation("deliveries.queues", permission="deliveries.read")
async def queues(request: Everything, context: Context) -> Queues:
    """Every target's queue: what waits, what is dead, what ends when, and the money that nobody heard of."""
    desk = context.deliveries
    if desk is None:
        raise Unavailable("nobody delivers anything here")
    caller = context.caller
    campaigns = None if caller.campaigns is None else tuple(sorted(caller.campaigns))
    wanted = Selection(states=("pending", "dead"), campaigns=campaigns)
    found: list[Stored] = []
    while len(found) < MOST_READ:
        below = found[-1].number if found else _ABOVE_ALL
        page = await desk.select(wanted, below, _PAGE)
        found += page
        if len(page) < _PAGE:
            break
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    if campaigns is None:
        counts.update({target: dict(states) for target, states in (await desk.counts()).items()})
    else:
        for it in found:
            states = counts[it.delivery.target]
            states[it.state] = states.get(it.state, 0) + 1
    known = {each.target: each for each in desk.standings()} if caller.may("targets.read") else {}
    by_target: dict[str, list[Stored]] = defaultdict(list)
    for it in found:
        by_target[it.delivery.target].append(it)
    return Queues(
        items=tuple(
            _queue(target, states, by_target[target], known.get(target), caller.sees_money)
            for target, states in sorted(counts.items())
        ),
        unheard=_unheard(found) if caller.sees_money else (),
        whole=len(found) < MOST_READ,
    )


def _queue(
    target: str, states: dict[str, int], found: list[Stored], standing: Standing | None, sees_money: bool
) -> Queue:
    pending = [it for it in found if it.state == "pending"]
    how = standing or Standing(target=target)
    return Queue(
        target=target,
        states=states,
        oldest_us=min((it.delivery.created_us for it in pending), default=0),
        next_us=min((it.not_before_us for it in pending), default=0),
        deadline_us=min((it.deadline_us for it in pending), default=0),
        failures=how.failures,
        paused_us=how.paused_us,
        probe_us=how.probe_us,
        reason=how.reason,
        unheard=_unheard(found) if sees_money else (),
    )


def _unheard(found: Iterable[Stored]) -> tuple[Unheard, ...]:
    """By currency. Of several deliveries of a conversion, its newest says what it is worth."""
    newest: dict[str, _Money] = {}
    for it in found:  # newest first
        if it.delivery.conversion_id not in newest and postback.number_of(it.delivery.target) is not None:
            newest[it.delivery.conversion_id] = _decode(it.delivery.body)
    amounts: dict[str, list[int]] = defaultdict(list)
    for each in newest.values():
        if amount := money.micro(each.payout):
            amounts[each.currency].append(amount)
    return tuple(
        Unheard(currency=currency, amount=money.amount(sum(those)), conversions=len(those))
        for currency, those in sorted(amounts.items())
    )
