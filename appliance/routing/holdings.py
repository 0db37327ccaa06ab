"""The catalog in memory, indexed for its checks: who has a slug, who uses what, what shares a part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from appliance.model.catalog import (
    TYPES,
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    Network,
    Pixel,
    PostbackTarget,
    Stream,
    Token,
)
from appliance.model.rules import Rule, Target
from appliance.routing.unknowable import Askers

UNIQUE: dict[Kind, tuple[str, ...]] = {
    "campaign": ("slug", "public_id"),
    "network": ("slug",),
    "link": ("token",),
    "page": ("slug",),
    "user": ("email",),
    "token": ("hash",),
    "ad_account": ("intake_hash",),
}
"""Fields that no two entities of a kind may share while neither is archived."""

BUCKETS = 64
"""Parts of a kind that has no natural owner: 10,000 destinations are 64 parts of about 156."""


class Reference(NamedTuple):
    """A field that names another entity: its path, and what it names."""

    path: str
    kind: Kind
    id: int


def references(entity: Entity) -> list[Reference]:
    """Everything `entity` refers to."""
    match entity:
        case Campaign(source_id=int(source)):
            return [Reference("source_id", "source", source)]
        case Stream():
            found = [Reference("campaign_id", "campaign", entity.campaign_id)]
            found += _targets(entity.targets, "targets")
            found += _lists(entity.rules, "rules")
            if entity.answer.campaign_id is not None:
                found.append(Reference("answer.campaign_id", "campaign", entity.answer.campaign_id))
            return found
        case Destination():
            found = []
            if entity.network_id is not None:
                found.append(Reference("network_id", "network", entity.network_id))
            if entity.alternative_id is not None:
                found.append(Reference("alternative_id", "destination", entity.alternative_id))
            for number, targets in enumerate(entity.exits):
                found += _targets(targets, f"exits[{number}]")
            return found
        case Network(template_id=int(template)):
            return [Reference("template_id", "template", template)]
        case Link():
            return [Reference("campaign_id", "campaign", entity.campaign_id)]
        case PostbackTarget():
            found = [] if entity.source_id is None else [Reference("source_id", "source", entity.source_id)]
            return (
                found
                + _numbered("campaign_ids", "campaign", entity.campaign_ids)
                + _numbered("network_ids", "network", entity.network_ids)
            )
        case Pixel():
            return [
                Reference("ad_account_id", "ad_account", entity.ad_account_id),
                *_numbered("source_ids", "source", entity.source_ids),
                *_numbered("campaign_ids", "campaign", entity.campaign_ids),
                *_numbered("network_ids", "network", entity.network_ids),
            ]
        case Token():
            return [Reference("user_id", "user", entity.user_id)]
    return []


def _targets(targets: Iterable[Target], path: str) -> list[Reference]:
    return [
        Reference(f"{path}[{index}].destination_id", "destination", target.destination_id)
        for index, target in enumerate(targets)
    ]


def _numbered(path: str, kind: Kind, numbers: Iterable[int]) -> list[Reference]:
    return [Reference(f"{path}[{index}]", kind, number) for index, number in enumerate(numbers)]


def _lists(rules: Iterable[Rule], path: str) -> list[Reference]:
    """The named lists that rules ask for, in groups too."""
    found: list[Reference] = []
    for index, rule in enumerate(rules):
        where = f"{path}[{index}]"
        if rule.list_id is not None:
            found.append(Reference(f"{where}.list_id", "list", rule.list_id))
        found += _lists(rule.all, f"{where}.all") + _lists(rule.any, f"{where}.any")
    return found


def part_of(kind: Kind, entity: Entity) -> str:
    """The name of the routing table's part that `entity` shapes; users, tokens, targets shape empty ones."""
    if kind == "campaign":
        return f"campaign/{entity.id}"
    if isinstance(entity, Stream):
        return f"campaign/{entity.campaign_id}"
    if kind in ("network", "template"):
        return "network"
    return f"{kind}/{entity.id % BUCKETS:02d}"


class Holdings:
    """Every entity, archived ones included. One owner writes (`put`); reading never waits."""

    def __init__(self) -> None:
        self._all: dict[Kind, dict[int, Entity]] = {kind: {} for kind in TYPES}
        self._owners: dict[tuple[Kind, str, str], int] = {}
        self._users: dict[tuple[Kind, int], set[tuple[Kind, int]]] = {}
        self._members: dict[str, set[tuple[Kind, int]]] = {}
        self._campaigns: dict[int, set[int]] = {}
        self.askers = Askers()
        """Streams that are not archived and ask for facts about places."""
        self.counts: dict[Kind, int] = dict.fromkeys(TYPES, 0)
        """Entities that are not archived."""

    def get(self, kind: Kind, number: int) -> Entity | None:
        return self._all[kind].get(number)

    def active(self, kind: Kind, number: int) -> Entity | None:
        """Like `get`, and None for what is archived."""
        entity = self._all[kind].get(number)
        return None if entity is None or entity.archived else entity

    def all(self, kind: Kind) -> Iterable[Entity]:
        return self._all[kind].values()

    def owner(self, kind: Kind, field: str, value: str) -> Entity | None:
        """Who, not archived, has `value` in a unique field."""
        number = self._owners.get((kind, field, value))
        return None if number is None else self._all[kind][number]

    def campaigns_of(self, user: int) -> frozenset[int]:
        """The campaigns that a user owns, archived ones included."""
        return frozenset(self._campaigns.get(user, ()))

    def users(self, kind: Kind, number: int) -> list[tuple[Kind, Entity]]:
        """What refers to an entity and is not archived, in order of kind and id."""
        return [(k, self._all[k][n]) for k, n in sorted(self._users.get((kind, number), ()))]

    def members(self, part: str) -> Iterator[tuple[Kind, Entity]]:
        """What shapes a part and is not archived, in order of kind and id."""
        for kind, number in sorted(self._members.get(part, ())):
            yield kind, self._all[kind][number]

    def parts(self) -> list[str]:
        """The names of all parts that have members."""
        return list(self._members)

    def put(self, kind: Kind, entity: Entity) -> None:
        """Store a new state of an entity. The caller has checked it."""
        before = self._all[kind].get(entity.id)
        if before is not None and not before.archived:
            self._forget(kind, before)
        self._all[kind][entity.id] = entity
        if kind == "campaign":
            if before is not None and before.owner_id is not None:
                self._campaigns[before.owner_id].discard(before.id)
            if entity.owner_id is not None:
                self._campaigns.setdefault(entity.owner_id, set()).add(entity.id)
        if entity.archived:
            return
        self.counts[kind] += 1
        if isinstance(entity, Stream):
            self.askers.put(entity)
        key = (kind, entity.id)
        for field in UNIQUE.get(kind, ()):
            if value := getattr(entity, field):
                self._owners[kind, field, value] = entity.id
        for reference in references(entity):
            self._users.setdefault((reference.kind, reference.id), set()).add(key)
        self._members.setdefault(part_of(kind, entity), set()).add(key)

    def _forget(self, kind: Kind, entity: Entity) -> None:
        self.counts[kind] -= 1
        if isinstance(entity, Stream):
            self.askers.forget(entity.id)
        key = (kind, entity.id)
        for field in UNIQUE.get(kind, ()):
            self._owners.pop((kind, field, getattr(entity, field)), None)
        for reference in references(entity):
            users = self._users.get((reference.kind, reference.id), set())
            users.discard(key)
            if not users:
                self._users.pop((reference.kind, reference.id), None)
        part = part_of(kind, entity)
        members = self._members.get(part, set())
        members.discard(key)
        if not members:
            self._members.pop(part, None)
