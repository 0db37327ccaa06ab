"""The routing table: who has which, and pushing it again."""

from __future__ import annotations

from msgspec import Struct

from appliance.model.status import SystemStatus
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation


class Nothing(Request, frozen=True, kw_only=True):
    """No fields."""


class Reloaded(Struct, frozen=True, kw_only=True):
    revision: int
    parts: int
    edges: int


@operation("routing.reload", permission="routing.write", changes=True)
async def reload(request: Nothing, context: Context) -> Reloaded:
    """Read the catalog's store again, compile every part, and push the table to every edge."""
    revision = await context.catalog.reload()
    status = context.system.status()
    connected = sum(edge.connected for edge in status.edges)
    return Reloaded(revision=revision, parts=status.catalog.parts, edges=connected)


class EdgeTable(Struct, frozen=True, kw_only=True):
    """The table an edge decides with: its revision, and how long ago it was compiled."""

    edge: int
    connected: bool
    revision: int
    age_seconds: float
    behind: int
    refused: str


class RoutingStats(Struct, frozen=True, kw_only=True):
    revision: int
    compiled_at_us: int
    parts: int
    entities: dict[str, int]
    edges: tuple[EdgeTable, ...]


@operation("routing.stats", permission="routing.read")
async def stats(request: Nothing, context: Context) -> RoutingStats:
    """Revision and age of the routing table, here and on every edge."""
    return routing_stats(context.system.status())


def routing_stats(status: SystemStatus) -> RoutingStats:
    edges = []
    for edge in status.edges:
        report = edge.report
        edges.append(
            EdgeTable(
                edge=edge.edge,
                connected=edge.connected,
                revision=edge.taken_revision,  # said at once; a report may be a second old
                age_seconds=round(report.table_age_us / 1e6 + edge.report_age_seconds, 3) if report else 0.0,
                behind=edge.behind_revisions,
                refused=edge.refused,
            )
        )
    return RoutingStats(
        revision=status.catalog.revision,
        compiled_at_us=status.catalog.compiled_us,
        parts=status.catalog.parts,
        entities=status.catalog.entities,
        edges=tuple(edges),
    )
