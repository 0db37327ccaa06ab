"""The identity actor: owns codes, sessions and the claim; knows from the catalog who is who.

A code or a session is written down before it counts. Reading (who is behind this session?) waits for
nobody: the actor's state and the catalog's are in memory, and a role, a block or an end holds at once.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import trio

from appliance.access import codes, sessions, tokens
from appliance.access.roles import ROLES, of_token
from appliance.actors.identity_codes import WRONG_CODE, Codes
from appliance.actors.identity_desk import (
    BeginLocal,
    Claim,
    End,
    Issued,
    Message,
    Renew,
    RequestCode,
    Revoke,
    SignIn,
    TakeBack,
)
from appliance.actors.identity_sessions import Sessions
from appliance.actors.kernel import Mailbox, Question
from appliance.addresses import is_loopback, mailbox
from appliance.errors import FieldProblem, Refused, Unauthenticated, Unavailable, WeirError
from appliance.model.catalog import Entity, Kind, Token, User
from appliance.model.identity import Session
from appliance.operations.context import Caller, Catalog, Grant, local_administrator
from appliance.ports import ClaimFile, IdentityStore, Runner

log = logging.getLogger("weir.identity")

MAILBOX = 64
"""Each message is somebody who signs in or out: milliseconds each. When it is full the door waits, up to the
deadline of `ask`; the admin port has room for 2,048 connections, so that a crowd of them may be told to try
again."""
_SWEEP_US = codes.HOUR_US

WRONG_CLAIM = "this claim link is wrong or was used; sign in with a code"
NO_MAIL = (
    "no mail is configured (mail.resend_key or mail.smtp_url); on the machine itself, "
    "`weir call session.request_code` shows a code"
)


class Directory(Protocol):
    """The catalog as it is at this moment; never waits."""

    def lookup(self, kind: Kind, number: int) -> Entity | None: ...

    def owner(self, kind: Kind, field: str, value: str) -> Entity | None: ...

    def campaigns_of(self, user: int) -> frozenset[int]: ...

    def watch(self, changed: Callable[[Kind, Entity], None]) -> None:
        """Call `changed` with whatever is changed from now on, as soon as it holds; it must not wait."""


@dataclass(frozen=True)
class Keys:
    """Each made from the installation's secret (access/sessions.key_for)."""

    session: bytes
    code: bytes

    @classmethod
    def of(cls, secret: bytes) -> Keys:
        return cls(sessions.key_for(secret, "session"), sessions.key_for(secret, "code"))


@dataclass(frozen=True)
class Policy:
    """`administrators` by mail address, from the configuration; `local_codes` as in config.Admin.

    `first_claim`: a new installation gets a claim link though `weir init` made none.
    """

    administrators: frozenset[str] = frozenset()
    local_codes: bool = False
    first_claim: bool = True


@dataclass(frozen=True)
class Draw:
    """Where chance comes from: a code of six digits, an unguessable text."""

    code: Callable[[], str]
    text: Callable[[], str]


