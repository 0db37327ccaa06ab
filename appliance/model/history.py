"""What changed between two states of an entity, as people are shown it: field by field, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from appliance.model.catalog import Change, Entity, Kind, Revision

MASK = "********"
"""Shown instead of a secret that is set. Sent back in a change it means "as it is"."""

SECRETS = frozenset({"secret", "secrets", "hash", "intake_hash", "feed_hash"})
"""Fields of any kind that nobody is shown."""

SEALED = "weir-sealed:"
"""How a text begins that access/vault.py sealed; nobody is shown one, whatever its field is called."""

_BOOKKEEPING = frozenset({"id", "revision"})
_NOTHING: tuple[object, ...] = ("", None, False, (), [], {})

Deed = Literal["created", "changed", "archived", "restored"]


class FieldChange(Struct, frozen=True, kw_only=True):
    """One field before and after; null where there was nothing yet."""

    field: str
    before: Any
    after: Any


class Named(Struct, frozen=True, kw_only=True):
    """An entity by its kind, id and name."""

    kind: Kind
    id: int
    name: str


class Clash(Struct, frozen=True, kw_only=True):
    """What stands in the way of a change: the entity as it is now, and either who changed it or what uses it.

    `changed` are the fields that differ from the revision the caller had read; `author`, `door` and `at_us`
    tell of the newest change.
    """

    kind: Kind
    id: int
    entity: dict[str, Any]
    changed: tuple[FieldChange, ...] = ()
    author: str = ""
    door: str = ""
    at_us: int = 0
    used_by: tuple[Named, ...] = ()


def shown(entity: Entity) -> dict[str, Any]:
    """An entity as anybody may see it, as a dict."""
    return masked(msgspec.to_builtins(entity))


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same of one that is a dict already, as history has it."""
    return {key: hidden(key, value) for key, value in values.items()}


def hidden(field: str, value: Any) -> Any:
    """A field's value as anybody may see it."""
    if field in SECRETS:
        return mask(value)
    match value:
        case str():
            return MASK if value.startswith(SEALED) else value
        case dict() if any(isinstance(each, str) and each.startswith(SEALED) for each in value.values()):
            return {name: hidden("", each) for name, each in value.items()}
    return value


def mask(value: Any) -> Any:
    """What stands for a secret; of several, each has its number, by which it is known when it comes back."""
    if isinstance(value, list | tuple):
        return type(value)(f"{MASK}{at}" for at, _ in enumerate(value, 1))
    return MASK if value else value


def unmasked(values: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    """Several secrets with what their masks stand for; a mask that stands for none stays as it is."""
    masks = {f"{MASK}{at}": each for at, each in enumerate(before, 1)}
    return tuple(masks.get(each, each) for each in values)


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[FieldChange, ...]:
    """The fields that differ; of one that was not there (None) those that say something.

    A field that an older Weir did not store counts as what says nothing.
    """
    was, became = before or {}, after or {}
    found = []
    for field in [*became, *(field for field in was if field not in became)]:
        old, new = was.get(field), became.get(field)
        if (
            field in _BOOKKEEPING
            or old == new
            or (old in _NOTHING and new in _NOTHING and None in (old, new))
        ):
            continue
        found.append(FieldChange(field=field, before=hidden(field, old), after=hidden(field, new)))
    return tuple(found)


def deed(change: Change) -> Deed:
    """What a change did to its entity."""
    if change.before is None:
        return "created"
    was, became = change.before.get("archived", False), change.after.get("archived", False)
    if was == became:
        return "changed"
    return "archived" if became else "restored"


def changed_since(kind: Kind, was: Entity | None, now: Entity, newest: Revision | None) -> Clash:
    """The clash of a caller who had read `was` with what is there now; `newest` made it so."""
    return Clash(
        kind=kind,
        id=now.id,
        entity=shown(now),
        changed=() if was is None else differences(msgspec.to_builtins(was), msgspec.to_builtins(now)),
        author=newest.author if newest else "",
        door=newest.door if newest else "",
        at_us=newest.at_us if newest else 0,
    )


def in_use(kind: Kind, entity: Entity, users: Sequence[tuple[Kind, Entity]]) -> Clash:
    """The clash of who would archive `entity` with what uses it; the first hundred are named."""
    named = tuple(Named(kind=k, id=user.id, name=user.name) for k, user in users[:100])
    return Clash(kind=kind, id=entity.id, entity=shown(entity), used_by=named)
