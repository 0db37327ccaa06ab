"""Streams: a campaign's ways out, tried in order of (position, id); the first whose rules match takes it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from appliance.model.catalog import Status
from appliance.model.rules import Answer, Distribution, Rule, StreamKind, Target, UniquePolicy
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer

Weight = Annotated[int, Meta(ge=0, le=1_000_000)]


class List(Listing, frozen=True, kw_only=True):
    campaign_id: Id | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """With its rules (all must match) and its targets (destinations by weight) inline.

    `kind`: forced streams come before the regular ones, default ones after them.
    """

    campaign_id: Id
    name: str = ""
    position: int = 0
    status: Status = "active"
    rules: tuple[Rule, ...] = ()
    targets: tuple[Target, ...] = ()
    kind: StreamKind = "regular"
    weight: Weight = 100
    distribution: Distribution = Distribution()
    unique_policy: UniquePolicy | None = None
    answer: Answer = Answer()
    trafficback_url: str = ""


class ChangeStream(Change, frozen=True, kw_only=True):
    campaign_id: Id | UnsetType = UNSET
    name: str | UnsetType = UNSET
    position: int | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    rules: tuple[Rule, ...] | UnsetType = UNSET
    targets: tuple[Target, ...] | UnsetType = UNSET
    kind: StreamKind | UnsetType = UNSET
    weight: Weight | UnsetType = UNSET
    distribution: Distribution | UnsetType = UNSET
    unique_policy: UniquePolicy | UnsetType | None = UNSET
    answer: Answer | UnsetType = UNSET
    trafficback_url: str | UnsetType = UNSET


offer(
    "stream",
    "streams",
    listing=List,
    create=Create,
    change=ChangeStream,
    example={
        "campaign_id": 1,
        "name": "Germany, mobile",
        "position": 10,
        "rules": [
            {"param": "country", "operator": "in", "value": ["DE", "AT"]},
            {"param": "sub2", "operator": "exists"},
        ],
        "targets": [{"destination_id": 1, "weight": 70}, {"destination_id": 2, "weight": 30}],
    },
    change_example={"targets": [{"destination_id": 2, "weight": 100}]},
)
