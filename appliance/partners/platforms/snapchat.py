"""Snapchat: Conversions API v3. developers.snap.com/api/marketing-api/Conversions-API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from appliance.partners import identity
from appliance.partners.platform import (
    DAY,
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
)
from appliance.partners.report import Report

_SECOND = 1_000_000
NO_PERSON = "Neither email, phone, nor address with user agent"
_encode = msgspec.json.Encoder().encode


class Snapchat:
    """Test events go to the address that validates without recording."""

    name = "snapchat"
    limits = Limits(batch=2_000, window_us=28 * DAY, ahead_us=60 * _SECOND, dedupe_us=2 * DAY)
    """37 days by its introduction, 28 by an implementer: the shorter one is right by both."""
    click_parameters: tuple[str, ...] = ("ScCid", "sccid")
    experimental = True
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("url",)
    secret_settings: tuple[str, ...] = ()
    needs_token = True
    names: Mapping[str, str] = {
        "Purchase": "PURCHASE",
        "Lead": "SIGN_UP",
        "CompleteRegistration": "SIGN_UP",
        "PageView": "PAGE_VIEW",
        "ViewContent": "VIEW_CONTENT",
        "AddToCart": "ADD_CART",
        "InitiateCheckout": "START_CHECKOUT",
        "AddPaymentInfo": "ADD_BILLING",
        "Search": "SEARCH",
    }
    only_conversions = False
    nameless = False
    tests: Tests = "checked"
    trial: Trial = "event"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        who = report.identity
        known = (
            identity.hashed(who.emails, identity.email)
            or identity.hashed(who.phones, identity.phone_in(who.country))
            or (who.address and who.user_agent)
        )
        return "" if known else NO_PERSON

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        origin = pixel.settings.get("url", "https://tr.snapchat.com")
        path = f"/v3/{quote(pixel.code, safe='')}/events" + ("/validate" if pixel.test_code else "")
        return Message(
            "POST",
            f"{origin}{path}?access_token={quote(pixel.token, safe='')}",
            (("content-type", "application/json"),),
            _encode({"data": raw(events)}),
            (pixel.token, quote(pixel.token, safe="")),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        found = document(answer.body)
        said = str(found.get("status", "")).upper() if found else ""
        if found is not None and 200 <= answer.status < 300 and said in ("", "OK", "VALID", "SUCCESS"):
            return Verdict("accepted", received=sent)
        if found is not None and answer.status in (200, 400, 422):
            return Verdict("refused", REFUSED, answer.text)
        return no_answer(answer)


def event(report: Report) -> dict[str, Any]:
    """One event of `data`."""
    who = report.identity
    hashes = {
        "em": identity.hashed(who.emails, identity.email),
        "ph": identity.hashed(who.phones, identity.phone_in(who.country)),
        "fn": identity.hashed(filter(None, (who.first_name,)), identity.name),
        "ln": identity.hashed(filter(None, (who.last_name,)), identity.name),
        "ct": identity.hashed(filter(None, (who.city,)), identity.city),
        "st": identity.hashed(filter(None, (who.region,)), identity.state),
        "zp": identity.hashed(filter(None, (who.postal_code,)), identity.postal_code),
        "country": identity.hashed(filter(None, (who.country,)), identity.country),
        "external_id": identity.hashed(filter(None, (who.external_id,)), identity.external_id),
    }
    return given(
        event_name=report.event_name,
        event_time=report.at_us // _SECOND,
        event_id=report.event_id,
        action_source="WEB",
        event_source_url=report.page_url,
        data_processing_options=["LMU"] if report.consent == "limited" else None,
        user_data=given(
            **hashes,
            client_ip_address=who.address,
            client_user_agent=who.user_agent,
            sc_click_id=report.click_ids.get("ScCid", "") or report.click_ids.get("sccid", ""),
            sc_cookie1=who.seen.get("_scid", ""),
        ),
        custom_data=dict(report.custom)
        | given(
            value=amount_of(report),
            currency=report.currency,
            order_id=report.order_id,
        ),
    )
