"""The ways in for interpreted events: how each is doing, and pausing it while it runs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from appliance.errors import Unavailable
from appliance.model.interpreted import IntakeReport, InterpreterReport
from appliance.operations.context import Context
from appliance.operations.intake_desks import IntakeDesk
from appliance.operations.nouns import Request
from appliance.operations.registry import operation

FILTER = "subscription_filter"
Name = Annotated[str, Meta(min_length=1, max_length=100)]


class IntakesRequest(Request, frozen=True, kw_only=True):
    pass


class SubscriptionFilter(Struct, frozen=True, kw_only=True):
    """`on`: only events that a subscription asks for are reported. Off, `by` whom and since when."""

    on: bool
    by: str = ""
    at_us: int = 0


class IntakeList(Struct, frozen=True, kw_only=True):
    """By name; `interpreter` is what became of all that came in since the start."""

    items: tuple[IntakeReport, ...]
    filter: SubscriptionFilter
    interpreter: InterpreterReport | None


class IntakeRequest(Request, frozen=True, kw_only=True):
    name: Name


@operation("intakes.list", permission="intakes.read", example={})
async def listed(request: IntakesRequest, context: Context) -> IntakeList:
    """The ways in for interpreted events, whether each runs, what came through it, and what became of it."""
    desk = _desk(context)
    events = context.events
    return IntakeList(
        items=desk.reports(),
        filter=_filter(desk),
        interpreter=events.report() if events is not None else None,
    )


@operation("intakes.pause", permission="intakes.write", changes=True, example={"name": "events"})
async def pause(request: IntakeRequest, context: Context) -> IntakeReport:
    """Take nothing more through this intake, until it is resumed; what arrives waits where it is."""
    return await _desk(context).pause(request.name, context.caller.name)


@operation("intakes.resume", permission="intakes.write", changes=True, example={"name": "events"})
async def resume(request: IntakeRequest, context: Context) -> IntakeReport:
    """Go on where it was paused."""
    return await _desk(context).resume(request.name)


@operation("subscription_filter.off", permission="intakes.write", changes=True, example={})
async def off(request: IntakesRequest, context: Context) -> SubscriptionFilter:
    """Report every interpreted event, whether a subscription asks for it or not, until it is on again."""
    desk = _desk(context)
    await desk.switch_off(FILTER, context.caller.name)
    return _filter(desk)


@operation("subscription_filter.on", permission="intakes.write", changes=True, example={})
async def on(request: IntakesRequest, context: Context) -> SubscriptionFilter:
    """Report only the interpreted events that a subscription asks for."""
    desk = _desk(context)
    await desk.switch_on(FILTER)
    return _filter(desk)


def _filter(desk: IntakeDesk) -> SubscriptionFilter:
    off = desk.switched_off(FILTER)
    return SubscriptionFilter(on=off is None, by=off.by if off else "", at_us=off.at_us if off else 0)


def _desk(context: Context) -> IntakeDesk:
    if context.intakes is None:
        raise Unavailable("nothing takes interpreted events here")
    return context.intakes
