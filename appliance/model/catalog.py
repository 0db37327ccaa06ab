"""The nouns an operator edits. Ids are small integers per kind; 0 means "not stored yet"."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from appliance.model.rules import (
    Answer,
    Cap,
    CostModel,
    Distribution,
    Probe,
    Rule,
    Schedule,
    StreamKind,
    Target,
    Transparent,
    Uniqueness,
    UniquePolicy,
)

Status = Literal["active", "paused"]


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
    """Reached by /c/{slug}, /go/{public_id} and the links; its streams decide where a click goes.

    `rotation` tries its regular streams in order or draws one by weight. `sticky` keeps a visitor (by cookie,
    for `sticky_hours`) on his stream, or on his destination. `secret` is what the click API asks for; without
    one it is closed. For `click_cookie_days` (0: not at all) a visitor's browser keeps his click in a cookie,
    by which the conversion pixel and script know it.
    """

    slug: str
    public_id: str = ""
    status: Status = "active"
    source_id: int | None = None
    currency: str = ""
    trafficback_url: str = ""
    rotation: Literal["position", "weight"] = "position"
    sticky: Literal["none", "stream", "destination"] = "none"
    sticky_hours: int = 24
    uniqueness: Uniqueness = Uniqueness()
    secret: str = ""
    click_cookie_days: int = 0


class Stream(Entity, frozen=True, kw_only=True):
    """Tried in order of (position, id): the first active one whose rules all match takes the click.

    The forced ones come first, then the regular ones, then the default ones. `weight` counts where the
    campaign draws among its regular streams.
    """

    campaign_id: int
    position: int = 0
    status: Status = "active"
    rules: tuple[Rule, ...] = ()
    targets: tuple[Target, ...] = ()
    kind: StreamKind = "regular"
    weight: int = 100
    distribution: Distribution = Distribution()
    unique_policy: UniquePolicy | None = None
    answer: Answer = Answer()
    trafficback_url: str = ""


class Destination(Entity, frozen=True, kw_only=True):
    """Where clicks go: an absolute http(s) URL, or a path on this appliance; macros only after the host.

    While its schedule, a cap or its health closes it, `alternative_id` takes its place. A landing page's
    `exits` are where its outgoing links /lp/{clickId}/1, /2 … lead, each by weight.
    """

    url: str
    status: Status = "active"
    network_id: int | None = None
    schedule: Schedule | None = None
    caps: tuple[Cap, ...] = ()
    alternative_id: int | None = None
    probe: Probe | None = None
    exits: tuple[tuple[Target, ...], ...] = ()


class Source(Entity, frozen=True, kw_only=True):
    """Where traffic is bought. `currency` is that of its `cost` parameter when a click names none.

    `params` says what its parameters mean: our field (source_click_id, cost, currency, sub1 to sub30, a utm
    name) → its parameter's name; fields left out keep the default aliases. `secret` signs transparent links.
    `preset` is the one it was made from (routing/presets.py): partners/presets.py has the address under which
    that source wants to hear of conversions.
    """

    currency: str = ""
    params: dict[str, str] = {}
    cost_model: CostModel = CostModel()
    transparent: Transparent | None = None
    secret: str = ""
    preset: str = ""


Duplicates = Literal["edit", "ignore", "create", "repeat", "increment", "event_id"]
"""What a further postback of a claim does: it corrects the conversion, is ignored, makes a new one (marked
as repeated), adds its payout; event_id: the same event again is ignored."""


Layout = Literal["", "tonic", "crossroads", "sedo"]
"""Search-feed networks whose parameters are known (partners/layouts.py); "" for another one."""


class Network(Entity, frozen=True, kw_only=True):
    """Who pays: its postbacks arrive at /pb/{slug}. Without any secret it accepts postbacks without one.

    `secrets` are accepted beside `secret`; `allow` are addresses and networks that may send, () for all.
    `status_words`: its word, in any case → a status of ours. `claim_by` is what makes a conversion beside the
    transaction; `transitions`: status → those it may become, one not named may become any. `unknown_click`:
    such a postback waits, or is recorded without its click; for `click_wait_hours`, None for the default.
    `layout`: its postbacks are interpreted events too (partners/layouts.py).
    """

    slug: str
    secret: str = ""
    template_id: int | None = None
    status: Status = "active"
    currency: str = ""
    secrets: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    signature: Literal["", "hmac_sha256", "clickbank_ins", "digistore24"] = ""
    reply: str = ""
    status_words: dict[str, str] = {}
    duplicates: Duplicates = "edit"
    duplicates_by_type: dict[str, Duplicates] = {}
    claim_by: tuple[Literal["event_type", "upsell"], ...] = ()
    transitions: dict[str, tuple[str, ...]] = {}
    unknown_click: Literal["wait", "accept"] = "wait"
    click_wait_hours: float | None = None
    preset: str = ""
    layout: Layout = ""


class Template(Entity, frozen=True, kw_only=True):
    """How a network names its fields: field of ours → its parameter names, first non-empty wins.

    Fields left out keep the default aliases of attribution/template.py.
    """

    mapping: dict[str, tuple[str, ...]] = {}


class Link(Entity, frozen=True, kw_only=True):
    """/r/{token}: a campaign's link with preset parameters, which a visitor cannot override.

    With `facts_from_query` parameters such as `country` replace what was detected (routing/facts.py).
    """

    token: str = ""
    campaign_id: int
    params: dict[str, str] = {}
    status: Status = "active"
    facts_from_query: bool = False


class PostbackTarget(Entity, frozen=True, kw_only=True):
    """Who is told of conversions: a traffic source, or any URL. partners/postback.py tells when and how.

    A condition left empty holds for all: `source_id`, `campaign_ids` and `network_ids` are the click's and
    the conversion's, payouts are decimal numbers. `share` per cent of the conversions are told, always the
    same ones, with `payout_scale` per cent of their payout. `on`: once; also at changes of status; of payout.
    `headers` and `secret` (Standard Webhooks) are for the receiver to know who speaks.
    """

    url: str
    status: Status = "active"
    source_id: int | None = None
    campaign_ids: tuple[int, ...] = ()
    network_ids: tuple[int, ...] = ()
    method: Literal["GET", "POST"] = "GET"
    body: str = ""
    headers: dict[str, str] = {}
    statuses: tuple[str, ...] = ("lead", "sale")
    types: tuple[str, ...] = ()
    min_payout: str = ""
    max_payout: str = ""
    share: int = 100
    payout_scale: int = 100
    on: Literal["created", "status", "payout"] = "created"
    secret: str = ""
    deadline_hours: int = 72


ListKind = Literal["text", "address", "mask"]


class NamedList(Entity, frozen=True, kw_only=True):
    """Entries that many rules may ask for: exact texts, addresses and networks, or masks such as *bot*.

    The entries lie in a file named by their digest (stores/lists.py); here is how many there are.
    """

    of: ListKind = "text"
    digest: str = ""
    entries: int = 0


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


PlatformName = Literal[
    "meta", "tiktok", "google", "openai", "microsoft", "snapchat", "pinterest", "taboola", "outbrain"
]


class AdAccount(Entity, frozen=True, kw_only=True):
    """An account at an ad platform, of which pixels are told what happened.

    `token` and the secret ones among `settings` (partners/platforms/) are sealed by access/vault.py. While
    `dry_run`, reports are made, checked and kept, and not sent. `intake_hash` is the SHA-256 in hex of what
    POST /api/events asks for, "" while that is closed; `intake_hint` its first characters. With a `feed_hash`
    (that of a feed's token) Google fetches what it is told, and nothing is sent (partners/feeds.py).
    `accept_experimental`: somebody has read that the platform's demands could not be verified; without it an
    account of such a platform stays in its dry run.
    """

    platform: PlatformName = "meta"
    status: Status = "active"
    token: str = ""
    settings: dict[str, str] = {}
    dry_run: bool = True
    requests_per_minute: int = 600
    intake_hash: str = ""
    intake_hint: str = ""
    feed_hash: str = ""
    accept_experimental: bool = False


class EventRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one conversion, or one interpreted event, is to a pixel: `event_name`, that many times.

    `network` is a slug or a name, "" for all; `statuses` () are the pixel's own. `count` is 1 or what an
    interpreted event counts. `value`: each event has its share of the revenue, all of it, or none. `custom`
    are further parameters, texts with macros (partners/mapping.py).
    """

    event_name: str
    network: str = ""
    when: Literal["conversion", "interpreted"] = "conversion"
    statuses: tuple[str, ...] = ()
    count: Literal["1", "conversions", "lander_visitors", "lander_searches"] = "1"
    value: Literal["share", "whole", "none"] = "share"
    custom: dict[str, str] = {}


class Pixel(Entity, frozen=True, kw_only=True):
    """Where an account's events go: Meta's dataset, TikTok's pixel, Google's conversion action, by `code`.

    Conditions left empty hold for all; `types` are conversions' own. With a `test_code` its events are tests
    and never live ones. `mapping` () is the default one. `page_url` is the page that events are said to
    happen on.
    """

    ad_account_id: int
    code: str
    status: Status = "active"
    source_ids: tuple[int, ...] = ()
    campaign_ids: tuple[int, ...] = ()
    network_ids: tuple[int, ...] = ()
    test_code: str = ""
    statuses: tuple[str, ...] = ("sale", "lead")
    types: tuple[str, ...] = ()
    mapping: tuple[EventRow, ...] = ()
    page_url: str = ""


class Subscription(Entity, frozen=True, kw_only=True):
    """Whose interpreted events are reported: those of the ad platform's campaign, "" in a field for all."""

    campaign_id: str
    network: str = ""
    account: str = ""
    traffic_source: str = ""
    status: Status = "active"


Kind = Literal[
    "campaign", "stream", "destination", "source", "network", "template", "link", "page", "list",
    "user", "token", "target", "ad_account", "pixel", "subscription",
]  # fmt: skip
TYPES: dict[Kind, type[Entity]] = {
    "campaign": Campaign,
    "stream": Stream,
    "destination": Destination,
    "source": Source,
    "network": Network,
    "template": Template,
    "link": Link,
    "page": Page,
    "list": NamedList,
    "user": User,
    "token": Token,
    "target": PostbackTarget,
    "ad_account": AdAccount,
    "pixel": Pixel,
    "subscription": Subscription,
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
