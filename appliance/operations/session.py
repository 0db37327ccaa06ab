"""Signing in and out: codes by mail, the first claim, sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from appliance.errors import Missing, Refused, Unavailable
from appliance.model.catalog import Role, User, UserStatus
from appliance.model.identity import Session
from appliance.operations.context import Caller, Context, Forbidden, Grant, Identity
from appliance.operations.nouns import Id, Request
from appliance.operations.registry import Door, operation

Email = Annotated[str, Meta(max_length=320)]
_Secret = Annotated[str, Meta(max_length=200)]

_AT_CALL = "whoever may open the call socket is the local administrator and needs no session"
_AT_MCP = "agents have an API token, no session"
_NO_SESSIONS: dict[Door, str] = {"call": _AT_CALL, "mcp": _AT_MCP}


class Me(Struct, frozen=True, kw_only=True):
    """Who somebody is. `permissions` null: every one; `campaigns` null: every campaign, else the numbers of
    those that he owns or was granted. With the status pending_approval he may do nothing yet."""

    id: int
    email: str
    name: str
    role: Role
    status: UserStatus
    sees_money: bool
    permissions: tuple[str, ...] | None
    campaigns: tuple[int, ...] | None


class SignedIn(Struct, frozen=True, kw_only=True):
    """A session: `token` is for `Authorization: Bearer`; a browser also gets it as the cookie weir_session.

    `expires_at` is an ISO time; session.renew gives a later one.
    """

    token: str
    expires_at: str
    user: Me


class SignedOut(Struct, frozen=True, kw_only=True):
    """How many sessions ended."""

    sessions: int


def me(user: User | None, caller: Caller) -> Me:
    """`user` None: the local administrator."""
    return Me(
        id=caller.user_id,
        email=user.email if user else "",
        name=(user.name or user.email) if user else caller.name,
        role=user.role if user else "administrator",
        status=user.status if user else "active",
        sees_money=caller.sees_money,
        permissions=None if caller.permissions is None else tuple(sorted(caller.permissions)),
        campaigns=None if caller.campaigns is None else tuple(sorted(caller.campaigns)),
    )


def identity_of(context: Context) -> Identity:
    if context.identity is None:
        raise Unavailable("there is no sign-in here")
    return context.identity


class CodeRequest(Request, frozen=True, kw_only=True):
    email: Email


class CodeSent(Struct, frozen=True, kw_only=True):
    """`code` is null but for the local administrator, and with admin.local_codes on this machine."""

    expires_at: str
    code: str | None


@operation(
    "session.request_code",
    permission="anyone",
    changes=True,
    example={"email": "ann@example.com"},
    closed_at={"mcp": _AT_MCP},
)
async def request_code(request: CodeRequest, context: Context) -> CodeSent:
    """Mail a code of six digits for signing in, good for ten minutes; none while another one is good."""
    expires_us, code = await identity_of(context).request_code(request.email, context.caller)
    return CodeSent(expires_at=iso(expires_us), code=code or None)


class SignInRequest(Request, frozen=True, kw_only=True):
    email: Email
    code: _Secret


@operation(
    "session.sign_in",
    permission="anyone",
    changes=True,
    example={"email": "ann@example.com", "code": "123456"},
    closed_at=_NO_SESSIONS,
)
async def sign_in(request: SignInRequest, context: Context) -> SignedIn:
    """Begin a session with a code. Who is new waits in pending_approval until an administrator approves."""
    return _signed_in(await identity_of(context).sign_in(request.email, request.code, context.caller))


class ClaimRequest(Request, frozen=True, kw_only=True):
    """`token`: the end of the claim link."""

    token: _Secret
    email: Email


@operation(
    "session.claim",
    permission="anyone",
    changes=True,
    example={"token": "the-end-of-the-claim-link", "email": "ann@example.com"},
    closed_at=_NO_SESSIONS,
)
async def claim(request: ClaimRequest, context: Context) -> SignedIn:
    """Use a new installation's claim link: whoever has it becomes administrator, once, and is signed in."""
    return _signed_in(await identity_of(context).claim(request.token, request.email, context.caller))


class Nothing(Request, frozen=True, kw_only=True):
    """No fields."""


