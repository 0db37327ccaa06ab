"""The routing table: the immutable index that one click is decided on. Whatever can be compiled is."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from itertools import accumulate

from appliance.model.catalog import Campaign, Destination, Link, Page, Source, Stream
from appliance.model.events import Verdict
from appliance.model.table import NetworkEntry, SettingsEntry
from appliance.routing import verdicts
from appliance.routing.answers import compile_answer
from appliance.routing.hops import compile_hop
from appliance.routing.macros import Ids, UrlTemplate
from appliance.routing.policy import CompiledPolicy, CompiledUniqueness, of_stream
from appliance.routing.rules import Compiled, Making, compile_rules
from appliance.routing.schedule import compiled
from appliance.routing.sources import compile_source

_PREBUILT_TARGETS = 16


_DENIALS = {
    **dict.fromkeys(("country", "region", "city"), verdicts.GEO),
    **dict.fromkeys(
        ("device_type", "device_brand", "device_model", "os", "os_version", "browser", "browser_version"),
        verdicts.DEVICE,
    ),
    **dict.fromkeys(("bot", "datacenter", "prefetch"), verdicts.BOT),
}
"""Fact that a rule asks for → the reason, in the seed's words, of a click that no stream takes for it."""


class Back:
    """A trafficback. `mark` stands for it in the chain that a visitor carries (routing/back.py)."""

    __slots__ = ("mark", "url")

    def __init__(self, url: str) -> None:
        self.url = UrlTemplate(url)
        self.mark = blake2b(url.encode(), digest_size=4).hexdigest()


class CompiledTarget:
    """A destination as one stream uses it."""

    __slots__ = ("alternatives", "chosen", "destination", "id", "ids", "open", "weight")

    def __init__(
        self,
        destination: CompiledDestination,
        weight: int,
        ids: Ids,
        alternatives: tuple[CompiledTarget, ...] = (),
    ) -> None:
        self.destination = destination
        self.alternatives = alternatives
        """Who takes its place while it is closed, the first open one."""
        self.id = destination.id
        self.weight = weight
        self.ids = ids
        self.open: Verdict = (self.id, verdicts.OPEN, -1)
        self.chosen: Verdict = (self.id, verdicts.CHOSEN, -1)


class CompiledDestination:
    __slots__ = (
        "closed", "id", "landing", "limited", "network_id", "open_at", "url",
    )  # fmt: skip

    def __init__(self, destination: Destination) -> None:
        self.id = destination.id
        self.network_id = destination.network_id or 0
        self.url = UrlTemplate(destination.url)
        self.landing = bool(destination.exits)
        self.closed = "" if destination.status == "active" else verdicts.DISABLED
        """Why it takes no clicks whatever the hour; "" when it may."""
        self.open_at = compiled(destination.schedule) if destination.schedule is not None else None
        self.limited = any(cap.metric == "clicks" for cap in destination.caps)
        """Takes only as many clicks as the core has granted this edge."""


