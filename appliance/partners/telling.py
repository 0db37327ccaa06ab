"""What a stored report says, for whoever looks at its delivery: never who the visitor was."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from appliance.model import money
from appliance.partners.report import Report

_decode = msgspec.msgpack.Decoder(Report).decode


def reported(body: bytes, *, money_too: bool) -> dict[str, str]:
    """A delivery's body → its values by name; those of money, and parameters that may name it, only with
    `money_too`. What cannot be read says nothing."""
    try:
        report = _decode(body)
    except msgspec.DecodeError:
        return {}
    values = {
        "event_name": report.event_name,
        "event_id": report.event_id,
        "event_time": _moment(report.at_us),
        "click_time": _moment(report.click_at_us),
        "click_id": report.click_id,
        "consent": report.consent,
        "order_id": report.order_id,
        "page_url": report.page_url,
        **report.click_ids,
    }
    if money_too:
        if report.value is not None:
            values |= {"payout": str(money.amount(report.value)), "currency": report.currency}
        values |= {f"custom.{name}": text for name, text in report.custom.items()}
    return {name: value for name, value in values.items() if value}


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds") if at_us else ""
