"""The catalog as one caller may see and change it.

Whoever is bound to campaigns (`caller.campaigns` is a set) sees those, their streams and links, and may
change them; a foreign one does not exist for him. What campaigns share (destinations, sources, networks,
templates, pages) everybody sees, and only its owner and administrators change it. Users and tokens are
administrators' business, but for one's own tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from appliance.errors import Conflict, FieldProblem, Missing, Refused
from appliance.model.catalog import (
    AdAccount,
    Campaign,
    Change,
    Entity,
    Kind,
    Link,
    Pixel,
    PostbackTarget,
    Revision,
    Stream,
    Subscription,
    Token,
    User,
)
from appliance.model.drafts import DraftChange
from appliance.model.history import Clash
from appliance.operations.context import Caller, Catalog, Forbidden, KeepChange, KeepEntity
from appliance.operations.decoding import all_of
from appliance.operations.edits import of_values
from appliance.routing.configuration import Configuration

Values = Mapping[str, object]
Key = tuple[Kind, int]


class ScopedCatalog:
    """Catalog of context.py for one caller, over the whole one."""

    def __init__(self, whole: Catalog, caller: Caller) -> None:
        self._whole = whole
        self._caller = caller

    async def create(self, kind: Kind, entity: Entity, caller: Caller) -> Entity:
        await self._refuse_wrong(kind, None, entity, _values(entity))
        owned = msgspec.structs.replace(entity, owner_id=self._caller.user_id or None)
        return await self._whole.create(kind, owned, caller)

    async def change(
        self, kind: Kind, number: int, values: Values, caller: Caller, revision: int | None
    ) -> Entity:
        after = _with(await self._changeable(kind, number), values)
        await self._refuse_wrong(kind, number, after, values)
        async with self._clashes(kind, number, revision):
            return await self._whole.change(kind, number, values, caller, revision)

    async def faults(self, kind: Kind, number: int | None, values: Values) -> Sequence[FieldProblem]:
        try:
            after = (
                of_values(kind, values)
                if number is None
                else _with(await self._changeable(kind, number), values)
            )
            await self._refuse_wrong(kind, number, after, values)
        except Refused as fault:
            return fault.fields
        except (Missing, Forbidden):
            return []
        return await self._whole.faults(kind, number, values)

    async def archive(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        await self._changeable(kind, number)
        async with self._clashes(kind, number, revision):
            return await self._whole.archive(kind, number, caller, revision)

    async def restore(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        await self._changeable(kind, number)
        async with self._clashes(kind, number, revision):
            return await self._whole.restore(kind, number, caller, revision)

    async def duplicate(
        self, kind: Kind, number: int, values: Values, caller: Caller, revision: int | None
    ) -> Entity:
        self._refuse_foreign_places(_with(await self.get(kind, number), values))
        async with self._clashes(kind, number, revision):
            return await self._whole.duplicate(kind, number, values, caller, revision)

    async def revert(self, kind: Kind, number: int, to: int, caller: Caller, revision: int | None) -> Entity:
        await self._changeable(kind, number)
        for back in (await self._whole.versions(to, [(kind, number)])).values():
            self._refuse_foreign_places(back)
        async with self._clashes(kind, number, revision):
            return await self._whole.revert(kind, number, to, caller, revision)

    async def get(self, kind: Kind, key: int | str) -> Entity:
        found = await self._whole.get(kind, key)
        if not self._sees(found):
            raise Missing(f"there is no {kind} {key}")
        return found

    async def list(
        self,
        kind: Kind,
        limit: int,
        offset: int,
        where: Values,
        archived: bool,
        search: str = "",
        sort: str = "id",
        keep: KeepEntity | None = None,
    ) -> tuple[Sequence[Entity], int]:
        def both(entity: Entity) -> bool:
            return self._sees(entity) and (keep is None or keep(entity))

        return await self._whole.list(kind, limit, offset, where, archived, search, sort, both)

    async def history(
        self,
        limit: int,
        before: int | None,
        kind: Kind | None = None,
        number: int | None = None,
        author: str = "",
        keep: KeepChange | None = None,
    ) -> Sequence[Revision]:
        def both(change: Change) -> bool:
            return self._sees_change(change) and (keep is None or keep(change))

        found = await self._whole.history(limit, before, kind, number, author, both)
        return [
            msgspec.structs.replace(revision, changes=tuple(map(self._shown, revision.changes)))
            for revision in found
        ]

    async def at(self, number: int) -> Mapping[Key, Entity]:
        return self._those_seen(await self._whole.at(number))

    async def versions(self, number: int, keys: Collection[Key]) -> Mapping[Key, Entity]:
        return self._those_seen(await self._whole.versions(number, keys))

    async def between(self, first: int, last: int) -> Sequence[Change]:
        found = await self._whole.between(first, last)
        return [self._shown(change) for change in found if self._sees_change(change)]

    async def configuration(self, number: int, keys: Collection[Key], caller: Caller) -> Configuration:
        return await self._whole.configuration(number, keys, caller)

    async def draft(
        self,
        changes: Sequence[DraftChange],
        keys: Collection[Key],
        caller: Caller,
        door: tuple[str, str] = ("", ""),
    ) -> Configuration:
        made: set[Key] = set()
        for change in changes:
            await self._refuse_draft(change, made)
        return await self._whole.draft(changes, keys, caller, door)

    async def reload(self) -> int:
        return await self._whole.reload()

    # Who sees what

    def _administers(self) -> bool:
        return self._caller.may("users.read")

    def _is_his(self, user: object) -> bool:
        return self._caller.user_id > 0 and user == self._caller.user_id

    def _sees(self, entity: Entity) -> bool:
        match entity:
            case Campaign():
                return self._caller.reaches(entity.id)
            case Stream() | Link():
                return self._caller.reaches(entity.campaign_id)
            case User():
                return self._administers()
            case Token():
                return self._administers() or self._is_his(entity.user_id)
            case PostbackTarget():  # its URL and headers may hold what opens an account elsewhere
                return self._caller.may("targets.read")
            case AdAccount():
                return self._caller.may("ad_accounts.read")
            case Pixel():  # one without campaigns is told of everybody's conversions
                return self._caller.may("pixels.read")
            case Subscription():
                return self._caller.may("subscriptions.read")
        return True

    def _those_seen(self, whole: Mapping[Key, Entity]) -> Mapping[Key, Entity]:
        return {key: entity for key, entity in whole.items() if self._sees(entity)}

    def _sees_change(self, change: Change) -> bool:
        return self._sees_values(change.kind, change.id, change.after)

    def _sees_values(self, kind: Kind, number: int, values: Values) -> bool:
        """`_sees`, of an entity as history has it."""
        match kind:
            case "campaign":
                return self._caller.reaches(number)
            case "stream" | "link":
                campaign = values.get("campaign_id")
                return isinstance(campaign, int) and self._caller.reaches(campaign)
            case "user":
                return self._administers()
            case "token":
                return self._administers() or self._is_his(values.get("user_id"))
            case "target" | "ad_account" | "pixel" | "subscription":
                return self._caller.may(f"{kind}s.read")
        return True

    def _shown(self, change: Change) -> Change:
        """Without what it was while it belonged to a campaign or a user that is not his."""
        before = change.before
        if before is None or self._sees_values(change.kind, change.id, before):
            return change
        return msgspec.structs.replace(change, before=None)

    @asynccontextmanager
    async def _clashes(self, kind: Kind, number: int, revision: int | None) -> AsyncIterator[None]:
        """A conflict tells nothing of what it was at `revision`, while it was not his to see."""
        try:
            yield
        except Conflict as fault:
            if revision is not None and isinstance(fault.details, Clash) and fault.details.changed:
                was = await self._whole.versions(revision, [(kind, number)])
                if not self._those_seen(was):
                    fault.details = msgspec.structs.replace(fault.details, changed=())
            raise

    # Who changes what

    async def _changeable(self, kind: Kind, number: int) -> Entity:
        """The entity, if he sees it and may change it."""
        entity = await self.get(kind, number)
        match entity:
            case Campaign() | Stream() | Link():
                pass  # what he sees of these is in a campaign of his
            case User() | Token():
                self._refuse_foreign_places(entity)
            case _ if self._caller.campaigns is not None and not self._is_his(entity.owner_id):
                raise Forbidden(
                    f"{kind} {number} is not yours; only its owner or an administrator changes it"
                )
        return entity

    async def _refuse_draft(self, change: DraftChange, made: set[Key]) -> None:
        """As `create`, `change` and `archive` would; what a draft made itself is his."""
        place = change.values.get("campaign_id")
        if isinstance(place, int) and ("campaign", place) not in made and not self._caller.reaches(place):
            wrong = FieldProblem("campaign_id", f"there is no campaign {place}")
            raise Refused("this cannot be stored", [wrong])
        self._refuse_foreign_ways(change.kind, change.values, made)
        if change.deed == "create":
            made.add((change.kind, change.number))
        elif (change.kind, change.number) not in made:
            await self._changeable(change.kind, change.number)

    def _refuse_foreign_places(self, entity: Entity) -> None:
        """Nothing may be put into a campaign that is not his, nor in the name of another user."""
        match entity:
            case Stream() | Link():
                if not self._caller.reaches(entity.campaign_id):
                    wrong = FieldProblem("campaign_id", f"there is no campaign {entity.campaign_id}")
                    raise Refused("this cannot be stored", [wrong])
            case User():
                self._refuse_others()
            case Token():
                if not self._is_his(entity.user_id):
                    self._refuse_others()

    def _refuse_foreign_ways(self, kind: Kind, values: Values, made: set[Key]) -> None:
        """No stream is made to hand its visitors to a campaign that is not his: they would count there."""
        answer = values.get("answer") if kind == "stream" else None
        if isinstance(answer, Mapping):
            onward = answer.get("campaign_id")
        else:
            onward = getattr(answer, "campaign_id", None)
        if isinstance(onward, int) and ("campaign", onward) not in made and not self._caller.reaches(onward):
            wrong = FieldProblem("answer.campaign_id", f"there is no campaign {onward}")
            raise Refused("this cannot be stored", [wrong])

    async def _refuse_wrong(self, kind: Kind, number: int | None, after: Entity, values: Values) -> None:
        """Like _refuse_foreign_places, with everything else that is wrong, but for what is in that place."""
        try:
            self._refuse_foreign_places(after)
            self._refuse_foreign_ways(kind, values, set())
        except Refused as fault:
            fault.fields = all_of(fault.fields, await self._whole.faults(kind, number, values))
            raise

    def _refuse_others(self) -> None:
        if not self._caller.may("users.write"):
            raise Forbidden("only an administrator changes other users and their tokens")


def _values(entity: Entity) -> Values:
    return {name: getattr(entity, name) for name in entity.__struct_fields__}


def _with(entity: Entity, values: Values) -> Entity:
    known = {name: value for name, value in values.items() if name in entity.__struct_fields__}
    return msgspec.structs.replace(entity, **known)
