"""Streams that need no destination: they answer themselves, or hand the visitor to another campaign."""

from __future__ import annotations

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.answers import MAX_CAMPAIGNS, CompiledAnswer
from appliance.routing.back import back
from appliance.routing.decision import Decision, counts
from appliance.routing.macros import Ids
from appliance.routing.table import CompiledCampaign, CompiledStream, RoutingTable
from appliance.routing.visit import Visit

_NONE: tuple[Verdict, ...] = ()


def stay(
    table: RoutingTable,
    campaign: CompiledCampaign,
    stream: CompiledStream,
    answer: CompiledAnswer,
    visit: Visit,
    draw: int,
    looked: tuple[Verdict, ...],
) -> Decision:
    """The answer of a matching stream that leads to no destination (`answer.leads` is False)."""
    onward = None
    if answer.kind == "campaign":
        onward = table.by_id.get(answer.campaign_id)
        if onward is None or visit.hops >= MAX_CAMPAIGNS:
            reason = verdicts.NO_DESTINATION if onward is None else verdicts.TOO_MANY_CAMPAIGNS
            return back(table, campaign, visit, reason, draw, looked, _NONE, stream.id)
    kind = verdicts.TO_ANSWER if onward is None else verdicts.TO_CAMPAIGN
    decision = Decision(campaign, kind, "", counts(visit.flags, table.settings.count_bots))
    decision.stream_id = stream.id
    decision.inputs = DecisionInputs(1, verdicts.KERNEL, draw, looked, _NONE, visit.facts)
    decision.onward = onward
    decision.answer = answer
    decision.status = answer.status
    if onward is None:
        ids = Ids(campaign.id, campaign.slug, stream.id, 0, campaign.source_id)
        decision.text = answer.body.render(visit, ids)
    return decision
