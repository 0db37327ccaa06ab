"""Reporting to ad platforms, put together: who goes where, who the visitors were, the reporter, the intakes.

Built by core.py once its stores are open. Each part has a method of its own below, which its owner fills in:
a part that is not there leaves the others as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from appliance.actors.catalog import CatalogActor
from appliance.actors.kernel import Tree, supervise, thread_runner
from appliance.config import Settings
from appliance.model.conversions import Conversion
from appliance.model.deliveries import Delivery
from appliance.model.platforms import AccountReport
from appliance.outbound.guard import Fetch
from appliance.partners.ways import Way
from appliance.ports import Identities
from appliance.stores.identities import WarehouseIdentities
from appliance.stores.identity_keys import IdentityKeys
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger
from appliance.stores.warehouse import Warehouse

log = logging.getLogger("weir.platforms")
Announce = Callable[[Conversion | None, Conversion, int], Sequence[Delivery]]
"""(before, after, now_us) → the deliveries that a revision causes; as Postings.post."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What core.py has when it builds this. `identity_keys` are also the janitor's, who destroys them: one
    object, so that none stays in memory. `secret` is the installation's own, which the vault's key comes
    from; `fetch` is guarded; `announced` is called when deliveries were stored (retry.wake)."""

    settings: Settings
    data: Path
    secret: bytes
    catalog: CatalogActor
    ledger: SqliteLedger
    outbox: SqliteDeliveries
    warehouse: Warehouse
    identity_keys: IdentityKeys
    fetch: Fetch
    now_us: Callable[[], int]


class AdPlatforms:
    """One of it in a core. What plugs in where:

    * B: `_ways` gives where a target's events go (partners/ways.py, out of the catalog's accounts and pixels,
      their tokens unsealed by access/vault.py); `_announcements` what a revision causes
      (partners/announcing.py). Both follow the catalog in `configure`.
    * C: `_identities` (ports.Identities over the warehouse and data/identity-keys).
    * D: `_interpreter`: the actor whose `take` every intake calls; its deliveries are announced by B's.
    * E: `_intakes`: actors that read queues, given `take`; F: `_alarms`, given `report`.

    An actor is added with `self.add(name, run)`; `run(task_status=…)` as actors/kernel.supervise wants it.
    They are started in the order in which they are added, after the catalog, and stop before it.
    """

    def __init__(self, material: Material) -> None:
        self._material = material
        self._actors: list[tuple[str, Callable[..., Awaitable[Any]]]] = []
        self._watchers: list[Callable[[], None]] = []
        self.identities: Identities = self._identities()
        self._reporting()
        self._interpreting()
        self._intakes()
        self._alarms()

    def add(self, name: str, run: Callable[..., Awaitable[Any]]) -> None:
        """An actor to be supervised."""
        self._actors.append((name, run))

    def watch(self, follow: Callable[[], None]) -> None:
        """Called after each change of the catalog; never waits."""
        self._watchers.append(follow)

    # What core.py calls

    def configure(self, *_: object) -> None:
        """The catalog has changed: every part follows. Never waits."""
        for follow in self._watchers:
            follow()

    def post(self, before: Conversion | None, after: Conversion, now_us: int) -> Sequence[Delivery]:
        """The deliveries to pixels that a revision of a conversion causes; called in the ledger's thread."""
        return ()

    def wake(self) -> None:
        """Deliveries were stored; never waits."""

    async def start(self, tree: Tree, nursery: trio.Nursery) -> None:
        """Start every actor; core.py calls it when the catalog is there."""
        for name, run in self._actors:
            await nursery.start(supervise, tree, name, run)

    # What operations, metrics and alarms ask

    def report(self) -> tuple[AccountReport, ...]:
        """How each account is doing, as of the last look; never waits."""
        return ()

    async def resume(self, account_ids: Collection[int]) -> None:
        """Ask these accounts' platforms again at once. Raises Unavailable."""

    def way(self, target: str) -> Way | None:
        """Where events of `pixel:{id}` go now; None for another kind of target."""
        return None

    # A part each

    def _identities(self) -> Identities:
        lookup, keys = self._material.warehouse.lookup_identities, self._material.identity_keys
        return WarehouseIdentities(keys, lookup, thread_runner(2))

    def _reporting(self) -> None:
        """A: the reporter over outbound/platforms.py, B's ways and announcements."""

    def _interpreting(self) -> None:
        """D."""

    def _intakes(self) -> None:
        """E, and D's folder."""

    def _alarms(self) -> None:
        """F."""
