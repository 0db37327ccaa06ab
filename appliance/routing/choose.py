"""Which of a stream's destinations takes the click."""

from __future__ import annotations

from bisect import bisect_right

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.back import back
from appliance.routing.decision import Decision, counts
from appliance.routing.draws import DRAW_BITS
from appliance.routing.state import State
from appliance.routing.table import CompiledCampaign, CompiledStream, RoutingTable
from appliance.routing.visit import Visit


def choose(
    table: RoutingTable,
    campaign: CompiledCampaign,
    stream: CompiledStream,
    visit: Visit,
    state: State,
    draw: int,
    now_us: int,
    looked: tuple[Verdict, ...],
) -> Decision:
    """A destination of the matching stream, by weight among those that are open."""
    targets = stream.targets
    if stream.all_open and not state.availability:
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
            closed = target.destination.closed or state.availability.get(target.id, "")
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
            return back(table, campaign, visit, reason, draw, looked, tuple(verdict), stream.id)
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
