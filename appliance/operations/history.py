"""History as people read it: who changed which field when; two revisions side by side; the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from appliance.errors import FieldProblem, Missing, Refused
from appliance.model.catalog import TYPES, Change, Entity, Kind, NamedList, Revision
from appliance.model.history import Deed, FieldChange, deed, differences
from appliance.model.history import shown as shown_dict
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id, Request, Seen
from appliance.operations.records import ClickRequest, click
from appliance.operations.registry import operation

Number = Annotated[int, Meta(ge=1, le=2**53)]
_CUT = 1_000
"""Characters of a text shown in a list: a page's body has up to 256 KiB; `history.compare` shows it whole."""
_MOST_CHANGES = 100
"""Changes shown of one revision in a list."""


class EntityChange(Struct, frozen=True, kw_only=True):
    """What happened to one entity, and the fields that are different now."""

    kind: Kind
    id: int
    name: str
    deed: Deed
    fields: tuple[FieldChange, ...]


class RevisionChanges(Struct, frozen=True, kw_only=True):
    """One revision: who, through which door, when, and what. `more`: changes left out of the list."""

    revision: int
    at_us: int
    author: str
    door: str
    changes: tuple[EntityChange, ...]
    more: int = 0


class HistoryPage(Struct, frozen=True, kw_only=True):
    """`before` asks for the next page; null on the last one."""

    items: tuple[RevisionChanges, ...]
    limit: int
    before: int | None


class HistoryListRequest(Request, frozen=True, kw_only=True):
    """`kind`, with or without `id`: only what happened to these. `before`: only older revisions."""

    kind: Kind | None = None
    id: Id | None = None
    author: Annotated[str, Meta(max_length=320)] = ""
    before: Number | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


@operation("history.list", permission="history.read", example={"kind": "campaign", "id": 1, "limit": 5})
async def listed(request: HistoryListRequest, context: Context) -> HistoryPage:
    """Changes, newest first: author, door, time, and each field before and after. Long texts are cut."""
    _refuse_id_alone(request.kind, request.id)
    found = await context.catalog.history(
        request.limit, request.before, request.kind, request.id, request.author
    )
    more = len(found) == request.limit and found[-1].number > 1
    return HistoryPage(
        items=tuple(map(_told, found)), limit=request.limit, before=found[-1].number if more else None
    )


