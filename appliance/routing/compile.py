"""Catalog entries → RoutingTable, in small steps, so that no loop is held while a table is built."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

from appliance.errors import FieldProblem
from appliance.model.catalog import Campaign, Destination, Link, ListKind, Page, Source, Stream
from appliance.model.rules import Target
from appliance.model.table import (
    CampaignEntry,
    DestinationEntry,
    IntakeEntry,
    LinkEntry,
    ListEntry,
    NetworkEntry,
    PageEntry,
    SettingsEntry,
    SourceEntry,
    StreamEntry,
    decode_entry,
)
from appliance.routing.caps import check_caps
from appliance.routing.distribution import check_distribution
from appliance.routing.lists import NOTHING, Contents
from appliance.routing.macros import Ids, check_url
from appliance.routing.policy import asks_for, check_policy
from appliance.routing.probes import check_probe
from appliance.routing.rules import Making, OpenList, check_rule, lists_in, rules_in
from appliance.routing.schedule import check_schedule
from appliance.routing.table import (
    CompiledCampaign,
    CompiledDestination,
    CompiledStream,
    CompiledTarget,
    RoutingTable,
)

MOST_ALTERNATIVES = 5
"""How far a chain of alternatives is followed."""
MAX_RULES = 100
MAX_RULES_IN_ALL = 500
MAX_TARGETS = 200
MAX_EXITS = 50
_KINDS = {"forced": 0, "regular": 1, "default": 2}


def check_stream(stream: Stream) -> list[FieldProblem]:
    """Every fault of a stream's rules and weights; the catalog knows its destinations."""
    found: list[FieldProblem] = []
    if len(stream.rules) > MAX_RULES:
        found.append(FieldProblem("rules", f"at most {MAX_RULES} rules"))
    elif rules_in(stream.rules) > MAX_RULES_IN_ALL:
        found.append(FieldProblem("rules", f"at most {MAX_RULES_IN_ALL} rules and groups in all"))
    for index, rule in enumerate(stream.rules[:MAX_RULES]):
        found += check_rule(rule, f"rules[{index}]")
    if len(stream.targets) > MAX_TARGETS:
        found.append(FieldProblem("targets", f"at most {MAX_TARGETS} destinations"))
    for index, target in enumerate(stream.targets):
        if not 0 <= target.weight <= 1_000_000:
            found.append(FieldProblem(f"targets[{index}].weight", "from 0 to 1,000,000"))
    if stream.targets and not any(target.weight > 0 for target in stream.targets):
        found.append(FieldProblem("targets", "at least one weight must be above 0"))
    found += check_distribution(stream.distribution, len(stream.targets))
    if stream.unique_policy is not None:
        found += check_policy(stream.unique_policy)
    return found


def check_destination(destination: Destination) -> list[FieldProblem]:
    """Every fault of a destination's URL and of what it allows."""
    found = check_url(destination.url, "url")
    if destination.schedule is not None:
        found += check_schedule(destination.schedule, "schedule")
    found += check_caps(destination.caps)
    if destination.probe is not None:
        found += check_probe(destination.probe, "probe")
        if not destination.probe.url and destination.url.startswith("/"):
            found.append(FieldProblem("probe.url", "needed: the destination is a path of this appliance"))
    if destination.alternative_id is not None and destination.alternative_id == destination.id:
        found.append(FieldProblem("alternative_id", "another destination than itself"))
    return found


def check_exits(destination: Destination) -> Iterator[FieldProblem]:
    """Every fault of where a landing page's exits lead."""
    if len(destination.exits) > MAX_EXITS:
        yield FieldProblem("exits", f"at most {MAX_EXITS} exits")
    for number, targets in enumerate(destination.exits[:MAX_EXITS]):
        path = f"exits[{number}]"
        if not 1 <= len(targets) <= MAX_TARGETS:
            yield FieldProblem(path, f"1 to {MAX_TARGETS} destinations")
            continue
        for index, target in enumerate(targets):
            if not 0 <= target.weight <= 1_000_000:
                yield FieldProblem(f"{path}[{index}].weight", "from 0 to 1,000,000")
        if not any(target.weight > 0 for target in targets):
            yield FieldProblem(path, "at least one weight must be above 0")
        if len({target.destination_id for target in targets}) < len(targets):
            yield FieldProblem(path, "each destination once")


