"""The appliance at this moment, from what each part says of itself (System of operations/context.py)."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from appliance import __version__
from appliance.model.health import Health
from appliance.model.holds import Holds
from appliance.model.live import LiveReport
from appliance.model.messages import ActorReport, AddressFileReport
from appliance.model.status import (
    CatalogReport,
    ConsumerReport,
    ConversionsReport,
    EdgeStatus,
    ProcessReport,
    SystemStatus,
    Unknowable,
    WarehouseReport,
)
from appliance.model.usage import CapReport
from appliance.operations.context import WarehouseDoor

CAMPAIGNS_NAMED = 10
UNKNOWABLE_SHOWN = 100


@dataclass
class Parts:
    """Who says what. Each is called for every status and never waits; core.py fills in what there is."""

    catalog: Callable[[], CatalogReport] = CatalogReport
    catalog_loaded: Callable[[], bool] = lambda: False
    edges: Callable[[], Sequence[EdgeStatus]] = tuple
    actors: Callable[[], Sequence[ActorReport]] = tuple
    consumers: list[Callable[[], Sequence[ConsumerReport]]] = field(default_factory=list)
    warehouse: Callable[[], WarehouseReport] = lambda: WarehouseReport(state="opening")
    conversions: Callable[[], ConversionsReport] = ConversionsReport
    processes: Callable[[], Sequence[ProcessReport]] = tuple
    live: Callable[[], LiveReport] = LiveReport
    caps: Callable[[], Sequence[CapReport]] = tuple
    health: Callable[[], Sequence[Health]] = tuple
    geo: Callable[[], Sequence[AddressFileReport]] = tuple
    unknowable: Callable[[], Sequence[Unknowable]] = tuple
    public: str = ""
    """Where tracked links lead: an origin that a visitor can open."""


class Overview:
    """`data` is the directory whose disk matters."""

    def __init__(self, data: Path, parts: Parts, holds: Holds, warehouse: WarehouseDoor) -> None:
        self.holds = holds
        self.warehouse = warehouse
        self._data = data
        self._parts = parts
        self._started_us = _now_us()

    @property
    def public(self) -> str:
        return self._parts.public

    def status(self) -> SystemStatus:
        parts = self._parts
        free = _disk_free(self._data)
        edges = tuple(msgspec.structs.replace(edge, disk_free_bytes=free) for edge in parts.edges())
        now = _now_us()
        consumers = tuple(_measured(report, edges, now) for tell in parts.consumers for report in tell())
        conversions = parts.conversions()
        warehouse, actors = parts.warehouse(), tuple(parts.actors())
        geo, unknowable = tuple(parts.geo()), self.unknowable()
        problems = tuple(_problems(parts.catalog_loaded(), edges))
        return SystemStatus(
            version=__version__,
            at_us=now,
            started_us=self._started_us,
            ready=not problems,
            problems=problems,
            degraded=(
                *_degraded(edges, consumers, warehouse, conversions, actors),
                *_in_the_dark(geo, edges, unknowable),
            ),
            catalog=parts.catalog(),
            warehouse=warehouse,
            edges=edges,
            consumers=consumers,
            conversions=conversions,
            actors=actors,
            holds=self.holds.all(),
            processes=tuple(parts.processes()),
            live=parts.live(),
            caps=tuple(parts.caps()),
            health=tuple(parts.health()),
            rss_bytes=_resident_bytes(),
            disk_free_bytes=free,
            geo=geo,
            unknowable=tuple(unknowable[:UNKNOWABLE_SHOWN]),
        )

    def unknowable(self) -> Sequence[Unknowable]:
        return self._parts.unknowable()


def _measured(report: ConsumerReport, edges: Sequence[EdgeStatus], now_us: int) -> ConsumerReport:
    """How many events a consumer is behind, where its edge writes the very segment that it reads.

    A consumer that is held, or whose warehouse is away, reads nothing and cannot know by itself.
    """
    for edge in edges:
        if edge.edge != report.edge or edge.report is None or edge.report.journal.epoch != report.epoch:
            continue
        if not report.seq:  # nothing of this segment was ever taken, and its first number is not known here
            break
        behind = max(0, edge.report.journal.last_seq - report.seq)
        seconds = report.behind_seconds
        if behind and not seconds and report.caught_up_us:
            seconds = max(0, now_us - report.caught_up_us) / 1e6
        return msgspec.structs.replace(report, behind=behind, behind_seconds=seconds if behind else 0.0)
    return report


def _problems(loaded: bool, edges: Sequence[EdgeStatus]) -> list[str]:
    """Why the appliance does not do its work."""
    found = []
    if not loaded:
        found.append("catalog: not loaded yet")
    if not any(edge.connected and edge.report is not None and edge.report.ready for edge in edges):
        found.append("edges: none is connected and ready")
    return found


def _degraded(
    edges: Sequence[EdgeStatus],
    consumers: Sequence[ConsumerReport],
    warehouse: WarehouseReport,
    conversions: ConversionsReport,
    actors: Sequence[ActorReport],
) -> list[str]:
    """What an operator should look at while the work goes on."""
    found = []
    for edge in edges:
        if not edge.connected:
            found.append(f"edge {edge.edge}: not connected")
        if edge.refused:
            found.append(f"edge {edge.edge}: keeps an older routing table: {edge.refused}")
        if edge.report is not None:
            journal = edge.report.journal
            if journal.mode != "recording":
                found.append(f"edge {edge.edge}: journal is in mode {journal.mode}: {journal.last_error}")
            if journal.unrecorded:
                found.append(f"edge {edge.edge}: {journal.unrecorded} events unrecorded")
    if warehouse.state != "up":
        found.append(f"warehouse: {warehouse.state}: {warehouse.last_error}".rstrip(": "))
    if warehouse.rows_set_aside:
        found.append(f"warehouse: {warehouse.rows_set_aside} rows set aside; see ingestion_errors.list")
    if conversions.figures.get("entries_missing"):
        found.append(f"conversions: {conversions.figures['entries_missing']} journal entries are unreadable")
    found += [f"{c.consumer} of edge {c.edge}: held by an operator" for c in consumers if c.held]
    found += [f"{c.consumer} of edge {c.edge}: {c.last_error}" for c in consumers if c.last_error]
    found += [
        f"actor {actor.name}: {actor.state}: {actor.last_error}".rstrip(": ")
        for actor in actors
        if actor.state not in ("running", "stopped")
    ]
    return found


def _in_the_dark(
    geo: Sequence[AddressFileReport], edges: Sequence[EdgeStatus], unknowable: Sequence[Unknowable]
) -> list[str]:
    """Databases of addresses that are not read, and rules that would need one."""
    reports = [*geo, *(file for edge in edges if edge.report for file in edge.report.geo)]
    found = [
        f"addresses: {path}: {error}"
        for path, error in dict.fromkeys((r.path, r.error) for r in reports)
        if error
    ]
    campaigns: dict[int, set[str]] = {}
    for each in unknowable:
        campaigns.setdefault(each.campaign_id, set()).update(each.facts)
    for number, facts in list(campaigns.items())[:CAMPAIGNS_NAMED]:
        found.append(
            f"campaign {number}: its rules ask for {', '.join(sorted(facts))}, which no database of addresses"
            " here tells"
        )
    if len(campaigns) > CAMPAIGNS_NAMED:
        found.append(f"{len(campaigns) - CAMPAIGNS_NAMED} more campaigns ask for what cannot be known")
    return found


def _now_us() -> int:
    return time.time_ns() // 1_000


def _disk_free(data: Path) -> int:
    try:
        found = os.statvfs(data)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()
