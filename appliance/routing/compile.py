"""Catalog entries → RoutingTable, in small steps, so that no loop is held while a table is built."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from appliance.errors import FieldProblem
from appliance.model.catalog import Campaign, Destination, Link, Page, Source, Stream
from appliance.model.table import (
    CampaignEntry,
    DestinationEntry,
    LinkEntry,
    NetworkEntry,
    PageEntry,
    SettingsEntry,
    SourceEntry,
    StreamEntry,
    decode_entry,
)
from appliance.routing.macros import Ids, check_url
from appliance.routing.rules import check_rule
from appliance.routing.table import (
    CompiledCampaign,
    CompiledDestination,
    CompiledStream,
    CompiledTarget,
    RoutingTable,
)

MAX_RULES = 100
MAX_TARGETS = 200


def check_stream(stream: Stream) -> list[FieldProblem]:
    """Every fault of a stream's rules and weights; the catalog knows its destinations."""
    found: list[FieldProblem] = []
    if len(stream.rules) > MAX_RULES:
        found.append(FieldProblem("rules", f"at most {MAX_RULES} rules"))
    for index, rule in enumerate(stream.rules[:MAX_RULES]):
        found += check_rule(rule, f"rules[{index}]")
    if len(stream.targets) > MAX_TARGETS:
        found.append(FieldProblem("targets", f"at most {MAX_TARGETS} destinations"))
    for index, target in enumerate(stream.targets):
        if not 0 <= target.weight <= 1_000_000:
            found.append(FieldProblem(f"targets[{index}].weight", "from 0 to 1,000,000"))
    if stream.targets and not any(target.weight > 0 for target in stream.targets):
        found.append(FieldProblem("targets", "at least one weight must be above 0"))
    return found


def check_destination(destination: Destination) -> list[FieldProblem]:
    """Every fault of a destination's URL."""
    return check_url(destination.url, "url")


class Draft:
    """The entries of a routing table by part: parts are put and removed, then `build` makes the table."""

    def __init__(self) -> None:
        self._parts: dict[str, list[object]] = {}
        self._compiled: dict[int, tuple[object, CompiledCampaign]] = {}
        self._destinations: dict[int, tuple[Destination, CompiledDestination]] = {}

    def copy(self) -> Draft:
        """The same parts and what was compiled of them; changing one leaves the other alone."""
        twin = Draft()
        twin._parts = dict(self._parts)
        twin._compiled = dict(self._compiled)
        twin._destinations = self._destinations  # replaced as a whole by each build, never changed
        return twin

    def contents(self) -> list[object]:
        """All it holds, for a caller who lets go of it in small steps."""
        return [*self._parts.values(), *self._compiled.values(), *self._destinations.values()]

    def put(self, name: str, entries: list[object]) -> None:
        """Set a part's decoded entries."""
        self._parts[name] = entries

    def remove(self, name: str) -> None:
        self._parts.pop(name, None)

    def build(self, revision: int, compiled_us: int) -> Generator[RoutingTable | None, None, None]:
        """Yields None between small steps, so the caller can let others run, and at last the table.

        Campaigns and destinations whose entries did not change are taken over as they were compiled.
        """
        campaigns: dict[int, Campaign] = {}
        streams: dict[int, list[Stream]] = {}
        destinations: dict[int, Destination] = {}
        sources: dict[int, Source] = {}
        links: list[Link] = []
        networks: dict[str, NetworkEntry] = {}
        pages: dict[str, Page] = {}
        settings = SettingsEntry()
        steps = 0
        for entries in list(self._parts.values()):
            for entry in entries:
                match entry:
                    case CampaignEntry(campaign):
                        campaigns[campaign.id] = campaign
                    case StreamEntry(stream):
                        streams.setdefault(stream.campaign_id, []).append(stream)
                    case DestinationEntry(destination):
                        destinations[destination.id] = destination
                    case SourceEntry(source):
                        sources[source.id] = source
                    case LinkEntry(link):
                        links.append(link)
                    case PageEntry(page):
                        pages[page.slug] = page
                    case NetworkEntry():
                        networks[entry.slug] = entry
                    case SettingsEntry():
                        settings = entry
                    case _:
                        raise TypeError(f"no entry of a routing table: {type(entry).__name__}")
                steps += 1
                if steps % 100 == 0:
                    yield None
        changed = yield from self._compile_destinations(destinations)
        table = RoutingTable(revision, compiled_us, settings, networks, pages)
        for campaign in campaigns.values():
            own = tuple(sorted(streams.get(campaign.id, []), key=lambda s: (s.position, s.id)))
            bought_at = sources.get(campaign.source_id or 0)
            table.put_campaign(self._compile_campaign(campaign, bought_at, own, changed))
            yield None
        for index, link in enumerate(links):
            if link.status == "active" and link.campaign_id in campaigns:
                table.links[link.token] = (link, self._compiled[link.campaign_id][1])
            if index % 100 == 99:
                yield None
        for number in self._compiled.keys() - campaigns.keys():
            del self._compiled[number]
        yield table

    def _compile_destinations(self, wanted: dict[int, Destination]) -> Generator[None, None, set[int]]:
        """Returns the ids whose compiled form is new or gone."""
        before = self._destinations
        after: dict[int, tuple[Destination, CompiledDestination]] = {}
        for index, (number, destination) in enumerate(wanted.items()):
            known = before.get(number)
            if known is not None and known[0] == destination:
                after[number] = known
            else:
                after[number] = (destination, CompiledDestination(destination))
            if index % 100 == 99:
                yield None
        self._destinations = after
        return {n for n in before.keys() | after.keys() if before.get(n) is not after.get(n)}

    def _compile_campaign(
        self, campaign: Campaign, source: Source | None, streams: tuple[Stream, ...], changed: set[int]
    ) -> CompiledCampaign:
        key = (campaign, source, streams)
        known = self._compiled.get(campaign.id)
        if known is not None and known[0] == key:
            touched = any(t.destination_id in changed for stream in streams for t in stream.targets)
            if not touched:
                return known[1]
        made = []
        for stream in streams:
            targets = []
            for target in stream.targets:
                destination = self._destinations.get(target.destination_id)
                if destination is None:
                    continue  # archived: it takes no clicks and has no verdict
                ids = Ids(
                    campaign.id, campaign.slug, stream.id, target.destination_id, campaign.source_id or 0
                )
                targets.append(CompiledTarget(destination[1], target.weight, ids))
            made.append(CompiledStream(stream, tuple(targets)))
        result = CompiledCampaign(campaign, source, tuple(made))
        self._compiled[campaign.id] = (key, result)
        return result


def decode_part(frames: tuple[bytes, ...]) -> Iterator[object]:
    """Decode a part frame by frame, for a caller that lets others run in between."""
    for frame in frames:
        yield decode_entry(frame)
