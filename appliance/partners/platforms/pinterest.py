"""Pinterest: Conversions API v5. It answers for every event by its place."""

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
    UNANSWERED,
    Answer,
    Limits,
    Message,
    OAuth,
    Pixel,
    Tests,
    Trial,
    Verdict,
    checked,
    decimal_of,
    document,
    given,
    no_answer,
    raw,
    whole,
)
from appliance.partners.platforms.snapchat import NO_PERSON
from appliance.partners.report import Report

_SECOND = 1_000_000
_encode = msgspec.json.Encoder().encode


class Pinterest:
    """A pixel's code is its ad account. Values of people and the value of an event are texts in lists."""

    name = "pinterest"
    limits = Limits(batch=1_000, window_us=7 * DAY, ahead_us=60 * _SECOND, dedupe_us=2 * DAY, whole=False)
    click_parameters: tuple[str, ...] = ("epik",)
    experimental = True
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("client_id", "client_secret", "token_url", "url")
    secret_settings: tuple[str, ...] = ("client_secret",)
    needs_token = True
    names: Mapping[str, str] = {
        "Purchase": "checkout",
        "Lead": "lead",
        "CompleteRegistration": "signup",
        "PageView": "page_visit",
        "ViewContent": "view_category",
        "AddToCart": "add_to_cart",
        "Search": "search",
    }
    only_conversions = False
    nameless = False
    tests: Tests = "checked"
    trial: Trial = "event"
    oauth: OAuth | None = OAuth("https://api.pinterest.com/v5/oauth/token", basic=True)

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        who = report.identity
        known = identity.hashed(who.emails, identity.email) or (who.address and who.user_agent)
        return "" if known else NO_PERSON

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        origin = pixel.settings.get("url", "https://api.pinterest.com")
        test = "?test=true" if pixel.test_code else ""
        return Message(
            "POST",
            f"{origin}/v5/ad_accounts/{quote(pixel.code, safe='')}/events{test}",
            (("content-type", "application/json"), ("authorization", f"Bearer {pixel.token}")),
            _encode({"data": raw(events)}),
            (pixel.token,),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        found = document(answer.body)
        if found is None or answer.status in (401, 403, 404, 429) or answer.status >= 500:
            return no_answer(answer)
        events = found.get("events")
        if not isinstance(events, list) or len(events) != sent:
            reason = answer.text
            if 200 <= answer.status < 300:
                return Verdict("retry", UNANSWERED, reason)
            return Verdict("refused", REFUSED, reason)
        details = {
            place: str(each.get("error_message", ""))
            for place, each in enumerate(events)
            if isinstance(each, dict) and each.get("status") != "processed"
        }
        processed = whole(found.get("num_events_processed"))
        refused = dict.fromkeys(details, INVALID)
        return Verdict("accepted", refused=refused, received=processed, details=details)


def event(report: Report) -> dict[str, Any]:
    """One event of `data`."""
    who = report.identity
    return given(
        event_name=report.event_name,
        action_source="web",
        event_time=report.at_us // _SECOND,
        event_id=report.event_id,
        event_source_url=report.page_url,
        opt_out=True if report.consent == "limited" else None,
        user_data=given(
            em=identity.hashed(who.emails, identity.email),
            ph=identity.hashed(who.phones, identity.phone_in(who.country)),
            fn=identity.hashed(filter(None, (who.first_name,)), identity.name),
            ln=identity.hashed(filter(None, (who.last_name,)), identity.name),
            ct=identity.hashed(filter(None, (who.city,)), identity.city),
            st=identity.hashed(filter(None, (who.region,)), identity.state),
            zp=identity.hashed(filter(None, (who.postal_code,)), identity.postal_code),
            country=identity.hashed(filter(None, (who.country,)), identity.country),
            external_id=identity.hashed(filter(None, (who.external_id,)), identity.external_id),
            client_ip_address=who.address,
            client_user_agent=who.user_agent,
            click_id=report.click_ids.get("epik", "") or who.seen.get("_epik", ""),
        ),
        custom_data=dict(report.custom)
        | given(
            value=decimal_of(report),
            currency=report.currency,
            order_id=report.order_id,
        ),
    )
