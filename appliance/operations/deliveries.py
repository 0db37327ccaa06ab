"""Outbound deliveries: what was told to whom, every attempt at it, and doing it again."""

from __future__ import annotations

import time
from typing import Annotated

from msgspec import Meta, Struct, field

from appliance.errors import FieldProblem, Missing, Refused, Unavailable
from appliance.model.deliveries import Attempt, Selection, Standing, State, Stored
from appliance.operations.context import Context, DeliveryDesk
from appliance.operations.nouns import Id, Request
from appliance.operations.registry import operation
from appliance.partners import postback
from appliance.partners.feeds import FEED
from appliance.partners.telling import reported
from appliance.partners.ways import PIXEL, number_in

MOST_IDS = 1_000
_ABOVE_ALL = 2**63 - 1

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Time = Annotated[int, Meta(ge=0, le=2**53)]


class Which(Request, frozen=True, kw_only=True):
    """Deliveries that fit every field given. `from_us` until before `to_us`: when they were made.
    `reasons`: what they died of, word for word, as `refused_by` of ad_accounts.standings has it."""

    targets: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    states: tuple[State, ...] = ()
    campaign_ids: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()
    conversion_id: Annotated[str, Meta(max_length=100)] = ""
    reasons: Annotated[tuple[Annotated[str, Meta(max_length=1_000)], ...], Meta(max_length=50)] = ()
    from_us: Time | None = None
    to_us: Time | None = None


