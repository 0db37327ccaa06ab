"""Interpreted events as networks' reports have them, some of them bad in one of forty ways.

Ten can be seen before anything is sent, by the founding document's three labels; thirty only Meta knows.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.platforms.meta import INVISIBLE, SECOND

PIXEL, TOO_OLD, NO_CLICK = "Invalid pixel", "Conversion older than 7 days", "Missing traffic source click id"
DAY = 86_400
SEEN: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (PIXEL, {"pixel_id": "another"}),
    (PIXEL, {"pixel_id": ""}),
    (TOO_OLD, {"click_timestamp": -8 * DAY}),
    (TOO_OLD, {"click_timestamp": "milliseconds"}),
    (TOO_OLD, {"click_timestamp": None}),
    (TOO_OLD, {"click_timestamp": "yesterday"}),
    (NO_CLICK, {"ts_click_id": ""}),
    (NO_CLICK, {"ts_click_id": None}),
    (NO_CLICK, {"ts_click_id": "undefined"}),
    (NO_CLICK, {"ts_click_id": "null"}),
)
"""(label, what is changed); numbers of `click_timestamp` are seconds from now."""
_OF_META = {
    2804001: "Wrong parameter",
    2804007: "Wrong parameter",
    2804016: "Wrong parameter",
    2804017: "Wrong parameter",
    2804019: "Wrong parameter",
    2804036: "Invalid lead id",
    2804048: "Wrong parameter",
    2804050: "Too little customer information",
    2804066: "Event name not allowed for this channel",
    2804087: "Invalid ctwa_clid",
}
FORTY = len(SEEN) + len(INVISIBLE)
_CLICK = re.compile(r"(?:guilty(\d{7})|good)x(\d+)\Z")


class Line(NamedTuple):
    """An interpreted event. `label`: what it is refused with, "" for none; `seen`: before it is sent."""

    number: int
    label: str
    seen: bool
    document: dict[str, Any]

    @property
    def json(self) -> bytes:
        return encode(self.document)


def encode(document: Mapping[str, Any]) -> bytes:
    """A line of NDJSON, without its end."""
    return json.dumps(document, separators=(",", ":")).encode()


def label_of_meta(subcode: int) -> str:
    return _OF_META.get(subcode, "Invalid parameter")


def number_of(click: str) -> int:
    """The line's number by the click id it was given."""
    found = _CLICK.match(click)
    assert found is not None, click
    return int(found[2])


def document(number: int, now_us: int, **changes: Any) -> dict[str, Any]:
    """A good one: one conversion of 1.25, of a network that has nothing else to tell."""
    now = now_us // SECOND
    found: dict[str, Any] = {
        "date_hour": "2026-11-22T13:00:00", "click_timestamp": now - 7_200 - number % 3_600,
        "network": "airfind", "nw_account_id": 7, "nw_account_name": "Main", "nw_campaign_id": "n1",
        "nw_campaign_name": "Boats", "category": "boats", "domain_name": "boats.example", "pixel_id": "px",
        "campaign_id": "120218982145500212", "campaign_name": "C", "adset_name": "S", "adset_id": "2",
        "ad_id": "3", "traffic_source": "facebook", "session_id": f"00000000-0000-4000-8000-{number:012}",
        "ip": f"203.0.113.{number % 250}", "country_code": "US", "region": "NewYork", "city": "New York",
        "ts_click_id": f"goodx{number}", "user_agent": "Mozilla/5.0", "keyword_clicked": "used boats",
        "visits": 1, "serp": 0, "conversions": 1, "revenue": 1.25,
    }  # fmt: skip
    return found | changes


def lines(count: int, now_us: int, bad: float, dice: random.Random) -> Iterator[Line]:
    """So many, the share `bad` of them in all forty ways in turn."""
    ways = 0
    wrong = set(dice.sample(range(count), round(count * bad)))
    for number in range(count):
        if number not in wrong:
            yield Line(number, "", False, document(number, now_us))
            continue
        way = ways % FORTY
        ways += 1
        if way >= len(SEEN):
            subcode = INVISIBLE[way - len(SEEN)]
            click = f"guilty{subcode}x{number}"
            yield Line(number, label_of_meta(subcode), False, document(number, now_us, ts_click_id=click))
            continue
        label, changes = SEEN[way]
        changes = dict(changes)
        at = changes.get("click_timestamp")
        if isinstance(at, int):
            changes["click_timestamp"] = now_us // SECOND + at
        elif at == "milliseconds":
            changes["click_timestamp"] = now_us // 1_000
        yield Line(number, label, True, document(number, now_us, **changes))
