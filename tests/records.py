"""Records for tests: events with every field filled, from a number."""

from __future__ import annotations

from appliance.model.events import (
    ClickEvent,
    ClickIdentity,
    ConversionEvent,
    DecisionInputs,
    InterpretedReceived,
    PostbackLogEvent,
    TrafficbackEvent,
    encode,
)
from appliance.model.ids import click_id
from appliance.ports import Entry

NOON = 1_794_916_800_000_000
"""2026-11-17 12:00 UTC in unix microseconds."""


def click(n: int, **changes: object) -> ClickEvent:
    at_us = int(changes.pop("at_us", NOON + n * 1000))  # type: ignore[call-overload]
    fields: dict[str, object] = {
        "v": 1, "id": click_id(max(0, at_us) // 1000, n), "at_us": at_us, "revision": 3,
        "door": "campaign",
        "decision": "destination", "reason": "", "campaign_id": 1 + n % 3, "stream_id": 10 + n % 2,
        "destination_id": 20, "source_id": 30, "network_id": 40, "link_id": 0, "counted": True,
        "flags": ("bot",),
        "subs": {1: f"a{n}", 30: "z"}, "utm": {"utm_source": "fb"}, "source_click_id": f"gclid{n}",
        "cost": 10_000, "currency": "USD", "user_agent": "Agent \"quoted\" \\ \u00e9\u4e2d", "referrer": "",
        "language": "en", "host": "t.example", "address": "203.0.113.0/24", "query": "sub1=a&x=%00\t\n",
        "request_id": f"{n:032x}",
        "inputs": DecisionInputs(kernel=1, draw=n, streams=((10, "ok", -1),), facts={"country": "US"}),
    }  # fmt: skip
    return ClickEvent(**{**fields, **changes})  # type: ignore[arg-type]


def identity(n: int, **changes: object) -> ClickIdentity:
    made = click(n, **changes)
    return ClickIdentity(1, made.id, made.at_us, f"203.0.113.{n % 256}")


def interpreted(n: int) -> InterpretedReceived:
    return InterpretedReceived(
        1, click_id(NOON // 1000, n), NOON + n * 1000, 7, f'{{"session_id":"s{n}"}}', b"", "r"
    )


def conversion(n: int, **changes: object) -> ConversionEvent:
    fields: dict[str, object] = {
        "v": 1, "id": f"conv-{n}", "revision": 1, "at_us": NOON + n * 1000, "known_us": NOON + n * 1000 + 5,
        "status": "approved", "original_status": "sale", "event_type": "sale", "count": 1,
        "revenue": 2_500_000, "hold": 0, "currency": "USD", "transaction_id": f"t{n}", "network_id": 40,
        "click_id": click(n).id, "click_at_us": click(n).at_us, "campaign_id": 1 + n % 3,
        "stream_id": 10 + n % 2, "destination_id": 20, "source_id": 30, "link_id": 0,
        "subs": {1: f"a{n}"}, "utm": {},
    }  # fmt: skip
    return ConversionEvent(**{**fields, **changes})  # type: ignore[arg-type]


def postback(n: int, **changes: object) -> PostbackLogEvent:
    fields: dict[str, object] = {
        "v": 1, "id": f"pb-{n}", "at_us": NOON + n * 1000, "stage": "received", "outcome": "", "reason": "",
        "network_id": 40, "method": "GET", "params": {"payout": "2.5", "клик": "'"},
        "address": "198.51.100.0/24", "request_id": "r",
    }  # fmt: skip
    return PostbackLogEvent(**{**fields, **changes})  # type: ignore[arg-type]


def trafficback(n: int) -> TrafficbackEvent:
    return TrafficbackEvent(1, click(n).id, click(n).at_us, 3, 1, 0, 30, "no stream", 1, "https://t.example/")


def entries(first: int, *events: object) -> list[Entry]:
    """Journal entries of `events`, numbered from `first`."""
    return [Entry(seq, encode(event)) for seq, event in enumerate(events, first)]
