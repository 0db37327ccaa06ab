"""The facts a rule may ask for, by name, and how each is read from a visit.

A reader answers None for what cannot be known here (no city database, a client that hides it) and "" for
what is known to be absent. Detected facts stand in `visit.facts`, which the click records.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.routing.visit import SUBS, UTM, Visit

Reader = Callable[[Visit], str | None]

DETECTED = (
    "country", "region", "city", "isp", "asn", "connection_type",
    "device_type", "device_brand", "device_model", "os", "os_version", "browser", "browser_version",
    "language", "ip_version", "referrer_host", "search_engine", "bot", "datacenter", "prefetch",
    "unique_campaign", "unique_stream",
)  # fmt: skip
"""Keys of `visit.facts`. Yes and no are "1" and "0".

unique_stream is kept for each stream that asks, as unique_stream.ID: a rule of that stream looks at its own.
"""


def _detected(name: str) -> Reader:
    return lambda visit: visit.facts.get(name)


def _sub(number: int) -> Reader:
    return lambda visit: visit.subs.get(number, "")


def _utm(name: str) -> Reader:
    return lambda visit: visit.utm.get(name, "")


def _param(name: str) -> Reader:
    return lambda visit: visit.params.get(name, "")


def _header(name: str) -> Reader:
    key = name.lower().encode("latin-1")
    return lambda visit: visit.headers.get(key, b"").decode("utf-8", "replace")


READERS: dict[str, Reader] = {
    **{name: _detected(name) for name in DETECTED},
    "ip": lambda visit: visit.address,
    "referrer": lambda visit: visit.referrer,
    "user_agent": lambda visit: visit.user_agent,
    "source": lambda visit: str(visit.source_id or ""),
    "link": lambda visit: str(visit.link_id or ""),
    "source_click_id": lambda visit: visit.source_click_id,
    **{f"sub{number}": _sub(number) for number in range(1, SUBS + 1)},
    **{name: _utm(name) for name in UTM},
}

UNRECORDED = ("ip", "header.")
"""Facts that no event keeps whole: instead the results of their tests are recorded (DecisionInputs.tests)."""


def reader(name: str) -> Reader | None:
    """Who reads a fact; `header.NAME` and `query.NAME` are any header and parameter. None: no such fact."""
    if name.startswith("header."):
        return _header(name[7:]) if name[7:].isascii() and len(name) > 7 else None
    if name.startswith("unique_stream."):
        return _detected(name)
    if name.startswith("query."):
        return _param(name[6:]) if len(name) > 6 else None
    return READERS.get(name)
