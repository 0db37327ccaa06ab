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
from appliance.model.events import ClickEvent
from appliance.routing import verdicts
from appliance.routing.arrival import enter
from appliance.routing.back import back
from appliance.routing.decide import decide
from appliance.routing.decision import Decision, url_hash
from appliance.routing.landings import leave
from appliance.routing.state import State
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit, read_query

_OF_THE_TABLE = frozenset(
    {
        verdicts.OPEN, verdicts.CHOSEN, verdicts.DISABLED, verdicts.NO_WEIGHT, verdicts.STICKY,
        verdicts.REPEAT, verdicts.REPEATED, verdicts.CONVERTED, verdicts.SCHEDULE,
    }
)  # fmt: skip
"""What is found of a destination without State.availability: the table, the visitor or the draw says so."""


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


def visit_of(step: Step, before: Visit | None = None) -> Visit:
    """The visit as the edge had read it, but for its full address, its headers and who it was.

    `before` is the visit of the click that this one came from (`parent_id`). Raises Missing when the table
    does not know the campaign or the link.
    """
    click, campaign = step.click, campaign_of(step)
    if click.exit_number:
        visit = _visit(click, campaign, None)
        enter(visit, campaign, None)
        currency = before.currency if before is not None else ""
        visit.carry(click.link_id, click.source_click_id, currency, click.subs, click.utm)
        visit.source_id = campaign.source_id
    elif before is not None:
        visit = before
        visit.pass_on(campaign.source_id)
    else:
        link = _link(step)
        visit = _visit(click, campaign, link)
        enter(visit, campaign, link)
    visit.click_id, visit.at_us = click.id, click.at_us
    visit.facts, visit.recorded = click.inputs.facts, click.inputs.tests
    visit.sticky = click.inputs.cookie
    visit.hops, visit.signals = click.hops, click.signals
    return visit


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


def state_of(click: ClickEvent, campaign: CompiledCampaign) -> State:
    """What the edge knew: who was closed, whose turn it was, the core's weights, who was shown what."""
    inputs = click.inputs
    closed = {number: word for number, word, _ in inputs.destinations if word not in _OF_THE_TABLE}
    turns = {click.stream_id: inputs.turn} if inputs.turn >= 0 else {}
    weights: dict[int, Mapping[int, int]] = {}
    if inputs.weights:
        stream = next((stream for stream in campaign.streams if stream.id == click.stream_id), None)
        if stream is not None:
            ids = (target.id for target in stream.targets)
            weights[stream.id] = dict(zip(ids, inputs.weights, strict=False))
    return State(closed, Remembered(click), turns, weights)


def decide_again(step: Step, parents: Sequence[Step] = ()) -> tuple[Decision, Visit]:
    """What a table makes of a recorded click. `parents`: the clicks that it came from, the first one first.

    Raises Missing when a table does not know the campaign or the link.
    """
    visit: Visit | None = None
    for parent in parents:
        visit = visit_of(parent, visit)
    click, table, campaign = step.click, step.table, campaign_of(step)
    visit = visit_of(step, visit)
    state, draw = state_of(click, campaign), click.inputs.draw
    if click.reason == verdicts.ERROR:
        return back(table, campaign, visit, verdicts.ERROR, draw, (), (), 0), visit
    if click.exit_number:
        stream = parents[-1].click.stream_id if parents else click.stream_id
        page, number = click.landing_id, click.exit_number
        return leave(table, campaign, stream, page, number, visit, state, draw, click.at_us), visit
    return decide(table, campaign, visit, state, draw, click.at_us), visit


def differences(click: ClickEvent, decision: Decision, visit: Visit) -> tuple[Difference, ...]:
    """Every field in which a click and its replay differ; none is the proof that the record is explained."""
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
        **{f"inputs.{name}": (getattr(was, name), getattr(now, name)) for name in was.__struct_fields__},
    }
    return tuple(
        Difference(field=name, recorded=recorded, replayed=replayed)
        for name, (recorded, replayed) in pairs.items()
        if recorded != replayed
    )
