"""What a report can be grouped and filtered by: one catalogue for SQL, answers, docs and error messages.

A dimension is one line here. One that clicks alone have (a language, a host) is looked up by the click of a
conversion; one that conversions alone have (a status) is empty for clicks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from appliance.model.catalog import Kind
from appliance.reporting.buckets import HOUR_OF_DAY, INTERVALS, SQL, WEEKDAY, Interval


class Dimension(NamedTuple):
    """SQL of its value in clicks, in conversions and in corrections of cost ("" in quotes: they have none).

    `kind` names the catalog entity behind an id; values are ids and numbers (`number`) or texts.
    """

    text: str
    clicks: str
    conversions: str
    adjustments: str
    kind: Kind | None = None
    number: bool = False
    filterable: bool = True
    interval: Interval | None = None


def _everywhere(text: str, sql: str, kind: Kind | None = None, *, number: bool = False) -> Dimension:
    return Dimension(text, sql, sql, sql, kind, number)


def _of_click(text: str, sql: str) -> Dimension:
    """`sql` over columns of click_events that CLICK_FACTS names; a correction that is no click's has none."""
    return Dimension(text, sql, sql, sql)


_DETECTED = {
    "country": "two letters (ISO 3166-1)",
    "region": "region, by its English name",
    "city": "city, by its English name",
    "isp": "whose network it is",
    "asn": "number of the autonomous system",
    "connection_type": "cable, cellular, corporate, dialup or satellite",
    "device_type": "desktop, mobile, tablet, tv, console or wearable",
    "device_brand": "who made the device",
    "device_model": "model of the device",
    "os": "operating system",
    "os_version": "version of the operating system, such as 17.5",
    "browser": "browser or app",
    "browser_version": "version of the browser, such as 130",
    "search_engine": "search engine that it came from",
}
"""Facts about a visit that are columns of its click (stores/migrations/0005_facts.sql)."""
_MARKS = {
    "ip_version": "4 or 6",
    "bot": "1 for robots and programs",
    "datacenter": "1 for networks where servers live",
    "prefetch": "1 for what nobody clicked yet",
    "unique_campaign": "1 for a visitor new to the campaign, else 0; empty where it does not look",
}
"""Facts that reports look up by name."""
_SPOKEN = "if(spoken != '', spoken, lower(extract(language, '^[A-Za-z]{2,3}')))"
"""The language preferred; of clicks from before facts were detected, the first that was named."""

DETECTED = ("spoken", *_DETECTED)
"""Columns of a click that the warehouse makes itself: `select *` has none of them."""
CLICK_FACTS = (
    "landing_id", "door", "decision", "reason", "language", "spoken", "referrer", "host", "facts", *_DETECTED,
)  # fmt: skip
"""Columns of a click that a conversion and its cost do not repeat; where one is asked for, it is fetched."""

_WORD = re.compile(r"'[^']*'|\w+")


def click_facts(sql: str) -> list[str]:
    """Those of CLICK_FACTS that are columns in this SQL; the same words in quotes are values."""
    words = set(_WORD.findall(sql))
    return [fact for fact in CLICK_FACTS if fact in words]


DIMENSIONS: dict[str, Dimension] = {
    "campaign": _everywhere("campaign", "campaign_id", "campaign", number=True),
    "stream": _everywhere("stream; 0 is none", "stream_id", "stream", number=True),
    "destination": _everywhere("destination; 0 is none", "destination_id", "destination", number=True),
    "source": _everywhere("traffic source", "source_id", "source", number=True),
    "landing": Dimension(
        "landing page that a click was sent to or came from; 0 is none",
        "landing_id",
        "landing_id",
        "0",
        "destination",
        True,
    ),
    "network": _everywhere("affiliate network", "network_id", "network", number=True),
    "link": _everywhere("link with values of its own; 0 is none", "link_id", "link", number=True),
    "month": Dimension("2026-11", SQL["month"], SQL["month"], SQL["month"], None, True, False, "month"),
    "week": Dimension("its Monday", SQL["week"], SQL["week"], SQL["week"], None, True, False, "week"),
    "day": Dimension("2026-11-17", SQL["day"], SQL["day"], SQL["day"], None, True, False, "day"),
    "hour": Dimension(
        "2026-11-17T13:00+01:00", SQL["hour"], SQL["hour"], SQL["hour"], None, True, False, "hour"
    ),
    "minute": Dimension(
        "2026-11-17T13:05+01:00", SQL["minute"], SQL["minute"], SQL["minute"], None, True, False, "minute"
    ),
    "hour_of_day": _everywhere("0 to 23", HOUR_OF_DAY, number=True),
    "weekday": _everywhere("1 (Monday) to 7", WEEKDAY, number=True),
    "door": _of_click("how it came: c, go, r and tb are links, lp a landing page, api, js, campaign", "door"),
    "decision": _of_click("destination, trafficback, reply, answer, campaign or transparent", "decision"),
    "reason": _of_click("why it went to a trafficback or got a reply", "reason"),
    "language": _of_click("language that the browser prefers", _SPOKEN),
    "referrer_host": _of_click("host of the referring page", "lower(domain(referrer))"),
    "host": _of_click("host of the tracked link", "host"),
    **{name: _of_click(text, name) for name, text in _DETECTED.items()},
    **{name: _of_click(text, f"facts['{name}']") for name, text in _MARKS.items()},
    "unique_stream": _of_click(
        "1 for one new to the stream, else 0; empty where its rules do not ask",
        "facts[concat('unique_stream.', toString(stream_id))]",
    ),
    "status": Dimension("latest status of a conversion; no click has one", "''", "status_now", "''"),
    "event_type": Dimension("a conversion's event; no click has one", "''", "event_type", "''"),
    "upsell": Dimension("which upsell a conversion is; no click has one", "''", "upsell", "''"),
    "repeated": Dimension(
        "1 for conversions after the first of their claim", "0", "repeated", "0", None, True
    ),
    **{
        f"utm_{name}": _everywhere(f"utm_{name}", f"utm['utm_{name}']")
        for name in ("source", "medium", "campaign", "term", "content")
    },
    **{f"sub{number}": _everywhere(f"sub{number}", f"subs[{number}]") for number in range(1, 31)},
}
FILTERS = tuple(name for name, dimension in DIMENSIONS.items() if dimension.filterable)
assert set(INTERVALS) <= DIMENSIONS.keys()
