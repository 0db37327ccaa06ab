"""Why the appliance does not do its work, and what an operator should look at while it does. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from appliance.attribution.ailments import AILMENTS, fault_of
from appliance.model.catalog import NamedList
from appliance.model.deliveries import DeliveriesReport
from appliance.model.doctor import Finding
from appliance.model.health import Health
from appliance.model.interpreted import IntakeReport
from appliance.model.messages import ActorReport, AddressFileReport
from appliance.model.status import (
    ConsumerReport,
    ConversionsReport,
    EdgeStatus,
    Unknowable,
    WarehouseReport,
)
from appliance.model.usage import CapReport

NAMED = 10
"""Of a kind: the others are a number."""


def problems(loaded: bool, edges: Sequence[EdgeStatus]) -> list[str]:
    """Why the appliance does not do its work."""
    found = []
    if not loaded:
        found.append("catalog: not loaded yet")
    if not any(edge.connected and edge.report is not None and edge.report.ready for edge in edges):
        found.append("edges: none is connected and ready")
    return found


def at_work(
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
            if edge.report.identity_error:
                found.append(f"edge {edge.edge}: no key for identities: {edge.report.identity_error}")
            if journal.unrecorded:
                found.append(f"edge {edge.edge}: {journal.unrecorded} events unrecorded")
    if warehouse.state != "up":
        found.append(f"warehouse: {warehouse.state}: {warehouse.last_error}".rstrip(": "))
    if warehouse.rows_set_aside:
        found.append(f"warehouse: {warehouse.rows_set_aside} rows set aside; see ingestion_errors.list")
    if conversions.figures.get("entries_missing"):
        found.append(f"conversions: {conversions.figures['entries_missing']} journal entries are unreadable")
    found += [f"{c.consumer} of edge {c.edge}: held by an operator" for c in consumers if c.held]
    # Once, however many segments the edge has.
    found += dict.fromkeys(
        f"{c.consumer} of edge {c.edge}: {c.last_error}" for c in consumers if c.last_error
    )
    found += [
        f"actor {actor.name}: {actor.state}: {actor.last_error}".rstrip(": ")
        for actor in actors
        if actor.state not in ("running", "stopped")
    ]
    return found


def destinations(caps: Sequence[CapReport], health: Sequence[Health]) -> list[str]:
    """Destinations that are ill, and caps on clicks of which more was used than they allow."""
    ill = [
        f"destination {each.destination_id}: unhealthy: {each.last.error if each.last else ''}".rstrip(": ")
        for each in health
        if each.state == "unhealthy"
    ]
    over = [
        f"destination {cap.destination_id}: {cap.used} clicks of a cap of {cap.limit}"
        for cap in caps
        if cap.exceeded and cap.metric == "clicks"
    ]
    return [*_first(ill, "destinations are unhealthy"), *_first(over, "caps on clicks are exceeded")]


def lists(known: Sequence[NamedList], gone: Collection[str], edges: Sequence[EdgeStatus]) -> list[str]:
    """Named lists whose entries are gone, or that an edge could not read: their rules match nobody."""
    unread: dict[str, list[int]] = {}
    for edge in edges:
        for digest in edge.report.unread_lists if edge.report is not None else ():
            unread.setdefault(digest, []).append(edge.edge)
    found = []
    for each in known:
        if each.archived:
            continue
        if each.digest in gone:
            found.append(f"list {each.id}: the file of its entries is gone; replace them")
        elif each.digest in unread:
            where = ", ".join(map(str, unread[each.digest]))
            found.append(f"list {each.id}: its entries cannot be read by edge {where}; see the log")
    return _first(found, "lists cannot be read")


def _first(lines: list[str], what: str) -> list[str]:
    more = len(lines) - NAMED
    return lines if more <= 0 else [*lines[:NAMED], f"{more} more {what}"]


def undelivered(deliveries: DeliveriesReport) -> list[str]:
    """Who is not told of conversions."""
    paused = [f"deliveries: {target} is paused after repeated failures" for target in deliveries.paused]
    found = _first(paused, "targets are paused")
    if deliveries.last_error:
        found.append(f"deliveries: {deliveries.last_error}")
    return found


def unread(intakes: Sequence[IntakeReport]) -> list[str]:
    """Intakes that wait for something, or that have given up some of what they read."""
    return [f"intake {it.name}: {it.last_error}" for it in intakes if it.last_error and not it.paused_by]


RECENT_US = 24 * 3_600_000_000
"""A fault that was not seen for so long may be mended: doctor.list still has it."""
BEHIND = 120.0
"""Seconds that a consumer may be behind for what does not arrive to be silence."""


def diagnosed(findings: Sequence[Finding], now_us: int) -> list[str]:
    """What the doctor found that costs money while nobody looks."""
    grave = [
        f"network {it.network_id}: {fault_of(it)}"
        for it in findings
        if it.code in AILMENTS
        and AILMENTS[it.code].grave
        and not it.muted
        and now_us - it.last_us <= RECENT_US
    ]
    return _first(grave, "findings; see doctor.list")


def attentive(edges: Sequence[EdgeStatus], consumers: Sequence[ConsumerReport]) -> bool:
    """Whether what networks send is heard here, and soon: every edge takes and records it, and is read."""
    return (
        bool(edges)
        and all(
            edge.connected and edge.report is not None and edge.report.journal.mode == "recording"
            for edge in edges
        )
        and not any(it.held or it.last_error or it.behind_seconds > BEHIND for it in consumers)
    )


def in_the_dark(
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
    for number, facts in list(campaigns.items())[:NAMED]:
        found.append(
            f"campaign {number}: its rules ask for {', '.join(sorted(facts))}, which no database of addresses"
            " here tells"
        )
    if len(campaigns) > NAMED:
        found.append(f"{len(campaigns) - NAMED} more campaigns ask for what cannot be known")
    return found
