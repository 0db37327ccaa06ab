"""Reporting to ad platforms, put together: who goes where, who the visitors were, the reporter, the intakes.

Built by core.py once its stores are open; each part is built by a method of its own.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from appliance.access.vault import Vault
from appliance.actors.catalog import CatalogActor
from appliance.actors.conversions import Limits as Bounds
from appliance.actors.feeds import Feeds
from appliance.actors.intake_folder import FolderIntake
from appliance.actors.intakes import FILTER, Intakes
from appliance.actors.interpreted_tail import InterpretedTail
from appliance.actors.interpreter import Interpreter
from appliance.actors.kernel import Tree, supervise, thread_runner
from appliance.actors.reporter import Reporter
from appliance.config import Settings
from appliance.model.catalog import AdAccount, Layout, Network, Pixel, Subscription
from appliance.model.conversions import Conversion
from appliance.model.deliveries import Delivery
from appliance.model.platforms import AccountReport, AccountState
from appliance.operations.platform_desk import Tried
from appliance.outbound.guard import Fetch
from appliance.outbound.platforms import PlatformDoor
from appliance.outbound.trials import try_out
from appliance.overview import Parts
from appliance.partners.announcing import Announcements
from appliance.partners.consent import Defaults
from appliance.partners.feeds import Feed, counted, feeds_of
from appliance.partners.making import together
from appliance.partners.platform import DAY
from appliance.partners.report import Identity
from appliance.partners.roster import PLATFORMS
from appliance.partners.subscribing import Subscriptions
from appliance.partners.wayfinding import Ways
from appliance.partners.ways import Way, account_target
from appliance.ports import Identities
from appliance.stores.event_folder import EventFolder
from appliance.stores.feeds import FeedShelf
from appliance.stores.identities import WarehouseIdentities
from appliance.stores.identity_keys import IdentityKeys
from appliance.stores.journal.tails import Tails
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.interpreted import SqliteInterpreted
from appliance.stores.sqlite.ledger import SqliteLedger
from appliance.stores.warehouse import Warehouse

log = logging.getLogger("weir.platforms")
KEYS_DAYS = 9
"""A key that nothing was heard of for so long is older than its window, whatever comes."""
BATCHES_DAYS = 15
"""Longer than a queue keeps a message."""
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
    interpreted: SqliteInterpreted
    fetch: Fetch
    now_us: Callable[[], int]
    older_secrets: Sequence[bytes] = ()
    """Those that the installation had before: they open what they sealed."""


class AdPlatforms:
    """One of it in a core.

    `ways` says where a target's events go, out of the catalog's accounts and pixels, with their tokens opened
    by the vault; `announcements` what a revision and an interpreted event cause; `identities` who the
    visitors were; `reporter` and `feeds` tell the platforms; `interpreter` takes what every intake brings.
    Actors are started in the order in which they are added, after the catalog, and stop before it.
    """

    def __init__(self, material: Material) -> None:
        self._material = material
        self._actors: list[tuple[str, Callable[..., Awaitable[Any]]]] = []
        self._watchers: list[Callable[[], None]] = []
        self.identities: Identities = self._identities()
        section = material.settings.consent
        self.vault = Vault(material.secret, material.older_secrets, os.urandom)
        self.ways = Ways(self.vault.open)
        self.announcements = Announcements(
            Defaults(
                limited=section.limited_countries,
                denied=section.denied_countries,
                elsewhere=section.elsewhere,
            )
        )
        self._feeds_there: Sequence[Feed] = ()
        self.watch(self._announcing)
        self._sweeping = thread_runner(1)
        self._asking = thread_runner(1)
        self._reporting()
        self._interpreting()
        self._intakes()

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
        return self.announcements.post(before, after, now_us)

    def beside(self, others: Announce) -> Announce:
        """`post`, after those of others."""
        return lambda before, after, now_us: [
            *others(before, after, now_us),
            *self.post(before, after, now_us),
        ]

    def waking(self, others: Callable[[], None]) -> Callable[[], None]:
        """`wake`, after others."""

        def wake() -> None:
            others()
            self.wake()

        return wake

    def wake(self) -> None:
        """Deliveries were stored; never waits."""
        self.reporter.wake()
        self.feeds.wake()

    async def start(self, tree: Tree, nursery: trio.Nursery) -> None:
        """Start every actor; core.py calls it when the catalog is there."""
        for name, run in self._actors:
            await nursery.start(supervise, tree, name, run)

    def enter(self, parts: Parts) -> None:
        """What the status says of it."""
        parts.accounts = self.report
        parts.intakes, parts.interpreter = self.intakes.reports, self.interpreter.report
        parts.consumers.append(self.events_tail.consumers)
        parts.faults |= {
            "reports": lambda: self.reporter.last_error,
            "feeds": lambda: self.feeds.last_error,
        }

    # What operations, metrics and alarms ask

    def report(self) -> tuple[AccountReport, ...]:
        """How each account is doing, as of the last look; never waits. Those that have no pixel too."""
        found = {each.account_id: each for each in self.reporter.report()}
        for account in self._material.catalog.every(AdAccount):
            if account.id not in found and not account.archived:
                found[account.id] = AccountReport(
                    account_id=account.id,
                    name=account.name,
                    platform=account.platform,
                    target=account_target(account.id),
                    state=_state_of(account),
                    experimental=PLATFORMS[account.platform].experimental,
                    dry_run=account.dry_run,
                )
        for feed in self._feeds_there:
            if feed.account_id in found:
                found[feed.account_id] = counted(found[feed.account_id], feed.targets, self.feeds.counts)
        return tuple(found[id_] for id_ in sorted(found))

    async def resume(self, account_ids: Collection[int]) -> None:
        """Ask these accounts' platforms again at once. Raises Unavailable."""
        await self.reporter.resume([account_target(each) for each in account_ids])

    async def try_out(self, way: Way, events: Sequence[bytes]) -> Tried:
        """What a platform says to events that never happened."""
        return await try_out(self.door, way, events)

    async def conversion(self, id: str) -> Conversion | None:
        """As the ledger knows it. Raises Unavailable."""
        return (await self._asking(self._material.ledger.conversions, [id])).get(id)

    async def visitor(self, click_id: str, sealed: bytes) -> Identity:
        """Who it was, as far as that is still known. Raises Unavailable."""
        own = self.identities.open(sealed) if sealed else Identity()
        clicked = await self.identities.find([click_id]) if click_id else {}
        return together(own, clicked.get(click_id, Identity()))

    def way(self, target: str) -> Way | None:
        """Where events of `pixel:{id}` go now; None for another kind of target."""
        return self.ways.way(target)

    # The parts

    def _identities(self) -> Identities:
        lookup, keys = self._material.warehouse.lookup_identities, self._material.identity_keys
        return WarehouseIdentities(keys, lookup, thread_runner(2))

    def _announcing(self) -> None:
        """Accounts and pixels as they are now."""
        catalog = self._material.catalog
        accounts, pixels = catalog.every(AdAccount), catalog.every(Pixel)
        self.announcements.configure(accounts, pixels, catalog.every(Network))
        if changed := self.ways.configure(accounts, pixels):
            self.reporter.anew(changed)
        self._feeds_there = feeds_of(accounts, pixels)
        self.feeds.wake()

    def _reporting(self) -> None:
        it = self._material
        self.door = PlatformDoor(it.fetch)
        self.reporter = Reporter(
            store=it.outbox,
            send=self.door.send,
            access=self.door,
            ways=self.ways.every,
            identities=self.identities,
            run_blocking=thread_runner(1),
            compute=thread_runner(1),
            now_us=it.now_us,
            draw=random.Random().random,  # noqa: S311  a pause that nobody could gain by guessing
        )
        self.add("reporter", self.reporter.run)
        self.feeds = Feeds(
            store=it.outbox,
            shelf=FeedShelf(it.data),
            wanted=lambda: self._feeds_there,
            run_blocking=thread_runner(1),
            now_us=it.now_us,
        )
        self.add("feeds", self.feeds.run)

    def _interpreting(self) -> None:
        it, run = self._material, thread_runner(1)
        configured = it.settings.intake
        off = {
            FILTER: not configured.filter,
            "trigger": configured.trigger.paused,
            "report": configured.report.paused,
            "folder": configured.folder.paused,
        }
        self.intakes = Intakes(
            it.interpreted, run, it.now_us, [name for name, is_off in off.items() if is_off]
        )
        self.interpreter = Interpreter(
            store=it.interpreted,
            announcer=self.announcements,
            sealer=self.identities,
            intakes=self.intakes,
            run_blocking=run,
            now_us=it.now_us,
            outbox_full=lambda: it.ledger.sizes().outbox_bytes >= Bounds.outbox_bytes,
            held=self._held,
            posted=self.wake,
        )
        self.events_tail = InterpretedTail(
            journals=Tails(it.data),
            shelf=it.interpreted,
            sink=self.interpreter,
            intakes=self.intakes,
            layout=self._layout,
            run_blocking=thread_runner(1),
        )
        self.watch(self._subscribing)
        self.add("interpreter", self.events_tail.run)

    def _subscribing(self) -> None:
        """Subscriptions as they are now, and whose each pixel is."""
        catalog = self._material.catalog
        pixels: dict[int, set[str]] = {}
        for each in catalog.every(Pixel):
            pixels.setdefault(each.ad_account_id, set()).add(each.code)
        self.interpreter.configure(Subscriptions(catalog.every(Subscription)), pixels)

    def _held(self, target: str) -> bool:
        """Nothing of it leaves until somebody does something: what waits for it keeps no other waiting."""
        way = self.way(target)
        paused = self.reporter.standings()
        return way is None or way.held or way.gone or way.account in paused or target in paused

    def _layout(self, network_id: int) -> Layout:
        found = self._material.catalog.lookup("network", network_id)
        return found.layout if isinstance(found, Network) else ""

    async def sweep(self) -> None:
        """Forget interpreted events that are too old to be reported, and batches that nobody repeats."""
        it = self._material
        now = it.now_us()
        before = now - KEYS_DAYS * DAY, now - BATCHES_DAYS * DAY
        while await self._sweeping(it.interpreted.sweep, *before, 2_000):
            pass

    def _intakes(self) -> None:
        """The watched folder; Amazon's queues are added by cloud.py, where they are configured."""
        folder = self._material.settings.intake.folder.path
        if folder:
            path = self._material.data / folder
            self.folder = FolderIntake(
                files=EventFolder(path),
                where=str(path),
                sink=self.interpreter,
                intakes=self.intakes,
                run_blocking=thread_runner(1),
                now_us=self._material.now_us,
            )
            self.add("intake_folder", self.folder.run)


def _state_of(account: AdAccount) -> AccountState:
    """Of one that has no pixel."""
    if account.status == "paused":
        return "held"
    return "dry_run" if account.dry_run else "sending"
