"""Who a visitor is to a campaign: by his cookies, and whether he is new to it and to its streams."""

from __future__ import annotations

from collections.abc import Callable

from appliance.routing.decision import Decision
from appliance.routing.lessons import SEEN_CAMPAIGN, SEEN_STREAM, Lesson
from appliance.routing.state import Memory
from appliance.routing.table import CompiledCampaign
from appliance.routing.visit import Visit
from appliance.routing.visitors import STICKY, VISITOR, VISITOR_SECONDS, sticky_of, visitor_of


def unique_facts(campaign: CompiledCampaign, visit: Visit, memory: Memory, now_us: int) -> dict[str, str]:
    """unique_campaign, and unique_stream.ID of every stream that asks: "1" for a new visitor, else "0".

    {} where nobody asks, and for a visitor who cannot be told from others (no cookie, no address).
    """
    uniqueness = campaign.uniqueness
    key = uniqueness.key(visit) if uniqueness is not None else ""
    if uniqueness is None or not key:
        return {}
    since_us = now_us - uniqueness.window_us
    found = {"unique_campaign": "0" if memory.seen(SEEN_CAMPAIGN, campaign.id, key, since_us) else "1"}
    for stream_id in campaign.unique_streams:
        seen = memory.seen(SEEN_STREAM, stream_id, key, since_us)
        found[f"unique_stream.{stream_id}"] = "0" if seen else "1"
    return found


def unique_lessons(campaign: CompiledCampaign, visit: Visit, decision: Decision) -> tuple[Lesson, ...]:
    """What a click that counts teaches of who came where."""
    uniqueness = campaign.uniqueness
    key = uniqueness.key(visit) if uniqueness is not None and decision.counted else ""
    if not key:
        return ()
    campaign_seen = Lesson(SEEN_CAMPAIGN, campaign.id, key)
    if decision.stream_id in campaign.unique_streams:
        return (campaign_seen, Lesson(SEEN_STREAM, decision.stream_id, key))
    return (campaign_seen,)


def recognize(
    campaign: CompiledCampaign, visit: Visit, memory: Memory, now_us: int, random: Callable[[int], bytes]
) -> None:
    """Fill in what the campaign asks of who this is. Whom it cannot tell gets a cookie; `random` makes it."""
    if campaign.sticky:
        visit.sticky = sticky_of(visit.cookies, campaign.id)
    else:
        visit.sticky = ""
    if campaign.wants_visitor and not visit.visitor:
        visit.visitor = visitor_of(visit.cookies)
        if not visit.visitor:
            visit.visitor = random(16).hex()
            visit.sets = (*visit.sets, (VISITOR, visit.visitor, VISITOR_SECONDS))
    if campaign.uniqueness is not None:
        visit.facts = {**visit.facts, **unique_facts(campaign, visit, memory, now_us)}


def lessons_of(campaign: CompiledCampaign, visit: Visit, decision: Decision) -> tuple[Lesson, ...]:
    """All that a decision teaches of its visitor; where he sticks from now on goes into his cookie."""
    if decision.sticks:
        cookie = (f"{STICKY}{campaign.id}", decision.sticks, campaign.sticky_seconds)
        visit.sets = (*visit.sets, cookie)
    if campaign.uniqueness is None:
        return decision.lessons
    return (*decision.lessons, *unique_lessons(campaign, visit, decision))
