"""The appliance itself: how it is, and what it can be asked."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from appliance import __version__
from appliance.model.messages import ProducerReport
from appliance.model.status import SystemStatus
from appliance.operations import reference, registry
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation
from appliance.operations.routes import route_of


class Nothing(Request, frozen=True, kw_only=True):
    """No fields."""


@operation("system.status", permission="system.read")
async def status(request: Nothing, context: Context) -> SystemStatus:
    """Every actor of every process, each edge with its journal, each consumer's lag, warehouse, disk."""
    return context.system.status()


class About(Struct, frozen=True, kw_only=True):
    """`public` is the origin of tracked links; `currency` that of a report that names none."""

    version: str
    public: str
    currency: str


@operation("system.about", permission="self")
async def about(request: Nothing, context: Context) -> About:
    """What a screen needs to know before it asks anything: version, the origin of links, the currency."""
    return About(version=__version__, public=context.system.public, currency=context.reports.currency)


class EdgeProducers(Struct, frozen=True, kw_only=True):
    """How events get into one edge's journal, by topic."""

    edge: int
    connected: bool
    topics: tuple[ProducerReport, ...]


class Producers(Struct, frozen=True, kw_only=True):
    edges: tuple[EdgeProducers, ...]


@operation("system.event_producers", permission="system.read")
async def event_producers(request: Nothing, context: Context) -> Producers:
    """Per edge and topic: queue capacity, queued, published, dropped, errors, failed enqueues, closed."""
    return producers(context.system.status())


def producers(status: SystemStatus) -> Producers:
    return Producers(
        edges=tuple(
            EdgeProducers(
                edge=edge.edge,
                connected=edge.connected,
                topics=edge.report.producers if edge.report else (),
            )
            for edge in status.edges
        )
    )


class Described(Struct, frozen=True, kw_only=True):
    """One operation: what it does and needs, a payload to start from, its fields with their defaults.

    `doors` offer it, `closed` says why the others do not; `method` and `path` are its REST route, if any.
    """

    name: str
    summary: str
    permission: str
    changes: bool
    doors: tuple[str, ...]
    closed: dict[str, str]
    method: str
    path: str
    example: dict[str, Any]
    fields: dict[str, str]


class Operations(Struct, frozen=True, kw_only=True):
    items: tuple[Described, ...]


@operation("operations.list", permission="self")
async def operations(request: Nothing, context: Context) -> Operations:
    """Everything that the caller may ask this appliance, with examples."""
    his = [each for each in registry.load_all().values() if context.caller.may(each.permission)]
    return Operations(items=tuple(map(_described, his)))


def _described(each: registry.Operation) -> Described:
    by_rest = "rest" not in each.closed_at
    return Described(
        name=each.name,
        summary=each.summary,
        permission=each.permission,
        changes=each.changes,
        doors=reference.doors(each),
        closed={str(door): reason for door, reason in each.closed_at.items()},
        method=route_of(each).method if by_rest else "",
        path=route_of(each).path if by_rest else "",
        example=dict(each.example),
        fields=dict(reference.fields(each)),
    )