class CompiledStream:
    """A stream with its verdicts prebuilt, and the cumulated weights of the targets that can be drawn."""

    __slots__ = (
        "all_open", "answer", "back", "denials", "every", "failed", "fallback", "id", "ids", "looks",
        "matched", "opens", "paused", "picks", "plain", "policy", "seen", "sticky", "strategy", "targets",
        "tests", "total", "unknown", "weight", "weights",
    )  # fmt: skip

    def __init__(
        self,
        stream: Stream,
        targets: tuple[CompiledTarget, ...],
        sticky: str = "none",
        making: Making | None = None,
    ) -> None:
        """Whoever passes `making` compiles its patterns when all streams that share it are made."""
        self.id = stream.id
        self.weight = stream.weight
        self.paused = stream.status != "active"
        shared = making if making is not None else Making()
        self.tests: tuple[Compiled, ...] = compile_rules(of_stream(stream.rules, stream.id), shared)
        if making is None:
            shared.patterns.compile()
        self.looks = any(name is None for name, _ in self.tests)
        """Whether its rules ask for more than query parameters."""
        self.failed: tuple[Verdict, ...] = tuple(
            (self.id, verdicts.RULE, index) for index in range(len(stream.rules))
        )
        self.unknown: tuple[Verdict, ...] = tuple(
            (self.id, verdicts.UNKNOWN, index) for index in range(len(stream.rules))
        )
        self.matched: Verdict = (self.id, verdicts.MATCHED, -1)
        self.answer = compile_answer(stream.answer)
        """None for the plain 302."""
        self.back = Back(stream.trafficback_url) if stream.trafficback_url else None
        self.denials = {
            (self.id, index): _DENIALS[rule.fact]
            for index, rule in enumerate(stream.rules)
            if rule.fact in _DENIALS
        }
        """(stream id, rule) → why whom that rule turns away is sent back; only where that can be said."""
        self.targets = targets
        self.all_open = bool(targets) and all(
            t.weight > 0 and not t.destination.closed and t.destination.open_at is None for t in targets
        )
        self.seen: tuple[tuple[Verdict, ...], ...] | None = None
        """What was seen of every target when all are open and this one is drawn; only for a few targets."""
        if len(targets) <= _PREBUILT_TARGETS:
            self.seen = tuple(
                tuple(t.chosen if i == drawn else t.open for i, t in enumerate(targets))
                for drawn in range(len(targets))
            )
        self.opens = tuple(target.open for target in targets)
        self.every = range(len(targets))
        self.picks = tuple(accumulate(target.weight for target in targets))
        self.total = self.picks[-1] if self.picks else 0
        self.weights = tuple(target.weight for target in targets)
        self.strategy = stream.distribution.strategy
        self.fallback = stream.distribution.fallback
        policy = stream.unique_policy
        self.policy = CompiledPolicy(policy) if policy is not None and policy.enabled else None
        self.sticky = "" if sticky == "none" else sticky
        self.ids = frozenset(target.id for target in targets)
        self.plain = self.all_open and self.strategy == "weighted" and self.policy is None and not self.sticky
        """One look at the draw decides, while nothing is closed."""


class CompiledCampaign:
    __slots__ = (
        "active", "asks_who", "backs", "cookie_seconds", "currency", "denials", "exits", "hop", "id",
        "ids", "looks", "public_id", "reading", "regular", "rotating", "secret", "slug", "source_id",
        "sticky", "sticky_seconds", "streams", "trafficback", "unique_streams", "uniqueness", "wants_visitor",
    )  # fmt: skip

    def __init__(
        self,
        campaign: Campaign,
        source: Source | None,
        streams: tuple[CompiledStream, ...],
        unique: bool = False,
        unique_streams: tuple[int, ...] = (),
        rotating: tuple[int, int] | None = None,
        regular: tuple[int, int] = (0, 0),
    ) -> None:
        """`unique`: a rule asks whether the visitor is new to the campaign. `rotating`: see below."""
        self.id = campaign.id
        self.slug = campaign.slug
        self.public_id = campaign.public_id
        self.active = campaign.status == "active"
        self.source_id = campaign.source_id or 0
        self.reading = compile_source(source)
        self.currency = campaign.currency or (source.currency if source else "")
        self.trafficback = Back(campaign.trafficback_url) if campaign.trafficback_url else None
        self.streams = streams
        """The forced ones, the regular ones, the default ones, each kind by position and id."""
        self.looks = any(stream.looks for stream in streams)
        self.rotating = rotating
        """Of which streams, from and before, one is drawn by weight; None when they are tried in order."""
        self.regular = regular
        """Which streams, from and before, a visitor's cookie may put before the others of their kind."""
        self.backs = {stream.id: stream.back for stream in streams if stream.back is not None}
        """Stream id → its own trafficback."""
        self.denials = {where: word for stream in streams for where, word in stream.denials.items()}
        self.exits: Mapping[tuple[int, int], tuple[CompiledStream, ...]] = {}
        """(stream id, landing page) → the page's exits, each as a stream of its destinations."""
        self.hop = compile_hop(source)
        """The next hop that a transparent link of its source may name, None as a rule."""
        self.secret = bytes.fromhex(campaign.secret)
        """SHA-256 of what the click API asks for; empty: closed."""
        self.sticky = "" if campaign.sticky == "none" else campaign.sticky
        self.sticky_seconds = campaign.sticky_hours * 3600
        self.cookie_seconds = campaign.click_cookie_days * 86_400
        """How long a visitor's browser keeps his click for the pixel; 0: it is not asked to."""
        self.unique_streams = unique_streams
        """Streams whose rules ask whether the visitor is new to them."""
        self.uniqueness: CompiledUniqueness | None = None
        """Of a campaign that asks who is new; without it a click looks nothing up and teaches nothing."""
        if unique or unique_streams or campaign.uniqueness.every_click:
            self.uniqueness = CompiledUniqueness(campaign.uniqueness)
        self.wants_visitor = (self.uniqueness is not None and self.uniqueness.by == "cookie") or any(
            stream.policy is not None and stream.policy.name == "visitor" for stream in streams
        )
        """Its visitors are known by a cookie, which the public port issues."""
        self.asks_who = (
            bool(self.sticky)
            or self.wants_visitor
            or self.uniqueness is not None
            or any(stream.policy is not None for stream in streams)
        )
        """Anything is looked up, or learned, of its visitors."""
        source_name = source.name if source is not None else ""
        self.ids = Ids(
            self.id, self.slug, 0, 0, self.source_id, campaign_name=campaign.name, source_name=source_name
        )


