"""What ad platforms are told of a click: their own ids of it, what was said of consent, where he came to.

Taken from the query whatever the source's template calls its parameters: a platform adds its own by itself.
Nothing is kept of a click that no platform has put an id into: nobody could be told of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

IDS = frozenset(
    (
        "fbclid", "ttclid", "gclid", "gbraid", "wbraid", "msclkid", "ScCid", "sccid", "epik", "tblci",
        "click-id", "dicbo", "ob_click_id", "oppref", "twclid", "li_fat_id", "rdt_cid",
    )
)  # fmt: skip
"""Parameters by which platforms name a click (partners/platforms, click_parameters), and some to come."""
CONSENT = ("consent", "gdpr", "gdpr_consent", "us_privacy", "gpp", "gpp_sid")
"""Parameters that say what the visitor agreed to: a plain word, IAB's TCF, US Privacy and GPP strings."""
COOKIES = ("_fbp", "_fbc", "_ttp", "_scid", "_epik")
"""Cookies of platforms that are part of who a visitor is (partners/report.Identity.seen)."""
LONGEST_ID = 512
LONGEST_CONSENT = 256
"""Characters; a TCF string says within the first 30 what its purposes are."""
LONGEST_PAGE = 512
_NOTHING: Mapping[str, str] = {}


class Visited(Protocol):
    """The parts of routing.visit.Visit that are looked at."""

    params: dict[str, str]
    headers: Mapping[bytes, bytes]
    signals: Mapping[str, str]
    door: str
    key: str
    host: str
    click_ids: Mapping[str, str]


def click_ids(visit: Visited) -> Mapping[str, str]:
    """The ids and what was said of consent; {} without an id. One that is too long is left out: half of it
    would be another click's. What the page's script says of consent counts before the link's parameters."""
    params = visit.params
    if params.keys().isdisjoint(IDS):
        return _NOTHING
    told = {
        name: value
        for name, value in params.items()
        if name in IDS and 0 < len(value) <= LONGEST_ID
    }  # fmt: skip
    if not told:
        return _NOTHING
    for name in CONSENT:
        if value := params.get(name, ""):
            told[name] = value[:LONGEST_CONSENT]
    if said := visit.signals.get("consent", ""):
        told["consent"] = said[:LONGEST_CONSENT]
    if visit.headers.get(b"sec-gpc") == b"1":
        told["gpc"] = "1"
    told["page"] = _page(visit)
    return told


def _page(visit: Visited) -> str:
    """The page's address without its query: the script's, else the tracked link's."""
    page = visit.signals.get("page", "") or f"https://{visit.host}/{visit.door}/{visit.key}"
    return page.partition("#")[0].partition("?")[0][:LONGEST_PAGE]


def told(visit: Visited, facts: Mapping[str, str]) -> Mapping[str, str]:
    """What is recorded of it: with the country that was detected, which defaults of consent go by."""
    country = facts.get("country", "")
    return {**visit.click_ids, "country": country} if country else visit.click_ids


def observed(cookies: Mapping[str, str]) -> Mapping[str, str]:
    """The platforms' cookies among these, none of them invented."""
    return {name: value[:LONGEST_ID] for name in COOKIES if (value := cookies.get(name, ""))}
