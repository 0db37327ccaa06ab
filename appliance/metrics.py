"""SystemStatus → Prometheus text exposition (version 0.0.4). Pure: values in, text out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from appliance.metrics_reporting import reporting
from appliance.model.deliveries import DeliveriesReport
from appliance.model.health import Health
from appliance.model.live import LiveReport
from appliance.model.messages import ActorReport, EdgeReport
from appliance.model.status import ConsumerReport, EdgeStatus, SystemStatus
from appliance.model.usage import CapReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_LABELS = 200
"""Values of a label that come from outside; a scrape must not grow with what visitors send."""


class Exposition:
    """Collects samples family by family; `text` puts each family's HELP and TYPE before its samples."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, list[str]]] = {}

    def add(self, kind: str, name: str, words: str, value: float, /, **labels: object) -> None:
        """One sample. `kind` is gauge or counter; the name gets the prefix `weir_`."""
        family = name
        if kind == "histogram":
            family = re.sub("_(bucket|sum|count)$", "", name)
        _, _, samples = self._families.setdefault(f"weir_{family}", (kind, words, []))
        shown = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in labels.items())
        samples.append(f"weir_{name}{'{' + shown + '}' if shown else ''} {_number(value)}")

    def seeds(self, kind: str, name: str, words: str, value: float) -> None:
        """One with a name that others have given it: no prefix."""
        self._families[name] = (kind, words, [f"{name} {_number(value)}"])

    def text(self) -> str:
        lines = []
        for name, (kind, words, samples) in self._families.items():
            lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}", *samples]
        return "\n".join(lines) + "\n"


def exposition(status: SystemStatus) -> str:
    """Everything worth a graph or an alarm."""
    out = Exposition()
    out.add("gauge", "info", "Version of this appliance.", 1, version=status.version)
    out.add("gauge", "ready", "1 when the appliance does its work.", status.ready)
    out.add("gauge", "problems", "Reasons for not being ready.", len(status.problems))
    out.add("gauge", "degraded", "Things an operator should look at.", len(status.degraded))
    out.add("gauge", "start_time_seconds", "When the core started, unix time.", status.started_us / 1e6)
    out.add("gauge", "core_resident_bytes", "Resident memory of the core.", status.rss_bytes)
    out.add("gauge", "disk_free_bytes", "Free space where the data directory is.", status.disk_free_bytes)
    out.add("gauge", "catalog_revision", "Newest revision of the catalog.", status.catalog.revision)
    out.add("gauge", "catalog_parts", "Parts of the routing table.", status.catalog.parts)
    for kind, count in status.catalog.entities.items():
        out.add("gauge", "catalog_entities", "Entities that are not archived.", count, kind=kind)
    _warehouse(out, status)
    _consumers(out, status)
    reporting(out, status)
    _live(out, status.live)
    _caps(out, status.caps)
    _health(out, status.health)
    for edge in status.edges:
        _edge(out, edge)
    for actor in status.actors:
        _actor(out, "core", actor)
    for edge in status.edges:
        for actor in edge.report.actors if edge.report else ():
            _actor(out, f"edge-{edge.edge}", actor)
    return out.text()


def _warehouse(out: Exposition, status: SystemStatus) -> None:
    warehouse = status.warehouse
    out.add("gauge", "warehouse_up", "1 when the reports' database answers.", warehouse.state == "up")
    out.add("counter", "warehouse_rows_shipped_total", "Rows inserted.", warehouse.rows_shipped)
    out.add("counter", "warehouse_rows_set_aside_total", "Rows set aside.", warehouse.rows_set_aside)
    conversions = status.conversions
    for outcome, count in sorted(conversions.outcomes.items()):
        out.add("counter", "postbacks_total", "Postbacks processed, by outcome.", count, outcome=outcome)
    out.add("gauge", "postbacks_waiting", "Postbacks that wait for their click.", conversions.waiting)
    _deliveries(out, status.deliveries)
    for name, value in sorted(conversions.figures.items()):
        out.add("untyped", f"conversions_{name}", f"Conversions: {name.replace('_', ' ')}.", value)


