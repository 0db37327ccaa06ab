"""The edges' journals: pausing and resuming who reads them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from appliance.model.holds import CONSUMERS, Consumer
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation


class HoldRequest(Request, frozen=True, kw_only=True):
    """Which edge's journal, and who leaves it alone."""

    edge: Annotated[int, Meta(ge=0, le=1023)]
    consumer: Literal["publisher", "conversions", "all"] = "all"


class Held(Struct, frozen=True, kw_only=True):
    """What is held now: edge and consumer."""

    edge: int
    consumer: Consumer


class HoldAnswer(Struct, frozen=True, kw_only=True):
    held: tuple[Held, ...]


@operation(
    "journal.hold", permission="journal.write", changes=True, example={"edge": 0, "consumer": "publisher"}
)
async def hold(request: HoldRequest, context: Context) -> HoldAnswer:
    """Pause a consumer of one edge's journal until it is released or the core restarts; nothing is lost."""
    for consumer in _meant(request):
        context.system.holds.hold(request.edge, consumer)
    return _answer(context)


@operation(
    "journal.release", permission="journal.write", changes=True, example={"edge": 0, "consumer": "all"}
)
async def release(request: HoldRequest, context: Context) -> HoldAnswer:
    """Let a paused consumer go on where it stopped."""
    for consumer in _meant(request):
        context.system.holds.release(request.edge, consumer)
    return _answer(context)


def _meant(request: HoldRequest) -> tuple[Consumer, ...]:
    return CONSUMERS if request.consumer == "all" else (request.consumer,)


def _answer(context: Context) -> HoldAnswer:
    return HoldAnswer(held=tuple(Held(edge=e, consumer=c) for e, c in context.system.holds.all()))
