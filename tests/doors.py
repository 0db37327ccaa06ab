"""The core's doors in one process: a catalog on SQLite, its actor, the registry, nothing behind reports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from appliance.actors.catalog import CatalogActor
from appliance.actors.catalog_desk import CatalogDesk
from appliance.actors.identity import IdentityActor
from appliance.actors.identity_desk import IdentityDesk
from appliance.actors.kernel import Tree, inline_runner, supervise
from appliance.attribution.template import names
from appliance.errors import Unavailable
from appliance.model.costs import CostOrder
from appliance.model.events import CostAdjustment
from appliance.model.holds import Holds
from appliance.model.messages import ActorReport, EdgeReport, JournalReport, ProducerReport
from appliance.model.status import ConsumerReport, ConversionsReport, EdgeStatus, WarehouseReport
from appliance.model.table import SettingsEntry
from appliance.operations import demo, registry
from appliance.operations.context import Caller, Context, local_administrator
from appliance.operations.inquiries import NOBODY, Form, Inquiry, Running
from appliance.operations.scope import ScopedCatalog
from appliance.overview import Overview, Parts
from appliance.reporting.writing import Writer
from appliance.stores.lists import ListFiles, Lists
from appliance.stores.sqlite.catalog import SqliteCatalog
from appliance.stores.sqlite.identity import SqliteIdentity
from tests.people import Clock, Letters, identity_actor


class NoWarehouse:
    """There is nothing to let go of."""

    async def detach(self, seconds: float) -> None: ...

    async def attach(self) -> None: ...


class NoReports:
    currency = "USD"

    async def rows(
        self, sql: str, params: Mapping[str, object], inquiry: Inquiry = NOBODY
    ) -> list[dict[str, Any]]:
        raise Unavailable("no warehouse in this test")

    async def stream(
        self,
        sql: str,
        params: Mapping[str, object],
        form: Form,
        writer: Writer,
        inquiry: Inquiry = NOBODY,
    ) -> AsyncGenerator[bytes, None]:
        raise Unavailable("no warehouse in this test")
        yield b""

    def running(self) -> Sequence[Running]:
        return ()

    async def cancel(self, number: int) -> None: ...


class NoCosts:
    """There is no ledger."""

    async def adjust(self, order: CostOrder, parts: Sequence[CostAdjustment]) -> CostOrder:
        raise Unavailable("no ledger in this test")

    async def get(self, id: str) -> CostOrder | None:
        return None

    async def list(
        self, limit: int, offset: int, campaigns: Collection[int] | None = None
    ) -> tuple[Sequence[CostOrder], int]:
        return (), 0


def edge_status(edge: int = 0, *, ready: bool = True) -> EdgeStatus:
    """An edge as it reports itself, every figure a different one."""
    journal = JournalReport(
        epoch=1, last_seq=2, mode="recording", ring=3, ring_capacity=4, unrecorded=5, bytes=6, wal_bytes=7,
        segments=8, commits=9,
    )  # fmt: skip
    topic = ProducerReport(
        topic="click_events", queue_capacity=10, queued=11, published=12, dropped=13, publish_errors=14,
        failed_enqueue=15, closed=False,
    )  # fmt: skip
    report = EdgeReport(
        edge=edge, pid=16, at_us=17, revision=1, table_age_us=18_000_000, ready=ready, connections=19,
        requests=20, replies={302: 21}, unknown_macros={'a"b\\c\nd': 22}, bad_params={"cost": 23},
        rss_bytes=24, journal=journal, producers=(topic,),
        actors=(ActorReport(name="router", state="running", mailbox_capacity=1),),
        unexpanded={4: {'zone"id': 25}, 0: {"cost": 26}},
    )  # fmt: skip
    return EdgeStatus(
        edge=edge, connected=True, connections=1, taken_revision=1, behind_revisions=0,
        report_age_seconds=0.5, report=report,
    )  # fmt: skip


@dataclass
class Doors:
    """What the doors are made of."""

    operations: Mapping[str, registry.Operation]
    overview: Overview
    parts: Parts
    desk: CatalogDesk
    identity: IdentityActor
    letters: Letters
    lists: Lists

    def context(self, caller: Caller, request_id: str) -> Context:
        seen = ScopedCatalog(self.desk, caller)
        identity = IdentityDesk(self.identity.mailbox, self.identity, self.letters)
        return Context(
            caller, seen, NoReports(), self.overview, NoCosts(), request_id,
            identity=identity, lists=self.lists,
        )  # fmt: skip

    async def call(self, name: str, payload: object = None, caller: Caller | None = None) -> object:
        context = self.context(caller or local_administrator("test"), "r")
        return await registry.call(self.operations, name, {} if payload is None else payload, context)


@asynccontextmanager
async def open_doors(path: Path) -> AsyncIterator[Doors]:
    """A catalog with the demo in it."""
    store, people = SqliteCatalog(path / "catalog.db"), SqliteIdentity(path / "identity.db")
    tree, parts = Tree(), Parts()
    actor = CatalogActor(
        store, inline_runner, lambda *_: None, SettingsEntry(), names, lambda: 1, demo.entities()
    )
    identity = identity_actor(path, actor, people, Clock())
    parts.actors, parts.catalog, parts.catalog_loaded = tree.report, actor.report, actor.loaded.is_set
    parts.edges = lambda: [edge_status()]
    parts.warehouse = lambda: WarehouseReport(state="up", rows_shipped=25)
    parts.consumers = [
        lambda: [ConsumerReport(consumer="publisher", edge=0, epoch=e, seq=1, behind=13) for e in (1, 2)],
        lambda: [ConsumerReport(consumer="conversions", edge=0, epoch=2, seq=1)],
    ]
    parts.conversions = lambda: ConversionsReport(figures={"outbox_bytes": 27})
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervise, tree, "catalog", actor.run, actor.mailbox)
            await nursery.start(supervise, tree, "identity", identity.run, identity.mailbox)
            yield Doors(
                registry.load_all(),
                Overview(path, parts, Holds(), NoWarehouse()),
                parts,
                CatalogDesk(actor.mailbox),
                identity,
                Letters(),
                Lists(ListFiles(path), inline_runner, inline_runner),
            )
            identity.mailbox.close()
            actor.mailbox.close()
    finally:
        people.close()
        store.close()
