"""What a stored report says to whoever looks at its delivery."""

from __future__ import annotations

import msgspec

from appliance.partners.report import Identity, Report
from appliance.partners.telling import reported

REPORT = Report(
    event_name="Purchase",
    event_id="e-1",
    at_us=1_790_000_000_000_000,
    click_at_us=0,
    click_ids={"fbclid": "F1"},
    value=2_500_000,
    currency="USD",
    custom={"content_name": "Loans"},
    consent="limited",
    click_id="c-1",
    identity=Identity(address="203.0.113.9", emails=("who@example.com",), seen={"_fbp": "fb.1.2.3"}),
    sealed=b"\x01sealed",
)
BODY = msgspec.msgpack.encode(REPORT)


def test_it_says_what_was_reported_and_never_of_whom() -> None:
    assert reported(BODY, money_too=True) == {
        "event_name": "Purchase",
        "event_id": "e-1",
        "event_time": "2026-09-21T14:13:20+00:00",
        "click_id": "c-1",
        "consent": "limited",
        "fbclid": "F1",
        "payout": "2.5",
        "currency": "USD",
        "custom.content_name": "Loans",
    }


def test_whoever_may_not_see_money_sees_none_and_no_parameter_that_may_name_it() -> None:
    without = reported(BODY, money_too=False)
    assert set(without) == {"event_name", "event_id", "event_time", "click_id", "consent", "fbclid"}


def test_a_body_that_cannot_be_read_says_nothing() -> None:
    assert reported(b"", money_too=True) == {}
    assert reported(msgspec.msgpack.encode(["no", "report"]), money_too=True) == {}
