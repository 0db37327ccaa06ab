"""Destinations: where clicks go. Nothing else ever chooses a visitor's way."""

from __future__ import annotations

from appliance.model.catalog import Status
from appliance.model.rules import Cap, Probe, Schedule, Target
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    status: Status | UnsetType = UNSET
    network_id: Id | UnsetType | None = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`url`: absolute http(s) or a path of this appliance; macros such as {click_id} only after the host."""

    name: str
    url: str
    status: Status = "active"
    network_id: Id | None = None
    schedule: Schedule | None = None
    caps: tuple[Cap, ...] = ()
    alternative_id: Id | None = None
    probe: Probe | None = None
    exits: tuple[tuple[Target, ...], ...] = ()


class ChangeDestination(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    network_id: Id | UnsetType | None = UNSET
    schedule: Schedule | UnsetType | None = UNSET
    caps: tuple[Cap, ...] | UnsetType = UNSET
    alternative_id: Id | UnsetType | None = UNSET
    probe: Probe | UnsetType | None = UNSET
    exits: tuple[tuple[Target, ...], ...] | UnsetType = UNSET


offer(
    "destination",
    "destinations",
    listing=List,
    create=Create,
    change=ChangeDestination,
    example={"name": "Offer A", "url": "https://offer.example/a?clickid={click_id}"},
    change_example={"status": "paused"},
)
