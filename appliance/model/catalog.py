"""The nouns an operator edits. Ids are small integers per kind; 0 means "not stored yet"."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Operator = Literal[
    "eq", "neq", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "gt", "gte", "lt", "lte", "exists", "not_exists", "regex",
]  # fmt: skip
Status = Literal["active", "paused"]


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One test of a query parameter. `in`/`not_in` take a list; `exists`/`not_exists` take nothing.

    A missing parameter satisfies only neq, not_in, not_contains and not_exists. Texts are compared
    case-sensitively; gt/gte/lt/lte compare decimal numbers and never match what is not a number.
    """

    param: str
    operator: Operator
    value: str | tuple[str, ...] = ""


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A destination's share of a stream: it receives weight / sum(weights) of the clicks."""

    destination_id: int
    weight: int = 100


class Entity(Struct, frozen=True, kw_only=True):
    """What every stored thing carries: `revision` is the catalog revision that last changed it.

    `owner_id` is the user who made it, None for the local administrator; a buyer may change what he owns.
    """

    id: int = 0
    revision: int = 0
    archived: bool = False
    name: str = ""
    owner_id: int | None = None


class Campaign(Entity, frozen=True, kw_only=True):
    """Reached by /c/{slug}, /go/{public_id} and the links; its streams decide where a click goes."""

    slug: str
    public_id: str = ""
    status: Status = "active"
    source_id: int | None = None
    currency: str = ""
    trafficback_url: str = ""


class Stream(Entity, frozen=True, kw_only=True):
    """Tried in order of (position, id): the first active one whose rules all match takes the click."""

    campaign_id: int
    position: int = 0
    status: Status = "active"
    rules: tuple[Rule, ...] = ()
    targets: tuple[Target, ...] = ()


class Destination(Entity, frozen=True, kw_only=True):
    """Where clicks go: an absolute http(s) URL, or a path on this appliance; macros only after the host."""

    url: str
    status: Status = "active"
    network_id: int | None = None


class Source(Entity, frozen=True, kw_only=True):
    """Where traffic is bought. `currency` is that of its `cost` parameter when a click names none."""

    currency: str = ""


class Network(Entity, frozen=True, kw_only=True):
    """Who pays: its postbacks arrive at /pb/{slug}. An empty secret accepts postbacks without one."""

    slug: str
    secret: str = ""
    template_id: int | None = None
    status: Status = "active"
    currency: str = ""


class Template(Entity, frozen=True, kw_only=True):
    """How a network names its fields: field of ours → its parameter names, first non-empty wins.

    Fields left out keep the default aliases of attribution/template.py.
    """

    mapping: dict[str, tuple[str, ...]] = {}


class Link(Entity, frozen=True, kw_only=True):
    """/r/{token}: a campaign's link with preset parameters, which a visitor cannot override."""

    token: str = ""
    campaign_id: int
    params: dict[str, str] = {}
    status: Status = "active"


class Page(Entity, frozen=True, kw_only=True):
    """A page of the operator's own at /p/{slug}; http/public/routes.py fills in its macros."""

    slug: str
    body: str
    content_type: str = "text/html; charset=utf-8"


Role = Literal["administrator", "buyer", "viewer"]
UserStatus = Literal["active", "pending_approval", "blocked"]


class User(Entity, frozen=True, kw_only=True):
    """Who may sign in. `campaigns` are granted to him beside his own; an administrator has all of them, and a
    viewer with `every_campaign` sees them all."""

    email: str
    role: Role = "viewer"
    status: UserStatus = "active"
    campaigns: tuple[int, ...] = ()
    sees_money: bool = True
    every_campaign: bool = False


class Token(Entity, frozen=True, kw_only=True):
    """A program's key: what its user may do, narrowed to `scopes` (access/roles.py) until `expires_at`.

    Only `hash` is stored, the SHA-256 of the secret in hex; `hint` is the secret's first characters.
    `expires_at` is an ISO time with its zone, "" for never.
    """

    user_id: int
    scopes: tuple[str, ...] = ()
    expires_at: str = ""
    hash: str = ""
    hint: str = ""


Kind = Literal[
    "campaign", "stream", "destination", "source", "network", "template", "link", "page", "user", "token"
]
TYPES: dict[Kind, type[Entity]] = {
    "campaign": Campaign,
    "stream": Stream,
    "destination": Destination,
    "source": Source,
    "network": Network,
    "template": Template,
    "link": Link,
    "page": Page,
    "user": User,
    "token": Token,
}


class Change(Struct, frozen=True, kw_only=True):
    """One entity as it was and as it became; `before` is None for a creation."""

    kind: Kind
    id: int
    before: dict[str, object] | None
    after: dict[str, object]


class Revision(Struct, frozen=True, kw_only=True):
    """One numbered change of the catalog: any revision is rebuilt by applying 1..number."""

    number: int
    at_us: int
    author: str
    door: str
    changes: tuple[Change, ...]
