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

import msgspec
import trio

from appliance.access import codes, sessions, tokens
from appliance.access.allowance import Allowance
from appliance.access.roles import ROLES, of_token
from appliance.actors.identity_desk import (
    BeginLocal,
    Claim,
    End,
    Issued,
    Message,
    Renew,
    RequestCode,
    SignIn,
    TakeBack,
)
from appliance.actors.kernel import Mailbox, Question
from appliance.addresses import is_loopback, mailbox
from appliance.errors import FieldProblem, Refused, TooMany, Unauthenticated, Unavailable, WeirError
from appliance.model.catalog import Entity, Kind, Token, User
from appliance.model.identity import Code, Session
from appliance.operations.context import Caller, Catalog, Grant, local_administrator
from appliance.ports import ClaimFile, IdentityStore, Runner

log = logging.getLogger("weir.identity")

MAILBOX = 64
"""Each message is somebody who signs in or out: milliseconds each. When it is full the door waits, up to the
deadline of `ask`; the admin port has at most 256 connections."""
CODES_PER_CLIENT = 10
TRIES_PER_CLIENT = 30
"""In an hour, from one address (an IPv6 /64)."""
_SWEEP_US = codes.HOUR_US

WRONG_CODE = "this code is wrong or no longer good; ask for another one when ten minutes have passed"
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
        self._keys = keys
        self._policy = policy
        self._draw = draw
        self._now_us = now_us
        self._sessions: dict[str, Session] = {}
        self._codes: dict[str, list[Code]] = {}
        self._requests = Allowance(CODES_PER_CLIENT, codes.HOUR_US)
        self._tries = Allowance(TRIES_PER_CLIENT, codes.HOUR_US)
        self._swept_us = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the mailbox until it is closed and drained."""
        self._sessions = {each.id: each for each in await self._runner(self._store.sessions)}
        self._codes = {}
        for code in await self._runner(self._store.codes):
            self._codes.setdefault(code.email, []).append(code)
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
            case TakeBack(code, maybe_sent=True):
                if code in self._codes.get(code.email, ()):
                    await self._keep(codes.spent(code))
                return None
            case TakeBack(code):
                self._codes[code.email] = [each for each in self._codes.get(code.email, ()) if each != code]
                return await self._runner(self._store.remove_code, code)
            case SignIn():
                return await self._sign_in(message)
            case Claim():
                return await self._claim(message)
            case Renew(caller):
                return await self._renew(caller)
            case BeginLocal():
                return await self._begin_local()
            case End(ids):
                return await self._end([each for each in ids if each in self._sessions])

    # Who is this? Called from any task of this process; never waits.

    async def authenticate(self, credential: str, door: str, address: str) -> Caller:
        """Authenticate of http/admin/credentials.py: a session or an API token. Raises Unauthenticated."""
        if credential.startswith(tokens.PREFIX):
            return self._by_token(credential, door, address)
        now = self._now_us()
        claims = sessions.read(credential, now, self._keys.session)
        session = self._sessions.get(claims.session)
        if session is None or session.user_id != claims.user_id or session.expires_us <= now:
            raise Unauthenticated("this session has ended; sign in again")
        if not session.user_id:
            return replace(local_administrator(door), address=address, session=session.id)
        return self._as_caller(self._admissible(session.user_id), door, address, session.id)

    def user(self, caller: Caller) -> User | None:
        found = self._directory.lookup("user", caller.user_id) if caller.user_id else None
        return found if isinstance(found, User) else None

    def sessions(self) -> Sequence[Session]:
        now = self._now_us()
        alive = [session for session in self._sessions.values() if session.expires_us > now]
        return sorted(alive, key=lambda session: session.started_us, reverse=True)

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
            await self._keep(*map(codes.spent, self._codes.get(email, ())))
        else:
            _wait(self._requests.take(caller.address, now), "too many codes were asked for from here")
            _wait(codes.wait_us(self._codes.get(email, ()), now), "a code is on its way, or was used up")
        user = self._user_of(email)
        if user is None and email not in self._policy.administrators and not here:
            strangers = [
                code.issued_us for each, made in self._codes.items() if self._user_of(each) is None
                for code in made if code.issued_us > now - codes.HOUR_US
            ]  # fmt: skip
            if len(strangers) >= codes.STRANGERS_PER_HOUR:
                _wait(min(strangers) + codes.HOUR_US - now, "too many new people at once")
        text = self._draw.code()
        # Whoever is blocked learns nothing: for him it looks the same, and no code fits.
        blocked = user is not None and user.status == "blocked"
        digest = codes.digest(self._keys.code, email, self._draw.text() if blocked else text)
        code = Code(email=email, issued_us=now, expires_us=now + codes.LIFE_US, digest=digest)
        await self._keep(code)
        return Issued(code, text, shown, wanted=message.has_post and not here and not blocked)

    async def _keep(self, *changed: Code) -> None:
        """In memory first: a guess counts also when the disk is full."""
        for code in changed:
            others = [each for each in self._codes.get(code.email, ()) if each.issued_us != code.issued_us]
            self._codes[code.email] = sorted([*others, code], key=lambda each: each.issued_us)
            await self._runner(self._store.put_code, code)

    async def _sign_in(self, message: SignIn) -> Grant:
        now = self._now_us()
        _wait(self._tries.take(message.caller.address, now), "too many tries from here")
        email = _address(message.email)
        code = codes.alive(self._codes.get(email, ()), now)
        if code is None:
            raise Unauthenticated(WRONG_CODE)
        if not codes.fits(code, codes.digest(self._keys.code, email, message.code.strip())):
            await self._keep(codes.missed(code))
            log.info("wrong code", extra={"email": email, "client": message.caller.address})
            raise Unauthenticated(WRONG_CODE)
        user = await self._admit(email, email in self._policy.administrators, message.caller.door)
        await self._keep(codes.spent(code))
        return await self._begin(user, message.caller)

    # Users

    def _user_of(self, email: str) -> User | None:
        found = self._directory.owner("user", "email", email)
        return found if isinstance(found, User) else None

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
        _wait(self._tries.take(message.caller.address, self._now_us()), "too many tries from here")
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
        now = self._now_us()
        session = Session(
            id=self._draw.text(),
            user_id=user.id,
            started_us=now,
            expires_us=sessions.expiry_us(now, now),
            address=caller.address,
        )
        own = [each for each in self.sessions() if each.user_id == user.id]
        await self._end([each.id for each in own[sessions.MOST_PER_USER - 1 :]])
        await self._runner(self._store.put_session, session)
        self._sessions[session.id] = session
        log.info("signed in", extra={"email": user.email, "client": caller.address})
        return self._grant(session, user, caller)

    async def _begin_local(self) -> tuple[str, int]:
        """In memory only: it does not outlive the core, and whoever may have one can have another."""
        now = self._now_us()
        local = [each.id for each in self.sessions() if not each.user_id]
        await self._end(local[sessions.MOST_LOCAL - 1 :])
        session = Session(id=self._draw.text(), user_id=0, started_us=now, expires_us=now + sessions.LOCAL_US)
        self._sessions[session.id] = session
        return sessions.write(session, now, self._keys.session), session.expires_us

    async def _renew(self, caller: Caller) -> Grant:
        now = self._now_us()
        session = self._sessions.get(caller.session)
        if session is None or session.expires_us <= now:
            raise Unauthenticated("there is no session to renew; sign in again")
        user = self._admissible(session.user_id)
        renewed = msgspec.structs.replace(session, expires_us=sessions.expiry_us(session.started_us, now))
        await self._runner(self._store.put_session, renewed)
        self._sessions[session.id] = renewed
        return self._grant(renewed, user, caller)

    def _grant(self, session: Session, user: User, caller: Caller) -> Grant:
        token = sessions.write(session, self._now_us(), self._keys.session)
        found = self._as_caller(user, caller.door, caller.address, session.id)
        return Grant(token, session.expires_us, user, found)

    async def _end(self, ids: Sequence[str]) -> int:
        """Over at once, and on the disk before anybody is told so."""
        for each in ids:
            del self._sessions[each]
        if ids:
            await self._runner(self._store.remove_sessions, ids)
        return len(ids)

    async def _sweep(self) -> None:
        now = self._now_us()
        if now - self._swept_us < _SWEEP_US:
            return
        self._swept_us, oldest = now, now - codes.DAY_US
        await self._runner(self._store.forget, now, oldest)
        self._sessions = {key: each for key, each in self._sessions.items() if each.expires_us > now}
        kept = {
            email: [code for code in made if code.issued_us >= oldest] for email, made in self._codes.items()
        }
        self._codes = {email: made for email, made in kept.items() if made}


def _address(email: str) -> str:
    try:
        return mailbox(email).lower()
    except ValueError as fault:
        raise Refused("the request is wrong", [FieldProblem("email", str(fault))]) from None


def _wait(wait_us: int, why: str) -> None:
    if wait_us > 0:
        seconds = -(-wait_us // 1_000_000)
        raise TooMany(f"{why}; try again in {seconds} seconds", seconds)
