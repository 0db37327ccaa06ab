"""Pixels: where an account's events go, of which conversions, and what each conversion is to them."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from appliance.errors import FieldProblem, Missing, Refused
from appliance.model.catalog import AdAccount, EventRow, Network, Pixel, Status
from appliance.model.conversions import Conversion
from appliance.operations.ad_accounts import desk_of
from appliance.operations.context import Context
from appliance.operations.nouns import (
    UNSET,
    Change,
    Id,
    Listing,
    Request,
    UnsetType,
    offer,
    values_of,
)
from appliance.operations.period import refuse
from appliance.operations.registry import operation
from appliance.partners.making import known_as
from appliance.partners.masking import shown as masked
from appliance.partners.roster import PLATFORMS


class List(Listing, frozen=True, kw_only=True):
    ad_account_id: Id | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`code` as the platform shows it. Conditions left empty hold for all, but a pixel without `source_ids`
    and `campaign_ids` is told of clicks of its own platform only. With a `test_code` all its events are
    tests. `mapping` says which events a conversion, or an interpreted event, is; empty, the usual ones
    (ad_accounts.platforms)."""

    ad_account_id: Id
    code: str
    name: str = ""
    status: Status = "active"
    source_ids: tuple[Id, ...] = ()
    campaign_ids: tuple[Id, ...] = ()
    network_ids: tuple[Id, ...] = ()
    test_code: str = ""
    statuses: tuple[str, ...] = ("sale", "lead")
    types: tuple[str, ...] = ()
    mapping: tuple[EventRow, ...] = ()
    page_url: str = ""


class ChangePixel(Change, frozen=True, kw_only=True):
    ad_account_id: Id | UnsetType = UNSET
    code: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    source_ids: tuple[Id, ...] | UnsetType = UNSET
    campaign_ids: tuple[Id, ...] | UnsetType = UNSET
    network_ids: tuple[Id, ...] | UnsetType = UNSET
    test_code: str | UnsetType = UNSET
    statuses: tuple[str, ...] | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET
    mapping: tuple[EventRow, ...] | UnsetType = UNSET
    page_url: str | UnsetType = UNSET


offer(
    "pixel",
    "pixels",
    listing=List,
    create=Create,
    change=ChangePixel,
    example={"ad_account_id": 1, "code": "1234567890", "statuses": ["sale"]},
    change_example={"test_code": "TEST12345"},
)


class PreviewRequest(Request, frozen=True, kw_only=True):
    """The pixel `id`, or a draft: `values` are fields of a new pixel, or with `id` that one's in its place.
    `conversion_id` as conversions.list names it."""

    conversion_id: Annotated[str, Meta(max_length=64)]
    id: Id | None = None
    values: dict[str, Any] = field(default_factory=dict)


class PreviewedEvent(Struct, frozen=True, kw_only=True):
    """`label` is what would have it refused before it is sent, "" for nothing; `request` the event in the
    platform's words, its visitor masked; `identifiers` are the names of what is known of him. Whoever sees no
    money is shown neither `value`, `currency` nor `request`."""

    event_name: str
    event_id: str
    at_us: int
    value: int | None
    currency: str
    consent: str
    label: str
    identifiers: tuple[str, ...]
    request: str


class Preview(Struct, frozen=True, kw_only=True):
    """`told`: the pixel is told of this conversion as it is now; else `why` not. `request` is every event as
    an attempt would show it. Nothing was sent and nothing stored."""

    told: bool
    why: str
    request: str
    events: tuple[PreviewedEvent, ...]


@operation(
    "pixels.preview",
    permission="pixels.read",
    example={"id": 1, "conversion_id": "0b0b5c6f3f1d4d0c8a6d3b0e6f0a9c11"},
)
async def preview(request: PreviewRequest, context: Context) -> Preview:
    """What a conversion would be to a pixel, saved or not: the masked request. Sends and stores nothing."""
    desk = desk_of(context)
    pixel = await _drafted(request, context)
    account = await context.catalog.get("ad_account", pixel.ad_account_id)
    assert isinstance(account, AdAccount)
    conversion = await desk.conversion(request.conversion_id)
    if conversion is None or not context.caller.reaches(conversion.click.campaign_id):
        raise Missing(f"there is no conversion {request.conversion_id}")
    network = await _network(conversion, context)
    told, why, reports = desk.announcements.preview(account, pixel, network, conversion)
    platform = PLATFORMS[account.platform]
    visitor = await desk.visitor(conversion.click.id, conversion.sealed)
    money = context.caller.sees_money
    events = []
    for report in reports:
        it = known_as(report, visitor)
        seen = masked(platform.encode(it))
        events.append(
            PreviewedEvent(
                event_name=it.event_name,
                event_id=it.event_id,
                at_us=it.at_us,
                value=it.value if money else None,
                currency=it.currency if money else "",
                consent=it.consent,
                label=platform.check(it, time.time_ns() // 1_000),
                identifiers=seen.names,
                request=seen.text if money else "",
            )
        )
    said = "\n\n".join(each.request for each in events if each.request)
    return Preview(told=told, why=why, request=said, events=tuple(events))


_NO_PREVIEW = "this pixel cannot be previewed"


async def _drafted(request: PreviewRequest, context: Context) -> Pixel:
    """The pixel as it is or would be. Raises Refused, Missing."""
    if request.id is None and not request.values:
        raise Refused(_NO_PREVIEW, [FieldProblem("id", "or the values of a new one")])
    before: Pixel | None = None
    if request.id is not None:
        found = await context.catalog.get("pixel", request.id)
        assert isinstance(found, Pixel)
        before = found
        if not request.values:
            return before
    values: dict[str, Any] = values_of("pixel", request.values, request.id)
    refuse([*await context.catalog.faults("pixel", request.id, values)], _NO_PREVIEW)
    return Pixel(**values) if before is None else msgspec.structs.replace(before, **values)


async def _network(conversion: Conversion, context: Context) -> Network | None:
    if not conversion.network_id:
        return None
    try:
        found = await context.catalog.get("network", conversion.network_id)
    except Missing:
        return None
    return found if isinstance(found, Network) else None
