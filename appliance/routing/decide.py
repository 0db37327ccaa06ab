"""decide(): the one place that chooses where a click goes. Redirect, simulator and explainer all call it."""

from __future__ import annotations

from appliance.model.events import Verdict
from appliance.routing import verdicts
from appliance.routing.back import back
from appliance.routing.choose import choose
from appliance.routing.decision import Decision
from appliance.routing.state import State
from appliance.routing.table import CompiledCampaign, RoutingTable
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

    `draw` is uniform in [0, 2^53). Pure: the same arguments always give an equal Decision.
    """
    if not campaign.active:
        return back(table, campaign, visit, verdicts.CAMPAIGN_PAUSED, draw, _NONE, _NONE, 0)
    if visit.door == "tb":
        return back(table, campaign, visit, verdicts.ASKED, draw, _NONE, _NONE, 0)
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
            return choose(table, campaign, stream, visit, state, draw, now_us, tuple(looked))
    return back(table, campaign, visit, verdicts.NO_MATCHING_STREAM, draw, tuple(looked), _NONE, 0)
