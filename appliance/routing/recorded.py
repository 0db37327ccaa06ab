"""A recorded click decided again: its visit and the state it met are rebuilt, and decide() does the rest.

Nothing here looks at rules, weights or destinations: whatever a decision consumes beyond the table stands in
the record (DecisionInputs), and what a decision makes of it is compared with what was recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from appliance.errors import Missing
from appliance.model.catalog import Link
from appliance.model.events import ClickEvent, DecisionInputs
from appliance.routing import verdicts
from appliance.routing.arrival import currency_of, enter, go_on, landing_of, pass_on
from appliance.routing.back import back
from appliance.routing.decide import decide
from appliance.routing.decision import Decision, url_hash
from appliance.routing.landings import Carried
from appliance.routing.state import State
from appliance.routing.table import CompiledCampaign, CompiledStream, RoutingTable
from appliance.routing.visit import Visit, read_query

_OF_THE_TABLE = frozenset(
    {
        verdicts.OPEN, verdicts.CHOSEN, verdicts.DISABLED, verdicts.NO_WEIGHT, verdicts.STICKY,
        verdicts.REPEAT, verdicts.REPEATED, verdicts.CONVERTED, verdicts.SCHEDULE,
    }
)  # fmt: skip
"""What is found of a destination without State.availability: the table, the visitor or the draw says so."""


_DECIDED = tuple(name for name in DecisionInputs.__struct_fields__ if name not in ("v", "kernel"))
_NO_TURNS: Mapping[int, int] = {}


class Remembered:
    """The memory that a click met, as far as its verdicts tell: all that a decision asked it for."""

    def __init__(self, click: ClickEvent) -> None:
        words = [(number, word) for number, word, _ in click.inputs.destinations]
        self._shown = {n for n, word in words if word in (verdicts.REPEAT, verdicts.REPEATED)}
        self._converted = {n for n, word in words if word == verdicts.CONVERTED}

    def shown(self, stream_id: int, key: str, since_us: int) -> Collection[int]:
        return self._shown

    def converted(self, key: str) -> Collection[int]:
        return self._converted

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        return False  # what it knew of the visitor stands in his facts


class Difference(Struct, frozen=True, kw_only=True):
    """A field of the record that deciding again does not give."""

    field: str
    recorded: Any
    replayed: Any


class Step(NamedTuple):
    """A recorded click with the table that decided it."""

    click: ClickEvent
    table: RoutingTable


def campaign_of(step: Step) -> CompiledCampaign:
    """Raises Missing when the table has no such campaign."""
    campaign = step.table.by_id.get(step.click.campaign_id)
    if campaign is None:
        raise Missing(f"there is no campaign {step.click.campaign_id} in this configuration")
    return campaign


def visit_of(steps: Sequence[Step]) -> Visit:
    """The last click's visit as the edge had read it, but for its full address, its headers and who it was.

    `steps`: the clicks that it came from (`parent_id`), the first one first, and itself. Raises Missing when
    a table does not know the campaign or the link.
    """
    *parents, step = steps
    click, campaign = step.click, campaign_of(step)
    before = visit_of(parents) if parents else None
    if click.exit_number:
        visit = _visit(click, campaign, None)
        go_on(visit, campaign, _carried(click, parents, before), click.exit_number)
    elif before is not None:
        visit = before
        pass_on(visit, campaign_of(parents[-1]), campaign)
    else:
        link = _link(step)
        visit = _visit(click, campaign, link)
        enter(visit, campaign, link)
    visit.click_id, visit.at_us, visit.draw = click.id, click.at_us, click.inputs.draw
    visit.facts, visit.recorded = click.inputs.facts, click.inputs.tests
    visit.sticky = click.inputs.cookie
    visit.hops, visit.signals = click.hops, click.signals
    visit.click_ids = {name: value for name, value in click.click_ids.items() if name != "country"}
    return visit


def _carried(click: ClickEvent, parents: Sequence[Step], before: Visit | None) -> Carried:
    """What the visitor carried out of a landing page, but for what only a click knew that is gone."""
    return Carried(
        click.parent_id,
        click.campaign_id,
        parents[-1].click.stream_id if parents else click.stream_id,
        click.landing_id,
        click.link_id,
        click.source_click_id,
        before.currency if before is not None else "",
        click.subs,
        click.utm,
    )


def _visit(click: ClickEvent, campaign: CompiledCampaign, link: Link | None) -> Visit:
    key = link.token if link is not None else campaign.public_id if click.door == "go" else campaign.slug
    visit = Visit(click.door, key, click.query, read_query(click.query))
    visit.request_id = click.request_id
    visit.address, visit.user_agent, visit.referrer = click.address, click.user_agent, click.referrer
    visit.language, visit.host, visit.flags = click.language, click.host, click.flags
    visit.visitor = "?"  # only whether a visitor can be known at all is asked: the verdicts tell the rest
    return visit


def _link(step: Step) -> Link | None:
    number = step.click.link_id
    if not number:
        return None
    found = next((held for held, _ in step.table.links.values() if held.id == number), None)
    if found is None:
        raise Missing(f"there is no link {number} in this configuration")
    return found


def state_of(click: ClickEvent, campaign: CompiledCampaign, turns: Mapping[int, int]) -> State:
    """What the edge knew: who was closed, whose turn it was, the core's weights, who was shown what.

    `turns` are those of streams that took none when the click came.
    """
    inputs = click.inputs
    closed = {number: word for number, word, _ in inputs.destinations if word not in _OF_THE_TABLE}
    if inputs.turn >= 0:
        turns = {**turns, click.stream_id: inputs.turn}
    weights: dict[int, Mapping[int, int]] = {}
    if inputs.weights:
        stream = next((stream for stream in campaign.streams if stream.id == click.stream_id), None)
        if stream is not None:
            weights[stream.id] = _weights(click, stream)
    return State(closed, Remembered(click), turns, weights)


def _weights(click: ClickEvent, stream: CompiledStream) -> dict[int, int]:
    """Destination → the weight that the core had given it.

    The record has them in the order of the stream's targets then. Its verdicts are in that order too, but
    for targets whose place another took; these are where they were, unless the stream was changed there.
    """
    recorded = [number for number, _, _ in click.inputs.destinations[: len(click.inputs.weights)]]
    found: dict[int, int] = {}
    replaced = []
    for target, number, weight in zip(stream.targets, recorded, click.inputs.weights, strict=False):
        if target.id == number:
            found[number] = weight
        elif target.id not in recorded:
            replaced.append((target.id, weight))
    for number, weight in (*zip(recorded, click.inputs.weights, strict=True), *replaced):
        found.setdefault(number, weight)
    return found


def decide_again(
    step: Step, parents: Sequence[Step] = (), turns: Mapping[int, int] = _NO_TURNS
) -> tuple[Decision, Visit]:
    """What a table makes of a recorded click. `parents`: the clicks that it came from, the first one first.

    `turns` as in state_of. Raises Missing when a table does not know the campaign or the link.
    """
    click, table, campaign = step.click, step.table, campaign_of(step)
    visit = visit_of((*parents, step))
    state, draw = state_of(click, campaign, turns), click.inputs.draw
    if click.reason == verdicts.ERROR:
        return back(table, campaign, visit, verdicts.ERROR, draw, (), (), 0), visit
    return decide(table, campaign, visit, state, draw, click.at_us), visit


def differences(step: Step, decision: Decision, visit: Visit) -> tuple[Difference, ...]:
    """Every field in which a click and its replay differ; none is the proof that the record is explained.

    Which kernel decided is no difference: what it decided is.
    """
    click = step.click
    was, now = click.inputs, decision.inputs
    pairs: dict[str, tuple[object, object]] = {
        "decision": (click.decision, decision.kind),
        "reason": (click.reason, decision.reason),
        "stream_id": (click.stream_id, decision.stream_id),
        "destination_id": (click.destination_id, decision.destination_id),
        "network_id": (click.network_id, decision.network_id),
        "counted": (click.counted, decision.counted),
        "url_hash": (click.url_hash, url_hash(decision.url)),
        "source_id": (click.source_id, visit.source_id),
        "source_click_id": (click.source_click_id, visit.source_click_id),
        "subs": (click.subs, visit.subs),
        "utm": (click.utm, visit.utm),
        "cost": (click.cost, visit.cost),
        "currency": (click.currency, currency_of(visit, decision.campaign, step.table)),
        "landing_id": (click.landing_id, landing_of(visit, decision)),
        **{f"inputs.{name}": (getattr(was, name), getattr(now, name)) for name in _DECIDED},
    }
    return tuple(
        Difference(field=name, recorded=recorded, replayed=replayed)
        for name, (recorded, replayed) in pairs.items()
        if recorded != replayed
    )