def _deliveries(out: Exposition, deliveries: DeliveriesReport) -> None:
    out.add("gauge", "deliveries_pending", "Outbound deliveries to be attempted.", deliveries.pending)
    out.add("gauge", "deliveries_dead", "Outbound deliveries given up.", deliveries.dead)
    out.add("gauge", "deliveries_oldest_seconds", "Age of the oldest pending.", deliveries.oldest_seconds)
    out.add("gauge", "deliveries_paused_targets", "Targets left alone.", len(deliveries.paused))
    for outcome, count in sorted({"delivered": 0, "failed": 0, **deliveries.attempts}.items()):
        out.add("counter", "delivery_attempts_total", "Attempts, by outcome.", count, outcome=outcome)


def _consumers(out: Exposition, status: SystemStatus) -> None:
    """Summed over an edge's segments: a series per segment would grow for ever."""
    by_name: dict[tuple[str, int], list[ConsumerReport]] = {}
    for report in status.consumers:
        by_name.setdefault((report.consumer, report.edge), []).append(report)
    for (consumer, edge), reports in sorted(by_name.items()):
        name = {"consumer": consumer, "edge": edge}
        seconds = max(report.behind_seconds for report in reports)
        taken = sum(report.taken for report in reports)
        known = [report.behind for report in reports if report.behind >= 0]
        if len(known) == len(reports):  # a part that is not known is no 0
            out.add("gauge", "consumer_behind_events", "Events not taken yet.", sum(known), **name)
        out.add("gauge", "consumer_behind_seconds", "Age of the oldest event not taken.", seconds, **name)
        out.add("gauge", "consumer_taken_events", "Events taken of the logs there are.", taken, **name)
        held = any(report.held for report in reports)
        out.add("gauge", "consumer_held", "1 while an operator holds it.", held, **name)


def _live(out: Exposition, live: LiveReport) -> None:
    out.add("gauge", "live_watchers", "Watchers of the live feed.", live.watchers)
    out.add("gauge", "live_classes", "Different feeds that they watch.", live.classes)
    out.add("gauge", "live_interval_seconds", "Between two frames, longer under load.", live.interval_seconds)
    out.add("counter", "live_frames_total", "Frames taken by watchers.", live.frames)
    out.add("counter", "live_cut_total", "Watchers cut: they took nothing.", live.cut)
    out.add("counter", "live_sampled_total", "Events counted but not shown.", live.sampled)
    out.add("counter", "live_skipped_total", "Journal entries not looked at: too many.", live.skipped)


def _caps(out: Exposition, caps: Sequence[CapReport]) -> None:
    """A destination's caps by their place in it: two may be alike but for their timezone."""
    places: Counter[int] = Counter()
    for cap in caps:
        labels = {
            "destination": cap.destination_id,
            "cap": places[cap.destination_id],
            "metric": cap.metric,
            "window_hours": cap.window_hours,
        }
        places[cap.destination_id] += 1
        limit, used = (cap.limit / 1e6, cap.used / 1e6) if cap.currency else (cap.limit, cap.used)
        out.add("gauge", "cap_limit", "What a cap allows in its window.", limit, **labels)
        out.add("gauge", "cap_used", "What of a cap is used now.", used, **labels)
        out.add("gauge", "cap_reached", "1 when nothing of a cap is left.", cap.reached, **labels)
        if cap.metric == "clicks":
            out.add("gauge", "cap_lent", "Clicks lent to edges and not used.", cap.lent, **labels)


def _health(out: Exposition, health: Sequence[Health]) -> None:
    for each in health:
        name = {"destination": each.destination_id}
        for state in ("unknown", "healthy", "unhealthy"):
            now = each.state == state
            out.add("gauge", "destination_health", "1 for its state.", now, **name, state=state)
        if each.last is not None:
            seconds = each.last.latency_us / 1e6
            out.add("gauge", "destination_probe_seconds", "How long its last probe took.", seconds, **name)


