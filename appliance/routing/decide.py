"""decide(): the one place that chooses where a click goes. Redirect, simulator and explainer all call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.back import back
from appliance.routing.choose import choose
from appliance.routing.decision import Decision, counts
from appliance.routing.draws import DRAW_BITS, nth
from appliance.routing.landings import leave
from appliance.routing.rules import Look
from appliance.routing.state import State
from appliance.routing.stay import stay
from appliance.routing.table import CompiledCampaign, CompiledStream, RoutingTable
from appliance.routing.visit import Visit

_NONE: tuple[Verdict, ...] = ()


def decide(
    table: RoutingTable,
    campaign: CompiledCampaign,
    visit: Visit,
    state: State,
    draw: int,
    now_us: int,
) -> Decision:
    """First active stream whose rules all match, then a weighted destination; else trafficback, else a reply.

    A visit that leaves a landing page goes where its exit leads instead.

    `draw` is uniform in [0, 2^53). Pure: the same arguments always give an equal Decision.
    """
    if visit.leaving is not None:
        return leave(table, campaign, visit, visit.leaving, state, draw, now_us)
    if not campaign.active:
        return back(table, campaign, visit, verdicts.CAMPAIGN_PAUSED, draw, _NONE, _NONE, 0)
    if visit.door == "tb":
        return back(table, campaign, visit, verdicts.ASKED, draw, _NONE, _NONE, 0)
    look = Look(visit, now_us) if campaign.looks else None
    looked: list[Verdict] = []
    streams, rotating = campaign.streams, campaign.rotating
    if visit.sticky:
        streams, rotating = _sticky_first(campaign, visit.sticky)
    if rotating is None:
        stream = _first(streams, visit.params, look, looked)
    else:
        stream = _drawn(streams, rotating, visit.params, look, draw, looked)
    named = campaign.hop.follow(visit.params) if campaign.hop is not None else None
    if named:
        decision = _transparent(table, campaign, stream, visit, named, draw, tuple(looked))
    elif stream is not None and stream.answer is not None and not stream.answer.leads:
        decision = stay(table, campaign, stream, stream.answer, visit, draw, tuple(looked))
    elif stream is not None:
        decision = choose(table, campaign, stream, visit, state, draw, now_us, tuple(looked))
    else:
        reason = verdicts.NO_MATCHING_STREAM
        decision = back(table, campaign, visit, reason, draw, tuple(looked), _NONE, 0)
    if named == "" and not decision.reason:
        decision.reason = verdicts.HOP_REFUSED
    if look is not None and look.tests:
        decision.inputs = msgspec.structs.replace(decision.inputs, tests=look.tests)
    if visit.sticky and not decision.inputs.cookie:
        decision.inputs = msgspec.structs.replace(decision.inputs, cookie=visit.sticky)
    return decision


def _transparent(
    table: RoutingTable,
    campaign: CompiledCampaign,
    stream: CompiledStream | None,
    visit: Visit,
    url: str,
    draw: int,
    looked: tuple[Verdict, ...],
) -> Decision:
    """To the visible next hop that the source allows: the streams are looked at, and only for the record."""
    decision = Decision(campaign, verdicts.TO_HOP, "", counts(visit.flags, table.settings.count_bots))
    decision.url = url
    decision.stream_id = stream.id if stream is not None else 0
    decision.inputs = DecisionInputs(1, verdicts.KERNEL, draw, looked, _NONE, visit.facts)
    return decision


def _first(
    streams: Iterable[CompiledStream], params: Mapping[str, str], look: Look | None, looked: list[Verdict]
) -> CompiledStream | None:
    """The first whose rules all match; what was found of those looked at is added to `looked`."""
    for stream in streams:
        if stream.paused:
            looked.append((stream.id, verdicts.PAUSED, -1))
            continue
        for index, (name, test) in enumerate(stream.tests):
            if name is not None:
                if test(params.get(name)):
                    continue
                looked.append(stream.failed[index])
                break
            held = test(look)
            if not held:
                looked.append(stream.unknown[index] if held is None else stream.failed[index])
                break
        else:
            looked.append(stream.matched)
            return stream
    return None


def _sticky_first(
    campaign: CompiledCampaign, cookie: str
) -> tuple[tuple[CompiledStream, ...], tuple[int, int] | None]:
    """The streams with the visitor's own before the other regular ones, and which of them are drawn."""
    streams, rotating = campaign.streams, campaign.rotating
    begin, end = campaign.regular
    number = cookie.partition(".")[0]
    for place in range(begin, end):
        if str(streams[place].id) == number:
            streams = (*streams[:begin], streams[place], *streams[begin:place], *streams[place + 1 :])
            return streams, None if rotating is None else (begin + 1, end)
    return streams, rotating


def _drawn(
    streams: Sequence[CompiledStream],
    rotating: tuple[int, int],
    params: Mapping[str, str],
    look: Look | None,
    draw: int,
    looked: list[Verdict],
) -> CompiledStream | None:
    """A forced stream that matches, else one of the regular ones that match by weight, else a default one."""
    begin, end = rotating
    if (stream := _first(streams[:begin], params, look, looked)) is not None:
        return stream
    matching: list[tuple[int, CompiledStream]] = []
    total = 0
    for stream in streams[begin:end]:
        if _first((stream,), params, look, looked) is None:
            continue
        if stream.weight <= 0:
            looked[-1] = (stream.id, verdicts.NO_WEIGHT, -1)
            continue
        matching.append((len(looked) - 1, stream))
        total += stream.weight
    if not matching:
        return _first(streams[end:], params, look, looked)
    point = nth(draw, 1) * total >> DRAW_BITS
    chosen: CompiledStream | None = None
    for place, stream in matching:
        point -= stream.weight
        if chosen is None and point < 0:
            chosen = stream
        else:
            looked[place] = (stream.id, verdicts.NOT_DRAWN, -1)
    return chosen
