"""What `system.status`, /metrics and /readyz show: values handed out by actors, never the actors."""

from __future__ import annotations

from msgspec import Struct

from appliance.model.alerts import Alert, Channel
from appliance.model.deliveries import DeliveriesReport
from appliance.model.health import Health
from appliance.model.interpreted import IntakeReport, InterpreterReport
from appliance.model.live import LiveReport
from appliance.model.messages import ActorReport, AddressFileReport, EdgeReport
from appliance.model.platforms import AccountReport
from appliance.model.usage import CapReport


class ConsumerReport(Struct, frozen=True, kw_only=True):
    """How far one consumer is in one edge's journal (`edge` -1 is the core's own outbox).

    `behind` is the number of events not yet taken, or -1 when it is not known; `behind_seconds` the age of
    the oldest of them, 0 when there is none. `caught_up_us` is when nothing was left the last time, 0 when
    that is not known.
    """

    consumer: str
    edge: int
    epoch: int
    seq: int
    behind: int = -1
    behind_seconds: float = 0.0
    taken: int = 0
    held: bool = False
    last_error: str = ""
    caught_up_us: int = 0


class WarehouseReport(Struct, frozen=True, kw_only=True):
    """The reports' database: `state` is opening, up or down."""

    state: str
    engine: str = ""
    rows_shipped: int = 0
    rows_set_aside: int = 0
    last_error: str = ""


class ConversionsReport(Struct, frozen=True, kw_only=True):
    """Counts since the core started, by outcome (conversion, duplicate, waiting, click_unknown, refused).

    `figures` is everything else that is counted or full: clicks read, lookups, pauses, the ledger's outbox.
    """

    outcomes: dict[str, int] = {}
    waiting: int = 0
    figures: dict[str, int] = {}
    last_error: str = ""


class EdgeStatus(Struct, frozen=True, kw_only=True):
    """One edge as the core knows it; `report` is its last one, also after it went away.

    `behind_revisions` is how many catalog revisions it has yet to take.
    """

    edge: int
    connected: bool
    connections: int
    taken_revision: int
    behind_revisions: int
    report_age_seconds: float
    refused: str = ""
    report: EdgeReport | None = None
    disk_free_bytes: int = 0


class CatalogReport(Struct, frozen=True, kw_only=True):
    """The catalog in memory: entities that are not archived, by kind, and the compiled table."""

    revision: int = 0
    compiled_us: int = 0
    parts: int = 0
    entities: dict[str, int] = {}


class ProcessReport(Struct, frozen=True, kw_only=True):
    """One process of the appliance as its parent sees it, the parent itself first.

    `state` is running, starting or down; `last_error` says how the one before it ended, if it fell.
    """

    name: str
    pid: int
    state: str
    restarts: int = 0
    last_error: str = ""


class Unknowable(Struct, frozen=True, kw_only=True):
    """A stream's rules ask for facts that no database of addresses here tells: such a test matches nobody."""

    campaign_id: int
    stream_id: int
    facts: tuple[str, ...]


class QueueReport(Struct, frozen=True, kw_only=True):
    """A target's deliveries: how many wait, since when the oldest does, how many were given up.

    `late_us`: since when something waits that should be gone, 0 for nothing; a delay that its target asks for
    is not late.
    """

    name: str
    depth: int
    oldest_us: int = 0
    dead: int = 0
    late_us: int = 0


QUERY_BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
"""Seconds: the upper ends of the buckets of QueryReport."""


class QueryReport(Struct, frozen=True, kw_only=True):
    """Statements of one kind on the warehouse since the core started. `buckets`: how many took no longer
    than each of QUERY_BOUNDS."""

    kind: str
    count: int
    seconds: float
    buckets: tuple[int, ...]
    failed: int = 0


class UpkeepReport(Struct, frozen=True, kw_only=True):
    """OPTIMIZE since the core started: rows of the partitions before and after, and the last run."""

    runs: int = 0
    partitions: int = 0
    rows_before: int = 0
    rows_after: int = 0
    seconds: float = 0.0
    last_us: int = 0
    last_seconds: float = 0.0
    last_error: str = ""


class RecentReport(Struct, frozen=True, kw_only=True):
    """The last minutes. A figure with nothing to divide is None, or not there.

    `error_ratios`: shares from 0 to 1 of what ended in the last minutes, by what ended (`account:3`);
    `ended`: of how many; `labels`: of each, how many of the failed ones bear which. `lost`: events that an
    edge (`edge 0`) could not write down. `unreconciled`: events of which an account's platform said that it
    received fewer than it was sent.
    """

    conversions_per_minute: float | None = None
    error_ratios: dict[str, float] = {}
    ended: dict[str, int] = {}
    labels: dict[str, dict[str, int]] = {}
    lost: dict[str, int] = {}
    unreconciled: dict[str, int] = {}


class AlertsReport(Struct, frozen=True, kw_only=True):
    """Open alerts, the newest first, 50 at most, and the ways in which somebody is told of them."""

    open: tuple[Alert, ...] = ()
    kinds: dict[str, int] = {}
    """How many are open, of all of them, by kind."""
    opened: int = 0
    """Since the core started."""
    channels: tuple[Channel, ...] = ()
    last_error: str = ""


class SystemStatus(Struct, frozen=True, kw_only=True):
    """The whole appliance at one moment. `problems` makes it not ready, `degraded` does not."""

    version: str
    at_us: int
    started_us: int
    ready: bool
    problems: tuple[str, ...]
    degraded: tuple[str, ...]
    catalog: CatalogReport
    warehouse: WarehouseReport
    edges: tuple[EdgeStatus, ...]
    consumers: tuple[ConsumerReport, ...]
    conversions: ConversionsReport
    actors: tuple[ActorReport, ...]
    holds: tuple[tuple[int, str], ...]
    processes: tuple[ProcessReport, ...] = ()
    live: LiveReport = LiveReport()
    caps: tuple[CapReport, ...] = ()
    health: tuple[Health, ...] = ()
    rss_bytes: int = 0
    disk_free_bytes: int = 0
    geo: tuple[AddressFileReport, ...] = ()
    deliveries: DeliveriesReport = DeliveriesReport()
    unknowable: tuple[Unknowable, ...] = ()
    """The first hundred; campaigns.warnings has them all."""
    queues: tuple[QueueReport, ...] = ()
    accounts: tuple[AccountReport, ...] = ()
    intakes: tuple[IntakeReport, ...] = ()
    interpreter: InterpreterReport | None = None
    queries: tuple[QueryReport, ...] = ()
    upkeep: UpkeepReport = UpkeepReport()
    recent: RecentReport = RecentReport()
    alerts: AlertsReport = AlertsReport()
