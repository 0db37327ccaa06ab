"""TikTok: Events API 2.0, v1.3. It answers 200 to failures too: the code in the body is what counts.

business-api.tiktok.com; codes as its own SDK names them. Whether one bad row has a whole request refused,
and how old an event may be, is told by implementers only: treated as at Meta.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from appliance.partners import identity
from appliance.partners.platform import (
    DAY,
    INVALID,
    INVALID_PIXEL,
    NO_VALUE,
    REFUSED,
    TOO_MANY,
    UNAUTHORIZED,
    UNAVAILABLE,
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
_PURCHASES = ("CompletePayment", "Purchase", "PlaceAnOrder")
_ACCOUNT = frozenset(
    (40003, 40006, 40051, 40063, 40102, 40104, 40105, 40106, 40113, 40117, 40118, 40130, 40131,
     40900)
)  # fmt: skip
_PIXEL: Mapping[int, str] = {40001: UNAUTHORIZED, 40007: INVALID_PIXEL}
"""What may be done with one pixel, and whether there is such a one: another of the account may be fine."""
_THROTTLED = frozenset((40100, 40132))
_TRY_AGAIN = frozenset((40201, 40202, 50000, 50002))
_EVENT: Mapping[int, str] = {
    40000: INVALID,
    40002: INVALID,
    40061: "Invalid batch size",
    40062: "Personal data not hashed",
}
_encode = msgspec.json.Encoder().encode


class TikTok:
    """`settings`: `event_source` (web), `partner_name`, `url` where a proxy stands before it."""

    name = "tiktok"
    limits = Limits(batch=1_000, window_us=7 * DAY, ahead_us=60 * _SECOND, dedupe_us=2 * DAY)
    click_parameters: tuple[str, ...] = ("ttclid",)
    experimental = False
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("event_source", "partner_name", "url")
    secret_settings: tuple[str, ...] = ()
    needs_token = True
    names: Mapping[str, str] = {
        "Purchase": "CompletePayment",
        "Lead": "SubmitForm",
        "PageView": "Pageview",
    }
    only_conversions = False
    nameless = False
    tests: Tests = "unknown"
    trial: Trial = "empty"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        if report.event_name in _PURCHASES and (report.value is None or not report.currency):
            return NO_VALUE
        return ""

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        settings = pixel.settings
        body: dict[str, Any] = {
            "event_source": settings.get("event_source", "") or "web",
            "event_source_id": pixel.code,
            "data": raw(events),
        }
        if settings.get("partner_name"):
            body["partner_name"] = settings["partner_name"]
        if pixel.test_code:
            body["test_event_code"] = pixel.test_code
        origin = settings.get("url", "https://business-api.tiktok.com")
        return Message(
            "POST",
            f"{origin}/open_api/v1.3/event/track/",
            (("content-type", "application/json"), ("access-token", pixel.token)),
            _encode(body),
            (pixel.token,),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        found = document(answer.body)
        code = whole(found.get("code")) if found else None
        if found is None or code is None:
            return no_answer(answer)
        reason = f"{code}: {found.get('message', '')!s}"
        trace = str(found.get("request_id", ""))
        if code in (0, 20001, 40050):
            return Verdict("accepted", "", "" if code == 0 else reason, trace, received=sent)
        if code in _PIXEL:
            return Verdict("pause", _PIXEL[code], reason, trace, pixel=True)
        if code in _ACCOUNT:
            return Verdict("pause", UNAUTHORIZED, reason, trace)
        if code in _THROTTLED:
            return Verdict("throttle", TOO_MANY, reason, trace, seconds=60.0)
        if code in _TRY_AGAIN or 51_000 <= code < 52_000:
            return Verdict("retry", UNAVAILABLE, reason, trace)
        return Verdict("refused", _EVENT.get(code, REFUSED), reason, trace)


def event(report: Report) -> dict[str, Any]:
    """One event of `data`. Its phone is hashed with the plus, unlike Meta's."""
    who = report.identity
    hashes = {
        "email": identity.hashed(who.emails, identity.email),
        "phone": identity.hashed(who.phones, identity.e164_in(who.country)),
        "external_id": identity.hashed(filter(None, (who.external_id,)), identity.external_id),
        "first_name": identity.hashed(filter(None, (who.first_name,)), identity.name),
        "last_name": identity.hashed(filter(None, (who.last_name,)), identity.name),
        "zip_code": identity.hashed(filter(None, (who.postal_code,)), identity.postal_code),
    }
    single = ("first_name", "last_name", "zip_code")
    user: dict[str, Any] = {
        key: found[0] if key in single or len(found) == 1 else found for key, found in hashes.items() if found
    }
    user |= given(
        city=identity.city(who.city),
        state=identity.state(who.region),
        country=identity.country(who.country),
        ttclid=report.click_ids.get("ttclid", ""),
        ttp=who.seen.get("_ttp", ""),
        ip=who.address,
        user_agent=who.user_agent,
    )
    properties = dict(report.custom) | given(
        value=amount_of(report), currency=report.currency, order_id=report.order_id
    )
    found: dict[str, Any] = {
        "event": report.event_name,
        "event_time": report.at_us // _SECOND,
        "event_id": report.event_id,
        "user": user,
    }
    if report.page_url:
        found["page"] = given(url=report.page_url, referrer=report.referrer)
    if properties:
        found["properties"] = properties
    if report.consent == "limited":
        found["limited_data_use"] = True
    return found