def _edge(out: Exposition, edge: EdgeStatus) -> None:
    name = {"edge": edge.edge}
    out.add("gauge", "edge_connected", "1 while the edge is linked to the core.", edge.connected, **name)
    out.add("gauge", "edge_behind_revisions", "Revisions not taken yet.", edge.behind_revisions, **name)
    out.add("gauge", "edge_table_refused", "1 while a routing table is refused.", bool(edge.refused), **name)
    report = edge.report
    if report is None:
        return
    out.add("gauge", "edge_report_age_seconds", "Age of the last report.", edge.report_age_seconds, **name)
    out.add("gauge", "edge_ready", "1 when the edge answers clicks.", report.ready, **name)
    out.add("gauge", "edge_table_revision", "Revision that decides clicks.", report.revision, **name)
    out.add("gauge", "edge_table_age_seconds", "Age of the routing table.", report.table_age_us / 1e6, **name)
    out.add("gauge", "edge_connections", "Open connections.", report.connections, **name)
    out.add("counter", "edge_requests_total", "Requests answered.", report.requests, **name)
    for code, count in sorted(report.replies.items()):
        out.add("counter", "edge_replies_total", "Replies by status.", count, **name, status=code)
    for macro, count in _first(report.unknown_macros):
        out.add("counter", "edge_unknown_macros_total", "Macros nobody knows.", count, **name, macro=macro)
    for param, count in _first(report.bad_params):
        out.add("counter", "edge_bad_params_total", "Parameters left out.", count, **name, reason=param)
    left = {
        f"{source} {param}": count
        for source, params in report.unexpanded.items()
        for param, count in params.items()
    }
    for key, count in _first(left):
        source, _, param = key.partition(" ")
        of = {**name, "source": source, "param": param}
        out.add("counter", "edge_unexpanded_macros_total", "Macros a source left as they were.", count, **of)
    out.add("counter", "edge_unsealed_total", "Identities that had no key.", report.unsealed, **name)
    out.add("counter", "edge_undecided_total", "Clicks that a fault sent back.", report.undecided, **name)
    out.add("gauge", "edge_resident_bytes", "Resident memory of the edge.", report.rss_bytes, **name)
    _journal(out, report, name)


def _journal(out: Exposition, report: EdgeReport, name: Mapping[str, object]) -> None:
    journal = report.journal
    for mode in ("recording", "ring", "closed"):
        out.add("gauge", "journal_mode", "1 for the mode it is in.", journal.mode == mode, **name, mode=mode)
    out.add("counter", "journal_unrecorded_total", "Events lost to a full disk.", journal.unrecorded, **name)
    out.add("gauge", "journal_ring_events", "Events waiting in memory.", journal.ring, **name)
    out.add("gauge", "journal_ring_capacity", "Events that may wait.", journal.ring_capacity, **name)
    out.add("gauge", "journal_bytes", "Size of all segments.", journal.bytes, **name)
    out.add("gauge", "journal_wal_bytes", "Size of the write-ahead log.", journal.wal_bytes, **name)
    out.add("gauge", "journal_segments", "Segment files.", journal.segments, **name)
    out.add("counter", "journal_commits_total", "Group commits.", journal.commits, **name)
    for topic in report.producers:
        labels = {**name, "topic": topic.topic}
        out.add("gauge", "producer_queue_capacity", "Room in the queue.", topic.queue_capacity, **labels)
        out.add("gauge", "producer_queued", "Events queued.", topic.queued, **labels)
        out.add("counter", "producer_published_total", "Events journaled.", topic.published, **labels)
        out.add("counter", "producer_dropped_total", "Events dropped.", topic.dropped, **labels)
        out.add("counter", "producer_publish_errors_total", "Failed writes.", topic.publish_errors, **labels)
        out.add("counter", "producer_failed_enqueue_total", "Turned away.", topic.failed_enqueue, **labels)
        out.add("gauge", "producer_closed", "1 when nothing is taken any more.", topic.closed, **labels)


def _actor(out: Exposition, process: str, actor: ActorReport) -> None:
    name = {"process": process, "actor": actor.name}
    out.add("gauge", "actor_running", "1 while it serves.", actor.state == "running", **name)
    out.add("counter", "actor_restarts_total", "Restarts by its supervisor.", actor.restarts, **name)
    if actor.mailbox_capacity:
        out.add("gauge", "mailbox_depth", "Messages waiting.", actor.mailbox_depth, **name)
        out.add("gauge", "mailbox_peak", "Most messages that ever waited.", actor.mailbox_peak, **name)
        out.add("gauge", "mailbox_capacity", "Messages that may wait.", actor.mailbox_capacity, **name)
        out.add("counter", "mailbox_refused_total", "Messages not taken: full.", actor.refused, **name)
        out.add("counter", "mailbox_handled_total", "Messages handled.", actor.handled, **name)


def _first(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(counts.items())[:MOST_LABELS]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if isinstance(value, int):  # bool too
        return str(int(value))
    return repr(value)
