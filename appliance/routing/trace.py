"""Why a click went where it went: decide()'s verdicts, and the values that the rules looked at.

Whether a rule holds is asked of the rule itself, compiled as the edges compile it; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from appliance.model.catalog import Destination, Entity, Stream
from appliance.model.rules import Rule, Target
from appliance.routing import verdicts
from appliance.routing.configuration import Built, Key
from appliance.routing.decision import Decision
from appliance.routing.facts import reader
from appliance.routing.policy import of_stream
from appliance.routing.rules import Look, Making, OpenList, compile_rule, is_unrecorded
from appliance.routing.table import CompiledCampaign
from appliance.routing.visit import Visit

LONGEST_VALUE = 500
MOST_VALUES = 20
MOST_STREAMS = 100
"""Streams whose rules are shown one by one; of the others only what was found."""

Outcome = Literal["held", "failed", "unknown", "skipped"]


class RuleSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule as it met the visit. `given` is the value it looked at, null where that is missing or not kept.

    `value` shows 20 of a list's texts at most, `more` is how many there are beside. `rules` are a group's
    own; those behind the one that decided it were skipped.
    """

    outcome: Outcome
    given: str | None = None
    param: str = ""
    fact: str = ""
    operator: str = ""
    value: str | tuple[str, ...] = ""
    more: int = 0
    list_id: int | None = None
    schedule: str = ""
    group: Literal["", "all", "any"] = ""
    negate: bool = False
    rules: tuple[RuleSeen, ...] = ()


class StreamSeen(Struct, frozen=True, kw_only=True):
    """A stream that was tried: the word for what was found, and the index of the rule that failed or -1."""

    id: int
    name: str
    kind: str
    verdict: str
    rule: int
    rules: tuple[RuleSeen, ...] = ()


class DestinationSeen(Struct, frozen=True, kw_only=True):
    """A destination that was considered. `weight` is its own, `given_weight` what the core gave it."""

    id: int
    name: str
    verdict: str
    weight: int | None = None
    given_weight: int | None = None


class Trace(Struct, frozen=True, kw_only=True):
    """How one click was decided. `url` is where the visitor is sent, null when that is not for the caller.

    `landing_id` is the landing page that it came out of, through exit `exit_number`; 0 for any other click.
    `turn` is the stream's turn of a round robin, -1 without; `status` what a reply or an answer has.
    """

    decision: str
    reason: str
    campaign_id: int
    campaign: str
    stream_id: int
    destination_id: int
    network_id: int
    url: str | None
    status: int
    counted: bool
    draw: int
    turn: int
    facts: Mapping[str, str]
    streams: tuple[StreamSeen, ...]
    destinations: tuple[DestinationSeen, ...]
    landing_id: int = 0
    exit_number: int = 0
    unknown_macros: tuple[str, ...] = ()
    unusable_params: tuple[str, ...] = ()


def trace(built: Built, decision: Decision, visit: Visit, now_us: int) -> Trace:
    """The story of a decision that was made with this table of this visit at this time."""
    campaign, inputs = decision.campaign, decision.inputs
    entities = {(kind, entity.id): entity for kind, entity in built.configuration.entities}
    look = Look(visit, now_us)
    streams = []
    for index, (number, word, rule) in enumerate(inputs.streams):
        stream = entities.get(("stream", number))
        assert isinstance(stream, Stream)
        rules = of_stream(stream.rules, stream.id)
        shown = rules if rule < 0 else rules[: rule + 1]
        looked_at = index < MOST_STREAMS and word != verdicts.PAUSED
        streams.append(
            StreamSeen(
                id=number,
                name=stream.name,
                kind=stream.kind,
                verdict=word,
                rule=rule,
                rules=tuple(_rule(each, look, built.lists) for each in shown) if looked_at else (),
            )
        )
    weights = {target.destination_id: target.weight for target in _targets(entities, decision, visit)}
    given = _given_weights(campaign, decision)
    destinations = []
    for number, word, _ in inputs.destinations:
        destination = entities.get(("destination", number))
        assert isinstance(destination, Destination)
        destinations.append(
            DestinationSeen(
                id=number,
                name=destination.name,
                verdict=word,
                weight=weights.get(number),
                given_weight=given.get(number),
            )
        )
    named = entities.get(("campaign", campaign.id))
    leaving = visit.leaving
    return Trace(
        decision=decision.kind,
        reason=decision.reason,
        campaign_id=campaign.id,
        campaign=named.name if named is not None else "",
        stream_id=decision.stream_id,
        destination_id=decision.destination_id,
        network_id=decision.network_id,
        url=decision.url,
        status=decision.status,
        counted=decision.counted,
        draw=inputs.draw,
        turn=inputs.turn,
        facts=visit.facts,
        streams=tuple(streams),
        destinations=tuple(destinations),
        landing_id=leaving.landing_id if leaving is not None else 0,
        exit_number=leaving.number if leaving is not None else 0,
        unknown_macros=decision.unknown_macros,
        unusable_params=(*visit.faults, *visit.unexpanded),
    )


