"""What somebody is told when something is wrong: alerts, who has seen them, and whether they arrive."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import Refused, Unavailable
from appliance.model.alerts import Alert, AlertState, Channel
from appliance.operations.alert_desk import AlertDesk
from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation
from appliance.operations.system import Nothing

Word = Annotated[str, Meta(max_length=100)]


class AlertsRequest(Request, frozen=True, kw_only=True):
    """`state` open or closed; both without it. `kind` is a word of docs/reference/alerts.md."""

    state: AlertState | UnsetType = UNSET
    kind: Word | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


class ShownAlert(Struct, frozen=True, kw_only=True):
    """Times are unix microseconds, 0 for never. `told` and `ended` are channels that know that it is open,
    and that it is closed."""

    id: str
    state: AlertState
    kind: str
    about: str
    text: str
    opened_us: int
    seen_us: int
    closed_us: int
    acknowledged_us: int
    acknowledged_by: str
    told: tuple[str, ...]
    ended: tuple[str, ...]


class AlertsPage(Struct, frozen=True, kw_only=True):
    """`open` is how many are open in all, `channels` who is told."""

    items: tuple[ShownAlert, ...]
    limit: int
    offset: int
    total: int
    open: int
    channels: tuple[Channel, ...]


class AcknowledgeRequest(Request, frozen=True, kw_only=True):
    id: Word


class Tested(Struct, frozen=True, kw_only=True):
    """One entry per channel; its `error` is "" where the message was taken."""

    channels: tuple[Channel, ...]


@operation("alerts.list", permission="alerts.read", example={"state": "open"})
async def listed(request: AlertsRequest, context: Context) -> AlertsPage:
    """What is wrong now and was wrong lately: open alerts first, the newest first."""
    desk = _desk(context)
    all_of_them = desk.alerts()
    found = [
        it
        for it in all_of_them
        if (request.state is UNSET or it.state == request.state)
        and (request.kind is UNSET or it.kind == request.kind)
    ]
    page = found[request.offset : request.offset + request.limit]
    return AlertsPage(
        items=tuple(map(_shown, page)),
        limit=request.limit,
        offset=request.offset,
        total=len(found),
        open=sum(it.state == "open" for it in all_of_them),
        channels=tuple(desk.channels()),
    )


@operation("alerts.acknowledge", permission="alerts.write", changes=True, example={"id": "0" * 32})
async def acknowledge(request: AcknowledgeRequest, context: Context) -> ShownAlert:
    """Say that somebody has seen it. It stays open until its cause ends."""
    return _shown(await _desk(context).acknowledge(request.id, context.caller.name))


@operation("alerts.test", permission="alerts.write", changes=True, example={})
async def test(request: Nothing, context: Context) -> Tested:
    """Send a test by mail and webhook, to everybody whom the configuration names, and say how it went."""
    desk = _desk(context)
    if not desk.channels():
        raise Refused("nobody is told of alerts: set alerts.emails or alerts.webhook in the configuration")
    return Tested(channels=tuple(await desk.test()))


def _shown(it: Alert) -> ShownAlert:
    return ShownAlert(
        id=it.id,
        state=it.state,
        kind=it.kind,
        about=it.about,
        text=it.text,
        opened_us=it.opened_us,
        seen_us=it.seen_us,
        closed_us=it.closed_us,
        acknowledged_us=it.acknowledged_us,
        acknowledged_by=it.acknowledged_by,
        told=it.told,
        ended=it.ended,
    )


def _desk(context: Context) -> AlertDesk:
    if context.alerts is None:
        raise Unavailable("there is nobody here who watches")
    return context.alerts
