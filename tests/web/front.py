"""An edge's public side in this process: real sockets, server, routes, router and journal; no core."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from appliance import config
from appliance.actors.journal import Journal, Limits
from appliance.actors.kernel import Mailbox, inline_runner
from appliance.actors.router import Router
from appliance.http.public.request import trusted_networks
from appliance.http.public.routes import Routes
from appliance.http.public.server import Server
from appliance.model import catalog
from appliance.model.events import ClickIdentity, Event, decode
from appliance.model.rules import Rule, Target
from appliance.model.table import (
    CampaignEntry,
    DestinationEntry,
    LinkEntry,
    NetworkEntry,
    PageEntry,
    Part,
    SettingsEntry,
    StreamEntry,
    TableUpdate,
)
from appliance.partners.report import Identity
from appliance.ports import JournalSegment
from appliance.routing.landings import Landings
from appliance.stores.identity_keys import IdentityKeys
from appliance.stores.journal.reader import open_segment, segments
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.shelter import Counters, Reserve
from tests.rig import PATIENCE
from tests.wire import Answer, Ended, request, take_answer

T = TypeVar("T")
SECRET = "s3cret-of-the-network"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
_encode = msgspec.msgpack.encode


def _table() -> list[Part]:
    """One campaign, one destination, a link, two networks (one with a secret), a page."""
    entries = [
        CampaignEntry(catalog.Campaign(id=1, slug="shoes", public_id="pub1")),
        StreamEntry(
            catalog.Stream(id=1, campaign_id=1, targets=(Target(destination_id=1),),
                           rules=(Rule(param="country", operator="neq", value="XX"),))
        ),
        DestinationEntry(
            catalog.Destination(id=1, url="https://offer.example/l?cid={click_id}&s={sub1}", network_id=1)
        ),
        LinkEntry(catalog.Link(id=1, token="tok", campaign_id=1, params={"sub1": "preset"})),
        NetworkEntry(1, "open", True, (), ("click_id", "cid")),
        NetworkEntry(2, "locked", True, (hashlib.sha256(SECRET.encode()).digest(),), ("click_id", "cid")),
        NetworkEntry(3, "away", False, (), ("click_id",)),
        PageEntry(catalog.Page(id=1, slug="hello", body="<p>{query.click_id}</p><i>{origin}</i>")),
        SettingsEntry(trafficback_url="https://back.example/t?c={click_id}"),
    ]  # fmt: skip
    return [Part("all", "0" * 32, tuple(_encode(entry) for entry in entries))]


class Client:
    """One connection to the front, from inside trio."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._data = bytearray()

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def answer(self, head_only: bool = False) -> Answer:
        """The next reply; Ended when there is none."""
        with trio.fail_after(PATIENCE):
            while (found := take_answer(self._data, head_only)) is None:
                try:
                    piece = await self.stream.receive_some()
                except trio.BrokenResourceError as fault:
                    raise Ended("reset") from fault
                if not piece:
                    raise Ended(f"closed after {bytes(self._data[:300])!r}")
                self._data += piece
        return found

    async def ask(
        self, target: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        await self.send(request(target, method, headers, body))
        return await self.answer(method == "HEAD")

    async def ended(self) -> bytes:
        """What still comes until the server closes in order; Ended when it resets instead."""
        with trio.fail_after(PATIENCE):
            try:
                while piece := await self.stream.receive_some():
                    self._data += piece
            except trio.BrokenResourceError as fault:
                raise Ended("reset") from fault
        return bytes(self._data)


class Front:
    """What a test does to it and reads of it."""

    def __init__(self, server: Server, routes: Routes, journal: Journal, data: Path, port: int) -> None:
        self.server = server
        self.routes = routes
        self.journal = journal
        self.ready = True
        self._data = data
        self._port = port
        self._clients: list[Client] = []

    async def client(self, source: str = "127.0.0.1") -> Client:
        """A new connection, from another loopback address if the test wants."""
        stream = await trio.open_tcp_stream("127.0.0.1", self._port, local_address=source)
        self._clients.append(Client(stream))
        return self._clients[-1]

    def early_client(self, data: bytes) -> Client:
        """A connection whose first bytes are there before the server even accepts it."""
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.sendall(data)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        self._clients.append(Client(stream))
        return self._clients[-1]

    async def raw(self, data: bytes) -> Answer:
        """Send bytes on a connection of their own; the first reply."""
        client = await self.client()
        await client.send(data)
        answer = await client.answer()
        await trio.aclose_forcefully(client.stream)
        return answer

    async def ask(
        self, target: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        client = await self.client()
        answer = await client.ask(target, method, headers, body)
        await trio.aclose_forcefully(client.stream)
        return answer

    def events(self, kind: type[T]) -> list[T]:
        """What the journal's files hold of one record, in order."""
        found: list[T] = []
        for path in segments(self._data):
            reader = open_segment(path)
            try:
                decoded: list[Event] = [decode(entry.body) for entry in reader.read(0, 100_000)]
            finally:
                reader.close()
            found += [event for event in decoded if isinstance(event, kind)]
        return found

    def identities(self) -> list[Identity]:
        """Who made the clicks that the journal's files hold, in order."""
        return [self.open(each.sealed) for each in self.events(ClickIdentity)]

    def open(self, sealed: bytes) -> Identity:
        """Whom an identity that this edge sealed is of."""
        return IdentityKeys(self._data, 7).open(sealed)

    def journal_bytes(self) -> bytes:
        """Everything the journal's files hold, to look for what must not be there."""
        return b"".join(path.read_bytes() for path in self._data.rglob("*") if path.is_file())

    async def gone(self, connections: int = 0) -> None:
        """Wait until no more than so many connections are open."""
        with trio.fail_after(PATIENCE):
            while self.server.open > connections:  # noqa: ASYNC110  the server has no event for a test
                await trio.sleep(0.01)

    async def close(self) -> None:
        for client in self._clients:
            await trio.aclose_forcefully(client.stream)


@asynccontextmanager
async def front(
    data: Path,
    open_segment: Callable[[], JournalSegment] | None = None,
    parts: Sequence[Part] | None = None,
    landings: Landings | None = None,
    **settings: object,
) -> AsyncIterator[Front]:
    """A public side with config.Public(**settings); `open_segment` replaces the journal's (a full disk).

    `parts` are the routing table's, instead of the usual ones.
    """
    public = config.Public(**settings)  # type: ignore[arg-type]
    directory = data / "edges" / "0" / "journal"
    journal = Journal(
        open_segment or (lambda: Segment(directory, 0, time.time_ns() // 1_000_000, "process")),
        lambda: (0, 1),
        Reserve(data / "reserve", 0),
        Counters(data / "edges" / "0"),
        Limits(1 << 30, 3600.0, 1 << 40, 100, commit_in_thread=False),
        inline_runner,
    )
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = Router(
        mailbox, journal.append, (7, 1, _table() if parts is None else parts), landings=landings,
        sealing=IdentityKeys(data, 7),
    )  # fmt: skip
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    trusted = trusted_networks(public.trusted_proxies)
    routes = Routes(router, public, trusted, lambda: made.ready)
    server = Server(routes, journal.recorded, public, trusted)
    made = Front(server, routes, journal, data, listener.getsockname()[1])
    try:
        async with trio.open_nursery() as keepers:
            await keepers.start(journal.run)
            async with trio.open_nursery() as nursery:
                await nursery.start(router.run)
                await nursery.start(server.run)
                server.listen(0, listener)
                try:
                    yield made
                finally:
                    nursery.cancel_scope.cancel()
            journal.close()
    finally:
        with trio.CancelScope(shield=True):
            await made.close()
        listener.close()
