"""Users, sessions and tokens for tests: the identity actor over a catalog, with its own clock and post."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from appliance.access import tokens
from appliance.actors.catalog import CatalogActor
from appliance.actors.catalog_desk import CatalogDesk
from appliance.actors.identity import Draw, IdentityActor, Keys, Policy
from appliance.actors.identity_desk import IdentityDesk
from appliance.actors.kernel import Tree, inline_runner, supervise
from appliance.attribution.template import names
from appliance.errors import Unavailable
from appliance.model.catalog import Entity, Kind, Token, User
from appliance.model.table import SettingsEntry
from appliance.operations.context import Caller, Grant, local_administrator
from appliance.stores.installation import ClaimInDirectory
from appliance.stores.sqlite.catalog import SqliteCatalog
from appliance.stores.sqlite.identity import SqliteIdentity

SECRET = bytes(range(32))
HERE = local_administrator("test")
ANN, BOB = "ann@example.com", "bob@example.com"
START_US = 1_800_000_000_000_000


@dataclass
class Letters:
    """A Post that keeps what it was given; `broken` makes it fail, `slow` take that many seconds."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    broken: bool = False
    slow: float = 0.0

    async def send(self, to: str, subject: str, text: str) -> None:
        await trio.sleep(self.slow)
        if self.broken:
            raise Unavailable("the post is closed")
        self.sent.append((to, subject, text))

    def code(self) -> str:
        return self.sent[-1][1].split()[0]


@dataclass
class Clock:
    """Stands still unless a test moves it."""

    now_us: int = START_US

    def pass_by(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


@dataclass
class People:
    """An identity actor at work."""

    desk: IdentityDesk
    actor: IdentityActor
    catalog: CatalogDesk
    letters: Letters
    store: SqliteIdentity
    path: Path
    clock: Clock
    drawn: int = 0

    def client(self, address: str = "198.51.100.7", door: str = "rest") -> Caller:
        """Somebody who has not signed in."""
        return Caller("nobody", door, address=address)

    async def signed_in(self, email: str, address: str = "198.51.100.7") -> Grant:
        """By code and mail."""
        await self.desk.request_code(email, self.client(address))
        return await self.desk.sign_in(email, self.letters.code(), self.client(address))

    async def who(self, credential: str, address: str = "198.51.100.7") -> Caller:
        return await self.actor.authenticate(credential, "rest", address)

    async def put(self, kind: Kind, entity: Entity) -> int:
        return (await self.catalog.create(kind, entity, HERE)).id

    async def user(self, email: str, **values: object) -> int:
        return await self.put("user", User(email=email, **values))  # type: ignore[arg-type]

    async def token(self, user: int, *scopes: str, expires_at: str = "") -> str:
        """The secret of a new API token."""
        self.drawn += 1
        secret = tokens.PREFIX + f"{self.drawn:043}"
        made = Token(user_id=user, scopes=scopes, expires_at=expires_at, hash=tokens.digest(secret))
        await self.put("token", made)
        return secret


def identity_actor(
    path: Path, catalog: CatalogActor, store: SqliteIdentity, clock: Clock, policy: Policy | None = None
) -> IdentityActor:
    """Over a catalog that is at work; chance is counted, so that every run is the same."""
    count = itertools.count(1)
    draw = Draw(lambda: f"{next(count) * 7919 % 1_000_000:06}", lambda: f"text-{next(count):037}")
    return IdentityActor(
        store, ClaimInDirectory(path), inline_runner, CatalogDesk(catalog.mailbox), catalog, Keys.of(SECRET),
        policy or Policy(), draw, lambda: clock.now_us,
    )  # fmt: skip


@asynccontextmanager
async def open_people(path: Path, policy: Policy | None = None, mail: bool = True) -> AsyncIterator[People]:
    """An empty catalog and nobody in it yet."""
    configuration, store = SqliteCatalog(path / "catalog.db"), SqliteIdentity(path / "identity.db")
    catalog = CatalogActor(configuration, inline_runner, lambda *_: None, SettingsEntry(), names, lambda: 1)
    letters, clock = Letters(), Clock()
    actor = identity_actor(path, catalog, store, clock, policy)
    desk = IdentityDesk(actor.mailbox, actor, letters if mail else None)
    people = People(desk, actor, CatalogDesk(catalog.mailbox), letters, store, path, clock)
    try:
        async with trio.open_nursery() as nursery:
            tree = Tree()
            await nursery.start(supervise, tree, "catalog", catalog.run, catalog.mailbox)
            await nursery.start(supervise, tree, "identity", actor.run, actor.mailbox)
            yield people
            actor.mailbox.close()
            catalog.mailbox.close()
    finally:
        store.close()
        configuration.close()
