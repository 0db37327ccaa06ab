"""Traffic sources: where clicks are bought."""

from __future__ import annotations

from msgspec import field

from appliance.model.rules import CostModel, Transparent
from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`currency` is that of its cost parameter when a click names none.

    `params` says what its parameters mean: our field → its parameter's name, such as {"sub1": "zoneid"}.
    """

    name: str
    currency: str = ""
    params: dict[str, str] = field(default_factory=dict)
    cost_model: CostModel = CostModel()
    transparent: Transparent | None = None
    secret: str = ""


class ChangeSource(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    params: dict[str, str] | UnsetType = UNSET
    cost_model: CostModel | UnsetType = UNSET
    transparent: Transparent | UnsetType | None = UNSET
    secret: str | UnsetType = UNSET


offer(
    "source",
    "sources",
    listing=List,
    create=Create,
    change=ChangeSource,
    example={"name": "Push network", "currency": "USD"},
    change_example={"currency": "EUR"},
)
