"""What an outbound postback may say of a conversion: the macros of a target's URL, body and headers.

docs/reference/postback-macros.md describes them to people; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MACRO = re.compile(r"\{(_?[a-z][a-z0-9_]*)(?::([^{}]*))?\}", re.ASCII)
"""`{name}`, `{_name}` (fewer characters encoded) or `{name:a=1,b=2}` (words replaced)."""

REPLY_MACROS: Mapping[str, str] = {
    "id": "Weir's id of the postback",
    "transaction": "the network's transaction id",
    "transaction_id": "the same",
    "click_id": "the click id, as the network sent it",
    "nothing": "nothing: a reply of only this is empty",
}
"""What a network's reply may say of the postback it answers."""

SUBS = 30
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")

MACROS: Mapping[str, str] = {
    "delivery_id": "names this delivery; the same at every attempt, so that a receiver counts it once",
    "click_id": "Weir's click id",
    "source_click_id": "the traffic source's own click id, which its postback wants back",
    "conversion_id": "Weir's id of the conversion",
    "transaction_id": "the network's",
    "revision": "number of the conversion's revision that is reported",
    "status": "what it is now: lead, sale, hold, rejected, trash, refund or chargeback",
    "previous_status": "what it was before this revision; empty for its first",
    "original_status": "the network's own word",
    "event_type": "such as purchase or deposit, as the network named it",
    "payout": "what the network pays, by the target's payout_scale",
    "currency": "of the payout, an ISO code",
    "cost": "what the click cost",
    "cost_currency": "of that cost, an ISO code",
    "campaign_id": "of the click",
    "stream_id": "of the click",
    "destination_id": "of the click",
    "source_id": "of the click",
    "network_id": "of the conversion",
    "link_id": "of the click; 0 without one",
    "timestamp": "of the conversion, in seconds since 1970",
    "timestamp_ms": "the same in milliseconds",
    "time": "the same as 2026-11-22T14:30:00Z",
    "click_timestamp": "of the click, in seconds since 1970",
    **{f"sub{number}": f"the click's sub-id {number}" for number in range(1, SUBS + 1)},
    **dict.fromkeys(UTM, "of the click"),
}
"""Macro → what it stands for."""

ALIASES: Mapping[str, str] = {
    "external_id": "source_click_id", "externalid": "source_click_id", "clickid": "click_id",
    "subid": "click_id", "cid": "click_id", "tid": "transaction_id", "txid": "transaction_id",
    "order_id": "transaction_id", "revenue": "payout", "amount": "payout", "sum": "payout",
    "payout_currency": "currency", "event": "event_type",
}  # fmt: skip
"""Other trackers' names for the same."""


BUYER_FIELDS: Mapping[str, tuple[str, ...]] = {
    "email": ("em", "email"),
    "phone": ("ph", "phone"),
    "first_name": ("fn",),
    "last_name": ("ln",),
    "city": (),
    "region": (),
    "postal_code": (),
    "country": (),
    "external_id": (),
    "fbp": ("fbp",),
    "fbc": ("fbc",),
    "ttp": ("ttp",),
    "buyer_address": (),
    "buyer_agent": (),
}
"""What an inbound postback may say of who bought, with the parameters that say it where no template does.
It is sealed at the door (http/public/buyers.py) and reaches no journal, log or report in clear."""


def known(name: str) -> str:
    """The macro that `name` (with or without its "_") stands for; "" for none."""
    plain = name.removeprefix("_")
    plain = ALIASES.get(plain, plain)
    return plain if plain in MACROS else ""
