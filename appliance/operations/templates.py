"""Postback templates: how a network names its fields."""

from __future__ import annotations

from msgspec import field

from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`mapping`: field of ours → its parameter names, first non-empty wins; the others stay as usual."""

    name: str
    mapping: dict[str, tuple[str, ...]] = field(default_factory=dict)


class ChangeTemplate(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    mapping: dict[str, tuple[str, ...]] | UnsetType = UNSET


offer(
    "template",
    "templates",
    listing=List,
    create=Create,
    change=ChangeTemplate,
    example={
        "name": "Some Network's words",
        "mapping": {"payout": ["commission", "sum"], "secret": ["hash"]},
    },
    change_example={"mapping": {"payout": ["commission"]}},
)
