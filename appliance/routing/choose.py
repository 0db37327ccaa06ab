"""Which of a stream's destinations takes the click."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from appliance.model.events import DecisionInputs, Verdict
from appliance.routing import verdicts
from appliance.routing.availability import stand_in, why_closed
from appliance.routing.back import back
from appliance.routing.carrying import token
from appliance.routing.decision import Decision, counts
from appliance.routing.distribution import best, by_turn, by_weight
from appliance.routing.draws import DRAW_BITS
from appliance.routing.lessons import CLICK, SHOWN, Lesson
from appliance.routing.policy import CompiledPolicy
from appliance.routing.state import Availability, State
from appliance.routing.table import CompiledCampaign, CompiledStream, CompiledTarget, RoutingTable
from appliance.routing.visit import Visit

_NO_WEIGHTS: tuple[int, ...] = ()


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
    """A destination of the matching stream, by its strategy among those that are open to this visitor."""
    targets = stream.targets
    turn, weights, key = -1, _NO_WEIGHTS, ""
    shut = state.availability
    # The view's own method: it walks the shorter of the two.
    all_open = stream.all_open and (not shut or shut.keys().isdisjoint(stream.ids))
    if stream.plain and all_open:
        index = bisect_right(stream.picks, draw * stream.total >> DRAW_BITS)
        if stream.seen is not None:
            seen = stream.seen[index]
        else:
            seen = tuple(t.chosen if i == index else t.open for i, t in enumerate(targets))
    else:
        beside: list[Verdict] = []
        open_to: Sequence[int] = stream.every
        if all_open:
            verdict = list(stream.opens)
        else:
            targets, verdict, open_to = _open_ones(targets, shut, now_us, beside)
        among: Sequence[int] = open_to
        word = verdicts.CHOSEN
        policy = stream.policy
        if policy is not None:
            key = policy.key(visit)
            if key:
                among, word = _not_again(stream, targets, policy, state, key, now_us, verdict, open_to)
        if not among:
            reason = verdicts.NO_DESTINATION
            return back(table, campaign, visit, reason, draw, looked, (*verdict, *beside), stream.id)
        index = _stuck(stream, targets, visit.sticky, among) if visit.sticky else -1
        if index >= 0:
            word = verdicts.STICKY
        elif stream.strategy == "weighted":
            index = by_weight(among, stream.weights, draw)
        else:
            index, turn, weights = _by_strategy(stream, state, draw, open_to, among)
        verdict[index] = (targets[index].id, word, -1)
        seen = (*verdict, *beside)
    target = targets[index]
    decision = Decision(campaign, verdicts.TO_DESTINATION, "", counts(visit.flags, table.settings.count_bots))
    decision.stream_id = stream.id
    decision.destination_id = target.id
    decision.network_id = target.destination.network_id
    decision.inputs = DecisionInputs(
        1, verdicts.KERNEL, draw, looked, seen, visit.facts, turn, weights, visit.sticky
    )
    if stream.answer is not None:
        decision.answer = stream.answer
    if target.destination.landing:
        decision.landing_id = target.id
        decision.landing = visit.landing = token(table.settings.seal, visit, target.ids)
        if visit.leaving is not None:
            decision.reason = verdicts.NEXT_LANDING
    template = target.destination.url
    decision.url = template.render(visit, target.ids)
    if template.unknown:
        decision.unknown_macros = template.unknown
    if decision.counted:
        decision.sent_to = target.id
        if turn >= 0:
            decision.turned = stream.id
        if key:
            decision.lessons = _lessons(stream, target.id, key, visit)
    if stream.sticky:
        sticks = f"{stream.id}.{target.id}" if stream.sticky == "destination" else str(stream.id)
        if sticks != visit.sticky:
            decision.sticks = sticks
    return decision


def _open_ones(
    targets: tuple[CompiledTarget, ...], shut: Availability, now_us: int, beside: list[Verdict]
) -> tuple[tuple[CompiledTarget, ...], list[Verdict], list[int]]:
    """The targets with stand-ins in the places of closed ones, the verdict on each, and which are open.

    `beside` gets the verdicts on those that stand-ins replace, and on closed stand-ins.
    """
    verdict: list[Verdict] = []
    open_to: list[int] = []
    for i, target in enumerate(targets):
        closed = why_closed(target.destination, shut, now_us)
        if target.weight <= 0:
            closed = closed or verdicts.NO_WEIGHT
        elif closed and target.alternatives:
            other = stand_in(target, shut, now_us, beside)
            if other is not None:
                beside.append((target.id, closed, -1))
                targets = (*targets[:i], other, *targets[i + 1 :])
                target, closed = other, ""
        if closed:
            verdict.append((target.id, closed, -1))
        else:
            verdict.append(target.open)
            open_to.append(i)
    return targets, verdict, open_to


def _not_again(
    stream: CompiledStream,
    targets: Sequence[CompiledTarget],
    policy: CompiledPolicy,
    state: State,
    key: str,
    now_us: int,
    verdict: list[Verdict],
    open_to: Sequence[int],
) -> tuple[Sequence[int], str]:
    """Those of the open ones that this visitor may have, and the word for the one that is chosen."""
    among = open_to
    if policy.skips_converted and (converted := state.memory.converted(key)):
        among = [i for i in open_to if targets[i].id not in converted]
        for i in open_to:
            if targets[i].id in converted:
                verdict[i] = (targets[i].id, verdicts.CONVERTED, -1)
    shown = state.memory.shown(stream.id, key, now_us - policy.window_us)
    if not shown:
        return among, verdicts.CHOSEN
    fresh = []
    for i in among:
        if targets[i].id in shown:
            verdict[i] = (targets[i].id, verdicts.REPEAT, -1)
        else:
            fresh.append(i)
    if fresh or not policy.repeats:
        return fresh, verdicts.CHOSEN
    return among, verdicts.REPEATED


def _stuck(
    stream: CompiledStream, targets: Sequence[CompiledTarget], cookie: str, among: Sequence[int]
) -> int:
    """The index that a cookie "stream.destination" names, if the visitor may have it; else -1."""
    number, _, destination = cookie.partition(".")
    if stream.sticky != "destination" or number != str(stream.id):
        return -1
    for i in among:
        if destination == str(targets[i].id):
            return i
    return -1


def _by_strategy(
    stream: CompiledStream, state: State, draw: int, open_to: Sequence[int], among: Sequence[int]
) -> tuple[int, int, tuple[int, ...]]:
    """(index, turn of a round robin or -1, the core's weights or ()) by any strategy but `weighted`."""
    strategy = stream.strategy
    weights = _NO_WEIGHTS
    if strategy in ("best_roi", "adaptive"):
        given = state.weights.get(stream.id)
        if given:
            weights = tuple(given.get(target.id, 0) for target in stream.targets)
            if not any(weights):
                weights = _NO_WEIGHTS
        if strategy == "adaptive":
            if weights and any(weights[i] for i in among):
                return by_weight(among, weights, draw), -1, weights
            return by_weight(among, stream.weights, draw), -1, weights
        if weights and all(weights[i] for i in open_to):
            return best(among, weights), -1, weights
        strategy = stream.fallback
    if strategy == "round_robin":
        turn = state.turns.get(stream.id, 0)
        return by_turn(open_to, among, turn), turn, weights
    if strategy == "waterfall":
        return among[0], -1, weights
    return by_weight(among, stream.weights, draw), -1, weights


def _lessons(stream: CompiledStream, destination_id: int, key: str, visit: Visit) -> tuple[Lesson, ...]:
    shown = Lesson(SHOWN, stream.id, key, destination_id)
    if stream.policy is not None and stream.policy.skips_converted:
        return (shown, Lesson(CLICK, 0, key, destination_id, visit.click_id))
    return (shown,)
