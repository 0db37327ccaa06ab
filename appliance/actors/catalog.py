"""The catalog actor: owns the configuration, checks every change, compiles it and hands it to the link.

Order of a change: check in memory → store (durable) → memory → recompile the parts it shapes → publish.
The store's thread is the only wait, so changes are one after another and readers see whole revisions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import trio

from appliance.actors.catalog_desk import (
    Archive,
    At,
    Between,
    Change,
    Create,
    Duplicate,
    Faults,
    Gather,
    Get,
    History,
    ListOf,
    Message,
    Reload,
    Restore,
    Revert,
    Versions,
)
from appliance.actors.kernel import Mailbox, Question
from appliance.errors import Conflict, Missing, WeirError
from appliance.model.catalog import (
    TYPES,
    Destination,
    Entity,
    Kind,
    NamedList,
    PostbackTarget,
    Revision,
    Stream,
)
from appliance.model.history import Clash, changed_since
from appliance.model.status import CatalogReport, Unknowable
from appliance.model.table import Part, SettingsEntry
from appliance.operations import drafts, edits
from appliance.operations.context import Caller
from appliance.operations.selection import page_of, refuse_sort
from appliance.ports import CatalogStore, Runner
from appliance.routing.configuration import Configuration, Overlay, gather
from appliance.routing.holdings import Holdings, part_of
from appliance.routing.parts import Names, compile_part, settings_part

log = logging.getLogger("weir.catalog")
E = TypeVar("E", bound=Entity)

MAILBOX = 256
"""Each message is a request of an operator or a program at a door; the doors admit fewer than this at once.
When it is full the door waits, up to the deadline of `ask`."""

AT_ONCE = 10
"""Campaigns compiled between two checkpoints: 150-400 µs each with five streams of five rules."""

Publish = Callable[[int, int, Mapping[str, Part]], None]
"""(revision, compiled_us, parts): the complete table, to every edge."""

Placed = Sequence[tuple[Kind, Entity]]


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
        self._unknowable: tuple[object, Sequence[Unknowable]] = (None, ())
        """For which table and known facts, and what it was."""
        self._watchers: list[Callable[[Kind, Entity], None]] = []

    def lookup(self, kind: Kind, number: int) -> Entity | None:
        """An entity as it is now, archived or not; never waits. For the core's other actors."""
        return self._holdings.get(kind, number)

    def owner(self, kind: Kind, field: str, value: str) -> Entity | None:
        """Who, not archived, has `value` in a unique field now; never waits."""
        return self._holdings.owner(kind, field, value)

    def lists(self) -> Sequence[NamedList]:
        """Archived ones too; never waits."""
        return [each for each in self._holdings.all("list") if isinstance(each, NamedList)]

    def destinations(self) -> Sequence[Destination]:
        """Those that are not archived; never waits."""
        every = self._holdings.all("destination")
        return [each for each in every if isinstance(each, Destination) and not each.archived]

    def streams(self) -> Sequence[Stream]:
        """Those that are not archived; never waits."""
        every = self._holdings.all("stream")
        return [each for each in every if isinstance(each, Stream) and not each.archived]

    def targets(self) -> Sequence[PostbackTarget]:
        """Those that are not archived; never waits."""
        every = self._holdings.all("target")
        return [each for each in every if isinstance(each, PostbackTarget) and not each.archived]

    def every(self, type_: type[E]) -> Sequence[E]:
        """All of one type, archived ones too; never waits."""
        kind = next(kind for kind, known in TYPES.items() if known is type_)
        return [each for each in self._holdings.all(kind) if isinstance(each, type_)]

    def campaigns_of(self, user: int) -> frozenset[int]:
        """The campaigns that a user owns now; never waits."""
        return self._holdings.campaigns_of(user)

    def unknowable(self, known: Collection[str]) -> Sequence[Unknowable]:
        """Streams whose rules ask for facts about places that are not `known`, by campaign; never waits."""
        key = (self._compiled.compiled_us, frozenset(known))
        if self._unknowable[0] != key:
            found = sorted(self._holdings.askers.without(known))
            said = [Unknowable(campaign_id=c, stream_id=s, facts=facts) for c, s, facts in found]
            self._unknowable = (key, said)
        return self._unknowable[1]

    def watch(self, changed: Callable[[Kind, Entity], None]) -> None:
        """Call `changed` with whatever is changed from now on, once it holds; it must not wait."""
        self._watchers.append(changed)

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
            case Duplicate():
                return await self._duplicate(message)
            case Change() | Archive() | Restore() | Revert():
                return await self._edit(message)
            case Faults(kind, number, values):
                before = None if number is None else self._holdings.get(kind, number)
                gone = number is not None and before is None
                return [] if gone else edits.faults(kind, before, values, self._holdings)
            case Get(kind, key):
                return self._get(kind, key)
            case ListOf():
                return self._list(message)
            case History(limit, before, kind, number, author, keep):
                return await self._runner(self._store.history, limit, before, kind, number, author, keep)
            case At(number):
                self._reached(number)
                return await self._runner(self._store.at, number)
            case Versions(number, keys):
                self._reached(number)
                return await self._runner(self._store.versions, number, keys)
            case Between(first, last):
                self._reached(last)
                return await self._runner(self._store.between, first, last)
            case Gather():
                return await self._gather(message)
            case Reload():
                await self._load()
                self._push()
                return self._compiled.revision

    async def _gather(self, asked: Gather) -> Configuration:
        """Nothing changes meanwhile: whoever would change it waits in the mailbox."""
        if asked.number is not None:
            self._reached(asked.number)
            return await self._runner(
                _configuration_at, self._store, asked.number, asked.keys, self._settings
            )
        overlay = Overlay(self._holdings)
        for index, change in enumerate(asked.draft):
            drafts.put(change, index, overlay, asked.caller)
            await trio.lowlevel.checkpoint()
        found: Placed = ()
        for step in gather(overlay, [*asked.keys, *overlay.behind(*asked.door)]):
            found = step if step is not None else found
            await trio.lowlevel.checkpoint()
        return Configuration(self._compiled.revision, self._settings, found)

    def _reached(self, number: int) -> None:
        if number > self._compiled.revision:
            raise Missing(f"the catalog is at revision {self._compiled.revision}")

    async def _load(self) -> None:
        """Everything from the store, compiled anew, in steps that let others run."""
        holdings = Holdings()
        revision = await self._runner(
            self._store.keep_settings, msgspec.structs.replace(self._settings, seal=b""), self._now_us()
        )
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
            edits.refuse_faults([(kind, None, entity)], self._holdings)
            self._holdings.put(kind, entity)
        await self._apply([(kind, None, entity) for kind, entity in self._first], Caller("weir", "demo"))

    async def _create(self, message: Create) -> Entity:
        made = edits.create(message.kind, message.entity, self._holdings)
        revision = await self._apply(made, message.caller)
        return self._stored(message.kind, revision.changes[0].id)

    async def _duplicate(self, message: Duplicate) -> Entity:
        kind, caller = message.kind, message.caller
        source = await self._current(kind, message.number, message.revision)
        made = edits.duplicate(kind, source, message.values, caller, self._holdings)
        revision = await self._apply(made, caller)
        return self._stored(kind, revision.changes[0].id)

    async def _edit(self, message: Change | Archive | Restore | Revert) -> Entity:
        """Whatever changes an entity that is there. What changes nothing makes no revision."""
        kind, holdings = message.kind, self._holdings
        before = await self._current(kind, message.number, message.revision)
        match message:
            case Change():
                made = edits.change(kind, before, message.values, holdings)
            case Archive():
                made = edits.archive(kind, before, message.caller, holdings)
            case Restore():
                made = edits.restore(kind, before, holdings)
            case Revert():
                made = edits.revert(kind, before, await self._as_of(kind, before.id, message.to), holdings)
        if made:
            await self._apply(made, message.caller)
        return self._stored(kind, before.id)

    async def _as_of(self, kind: Kind, number: int, revision: int) -> Entity:
        self._reached(revision)
        found = await self._runner(self._store.versions, revision, [(kind, number)])
        if (kind, number) not in found:
            raise Missing(f"there was no {kind} {number} yet at revision {revision}")
        return found[kind, number]

    def _get(self, kind: Kind, key: int | str) -> Entity:
        found = (
            self._holdings.get(kind, key) if isinstance(key, int) else self._holdings.owner(kind, "slug", key)
        )
        if found is None:
            raise Missing(f"there is no {kind} {key}")
        return found

    def _list(self, asked: ListOf) -> tuple[list[Entity], int]:
        refuse_sort(asked.kind, asked.sort)
        return page_of(
            self._holdings.all(asked.kind),
            asked.limit, asked.offset, asked.where, asked.archived, asked.search, asked.sort, asked.keep,
        )  # fmt: skip

    async def _current(self, kind: Kind, number: int, revision: int | None) -> Entity:
        """The entity, which must still be what the caller read at `revision`."""
        entity = self._get(kind, number)
        if revision is not None and revision != entity.revision:
            raise Conflict(
                f"{kind} {number} is at revision {entity.revision} by now; read it again",
                await self._clash(kind, entity, revision),
            )
        return entity

    async def _clash(self, kind: Kind, entity: Entity, since: int) -> Clash:
        """What others did to an entity since a revision."""
        key = (kind, entity.id)
        was = await self._runner(self._store.versions, since, [key])
        newest = await self._runner(self._store.history, 1, None, *key)
        return changed_since(kind, was.get(key), entity, newest[0] if newest else None)

    def _stored(self, kind: Kind, number: int) -> Entity:
        entity = self._holdings.get(kind, number)
        assert entity is not None
        return entity

    async def _apply(self, changes: Sequence[tuple[Kind, Entity | None, Entity]], caller: Caller) -> Revision:
        """Store, then show everybody. A store that knows better than our memory makes us read it again."""
        try:
            revision = await self._runner(
                self._store.apply, changes, caller.name, caller.door, self._now_us()
            )
        except Conflict as fault:
            await self._load()
            self._push()
            for kind, before, _ in changes:
                now = self._holdings.get(kind, before.id) if before is not None else None
                if before is not None and now is not None and now != before:
                    fault.details = await self._clash(kind, now, before.revision)
                    break
            raise
        stale: set[str] = set()
        for (kind, before, after), change in zip(changes, revision.changes, strict=True):
            stored = msgspec.structs.replace(after, id=change.id, revision=revision.number)
            if before is not None:
                stale.add(part_of(kind, before))
            stale.add(part_of(kind, stored))
            self._holdings.put(kind, stored)
            for changed in self._watchers:
                changed(kind, stored)
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


def _fits(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, frozenset) else value == wanted


class _Then:
    """Lookup of routing/configuration.py in a store's history. Blocking."""

    def __init__(self, store: CatalogStore, number: int) -> None:
        self._store = store
        self._number = number

    def find(self, keys: Collection[tuple[Kind, int]]) -> Placed:
        found = self._store.versions(self._number, keys)
        return [(kind, entity) for (kind, _), entity in found.items() if not entity.archived]

    def streams_of(self, campaign: int) -> Sequence[Stream]:
        return self._store.streams_of(self._number, campaign)


def _configuration_at(
    store: CatalogStore, number: int, keys: Collection[tuple[Kind, int]], settings: SettingsEntry
) -> Configuration:
    """In the store's thread. `settings` where no older ones were kept; the seal is never kept."""
    found: Placed = ()
    for step in gather(_Then(store, number), keys):
        found = step if step is not None else found
    kept = store.settings_at(number)
    then = msgspec.structs.replace(kept, seal=settings.seal) if kept is not None else settings
    return Configuration(number, then, found)