class RoutingTable:
    """Everything the edge knows of the catalog at one revision. Once built, never changed, only replaced."""

    __slots__ = (
        "by_id", "by_public_id", "by_secret", "by_slug", "compiled_us", "intakes", "limited", "links",
        "networks", "pages", "revision", "settings", "trafficback",
    )  # fmt: skip

    def __init__(
        self,
        revision: int,
        compiled_us: int,
        settings: SettingsEntry,
        networks: Mapping[str, NetworkEntry],
        pages: Mapping[str, Page],
    ) -> None:
        self.revision = revision
        self.compiled_us = compiled_us
        self.settings = settings
        self.trafficback = Back(settings.trafficback_url) if settings.trafficback_url else None
        self.by_id: dict[int, CompiledCampaign] = {}
        self.by_secret: dict[bytes, CompiledCampaign | None] = {}
        """Digest of its secret → campaign, for callers of the click API who name none; None: several."""
        self.by_slug: dict[str, CompiledCampaign] = {}
        self.by_public_id: dict[str, CompiledCampaign] = {}
        self.links: dict[str, tuple[Link, CompiledCampaign]] = {}
        self.networks = networks
        self.pages = pages
        self.intakes: tuple[tuple[bytes, int], ...] = ()
        """Digests of the tokens of POST /api/events, and whose account each is."""
        self.limited: frozenset[int] = frozenset()
        """Destinations with caps on clicks."""

    def put_campaign(self, campaign: CompiledCampaign) -> None:
        """Add one while the table is built."""
        self.by_slug[campaign.slug] = campaign
        self.by_id[campaign.id] = campaign
        if campaign.public_id:
            self.by_public_id[campaign.public_id] = campaign
        if campaign.secret:
            self.by_secret[campaign.secret] = None if campaign.secret in self.by_secret else campaign

    def campaign(self, door: str, key: str) -> tuple[CompiledCampaign | None, Link | None]:
        """Whom a tracked link means: door c and tb take a slug, go a public id, r a link's token."""
        if door == "r":
            link, campaign = self.links.get(key, (None, None))
            return campaign, link
        return (self.by_public_id if door == "go" else self.by_slug).get(key), None


def empty_table() -> RoutingTable:
    """What an edge has before it ever met a core: it knows no campaign and is not ready."""
    return RoutingTable(0, 0, SettingsEntry(), {}, {})
