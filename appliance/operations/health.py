"""Destinations' health and caps as they are now, and asking at once."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from appliance.errors import Unavailable
from appliance.model.health import Health
from appliance.model.usage import CapReport
from appliance.operations.context import Context, HealthDesk
from appliance.operations.nouns import Id, Request
from appliance.operations.registry import operation


class HealthRequest(Request, frozen=True, kw_only=True):
    """One destination, or none for all of them."""

    destination_id: Id | UnsetType = UNSET


class HealthAnswer(Struct, frozen=True, kw_only=True):
    items: tuple[Health, ...]


class CapsAnswer(Struct, frozen=True, kw_only=True):
    items: tuple[CapReport, ...]


class ProbeRequest(Request, frozen=True, kw_only=True):
    id: Id


@operation("destinations.health", permission="destinations.read", example={"destination_id": 3})
async def health(request: HealthRequest, context: Context) -> HealthAnswer:
    """The health of every destination that has a probe: since when, and what the last probe found."""
    found = _desk(context).health()
    return HealthAnswer(items=tuple(each for each in found if _meant(each.destination_id, request)))


@operation("destinations.caps", permission="destinations.read", example={"destination_id": 3})
async def caps(request: HealthRequest, context: Context) -> CapsAnswer:
    """Every cap: what of it is used in its window now, and how many clicks edges may send beyond that."""
    found = context.system.status().caps
    money = context.caller.sees_money
    return CapsAnswer(
        items=tuple(
            each
            for each in found
            if _meant(each.destination_id, request) and (money or each.metric not in ("cost", "revenue"))
        )
    )


@operation("destinations.probe", permission="destinations.write", changes=True, example={"id": 3})
async def probe(request: ProbeRequest, context: Context) -> Health:
    """Ask a destination now, whenever it is due: its health after a probe that counts like any other."""
    await context.catalog.get("destination", request.id)  # those that the caller may not see are Missing
    return await _desk(context).probe(request.id)


def _meant(destination: int, request: HealthRequest) -> bool:
    return request.destination_id is UNSET or destination == request.destination_id


def _desk(context: Context) -> HealthDesk:
    if context.health is None:
        raise Unavailable("nobody asks after destinations here")
    return context.health
