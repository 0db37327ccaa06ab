"""Trafficback: where a click goes that no destination takes."""

from __future__ import annotations

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.decision import Decision, counts
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit

_DEPTH = "trafficback_depth"


def back(
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
