"""decide(): the one place that chooses where a click goes. Redirect, simulator and explainer all call it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.table import DRAW_BITS, CompiledCampaign, CompiledStream, RoutingTable
from appliance.routing.visit import Visit

Availability = Mapping[int, str]
"""Destination id → why it takes no clicks now (schedule, caps, health). What is not in it is open."""

Memory = Mapping[str, frozenset[int]]
"""Visitor key → destinations already shown. Anti-repeat reads it (issue "Routing complete")."""

_DEPTH = "trafficback_depth"


class Decision:
    """What happens to one click, and everything the decision consumed.

    `kind` is destination or trafficback (then `url` is where to), or reply (then `status` and `text`);
    `counted`: the click counts in figures and caps.
    `sent_to` is the destination whose click counter the router raises, 0 for none: the only change of state
    that this kernel asks for.
    """

    # Defaults on the class: a decision sets what differs, which halves the cost of making one.
    stream_id = 0
    destination_id = 0
    network_id = 0
    sent_to = 0
    url = ""
    status = 0
    text = ""
    depth = 0
    unknown_macros: tuple[str, ...] = ()
    inputs = DecisionInputs(kernel=verdicts.KERNEL)

    def __init__(self, campaign: CompiledCampaign, kind: str, reason: str, counted: bool) -> None:
        self.campaign = campaign
        self.kind = kind
        self.reason = reason
        self.counted = counted


_NONE: tuple[Verdict, ...] = ()


def decide(
    table: RoutingTable,
    campaign: CompiledCampaign,
    visit: Visit,
    availability: Availability,
    memory: Memory,
    draw: int,
    now_us: int,
) -> Decision:
    """First active stream whose rules all match, then a weighted destination; else trafficback, else a reply.

    `draw` is uniform in [0, 2^53). Pure: the same arguments always give an equal Decision.
    """
    if not campaign.active:
        return _back(table, campaign, visit, verdicts.CAMPAIGN_PAUSED, draw, _NONE, _NONE, 0)
    if visit.door == "tb":
        return _back(table, campaign, visit, verdicts.ASKED, draw, _NONE, _NONE, 0)
    params = visit.params
    looked: list[Verdict] = []
    for stream in campaign.streams:
        if stream.paused:
            looked.append((stream.id, verdicts.PAUSED, -1))
            continue
        for index, (name, test) in enumerate(stream.tests):
            if not test(params.get(name)):
                looked.append(stream.failed[index])
                break
        else:
            looked.append(stream.matched)
            return _choose(table, campaign, stream, visit, availability, draw, tuple(looked))
    return _back(table, campaign, visit, verdicts.NO_MATCHING_STREAM, draw, tuple(looked), _NONE, 0)


def counts(flags: tuple[str, ...], count_bots: bool) -> bool:
    """Whether a visit counts in click figures and caps: HEAD and prefetch never do, bots by setting."""
    return not flags or (count_bots and flags == ("bot",))


def _choose(
    table: RoutingTable,
    campaign: CompiledCampaign,
    stream: CompiledStream,
    visit: Visit,
    availability: Availability,
    draw: int,
    looked: tuple[Verdict, ...],
) -> Decision:
    """A destination of the matching stream, by weight among those that are open."""
    targets = stream.targets
    if stream.all_open and not availability:
        index = bisect_right(stream.picks, draw * stream.total >> DRAW_BITS)
        if stream.seen is not None:
            seen = stream.seen[index]
        else:
            seen = tuple(t.chosen if i == index else t.open for i, t in enumerate(targets))
    else:
        verdict: list[Verdict] = []
        open_to: list[int] = []
        total = 0
        for i, target in enumerate(targets):
            closed = target.destination.closed or availability.get(target.id, "")
            if not closed and target.weight <= 0:
                closed = verdicts.NO_WEIGHT
            if closed:
                verdict.append((target.id, closed, -1))
            else:
                verdict.append(target.open)
                open_to.append(i)
                total += target.weight
        if not open_to:
            reason = verdicts.NO_DESTINATION
            return _back(table, campaign, visit, reason, draw, looked, tuple(verdict), stream.id)
        point = draw * total >> DRAW_BITS
        index = open_to[-1]
        for i in open_to:
            point -= targets[i].weight
            if point < 0:
                index = i
                break
        verdict[index] = targets[index].chosen
        seen = tuple(verdict)
    target = targets[index]
    decision = Decision(campaign, verdicts.TO_DESTINATION, "", counts(visit.flags, table.settings.count_bots))
    decision.stream_id = stream.id
    decision.destination_id = target.id
    decision.network_id = target.destination.network_id
    decision.inputs = DecisionInputs(1, verdicts.KERNEL, draw, looked, seen)
    template = target.destination.url
    decision.url = template.render(visit, target.ids)
    if template.unknown:
        decision.unknown_macros = template.unknown
    if decision.counted:
        decision.sent_to = target.id
    return decision


def _back(
    table: RoutingTable,
    campaign: CompiledCampaign,
    visit: Visit,
    reason: str,
    draw: int,
    streams: tuple[Verdict, ...],
    destinations: tuple[Verdict, ...],
    stream_id: int,
) -> Decision:
    """Trafficback of the campaign, else of the appliance; a configured reply where there is none.

    A chain of trafficbacks is counted in the `trafficback_depth` parameter and ends at the allowed depth.
    """
    text = visit.params.get(_DEPTH, "")
    depth = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    settings = table.settings
    counted = counts(visit.flags, settings.count_bots)
    template = campaign.trafficback or table.trafficback
    if template is not None and depth >= settings.max_trafficback_depth:
        template, reason = None, verdicts.TOO_DEEP
    if template is None:
        decision = Decision(campaign, verdicts.TO_REPLY, reason, counted)
        decision.status = settings.no_route_status
        decision.text = settings.no_route_text
    else:
        decision = Decision(campaign, verdicts.TO_TRAFFICBACK, reason, counted)
        decision.url = _with_depth(template.render(visit, campaign.ids), depth + 1)
        decision.unknown_macros = template.unknown
    decision.depth = depth
    decision.stream_id = stream_id
    decision.inputs = DecisionInputs(1, verdicts.KERNEL, draw, streams, destinations)
    return decision


def _with_depth(url: str, depth: int) -> str:
    """The URL with the depth as its last query parameter, before a fragment."""
    front, mark, fragment = url.partition("#")
    return f"{front}{'&' if '?' in front else '?'}{_DEPTH}={depth}{mark}{fragment}"
