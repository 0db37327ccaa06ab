"""The catalog actor: owns the configuration, checks every change, compiles it and hands it to the link.

Order of a change: check in memory → store (durable) → memory → recompile the parts it shapes → publish.
The store's thread is the only wait, so changes are one after another and readers see whole revisions.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import trio

from appliance.actors.kernel import Mailbox, Question
from appliance.errors import Conflict, FieldProblem, Missing, Refused, WeirError
from appliance.model.catalog import TYPES, Campaign, Entity, Kind, Link, Revision
from appliance.model.status import CatalogReport
from appliance.model.table import Part, SettingsEntry
from appliance.operations.context import Caller
from appliance.ports import CatalogStore, Runner
from appliance.routing.checks import check
from appliance.routing.holdings import Holdings, part_of
from appliance.routing.parts import Names, compile_part, settings_part

log = logging.getLogger("weir.catalog")

MAILBOX = 256
"""Each message is a request of an operator or a program at a door; the doors admit fewer than this at once.
When it is full the door waits, up to the deadline of `ask`."""

AT_ONCE = 10
"""Campaigns compiled between two checkpoints: 150-400 µs each with five streams of five rules."""

Publish = Callable[[int, int, Mapping[str, Part]], None]
"""(revision, compiled_us, parts): the complete table, to every edge."""

Placed = Sequence[tuple[Kind, Entity]]


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


@dataclass(frozen=True)
class History:
    limit: int
    before: int | None


@dataclass(frozen=True)
class At:
    number: int


@dataclass(frozen=True)
class Reload:
    pass


Message = Create | Change | Archive | Get | ListOf | History | At | Reload


@dataclass
class Compiled:
    """The newest table: replaced as a whole, so a reader always sees one revision."""

    revision: int = 0
    compiled_us: int = 0
    parts: dict[str, Part] = field(default_factory=dict)


class CatalogActor:
    """`first` is what a new catalog begins with (the demo); `names` is attribution.template.names."""

    def __init__(
        self,
        store: CatalogStore,
        runner: Runner,
        publish: Publish,
        settings: SettingsEntry,
        names: Names,
        now_us: Callable[[], int],
        first: Placed = (),
    ) -> None:
        self.mailbox: Mailbox[Message] = Mailbox("catalog", MAILBOX)
        self.loaded = trio.Event()
        """Set once the first table is published; `lookup` answers from then on."""
        self._store = store
        self._runner = runner
        self._publish = publish
        self._settings = settings
        self._names = names
        self._now_us = now_us
        self._first = first
        self._holdings = Holdings()
        self._compiled = Compiled()

    def lookup(self, kind: Kind, number: int) -> Entity | None:
        """An entity as it is now, archived or not; never waits. For the core's other actors."""
        return self._holdings.get(kind, number)

    def report(self) -> CatalogReport:
        compiled = self._compiled
        return CatalogReport(
            revision=compiled.revision,
            compiled_us=compiled.compiled_us,
            parts=len(compiled.parts),
            entities={str(kind): count for kind, count in self._holdings.counts.items()},
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the mailbox until it is closed and drained."""
        await self._load()
        if self._compiled.revision == 0 and self._first:
            await self._begin()
        self._push()
        self.loaded.set()
        task_status.started()
        while True:
            try:
                question = await self.mailbox.receive()
            except trio.EndOfChannel:
                return
            assert isinstance(question, Question)
            try:
                question.reply(await self._answer(question.message))
            except WeirError as fault:
                question.fail(fault)

    async def _answer(self, message: Message) -> object:
        match message:
            case Create():
                return await self._create(message)
            case Change():
                return await self._change(message)
            case Archive():
                return await self._archive(message)
            case Get(kind, key):
                return self._get(kind, key)
            case ListOf():
                return self._list(message)
            case History(limit, before):
                return await self._runner(self._store.history, limit, before)
            case At(number):
                if number > self._compiled.revision:
                    raise Missing(f"the catalog is at revision {self._compiled.revision}")
                return await self._runner(self._store.at, number)
            case Reload():
                await self._load()
                self._push()
                return self._compiled.revision

    async def _load(self) -> None:
        """Everything from the store, compiled anew, in steps that let others run."""
        holdings = Holdings()
        revision = await self._runner(self._store.revision)
        for kind in TYPES:
            # Decoding happens in the store's thread; indexing costs 10-20 µs an entity.
            entities = await self._runner(self._all_of, kind)
            for count, entity in enumerate(entities):
                holdings.put(kind, entity)
                if count % 200 == 0:
                    await trio.lowlevel.checkpoint()
        parts = {"settings": settings_part(self._settings)}
        for count, name in enumerate(holdings.parts()):
            self._compile(name, holdings, parts)
            if count % AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        self._holdings = holdings
        self._compiled = Compiled(revision, self._now_us(), parts)

    def _all_of(self, kind: Kind) -> list[Entity]:
        return list(self._store.entities(kind))

    def _compile(self, name: str, holdings: Holdings, parts: dict[str, Part]) -> None:
        part, left_out = compile_part(name, holdings, self._names)
        for bad in left_out:
            problems = "; ".join(f"{p.path}: {p.message}" for p in bad.problems)
            log.error(
                "kept out of the routing table", extra={"kind": bad.kind, "id": bad.id, "why": problems}
            )
        if part is None:
            parts.pop(name, None)
        else:
            parts[name] = part

    def _push(self) -> None:
        compiled = self._compiled
        self._publish(compiled.revision, compiled.compiled_us, compiled.parts)

    async def _begin(self) -> None:
        """Store what a new catalog begins with, as one revision or not at all."""
        for kind, entity in self._first:
            problems = check(kind, entity, self._holdings)
            if problems:
                raise Refused(f"the first {kind} is wrong", problems)
            self._holdings.put(kind, entity)
        await self._apply([(kind, None, entity) for kind, entity in self._first], Caller("weir", "demo"))

    async def _create(self, message: Create) -> Entity:
        entity = self._with_token(message.entity)
        self._refuse_faults(message.kind, entity)
        revision = await self._apply([(message.kind, None, entity)], message.caller)
        return self._stored(message.kind, revision.changes[0].id)

    async def _change(self, message: Change) -> Entity:
        before = self._current(message.kind, message.number, message.revision)
        after: Entity = msgspec.structs.replace(before, **message.values)
        after = self._with_token(after)
        if after == before:
            return before
        self._refuse_faults(message.kind, after)
        await self._apply([(message.kind, before, after)], message.caller)
        return self._stored(message.kind, message.number)

    async def _archive(self, message: Archive) -> Entity:
        before = self._current(message.kind, message.number, message.revision)
        users = self._holdings.users(message.kind, message.number)
        # A campaign's streams are part of it and leave with it; whatever else uses it does not.
        own = [user for user in users if message.kind == "campaign" and user[0] == "stream"]
        others = [user for user in users if user not in own]
        if others:
            shown = ", ".join(f"{kind} {user.id} {user.name!r}" for kind, user in others[:20])
            more = f" and {len(others) - 20} more" if len(others) > 20 else ""
            raise Conflict(f"{message.kind} {message.number} is used by {shown}{more}; change those first")
        gone: list[tuple[Kind, Entity]] = [*own, (message.kind, before)]
        await self._apply(
            [(kind, entity, msgspec.structs.replace(entity, archived=True)) for kind, entity in gone],
            message.caller,
        )
        return self._stored(message.kind, message.number)

    def _get(self, kind: Kind, key: int | str) -> Entity:
        found = (
            self._holdings.get(kind, key) if isinstance(key, int) else self._holdings.owner(kind, "slug", key)
        )
        if found is None:
            raise Missing(f"there is no {kind} {key}")
        return found

    def _list(self, message: ListOf) -> tuple[list[Entity], int]:
        """A page and the total; equality of fields, a reference None included."""
        found = [
            entity
            for entity in self._holdings.all(message.kind)
            if entity.archived == message.archived
            and all(getattr(entity, name) == value for name, value in message.where.items())
        ]
        found.sort(key=lambda entity: entity.id)
        return found[message.offset : message.offset + message.limit], len(found)

    def _current(self, kind: Kind, number: int, revision: int | None) -> Entity:
        entity = self._get(kind, number)
        if entity.archived:
            raise Missing(f"{kind} {number} is archived")
        if revision is not None and revision != entity.revision:
            raise Conflict(f"{kind} {number} is at revision {entity.revision} by now; read it again")
        return entity

    def _stored(self, kind: Kind, number: int) -> Entity:
        entity = self._holdings.get(kind, number)
        assert entity is not None
        return entity

    def _refuse_faults(self, kind: Kind, entity: Entity) -> None:
        problems: list[FieldProblem] = check(kind, entity, self._holdings)
        if problems:
            raise Refused(f"this {kind} cannot be stored", problems)

    def _with_token(self, entity: Entity) -> Entity:
        """Public names left empty are made: 60 random bits, which nobody guesses."""
        made = secrets.token_urlsafe(8)[:10]
        match entity:
            case Campaign(public_id=""):
                return msgspec.structs.replace(entity, public_id=made)
            case Link(token=""):
                return msgspec.structs.replace(entity, token=made)
        return entity

    async def _apply(self, changes: Sequence[tuple[Kind, Entity | None, Entity]], caller: Caller) -> Revision:
        """Store, then show everybody. A store that knows better than our memory makes us read it again."""
        try:
            revision = await self._runner(
                self._store.apply, changes, caller.name, caller.door, self._now_us()
            )
        except Conflict:
            await self._load()
            self._push()
            raise
        stale: set[str] = set()
        for (kind, before, after), change in zip(changes, revision.changes, strict=True):
            stored = msgspec.structs.replace(after, id=change.id, revision=revision.number)
            if before is not None:
                stale.add(part_of(kind, before))
            stale.add(part_of(kind, stored))
            self._holdings.put(kind, stored)
        parts = dict(self._compiled.parts)
        for name in stale:
            self._compile(name, self._holdings, parts)
        self._compiled = Compiled(revision.number, self._now_us(), parts)
        self._push()
        log.info(
            "catalog changed",
            extra={
                "revision": revision.number,
                "by": caller.name,
                "door": caller.door,
                "changed": [f"{change.kind} {change.id}" for change in revision.changes[:20]],
            },
        )
        return revision


class CatalogDesk:
    """The catalog of operations/context.py: asks the actor."""

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

    async def get(self, kind: Kind, key: int | str) -> Entity:
        return await self._ask(Get(kind, key))  # type: ignore[no-any-return]

    async def list(
        self, kind: Kind, limit: int, offset: int, where: Mapping[str, object], archived: bool
    ) -> tuple[Sequence[Entity], int]:
        return await self._ask(ListOf(kind, limit, offset, where, archived))  # type: ignore[no-any-return]

    async def history(self, limit: int, before: int | None) -> Sequence[Revision]:
        return await self._ask(History(limit, before))  # type: ignore[no-any-return]

    async def at(self, number: int) -> Mapping[tuple[Kind, int], Entity]:
        # Rebuilding a catalog of 100,000 changes takes about a second in the store's thread.
        return await self._ask(At(number), deadline=60)  # type: ignore[no-any-return]

    async def reload(self) -> int:
        return await self._ask(Reload(), deadline=60)  # type: ignore[no-any-return]
