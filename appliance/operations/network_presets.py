"""Affiliate networks that Weir knows, and networks made from them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from appliance.attribution import presets
from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import Network, Template
from appliance.operations.context import Context
from appliance.operations.nouns import Request, shown
from appliance.operations.registry import operation


class Everything(Request, frozen=True, kw_only=True):
    """No fields."""


class FurtherUrl(Struct, frozen=True, kw_only=True):
    """Another URL that the network asks for; `title` says for what."""

    title: str
    query: str


class NetworkPreset(Struct, frozen=True, kw_only=True):
    """How one network reports. `paste` goes into its offers' URLs, so that our click id comes back.

    `query` is what follows /pb/{slug}? in the postback URL; "" where the network posts fields of its own,
    which `mapping` reads, or sends no postbacks at all (`polled`). `status_words`: its word → our status.
    """

    name: str
    title: str
    paste: str
    query: str
    more: tuple[FurtherUrl, ...]
    polled: bool
    mapping: dict[str, tuple[str, ...]]
    status_words: dict[str, str]
    currency: str
    reply: str
    signature: str
    note: str


class NetworkPresets(Struct, frozen=True, kw_only=True):
    items: tuple[NetworkPreset, ...]


@operation("network_presets.list", permission="networks.read")
async def listed(request: Everything, context: Context) -> NetworkPresets:
    """The affiliate networks that Weir knows: their macros, status words and ready postback URLs."""
    return NetworkPresets(
        items=tuple(
            NetworkPreset(
                name=it.name,
                title=it.title,
                paste=it.paste,
                query=it.query,
                more=tuple(
                    FurtherUrl(title=title, query=presets.query_of(given)) for title, given in it.more.items()
                ),
                polled=it.polled,
                mapping=dict(it.mapping),
                status_words=dict(it.words),
                currency=it.currency,
                reply=it.reply,
                signature=it.signature,
                note=it.note,
            )
            for it in presets.ALL
        )
    )


class NetworkFromPreset(Request, frozen=True, kw_only=True):
    """`preset` by its name. `name`, `slug`, `currency` left empty are the preset's own; `secret` as in
    networks.create: one that signs its notifications needs it."""

    preset: str
    name: str = ""
    slug: str = ""
    secret: str = ""
    currency: str = ""


@operation(
    "networks.create_from_preset",
    permission="networks.write",
    changes=True,
    example={"preset": "affise", "slug": "my-affise", "currency": "USD"},
)
async def create_from_preset(request: NetworkFromPreset, context: Context) -> Network:
    """A new network as Weir knows it, with its template where it posts names of its own; from then on it is
    the operator's own. networks.urls has the postback URL to paste there."""
    found = presets.named(request.preset)
    if found is None:
        known = ", ".join(presets.names())
        problem = FieldProblem("preset", f"there is no {request.preset[:40]!r}; there are: {known}")
        raise Refused("this network cannot be made", [problem])
    network = found.network(
        name=request.name, slug=request.slug, secret=request.secret, currency=request.currency
    )
    # A request that is refused leaves nothing behind: the network is looked at before its template is made.
    values = msgspec.structs.asdict(network)
    problems = list(await context.catalog.faults("network", None, values))
    if found.signature and not request.secret:
        problems.append(FieldProblem("secret", f"{found.title} signs what it sends with it"))
    if problems:
        raise Refused("this network cannot be made", problems)
    template = None
    if found.mapping:
        mapped = Template(name=network.name, mapping=dict(found.mapping))
        template = await context.catalog.create("template", mapped, context.caller)
        network = msgspec.structs.replace(network, template_id=template.id)
    try:
        made = await context.catalog.create("network", network, context.caller)
    except Refused:  # somebody took the slug meanwhile
        if template is not None:
            await context.catalog.archive("template", template.id, context.caller, None)
        raise
    assert isinstance(made, Network)
    return shown(made)
