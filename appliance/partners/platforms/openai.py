"""OpenAI Ads: the Conversions API. One failing event fails the whole request.

developers.openai.com/ads/conversions-api; amounts are in minor units of their currency. Its error bodies are
documented nowhere: judged by status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from appliance.model import money
from appliance.partners import identity
from appliance.partners.platform import (
    DAY,
    NO_VALUE,
    REFUSED,
    Answer,
    Limits,
    Message,
    OAuth,
    Pixel,
    Tests,
    Trial,
    Verdict,
    checked,
    document,
    given,
    no_answer,
    raw,
)
from appliance.partners.report import Report

_SECOND = 1_000_000
STANDARD = frozenset(
    ("page_viewed", "contents_viewed", "items_added", "checkout_started", "order_created", "lead_created",
     "registration_completed", "appointment_scheduled", "subscription_created", "trial_started")
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


class OpenAI:
    """`settings`: `url` where a proxy stands before it. A name that is no standard one goes as `custom`."""

    name = "openai"
    limits = Limits(batch=1_000, window_us=7 * DAY, ahead_us=600 * _SECOND, dedupe_us=2 * DAY)
    click_parameters: tuple[str, ...] = ("oppref",)
    experimental = True
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("url",)
    secret_settings: tuple[str, ...] = ()
    needs_token = True
    names: Mapping[str, str] = {
        "Purchase": "order_created",
        "Lead": "lead_created",
        "PageView": "page_viewed",
        "ViewContent": "contents_viewed",
        "AddToCart": "items_added",
        "InitiateCheckout": "checkout_started",
        "CompleteRegistration": "registration_completed",
        "Schedule": "appointment_scheduled",
        "Subscribe": "subscription_created",
        "StartTrial": "trial_started",
    }
    only_conversions = False
    nameless = False
    tests: Tests = "checked"
    trial: Trial = "event"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        if report.event_name == "order_created" and (report.value is None or not report.currency):
            return NO_VALUE
        return ""

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        origin = pixel.settings.get("url", "https://bzr.openai.com")
        body = {"validate_only": bool(pixel.test_code), "events": raw(events)}
        return Message(
            "POST",
            f"{origin}/v1/events?pid={quote(pixel.code, safe='')}",
            (("content-type", "application/json"), ("authorization", f"Bearer {pixel.token}")),
            _encode(body),
            (pixel.token,),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        if document(answer.body) is not None:
            if 200 <= answer.status < 300:
                return Verdict("accepted", received=sent)
            if answer.status in (400, 413, 422):
                return Verdict("refused", REFUSED, answer.text)
        return no_answer(answer)


def event(report: Report) -> dict[str, Any]:
    """One event of `events`."""
    who = report.identity
    standard = report.event_name in STANDARD
    data: dict[str, Any] = {"type": "contents"} | dict(report.custom)
    if report.value is not None and report.currency:
        digits = money.minor_digits(report.currency)
        data |= {"amount": round(report.value * 10**digits / money.MICRO), "currency": report.currency}
    emails = identity.hashed(who.emails, identity.email)
    return given(
        id=report.event_id,
        type=report.event_name if standard else "custom",
        custom_event_name="" if standard else report.event_name,
        timestamp_ms=report.at_us // 1_000,
        oppref=report.click_ids.get("oppref", ""),
        source_url=report.page_url,
        action_source="web",
        opt_out=True if report.consent == "limited" else None,
        user=given(
            email_sha256=emails[0] if emails else "",
            client_ip_address=who.address,
            client_user_agent=who.user_agent,
        ),
        data=data,
    )
