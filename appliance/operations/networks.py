"""Affiliate networks: who pays. Their postbacks arrive at /pb/{slug}."""

from __future__ import annotations

from appliance.model.catalog import Status
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    slug: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    template_id: Id | UnsetType | None = UNSET


class Create(Request, frozen=True, kw_only=True):
    """A secret, once set, must come with each postback; it is never shown again."""

    name: str
    slug: str
    secret: str = ""
    template_id: Id | None = None
    status: Status = "active"
    currency: str = ""


class ChangeNetwork(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    template_id: Id | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    currency: str | UnsetType = UNSET


offer(
    "network",
    "networks",
    listing=List,
    create=Create,
    change=ChangeNetwork,
    example={"name": "Some Network", "slug": "some-network", "secret": "choose-a-long-one"},
    change_example={"template_id": 1},
    by_slug=True,
)