class CompareRequest(Request, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`to` left out is now; `kind`, with or without `id`, narrows the answer."""

    from_: Annotated[int, Meta(ge=0, le=2**53)]
    to: Number | None = None
    kind: Kind | None = None
    id: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0


class Comparison(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    from_: int
    to: int
    items: tuple[EntityChange, ...]
    limit: int
    offset: int
    total: int


@operation("history.compare", permission="history.read", example={"from": 1, "to": 2})
async def compare(request: CompareRequest, context: Context) -> Comparison:
    """What is different between two revisions, by kind and id: one entry per entity, whatever lay between."""
    _refuse_id_alone(request.kind, request.id)
    to = request.to if request.to is not None else context.system.status().catalog.revision
    if request.from_ > to:
        raise Refused("the request is wrong", [FieldProblem("from", f"is after {to}")])
    found = [
        change
        for change in await context.catalog.between(request.from_, to)
        if request.kind in (None, change.kind) and request.id in (None, change.id)
    ]
    page = found[request.offset : request.offset + request.limit]
    return Comparison(
        from_=request.from_,
        to=to,
        items=tuple(map(_entity_change, page)),
        limit=request.limit,
        offset=request.offset,
        total=len(found),
    )


class RestoreRequest(Request, frozen=True, kw_only=True):
    """`current`: refuse with a conflict unless the entity still is at this revision."""

    kind: Kind
    id: Id
    revision: Number
    current: Seen | None = None


class Restored(Struct, frozen=True, kw_only=True):
    """The entity as it is now."""

    kind: Kind
    entity: dict[str, Any]


@operation(
    "history.restore",
    permission="history.write",
    changes=True,
    example={"kind": "campaign", "id": 1, "revision": 1},
)
async def restore(request: RestoreRequest, context: Context) -> Restored:
    """Make an entity what it was at a revision, by a new one; checked like any other change."""
    if request.kind == "token":
        raise Refused(
            "the request is wrong", [FieldProblem("kind", "a token is made anew, never brought back")]
        )
    if not context.caller.may(f"{request.kind}s.write"):
        raise Forbidden(f"changing a {request.kind} needs the permission {request.kind}s.write")
    if request.kind == "list":
        await _refuse_lost_entries(request, context)
    entity = await context.catalog.revert(
        request.kind, request.id, request.revision, context.caller, request.current
    )
    return Restored(kind=request.kind, entity=shown_dict(entity))


async def _refuse_lost_entries(request: RestoreRequest, context: Context) -> None:
    """A list's entries are kept for a week after they were replaced. Raises Refused."""
    versions = await context.catalog.versions(request.revision, [("list", request.id)])
    for then in versions.values():
        digest = then.digest if isinstance(then, NamedList) else ""
        if digest and context.lists is not None and not await context.lists.has(digest):
            why = "the entries that it had then are gone; replace them with lists.replace"
            raise Refused("this list cannot be made what it was", [FieldProblem("revision", why)])


class Then(Struct, frozen=True, kw_only=True):
    """An entity as it was then, and the fields that are different now."""

    kind: Kind
    entity: dict[str, Any]
    since: tuple[FieldChange, ...]


class ClickConfiguration(Struct, frozen=True, kw_only=True):
    """What routed a click: its revision, made at `at_us` by `author`, and the entities as they were at it.

    `campaign`, `stream`, `destination`, `source`, `network`, `link` are null where the click had none;
    `considered` are the other streams and destinations that were looked at.
    """

    click_id: str
    revision: int
    at_us: int
    author: str
    decision: str
    reason: str
    campaign: Then | None
    stream: Then | None
    destination: Then | None
    source: Then | None
    network: Then | None
    link: Then | None
    considered: tuple[Then, ...]


_TAKEN: tuple[Kind, ...] = ("campaign", "stream", "destination", "source", "network", "link")


@operation(
    "clicks.configuration",
    permission="records.read",
    example={"id": "01a201dc-0c92-7bd0-8060-0e54d6026f6b"},
)
async def configuration(request: ClickRequest, context: Context) -> ClickConfiguration:
    """The configuration that routed a click: its campaign, stream, destination and the rest as they were."""
    record = (await click(request, context)).click
    revision = int(record["revision"])
    taken = {kind: (kind, int(record[f"{kind}_id"])) for kind in _TAKEN}
    considered = [key for key in _considered(record["inputs"]) if key not in taken.values()]
    wanted = [key for key in [*taken.values(), *considered] if key[1]]
    then = await context.catalog.versions(revision, wanted)
    now = await context.catalog.versions(context.system.status().catalog.revision, list(then))
    if taken["campaign"][1] and taken["campaign"] not in then:
        raise Missing(f"the catalog has no revision {revision} of this click's campaign")
    made = {key: _then(key[0], entity, now.get(key)) for key, entity in then.items()}
    made_by = [head for head in await context.catalog.history(1, revision + 1) if head.number == revision]
    return ClickConfiguration(
        click_id=str(record["id"]),
        revision=revision,
        at_us=made_by[0].at_us if made_by else 0,
        author=made_by[0].author if made_by else "",
        decision=str(record["decision"]),
        reason=str(record["reason"]),
        **{kind: made.get(key) for kind, key in taken.items()},
        considered=tuple(made[key] for key in considered if key in made),
    )


def _considered(inputs: Mapping[str, Any]) -> list[tuple[Kind, int]]:
    """The streams and destinations that a decision looked at, in that order."""
    found: list[tuple[Kind, int]] = [("stream", int(number)) for number, *_ in inputs["streams"]]
    found += [("destination", int(number)) for number, *_ in inputs["destinations"]]
    return list(dict.fromkeys(found))


def _then(kind: Kind, then: Entity, now: Entity | None) -> Then:
    became = msgspec.to_builtins(now) if now is not None else None
    since = differences(msgspec.to_builtins(then), became)
    return Then(kind=kind, entity=shown_dict(then), since=since)


def _refuse_id_alone(kind: Kind | None, number: int | None) -> None:
    if number is not None and kind is None:
        raise Refused("the request is wrong", [FieldProblem("kind", f"one of: {', '.join(TYPES)}")])


def _told(revision: Revision) -> RevisionChanges:
    few = revision.changes[:_MOST_CHANGES]
    return RevisionChanges(
        revision=revision.number,
        at_us=revision.at_us,
        author=revision.author,
        door=revision.door,
        changes=tuple(_cut(_entity_change(change)) for change in few),
        more=len(revision.changes) - len(few),
    )


def _entity_change(change: Change) -> EntityChange:
    return EntityChange(
        kind=change.kind,
        id=change.id,
        name=str(change.after.get("name", "")),
        deed=deed(change),
        fields=differences(change.before, change.after),
    )


def _cut(change: EntityChange) -> EntityChange:
    return msgspec.structs.replace(
        change,
        fields=tuple(
            msgspec.structs.replace(each, before=_short(each.before), after=_short(each.after))
            for each in change.fields
        ),
    )


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _CUT:
        return f"{value[:_CUT]}… ({len(value):,} characters)"
    return value
