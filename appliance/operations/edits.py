"""What an operator asked for → the (kind, before, after) triples of one revision, checked. Pure.

The catalog actor stores them. Faults are Refused with every field, what is in use is a Conflict naming it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from appliance.access.accounts import account_faults
from appliance.errors import Conflict, FieldProblem, Missing, Refused
from appliance.model.catalog import TYPES, AdAccount, Campaign, Entity, Kind, Link, Stream, User
from appliance.model.history import in_use
from appliance.operations.context import Caller
from appliance.operations.decoding import MOST_PROBLEMS
from appliance.partners.listed import listed_faults
from appliance.routing.checks import check
from appliance.routing.copies import copy_of, streams_of
from appliance.routing.holdings import Holdings
from appliance.routing.uses import users_of

Edit = tuple[Kind, Entity | None, Entity]

LEAVE_TOGETHER = {("campaign", "stream"), ("user", "token")}
"""A campaign's streams and a user's tokens are part of it and are archived with it."""

replace = msgspec.structs.replace


def create(kind: Kind, entity: Entity, holdings: Holdings) -> list[Edit]:
    edits: list[Edit] = [(kind, None, _with_token(entity))]
    refuse_faults(edits, holdings)
    return edits


def change(kind: Kind, before: Entity, values: Mapping[str, object], holdings: Holdings) -> list[Edit]:
    """Nothing, when nothing would change."""
    if before.archived:
        raise Missing(f"{kind} {before.id} is archived; restore it first")
    after = _with_token(replace(before, **values))
    _refuse_losing_the_last(before, after, holdings)
    edits: list[Edit] = [(kind, before, after)] if after != before else []
    refuse_faults(edits, holdings)
    return edits


def archive(kind: Kind, before: Entity, caller: Caller, holdings: Holdings) -> list[Edit]:
    if before.archived:
        raise Missing(f"{kind} {before.id} is archived")
    _refuse_losing_the_last(before, replace(before, archived=True), holdings)
    users = users_of(kind, before, holdings)
    own = [user for user in users if (kind, user[0]) in LEAVE_TOGETHER]
    if others := [user for user in users if user not in own]:
        his = [user for user in others if _may_know(user[1], caller)]
        named = [f"{k} {user.id} {user.name!r}" for k, user in his[:20]]
        if more := len(others) - len(named):
            named.append(f"{more} more")
        message = f"{kind} {before.id} is used by {', '.join(named)}; change those first"
        raise Conflict(message, in_use(kind, before, his))
    return [(k, entity, replace(entity, archived=True)) for k, entity in [*own, (kind, before)]]


def restore(kind: Kind, before: Entity, holdings: Holdings) -> list[Edit]:
    """Nothing, when it is not archived."""
    return bring_back(kind, before, replace(before, archived=False), holdings) if before.archived else []


def revert(kind: Kind, before: Entity, then: Entity, holdings: Holdings) -> list[Edit]:
    """`before` as it was `then`, of the owner it has now. Nothing, when it is so already."""
    if then.archived:
        problem = FieldProblem("revision", "it was archived then; archive it, or choose another")
        raise Refused(f"this {kind} cannot be made what it was", [problem])
    after = replace(then, revision=before.revision, owner_id=before.owner_id)
    if isinstance(before, AdAccount):  # a token that was given up stays so
        kept = ("intake_hash", "intake_hint", "feed_hash")
        after = replace(after, **{name: getattr(before, name) for name in kept})
    if after == before:
        return []
    _refuse_losing_the_last(before, after, holdings)
    return bring_back(kind, before, after, holdings)


def bring_back(kind: Kind, before: Entity, after: Entity, holdings: Holdings) -> list[Edit]:
    """With the streams that left with it, when it is an archived campaign."""
    edits: list[Edit] = [(kind, before, after)]
    if before.archived and isinstance(before, Campaign):
        streams = streams_of(before, holdings)
        edits += [("stream", stream, replace(stream, archived=False)) for stream in streams]
    refuse_faults(edits, holdings)
    return edits


def duplicate(
    kind: Kind, source: Entity, values: Mapping[str, object], caller: Caller, holdings: Holdings
) -> list[Edit]:
    copy = _with_token(copy_of(kind, source, values, caller.user_id or None, holdings))
    edits: list[Edit] = [(kind, None, copy)]
    if isinstance(source, Campaign):
        # Its number is needed before it is stored: the next one, as ids are never used again.
        number = max(entity.id for entity in holdings.all(kind)) + 1
        edits = [(kind, None, replace(copy, id=number))]
        for stream in streams_of(source, holdings):
            moved = replace(
                stream, id=0, revision=0, archived=False, campaign_id=number, owner_id=copy.owner_id
            )
            edits.append(("stream", None, moved))
    refuse_faults(edits, holdings)
    return edits


def refuse_faults(edits: Sequence[Edit], holdings: Holdings) -> None:
    """Raise Refused with every fault. What follows the first may refer to it, before it is there."""
    if problems := _faults(edits, holdings):
        raise Refused(f"this {edits[0][0]} cannot be stored", problems[:MOST_PROBLEMS])


def faults(
    kind: Kind, before: Entity | None, values: Mapping[str, object], holdings: Holdings
) -> list[FieldProblem]:
    """What `create` (before None) or `change` would refuse of these values; those that a new one needs may be
    missing. Nothing of what is archived, which cannot be changed anyhow."""
    if before is not None and before.archived:
        return []
    after = of_values(kind, values) if before is None else replace(before, **values)
    return _faults([(kind, before, _with_token(after))], holdings)


def of_values(kind: Kind, values: Mapping[str, object]) -> Entity:
    """A new entity of what is there of it: what it needs and has not is empty, or 0."""
    needed = [field for field in msgspec.structs.fields(TYPES[kind]) if field.required]
    filled: dict[str, Any] = {field.name: field.type() for field in needed}
    return TYPES[kind](**{**filled, **values})


def _faults(edits: Sequence[Edit], holdings: Holdings) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for index, (kind, _, entity) in enumerate(edits):
        for problem in [*account_faults(entity), *listed_faults(entity), *check(kind, entity, holdings)]:
            if index == 0:
                problems.append(problem)
            elif problem.path != f"{edits[0][0]}_id":
                path = f"{kind} {entity.id or entity.name!r}: {problem.path}"
                problems.append(FieldProblem(path, problem.message))
    return problems


def _refuse_losing_the_last(before: Entity, after: Entity, holdings: Holdings) -> None:
    """Somebody stays who can let others in. Raises Refused."""
    if not _administrates(before) or _administrates(after):
        return
    if any(user.id != before.id and _administrates(user) for user in holdings.all("user")):
        return
    fields = [name for name in ("role", "status") if getattr(before, name) != getattr(after, name)] or ["id"]
    why = "he is the last administrator; make somebody else administrator first"
    raise Refused("this user cannot be stored", [FieldProblem(name, why) for name in fields])


def _administrates(entity: Entity) -> bool:
    if not isinstance(entity, User) or entity.archived:
        return False
    return entity.role == "administrator" and entity.status == "active"


def _with_token(entity: Entity) -> Entity:
    """Public names left empty are made: 60 random bits, which nobody guesses."""
    made = secrets.token_urlsafe(8)[:10]
    match entity:
        case Campaign(public_id=""):
            return replace(entity, public_id=made)
        case Link(token=""):
            return replace(entity, token=made)
    return entity


def _may_know(entity: Entity, caller: Caller) -> bool:
    """Whether the caller may be told of it: not of what is in others' campaigns."""
    match entity:
        case Campaign():
            return caller.reaches(entity.id)
        case Stream() | Link():
            return caller.reaches(entity.campaign_id)
    return True
