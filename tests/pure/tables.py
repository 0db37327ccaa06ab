"""Routing tables from entities, as the core would compile them and an edge build them."""

from __future__ import annotations

from appliance.attribution.template import names
from appliance.model.catalog import (
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    Network,
    Source,
    Stream,
    Template,
)
from appliance.model.rules import Target
from appliance.model.table import Part, SettingsEntry
from appliance.routing.compile import Draft, decode_part
from appliance.routing.decide import decide
from appliance.routing.decision import Decision
from appliance.routing.holdings import Holdings
from appliance.routing.parts import compile_part, settings_part
from appliance.routing.platform_clicks import click_ids
from appliance.routing.state import State
from appliance.routing.table import RoutingTable
from appliance.routing.visit import Visit, read_query

KEY = bytes(range(32))
SETTINGS = SettingsEntry(seal=KEY)
CLICK = "01999999-9999-7999-8999-999999999999"
_KINDS: dict[type[Entity], Kind] = {
    Campaign: "campaign", Stream: "stream", Destination: "destination", Source: "source", Link: "link",
    Network: "network", Template: "template",
}  # fmt: skip


def parts(*entities: Entity, settings: SettingsEntry = SETTINGS) -> list[Part]:
    """What the core would send to an edge."""
    holdings, found = Holdings(), [settings_part(settings)]
    for entity in entities:
        holdings.put(_KINDS[type(entity)], entity)
    for name in holdings.parts():
        part, left_out = compile_part(name, holdings, names)
        assert not left_out, left_out
        if part is not None:
            found.append(part)
    return found


def build(*entities: Entity, settings: SettingsEntry = SETTINGS) -> RoutingTable:
    """Raises AssertionError for an entity that the core would leave out."""
    draft = Draft()
    for part in parts(*entities, settings=settings):
        draft.put(part.name, list(decode_part(part.frames)))
    made = list(draft.build(7, 70))[-1]
    assert made is not None
    return made


def destination(number: int, url: str = "", **more) -> Destination:
    return Destination(id=number, url=url or f"https://d{number}.example/?c={{click_id}}", **more)


def stream(number: int, *targets: int, campaign: int = 1, **more) -> Stream:
    return Stream(
        id=number, campaign_id=campaign, position=number,
        targets=tuple(Target(destination_id=target) for target in targets), **more,
    )  # fmt: skip


def visit(query: str = "", door: str = "c") -> Visit:
    made = Visit(door, "shoes", query, read_query(query))
    made.click_id = CLICK
    made.read_tracking()
    made.click_ids = click_ids(made)
    return made


def decided(
    table: RoutingTable, query: str = "", slug: str = "shoes", draw: int = 0, **facts: str
) -> Decision:
    seen = visit(query)
    seen.facts = facts
    return decide(table, table.by_slug[slug], seen, State(), draw, 0)
