"""What a report can be grouped and filtered by: one catalogue for SQL, answers, docs and error messages.

A dimension is one line here. One that clicks alone have (a language, a host) is looked up by the click of a
conversion; one that conversions alone have (a status) is empty for clicks.
"""

from __future__ import annotations

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


CLICK_FACTS = ("landing_id", "door", "decision", "reason", "language", "referrer", "host")
"""Columns of a click that a conversion and its cost do not repeat; where one is asked for, it is fetched."""

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
    "language": _of_click("first language that the browser asks for", "language"),
    "referrer_host": _of_click("host of the referring page", "lower(domain(referrer))"),
    "host": _of_click("host of the tracked link", "host"),
    "status": Dimension("latest status of a conversion; no click has one", "''", "status_now", "''"),
    "event_type": Dimension("a conversion's event; no click has one", "''", "event_type", "''"),
    **{
        f"utm_{name}": _everywhere(f"utm_{name}", f"utm['utm_{name}']")
        for name in ("source", "medium", "campaign", "term", "content")
    },
    **{f"sub{number}": _everywhere(f"sub{number}", f"subs[{number}]") for number in range(1, 31)},
}
FILTERS = tuple(name for name, dimension in DIMENSIONS.items() if dimension.filterable)
assert set(INTERVALS) <= DIMENSIONS.keys()