def _targets(entities: Mapping[Key, Entity], decision: Decision, visit: Visit) -> tuple[Target, ...]:
    """Among which it was chosen: the stream's, or those of a landing page's exit."""
    if visit.leaving is not None:
        page, number = entities.get(("destination", visit.leaving.landing_id)), visit.leaving.number
        exits = page.exits if isinstance(page, Destination) else ()
        return exits[number - 1] if 1 <= number <= len(exits) else ()
    taken = entities.get(("stream", decision.stream_id))
    return taken.targets if isinstance(taken, Stream) else ()


def without_money(seen: Trace, campaign: CompiledCampaign) -> Trace:
    """The same for whoever may not see money: no URL, and no value of what a click costs."""
    slots = campaign.reading.slots

    def hide(rule: RuleSeen) -> RuleSeen:
        name = rule.param or rule.fact.removeprefix("query.")
        slot = slots.get(name)
        told = isinstance(slot, tuple) and slot[1] in ("cost", "currency")
        return structs.replace(
            rule, given=None if told else rule.given, rules=tuple(hide(each) for each in rule.rules)
        )

    streams = tuple(structs.replace(s, rules=tuple(hide(rule) for rule in s.rules)) for s in seen.streams)
    return structs.replace(seen, url=None, streams=streams)


def _given_weights(campaign: CompiledCampaign, decision: Decision) -> dict[int, int]:
    stream = next((stream for stream in campaign.streams if stream.id == decision.stream_id), None)
    if stream is None or not decision.inputs.weights:
        return {}
    return dict(zip((target.id for target in stream.targets), decision.inputs.weights, strict=False))


def _rule(rule: Rule, look: Look, lists: Mapping[int, OpenList]) -> RuleSeen:
    making = Making(lists)
    ask = compile_rule(rule, making)
    making.patterns.compile()
    held = ask(look)
    outcome: Outcome = "unknown" if held is None else "held" if held else "failed"
    value, more = rule.value, 0
    if not isinstance(value, str):
        more = max(0, len(value) - MOST_VALUES)
        value = tuple(text[:LONGEST_VALUE] for text in value[:MOST_VALUES])
    return RuleSeen(
        outcome=outcome,
        given=_given(rule, look),
        param=rule.param,
        fact=rule.fact,
        operator=rule.operator,
        value=value,
        more=more,
        list_id=rule.list_id,
        schedule=rule.schedule.timezone if rule.schedule is not None else "",
        group="all" if rule.all else "any" if rule.any else "",
        negate=rule.negate,
        rules=_members(rule, look, lists),
    )


def _members(rule: Rule, look: Look, lists: Mapping[int, OpenList]) -> tuple[RuleSeen, ...]:
    """A group's rules up to the one that decided it; those behind it were not looked at."""
    seen: list[RuleSeen] = []
    decides: Outcome = "failed" if rule.all else "held"
    for member in rule.all or rule.any:
        if any(each.outcome == decides for each in seen):
            seen.append(structs.replace(_rule(member, look, lists), outcome="skipped", given=None, rules=()))
        else:
            seen.append(_rule(member, look, lists))
    return tuple(seen)


def _given(rule: Rule, look: Look) -> str | None:
    if rule.schedule is not None:
        moment = datetime.fromtimestamp(look.now_us / 1e6, UTC)
        return moment.astimezone(ZoneInfo(rule.schedule.timezone)).isoformat(timespec="seconds")
    if rule.param:
        given = look.params.get(rule.param)
    else:
        read = reader(rule.fact) if rule.fact else None
        kept = look.recorded is None or not is_unrecorded(rule)
        given = read(look.visit) if read is not None and kept else None
    return given[:LONGEST_VALUE] if given is not None else None
