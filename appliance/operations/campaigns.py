"""Campaigns: what a tracked link leads to; their streams decide where a click goes."""

from __future__ import annotations

from appliance.model.catalog import Status
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    slug: str | UnsetType = UNSET
    public_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET


class Create(Request, frozen=True, kw_only=True):
    """Reached at /c/{slug} and /go/{public_id}; a public_id left out is made."""

    name: str
    slug: str
    public_id: str = ""
    status: Status = "active"
    source_id: Id | None = None
    currency: str = ""
    trafficback_url: str = ""


class ChangeCampaign(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    public_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET
    currency: str | UnsetType = UNSET
    trafficback_url: str | UnsetType = UNSET


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
