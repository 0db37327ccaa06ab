"""How the records of a journal begin (events.py), for those who need no more of them.

A record is an array, so decoding it as one of these skips what follows. The same rule holds: append, never
reorder.
"""

from __future__ import annotations

from msgspec import Raw, Struct

_NOTHING = Raw()


class ClickHead(Struct, frozen=True, array_like=True, tag="click_events"):
    """Which click it is and where it went."""

    v: int
    id: str
    at_us: int
    revision: int
    door: str
    decision: str
    reason: str
    campaign_id: int
    stream_id: int
    destination_id: int
    source_id: int
    network_id: int
    link_id: int
    counted: bool


class ClickDimensions(ClickHead, frozen=True, array_like=True, tag="click_events"):
    """Everything that a conversion takes over from its click."""

    flags: tuple[str, ...]
    subs: dict[int, str]
    utm: dict[str, str]


class ClickPrice(ClickDimensions, frozen=True, array_like=True, tag="click_events"):
    """And what it cost, and its id at the source."""

    source_click_id: str
    cost: int
    currency: str


class ClickTold(ClickPrice, frozen=True, array_like=True, tag="click_events"):
    """And what ad platforms are told of it; what stands in between is passed over."""

    user_agent: Raw
    referrer: Raw
    language: Raw
    host: Raw
    address: Raw
    query: Raw
    request_id: Raw
    inputs: Raw
    url_hash: Raw = _NOTHING
    parent_id: Raw = _NOTHING
    landing_id: Raw = _NOTHING
    exit_number: Raw = _NOTHING
    hops: Raw = _NOTHING
    signals: Raw = _NOTHING
    taught: Raw = _NOTHING
    click_ids: dict[str, str] = {}


class IdentityHead(Struct, frozen=True, array_like=True, tag="click_identity"):
    v: int


class TrafficbackHead(Struct, frozen=True, array_like=True, tag="trafficback_events"):
    v: int


class ConversionHead(Struct, frozen=True, array_like=True, tag="conversion_events"):
    v: int


class InterpretedHead(Struct, frozen=True, array_like=True, tag="interpreted_received"):
    v: int


class HealthHead(Struct, frozen=True, array_like=True, tag="destination_health_events"):
    v: int
