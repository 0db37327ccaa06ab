"""Named lists: entries that many rules may ask for, of texts, addresses or masks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from appliance.errors import Conflict, FieldProblem, Missing, Refused, Unavailable
from appliance.model.catalog import ListKind, NamedList
from appliance.model.lists import Arrived, Entries
from appliance.operations.context import Context, Lists
from appliance.operations.lines import pieces
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, Seen, UnsetType, offer, shown
from appliance.operations.registry import operation

FILLED = ("lists.append", "lists.remove", "lists.replace")
"""Operations whose entries may arrive apart from their fields (Context.entries), also a million of them."""
_ATTEMPTS = 3
"""At a change of entries that somebody else's overtook, where the caller named no revision."""

Lines = Annotated[str, Meta(max_length=1_000_000)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class List(Listing, frozen=True, kw_only=True):
    of: ListKind | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`of` says what its entries are: exact texts; addresses, networks and ranges; or masks such as *bot*.

    It begins empty; lists.append and lists.replace fill it.
    """

    name: str
    of: ListKind = "text"


class ChangeList(Change, frozen=True, kw_only=True):
    """What a list is of stays as it is."""

    name: str | UnsetType = UNSET


offer(
    "list",
    "lists",
    listing=List,
    create=Create,
    change=ChangeList,
    example={"name": "Publishers we avoid", "of": "text"},
    change_example={"name": "Bad publishers"},
)


class Lined(Request, frozen=True, kw_only=True):
    """Entries as `text`, one a line; over REST also as a body of text/plain."""

    id: Id
    text: Lines


class Given(Request, frozen=True, kw_only=True):
    """Entries as `text`, one a line, and those of earlier `uploads`; all of them or none.

    Over REST they may be a body of text/plain of 257 MB; `weir call --entries FILE` sends one.

    `revision`: refuse with a conflict unless the list still is at this revision.
    """

    id: Id
    text: Lines = ""
    uploads: Annotated[tuple[Digest, ...], Meta(max_length=1_000)] = ()
    revision: Seen | None = None


@operation("lists.upload", permission="lists.write", changes=True, example={"id": 1, "text": "pub-1\npub-2"})
async def upload(request: Lined, context: Context) -> Entries:
    """Store entries apart, for a list too long for one request: lists.replace takes all such uploads at once.

    What no list has taken after a week is gone.
    """
    found = await _list(request.id, context)
    made = await _lists(context).write(found.of, request.text)
    if not made.digest:
        raise Refused("the request is wrong", [FieldProblem("text", "has no entry")])
    return made


@operation("lists.replace", permission="lists.write", changes=True, example={"id": 1, "text": "pub-1\npub-2"})
async def replace(request: Given, context: Context) -> NamedList:
    """Make the given entries the list's only ones, at once; none given, and it is empty."""
    return await _edited(request, context, keep=False)


@operation("lists.append", permission="lists.write", changes=True, example={"id": 1, "text": "pub-3"})
async def append(request: Given, context: Context) -> NamedList:
    """Add the given entries to the list's; those it has already are there once."""
    return await _edited(request, context)


@operation("lists.remove", permission="lists.write", changes=True, example={"id": 1, "text": "pub-3"})
async def remove(request: Given, context: Context) -> NamedList:
    """Take the given entries, spelled as they are in the list, out of it."""
    return await _edited(request, context, take_out=True)


class EntriesRequest(Request, frozen=True, kw_only=True):
    """`search`: only entries that contain it."""

    id: Id
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0
    search: Annotated[str, Meta(max_length=512)] = ""


class ListEntries(Struct, frozen=True, kw_only=True):
    """A page of a list's entries; `total` counts those that were asked for."""

    items: tuple[str, ...]
    limit: int
    offset: int
    total: int


@operation("lists.entries", permission="lists.read", example={"id": 1, "limit": 10})
async def entries(request: EntriesRequest, context: Context) -> ListEntries:
    """The entries of a list, in order."""
    found = await _list(request.id, context)
    page = await _lists(context).page(found.digest, request.limit, request.offset, request.search)
    return ListEntries(items=page.items, limit=request.limit, offset=request.offset, total=page.total)


class CheckRequest(Request, frozen=True, kw_only=True):
    id: Id
    value: Annotated[str, Meta(max_length=2048)]


class Checked(Struct, frozen=True, kw_only=True):
    held: bool


@operation("lists.check", permission="lists.read", example={"id": 1, "value": "pub-1"})
async def check(request: CheckRequest, context: Context) -> Checked:
    """Whether a list holds a value, as a rule would find it: an address in a network, a text under a mask."""
    found = await _list(request.id, context)
    return Checked(held=await _lists(context).holds(found.digest, request.value))


async def _edited(
    request: Given, context: Context, *, keep: bool = True, take_out: bool = False
) -> NamedList:
    if context.entries is None:
        return await _written(request, context, None, keep, take_out)
    found = await _list(request.id, context)
    async with _lists(context).arriving(found.of, pieces(context.entries)) as arrived:
        return await _written(request, context, arrived, keep, take_out)


async def _written(
    request: Given, context: Context, arrived: Arrived | None, keep: bool, take_out: bool
) -> NamedList:
    attempts = 1 if request.revision is not None else _ATTEMPTS
    while True:
        attempts -= 1
        found = await _list(request.id, context)
        made = await _lists(context).write(
            found.of, request.text, request.uploads, found.digest if keep else "", take_out, arrived
        )
        values = {"digest": made.digest, "entries": made.entries}
        seen = request.revision if request.revision is not None else found.revision
        try:
            changed = await context.catalog.change("list", request.id, values, context.caller, seen)
        except Conflict:
            if attempts:
                continue
            raise
        assert isinstance(changed, NamedList)
        return shown(changed)


async def _list(number: int, context: Context) -> NamedList:
    found = await context.catalog.get("list", number)
    assert isinstance(found, NamedList)
    if found.archived:
        raise Missing(f"list {number} is archived; restore it first")
    return found


def _lists(context: Context) -> Lists:
    if context.lists is None:
        raise Unavailable("there are no list files here")
    return context.lists
