"""What is known of the click behind a conversion, wherever it was found."""

from __future__ import annotations

from msgspec import Struct


class ClickFacts(Struct, frozen=True, kw_only=True):
    """The dimensions a conversion copies from its click; times in unix microseconds."""

    id: str
    at_us: int
    campaign_id: int = 0
    stream_id: int = 0
    destination_id: int = 0
    source_id: int = 0
    network_id: int = 0
    link_id: int = 0
    subs: dict[int, str] = {}
    utm: dict[str, str] = {}
