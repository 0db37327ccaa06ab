"""The core's stores as its doors and actors await them, each in threads of its own: no wait is another's."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import trio

from appliance.actors.catalog import CatalogActor
from appliance.actors.conversions import Limits
from appliance.actors.kernel import thread_runner
from appliance.actors.reporter import Reporter
from appliance.actors.retry import Deliveries, Retry
from appliance.attribution.rates import Rate
from appliance.errors import Unavailable
from appliance.model.catalog import PostbackTarget
from appliance.model.conversions import ClickFacts
from appliance.model.costs import CostOrder
from appliance.model.deliveries import Attempt, Selection, Standing, Stored
from appliance.model.events import CostAdjustment
from appliance.partners.patience import Outcome
from appliance.reporting.sql import Query
from appliance.stores.lists import Lists
from appliance.stores.sqlite.ledger import SqliteLedger
from appliance.stores.sqlite.rates import SqliteRates
from appliance.stores.warehouse import Warehouse

log = logging.getLogger("weir.lanes")


class Costs:
    """The ledger's corrections of cost, in a thread of their own limiter."""

    def __init__(self, ledger: SqliteLedger, stored: Callable[[], None]) -> None:
        self._ledger = ledger
        self._stored = stored
        self._run = thread_runner(1)

    async def adjust(
        self, order: CostOrder, parts: Sequence[CostAdjustment], count: int | None = None
    ) -> CostOrder:
        if self._ledger.sizes().outbox_bytes >= Limits.outbox_bytes:
            raise Unavailable("too much waits for the warehouse already; try again when it is back")
        made = await self._run(self._ledger.adjust, order, parts, count)
        if made is order:  # not one that was there already
            self._stored()
        return made

    async def get(self, id: str) -> CostOrder | None:
        return await self._run(self._ledger.adjustment, id)

    async def list(
        self, limit: int, offset: int, campaigns: Collection[int] | None = None
    ) -> tuple[Sequence[CostOrder], int]:
        return await self._run(self._ledger.adjustments, limit, offset, campaigns)


class RateLane:
    """Rates of currencies as operators use them, in a thread of their own limiter."""

    def __init__(self, rates: SqliteRates) -> None:
        self._rates = rates
        self._run = thread_runner(1)

    async def put(self, rates: Sequence[Rate]) -> None:
        await self._run(self._rates.put, rates)

    async def remove(self, base: str, quote: str, before: str) -> int:
        return await self._run(self._rates.remove, base, quote, before)

    async def list(self, base: str, quote: str, limit: int, offset: int) -> tuple[Sequence[Rate], int]:
        return await self._run(self._rates.list, base, quote, limit, offset)


Send = Callable[[PostbackTarget, str, Mapping[str, str]], Awaitable[tuple[Attempt, Outcome]]]
"""Tells a target of a conversion, by its macros' values, under an id."""


class DeliveryLane:
    """The outbox of deliveries as operators use it, in a thread of their own limiter."""

    CHUNK = 2_000
    """Changed at once: the ledger's file is locked meanwhile."""

    def __init__(self, store: Deliveries, retry: Retry, send: Send, reporter: Reporter | None = None) -> None:
        self._store = store
        self._retry = retry
        self._reporter = reporter
        self._run = thread_runner(1)
        self._send = send

    def standings(self) -> Sequence[Standing]:
        accounts = self._reporter.standings().values() if self._reporter is not None else ()
        return [*self._retry.standings().values(), *accounts]

    async def select(self, selection: Selection, below: int, limit: int) -> Sequence[Stored]:
        return await self._run(self._store.select, selection, below, limit)

    async def count(self, selection: Selection) -> int:
        return await self._run(self._store.count, selection)

    async def get(self, id: str) -> tuple[Stored, Sequence[Attempt]] | None:
        return await self._run(self._store.get, id)

    async def replay(self, selection: Selection, now_us: int, deadline_us: int) -> list[str]:
        def some(above: int) -> Sequence[tuple[int, str]]:
            return self._store.replay(selection, above, self.CHUNK, now_us, deadline_us)

        targets = await self._all(some)
        await self._retry.resume(set(targets))
        self._retry.wake()
        if self._reporter is not None:
            self._reporter.wake()
        return targets

    async def cancel(self, selection: Selection, now_us: int, reason: str) -> list[str]:
        def some(above: int) -> Sequence[tuple[int, str]]:
            return self._store.cancel(selection, above, self.CHUNK, now_us, reason)

        return await self._all(some)

    async def send(
        self, target: PostbackTarget, id: str, values: Mapping[str, str]
    ) -> tuple[Attempt, Outcome]:
        return await self._send(target, id, values)

    async def counts(self) -> Mapping[str, Mapping[str, int]]:
        return await self._run(self._store.counts)

    async def sweep(self, before_us: int) -> None:
        """Delete what ended before then, a piece at a time."""
        while await self._run(self._store.sweep, before_us, self.CHUNK):
            pass

    async def _all(self, some: Callable[[int], Sequence[tuple[int, str]]]) -> list[str]:
        targets: list[str] = []
        above = 0
        while found := await self._run(some, above):
            above = max(number for number, _ in found)
            targets += [target for _, target in found]
        return targets


class WarehouseLock:
    """Letting go of the warehouse; in a thread, because the statements that are running are waited for."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._run = thread_runner(1)

    async def detach(self, seconds: float) -> None:
        await self._run(self._warehouse.detach, seconds)

    async def attach(self) -> None:
        await self._run(self._warehouse.attach)


class Lookups:
    """The warehouse's lookup lane, in a thread of its own limiter."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._run = thread_runner(1)

    async def clicks(self, ids: Sequence[str]) -> Mapping[str, ClickFacts]:
        began = time.perf_counter()
        found = await self._run(self._warehouse.lookup_clicks, ids)
        took = round((time.perf_counter() - began) * 1_000, 1)
        log.debug("clicks looked up", extra={"asked": len(ids), "found": len(found), "ms": took})
        return found

    async def ranks(self, query: Query) -> Sequence[Mapping[str, int]]:
        return await self._run(self._warehouse.rank, query.sql, query.parameters)


async def sweep_lists(catalog: CatalogActor, lists: Lists) -> None:
    """Files that nobody names any more. Not before the catalog is there: nothing would seem to be needed."""
    await trio.lowlevel.checkpoint()
    if catalog.loaded.is_set():
        await lists.sweep({each.digest for each in catalog.lists() if each.digest})
