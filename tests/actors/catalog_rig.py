"""A running catalog actor on SQLite, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from appliance.actors.catalog import CatalogActor
from appliance.actors.catalog_desk import CatalogDesk
from appliance.actors.kernel import Tree, inline_runner, supervise
from appliance.attribution.template import names
from appliance.errors import Refused
from appliance.model.catalog import Entity, Kind
from appliance.model.table import Part, SettingsEntry
from appliance.operations.context import local_administrator
from appliance.stores.sqlite.catalog import SqliteCatalog

ME = local_administrator("test")


class Rig:
    """A running catalog, and every table it published."""

    def __init__(
        self, actor: CatalogActor, store: SqliteCatalog, tables: list[tuple[int, Mapping[str, Part]]]
    ):
        self.actor, self.store, self.tables = actor, store, tables
        self.desk = CatalogDesk(actor.mailbox)

    async def create(self, kind: Kind, entity: Entity) -> int:
        return (await self.desk.create(kind, entity, ME)).id

    async def change(self, kind: Kind, number: int, revision: int | None = None, **values: object) -> Entity:
        return await self.desk.change(kind, number, values, ME, revision)

    @property
    def parts(self) -> Mapping[str, Part]:
        return self.tables[-1][1]


@asynccontextmanager
async def catalog(
    path: Path, first: Sequence[tuple[Kind, Entity]] = (), settings: SettingsEntry | None = None
) -> AsyncIterator[Rig]:
    store = SqliteCatalog(path / "catalog.db")
    tables: list[tuple[int, Mapping[str, Part]]] = []
    actor = CatalogActor(
        store, inline_runner, lambda revision, _, parts: tables.append((revision, dict(parts))),
        settings or SettingsEntry(), names, lambda: 7, first,
    )  # fmt: skip
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervise, Tree(), "catalog", actor.run, actor.mailbox)
            yield Rig(actor, store, tables)
            actor.mailbox.close()
    finally:
        store.close()


def fields(caught: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [problem.path for problem in caught.value.fields]