class Draft:
    """The entries of a routing table by part: parts are put and removed, then `build` makes the table."""

    def __init__(self) -> None:
        self._parts: dict[str, list[object]] = {}
        self._compiled: dict[int, tuple[object, CompiledCampaign]] = {}
        self._destinations: dict[int, tuple[Destination, CompiledDestination]] = {}
        self.contents_of: Mapping[str, Contents | None] = {}
        """The open named lists by digest, None for one that cannot be read. Whoever builds a table opens
        those that `lists` names, and replaces this as a whole."""

    def copy(self) -> Draft:
        """The same parts and what was compiled of them; changing one leaves the other alone."""
        twin = Draft()
        twin._parts = dict(self._parts)
        twin._compiled = dict(self._compiled)
        twin._destinations = self._destinations  # replaced as a whole by each build, never changed
        twin.contents_of = self.contents_of
        return twin

    def contents(self) -> list[object]:
        """All it holds, for a caller who lets go of it in small steps."""
        return [*self._parts.values(), *self._compiled.values(), *self._destinations.values()]

    def lists(self) -> Mapping[str, ListKind]:
        """The digests of the named lists that its rules may ask for, and what they are of; no empty ones."""
        return {
            entry.digest: entry.of
            for name, entries in self._parts.items()
            if name.startswith("list/")
            for entry in entries
            if isinstance(entry, ListEntry) and entry.digest
        }

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
        intakes: list[tuple[bytes, int]] = []
        lists: dict[int, OpenList] = {}
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
                    case IntakeEntry():
                        intakes.append((entry.digest, entry.ad_account_id))
                    case ListEntry():
                        found = self.contents_of.get(entry.digest) if entry.digest else NOTHING
                        lists[entry.id] = OpenList(entry.digest, found)
                    case _:
                        raise TypeError(f"no entry of a routing table: {type(entry).__name__}")
                steps += 1
                if steps % 100 == 0:
                    yield None
        changed = yield from self._compile_destinations(destinations)
        table = RoutingTable(revision, compiled_us, settings, networks, pages)
        table.intakes = tuple(intakes)
        table.limited = frozenset(n for n, (_, made) in self._destinations.items() if made.limited)
        for campaign in campaigns.values():
            own = tuple(sorted(streams.get(campaign.id, []), key=_order))
            bought_at = sources.get(campaign.source_id or 0)
            table.put_campaign(self._compile_campaign(campaign, bought_at, own, changed, lists))
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
        self,
        campaign: Campaign,
        source: Source | None,
        streams: tuple[Stream, ...],
        changed: set[int],
        lists: Mapping[int, OpenList],
    ) -> CompiledCampaign:
        asked = {n: lists[n] for s in streams for n in lists_in(s.rules) if n in lists} if lists else {}
        key = (campaign, source, streams, asked)
        known = self._compiled.get(campaign.id)
        if known is not None and known[0] == key and changed.isdisjoint(self._reached(streams)):
            return known[1]
        made, making = [], Making(asked)
        for stream in streams:
            targets = self._targets(campaign, source, stream, stream.targets)
            made.append(CompiledStream(stream, targets, campaign.sticky, making))
        making.patterns.compile()
        unique = any(asks_for(stream.rules, "unique_campaign") for stream in streams)
        unique_streams = tuple(s.id for s in streams if asks_for(s.rules, "unique_stream"))
        if campaign.uniqueness.every_click:
            unique_streams = tuple(stream.id for stream in streams)
        regular = _regular(streams)
        rotating = regular if campaign.rotation == "weight" else None
        result = CompiledCampaign(campaign, source, tuple(made), unique, unique_streams, rotating, regular)
        result.exits = self._exits(campaign, source, streams)
        self._compiled[campaign.id] = (key, result)
        return result

    def _targets(
        self,
        campaign: Campaign,
        source: Source | None,
        stream: Stream,
        targets: Iterable[Target],
        landing: Destination | None = None,
    ) -> tuple[CompiledTarget, ...]:
        """`landing`: the page whose exit leads to the targets."""

        def ids(number: int) -> Ids:
            return _ids(campaign, source, stream, self._destinations[number][0], landing)

        made = []
        for target in targets:
            destination = self._destinations.get(target.destination_id)
            if destination is None:
                continue  # archived: it takes no clicks and has no verdict
            others = tuple(
                CompiledTarget(self._destinations[n][1], target.weight, ids(n))
                for n in self._alternatives(target.destination_id)
            )
            made.append(CompiledTarget(destination[1], target.weight, ids(target.destination_id), others))
        return tuple(made)

    def _landings(self, targets: Iterable[Target]) -> dict[int, Destination]:
        """All with exits that these lead to: themselves, alternatives in their places, pages behind pages."""
        found: dict[int, Destination] = {}
        waiting = [target.destination_id for target in targets]
        while waiting:
            first = waiting.pop()
            for number in (first, *self._alternatives(first)):
                held = self._destinations.get(number)
                if held is not None and held[0].exits and number not in found:
                    found[number] = held[0]
                    waiting += [target.destination_id for exit_ in held[0].exits for target in exit_]
        return found

    def _exits(
        self, campaign: Campaign, source: Source | None, streams: Iterable[Stream]
    ) -> dict[tuple[int, int], tuple[CompiledStream, ...]]:
        """(stream, landing page) → its exits, each compiled as a stream of the campaign without rules."""
        found: dict[tuple[int, int], tuple[CompiledStream, ...]] = {}
        for stream in streams:
            for number, landing in self._landings(stream.targets).items():
                found[stream.id, number] = tuple(
                    CompiledStream(
                        Stream(id=stream.id, campaign_id=campaign.id, targets=exit_),
                        self._targets(campaign, source, stream, exit_, landing),
                    )
                    for exit_ in landing.exits
                )
        return found

    def _reached(self, streams: Iterable[Stream]) -> set[int]:
        """The destinations that these streams lead to, through landing pages too; some may be gone."""
        found: set[int] = set()
        further = {target.destination_id for stream in streams for target in stream.targets}
        while further:
            number = further.pop()
            found.add(number)
            held = self._destinations.get(number)
            if held is not None:
                further.update({t.destination_id for exit_ in held[0].exits for t in exit_} - found)
                if held[0].alternative_id is not None and held[0].alternative_id not in found:
                    further.add(held[0].alternative_id)
        return found

    def _alternatives(self, number: int) -> list[int]:
        """Who stands in for a destination, in order; nobody twice, and none that is archived."""
        found: list[int] = []
        following: int | None = number
        while len(found) < MOST_ALTERNATIVES:
            known = self._destinations.get(following or 0)
            following = known[0].alternative_id if known is not None else None
            if following is None or following in (number, *found) or following not in self._destinations:
                break
            found.append(following)
        return found


def _ids(
    campaign: Campaign,
    source: Source | None,
    stream: Stream,
    destination: Destination,
    landing: Destination | None,
) -> Ids:
    page = destination if destination.exits else landing
    return Ids(
        campaign.id,
        campaign.slug,
        stream.id,
        destination.id,
        campaign.source_id or 0,
        destination.network_id or 0,
        campaign_name=campaign.name,
        stream_name=stream.name,
        destination_name=destination.name,
        source_name=source.name if source is not None else "",
        landing_id=page.id if page is not None else 0,
        landing_name=page.name if page is not None else "",
    )


def _order(stream: Stream) -> tuple[int, int, int]:
    return _KINDS[stream.kind], stream.position, stream.id


def _regular(streams: Sequence[Stream]) -> tuple[int, int]:
    """From which to before which of the ordered streams are the regular ones."""
    kinds = [stream.kind for stream in streams]
    begin = kinds.count("forced")
    return begin, begin + kinds.count("regular")


def decode_part(frames: tuple[bytes, ...]) -> Iterator[object]:
    """Decode a part frame by frame, for a caller that lets others run in between."""
    for frame in frames:
        yield decode_entry(frame)
