"""The core's composition root: stores ⊃ publisher ⊃ conversions ⊃ link ⊃ catalog ⊃ doors.

Nesting is the stop order: the doors close first, the catalog answers what it was asked, the link lets the
edges go, conversions finishes its pass (the rest waits in the journals), the publisher ships what it can
within its share, and the stores close last.
"""

from __future__ import annotations

import functools
import gc
import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import trio

from appliance import cloud, geography, unix
from appliance.access.codes import DIGITS
from appliance.access.sessions import key_for
from appliance.actors.cap_poller import CapPoller
from appliance.actors.catalog import CatalogActor
from appliance.actors.catalog_desk import CatalogDesk
from appliance.actors.closings import Closings
from appliance.actors.conversions import Conversions
from appliance.actors.conversions_entries import Entries
from appliance.actors.converted import ConvertedFeed
from appliance.actors.core_link import CompiledTable, CoreLink
from appliance.actors.doctor import DoctorActor
from appliance.actors.healthcheck import Healthcheck
from appliance.actors.identity import Draw, IdentityActor, Keys, Policy
from appliance.actors.identity_desk import IdentityDesk
from appliance.actors.janitor import Janitor, keepings
from appliance.actors.kernel import Tree, supervise, thread_runner
from appliance.actors.live import Live
from appliance.actors.optimizer import Optimizer
from appliance.actors.publisher import Publisher
from appliance.actors.ranks import Ranks
from appliance.actors.retry import Retry
from appliance.actors.sharing import Sharing
from appliance.addresses import host_port, is_loopback
from appliance.attribution import template
from appliance.attribution.doctor import Register
from appliance.call_door import CallDoor
from appliance.control import Control
from appliance.datadir import processes
from appliance.degraded import attentive
from appliance.doors import DOORS_SHARE, AdminPort, say_stage, serve_doors
from appliance.http.admin.app import create_app
from appliance.http.admin.gate import Rules
from appliance.http.admin.server import READ_SECONDS, AdminServer
from appliance.inbox import Inbox
from appliance.known import Known, routing_settings
from appliance.lanes import Costs, DeliveryLane, Lookups, RateLane, WarehouseLock, sweep_lists
from appliance.logs import mask
from appliance.model.catalog import Destination
from appliance.model.conversions import SettledRecord
from appliance.model.holds import Holds
from appliance.model.memory import ConvertedTaken, Lessons, Remembering, TaughtTaken
from appliance.model.messages import Spending
from appliance.model.status import WarehouseReport
from appliance.model.table import Part
from appliance.operations import demo, registry
from appliance.operations.context import Caller, Context
from appliance.operations.scope import ScopedCatalog
from appliance.outbound.guard import Fetch, Guard
from appliance.outbound.mail import post_of
from appliance.outbound.postbacks import Postbacks
from appliance.overview import Overview, Parts
from appliance.partners.postback import Postings
from appliance.platforms import AdPlatforms, Material
from appliance.ports import CORE
from appliance.report_slots import ReportSlots
from appliance.routing.detection import Detection
from appliance.stores.identity_keys import IdentityKeys
from appliance.stores.installation import ClaimInDirectory, older_secrets, secret
from appliance.stores.journal.lives import Lives
from appliance.stores.journal.newest import NewestEntries
from appliance.stores.journal.tails import Tails
from appliance.stores.lists import ListFiles, Lists
from appliance.stores.memory import needed_by_memory
from appliance.stores.shipping_logs import JournalLogs, OutboxLogs
from appliance.stores.sqlite.alerts import SqliteAlerts
from appliance.stores.sqlite.caps import SqliteUsage
from appliance.stores.sqlite.catalog import SqliteCatalog
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.doctor import SqliteDoctor
from appliance.stores.sqlite.identity import SqliteIdentity
from appliance.stores.sqlite.interpreted import SqliteInterpreted
from appliance.stores.sqlite.ledger import SqliteLedger
from appliance.stores.sqlite.rates import SqliteRates
from appliance.stores.sqlite.shipping import ShippingFile
from appliance.stores.table_files import TableFiles
from appliance.stores.warehouse import Warehouse
from appliance.watching import watch_over
from appliance.workbench import Workbench

log = logging.getLogger("weir.core")
# Of stop_seconds: what the last shipping may take. The rest waits in the journals for the next start.
_SHIPPING_SHARE = 0.35


def _warehouse_report(warehouse: Warehouse, publisher: Publisher) -> WarehouseReport:
    report = warehouse.report()
    return msgspec.structs.replace(
        report,
        rows_shipped=publisher.rows_shipped,
        rows_set_aside=publisher.rows_set_aside,
        last_error=report.last_error or publisher.last_error,
    )


