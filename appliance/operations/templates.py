"""Postback templates: how a network names its fields."""

from __future__ import annotations

from msgspec import Struct, field

from appliance.attribution import profiles
from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import Template
from appliance.operations.context import Context
from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer, shown
from appliance.operations.registry import operation


class List(Listing, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`mapping`: field of ours → where it is found, first non-empty wins; the others stay as usual.

    A parameter's name, a JSON path ($.order.items[0].price) or a constant (=USD): docs/reference/networks.md.
    """

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
        "mapping": {"payout": ["commission", "$.order.sum"], "currency": ["=USD"], "secret": ["hash"]},
    },
    change_example={"mapping": {"payout": ["commission"]}},
)


class Everything(Request, frozen=True, kw_only=True):
    """No fields."""


class Profile(Struct, frozen=True, kw_only=True):
    """The parameter names of postback URLs that were made for another tracker."""

    name: str
    title: str
    mapping: dict[str, tuple[str, ...]]
    note: str


class Profiles(Struct, frozen=True, kw_only=True):
    items: tuple[Profile, ...]


@operation("templates.profiles", permission="templates.read")
async def listed(request: Everything, context: Context) -> Profiles:
    """The trackers whose postback URLs Weir can go on taking, with the names that they use."""
    return Profiles(
        items=tuple(
            Profile(name=it.name, title=it.title, mapping=dict(it.mapping), note=it.note)
            for it in profiles.ALL
        )
    )


class FromProfile(Request, frozen=True, kw_only=True):
    """`profile` by its name; `name` "" takes its title."""

    profile: str
    name: str = ""


@operation(
    "templates.create_from_profile",
    permission="templates.write",
    changes=True,
    example={"profile": "keitaro"},
)
async def create_from_profile(request: FromProfile, context: Context) -> Template:
    """A new template with another tracker's parameter names; it is the operator's own from then on."""
    found = profiles.named(request.profile)
    if found is None:
        known = ", ".join(profiles.names())
        problem = FieldProblem("profile", f"there is no {request.profile[:40]!r}; there are: {known}")
        raise Refused("this template cannot be made", [problem])
    template = Template(name=request.name or found.title, mapping=dict(found.mapping))
    made = await context.catalog.create("template", template, context.caller)
    assert isinstance(made, Template)
    return shown(made)