class ListRequest(Which, frozen=True, kw_only=True):
    """`before`: only those with a lower number, to page on."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """`id` is the idempotency key its receiver sees. Times in unix microseconds, 0 for never.

    `status`, `payout` and `currency` are the conversion's, as they are told; `event_name` is what it is to an
    ad platform.
    """

    number: int
    id: str
    target: str
    conversion_id: str
    revision: int
    campaign_id: int
    state: State
    created_us: int
    not_before_us: int
    deadline_us: int
    attempts: int
    finished_us: int
    reason: str
    status: str = ""
    payout: str = ""
    currency: str = ""
    event_name: str = ""


class DeliveryList(Struct, frozen=True, kw_only=True):
    """Newest first. `paused`: for who may see targets, those left alone after failures, and until when.
    `total`: how many there are of the one conversion that was asked for; null where none was."""

    items: tuple[Delivery, ...]
    paused: tuple[Standing, ...]
    total: int | None = None


class GetRequest(Request, frozen=True, kw_only=True):
    id: Annotated[str, Meta(min_length=1, max_length=100)]


class DeliveryWhole(Struct, frozen=True, kw_only=True):
    """`values`: what there was to say of the conversion, by macro, or what an ad platform's event says,
    but for who the visitor was; `attempts` oldest first."""

    delivery: Delivery
    values: dict[str, str]
    attempts: tuple[Attempt, ...]


class Again(Which, frozen=True, kw_only=True):
    """Those of `ids`, or those that fit the other fields; `states` empty stands for dead ones.

    `hours`: how long they are attempted from now on.
    """

    ids: Annotated[tuple[Name, ...], Meta(max_length=MOST_IDS)] = ()
    hours: Annotated[int, Meta(ge=1, le=720)] = 72


class CancelRequest(Which, frozen=True, kw_only=True):
    """Those of `ids`, or those that fit the other fields; `states` empty stands for pending ones."""

    ids: Annotated[tuple[Name, ...], Meta(max_length=MOST_IDS)] = ()
    reason: Annotated[str, Meta(max_length=200)] = ""


class Done(Struct, frozen=True, kw_only=True):
    """How many deliveries were meant, by target."""

    count: int
    targets: dict[str, int] = field(default_factory=dict)


@operation("deliveries.list", permission="deliveries.read", example={"states": ["dead"], "limit": 10})
async def listed(request: ListRequest, context: Context) -> DeliveryList:
    """Outbound deliveries, newest first: their state, how often they were tried, and why they failed. With
    `reasons` and no `states`, of the dead and the cancelled ones."""
    desk = _desk(context)
    below = request.before if request.before is not None else _ABOVE_ALL
    wanted = _selection(request, context, ("dead", "cancelled") if request.reasons else ())
    found = await desk.select(wanted, below, request.limit)
    all_of_them = context.caller.may("targets.read")
    paused = tuple(each for each in desk.standings() if each.paused_us and all_of_them)
    total = await desk.count(wanted) if request.conversion_id else None
    return DeliveryList(items=tuple(_shown(it, context) for it in found), paused=paused, total=total)


@operation("deliveries.get", permission="deliveries.read", example={"id": "0" * 32})
async def get(request: GetRequest, context: Context) -> DeliveryWhole:
    """One delivery with every attempt: the request (secrets masked), status, latency and answer."""
    found = await _desk(context).get(request.id)
    if found is None or not context.caller.reaches(found[0].delivery.campaign_id):
        raise Missing(f"there is no delivery {request.id}")
    stored, attempts = found
    if not context.caller.sees_money:
        attempts = [without_content(each) for each in attempts]
    return DeliveryWhole(
        delivery=_shown(stored, context), values=_values(stored, context), attempts=tuple(attempts)
    )


@operation(
    "deliveries.retry",
    permission="deliveries.write",
    changes=True,
    example={"targets": ["postback:1"], "states": ["dead"]},
)
async def retry(request: Again, context: Context) -> Done:
    """Attempt deliveries again now, under the same ids, and resume their targets if these are paused."""
    now = time.time_ns() // 1_000
    selection = _meant(request, context, ("dead",))
    return _counted(await _desk(context).replay(selection, now, now + request.hours * 3_600_000_000))


@operation(
    "deliveries.cancel",
    permission="deliveries.write",
    changes=True,
    example={"targets": ["postback:1"], "states": ["pending"]},
)
async def cancel(request: CancelRequest, context: Context) -> Done:
    """Attempt deliveries no more, pending or dead ones. What is under way may still arrive."""
    reason = f"cancelled by {context.caller.name}" + (f": {request.reason}" if request.reason else "")
    selection = _meant(request, context, ("pending",))
    return _counted(await _desk(context).cancel(selection, time.time_ns() // 1_000, reason))


def _selection(request: Which, context: Context, states: tuple[State, ...]) -> Selection:
    campaigns = context.caller.campaigns
    if request.campaign_ids:
        wanted = frozenset(request.campaign_ids)
        campaigns = wanted if campaigns is None else wanted & campaigns
    return Selection(
        states=request.states or states or None,
        targets=request.targets or None,
        campaigns=None if campaigns is None else tuple(sorted(campaigns)),
        conversion_id=request.conversion_id,
        reasons=request.reasons or None,
        since_us=request.from_us,
        until_us=request.to_us,
    )


def _meant(request: Again | CancelRequest, context: Context, states: tuple[State, ...]) -> Selection:
    """Raises Refused for what would mean everything by oversight."""
    named = (
        request.targets or request.states or request.campaign_ids or request.conversion_id or request.reasons
    )
    if not (request.ids or named or request.from_us is not None or request.to_us is not None):
        raise Refused("say which deliveries", [FieldProblem("ids", "or targets, states or another filter")])
    if not request.ids:
        return _selection(request, context, states)
    found = _selection(request, context, ())
    return Selection(ids=request.ids, **{name: getattr(found, name) for name in _BESIDE_IDS})


_BESIDE_IDS = ("states", "targets", "campaigns", "conversion_id", "reasons", "since_us", "until_us")


def _counted(targets: list[str]) -> Done:
    return Done(count=len(targets), targets={name: targets.count(name) for name in sorted(set(targets))})


def _values(it: Stored, context: Context) -> dict[str, str]:
    """What there was to say of the conversion, as far as the caller may know."""
    if any(number_in(it.delivery.target, kind) is not None for kind in (PIXEL, FEED)):
        return reported(it.delivery.body, money_too=context.caller.sees_money)
    if postback.number_of(it.delivery.target) is None:
        return {}
    values = postback.decode_values(it.delivery.body)
    if context.caller.sees_money:
        return values
    return {name: value for name, value in values.items() if name not in ("payout", "cost")}


def _shown(it: Stored, context: Context) -> Delivery:
    delivery = it.delivery
    values = _values(it, context)
    return Delivery(
        number=it.number,
        id=delivery.id,
        target=delivery.target,
        conversion_id=delivery.conversion_id,
        revision=delivery.revision,
        campaign_id=delivery.campaign_id,
        state=it.state,
        created_us=delivery.created_us,
        not_before_us=it.not_before_us,
        deadline_us=it.deadline_us,
        attempts=it.attempts,
        finished_us=it.finished_us,
        reason=it.reason,
        status=values.get("status", ""),
        payout=values.get("payout", ""),
        currency=values.get("currency", ""),
        event_name=values.get("event_name", ""),
    )


def without_content(it: Attempt) -> Attempt:
    """For whom money is hidden: requests and answers name it."""
    return Attempt(at_us=it.at_us, latency_us=it.latency_us, request="", status=it.status, error=it.error)


def _desk(context: Context) -> DeliveryDesk:
    if context.deliveries is None:
        raise Unavailable("nobody delivers anything here")
    return context.deliveries