@operation("session.renew", permission="self", changes=True, closed_at=_NO_SESSIONS)
async def renew(request: Nothing, context: Context) -> SignedIn:
    """A new token for the same session, good for twelve hours more; thirty days after sign-in it ends."""
    _need_session(context.caller)
    return _signed_in(await identity_of(context).renew(context.caller))


class LocalSession(Struct, frozen=True, kw_only=True):
    """`token` is for `Authorization: Bearer`, at this appliance's admin port."""

    token: str
    expires_at: str


_ONLY_HERE = "only whoever may open the call socket is the local administrator"


@operation(
    "session.local",
    permission="self",
    changes=True,
    closed_at={"rest": _ONLY_HERE, "rpc": _ONLY_HERE, "mcp": _ONLY_HERE},
)
async def local(request: Nothing, context: Context) -> LocalSession:
    """A session of the local administrator for a program on this machine, good for an hour: what `weir tail`
    watches with."""
    token, expires_us = await identity_of(context).begin_local()
    return LocalSession(token=token, expires_at=iso(expires_us))


class SignOutRequest(Request, frozen=True, kw_only=True):
    everywhere: bool = False


@operation("session.sign_out", permission="self", changes=True, closed_at=_NO_SESSIONS)
async def sign_out(request: SignOutRequest, context: Context) -> SignedOut:
    """End this session or, with everywhere, all of one's own: their tokens are worth nothing from then on."""
    _need_session(context.caller)
    identity, ids = identity_of(context), [context.caller.session]
    if request.everywhere:
        ids = [each.id for each in identity.sessions() if each.user_id == context.caller.user_id]
    return SignedOut(sessions=await identity.end(ids))


class SessionsRequest(Request, frozen=True, kw_only=True):
    """`user_id`: an administrator may ask for another's, or leave it out for everybody's."""

    user_id: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0


class SessionShown(Struct, frozen=True, kw_only=True):
    """`current`: the one that asks."""

    id: str
    user_id: int
    address: str
    started_at: str
    expires_at: str
    current: bool


class SessionList(Struct, frozen=True, kw_only=True):
    items: tuple[SessionShown, ...]
    limit: int
    offset: int
    total: int


@operation("sessions.list", permission="sessions.read", example={"limit": 10})
async def listed(request: SessionsRequest, context: Context) -> SessionList:
    """Who is signed in, newest first: one's own sessions, or for administrators everybody's."""
    caller = context.caller
    wanted = request.user_id
    if not caller.may("users.read"):
        if wanted not in (None, caller.user_id):
            raise Forbidden("only an administrator sees the sessions of others")
        wanted = caller.user_id
    found = [each for each in identity_of(context).sessions() if wanted in (None, each.user_id)]
    page = found[request.offset : request.offset + request.limit]
    return SessionList(
        items=tuple(_shown(each, caller) for each in page),
        limit=request.limit,
        offset=request.offset,
        total=len(found),
    )


class RevokeRequest(Request, frozen=True, kw_only=True):
    id: _Secret


@operation(
    "sessions.revoke", permission="sessions.write", changes=True, example={"id": "an-id-of-sessions.list"}
)
async def revoke(request: RevokeRequest, context: Context) -> SignedOut:
    """End one session: its token is worth nothing from then on. Administrators may end anybody's."""
    identity, caller = identity_of(context), context.caller
    for each in identity.sessions():
        if each.id == request.id and (each.user_id == caller.user_id or caller.may("users.write")):
            return SignedOut(sessions=await identity.end([each.id]))
    raise Missing("there is no such session")


def iso(at_us: int) -> str:
    """A whole second that is not later."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _signed_in(grant: Grant) -> SignedIn:
    return SignedIn(token=grant.token, expires_at=iso(grant.expires_us), user=me(grant.user, grant.caller))


def _need_session(caller: Caller) -> None:
    if not caller.session:
        raise Refused("this is for sessions; an API token ends with tokens.archive")


def _shown(session: Session, caller: Caller) -> SessionShown:
    return SessionShown(
        id=session.id,
        user_id=session.user_id,
        address=session.address,
        started_at=iso(session.started_us),
        expires_at=iso(session.expires_us),
        current=session.id == caller.session,
    )
