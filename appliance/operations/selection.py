"""Lists of entities: which fields they can be sorted by, what a search looks at, and the page itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import TYPES, Entity, Kind
from appliance.model.history import SECRETS

SEARCHED = ("name", "slug", "email", "url", "code")
"""Where `search` looks, as far as the kind has them."""

_SCALARS = (int, str, bool, type(None))


@cache
def sortable(kind: Kind) -> tuple[str, ...]:
    """The fields of a kind that have an order worth asking for."""
    hints = get_type_hints(TYPES[kind])
    return tuple(
        name for name, hint in hints.items() if _scalar(hint) and name not in SECRETS | {"body", "archived"}
    )


def refuse_sort(kind: Kind, sort: str) -> None:
    """Raise Refused for what is no field's name, or -field."""
    fields = sortable(kind)
    if sort.removeprefix("-") not in fields:
        there_are = f"one of: {', '.join(fields)}; with - before it the other way round"
        raise Refused("the request is wrong", [FieldProblem("sort", there_are)])


def _scalar(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return all(_scalar(each) for each in get_args(hint))
    return get_origin(hint) is Literal or hint in _SCALARS


def page_of(
    entities: Iterable[Entity],
    limit: int,
    offset: int,
    where: Mapping[str, object],
    archived: bool,
    search: str,
    sort: str,
    keep: Callable[[Entity], bool] | None,
) -> tuple[list[Entity], int]:
    """A page and the total. `where`: equality of fields, a reference None included."""
    wanted = search.casefold()
    found = [
        entity
        for entity in entities
        if entity.archived == archived
        and all(getattr(entity, name) == value for name, value in where.items())
        and (not wanted or _mentions(entity, wanted))
        and (keep is None or keep(entity))
    ]
    found.sort(key=lambda entity: entity.id)
    field = sort.removeprefix("-")
    if field != "id" or sort != field:
        found.sort(key=lambda entity: _rank(getattr(entity, field)), reverse=sort != field)
    return found[offset : offset + limit], len(found)


def _mentions(entity: Entity, wanted: str) -> bool:
    return any(wanted in getattr(entity, field, "").casefold() for field in SEARCHED)


def _rank(value: str | int | None) -> tuple[int, str | int]:
    """Nothing comes first; texts without regard to case."""
    if value is None:
        return (0, 0)
    return (1, value.casefold() if isinstance(value, str) else value)
