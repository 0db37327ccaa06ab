"""Affiliate networks: who pays. Their postbacks arrive at /pb/{slug}."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote

from msgspec import Meta, Struct, field

from appliance.attribution import presets
from appliance.attribution.template import names
from appliance.model.catalog import Duplicates, Entity, Layout, Network, Status, Template
from appliance.operations.context import Context
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, UnsetType, offer
from appliance.operations.registry import operation

Signature = Literal["", "hmac_sha256", "clickbank_ins", "digistore24"]
ClaimBy = Literal["event_type", "upsell"]
UnknownClick = Literal["wait", "accept"]
WaitHours = Annotated[float, Meta(ge=0, le=2_160)]


class List(Listing, frozen=True, kw_only=True):
    slug: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    template_id: Id | UnsetType | None = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`secret`, once set, must come with each postback; `secrets` are valid too, while it is replaced. They
    are never shown again: ********2 in a change means the second one as it is.

    `signature`: the secret is not sent but signs what is; clickbank_ins is encrypted with it. `allow`:
    addresses and networks that may send, [] for all. `reply`: what an accepted postback is answered, with
    {transaction}, {click_id}, {id} or {nothing}; "" is OK and the id. `status_words`: its word → one of ours.
    `duplicates`: what a further postback of a transaction does, for some event types as `duplicates_by_type`
    has it; `claim_by` makes a conversion beside the transaction. `transitions`: status → those it may become.
    `unknown_click`: a postback whose click is not known waits `click_wait_hours` for it, or is accepted and
    goes on waiting. `layout`: its postbacks are interpreted events too, in that network's parameters.
    """

    name: str
    slug: str
    secret: str = ""
    secrets: tuple[str, ...] = ()
    template_id: Id | None = None
    status: Status = "active"
    currency: str = ""
    allow: tuple[str, ...] = ()
    signature: Signature = ""
    reply: str = ""
    status_words: dict[str, str] = field(default_factory=dict)
    duplicates: Duplicates = "edit"
    duplicates_by_type: dict[str, Duplicates] = field(default_factory=dict)
    claim_by: tuple[ClaimBy, ...] = ()
    transitions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown_click: UnknownClick = "wait"
    click_wait_hours: WaitHours | None = None
    preset: str = ""
    layout: Layout = ""


class ChangeNetwork(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    secrets: tuple[str, ...] | UnsetType = UNSET
    template_id: Id | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    allow: tuple[str, ...] | UnsetType = UNSET
    signature: Signature | UnsetType = UNSET
    reply: str | UnsetType = UNSET
    status_words: dict[str, str] | UnsetType = UNSET
    duplicates: Duplicates | UnsetType = UNSET
    duplicates_by_type: dict[str, Duplicates] | UnsetType = UNSET
    claim_by: tuple[ClaimBy, ...] | UnsetType = UNSET
    transitions: dict[str, tuple[str, ...]] | UnsetType = UNSET
    unknown_click: UnknownClick | UnsetType = UNSET
    click_wait_hours: WaitHours | UnsetType | None = UNSET
    preset: str | UnsetType = UNSET
    layout: Layout | UnsetType = UNSET


offer(
    "network",
    "networks",
    listing=List,
    create=Create,
    change=ChangeNetwork,
    example={
        "name": "Some Network",
        "slug": "some-network",
        "secret": "choose-a-long-one",
        "allow": ["203.0.113.0/24"],
        "status_words": {"2": "hold"},
    },
    change_example={"template_id": 1},
    by_slug=True,
)

_ASKED = ("click_id", "payout", "status", "transaction_id", "currency")
"""The fields that a postback URL asks a network for, where no preset knows its macros."""


class OfNetwork(Request, frozen=True, kw_only=True):
    id: Id


class PostbackUrl(Struct, frozen=True, kw_only=True):
    """`title` says what for where the network has several."""

    title: str
    url: str


class Urls(Struct, frozen=True, kw_only=True):
    """`paste` goes into the URL of the network's offers, so that our click id comes back. `postbacks` go into
    its account; {…} or what stands there is for its own macros, SECRET for the secret. `pixel` and `script`
    go into pages that report conversions themselves, "" where the network has to prove its postbacks.
    """

    paste: str
    postbacks: tuple[PostbackUrl, ...]
    pixel: str
    script: str
    note: str


@operation("networks.urls", permission="networks.read", example={"id": 1})
async def urls(request: OfNetwork, context: Context) -> Urls:
    """What to enter where for a network: its postback URL, the click id's macro, the pixel, the script."""
    network = await context.catalog.get("network", request.id)
    assert isinstance(network, Network)
    template: Entity | None = None
    if network.template_id is not None:
        template = await context.catalog.get("template", network.template_id)
    return urls_of(network, template if isinstance(template, Template) else None, context.system.public)


def urls_of(network: Network, template: Template | None, origin: str) -> Urls:
    """`origin` is that of tracked links."""
    preset = presets.named(network.preset) if network.preset else None
    here = f"{origin}/pb/{network.slug}"
    has_secret = bool(network.secret or network.secrets)
    secret = _secret_param(template) if has_secret and not network.signature else ""
    if preset is not None and preset.polled:
        postbacks = {}
    elif preset is not None:
        given = {"": preset.given, **preset.more}
        postbacks = {title: _url(here, presets.query_of(each), secret) for title, each in given.items()}
    elif network.signature in ("clickbank_ins", "digistore24"):
        postbacks = {"": here}
    else:
        postbacks = {"": _url(here, presets.query_of(_usual(template)), secret)}
    open_to_pages = not (has_secret or network.signature or network.allow)
    return Urls(
        paste=(preset.paste if preset is not None else "") or "{click_id}",
        postbacks=tuple(PostbackUrl(title=title, url=url) for title, url in postbacks.items()),
        pixel=_pixel(origin, network.slug) if open_to_pages else "",
        script=_script(origin, network.slug) if open_to_pages else "",
        note=preset.note if preset is not None else "",
    )


def _url(here: str, query: str, secret: str) -> str:
    more = "&".join(part for part in (query, f"{secret}=SECRET" if secret else "") if part)
    return f"{here}?{more}" if more else here


def _usual(template: Template | None) -> Mapping[str, str]:
    """The template's own parameter → {field}; what stands in JSON, or is constant, no URL asks for."""
    found = {}
    for asked in _ASKED:
        if name := _param(template, asked):
            found[name] = f"{{{asked}}}"
    return found


def _secret_param(template: Template | None) -> str:
    return _param(template, "secret")


def _param(template: Template | None, asked: str) -> str:
    for name in names(template, asked)[:1]:
        if not name.startswith(("$", "=")):
            return quote(name, safe="")
    return ""


def _pixel(origin: str, slug: str) -> str:
    url = html.escape(f"{origin}/px/{slug}.gif?transaction_id=ORDER_ID&payout=12.50", quote=True)
    return f'<img src="{url}" width="1" height="1" alt="">'


def _script(origin: str, slug: str) -> str:
    url = html.escape(f"{origin}/js/{slug}.js", quote=True)
    call = 'weir.convert({transaction_id: "ORDER_ID", payout: "12.50"})'
    return f'<script src="{url}"></script>\n<script>{call}</script>'
