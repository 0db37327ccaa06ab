"""The core's composition root: stores ⊃ publisher ⊃ conversions ⊃ link ⊃ catalog ⊃ doors.

Nesting is the stop order: the doors close first, the catalog answers what it was asked, the link lets the
edges go, conversions and the publisher finish what is in the journals, and the stores close last.
"""

from __future__ import annotations

import functools
import logging
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import trio

from appliance import unix
from appliance.actors.catalog import CatalogActor, CatalogDesk
from appliance.actors.core_link import CompiledTable, CoreLink
from appliance.actors.kernel import Tree, supervise, thread_runner
from appliance.attribution import template
from appliance.call_door import CallDoor
from appliance.config import Routing, Settings, host_port
from appliance.control import Control
from appliance.errors import ConfigError, FieldProblem, Missing, Unavailable
from appliance.http.admin.app import create_app
from appliance.http.admin.server import AdminServer, listen
from appliance.listening import shown_address
from appliance.model.catalog import Campaign
from appliance.model.holds import Holds
from appliance.model.table import Part, SettingsEntry
from appliance.operations import demo, registry
from appliance.operations.context import Caller, Context
from appliance.overview import Overview, Parts
from appliance.routing.macros import check_url
from appliance.stores.sqlite.catalog import SqliteCatalog
from appliance.stores.table_files import TableFiles

log = logging.getLogger("weir.core")
# Of stop_seconds: what requests in flight at the doors may take. The rest of the core's 60 % is for shipping.
_DOORS_SHARE = 0.1


class _NoReports:
    """Stands in until the warehouse is wired."""

    async def rows(self, sql: str, params: Mapping[str, object]) -> list[dict[str, object]]:
        raise Unavailable("the warehouse is not there")


async def main(control: Control) -> None:
    """Run the core until told to stop."""
    settings = control.settings
    data, run = Path(settings.data), Path(settings.data) / "run"
    grace = settings.stop_seconds * _DOORS_SHARE
    tree, holds, parts = Tree(), Holds(), Parts()
    parts.actors = tree.report
    overview = Overview(data, parts, holds)
    admin_port = _AdminPort(settings.admin.bind)

    with closing(await thread_runner(1)(SqliteCatalog, data / "catalog.db")) as catalog_store:
        # (C, D) shipping.db, the ledger and the warehouse open here.
        link = CoreLink(TableFiles(data), thread_runner(1))
        catalog = CatalogActor(
            catalog_store,
            thread_runner(1),
            functools.partial(_publish, link),
            routing_settings(settings.routing),
            template.names,
            _now_us,
            demo.entities() if settings.demo else (),
        )
        parts.catalog, parts.catalog_loaded, parts.edges = catalog.report, catalog.loaded.is_set, link.edges
        desk, reports, operations = CatalogDesk(catalog.mailbox), _NoReports(), registry.load_all()

        def context(caller: Caller, request_id: str) -> Context:
            return Context(caller, desk, reports, overview, request_id)

        call_door = CallDoor(operations, context)
        admin = AdminServer(create_app(operations, context, overview), grace)

        # (C) the publisher's nursery stands here, around (D) that of conversions, around the link's.
        async with trio.open_nursery() as linking:
            accept_edges = functools.partial(link.serve, lambda: unix.listen(run / "link.sock"))
            await linking.start(supervise, tree, "link", accept_edges)
            async with trio.open_nursery() as cataloguing:
                await cataloguing.start(supervise, tree, "catalog", catalog.run, catalog.mailbox)
                async with trio.open_nursery() as doors:
                    closed = trio.Event()
                    calls = functools.partial(
                        call_door.serve, lambda: unix.listen(run / "call.sock"), closed, grace
                    )
                    await doors.start(supervise, tree, "call", calls)
                    requests = functools.partial(admin.serve, admin_port.listen, closed)
                    await doors.start(supervise, tree, "admin", requests)
                    lines = await _lines_to_try(desk, settings)
                    control.say({"say": "ready", "admin": admin_port.address, "try": lines})
                    log.info("core ready", extra={"admin": admin_port.address})
                    await control.stop.wait()
                    began = time.monotonic()
                    closed.set()
                began = _say_stage(control, "doors closed", began)
                catalog.mailbox.close()
            linking.cancel_scope.cancel()
        began = _say_stage(control, "catalog and link closed", began)
    _say_stage(control, "stores closed", began)


def routing_settings(section: Routing) -> SettingsEntry:
    """The configuration's part of the routing table. A URL that an edge could not use stays out."""
    url = section.trafficback_url
    problems = check_url(url, "routing.trafficback_url") if url else []
    if problems:
        log.error("routing.trafficback_url is not used", extra={"why": problems[0].message})
        url = ""
    return SettingsEntry(
        trafficback_url=url,
        no_route_status=section.no_route_status,
        no_route_text=section.no_route_text,
        count_bots=section.count_bots,
        currency=section.currency,
        max_trafficback_depth=section.max_trafficback_depth,
    )


class _AdminPort:
    """The admin port's socket. Bound at once, so that a taken port is a clear error; again on a restart."""

    def __init__(self, bind: str) -> None:
        host, port = host_port(bind)
        try:
            self._fresh: socket.socket | None = listen(host, port)
        except OSError as fault:
            why = f"{bind}: {fault.strerror}; is something else listening there?"
            raise ConfigError("cannot open the admin port", [FieldProblem("admin.bind", why)]) from fault
        self._name = self._fresh.getsockname()
        self.address = shown_address(self._fresh)

    def listen(self) -> socket.socket:
        fresh, self._fresh = self._fresh, None
        return fresh or listen(self._name[0], self._name[1])


def _publish(link: CoreLink, revision: int, compiled_us: int, parts: Mapping[str, Part]) -> None:
    link.publish(CompiledTable(revision, compiled_us, parts))


async def _lines_to_try(desk: CatalogDesk, settings: Settings) -> list[str]:
    """What a person may type next, while the demo campaign is there."""
    try:
        campaign = await desk.get("campaign", demo.SLUG)
    except Missing:
        return []
    usable = isinstance(campaign, Campaign) and campaign.status == "active"
    return demo.lines_to_try(settings.public.bind, settings.data) if usable else []


def _say_stage(control: Control, name: str, began: float) -> float:
    """Tell the parent how long a stage of the stop took; returns when the next one begins."""
    now = time.monotonic()
    control.say({"say": "stage", "name": name, "seconds": round(now - began, 3)})
    return now


def _now_us() -> int:
    return time.time_ns() // 1_000
