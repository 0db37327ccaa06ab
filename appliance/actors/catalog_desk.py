"""The catalog's messages, and the desk that asks its actor: the Catalog of operations/context.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from appliance.actors.kernel import Ask, Mailbox
from appliance.errors import FieldProblem
from appliance.model.catalog import Change as NetChange
from appliance.model.catalog import Entity, Kind, Revision
from appliance.model.drafts import DraftChange
from appliance.operations.context import Caller, KeepChange, KeepEntity
from appliance.routing.configuration import Configuration

Key = tuple[Kind, int]

_SLOW = 60
"""Seconds for what reads the whole store: a catalog of 100,000 changes takes about one."""


@dataclass(frozen=True)
class Create(Ask[Entity]):
    kind: Kind
    entity: Entity
    caller: Caller


@dataclass(frozen=True)
class Edit(Ask[Entity]):
    """Of an entity that is there; with `revision`, only while it still is at that one."""

    kind: Kind
    number: int
    caller: Caller
    revision: int | None


@dataclass(frozen=True)
class Change(Edit):
    values: Mapping[str, object]


class Archive(Edit):
    pass


class Restore(Edit):
    pass


@dataclass(frozen=True)
class Duplicate(Edit):
    values: Mapping[str, object]


@dataclass(frozen=True)
class Revert(Edit):
    to: int


@dataclass(frozen=True)
class Faults(Ask[Sequence[FieldProblem]]):
    """`number` None: of a creation."""

    kind: Kind
    number: int | None
    values: Mapping[str, object]


@dataclass(frozen=True)
class Get(Ask[Entity]):
    kind: Kind
    key: int | str


@dataclass(frozen=True)
class ListOf(Ask[tuple[Sequence[Entity], int]]):
    kind: Kind
    limit: int
    offset: int
    where: Mapping[str, object]
    archived: bool
    search: str
    sort: str
    keep: KeepEntity | None


@dataclass(frozen=True)
class History(Ask[Sequence[Revision]]):
    limit: int
    before: int | None
    kind: Kind | None
    number: int | None
    author: str
    keep: KeepChange | None


@dataclass(frozen=True)
class At(Ask[Mapping[Key, Entity]]):
    number: int


@dataclass(frozen=True)
class Versions(Ask[Mapping[Key, Entity]]):
    number: int
    keys: Collection[Key]


@dataclass(frozen=True)
class Between(Ask[Sequence[NetChange]]):
    first: int
    last: int


@dataclass(frozen=True)
class Gather(Ask[Configuration]):
    """`number` None: as it is now, with `draft` on top."""

    number: int | None
    keys: Collection[Key]
    door: tuple[str, str]
    draft: Sequence[DraftChange]
    caller: Caller


class Reload(Ask[int]):
    pass


Message = (
    Create
    | Change
    | Archive
    | Restore
    | Duplicate
    | Revert
    | Faults
    | Get
    | ListOf
    | History
    | At
    | Versions
    | Between
    | Gather
    | Reload
)


class CatalogDesk:
    """Asks the actor."""

    def __init__(self, mailbox: Mailbox[Message]) -> None:
        self._ask = mailbox.ask

    async def create(self, kind: Kind, entity: Entity, caller: Caller) -> Entity:
        return await self._ask(Create(kind, entity, caller))

    async def change(
        self, kind: Kind, number: int, values: Mapping[str, object], caller: Caller, revision: int | None
    ) -> Entity:
        return await self._ask(Change(kind, number, caller, revision, values))

    async def faults(
        self, kind: Kind, number: int | None, values: Mapping[str, object]
    ) -> Sequence[FieldProblem]:
        return await self._ask(Faults(kind, number, values))

    async def archive(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        return await self._ask(Archive(kind, number, caller, revision))

    async def restore(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        return await self._ask(Restore(kind, number, caller, revision))

    async def duplicate(
        self, kind: Kind, number: int, values: Mapping[str, object], caller: Caller, revision: int | None
    ) -> Entity:
        return await self._ask(Duplicate(kind, number, caller, revision, values))

    async def revert(self, kind: Kind, number: int, to: int, caller: Caller, revision: int | None) -> Entity:
        return await self._ask(Revert(kind, number, caller, revision, to))

    async def get(self, kind: Kind, key: int | str) -> Entity:
        return await self._ask(Get(kind, key))

    async def list(
        self,
        kind: Kind,
        limit: int,
        offset: int,
        where: Mapping[str, object],
        archived: bool,
        search: str = "",
        sort: str = "id",
        keep: KeepEntity | None = None,
    ) -> tuple[Sequence[Entity], int]:
        message = ListOf(kind, limit, offset, where, archived, search, sort, keep)
        return await self._ask(message)

    async def history(
        self,
        limit: int,
        before: int | None,
        kind: Kind | None = None,
        number: int | None = None,
        author: str = "",
        keep: KeepChange | None = None,
    ) -> Sequence[Revision]:
        message = History(limit, before, kind, number, author, keep)
        return await self._ask(message, deadline=_SLOW)

    async def at(self, number: int) -> Mapping[Key, Entity]:
        return await self._ask(At(number), deadline=_SLOW)

    async def versions(self, number: int, keys: Collection[Key]) -> Mapping[Key, Entity]:
        return await self._ask(Versions(number, keys))

    async def between(self, first: int, last: int) -> Sequence[NetChange]:
        return await self._ask(Between(first, last), deadline=_SLOW)

    async def configuration(self, number: int, keys: Collection[Key], caller: Caller) -> Configuration:
        return await self._ask(Gather(number, keys, ("", ""), (), caller), deadline=_SLOW)

    async def draft(
        self,
        changes: Sequence[DraftChange],
        keys: Collection[Key],
        caller: Caller,
        door: tuple[str, str] = ("", ""),
    ) -> Configuration:
        return await self._ask(Gather(None, keys, door, changes, caller), deadline=_SLOW)

    async def reload(self) -> int:
        return await self._ask(Reload(), deadline=_SLOW)
