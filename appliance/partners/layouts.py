"""Postbacks of search-feed networks as interpreted events: what each puts into which parameter.

The founding document's networks pass through whatever the landing page's link held, several values to a
parameter. One postback is a click that was paid for; its session and keyword are its key, so that a later
word on its revenue (Tonic sends several) replaces what was said before. Airfind's name neither a pixel nor a
session: they stay in the postback log and are no events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_args

from appliance.model.catalog import Layout
from appliance.model.unexpanded import is_unexpanded
from appliance.partners.interpreted import Interpreted, Unreadable, read

LAYOUTS: tuple[Layout, ...] = get_args(Layout)[1:]
_SOURCES = {"fb": "facebook", "fbk": "facebook", "tt": "tiktok", "tik": "tiktok", "tb": "taboola"}
UNKNOWN = "unknown"
_DIGITS = re.compile(r"\d{1,30}", re.ASCII)
_SESSION = re.compile(r"[0-9a-zA-Z-]{1,200}", re.ASCII)
_TIME = re.compile(r"\d{10,13}", re.ASCII)
_TONIC_PAID = frozenset(
    ("click", "preestimated_revenue", "estimated_revenue", "estimated_revenue_5h", "revenue")
)
"""Types that say of a click that it was one; `redirect`, `view` and `viewrt` come before it."""
_SEDO_LATE_S = 2 * 86_400


def laid_out(layout: Layout, params: Mapping[str, str], at_us: int) -> Interpreted | Unreadable:
    """The event of a postback that arrived at `at_us`, its parameters decoded."""
    given = {name: value for name, value in params.items() if not is_unexpanded(value)}
    made = _OF.get(layout)
    return made(given, at_us // 1_000_000) if made is not None else Unreadable("no such layout")


def _tonic(given: Mapping[str, str], now_s: int) -> Interpreted | Unreadable:
    pixel, campaign, adset, ad, source, session = _parts(given.get("subid2", ""), "_|_", 6)
    address, country, region, city, clicked, campaign_name = _parts(given.get("subid4", ""), "_|_", 6)
    kind = given.get("type", "click").lower()
    return read({
        "network": "tonic", "session_id": session, "keyword_clicked": given.get("kwp", ""),
        "pixel_id": _number(pixel), "campaign_id": _number(campaign), "adset_id": _number(adset),
        "ad_id": _number(ad), "traffic_source": _source(source), "campaign_name": campaign_name,
        "ts_click_id": given.get("subid3", ""), "user_agent": given.get("subid1", ""), "ip": address,
        "country_code": country, "region": region, "city": city,
        "click_timestamp": _seconds(clicked) or _seconds(given.get("timestamp", "")) or now_s,
        "conversions": int(kind in _TONIC_PAID), "lander_visitors": int(kind in ("view", "viewrt")),
        "revenue": _money(given.get("revenue", "")),
    })  # fmt: skip


def _crossroads(given: Mapping[str, str], now_s: int) -> Interpreted | Unreadable:
    session = given.get("tg3", "")
    if not _SESSION.fullmatch(session):
        return Unreadable("session_id: tg3 holds none")
    source, country, region, city = _parts(given.get("tg7", ""), "-", 4)
    pixel, _, clicked = given.get("tg9", "").partition("-")
    if not clicked and _TIME.fullmatch(pixel) and _source(source) == "taboola":
        pixel, clicked = "", pixel
    ids = [_number(given.get(name, "")) for name in ("tg2", "tg5", "tg6")]
    source = _source(source) or _source(given.get("src", ""))
    return read({
        "network": "crossroads", "session_id": session, "keyword_clicked": given.get("kwp", ""),
        "pixel_id": _number(pixel), "campaign_name": given.get("tg1", ""),
        "campaign_id": ids[0] or "Unknown", "adset_id": ids[1] or "Unknown", "ad_id": ids[2] or "Unknown",
        "traffic_source": source if all(ids) and source else UNKNOWN,
        "ts_click_id": given.get("tg10", ""), "user_agent": given.get("tg8", ""), "ip": given.get("tg4", ""),
        "country_code": country, "region": region, "city": city,
        "click_timestamp": _seconds(clicked) or now_s,
        "conversions": int(given.get("eventType", "").lower() == "purchase"),
        "revenue": _money(given.get("value", "")),
    })  # fmt: skip


def _sedo(given: Mapping[str, str], now_s: int) -> Interpreted | Unreadable:
    click, session, source, address, country = _parts(given.get("sub1", ""), "|", 5)
    campaign, adset, ad, pixel = _parts(given.get("sub2", ""), "|", 4)
    campaign_name, clicked, region, city = _parts(given.get("sub3", ""), "|", 4)
    at = _seconds(clicked) or _seconds(given.get("click_timestamp", "")) or now_s
    return read({
        "network": "sedo", "session_id": session, "keyword_clicked": given.get("kwp", ""),
        "pixel_id": _number(pixel), "campaign_id": _number(campaign), "adset_id": _number(adset),
        "ad_id": _number(ad), "traffic_source": _source(source), "campaign_name": campaign_name,
        "ts_click_id": click, "ip": address, "country_code": country, "region": region, "city": city,
        "domain_name": given.get("domain", ""),
        "click_timestamp": now_s if now_s - at > _SEDO_LATE_S else at,
        "conversions": 1, "revenue": _money(given.get("revenue", "")),
    })  # fmt: skip


_OF: Mapping[str, Callable[[Mapping[str, str], int], Interpreted | Unreadable]] = {
    "tonic": _tonic,
    "crossroads": _crossroads,
    "sedo": _sedo,
}


def _parts(text: str, separator: str, count: int) -> list[str]:
    """Exactly so many; the last one keeps what separators are left, and none is a macro."""
    found = [part.strip() for part in text.split(separator, count - 1)]
    found = ["" if is_unexpanded(part) else part for part in found]
    return found + [""] * (count - len(found))


def _number(text: str) -> str:
    """An ad platform's id; "" for what is none, such as garbage of somebody who tries what happens."""
    return text if _DIGITS.fullmatch(text) else ""


def _source(word: str) -> str:
    return _SOURCES.get(word.lower(), word.lower())


def _seconds(text: str) -> int:
    """Unix seconds of 10 to 13 digits: what is longer than seconds are milliseconds. 0 for anything else."""
    if not _TIME.fullmatch(text):
        return 0
    return int(text[:10]) if len(text) == 13 else int(text) if len(text) == 10 else 0


def _money(text: str) -> str:
    """A sum; "" for what is no number, which is no revenue."""
    try:
        float(text)
    except ValueError:
        return ""
    return text
