"""API tokens: what programs and agents sign in with. The secret is shown once and never stored."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from msgspec import Struct

from appliance.access import tokens as rules
from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import Token
from appliance.operations.context import Context, Forbidden
from appliance.operations.decoding import all_of, sound
from appliance.operations.nouns import UNSET, Archive, Change, Get, Id, Listing, Request, UnsetType
from appliance.operations.registry import Door, operation

_NOT_BY_TOKEN: dict[Door, str] = {"mcp": "a token makes, widens, prolongs and ends no tokens"}


class TokenShown(Struct, frozen=True, kw_only=True):
    """`hint` is how its secret begins; `expires_at` "" means never; what it may do is its scopes and no more
    than its user may."""

    id: int
    revision: int
    archived: bool
    name: str
    user_id: int
    scopes: tuple[str, ...]
    expires_at: str
    hint: str


class TokenCreated(TokenShown, frozen=True, kw_only=True):
    """`token` is the secret, for `Authorization: Bearer`. It is shown here and never again."""

    token: str


class TokenList(Struct, frozen=True, kw_only=True):
    items: tuple[TokenShown, ...]
    limit: int
    offset: int
    total: int


class List(Listing, frozen=True, kw_only=True):
    user_id: Id | UnsetType = UNSET


@operation("tokens.list", permission="tokens.read", example={"limit": 10})
async def listed(request: List, context: Context) -> TokenList:
    """One's own API tokens, or for administrators everybody's; archived=true: those that were revoked."""
    where = {} if request.user_id is UNSET else {"user_id": request.user_id}
    found, total = await context.catalog.list(
        "token", request.limit, request.offset, where, request.archived, request.search, request.sort
    )
    items = tuple(_shown(each) for each in found if isinstance(each, Token))
    return TokenList(items=items, limit=request.limit, offset=request.offset, total=total)


@operation("tokens.get", permission="tokens.read", example={"id": 1})
async def get(request: Get, context: Context) -> TokenShown:
    """One API token, by id, without its secret."""
    return _stored(await context.catalog.get("token", request.id))


async def _further_of_create(payload: object, context: Context) -> Sequence[FieldProblem]:
    values = sound(Create, payload)
    user = values.get("user_id") or context.caller.user_id
    values = {name: value for name, value in values.items() if name != "user_id"}
    found = await context.catalog.faults("token", None, {**values, "user_id": user} if user else values)
    return [*_none_given(values.get("scopes")), *found]


async def _further_of_change(payload: object, context: Context) -> Sequence[FieldProblem]:
    values = sound(ChangeToken, payload)
    number = values.pop("id", None)
    values.pop("revision", None)
    if not isinstance(number, int):
        return []
    return [*_none_given(values.get("scopes")), *await context.catalog.faults("token", number, values)]


class Create(Request, frozen=True, kw_only=True):
    """`scopes`: words of permission (`campaigns.read`), `campaigns.*`, `*.read` or `*`. `user_id`: left out,
    whoever asks; `expires_at`: an ISO time with its zone, "" for never."""

    name: str
    scopes: tuple[str, ...]
    expires_at: str = ""
    user_id: Id | None = None


@operation(
    "tokens.create",
    permission="tokens.write",
    changes=True,
    example={
        "name": "Nightly report", "scopes": ["reports.read", "campaigns.*"],
        "expires_at": "2030-01-01T00:00:00Z", "user_id": 1,
    },
    closed_at=_NOT_BY_TOKEN,
    further=_further_of_create,
)  # fmt: skip
async def create(request: Create, context: Context) -> TokenCreated:
    """A new API token; its secret is in the answer and nowhere else. It may do what its scopes say, within
    what its user may do at that moment."""
    user = request.user_id or context.caller.user_id
    wrong = _none_given(request.scopes)
    if not user:
        wrong.append(FieldProblem("user_id", "is required: the local administrator is no user"))
    if wrong:
        values: dict[str, object] = {"name": request.name, "expires_at": request.expires_at}
        values |= {"scopes": request.scopes} | ({"user_id": user} if user else {})
        more = await context.catalog.faults("token", None, values)
        raise Refused("this token cannot be stored", all_of(wrong, more))
    secret = rules.PREFIX + secrets.token_urlsafe(rules.SECRET_BYTES)
    token = Token(
        name=request.name,
        user_id=user,
        scopes=request.scopes,
        expires_at=request.expires_at,
        hash=rules.digest(secret),
        hint=rules.hint(secret),
    )
    stored = _stored(await context.catalog.create("token", token, context.caller))
    return TokenCreated(**{name: getattr(stored, name) for name in stored.__struct_fields__}, token=secret)


class ChangeToken(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    scopes: tuple[str, ...] | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET


@operation(
    "tokens.change",
    permission="tokens.write",
    changes=True,
    example={"id": 1, "scopes": ["reports.read"]},
    closed_at=_NOT_BY_TOKEN,
    further=_further_of_change,
)
async def change(request: ChangeToken, context: Context) -> TokenShown:
    """Another name, other scopes or another end for an API token; its secret stays."""
    values: dict[str, object] = {}
    for name in ("name", "scopes", "expires_at"):
        if (value := getattr(request, name)) is not UNSET:
            values[name] = value
    if wrong := _none_given(request.scopes):
        more = await context.catalog.faults("token", request.id, values)
        raise Refused("this token cannot be stored", all_of(wrong, more))
    changed = await context.catalog.change("token", request.id, values, context.caller, request.revision)
    return _stored(changed)


@operation(
    "tokens.archive",
    permission="tokens.write",
    changes=True,
    example={"id": 1},
    closed_at=_NOT_BY_TOKEN,
)
async def archive(request: Archive, context: Context) -> TokenShown:
    """Revoke an API token: it is worth nothing from then on."""
    return _stored(await context.catalog.archive("token", request.id, context.caller, request.revision))


def _none_given(scopes: object) -> list[FieldProblem]:
    nothing = "at least one such as campaigns.read, campaigns.*, *.read or *"
    return [FieldProblem("scopes", nothing)] if scopes == () else []


def _stored(entity: object) -> TokenShown:
    if not isinstance(entity, Token):
        raise Forbidden("this is no token")
    return _shown(entity)


def _shown(token: Token) -> TokenShown:
    return TokenShown(
        id=token.id,
        revision=token.revision,
        archived=token.archived,
        name=token.name,
        user_id=token.user_id,
        scopes=token.scopes,
        expires_at=token.expires_at,
        hint=token.hint,
    )
