"""The operations that every kind of entity has: list, get, create, change, archive, restore, duplicate.

Each noun's file states its own request Structs and examples and calls `offer`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import TYPES, Entity, Kind
from appliance.model.history import MASK, hidden, unmasked
from appliance.operations.context import Context
from appliance.operations.decoding import all_of, decode, sound
from appliance.operations.registry import Door, add
from appliance.operations.selection import SEARCHED

E = TypeVar("E", bound=Entity)

Id = Annotated[int, Meta(ge=1, le=2**53)]
"""An entity's id: small, and safe in any JSON reader."""

Seen = Annotated[int, Meta(ge=0, le=2**53)]
"""The revision that the caller saw an entity at."""


Prepare = Callable[[dict[str, Any], Entity | None, Context], Awaitable[dict[str, Any]]]
"""(fields of a creation or change, the entity that is changed, context) → the fields to store."""


FORMS: dict[Kind, tuple[type[Request], type[Change]]] = {}
"""What a kind is created and changed with; filled while the nouns' modules are imported."""


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every request is."""


class Listing(Request, frozen=True, kw_only=True):
    """Which page of a list, of what and in which order; other fields must be equal.

    `sort` names a field, -field for the other way round. `search` looks in name, slug, email and URL.
    """

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0
    archived: bool = False
    sort: Annotated[str, Meta(max_length=64)] = "id"
    search: Annotated[str, Meta(max_length=200)] = ""
    owner_id: Id | UnsetType | None = UNSET


class Get(Request, frozen=True, kw_only=True):
    id: Id


class GetBySlug(Request, frozen=True, kw_only=True):
    """One of the two."""

    id: Id | None = None
    slug: str | None = None


class Archive(Request, frozen=True, kw_only=True):
    """`revision`: refuse with a conflict unless the entity still is at this revision."""

    id: Id
    revision: Seen | None = None


class Restore(Request, frozen=True, kw_only=True):
    """`revision` as in Archive."""

    id: Id
    revision: Seen | None = None


class Change(Request, frozen=True, kw_only=True):
    """Fields left out stay as they are. `revision` as in Archive."""

    id: Id
    revision: Seen | None = None


class Page(Struct, frozen=True, kw_only=True):
    """A page of a list; `total` counts what the filters let through."""

    items: tuple[Any, ...]
    limit: int
    offset: int
    total: int


def shown(entity: E) -> E:
    """The entity as anybody may see it: what is secret is replaced by MASK."""
    fields = {name: getattr(entity, name) for name in entity.__struct_fields__}
    masked = {
        name: found for name, value in fields.items() if value and (found := hidden(name, value)) is not value
    }
    return msgspec.structs.replace(entity, **masked) if masked else entity


def values_of(kind: Kind, values: Mapping[str, object], number: int | None) -> dict[str, object]:
    """The fields of a creation, or of a change of entity `number`. Raises Refused as these would."""
    create, change = FORMS[kind]
    if number is None:
        return _given(decode(create, values), ())
    return _changed(decode(change, {**values, "id": number}))


def _given(request: Struct, without: tuple[str, ...]) -> dict[str, Any]:
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
    copies: bool = True,
    writes_closed_at: Mapping[Door, str] | None = None,
    prepare: Prepare | None = None,
) -> None:
    """Register `<plural>.list`, `.get`, `.create`, `.change`, `.archive`, `.restore` and `.duplicate`.

    `copies=False`: without `.duplicate`. `writes_closed_at`: Operation.closed_at of all that changes.
    `prepare` makes what is stored of what was sent, such as sealed texts; it raises Refused.
    """
    type_: Any = TYPES[kind]
    FORMS[kind] = (create, change)
    read, write = f"{plural}.read", f"{plural}.write"
    # A Page that says what its items are, for whoever reads the registry: CampaignList.
    page_type: Any = msgspec.defstruct(
        f"{type_.__name__}List",
        [("items", tuple[type_, ...]), ("limit", int), ("offset", int), ("total", int)],
        frozen=True,
        kw_only=True,
        namespace={"__doc__": f"A page of {plural}; `total` counts what the filters let through."},
    )

    async def run_list(request: Listing, context: Context) -> object:
        where = _given(request, ("limit", "offset", "archived", "sort", "search"))
        items, total = await context.catalog.list(
            kind, request.limit, request.offset, where, request.archived, request.search, request.sort
        )
        return page_type(
            items=tuple(map(shown, items)), limit=request.limit, offset=request.offset, total=total
        )

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
        if problems := _mask(values):
            raise Refused(
                "the request is wrong", all_of(problems, await context.catalog.faults(kind, None, values))
            )
        if prepare is not None:
            values = await prepare(values, None, context)
        return shown(await context.catalog.create(kind, type_(**values), context.caller))

    async def meant(request: Change, context: Context) -> tuple[dict[str, object], int | None]:
        """The fields to replace, and the revision meant: masks stand for the secrets of one."""
        values = _changed(request)
        if not _has_masks(values) and prepare is None:
            return values, request.revision
        before: Any = await context.catalog.get(kind, request.id)
        if prepare is not None:
            values = await prepare(values, before, context)
        else:
            values["secrets"] = unmasked(values["secrets"], before.secrets)
        return values, before.revision if request.revision is None else request.revision

    async def run_change(request: Change, context: Context) -> Entity:
        values, revision = await meant(request, context)
        return shown(await context.catalog.change(kind, request.id, values, context.caller, revision))

    async def further_of_create(payload: object, context: Context) -> list[FieldProblem]:
        values = sound(create, payload)
        return [*_mask(values), *await context.catalog.faults(kind, None, values)]

    async def further_of_change(payload: object, context: Context) -> Sequence[FieldProblem]:
        values = sound(change, payload)
        number = values.pop("id", None)
        values.pop("revision", None)
        if values.get("secret") == MASK:
            del values["secret"]
        if _has_masks(values):
            del values["secrets"]
        return await context.catalog.faults(kind, number, values) if isinstance(number, int) else []

    async def run_archive(request: Archive, context: Context) -> Entity:
        return shown(await context.catalog.archive(kind, request.id, context.caller, request.revision))

    async def run_restore(request: Restore, context: Context) -> Entity:
        return shown(await context.catalog.restore(kind, request.id, context.caller, request.revision))

    async def run_duplicate(request: Change, context: Context) -> Entity:
        values, revision = await meant(request, context)
        return shown(await context.catalog.duplicate(kind, request.id, values, context.caller, revision))

    noun = kind.replace("_", " ")
    a_kind = f"an {noun}" if noun[0] in "aeio" else f"a {noun}"
    searched = " and ".join(field for field in SEARCHED if field in type_.__struct_fields__)
    run_list.__doc__ = (
        f"The {plural.replace('_', ' ')}, sorted by a field (-field: the other way round). Fields given must "
        f"be equal, search looks in {searched}; archived=true lists the archived ones."
    )
    run_get.__doc__ = f"One {noun}" + (", by id or slug." if by_slug else ", by id.")
    run_create.__doc__ = f"A new {noun}. {' '.join((create.__doc__ or '').split())}"
    run_change.__doc__ = (
        f"Replace the given fields of {a_kind}; the others stay. With the revision that was read, a change "
        "made meanwhile is a conflict that shows it."
    )
    run_archive.__doc__ = (
        f"Put {a_kind} away{_TOGETHER.get(kind, '')}: it takes no part any more; its history and reports "
        "stay. What is in use is refused with what uses it."
    )
    run_restore.__doc__ = (
        f"Bring an archived {noun} back{_BACK.get(kind, '')}: what it refers to must be there, and its names "
        "free."
    )
    run_duplicate.__doc__ = (
        f"A copy of {a_kind}{_COPIED.get(kind, '')} under free names; the given fields replace its own."
    )
    page = {"limit": 10, "offset": 0}
    add(f"{plural}.list", run_list, listing, page_type, read, False, page)
    add(f"{plural}.get", run_get, GetBySlug if by_slug else Get, type_, read, False, {"id": 1})
    closed = writes_closed_at
    add(f"{plural}.create", run_create, create, type_, write, True, example, closed, further_of_create)
    add(
        f"{plural}.change",
        run_change,
        change,
        type_,
        write,
        True,
        {"id": 1, **change_example},
        closed,
        further_of_change,
    )
    add(f"{plural}.archive", run_archive, Archive, type_, write, True, {"id": 1}, closed)
    add(f"{plural}.restore", run_restore, Restore, type_, write, True, {"id": 1}, closed)
    if copies:
        add(
            f"{plural}.duplicate",
            run_duplicate,
            change,
            type_,
            write,
            True,
            {"id": 1, "name": "Another"},
            closed,
        )


_TOGETHER: Mapping[Kind, str] = {"campaign": " with its streams", "user": " with his tokens"}
_BACK: Mapping[Kind, str] = {
    "campaign": ", with the streams that left with it",
    "user": ", without his tokens",
}
_COPIED: Mapping[Kind, str] = {"campaign": " and its streams"}


def _mask(values: Mapping[str, object]) -> list[FieldProblem]:
    if values.get("secret") != MASK:
        return []
    return [FieldProblem("secret", "the secret itself, not its mask")]


def _has_masks(values: Mapping[str, Any]) -> bool:
    return any(each.startswith(MASK) for each in values.get("secrets", ()))


def _changed(request: Change) -> dict[str, Any]:
    """The fields to replace; a secret's mask sent back means "as it is"."""
    values = _given(request, ("id", "revision"))
    if values.get("secret") == MASK:
        del values["secret"]
    return values


__all__ = [
    "UNSET",
    "Archive",
    "Change",
    "Get",
    "Id",
    "Listing",
    "Page",
    "Request",
    "Restore",
    "UnsetType",
    "offer",
    "shown",
    "values_of",
]
