"""The warehouse as a whole: letting go of it for a backup or a repair."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from appliance.model.status import WarehouseReport
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation


class DetachRequest(Request, frozen=True, kw_only=True):
    """For how many seconds; it comes back by itself."""

    seconds: Annotated[float, Meta(gt=0, le=86_400)] = 300.0


class AttachRequest(Request, frozen=True, kw_only=True):
    """No fields."""


@operation("warehouse.detach", permission="warehouse.write", changes=True, example={"seconds": 30})
async def detach(request: DetachRequest, context: Context) -> WarehouseReport:
    """Close the warehouse's files for so long, for a backup or a repair: clicks and postbacks go on,
    reports refuse, shipping catches up afterwards."""
    await context.system.warehouse.detach(request.seconds)
    return context.system.status().warehouse


@operation("warehouse.attach", permission="warehouse.write", changes=True)
async def attach(request: AttachRequest, context: Context) -> WarehouseReport:
    """End a detach early."""
    await context.system.warehouse.attach()
    return context.system.status().warehouse
