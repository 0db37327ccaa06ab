"""The routing table: the immutable index that one click is decided on. Whatever can be compiled is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from appliance.model.catalog import Campaign, Destination, Link, Page, Source, Stream
from appliance.model.events import Verdict
from appliance.model.table import NetworkEntry, SettingsEntry
from appliance.routing import verdicts
from appliance.routing.macros import Ids, UrlTemplate
from appliance.routing.rules import Test, compile_rule
from appliance.routing.sources import compile_source

_PREBUILT_TARGETS = 16


class CompiledTarget:
    """A destination as one stream uses it."""

    __slots__ = ("chosen", "destination", "id", "ids", "open", "weight")

    def __init__(self, destination: CompiledDestination, weight: int, ids: Ids) -> None:
        self.destination = destination
        self.id = destination.id
        self.weight = weight
        self.ids = ids
        self.open: Verdict = (self.id, verdicts.OPEN, -1)
        self.chosen: Verdict = (self.id, verdicts.CHOSEN, -1)


class CompiledDestination:
    __slots__ = ("closed", "id", "network_id", "url")

    def __init__(self, destination: Destination) -> None:
        self.id = destination.id
        self.network_id = destination.network_id or 0
        self.url = UrlTemplate(destination.url)
        self.closed = "" if destination.status == "active" else verdicts.DISABLED
        """Why it takes no clicks whatever the hour; "" when it may."""


class CompiledStream:
    """A stream with its verdicts prebuilt, and the cumulated weights of the targets that can be drawn."""

    __slots__ = (
        "all_open", "failed", "id", "matched", "paused", "picks", "seen", "targets", "tests", "total",
    )  # fmt: skip

    def __init__(self, stream: Stream, targets: tuple[CompiledTarget, ...]) -> None:
        self.id = stream.id
        self.paused = stream.status != "active"
        self.tests: tuple[tuple[str, Test], ...] = tuple((r.param, compile_rule(r)) for r in stream.rules)
        self.failed: tuple[Verdict, ...] = tuple(
            (self.id, verdicts.RULE, index) for index in range(len(stream.rules))
        )
        self.matched: Verdict = (self.id, verdicts.MATCHED, -1)
        self.targets = targets
        self.all_open = bool(targets) and all(t.weight > 0 and not t.destination.closed for t in targets)
        self.seen: tuple[tuple[Verdict, ...], ...] | None = None
        """What was seen of every target when all are open and this one is drawn; only for a few targets."""
        if len(targets) <= _PREBUILT_TARGETS:
            self.seen = tuple(
                tuple(t.chosen if i == drawn else t.open for i, t in enumerate(targets))
                for drawn in range(len(targets))
            )
        self.picks = tuple(accumulate(target.weight for target in targets))
        self.total = self.picks[-1] if self.picks else 0


class CompiledCampaign:
    __slots__ = (
        "active", "currency", "id", "ids", "public_id", "reading", "slug", "source_id", "streams",
        "trafficback",
    )  # fmt: skip

    def __init__(
        self, campaign: Campaign, source: Source | None, streams: tuple[CompiledStream, ...]
    ) -> None:
        self.id = campaign.id
        self.slug = campaign.slug
        self.public_id = campaign.public_id
        self.active = campaign.status == "active"
        self.source_id = campaign.source_id or 0
        self.reading = compile_source(source)
        self.currency = campaign.currency or (source.currency if source else "")
        self.trafficback = UrlTemplate(campaign.trafficback_url) if campaign.trafficback_url else None
        self.streams = streams
        self.ids = Ids(self.id, self.slug, 0, 0, self.source_id)


class RoutingTable:
    """Everything the edge knows of the catalog at one revision. Once built, never changed, only replaced."""

    __slots__ = (
        "by_public_id", "by_slug", "compiled_us", "links", "networks", "pages", "revision", "settings",
        "trafficback",
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
        self.trafficback = UrlTemplate(settings.trafficback_url) if settings.trafficback_url else None
        self.by_slug: dict[str, CompiledCampaign] = {}
        self.by_public_id: dict[str, CompiledCampaign] = {}
        self.links: dict[str, tuple[Link, CompiledCampaign]] = {}
        self.networks = networks
        self.pages = pages

    def put_campaign(self, campaign: CompiledCampaign) -> None:
        """Add one while the table is built."""
        self.by_slug[campaign.slug] = campaign
        if campaign.public_id:
            self.by_public_id[campaign.public_id] = campaign

    def campaign(self, door: str, key: str) -> tuple[CompiledCampaign | None, Link | None]:
        """Whom a tracked link means: door c and tb take a slug, go a public id, r a link's token."""
        if door == "r":
            link, campaign = self.links.get(key, (None, None))
            return campaign, link
        return (self.by_public_id if door == "go" else self.by_slug).get(key), None


def empty_table() -> RoutingTable:
    """What an edge has before it ever met a core: it knows no campaign and is not ready."""
    return RoutingTable(0, 0, SettingsEntry(), {}, {})
