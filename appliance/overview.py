"""The appliance at this moment, from what each part says of itself (System of operations/context.py)."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from appliance import __version__, degraded
from appliance.model.catalog import NamedList
from appliance.model.deliveries import DeliveriesReport
from appliance.model.doctor import Finding
from appliance.model.health import Health
from appliance.model.holds import Holds
from appliance.model.interpreted import IntakeReport, InterpreterReport
from appliance.model.live import LiveReport
from appliance.model.messages import ActorReport, AddressFileReport
from appliance.model.platforms import AccountReport
from appliance.model.status import (
    AlertsReport,
    CatalogReport,
    ConsumerReport,
    ConversionsReport,
    EdgeStatus,
    ProcessReport,
    QueryReport,
    QueueReport,
    RecentReport,
    SystemStatus,
    Unknowable,
    UpkeepReport,
    WarehouseReport,
)
from appliance.model.usage import CapReport
from appliance.operations.context import WarehouseDoor

UNKNOWABLE_SHOWN = 100
LISTS_EVERY = 10.0
"""Seconds between two looks for the files of named lists."""


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
    deliveries: Callable[[], DeliveriesReport] = DeliveriesReport
    unknowable: Callable[[], Sequence[Unknowable]] = tuple
    findings: Callable[[], Sequence[Finding]] = tuple
    faults: dict[str, Callable[[], str]] = field(default_factory=dict)
    """What waits for something → why; "" while it does not."""
    lists: Callable[[], Sequence[NamedList]] = tuple
    has_list: Callable[[str], bool] = lambda digest: True
    """Whether the file of a list's entries is there."""
    queues: Callable[[], Sequence[QueueReport]] = tuple
    accounts: Callable[[], Sequence[AccountReport]] = tuple
    intakes: Callable[[], Sequence[IntakeReport]] = tuple
    interpreter: Callable[[], InterpreterReport | None] = lambda: None
    queries: Callable[[], Sequence[QueryReport]] = tuple
    upkeep: Callable[[], UpkeepReport] = UpkeepReport
    recent: Callable[[], RecentReport] = RecentReport
    alerts: Callable[[], AlertsReport] = AlertsReport
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
        self._gone_lists: frozenset[str] = frozenset()
        self._looked_for_lists = -LISTS_EVERY

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
        self._look_for_lists()
        warehouse, actors = parts.warehouse(), tuple(parts.actors())
        deliveries, intakes = parts.deliveries(), tuple(parts.intakes())
        geo, unknowable = tuple(parts.geo()), self.unknowable()
        problems = tuple(degraded.problems(parts.catalog_loaded(), edges))
        caps, health = tuple(parts.caps()), tuple(parts.health())
        return SystemStatus(
            version=__version__,
            at_us=now,
            started_us=self._started_us,
            ready=not problems,
            problems=problems,
            degraded=(
                *degraded.at_work(edges, consumers, warehouse, conversions, actors),
                *(f"{what}: {fault}" for what, tell in parts.faults.items() if (fault := tell())),
                *degraded.destinations(caps, health),
                *degraded.lists(parts.lists(), self._gone_lists, edges),
                *degraded.undelivered(deliveries),
                *degraded.unread(intakes),
                *degraded.diagnosed(parts.findings(), now),
                *degraded.in_the_dark(geo, edges, unknowable),
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
            caps=caps,
            health=health,
            rss_bytes=_resident_bytes(),
            disk_free_bytes=free,
            geo=geo,
            deliveries=deliveries,
            unknowable=tuple(unknowable[:UNKNOWABLE_SHOWN]),
            queues=tuple(parts.queues()),
            accounts=tuple(parts.accounts()),
            intakes=intakes,
            interpreter=parts.interpreter(),
            queries=tuple(parts.queries()),
            upkeep=parts.upkeep(),
            recent=parts.recent(),
            alerts=parts.alerts(),
        )

    def _look_for_lists(self) -> None:
        """Ten thousand lists would be 20 ms: not for every status."""
        now = time.monotonic()
        if now - self._looked_for_lists >= LISTS_EVERY:
            self._looked_for_lists = now
            has = self._parts.has_list
            digests = {each.digest for each in self._parts.lists() if each.digest and not each.archived}
            self._gone_lists = frozenset(digest for digest in digests if not has(digest))

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
