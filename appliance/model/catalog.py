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
    """What every stored thing carries: `revision` is the catalog revision that last changed it."""

    id: int = 0
    revision: int = 0
    archived: bool = False
    name: str = ""


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


Kind = Literal["campaign", "stream", "destination", "source", "network", "template", "link", "page"]
TYPES: dict[Kind, type[Entity]] = {
    "campaign": Campaign,
    "stream": Stream,
    "destination": Destination,
    "source": Source,
    "network": Network,
    "template": Template,
    "link": Link,
    "page": Page,
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
