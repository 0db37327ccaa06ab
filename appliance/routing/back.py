"""Trafficback: where a click goes that no destination takes, and how a chain of trafficbacks ends.

A chain carries two parameters from one tracked link to the next, also between two Weirs: how deep it is, and
the marks of the trafficbacks it has passed. A trafficback that was passed already is not taken again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.decision import Decision, counts
from appliance.routing.table import Back, CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit

DEPTH = "trafficback_depth"
VISITED = "trafficback_visited"
_MARKS_KEPT = 32
_MARK = re.compile(r"[0-9a-f]{8}")
# A trafficback's own URL may repeat what it was given; then the largest counts, and the marks of all.
_DEPTHS = re.compile(rf"(?:^|&){DEPTH}=(\d{{1,3}})(?=&|$)", re.ASCII)
_VISITS = re.compile(rf"(?:^|&){VISITED}=([0-9a-f.]{{1,400}})(?=&|$)")
_NO_REASON = (verdicts.OPEN, verdicts.CHOSEN, verdicts.NO_WEIGHT, verdicts.REPEAT, verdicts.CONVERTED)


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
    """Trafficback of the stream, else of the campaign, else of the appliance; a configured reply if none.

    The reason is made as exact as the verdicts allow: why every destination was closed, or what every stream
    asked for and this visitor was not.
    """
    if reason == verdicts.NO_DESTINATION:
        reason = _why_closed(destinations)
    elif reason == verdicts.NO_MATCHING_STREAM:
        reason = _why_unmatched(campaign, streams)
    depth, visited = _chain(visit)
    settings = table.settings
    taken: Back | None = None
    offered = False
    for candidate in (campaign.backs.get(stream_id), campaign.trafficback, table.trafficback):
        if candidate is not None:
            offered = True
            if candidate.mark not in visited:
                taken = candidate
                break
    if offered and depth >= settings.max_trafficback_depth:
        taken, reason = None, verdicts.TOO_DEEP
    elif offered and taken is None:
        reason = verdicts.LOOP
    counted = counts(visit.flags, settings.count_bots)
    if taken is None:
        decision = Decision(campaign, verdicts.TO_REPLY, reason, counted)
        decision.status = settings.no_route_status
        decision.text = settings.no_route_text
    else:
        decision = Decision(campaign, verdicts.TO_TRAFFICBACK, reason, counted)
        url = taken.url.render(visit, campaign.ids)
        decision.url = _with_chain(url, depth + 1, [*visited, taken.mark][-_MARKS_KEPT:])
        decision.unknown_macros = taken.url.unknown
    decision.depth = depth
    decision.stream_id = stream_id
    decision.inputs = DecisionInputs(1, verdicts.KERNEL, draw, streams, destinations, visit.facts)
    return decision


def _chain(visit: Visit) -> tuple[int, list[str]]:
    """How deep the chain of trafficbacks is that brought this visitor, and the marks it has passed."""
    params = visit.params
    depths = [params[DEPTH]] if DEPTH in params else []
    visits = [params[VISITED]] if VISITED in params else []
    if DEPTH in params or VISITED in params:
        depths += _DEPTHS.findall(visit.query)
        visits += _VISITS.findall(visit.query)
    depth = max((int(text) for text in depths if re.fullmatch(r"\d{1,3}", text, re.ASCII)), default=0)
    marks = dict.fromkeys(mark for text in visits for mark in text[:400].split(".") if _MARK.fullmatch(mark))
    return depth, list(marks)


def _why_closed(destinations: Iterable[Verdict]) -> str:
    """The verdict that all destinations have in common."""
    words = {word for _, word, _ in destinations}
    if len(words) == 1:
        (word,) = words
        if word not in _NO_REASON:
            return word
    return verdicts.NO_DESTINATION


def _why_unmatched(campaign: CompiledCampaign, streams: Iterable[Verdict]) -> str:
    """What all streams that were tried failed on: geography, the device, or quality."""
    words = {campaign.denials.get((stream, index), "") for stream, word, index in streams if index >= 0}
    if len(words) == 1 and (word := words.pop()):
        return word
    return verdicts.NO_MATCHING_STREAM


def _with_chain(url: str, depth: int, visited: list[str]) -> str:
    """The URL with depth and marks as its last query parameters, before a fragment."""
    front, mark, fragment = url.partition("#")
    sign = "&" if "?" in front else "?"
    return f"{front}{sign}{DEPTH}={depth}&{VISITED}={'.'.join(visited)}{mark}{fragment}"