async def main(control: Control) -> None:
    """Run the core until told to stop."""
    settings = control.settings
    data, run = Path(settings.data), Path(settings.data) / "run"
    grace = settings.stop_seconds * DOORS_SHARE
    tree, holds, parts = Tree(), Holds(), Parts()
    parts.actors, parts.processes = tree.report, functools.partial(processes, data)
    parts.public = demo.origin(settings.public.bind, settings.public.domain)
    admin_port = AdminPort(settings.admin.bind)
    files = thread_runner(1)
    open_here = is_loopback(host_port(settings.admin.bind)[0])
    secret_path = Path(settings.secret_file or data / "secret")
    own_secret = await files(secret, secret_path, open_here)
    keys = Keys.of(own_secret)

    with (
        closing(await files(SqliteCatalog, data / "catalog.db")) as catalog_store,
        closing(await files(SqliteLedger, data / "ledger.db", _now_ms)) as ledger,
        closing(await files(SqliteDeliveries, data / "ledger.db")) as outbox,
        closing(await files(SqliteInterpreted, data / "ledger.db", ledger)) as interpreted,
        closing(await files(SqliteRates, data / "ledger.db")) as rates,
        closing(await files(SqliteDoctor, data / "ledger.db")) as findings,
        closing(await files(SqliteAlerts, data / "ledger.db")) as alert_store,
        closing(await files(ShippingFile, data / "shipping.db")) as shipping,
        closing(await files(SqliteIdentity, data / "identity.db")) as identity_store,
        closing(await files(SqliteUsage, data / "caps.db")) as usage,
        closing(Warehouse(settings.warehouse, data)) as warehouse,
    ):
        overview = Overview(data, parts, holds, WarehouseLock(warehouse))
        link = CoreLink(TableFiles(data), thread_runner(1), settings.edges)
        sharing = Sharing(_now_ms(), link.say, _now_us)
        link.hear(Remembering, sharing.remembering)
        link.hear(Lessons, sharing.lessons)
        link.hear(TaughtTaken, sharing.taught_taken)
        converted = ConvertedFeed(ledger.converted, link.say, thread_runner(1))
        link.hear(Remembering, converted.remembering)
        link.hear(ConvertedTaken, converted.taken)
        watchers: list[Callable[[Sequence[Destination]], None]] = []
        catalog = CatalogActor(
            catalog_store,
            thread_runner(1),
            lambda *table: _publish(link, watchers, catalog, *table),
            routing_settings(settings.routing, key_for(own_secret, "landing")),
            template.names,
            _now_us,
            demo.entities() if settings.demo else (),
        )
        closings = Closings(link.say, ("caps", "health"))
        healthcheck = Healthcheck(
            store=ledger,
            fetch=Fetch(Guard(settings.outbound.allow)),
            close=functools.partial(closings.put, "health"),
            run_blocking=thread_runner(1),
            now_us=_now_us,
        )
        cap_poller = CapPoller(
            store=usage,
            journals=Tails(data),
            lives=Lives(data),
            ledger=ledger,
            say=link.say,
            close=functools.partial(closings.put, "caps"),
            run_blocking=thread_runner(1),
            now_us=_now_us,
            currency=settings.routing.currency,
        )
        link.hear(Spending, cap_poller.spending)
        watchers += [cap_poller.configure, healthcheck.configure]
        parts.caps, parts.health = cap_poller.report, healthcheck.health
        parts.catalog, parts.catalog_loaded, parts.edges = catalog.report, catalog.loaded.is_set, link.edges
        detection = Detection()
        geo = geography.watch(settings.geo, data, detection)
        parts.geo = geo.report
        parts.unknowable = lambda: catalog.unknowable(detection.places.known)
        desk = CatalogDesk(catalog.mailbox)
        list_files = await files(ListFiles, data)
        lists = Lists(list_files, thread_runner(1), thread_runner(2))
        workbench = Workbench(list_files.contents, detection, link.said)
        store = settings.warehouse
        reports = ReportSlots(warehouse, store.report_slots, store.export_slots, settings.routing.currency)
        costs = Costs(ledger, cap_poller.stored)
        identity = IdentityActor(
            identity_store,
            ClaimInDirectory(data),
            thread_runner(1),
            desk,
            catalog,
            keys,
            Policy(frozenset(map(str.lower, settings.admin.emails)), settings.admin.local_codes),
            Draw(lambda: f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", lambda: secrets.token_urlsafe(32)),
            _now_us,
        )
        post = post_of(settings.mail, thread_runner(2))
        identities = IdentityDesk(identity.mailbox, identity, post)
        operations = registry.load_all()
        publisher = Publisher(
            sources=(
                JournalLogs(
                    data,
                    lambda *log_: min(by.offset(*log_) for by in (ledger, usage, interpreted)),
                    functools.partial(needed_by_memory, data, settings.edges),
                ),
                OutboxLogs(ledger, functools.partial(usage.offset, CORE)),
            ),
            store=shipping,
            warehouse=warehouse,
            files=thread_runner(1),
            lane=thread_runner(1),
            rotate=functools.partial(_rotate, link),
            holds=holds,
            now_us=_now_us,
            drain_seconds=settings.stop_seconds * _SHIPPING_SHARE,
        )
        known = Known(catalog, settings.routing.currency)
        postbacks = Postbacks(known.target, Fetch(Guard(settings.outbound.allow)), _now_us)
        retry = Retry(
            store=outbox,
            carry=postbacks.carry,
            gate=postbacks.gate,
            run_blocking=thread_runner(1),
            now_us=_now_us,
            draw=random.Random().random,  # noqa: S311  a pause that nobody could gain by guessing
        )
        keep = settings.retention
        identity_keys = IdentityKeys(data, keep.identity_days)
        platforms = AdPlatforms(
            Material(
                settings=settings, data=data, secret=own_secret, catalog=catalog, ledger=ledger,
                outbox=outbox, warehouse=warehouse, identity_keys=identity_keys, interpreted=interpreted,
                fetch=Fetch(Guard(settings.outbound.allow)), now_us=_now_us,
                older_secrets=await files(older_secrets, secret_path),
            )
        )  # fmt: skip
        cloud.attach(platforms, settings, _now_us, overview.status)
        platforms.enter(parts)
        watchers.append(platforms.configure)
        delivery_lane = DeliveryLane(outbox, retry, postbacks.send, platforms.reporter)
        rate_lane = RateLane(rates)
        parts.deliveries = retry.report
        postings = Postings()
        watchers.append(lambda destinations: retry.anew(postings.configure(catalog.targets())))
        live = Live(NewestEntries(data), thread_runner(1), overview.status, _now_us)
        parts.live = live.report
        doctor = DoctorActor(
            store=findings,
            register=Register(known.network, known.template, known.source),
            ask=Lookups(warehouse).ranks,
            attentive=lambda: attentive(link.edges(), conversions.consumers()),
            run_blocking=thread_runner(1),
            now_us=_now_us,
        )
        parts.findings = doctor.findings
        alerts = watch_over(
            settings=settings, store=alert_store, overview=overview, outbox=outbox,
            standings=retry.standings, findings=doctor.findings, post=post,
            fetch=Fetch(Guard(settings.outbound.allow)), hide=mask, now_us=_now_us,
        )  # fmt: skip
        parts.queues, parts.recent, parts.alerts = alerts.queues, alerts.recent, alerts.report
        conversions = Conversions(
            ledger=ledger,
            journals=Tails(data),
            lookup_clicks=Lookups(warehouse).clicks,
            network=known.network,
            template=known.template,
            currency=settings.routing.currency,
            click_wait_hours=settings.postbacks.click_wait_hours,
            held=lambda edge: holds.held(edge, "conversions"),
            broken=lambda edge, epoch, reason: _told(link.rotate(edge, epoch, reason), edge),
            run_blocking=thread_runner(1),
            now_us=_now_us,
            post=platforms.beside(postings.post),
            posted=platforms.waking(retry.wake),
            unit=known.unit,
            rates=rates.now,
            terms=known.terms,
            stored=functools.partial(_stored, live, converted, cap_poller),
            observed=doctor.observed,
        )
        ranks = Ranks(
            catalog.streams,
            Lookups(warehouse).ranks,
            link.say,
            thread_runner(1),
            random.Random(),  # noqa: S311  draws that nobody could gain by guessing
            settings.routing.currency,
            _now_us,
        )
        janitor = Janitor(
            warehouse,
            thread_runner(1),
            keepings(keep.identity_days, keep.clicks_days, keep.postbacks_days),
            _now_us,
            chores=[
                functools.partial(sweep_lists, catalog, lists),
                lambda: delivery_lane.sweep(_now_us() - keep.deliveries_days * 86_400_000_000),
                lambda: files(identity_keys.destroy, _now_us()),
                platforms.sweep,
            ],
        )
        optimizer = Optimizer(
            warehouse, thread_runner(1, abandon=True), store.optimize_hours, _now_us, janitor.turn
        )
        parts.upkeep, parts.queries = optimizer.report, warehouse.queries
        parts.warehouse = functools.partial(_warehouse_report, warehouse, publisher)
        parts.conversions = conversions.report
        parts.lists, parts.has_list = catalog.lists, list_files.has
        parts.faults |= {
            "caps": lambda: cap_poller.last_error,
            "health": lambda: healthcheck.last_error,
            "ranks": lambda: ranks.last_error,
            "retention": lambda: janitor.last_error,
            "doctor": lambda: doctor.last_error,
            "alerts": alerts.fault,
            "optimization": lambda: optimizer.last_error,
        }
        parts.consumers += [publisher.consumers, conversions.consumers, cap_poller.consumers]

        def context(caller: Caller, request_id: str) -> Context:
            seen = ScopedCatalog(desk, caller)
            return Context(
                caller,
                seen,
                reports,
                overview,
                costs,
                request_id,
                live=live,
                identity=identities,
                lists=lists,
                health=healthcheck,
                deliveries=delivery_lane,
                rates=rate_lane,
                doctor=doctor,
                entering=Entries(conversions),
                workbench=workbench,
                inbox=stored,
                alerts=alerts,
                platforms=platforms,
                intakes=platforms.intakes,
                events=platforms.interpreter,
            )

        stored = Inbox(ledger, conversions, int(settings.postbacks.click_wait_hours * 3_600_000_000))
        call_door = CallDoor(operations, context)
        app = create_app(operations, context, overview, Rules.of(settings.admin), identity.authenticate)
        # A report that takes its time sends no byte meanwhile.
        patience = max(READ_SECONDS, settings.warehouse.query_seconds + 10)
        admin = AdminServer(app, grace, read_seconds=patience)

        # What is there now stays; what events allocate dies by its reference count: looking for the rest
        # took a sixth of a core that reported them.
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        async with trio.open_nursery() as shipping_nursery:
            await shipping_nursery.start(supervise, tree, "publisher", publisher.run, publisher.mailbox)
            async with trio.open_nursery() as converting:
                async with trio.open_nursery() as linking:
                    accept_edges = functools.partial(link.serve, lambda: unix.listen(run / "link.sock"))
                    await linking.start(supervise, tree, "geo", geo.run)
                    await linking.start(supervise, tree, "link", accept_edges)
                    await linking.start(supervise, tree, "converted", converted.run)
                    await linking.start(supervise, tree, "janitor", janitor.run)
                    await linking.start(supervise, tree, "optimization", optimizer.run)
                    async with trio.open_nursery() as cataloguing:
                        await cataloguing.start(supervise, tree, "catalog", catalog.run, catalog.mailbox)
                        # Not before the catalog is there: a postback read without its network's template
                        # would be understood by the default names. It still outlives the catalog.
                        await converting.start(supervise, tree, "conversions", conversions.run)
                        # Neither these: without a destination's caps and probe it would be open.
                        await linking.start(supervise, tree, "cap_poller", cap_poller.run)
                        await linking.start(supervise, tree, "healthcheck", healthcheck.run)
                        # Nor this: it would take a network for one that is gone.
                        await linking.start(supervise, tree, "doctor", doctor.run)
                        # Without streams it would say that none is ranked.
                        await linking.start(supervise, tree, "ranks", ranks.run)
                        # Nor this: without its target a delivery would be given up.
                        await linking.start(supervise, tree, "retry", retry.run)
                        await platforms.start(tree, linking)
                        await linking.start(supervise, tree, "alerts", alerts.run)
                        await cataloguing.start(supervise, tree, "identity", identity.run, identity.mailbox)
                        await serve_doors(control, tree, desk, identity, live, call_door, admin, admin_port)
                        began = time.monotonic()
                        identity.mailbox.close()
                        catalog.mailbox.close()
                    linking.cancel_scope.cancel()
                began = say_stage(control, "catalog and link closed", began)
                conversions.stop()
            began = say_stage(control, "conversions settled", began)
            publisher.mailbox.close()
        began = say_stage(control, "journals shipped", began)
    say_stage(control, "stores closed", began)


async def _rotate(link: CoreLink, edge: int, epoch: int, reason: str) -> None:
    await trio.lowlevel.checkpoint()
    _told(link.rotate(edge, epoch, reason), edge)


def _told(sent: bool, edge: int) -> None:
    """The publisher asks again until the damaged segment is left, so a missing edge is only worth a line."""
    if not sent:
        log.warning("a journal is damaged and its edge is not connected", extra={"edge": edge})


def _stored(live: Live, converted: ConvertedFeed, caps: CapPoller, records: Sequence[SettledRecord]) -> None:
    caps.stored()
    live.offer(records)
    converted.stored()


def _publish(
    link: CoreLink,
    watchers: Sequence[Callable[[Sequence[Destination]], None]],
    catalog: CatalogActor,
    revision: int,
    compiled_us: int,
    parts: Mapping[str, Part],
) -> None:
    destinations = catalog.destinations()
    for watch in watchers:
        watch(destinations)
    link.publish(CompiledTable(revision, compiled_us, parts))


def _now_us() -> int:
    return time.time_ns() // 1_000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
