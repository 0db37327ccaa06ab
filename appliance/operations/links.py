"""Links: /r/{token} is a campaign's link with preset parameters, which a visitor cannot override."""

from __future__ import annotations

from msgspec import field

from appliance.model.catalog import Status
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    token: str | UnsetType = UNSET
    campaign_id: Id | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """A token left out is made: ten characters that nobody guesses.

    `facts_from_query`: parameters such as `country` replace what was detected of the visitor.
    """

    campaign_id: Id
    name: str = ""
    token: str = ""
    params: dict[str, str] = field(default_factory=dict)
    status: Status = "active"
    facts_from_query: bool = False


class ChangeLink(Change, frozen=True, kw_only=True):
    campaign_id: Id | UnsetType = UNSET
    name: str | UnsetType = UNSET
    token: str | UnsetType = UNSET
    params: dict[str, str] | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    facts_from_query: bool | UnsetType = UNSET


offer(
    "link",
    "links",
    listing=List,
    create=Create,
    change=ChangeLink,
    example={"campaign_id": 1, "name": "Banner 7", "params": {"sub1": "banner-7", "utm_source": "blog"}},
    change_example={"status": "paused"},
)
