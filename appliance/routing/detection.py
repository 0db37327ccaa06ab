"""All facts about a visit that its request tells, and those that a link lets its query say instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

from appliance.routing.agents import DEVICE_TYPES, NO_HINTS, Agents, Hints, hints_of
from appliance.routing.places import Places
from appliance.routing.recent import Recent
from appliance.routing.referrers import Languages, Referrers
from appliance.routing.visit import Visit

LONGEST = 128
CLIENTS = 8_192
"""Combinations of user agent, referrer and language that are remembered, about 2 kB each."""
LONGEST_KEPT = 1_024

ALIASES: dict[str, tuple[str, ...]] = {
    "country": ("geo_country", "country", "country_code", "geo"),
    "region": ("geo_region", "region", "state"),
    "city": ("city", "geo_city"),
    "asn": ("asn", "geo_asn"),
    "isp": ("isp", "carrier"),
    "device_type": ("device_type", "device"),
    "os": ("os", "platform"),
    "browser": ("browser", "ua_browser"),
}
"""Fact → the parameters that may say it on a link with `facts_from_query`: the first that is not empty.

The seed's lists, in its order (trackers.md 2.1)."""

_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_ASN = re.compile(r"(?:AS)?(\d{1,10})", re.ASCII | re.IGNORECASE)
_NAMES = {
    name.lower(): name
    for name in (
        "Windows", "macOS", "iOS", "Android", "Linux", "Ubuntu", "Chrome OS", "KaiOS", "Tizen",
        "Chrome", "Safari", "Firefox", "Edge", "Opera", "Opera Mini", "Samsung Internet",
        "Yandex Browser", "IE",
    )
} | {"mac os x": "macOS", "os x": "macOS", "ipados": "iOS"}  # fmt: skip
"""Operating systems and browsers as the detection writes them: rules mind capitals, sources do not."""


class Detection:
    """Reads visits. `places` may be replaced at any time, by whoever watches the databases.

    What a request says of its client is remembered as a whole: of a visit that is like another but for its
    address, only the address is looked up.
    """

    def __init__(self, places: Places | None = None) -> None:
        self.places = places if places is not None else Places()
        self._agents = Agents()
        self._referrers = Referrers()
        self._languages = Languages()
        self._clients: Recent[object, dict[str, str]] = Recent(CLIENTS)

    def fill(self, visit: Visit, from_query: bool) -> None:
        """Set the visit's facts; `from_query`: its parameters may replace them by ALIASES."""
        facts = self.facts(visit)
        if from_query:
            said, faults = said_by(visit.params)
            facts.update(said)
            if faults:
                visit.faults = (*visit.faults, *faults)
        visit.facts = facts

    def facts(self, visit: Visit) -> dict[str, str]:
        """By the names of routing/facts.py; one that is missing cannot be known. A new one each time."""
        headers = visit.headers
        hints = hints_of(headers) if b"sec-ch-ua" in headers else NO_HINTS
        key = (visit.user_agent, visit.referrer, visit.language, visit.flags, hints)
        facts = (self._clients.get(key) or self._client(key, visit, hints)).copy()
        facts.update(self.places.facts(visit.address))
        return facts

    def _client(self, key: object, visit: Visit, hints: Hints) -> dict[str, str]:
        facts = {
            "prefetch": "1" if "prefetch" in visit.flags else "0",
            **self._agents.facts(visit.user_agent, hints),
            **self._languages.facts(visit.language),
            **self._referrers.facts(visit.referrer),
        }
        if len(visit.user_agent) + len(visit.referrer) <= LONGEST_KEPT:
            self._clients.put(key, facts)
        return facts


def said_by(params: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The facts that parameters say by ALIASES, and the names of those that are unusable."""
    facts: dict[str, str] = {}
    faults: list[str] = []
    for fact, names in ALIASES.items():
        for name in names:
            given = params.get(name, "").strip()
            if not given:
                continue
            value = _normal(fact, given)
            if value:
                facts[fact] = value
                break
            faults.append(name)
    return facts, tuple(faults)


def _normal(fact: str, given: str) -> str:
    """A value as the detection would write it; "" for what is none."""
    if len(given) > LONGEST or not given.isprintable():
        return ""
    if fact == "country":
        return given.upper() if _COUNTRY.fullmatch(given) else ""
    if fact == "asn":
        found = _ASN.fullmatch(given)
        return found[1].lstrip("0") if found else ""
    if fact == "device_type":
        lower = given.lower()
        lower = {"phone": "mobile", "smartphone": "mobile", "pc": "desktop", "computer": "desktop"}.get(
            lower, lower
        )
        return lower if lower in DEVICE_TYPES else ""
    if fact in ("os", "browser"):
        return _NAMES.get(given.lower(), given)
    return given
