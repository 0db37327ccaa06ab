"""Clicks that nobody made: what a request, or many, would become. Recorded nowhere, remembered by nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from appliance.model.catalog import Link
from appliance.model.ids import click_id
from appliance.routing.arrival import enter, read_visit
from appliance.routing.decide import decide
from appliance.routing.decision import Decision
from appliance.routing.detection import Detection
from appliance.routing.draws import nth
from appliance.routing.state import State, Weights
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit

_FACT = "fact."


class Arrival(Struct, frozen=True, kw_only=True):
    """A request as it would come to the public port. `headers` by name in any case.

    `facts` replace what would be detected; `cookie` is what the campaign's cookie says (sticky visitors).
    `closed`: destination → why it takes no clicks; `shown`: destinations that the visitor was shown before.
    """

    door: str
    key: str
    query: str = ""
    method: str = "GET"
    address: str = ""
    headers: dict[str, str] = {}
    facts: dict[str, str] = {}
    cookie: str = ""
    closed: dict[int, str] = {}
    shown: tuple[int, ...] = ()
    at_us: int = 0


class Outcome(Struct, frozen=True, kw_only=True, order=True):
    """Where clicks end: the deciding campaign, and what it decided."""

    campaign_id: int
    decision: str
    reason: str
    stream_id: int
    destination_id: int


class Hop(Struct, frozen=True):
    """One campaign's decision of a click. A click has several where a campaign hands it on."""

    decision: Decision
    visit: Visit


class Shown:
    """A memory in which everybody was shown the same destinations."""

    def __init__(self, shown: Sequence[int]) -> None:
        self._shown = frozenset(shown)

    def shown(self, stream_id: int, key: str, since_us: int) -> frozenset[int]:
        return self._shown

    def converted(self, key: str) -> tuple[int, ...]:
        return ()

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        return False


class Simulator:
    """Decides arrivals one after another on one table, as an edge would that has nothing else to do.

    Only round robins advance from one to the next; every visitor is a new one.
    """

    def __init__(
        self, table: RoutingTable, detection: Detection, arrival: Arrival, weights: Weights | None = None
    ) -> None:
        self._table = table
        self._detection = detection
        self._arrival = arrival
        self._turns: dict[int, int] = {}
        self._state = State(arrival.closed, Shown(arrival.shown), self._turns, weights)

    def click(self, draw: int, extra: Mapping[str, str] | None = None) -> list[Hop]:
        """All decisions of one click; none when its link means nothing. `extra`: parameters, fact.NAME."""
        given = extra or {}
        arrival = self._arrival
        added = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}"
            for name, value in given.items()
            if not name.startswith(_FACT)
        )
        # The first value of a name wins.
        query = "&".join(part for part in (added, arrival.query) if part)
        headers = {
            name.lower().encode("latin-1", "replace"): value.encode()
            for name, value in arrival.headers.items()
        }
        visit = read_visit(arrival.door, arrival.key, query, headers, arrival.address, arrival.method)
        campaign, link = self._table.campaign(arrival.door, arrival.key)
        if campaign is None:
            return []
        enter(visit, campaign, link)
        self._detect(visit, link, given)
        visit.sticky, visit.visitor = arrival.cookie, "?"
        return self._decided(visit, campaign, draw)

    def _detect(self, visit: Visit, link: Link | None, extra: Mapping[str, str]) -> None:
        self._detection.fill(visit, link is not None and link.facts_from_query)
        varied = {name.removeprefix(_FACT): v for name, v in extra.items() if name.startswith(_FACT)}
        visit.facts = {**visit.facts, **self._arrival.facts, **varied}

    def _decided(self, visit: Visit, campaign: CompiledCampaign, draw: int) -> list[Hop]:
        """As Router.click goes on, with further draws of the same one."""
        at_us = visit.at_us = self._arrival.at_us
        hops: list[Hop] = []
        going: CompiledCampaign | None = campaign
        while going is not None:
            if hops:
                visit.pass_on(going.source_id)
                draw = nth(draw, _NEXT)
            visit.click_id = click_id(at_us // 1_000, draw)
            decision = decide(self._table, going, visit, self._state, draw, at_us)
            if decision.turned:
                self._turns[decision.turned] = self._turns.get(decision.turned, 0) + 1
            hops.append(Hop(decision, visit))
            going = decision.onward
        return hops


_NEXT = 9


def varied(choices: Mapping[str, Sequence[str]], draw: int) -> dict[str, str]:
    """One value of each, uniformly by a draw of its own."""
    return {
        name: values[nth(draw, _VARIED + index) % len(values)]
        for index, (name, values) in enumerate(choices.items())
        if values
    }


_VARIED = 100


def outcome(decision: Decision) -> Outcome:
    return Outcome(
        campaign_id=decision.campaign.id,
        decision=decision.kind,
        reason=decision.reason,
        stream_id=decision.stream_id,
        destination_id=decision.destination_id,
    )


def distribution(
    simulator: Simulator, n: int, seed: int, choices: Mapping[str, Sequence[str]], check: Callable[[], None]
) -> dict[Outcome | None, int]:
    """How often each outcome is among `n` clicks with the draws of `seed`; None: the link means nothing."""
    found: dict[Any, int] = {}
    for number in range(n):
        if number % 50 == 0:
            check()
        draw = nth(seed, number + 1)
        hops = simulator.click(draw, varied(choices, draw))
        key = outcome(hops[-1].decision) if hops else None
        found[key] = found.get(key, 0) + 1
    return found
