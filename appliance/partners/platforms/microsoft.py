"""Microsoft Advertising: the UET Conversions API. It takes what is right and names each event that is not.

Limits as an implementer states them; tokens are given out on request only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from appliance.partners import identity
from appliance.partners.platform import (
    DAY,
    INVALID,
    REFUSED,
    Answer,
    Limits,
    Message,
    OAuth,
    Pixel,
    Tests,
    Trial,
    Verdict,
    amount_of,
    checked,
    document,
    given,
    no_answer,
    raw,
    whole,
)
from appliance.partners.report import Report

_SECOND = 1_000_000
_encode = msgspec.json.Encoder().encode


class Microsoft:
    """A pixel's code is its UET tag."""

    name = "microsoft"
    limits = Limits(batch=1_000, window_us=90 * DAY, ahead_us=60 * _SECOND, dedupe_us=2 * DAY, whole=False)
    click_parameters: tuple[str, ...] = ("msclkid",)
    experimental = True
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("url",)
    secret_settings: tuple[str, ...] = ()
    needs_token = True
    names: Mapping[str, str] = {}
    only_conversions = True
    nameless = False
    tests: Tests = "none"
    trial: Trial = "empty"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        return checked(report, self.limits, self.click_parameters, now_us)

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        origin = pixel.settings.get("url", "https://capi.uet.microsoft.com")
        body = {"data": raw(events), "continueOnValidationError": True}
        return Message(
            "POST",
            f"{origin}/v1/{quote(pixel.code, safe='')}/events",
            (("content-type", "application/json"), ("authorization", f"Bearer {pixel.token}")),
            _encode(body),
            (pixel.token,),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        found = document(answer.body)
        if found is None or answer.status in (401, 403, 404, 429) or answer.status >= 500:
            return no_answer(answer)
        trace = str(found.get("traceId", ""))
        error = found.get("error")
        details = error.get("details") if isinstance(error, dict) else None
        details_of: dict[int, str] = {}
        for each in details if isinstance(details, list) else []:
            place = whole(each.get("index")) if isinstance(each, dict) else None
            if place is not None and 0 <= place < sent:
                field, words = str(each.get("propertyName", "")), str(each.get("errorMessage", ""))
                details_of[place] = f"{field}: {words}"
        refused = dict.fromkeys(details_of, INVALID)
        if not 200 <= answer.status < 300:  # nothing of it was taken, whoever is named
            reason = "" if refused else answer.text
            label = INVALID if refused else REFUSED
            return Verdict("refused", label, reason, trace, refused=refused, details=details_of)
        received = whole(found.get("eventsReceived"))
        return Verdict("accepted", trace=trace, refused=refused, received=received, details=details_of)


def event(report: Report) -> dict[str, Any]:
    """One event of `data`."""
    who = report.identity
    emails, phones = (
        identity.hashed(who.emails, identity.email),
        identity.hashed(who.phones, identity.phone_in(who.country)),
    )
    return given(
        eventType="custom",
        eventName=report.event_name,
        eventId=report.event_id,
        eventTime=report.at_us // _SECOND,
        eventSourceUrl=report.page_url,
        referrerUrl=report.referrer,
        adStorageConsent="D" if report.consent == "limited" else "G",
        userData=given(
            clientUserAgent=who.user_agent,
            clientIpAddress=who.address,
            em=emails[0] if emails else "",
            ph=phones[0] if phones else "",
            msclkid=report.click_ids.get("msclkid", ""),
        ),
        customData=dict(report.custom)
        | given(value=amount_of(report), currency=report.currency, transactionId=report.order_id),
    )
