"""Whose interpreted events are reported: the ad platforms' campaigns that somebody subscribed."""

from __future__ import annotations

from appliance.model.catalog import Status
from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    campaign_id: str | UnsetType = UNSET
    network: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    traffic_source: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`campaign_id` is the ad platform's, as interpreted events name it. `network`, `account` (the account at
    the network) and `traffic_source` narrow it; "" stands for all."""

    campaign_id: str
    name: str = ""
    network: str = ""
    account: str = ""
    traffic_source: str = ""
    status: Status = "active"


class ChangeSubscription(Change, frozen=True, kw_only=True):
    campaign_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    network: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    traffic_source: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET


offer(
    "subscription",
    "subscriptions",
    listing=List,
    create=Create,
    change=ChangeSubscription,
    example={"campaign_id": "120218982145500212", "network": "tonic"},
    change_example={"status": "paused"},
)
