"""The identity actor's messages, and the desk that asks it: the Identity of operations/context.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from appliance.actors.kernel import Ask, Mailbox
from appliance.model.catalog import User
from appliance.model.identity import Code, Session
from appliance.operations.context import Caller, Grant
from appliance.ports import Post


@dataclass(frozen=True)
class Issued:
    """`text` is the code: to be mailed if `wanted`, shown to the caller if `shown`."""

    code: Code
    text: str
    shown: bool
    wanted: bool


@dataclass(frozen=True)
class RequestCode(Ask[Issued]):
    email: str
    caller: Caller
    has_post: bool


@dataclass(frozen=True)
class TakeBack:
    """A code could not be sent: as if it had never been. `maybe_sent`: its caller left while it was sent, so
    it counts as one of his mails, and he may ask for another."""

    code: Code
    maybe_sent: bool = False


@dataclass(frozen=True)
class SignIn(Ask[Grant]):
    email: str
    code: str
    caller: Caller


@dataclass(frozen=True)
class Claim(Ask[Grant]):
    token: str
    email: str
    caller: Caller


@dataclass(frozen=True)
class Renew(Ask[Grant]):
    caller: Caller


@dataclass(frozen=True)
class End(Ask[int]):
    ids: Collection[str]


class Revoke:
    """Somebody was blocked or archived: his sessions, over already, are to end on the disk."""


class BeginLocal(Ask[tuple[str, int]]):
    """A session of the local administrator."""


Message = RequestCode | TakeBack | SignIn | Claim | Renew | End | Revoke | BeginLocal


class Present(Protocol):
    """What the actor knows at this moment; never waits."""

    def user(self, caller: Caller) -> User | None: ...

    def sessions(self) -> Sequence[Session]: ...


class IdentityDesk:
    """Asks the actor, and sends the mail beside it, so that a slow mail server holds up nobody else."""

    def __init__(self, mailbox: Mailbox[Message], present: Present, post: Post | None) -> None:
        self._mailbox = mailbox
        self._ask = mailbox.ask
        self._present = present
        self._post = post
        self._post_seconds = 0.0

    def user(self, caller: Caller) -> User | None:
        return self._present.user(caller)

    def sessions(self) -> Sequence[Session]:
        return self._present.sessions()

    async def request_code(self, email: str, caller: Caller) -> tuple[int, str]:
        issued = await self._ask(RequestCode(email, caller, self._post is not None))
        if self._post is not None and issued.wanted:
            began = trio.current_time()
            try:
                subject, text = code_mail(issued.text)
                await self._post.send(issued.code.email, subject, text)
            except Exception:
                # Whatever kept the mail from going: nobody has this code, and the caller is told.
                self._mailbox.offer(TakeBack(issued.code))
                raise
            except BaseException:
                # The caller leaves: he shall not wait ten minutes for what maybe nobody sent.
                self._mailbox.offer(TakeBack(issued.code, maybe_sent=True))
                raise
            self._post_seconds = trio.current_time() - began
        elif self._post is not None and not issued.shown:
            await trio.sleep(self._post_seconds)  # somebody blocked waits as long as others do
        return issued.code.expires_us, issued.text if issued.shown else ""

    async def sign_in(self, email: str, code: str, caller: Caller) -> Grant:
        return await self._ask(SignIn(email, code, caller))

    async def claim(self, token: str, email: str, caller: Caller) -> Grant:
        return await self._ask(Claim(token, email, caller))

    async def renew(self, caller: Caller) -> Grant:
        return await self._ask(Renew(caller))

    async def begin_local(self) -> tuple[str, int]:
        return await self._ask(BeginLocal())

    async def end(self, ids: Collection[str]) -> int:
        return await self._ask(End(ids))


def code_mail(code: str) -> tuple[str, str]:
    """Subject and text."""
    return f"{code} is your code for Weir", (
        f"Your code for signing in to Weir: {code}\n\n"
        "It is good for ten minutes and for one sign-in. If you did not ask for it, somebody else typed your "
        "address; without this code they get nowhere.\n"
    )
