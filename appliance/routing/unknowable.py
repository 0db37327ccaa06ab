"""Rules that ask for what cannot be known here, because no database of addresses tells it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from appliance.model.catalog import Stream
from appliance.model.rules import Rule
from appliance.routing.places import PLACE_FACTS


class Asking(NamedTuple):
    """A stream, and the facts about places that its rules ask for."""

    campaign_id: int
    facts: frozenset[str]


def asked(rules: Iterable[Rule]) -> frozenset[str]:
    """Facts about places in rules and their groups."""
    found: set[str] = set()
    waiting = list(rules)
    while waiting:
        rule = waiting.pop()
        if rule.fact in PLACE_FACTS:
            found.add(rule.fact)
        waiting += rule.all
        waiting += rule.any
    return frozenset(found)


class Askers:
    """Which streams ask for facts about places. One owner writes."""

    def __init__(self) -> None:
        self._streams: dict[int, Asking] = {}

    def put(self, stream: Stream) -> None:
        facts = asked(stream.rules)
        if facts:
            self._streams[stream.id] = Asking(stream.campaign_id, facts)
        else:
            self._streams.pop(stream.id, None)

    def forget(self, stream: int) -> None:
        self._streams.pop(stream, None)

    def without(self, known: Collection[str]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """(campaign, stream, facts that are not in `known`) where there are such, in no order."""
        for stream, asking in self._streams.items():
            missing = asking.facts.difference(known)
            if missing:
                yield asking.campaign_id, stream, tuple(sorted(missing))
