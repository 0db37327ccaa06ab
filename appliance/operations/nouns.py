"""The five operations that every kind of entity has: list, get, create, change, archive.

Each noun's file states its own request Structs and examples and calls `offer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import TYPES, Entity, Kind
from appliance.operations.context import Context
from appliance.operations.registry import add

E = TypeVar("E", bound=Entity)

Id = Annotated[int, Meta(ge=1, le=2**53)]
"""An entity's id: small, and safe in any JSON reader."""

MASK = "********"
"""Shown instead of a secret that is set. Sent back in a change it means "as it is"."""


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every request is."""


class Listing(Request, frozen=True, kw_only=True):
    """Which page of a list; subclasses add the fields that may be asked to equal something."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0
    archived: bool = False


class Get(Request, frozen=True, kw_only=True):
    id: Id


class GetBySlug(Request, frozen=True, kw_only=True):
    """One of the two."""

    id: Id | None = None
    slug: str | None = None


class Archive(Request, frozen=True, kw_only=True):
    """`revision`: refuse with a conflict unless the entity still is at this revision."""

    id: Id
    revision: int | None = None


class Change(Request, frozen=True, kw_only=True):
    """Fields left out stay as they are. `revision` as in Archive."""

    id: Id
    revision: int | None = None


class Page(Struct, frozen=True, kw_only=True):
    """A page of a list; `total` counts what the filters let through."""

    items: tuple[Any, ...]
    limit: int
    offset: int
    total: int


def shown(entity: E) -> E:
    """The entity as anybody may see it: a secret is replaced by MASK."""
    if getattr(entity, "secret", ""):
        return msgspec.structs.replace(entity, secret=MASK)
    return entity


def shown_values(values: Mapping[str, object] | None) -> dict[str, object] | None:
    """The same for an entity that is a dict, as history has it."""
    if values is None:
        return None
    return {key: MASK if key == "secret" and value else value for key, value in values.items()}


def _given(request: Struct, without: tuple[str, ...]) -> dict[str, object]:
    """The fields of a request that were sent."""
    values = {name: getattr(request, name) for name in request.__struct_fields__ if name not in without}
    return {name: value for name, value in values.items() if value is not UNSET}


def offer(
    kind: Kind,
    plural: str,
    *,
    listing: type[Listing],
    create: type[Request],
    change: type[Change],
    example: Mapping[str, object],
    change_example: Mapping[str, object],
    by_slug: bool = False,
) -> None:
    """Register `<plural>.list`, `.get`, `.create`, `.change` and `.archive`."""
    type_: Any = TYPES[kind]
    read, write = f"{plural}.read", f"{plural}.write"

    async def run_list(request: Listing, context: Context) -> Page:
        where = _given(request, ("limit", "offset", "archived"))
        items, total = await context.catalog.list(
            kind, request.limit, request.offset, where, request.archived
        )
        return Page(items=tuple(map(shown, items)), limit=request.limit, offset=request.offset, total=total)

    async def run_get(request: Get | GetBySlug, context: Context) -> Entity:
        key: int | str | None = request.id
        if isinstance(request, GetBySlug):
            if (request.id is None) == (request.slug is None):
                raise Refused("say which one", [FieldProblem("id", "either id or slug, and not both")])
            key = request.id if request.id is not None else request.slug
        assert key is not None
        return shown(await context.catalog.get(kind, key))

    async def run_create(request: Request, context: Context) -> Entity:
        values = _given(request, ())
        if values.get("secret") == MASK:
            raise Refused("the request is wrong", [FieldProblem("secret", "the secret itself, not its mask")])
        return shown(await context.catalog.create(kind, type_(**values), context.caller))

    async def run_change(request: Change, context: Context) -> Entity:
        values = _given(request, ("id", "revision"))
        if values.get("secret") == MASK:
            del values["secret"]
        return shown(await context.catalog.change(kind, request.id, values, context.caller, request.revision))

    async def run_archive(request: Archive, context: Context) -> Entity:
        return shown(await context.catalog.archive(kind, request.id, context.caller, request.revision))

    run_list.__doc__ = (
        f"The {plural}, by id; fields given must be equal. archived=true lists the archived ones."
    )
    run_get.__doc__ = f"One {kind}" + (", by id or slug." if by_slug else ", by id.")
    run_create.__doc__ = f"A new {kind}. {' '.join((create.__doc__ or '').split())}"
    run_change.__doc__ = f"Replace the given fields of a {kind}; the others stay."
    run_archive.__doc__ = f"Put a {kind} away: it takes no part any more; its history and reports stay."
    page = {"limit": 10, "offset": 0}
    add(f"{plural}.list", run_list, listing, Page, read, False, page)
    add(f"{plural}.get", run_get, GetBySlug if by_slug else Get, type_, read, False, {"id": 1})
    add(f"{plural}.create", run_create, create, type_, write, True, example)
    add(f"{plural}.change", run_change, change, type_, write, True, {"id": 1, **change_example})
    add(f"{plural}.archive", run_archive, Archive, type_, write, True, {"id": 1})


__all__ = ["UNSET", "Archive", "Change", "Get", "Id", "Listing", "Page", "Request", "UnsetType", "offer"]
