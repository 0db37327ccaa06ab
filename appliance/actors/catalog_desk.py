"""The catalog's messages, and the desk that asks its actor: the Catalog of operations/context.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from appliance.actors.kernel import Mailbox
from appliance.model.catalog import Change as NetChange
from appliance.model.catalog import Entity, Kind, Revision
from appliance.operations.context import Caller, KeepChange, KeepEntity

_SLOW = 60
"""Seconds for what reads the whole store: a catalog of 100,000 changes takes about one."""


@dataclass(frozen=True)
class Create:
    kind: Kind
    entity: Entity
    caller: Caller


@dataclass(frozen=True)
class Change:
    kind: Kind
    number: int
    values: Mapping[str, object]
    caller: Caller
    revision: int | None = None


@dataclass(frozen=True)
class Archive:
    kind: Kind
    number: int
    caller: Caller
    revision: int | None = None


@dataclass(frozen=True)
class Restore:
    kind: Kind
    number: int
    caller: Caller
    revision: int | None = None


@dataclass(frozen=True)
class Duplicate:
    kind: Kind
    number: int
    values: Mapping[str, object]
    caller: Caller
    revision: int | None = None


@dataclass(frozen=True)
class Revert:
    kind: Kind
    number: int
    to: int
    caller: Caller
    revision: int | None = None


@dataclass(frozen=True)
class Get:
    kind: Kind
    key: int | str


@dataclass(frozen=True)
class ListOf:
    kind: Kind
    limit: int
    offset: int
    where: Mapping[str, object]
    archived: bool
    search: str
    sort: str
    keep: KeepEntity | None


@dataclass(frozen=True)
class History:
    limit: int
    before: int | None
    kind: Kind | None
    number: int | None
    author: str
    keep: KeepChange | None


@dataclass(frozen=True)
class At:
    number: int


@dataclass(frozen=True)
class Versions:
    number: int
    keys: Collection[tuple[Kind, int]]


@dataclass(frozen=True)
class Between:
    first: int
    last: int


@dataclass(frozen=True)
class Reload:
    pass


Message = (
    Create
    | Change
    | Archive
    | Restore
    | Duplicate
    | Revert
    | Get
    | ListOf
    | History
    | At
    | Versions
    | Between
    | Reload
)


class CatalogDesk:
    """Asks the actor."""

    def __init__(self, mailbox: Mailbox[Message]) -> None:
        self._ask = mailbox.ask

    async def create(self, kind: Kind, entity: Entity, caller: Caller) -> Entity:
        return await self._ask(Create(kind, entity, caller))  # type: ignore[no-any-return]

    async def change(
        self, kind: Kind, number: int, values: Mapping[str, object], caller: Caller, revision: int | None
    ) -> Entity:
        return await self._ask(Change(kind, number, values, caller, revision))  # type: ignore[no-any-return]

    async def archive(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        return await self._ask(Archive(kind, number, caller, revision))  # type: ignore[no-any-return]

    async def restore(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        return await self._ask(Restore(kind, number, caller, revision))  # type: ignore[no-any-return]

    async def duplicate(
        self, kind: Kind, number: int, values: Mapping[str, object], caller: Caller, revision: int | None
    ) -> Entity:
        return await self._ask(Duplicate(kind, number, values, caller, revision))  # type: ignore[no-any-return]

    async def revert(self, kind: Kind, number: int, to: int, caller: Caller, revision: int | None) -> Entity:
        return await self._ask(Revert(kind, number, to, caller, revision))  # type: ignore[no-any-return]

    async def get(self, kind: Kind, key: int | str) -> Entity:
        return await self._ask(Get(kind, key))  # type: ignore[no-any-return]

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
        return await self._ask(message)  # type: ignore[no-any-return]

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
        return await self._ask(message, deadline=_SLOW)  # type: ignore[no-any-return]

    async def at(self, number: int) -> Mapping[tuple[Kind, int], Entity]:
        return await self._ask(At(number), deadline=_SLOW)  # type: ignore[no-any-return]

    async def versions(
        self, number: int, keys: Collection[tuple[Kind, int]]
    ) -> Mapping[tuple[Kind, int], Entity]:
        return await self._ask(Versions(number, keys))  # type: ignore[no-any-return]

    async def between(self, first: int, last: int) -> Sequence[NetChange]:
        return await self._ask(Between(first, last), deadline=_SLOW)  # type: ignore[no-any-return]

    async def reload(self) -> int:
        return await self._ask(Reload(), deadline=_SLOW)  # type: ignore[no-any-return]
