"""Traffic sources: where clicks are bought."""

from __future__ import annotations

from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`currency` is that of its cost parameter when a click names none."""

    name: str
    currency: str = ""


class ChangeSource(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET


offer(
    "source",
    "sources",
    listing=List,
    create=Create,
    change=ChangeSource,
    example={"name": "Push network", "currency": "USD"},
    change_example={"currency": "EUR"},
)
