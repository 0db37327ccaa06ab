"""A conversion that never was, for trying a target: everything there is to say, so that no macro is empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from appliance.model.postbacks import SUBS, UTM


def sample(now_us: int) -> Mapping[str, str]:
    """Values by macro, of a sale that happened just now."""
    seconds = now_us // 1_000_000
    return {
        "click_id": "00000000-0000-7000-8000-000000000000",
        "source_click_id": "weir-test",
        "conversion_id": "0" * 32,
        "transaction_id": "weir-test",
        "revision": "1",
        "status": "sale",
        "previous_status": "lead",
        "original_status": "approved",
        "event_type": "purchase",
        "payout": "1.23",
        "currency": "USD",
        "cost": "0.05",
        "cost_currency": "USD",
        **{f"{name}_id": "1" for name in ("campaign", "stream", "destination", "source", "network", "link")},
        "timestamp": str(seconds),
        "timestamp_ms": str(now_us // 1_000),
        "time": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "click_timestamp": str(seconds - 60),
        **{f"sub{number}": f"sub{number}" for number in range(1, SUBS + 1)},
        **{name: name.removeprefix("utm_") for name in UTM},
    }
