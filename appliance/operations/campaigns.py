"""Campaigns: what a tracked link leads to; their streams decide where a click goes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from appliance.model.catalog import Status
from appliance.model.rules import Uniqueness
from appliance.operations.context import Context
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer
from appliance.operations.registry import operation

Rotation = Literal["position", "weight"]
Sticky = Literal["none", "stream", "destination"]
CookieDays = Annotated[int, Meta(ge=0, le=400)]
StickyHours = Annotated[int, Meta(ge=1, le=8_760)]


class List(Listing, frozen=True, kw_only=True):
    slug: str | UnsetType = UNSET
    public_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET


class Create(Request, frozen=True, kw_only=True):
    """Reached at /c/{slug} and /go/{public_id}; a public_id left out is made.

    `secret` opens the click API, POST /api/click on the public port.
    """

    name: str
    slug: str
    public_id: str = ""
    status: Status = "active"
    source_id: Id | None = None
    currency: str = ""
    trafficback_url: str = ""
    rotation: Rotation = "position"
    sticky: Sticky = "none"
    sticky_hours: StickyHours = 24
    uniqueness: Uniqueness = Uniqueness()
    secret: str = ""
    click_cookie_days: CookieDays = 0


class ChangeCampaign(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    public_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET
    currency: str | UnsetType = UNSET
    trafficback_url: str | UnsetType = UNSET
    rotation: Rotation | UnsetType = UNSET
    sticky: Sticky | UnsetType = UNSET
    sticky_hours: StickyHours | UnsetType = UNSET
    uniqueness: Uniqueness | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    click_cookie_days: CookieDays | UnsetType = UNSET


class OfWhich(Request, frozen=True, kw_only=True):
    """Which campaign."""

    id: Id


class CampaignWarning(Struct, frozen=True, kw_only=True):
    """`facts` are those that the stream's rules ask for and that nobody here can know."""

    stream_id: int
    facts: tuple[str, ...]
    message: str


class Warnings(Struct, frozen=True, kw_only=True):
    """What keeps a campaign from doing what its rules say; nothing when all is well."""

    items: tuple[CampaignWarning, ...]


@operation("campaigns.warnings", permission="campaigns.read", example={"id": 1})
async def warnings(request: OfWhich, context: Context) -> Warnings:
    """Rules of a campaign that never match, because no database of addresses tells what they ask for."""
    await context.catalog.get("campaign", request.id)
    return Warnings(
        items=tuple(
            CampaignWarning(
                stream_id=each.stream_id,
                facts=each.facts,
                message=f"stream {each.stream_id} asks for {', '.join(each.facts)}: no database of addresses"
                " here tells that, so such a rule matches nobody; docs/reference/facts.md says which do",
            )
            for each in context.system.unknowable()
            if each.campaign_id == request.id
        )
    )


offer(
    "campaign",
    "campaigns",
    listing=List,
    create=Create,
    change=ChangeCampaign,
    example={"name": "Summer, push", "slug": "summer-push"},
    change_example={"status": "paused"},
    by_slug=True,
)
