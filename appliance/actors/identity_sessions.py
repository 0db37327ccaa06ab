"""The sessions of the identity actor: begun, renewed, ended, and revoked with their user.

access/sessions.py has the rules. A session is on the disk before it counts, and its end before anybody is
told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from appliance.access import sessions
from appliance.errors import Unauthenticated
from appliance.model.identity import Session
from appliance.ports import IdentityStore, Runner


class Sessions:
    """One owner, the identity actor; `find`, `alive` and `revoke` never wait. `draw` makes an id that nobody
    guesses."""

    def __init__(self, store: IdentityStore, runner: Runner, key: bytes, draw: Callable[[], str]) -> None:
        self._store = store
        self._runner = runner
        self._key = key
        self._draw = draw
        self._by_id: dict[str, Session] = {}
        self._revoked: set[int] = set()
        """Users whose sessions are over, while some of them may still be stored."""

    async def load(self) -> None:
        """Read what is stored; the local administrator's, which are not, end here."""
        self._by_id = {each.id: each for each in await self._runner(self._store.sessions)}

    def find(self, credential: str, now_us: int) -> Session:
        """Whose token this is. Raises Unauthenticated."""
        claims = sessions.read(credential, now_us, self._key)
        session = self._by_id.get(claims.session)
        if session is None or session.user_id != claims.user_id or session.expires_us <= now_us:
            raise Unauthenticated("this session has ended; sign in again")
        return session

    def alive(self, now_us: int) -> list[Session]:
        """Everybody's, the newest first."""
        found = [session for session in self._by_id.values() if session.expires_us > now_us]
        return sorted(found, key=lambda session: session.started_us, reverse=True)

    def write(self, session: Session, now_us: int) -> str:
        """The token that stands for it."""
        return sessions.write(session, now_us, self._key)

    async def begin(self, user: int, address: str, now_us: int) -> Session:
        """A new one; the oldest of too many ends."""
        session = Session(
            id=self._draw(),
            user_id=user,
            started_us=now_us,
            expires_us=sessions.expiry_us(now_us, now_us),
            address=address,
        )
        own = [each.id for each in self.alive(now_us) if each.user_id == user]
        await self.end(own[sessions.MOST_PER_USER - 1 :])
        await self._keep(session)
        return session

    async def begin_local(self, now_us: int) -> Session:
        """In memory only: it does not outlive the core, and whoever may have one can have another."""
        local = [each.id for each in self.alive(now_us) if not each.user_id]
        await self.end(local[sessions.MOST_LOCAL - 1 :])
        session = Session(
            id=self._draw(), user_id=0, started_us=now_us, expires_us=now_us + sessions.LOCAL_US
        )
        self._by_id[session.id] = session
        return session

    def renewable(self, number: str, now_us: int) -> Session:
        """Raises Unauthenticated when there is none of that id."""
        session = self._by_id.get(number)
        if session is None or session.expires_us <= now_us:
            raise Unauthenticated("there is no session to renew; sign in again")
        return session

    async def renew(self, session: Session, now_us: int) -> Session:
        """The same with a later end."""
        renewed = msgspec.structs.replace(session, expires_us=sessions.expiry_us(session.started_us, now_us))
        await self._keep(renewed)
        return renewed

    async def end(self, ids: Collection[str]) -> int:
        """Over at once, and on the disk before anybody is told so; how many of them there were."""
        known = [each for each in ids if self._by_id.pop(each, None) is not None]
        if known:
            await self._runner(self._store.remove_sessions, known)
        return len(known)

    def revoke(self, user: int) -> None:
        """Over at once, also one that is just being stored; `forget_revoked` ends them on the disk."""
        self._revoked.add(user)
        self._by_id = {key: each for key, each in self._by_id.items() if each.user_id != user}

    async def forget_revoked(self) -> None:
        """Remove what `revoke` ended from the store. Raises Unavailable; then it is still to be done."""
        while self._revoked:
            stored = await self._runner(self._store.sessions)
            users = frozenset(self._revoked)
            gone = [each.id for each in stored if each.user_id in users]
            await self._runner(self._store.remove_sessions, gone)
            self._by_id = {key: each for key, each in self._by_id.items() if each.user_id not in users}
            self._revoked -= users

    def forget(self, now_us: int) -> None:
        """In memory, those that are over; the store forgets its own."""
        self._by_id = {key: each for key, each in self._by_id.items() if each.expires_us > now_us}

    def users(self) -> Sequence[int]:
        """Who has any, but for the local administrator."""
        return sorted({each.user_id for each in self._by_id.values() if each.user_id})

    async def _keep(self, session: Session) -> None:
        await self._runner(self._store.put_session, session)
        self._by_id[session.id] = session
