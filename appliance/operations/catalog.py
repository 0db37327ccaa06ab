"""The catalog's history: every change is a numbered revision, and any revision can be rebuilt."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from appliance.model.catalog import Entity, Kind, Revision
from appliance.model.history import masked
from appliance.operations.context import Context
from appliance.operations.nouns import Id, Request, shown
from appliance.operations.registry import operation


class HistoryRequest(Request, frozen=True, kw_only=True):
    """`before`: only revisions older than this number, to page on."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 20
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class History(Struct, frozen=True, kw_only=True):
    items: tuple[Revision, ...]


@operation("catalog.history", permission="catalog.read", example={"limit": 5})
async def history(request: HistoryRequest, context: Context) -> History:
    """Revisions, newest first: who, when, through which door, and each entity before and after."""
    revisions = await context.catalog.history(request.limit, request.before)
    return History(items=tuple(_masked(revision) for revision in revisions))


class AtRequest(Request, frozen=True, kw_only=True):
    """`kind` and `id` narrow the answer."""

    revision: Annotated[int, Meta(ge=0, le=2**53)]
    kind: Kind | None = None
    id: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0


class AtItem(Struct, frozen=True, kw_only=True):
    kind: Kind
    entity: dict[str, object]


class At(Struct, frozen=True, kw_only=True):
    revision: int
    items: tuple[AtItem, ...]
    limit: int
    offset: int
    total: int


@operation("catalog.at", permission="catalog.read", example={"revision": 1, "kind": "campaign"})
async def at(request: AtRequest, context: Context) -> At:
    """The catalog as it was at a revision, by kind and id."""
    whole = await context.catalog.at(request.revision)
    found: list[tuple[Kind, Entity]] = [
        (kind, entity)
        for (kind, number), entity in sorted(whole.items())
        if request.kind in (None, kind) and request.id in (None, number)
    ]
    page = found[request.offset : request.offset + request.limit]
    return At(
        revision=request.revision,
        items=tuple(AtItem(kind=kind, entity=msgspec.to_builtins(shown(entity))) for kind, entity in page),
        limit=request.limit,
        offset=request.offset,
        total=len(found),
    )


def _masked(revision: Revision) -> Revision:
    changes = tuple(
        msgspec.structs.replace(
            change,
            before=None if change.before is None else masked(change.before),
            after=masked(change.after),
        )
        for change in revision.changes
    )
    return msgspec.structs.replace(revision, changes=changes)
