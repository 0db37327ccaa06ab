"""What routes the clicks of some campaigns: entities at a revision, or with a draft on top, and a table.

The edges have everything; whoever explains or tries out needs what these campaigns lead to, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from appliance.errors import Refused
from appliance.model.catalog import Entity, Kind, ListKind, NamedList, Stream, Template
from appliance.model.table import SettingsEntry
from appliance.routing.compile import Draft, decode_part
from appliance.routing.holdings import Holdings, part_of, references
from appliance.routing.lists import NOTHING, Contents
from appliance.routing.parts import compile_part, settings_part
from appliance.routing.rules import OpenList
from appliance.routing.table import RoutingTable

MOST_ENTITIES = 20_000
"""What one question may gather: 100 campaigns of 200 streams, say."""

Key = tuple[Kind, int]

_DOORS: dict[str, tuple[Kind, str]] = {
    "c": ("campaign", "slug"), "tb": ("campaign", "slug"), "go": ("campaign", "public_id"),
    "r": ("link", "token"),
}  # fmt: skip


class Configuration(NamedTuple):
    """Entities that are not archived, the settings beside them, and the revision they stand at."""

    revision: int
    settings: SettingsEntry
    entities: Sequence[tuple[Kind, Entity]]

    def get(self, kind: Kind, number: int) -> Entity | None:
        return next((e for k, e in self.entities if k == kind and e.id == number), None)


class Lookup(Protocol):
    """The catalog as it was, is, or would be. Nothing archived is found."""

    def find(self, keys: Collection[Key]) -> Iterable[tuple[Kind, Entity]]: ...

    def streams_of(self, campaign: int) -> Iterable[Stream]: ...


def gather(lookup: Lookup, wanted: Iterable[Key]) -> Iterator[list[tuple[Kind, Entity]] | None]:
    """`wanted` and all that they lead to: streams, destinations, sources, lists, other campaigns.

    Yields None between small steps and at last what it found. Raises Refused for more than MOST_ENTITIES.
    """
    found: dict[Key, Entity] = {}
    asked: set[Key] = set()
    waiting: set[Key] = set(wanted)
    while waiting:
        asked |= waiting
        fresh = list(lookup.find(sorted(waiting)))
        for kind, entity in list(fresh):
            if kind == "campaign":
                fresh += [("stream", stream) for stream in lookup.streams_of(entity.id)]
                yield None
        waiting = set()
        for kind, entity in fresh:
            found[kind, entity.id] = entity
            for reference in references(entity):
                if reference.kind not in ("network", "user") and (key := reference[1:]) not in asked:
                    waiting.add(key)
        if len(found) + len(waiting) > MOST_ENTITIES:
            raise Refused(f"these campaigns lead to more than {MOST_ENTITIES:,} entities; ask for fewer")
        yield None
    yield [(kind, entity) for (kind, _), entity in sorted(found.items(), key=lambda item: item[0])]


class Built(NamedTuple):
    """A configuration with its table, and the named lists that its rules ask for."""

    configuration: Configuration
    table: RoutingTable
    lists: Mapping[int, OpenList]


OpenLists = Callable[[Mapping[str, ListKind]], dict[str, Contents | None]]
"""Digests of named lists, and what they are of → their contents, None for one that cannot be read."""


def build(configuration: Configuration, open_lists: OpenLists) -> Iterator[Built | None]:
    """The table of a configuration as an edge would build it; None between small steps."""
    holdings = Holdings()
    for kind, entity in configuration.entities:
        if not entity.archived:
            holdings.put(kind, entity)
    draft = Draft()
    draft.put("settings", list(decode_part(settings_part(configuration.settings).frames)))
    for name in holdings.parts():
        part, _ = compile_part(name, holdings, _no_names)
        if part is not None:
            draft.put(name, list(decode_part(part.frames)))
        yield None
    draft.contents_of = open_lists(draft.lists())
    for step in draft.build(configuration.revision, 0):
        if step is None:
            yield None
        else:
            lists = (entity for _, entity in configuration.entities if isinstance(entity, NamedList))
            opened = {
                each.id: OpenList(each.digest, draft.contents_of.get(each.digest) if each.digest else NOTHING)
                for each in lists
            }
            yield Built(configuration, step, opened)


def _no_names(template: Template | None, field: str) -> tuple[str, ...]:
    """Networks are never gathered: a postback is nothing that is routed."""
    return ()


class Overlay(Holdings):
    """Holdings with changes on top that reach nobody else: few, as every reading looks at all of them."""

    def __init__(self, below: Holdings) -> None:
        super().__init__()
        self._below = below
        self._own: dict[Key, Entity] = {}

    def put(self, kind: Kind, entity: Entity) -> None:
        self._own[kind, entity.id] = entity

    def get(self, kind: Kind, number: int) -> Entity | None:
        return self._own.get((kind, number)) or self._below.get(kind, number)

    def active(self, kind: Kind, number: int) -> Entity | None:
        entity = self.get(kind, number)
        return None if entity is None or entity.archived else entity

    def all(self, kind: Kind) -> Iterable[Entity]:
        yield from (e for e in self._below.all(kind) if (kind, e.id) not in self._own)
        yield from (e for (k, _), e in self._own.items() if k == kind)

    def owner(self, kind: Kind, field: str, value: str) -> Entity | None:
        for (k, _), entity in self._own.items():
            if k == kind and not entity.archived and getattr(entity, field) == value:
                return entity
        found = self._below.owner(kind, field, value)
        return None if found is None or (kind, found.id) in self._own else found

    def users(self, kind: Kind, number: int) -> list[tuple[Kind, Entity]]:
        found = {(k, e.id): e for k, e in self._below.users(kind, number) if (k, e.id) not in self._own}
        found |= {
            key: entity
            for key, entity in self._own.items()
            if not entity.archived and any(r[1:] == (kind, number) for r in references(entity))
        }
        return [(k, entity) for (k, _), entity in sorted(found.items(), key=lambda item: item[0])]

    def members(self, part: str) -> Iterator[tuple[Kind, Entity]]:
        found = {(k, e.id): e for k, e in self._below.members(part) if (k, e.id) not in self._own}
        found |= {
            key: entity
            for key, entity in self._own.items()
            if not entity.archived and part_of(key[0], entity) == part
        }
        yield from ((k, entity) for (k, _), entity in sorted(found.items(), key=lambda item: item[0]))

    def campaigns_of(self, user: int) -> frozenset[int]:
        return frozenset(e.id for e in self.all("campaign") if e.owner_id == user)

    def parts(self) -> list[str]:
        own = (part_of(kind, entity) for (kind, _), entity in self._own.items())
        return list(dict.fromkeys([*self._below.parts(), *own]))

    # Lookup

    def find(self, keys: Collection[Key]) -> Iterable[tuple[Kind, Entity]]:
        for kind, number in keys:
            if (entity := self.active(kind, number)) is not None:
                yield kind, entity

    def streams_of(self, campaign: int) -> Iterable[Stream]:
        return [e for _, e in self.members(f"campaign/{campaign}") if isinstance(e, Stream)]

    def behind(self, door: str, key: str) -> list[Key]:
        """What a tracked link leads to, by its door (c, go, r, tb) and key."""
        kind, field = _DOORS.get(door, ("campaign", ""))
        found = self.owner(kind, field, key) if field else None
        return [] if found is None else [(kind, found.id)]
