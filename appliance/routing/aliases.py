"""Macros under the names that other trackers give them, so that destinations need not be written anew.

The names are facts (reference/trackers.md 6). What such a tracker fills in when a conversion arrives, or what
would read a file, has no alias: docs/reference/macros.md says which and why.
"""

from __future__ import annotations

from appliance.routing.visit import SUBS

KEITARO: dict[str, str] = {
    "subid": "click_id",
    "external_id": "source_click_id",
    "offer_id": "destination_id",
    "creative_id": "query.creative_id",
    "ad_campaign_id": "query.ad_campaign_id",
    "source": "query.source",
    "keyword": "query.keyword",
    "current_domain": "host",
    "is_bot": "bot",
    **{f"sub_id_{number}": f"sub{number}" for number in range(1, SUBS + 1)},
    **{f"extra_param_{number}": f"query.extra_param_{number}" for number in range(1, 11)},
}
"""Keitaro's name → ours."""

BINOM: dict[str, str] = {
    "clickid": "click_id",
    "externalid": "source_click_id",
    "campaign_key": "campaign_slug",
    "traffic_source_id": "source_id",
    "traffic_source_name": "source_name",
    "affiliate_network_id": "network_id",
    "offer_id": "destination_id",
    "offer_name": "destination_name",
    "path_name": "stream_name",
    "clickcost": "cost",
    "country_code": "country",
    "os_name": "os",
    "browser_name": "browser",
    "device_name": "device_model",
    "referer": "referrer",
    "ref_domain": "referrer_host",
    "unixtime": "timestamp",
    **{f"t{number}": f"sub{number}" for number in range(1, SUBS + 1)},
}
"""Binom's name → ours."""

ALIASES = KEITARO | BINOM
"""No name means two things: a test compares both with each other and with Weir's own."""
