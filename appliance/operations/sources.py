"""Traffic sources: where clicks are bought."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from msgspec import Meta, Struct, field

from appliance.errors import FieldProblem, Missing, Refused
from appliance.model.catalog import Source
from appliance.model.rules import CostModel, Transparent
from appliance.operations.context import Context
from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer, shown
from appliance.operations.registry import operation
from appliance.routing import presets


class List(Listing, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`currency` is that of its cost parameter when a click names none, and of its cost model's amount.

    `params` says what its parameters mean: our field → its parameter's name, such as {"sub1": "zoneid"};
    sources.presets knows those of many sources. `cost_model`: what a click, a thousand or a conversion costs.
    `preset`: the one of them that it is.
    """

    name: str
    currency: str = ""
    params: dict[str, str] = field(default_factory=dict)
    cost_model: CostModel = CostModel()
    transparent: Transparent | None = None
    secret: str = ""
    preset: str = ""


class ChangeSource(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    params: dict[str, str] | UnsetType = UNSET
    cost_model: CostModel | UnsetType = UNSET
    transparent: Transparent | UnsetType | None = UNSET
    secret: str | UnsetType = UNSET
    preset: str | UnsetType = UNSET


offer(
    "source",
    "sources",
    listing=List,
    create=Create,
    change=ChangeSource,
    example={"name": "Push network", "currency": "USD"},
    change_example={"currency": "EUR"},
)


class Everything(Request, frozen=True, kw_only=True):
    """No fields."""


class Parameter(Struct, frozen=True, kw_only=True):
    """`param` of a link is kept in our `field`; the source fills in `macro`, "" when it adds both itself."""

    field: str
    param: str
    macro: str


class Preset(Struct, frozen=True, kw_only=True):
    """How one source fills links. `query` is what to put behind a tracked link in its campaigns."""

    name: str
    title: str
    query: str
    parameters: tuple[Parameter, ...]
    note: str


class Presets(Struct, frozen=True, kw_only=True):
    """`meanings`: what our fields stand for in all of them, so that one report fits every source."""

    items: tuple[Preset, ...]
    meanings: dict[str, str]


@operation("sources.presets", permission="sources.read")
async def listed(request: Everything, context: Context) -> Presets:
    """The sources that Weir knows: their macros, and where it keeps what they tell."""
    return Presets(
        items=tuple(
            Preset(
                name=each.name,
                title=each.title,
                query=each.query,
                parameters=tuple(
                    Parameter(field=it.field, param=it.param, macro=it.macro) for it in each.given
                ),
                note=each.note,
            )
            for each in presets.ALL
        ),
        meanings=dict(presets.MEANINGS.values()),
    )


class FromPreset(Request, frozen=True, kw_only=True):
    """`preset` by its name; `name` "" takes its title. `currency` as in sources.create."""

    preset: str
    name: str = ""
    currency: str = ""


@operation(
    "sources.create_from_preset",
    permission="sources.write",
    changes=True,
    example={"preset": "propellerads", "currency": "USD"},
)
async def create_from_preset(request: FromPreset, context: Context) -> Source:
    """A new source with the parameters of one that Weir knows; it is the caller's own from then on."""
    found = presets.named(request.preset)
    if found is None:
        known = ", ".join(presets.names())
        problem = FieldProblem("preset", f"there is no {request.preset[:40]!r}; there are: {known}")
        raise Refused("this source cannot be made", [problem])
    source = Source(
        name=request.name or found.title, currency=request.currency, params=found.params, preset=found.name
    )
    made = await context.catalog.create("source", source, context.caller)
    assert isinstance(made, Source)
    return shown(made)


class UnexpandedRequest(Request, frozen=True, kw_only=True):
    """`source_id`: of one source only; 0 is clicks without a source."""

    source_id: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Unexpanded(Struct, frozen=True, kw_only=True):
    """`clicks` came with a macro in `param` that the source should have filled in; it was read as missing."""

    source_id: int
    source: str
    param: str
    clicks: int


class UnexpandedList(Struct, frozen=True, kw_only=True):
    """Most clicks first; counted by the edges since each started."""

    items: tuple[Unexpanded, ...]


@operation("sources.unexpanded", permission="sources.read", example={"source_id": 1})
async def unexpanded(request: UnexpandedRequest, context: Context) -> UnexpandedList:
    """Parameters that arrived with their macros not filled in, by source: what to correct in its links."""
    counts: Counter[tuple[int, str]] = Counter()
    for edge in context.system.status().edges:
        for source, params in (edge.report.unexpanded if edge.report else {}).items():
            if request.source_id in (None, source):
                counts.update({(source, param): clicks for param, clicks in params.items()})
    titles = {source: await _name(source, context) for source in {source for source, _ in counts}}
    return UnexpandedList(
        items=tuple(
            Unexpanded(source_id=source, source=titles[source], param=param, clicks=clicks)
            for (source, param), clicks in counts.most_common()
        )
    )


async def _name(source: int, context: Context) -> str:
    """The source's name, "" without one: 0, or one that the caller may not see."""
    try:
        return (await context.catalog.get("source", source)).name if source else ""
    except Missing:
        return ""
