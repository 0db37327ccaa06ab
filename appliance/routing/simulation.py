"""Clicks that nobody made: what a request, or many, would become. Recorded nowhere, remembered by nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import NamedTuple
from urllib.parse import quote

from msgspec import Struct

from appliance.model.ids import click_id
from appliance.routing.arrival import enter, go_on, pass_on, read_headers
from appliance.routing.decide import decide
from appliance.routing.decision import Decision
from appliance.routing.detection import Detection
from appliance.routing.draws import nth
from appliance.routing.landings import carried
from appliance.routing.state import State, Weights
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.unique import recognize
from appliance.routing.visit import Visit, read_query
from appliance.routing.visitors import STICKY

_FACT = "fact."
# Which of a draw's further draws (routing/draws.py) are for the next campaign, and for what varies.
_NEXT = 9
_VARIED = 100


class Arrival(Struct, frozen=True, kw_only=True):
    """A request as it would come to the public port. `headers` by name in any case.

    `script`: the tracking script tells of it, on a page whose query is `query` and whose referrer `referrer`.
    `exits` are the links by which the visitor leaves the landing pages that he is sent to, one after another.
    `facts` replace what would be detected; `cookie` is what the campaign's cookie says (sticky visitors).
    `closed`: destination → why it takes no clicks; `shown`: destinations that the visitor was shown before.
    """

    door: str
    key: str
    query: str = ""
    method: str = "GET"
    address: str = ""
    headers: dict[str, str] = {}
    referrer: str = ""
    script: bool = False
    exits: tuple[int, ...] = ()
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


class Hop(NamedTuple):
    """One decision on a visitor's way: there are several where a campaign hands on, or he leaves a page."""

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
        self._headers = {
            name.lower().encode("latin-1", "replace"): value.encode("utf-8", "replace")
            for name, value in arrival.headers.items()
        }
        self._turns: dict[int, int] = {}
        self._state = State(arrival.closed, Shown(arrival.shown), self._turns, weights)

    def click(self, draw: int, extra: Mapping[str, str] | None = None) -> list[Hop]:
        """All decisions of one visitor; none when his link means nothing. `extra`: parameters, fact.NAME."""
        given = extra or {}
        arrival = self._arrival
        campaign, link = self._table.campaign(arrival.door, arrival.key)
        if campaign is None:
            return []
        added = "&".join(
            f"{quote(name, safe='', errors='replace')}={quote(value, safe='', errors='replace')}"
            for name, value in given.items()
            if not name.startswith(_FACT)
        )
        # The first value of a name wins.
        query = _sendable("&".join(part for part in (added, arrival.query) if part))
        visit = Visit("js" if arrival.script else arrival.door, arrival.key, query, read_query(query))
        read_headers(visit, self._headers, arrival.address, arrival.method == "HEAD")
        if arrival.script:
            visit.referrer = arrival.referrer
        enter(visit, campaign, link)
        self._detection.fill(visit, link is not None and link.facts_from_query)
        visit.cookies = {f"{STICKY}{campaign.id}": arrival.cookie}
        detected = visit.facts
        said = {name.removeprefix(_FACT): value for name, value in given.items() if name.startswith(_FACT)}
        said = {name: _sendable(value) for name, value in {**arrival.facts, **said}.items()}
        hops = [self._decided(visit, campaign, draw, said)]
        exits = iter(arrival.exits)
        while True:
            decision, visit = hops[-1]
            draw = nth(draw, _NEXT)
            if decision.onward is not None:
                campaign, visit = decision.onward, copy(visit)  # what the first one saw stays to be told
                pass_on(visit, decision.campaign, campaign)
                visit.facts = detected
            elif not decision.landing or (number := next(exits, 0)) == 0:
                return hops
            else:
                visit = self._out(decision, visit, number)
            hops.append(self._decided(visit, campaign, draw, said))

    def _out(self, decision: Decision, landed: Visit, number: int) -> Visit:
        """The visitor of a landing page follows one of its links."""
        found = carried(self._table.settings.seal, [decision.landing], "", landed.at_us // 1_000)
        assert found is not None, "the page has just been given it"
        visit = Visit("lp", "", "", {})
        read_headers(visit, self._headers, self._arrival.address, False)
        go_on(visit, decision.campaign, found, number)
        self._detection.fill(visit, False)
        return visit

    def _decided(self, visit: Visit, campaign: CompiledCampaign, draw: int, said: Mapping[str, str]) -> Hop:
        """As Router decides one click. `said`: facts that replace others."""
        at_us = visit.at_us = self._arrival.at_us
        visit.draw, visit.click_id = draw, click_id(at_us // 1_000, draw)
        if campaign.asks_who and visit.leaving is None:
            recognize(campaign, visit, self._state.memory, at_us, bytes)  # somebody new, and no matter who
        visit.facts = {**visit.facts, **said}
        decision = decide(self._table, campaign, visit, self._state, draw, at_us)
        if decision.turned:
            self._turns[decision.turned] = self._turns.get(decision.turned, 0) + 1
        return Hop(decision, visit)


def _sendable(text: str) -> str:
    """Without halves of characters: no request could bring one."""
    return text.encode("utf-8", "replace").decode()


def varied(choices: Mapping[str, Sequence[str]], draw: int) -> dict[str, str]:
    """One value of each, uniformly by a draw of its own."""
    return {
        name: values[nth(draw, _VARIED + index) % len(values)]
        for index, (name, values) in enumerate(choices.items())
        if values
    }


def outcome(decision: Decision) -> Outcome:
    return Outcome(
        campaign_id=decision.campaign.id,
        decision=decision.kind,
        reason=decision.reason,
        stream_id=decision.stream_id,
        destination_id=decision.destination_id,
    )


def distribution(
    simulator: Simulator,
    n: int,
    seed: int,
    choices: Mapping[str, Sequence[str]],
    last: Callable[[Sequence[Hop]], Decision],
    check: Callable[[], None],
) -> dict[Outcome, int]:
    """How often each outcome is among `n` clicks with the draws of `seed`. `last`: which decision counts."""
    found: dict[Outcome, int] = {}
    for number in range(n):
        if number % 50 == 0:
            check()
        draw = nth(seed, number + 1)
        key = outcome(last(simulator.click(draw, varied(choices, draw))))
        found[key] = found.get(key, 0) + 1
    return found