class IdentityActor:
    """`catalog` is where users are made and changed, `directory` the same catalog for quick looks."""

    def __init__(
        self,
        store: IdentityStore,
        claim: ClaimFile,
        runner: Runner,
        catalog: Catalog,
        directory: Directory,
        keys: Keys,
        policy: Policy,
        draw: Draw,
        now_us: Callable[[], int],
    ) -> None:
        self.mailbox: Mailbox[Message] = Mailbox("identity", MAILBOX)
        self.claim_token = ""
        """What a claim link ends with, while there is one."""
        self._store = store
        self._claim_file = claim
        self._runner = runner
        self._catalog = catalog
        self._directory = directory
        self._policy = policy
        self._draw = draw
        self._now_us = now_us
        self._sessions = Sessions(store, runner, keys.session, draw.text)
        self._codes = Codes(store, runner, keys.code, draw.code, self._is_user)
        self._swept_us = 0
        directory.watch(self._changed)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the mailbox until it is closed and drained."""
        await self._sessions.load()
        await self._codes.load()
        # Somebody blocked while this could not be written down, or just before a crash.
        for number in self._sessions.users():
            if (user := self._directory.lookup("user", number)) is not None:
                self._changed("user", user)
        await self._sessions.forget_revoked()
        if self._policy.first_claim and not self._policy.administrators and await self._nobody():
            await self._runner(self._claim_file.offer, self._draw.text())
        self.claim_token = await self._runner(self._claim_file.token)
        task_status.started()
        while True:
            try:
                received = await self.mailbox.receive()
            except trio.EndOfChannel:
                return
            question = received if isinstance(received, Question) else Question(received)
            try:
                await self._sweep()
                question.reply(await self._answer(question.message))
            except WeirError as fault:
                question.fail(fault)

    async def _answer(self, message: Message) -> object:
        match message:
            case RequestCode():
                return await self._request_code(message)
            case TakeBack(code, maybe_sent):
                await self._codes.take_back(code, maybe_sent)
                return None
            case SignIn():
                return await self._sign_in(message)
            case Claim():
                return await self._claim(message)
            case Renew(caller):
                return await self._renew(caller)
            case BeginLocal():
                return await self._begin_local()
            case End(ids):
                return await self._sessions.end(ids)
            case Revoke():
                return None  # done before every message

    # Who is this? Called from any task of this process; never waits.

    async def authenticate(self, credential: str, door: str, address: str) -> Caller:
        """Authenticate of http/admin/credentials.py: a session or an API token. Raises Unauthenticated."""
        if credential.startswith(tokens.PREFIX):
            return self._by_token(credential, door, address)
        session = self._sessions.find(credential, self._now_us())
        if not session.user_id:
            return replace(local_administrator(door), address=address, session=session.id)
        return self._as_caller(self._admissible(session.user_id), door, address, session.id)

    def user(self, caller: Caller) -> User | None:
        found = self._directory.lookup("user", caller.user_id) if caller.user_id else None
        return found if isinstance(found, User) else None

    def sessions(self) -> Sequence[Session]:
        return self._sessions.alive(self._now_us())

    def _changed(self, kind: Kind, entity: Entity) -> None:
        """Whoever is blocked or archived is signed out, and is not signed in again when he is back."""
        if kind == "user" and isinstance(entity, User) and (entity.archived or entity.status == "blocked"):
            self._sessions.revoke(entity.id)
            self.mailbox.offer(Revoke())  # when there is no room, the next message writes it down

    def _by_token(self, secret: str, door: str, address: str) -> Caller:
        found = self._directory.owner("token", "hash", tokens.digest(secret))
        if not isinstance(found, Token) or not tokens.is_secret(secret):
            raise Unauthenticated("this is no API token of this Weir")
        if tokens.expired(found, self._now_us()):
            raise Unauthenticated("this API token has expired")
        return self._as_caller(self._admissible(found.user_id), door, address, "", found)

    def _admissible(self, number: int) -> User:
        user = self._directory.lookup("user", number)
        if not isinstance(user, User) or user.archived or user.status == "blocked":
            raise Unauthenticated("this user may not sign in any more")
        return user

    def _as_caller(
        self, user: User, door: str, address: str, session: str, token: Token | None = None
    ) -> Caller:
        administrator = user.role == "administrator"
        permissions: frozenset[str] | None = ROLES[user.role]
        if user.status != "active":
            permissions, administrator = frozenset(), False
        elif token is not None:
            permissions = of_token(user.role, token.scopes)
        elif administrator:
            permissions = None
        everything = administrator or (user.role == "viewer" and user.every_campaign)
        own = None if everything else frozenset(user.campaigns) | self._directory.campaigns_of(user.id)
        name = f"{user.email}, token {token.name or token.id}" if token else user.email
        return Caller(name, door, permissions, user.id, own, user.sees_money, address, session)

    # Codes

    async def _request_code(self, message: RequestCode) -> Issued:
        email, caller, now = _address(message.email), message.caller, self._now_us()
        here = caller == local_administrator(caller.door)
        shown = here or (self._policy.local_codes and is_loopback(caller.address))
        if not shown and not message.has_post:
            raise Unavailable(NO_MAIL)
        if here:
            # He owns the machine: no limit is against him, nor against what others asked for in his name.
            await self._codes.spend_all(email)
        else:
            self._codes.refuse_too_many(email, caller.address, now)
        user = self._user_of(email)
        if user is None and email not in self._policy.administrators and not here:
            self._codes.refuse_strangers(now)
        # Whoever is blocked learns nothing: for him it looks the same, and no code fits.
        blocked = user is not None and user.status == "blocked"
        code, text = await self._codes.make(email, now, fits_nothing=self._draw.text() if blocked else "")
        return Issued(code, text, shown, wanted=message.has_post and not here and not blocked)

    async def _sign_in(self, message: SignIn) -> Grant:
        now, caller = self._now_us(), message.caller
        self._codes.count_try(caller.address, now)
        email = _address(message.email)
        code = await self._codes.check(email, message.code, caller.address, now)
        user = await self._admit(email, email in self._policy.administrators, caller.door)
        await self._codes.spend(code)
        return await self._begin(user, caller)

    # Users

    def _user_of(self, email: str) -> User | None:
        found = self._directory.owner("user", "email", email)
        return found if isinstance(found, User) else None

    def _is_user(self, email: str) -> bool:
        return self._user_of(email) is not None

    async def _nobody(self) -> bool:
        _, users = await self._catalog.list("user", 1, 0, {}, False)
        return users == 0

    async def _admit(self, email: str, as_administrator: bool, door: str) -> User:
        """The user who proved to have this address, made if he is new."""
        user, author = self._user_of(email), Caller(email, door)
        if user is None:
            if not as_administrator:
                _, count = await self._catalog.list("user", 1, 0, {"status": "pending_approval"}, False)
                if count >= codes.MOST_WAITING:
                    raise Unavailable("too many people wait for approval; ask an administrator")
            made = (
                User(email=email, role="administrator")
                if as_administrator
                else User(email=email, status="pending_approval")
            )
            created = await self._catalog.create("user", made, author)
            assert isinstance(created, User)
            log.info("new user", extra={"email": email, "status": created.status})
            return created
        if user.status == "blocked":
            raise Unauthenticated(WRONG_CODE)
        if as_administrator and (user.role, user.status) != ("administrator", "active"):
            values = {"role": "administrator", "status": "active"}
            changed = await self._catalog.change("user", user.id, values, author, None)
            assert isinstance(changed, User)
            return changed
        return user

    async def _claim(self, message: Claim) -> Grant:
        self._codes.count_try(message.caller.address, self._now_us())
        email = _address(message.email)
        offered = self.claim_token.encode()
        if not offered or not hmac.compare_digest(
            offered, message.token.strip().encode("utf-8", "surrogatepass")
        ):
            raise Unauthenticated(WRONG_CLAIM)
        where = {"role": "administrator", "status": "active"}
        found, _ = await self._catalog.list("user", 2, 0, where, False)
        if any(not isinstance(user, User) or user.email != email for user in found):
            # A link that was left lying about, when the first administrator came in another way.
            raise Unauthenticated(WRONG_CLAIM)
        # Used only once somebody is administrator: after a crash in between it can be opened again.
        user = await self._admit(email, True, message.caller.door)
        await self._runner(self._claim_file.use)
        self.claim_token = ""
        log.info("claimed", extra={"email": email, "client": message.caller.address})
        return await self._begin(user, message.caller)

    # Sessions

    async def _begin(self, user: User, caller: Caller) -> Grant:
        session = await self._sessions.begin(user.id, caller.address, self._now_us())
        log.info("signed in", extra={"email": user.email, "client": caller.address})
        return self._grant(session, user, caller)

    async def _begin_local(self) -> tuple[str, int]:
        now = self._now_us()
        session = await self._sessions.begin_local(now)
        return self._sessions.write(session, now), session.expires_us

    async def _renew(self, caller: Caller) -> Grant:
        now = self._now_us()
        session = self._sessions.renewable(caller.session, now)
        user = self._admissible(session.user_id)
        return self._grant(await self._sessions.renew(session, now), user, caller)

    def _grant(self, session: Session, user: User, caller: Caller) -> Grant:
        token = self._sessions.write(session, self._now_us())
        found = self._as_caller(user, caller.door, caller.address, session.id)
        return Grant(token, session.expires_us, user, found)

    async def _sweep(self) -> None:
        """Before every message: what is over on the disk too, and once an hour what is old."""
        await self._sessions.forget_revoked()
        now = self._now_us()
        if now - self._swept_us < _SWEEP_US:
            return
        self._swept_us, oldest = now, now - codes.DAY_US
        await self._runner(self._store.forget, now, oldest)
        self._sessions.forget(now)
        self._codes.forget(oldest)


def _address(email: str) -> str:
    try:
        return mailbox(email).lower()
    except ValueError as fault:
        raise Refused("the request is wrong", [FieldProblem("email", str(fault))]) from None
