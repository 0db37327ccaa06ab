"""Watching what happens, as it happens."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from appliance.errors import FieldProblem, Missing, Unavailable
from appliance.model.live import TOPICS, Topic, Wish
from appliance.operations.context import Caller, Context, Forbidden, Socket
from appliance.operations.nouns import Id, Request
from appliance.operations.period import refuse
from appliance.operations.registry import Door, operation

_ELSEWHERE: dict[Door, str] = {
    "rest": "frames need a connection that stays; use JSON-RPC over the WebSocket at /ws",
    "call": "frames need a connection that stays; `weir tail` watches",
    "mcp": "frames need a connection that stays; use JSON-RPC over the WebSocket at /ws",
}
Ids = Annotated[tuple[Id, ...], Meta(max_length=200)]


class WatchRequest(Request, frozen=True, kw_only=True):
    """`topics` left out are all that the caller may see; a condition left out is none."""

    topics: Annotated[tuple[Topic, ...], Meta(max_length=8)] = ()
    campaign_id: Ids = ()
    stream_id: Ids = ()
    destination_id: Ids = ()
    source_id: Ids = ()
    network_id: Ids = ()
    after: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Watching(Struct, frozen=True, kw_only=True):
    """The frames of this subscription have numbers greater than `seq`."""

    subscription: int
    seq: int
    topics: tuple[Topic, ...]


@operation(
    "live.watch",
    permission="live.read",
    example={"topics": ["clicks", "conversions"], "campaign_id": [1]},
    closed_at=_ELSEWHERE,
)
async def watch(request: WatchRequest, context: Context) -> Watching:
    """Follow clicks, conversions, postbacks and the system: the socket gets a `live.frame` up to four times a
    second. After a broken connection name the last frame you had in `after`."""
    socket, caller = _socket(context), context.caller
    if context.live is None:
        raise Unavailable("there is no live feed here")
    topics = _topics(request.topics, caller)
    campaigns = frozenset(request.campaign_id) if request.campaign_id else None
    if caller.campaigns is not None:
        campaigns = caller.campaigns if campaigns is None else campaigns & caller.campaigns
    wish = Wish(
        topics=topics,
        campaigns=campaigns,
        streams=frozenset(request.stream_id) or None,
        destinations=frozenset(request.destination_id) or None,
        sources=frozenset(request.source_id) or None,
        networks=frozenset(request.network_id) or None,
        money=caller.sees_money,
    )
    frames, seq = await context.live.watch(wish, request.after, socket.abort)
    try:
        number = socket.subscribe(frames)
    except BaseException:
        frames.close()
        raise
    return Watching(subscription=number, seq=seq, topics=tuple(sorted(topics)))


def _topics(asked: tuple[Topic, ...], caller: Caller) -> frozenset[Topic]:
    closed: dict[Topic, str] = {}
    if not caller.may("system.read"):
        closed["system"] = "needs the permission system.read"
    if caller.campaigns is not None:
        closed["postbacks"] = "a postback belongs to no campaign: for those who see every campaign"
    if not asked:
        return frozenset(topic for topic in TOPICS if topic not in closed)
    if "system" in asked and "system" in closed:
        raise Forbidden(f"the topic system {closed['system']}")
    refuse(
        [FieldProblem(f"topics[{n}]", closed[topic]) for n, topic in enumerate(asked) if topic in closed],
        "this cannot be watched",
    )
    return frozenset(asked)


class UnwatchRequest(Request, frozen=True, kw_only=True):
    subscription: Annotated[int, Meta(ge=0, le=2**53)]


class Unwatched(Struct, frozen=True, kw_only=True):
    subscription: int


@operation("live.unwatch", permission="live.read", example={"subscription": 1}, closed_at=_ELSEWHERE)
async def unwatch(request: UnwatchRequest, context: Context) -> Unwatched:
    """End one subscription of this socket."""
    if not _socket(context).unsubscribe(request.subscription):
        raise Missing("this socket has no such subscription")
    return Unwatched(subscription=request.subscription)


def _socket(context: Context) -> Socket:
    if context.socket is None:
        raise Unavailable("frames need a connection that stays; use the WebSocket at /ws")
    return context.socket
