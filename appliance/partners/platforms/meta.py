"""Meta: the Conversions API. One bad event has the whole request refused; answers are judged by their code.

developers.facebook.com/docs/marketing-api/conversions-api; error classes from "Handling errors" and from
what others' servers were seen to answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

from appliance.partners import cookies, identity
from appliance.partners.platform import (
    DAY,
    INVALID,
    INVALID_PIXEL,
    NO_VALUE,
    NOT_RECONCILED,
    REFUSED,
    TOO_MANY,
    UNAUTHORIZED,
    UNAVAILABLE,
    Answer,
    Limits,
    Message,
    OAuth,
    Outcome,
    Pixel,
    Tests,
    Trial,
    Verdict,
    amount_of,
    checked,
    document,
    no_answer,
    raw,
    too_old,
    whole,
)
from appliance.partners.report import Identity, Report

VERSION = "v25.0"
"""Of the Graph API, where the account names none; each is supported for two years at least."""
_SECOND = 1_000_000
_THROTTLED = frozenset((4, 17, 32, 341, 613, *range(80_000, 80_015)))
_TRY_AGAIN = frozenset((1, 2, 368, 5000, 21_009))
_ACCOUNT = frozenset((3, 102, 190))
_PERMISSION = frozenset((10, *range(200, 300)))
_PIXEL = _PERMISSION | {803}
"""What may be done with one pixel, and whether there is such a one: another of the account may be fine."""
_EVENT: Mapping[int, str] = {
    2804001: "Wrong parameter",
    2804007: "Wrong parameter",
    2804009: NO_VALUE,
    2804016: "Wrong parameter",
    2804017: "Wrong parameter",
    2804019: "Wrong parameter",
    2804036: "Invalid lead id",
    2804048: "Wrong parameter",
    2804050: "Too little customer information",
    2804066: "Event name not allowed for this channel",
    2804087: "Invalid ctwa_clid",
}
_NEARLY_FULL = 95.0
_BUSY = ("x-app-usage", "x-business-use-case-usage", "x-ad-account-usage")
_encode = msgspec.json.Encoder().encode


class Meta:
    """`settings`: `api_version`, `app_secret`, and `url` where a proxy stands before it."""

    name = "meta"
    limits = Limits(batch=1_000, window_us=7 * DAY, ahead_us=60 * _SECOND, dedupe_us=2 * DAY)
    click_parameters: tuple[str, ...] = ("fbclid",)
    experimental = False
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("api_version", "app_secret", "url")
    secret_settings: tuple[str, ...] = ("app_secret",)
    needs_token = True
    names: Mapping[str, str] = {}
    only_conversions = False
    nameless = False
    tests: Tests = "counted"
    trial: Trial = "old"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        if report.event_name == "Purchase" and (report.value is None or not report.currency):
            return NO_VALUE
        return ""

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        settings = pixel.settings
        body: dict[str, Any] = {
            "data": raw(events),
            "access_token": pixel.token,
        }
        if secret := settings.get("app_secret", ""):
            body["appsecret_proof"] = hmac.digest(secret.encode(), pixel.token.encode(), "sha256").hex()
        if pixel.test_code:
            body["test_event_code"] = pixel.test_code
        origin = settings.get("url", "https://graph.facebook.com")
        version = settings.get("api_version", "") or VERSION
        return Message(
            "POST",
            f"{origin}/{version}/{quote(pixel.code, safe='')}/events",
            (("content-type", "application/json"),),
            _encode(body),
            tuple(filter(None, (pixel.token, body.get("appsecret_proof", "")))),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        busy, seconds = usage(answer.headers)
        found = document(answer.body)
        if found is None:
            return no_answer(answer)._replace(busy=busy)
        error = found.get("error")
        if isinstance(error, dict):
            return _of_error(error, answer.status, busy, seconds)
        received = whole(found.get("events_received"))
        if not 200 <= answer.status < 300 or received is None:
            return no_answer(answer)._replace(busy=busy)
        label = NOT_RECONCILED if received < sent else ""
        reason = f"{received} of {sent} received" if label else ""
        return Verdict(
            "accepted", label, reason, str(found.get("fbtrace_id", "")), seconds, {}, received, busy
        )


def event(report: Report) -> dict[str, Any]:
    """One event of `data`. What is empty is left out, but a value of 0 is not empty."""
    found: dict[str, Any] = {
        "event_name": report.event_name,
        "event_time": report.at_us // _SECOND,
        "event_id": report.event_id,
        "action_source": "website",
        "user_data": user_data(report),
    }
    if report.page_url:
        found["event_source_url"] = report.page_url
    if report.referrer:
        found["referrer_url"] = report.referrer
    if report.consent == "limited":
        found |= {
            "opt_out": True,
            "data_processing_options": ["LDU"],
            "data_processing_options_country": 0,
            "data_processing_options_state": 0,
        }
    custom: dict[str, Any] = dict(report.custom)
    if report.value is not None:
        custom["value"] = amount_of(report)
    if report.currency:
        custom["currency"] = report.currency
    if report.order_id:
        custom["order_id"] = report.order_id
    if custom:
        found["custom_data"] = custom
    return found


def user_data(report: Report) -> dict[str, Any]:
    """Who it was: hashed what must be hashed, plain what must be plain, nothing that was not observed."""
    who = report.identity
    found: dict[str, Any] = {}
    for key, values, normalise in _people(who):
        if values and (hashes := identity.hashed(values, normalise)):
            found[key] = hashes
    found |= _place(who.city, who.region, who.country)
    if who.address:
        found["client_ip_address"] = who.address
    if who.user_agent:
        found["client_user_agent"] = who.user_agent
    seen = who.seen
    click = report.click_ids.get("fbclid", "")
    if fbc := cookies.fbc(click, report.click_at_us // 1_000, seen.get("_fbc", "")):
        found["fbc"] = fbc
    if seen and (fbp := cookies.fbp(seen.get("_fbp", ""))):
        found["fbp"] = fbp
    return found


@lru_cache(maxsize=16_384)
def _place(city: str, region: str, country: str) -> Mapping[str, Sequence[str]]:
    """The same ones come again and again."""
    known = {
        "ct": identity.place_hashes(city, identity.city),
        "st": identity.place_hashes(region, identity.state),
        "country": identity.place_hashes(country, identity.country),
    }
    return {name: hashes for name, hashes in known.items() if hashes}


def _people(who: Identity) -> Sequence[tuple[str, Sequence[str], Callable[[str], str]]]:
    """What says who it was beside his place; nothing for almost every interpreted event."""
    if not (
        who.emails
        or who.phones
        or who.external_id
        or who.first_name
        or who.last_name
        or who.gender
        or who.birth_date
        or who.postal_code
    ):
        return ()
    return (
        ("em", who.emails, identity.email),
        ("ph", who.phones, identity.phone_in(who.country)),
        ("fn", _one(who.first_name), identity.name),
        ("ln", _one(who.last_name), identity.name),
        ("ge", _one(who.gender), identity.gender),
        ("db", _one(who.birth_date), identity.birth_date),
        ("zp", _one(who.postal_code), identity.postal_code),
        ("external_id", _one(who.external_id), identity.external_id),
    )


def _one(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def usage(headers: Mapping[str, str]) -> tuple[float, float]:
    """(per cent of the allowance used, seconds until there is some again) by the three headers; 0 for what
    they do not say. When the score is reset matters only while it is nearly full."""
    busy = seconds = 0.0
    for name in _BUSY:
        try:
            found = msgspec.json.decode(headers.get(name, "null"))
        except (msgspec.DecodeError, RecursionError):
            continue
        used = reset = 0.0
        for key, value in _leaves(found):
            if key == "estimated_time_to_regain_access":
                seconds = max(seconds, value * 60.0)
            elif key == "reset_time_duration":
                reset = max(reset, value)
            else:
                used = max(used, value)
        busy = max(busy, used)
        if used >= _NEARLY_FULL:
            seconds = max(seconds, reset)
    return busy, seconds


def _leaves(value: object, key: str = "", depth: int = 0) -> list[tuple[str, float]]:
    """Every number of a small document with its key."""
    if isinstance(value, bool) or depth > 4:
        return []
    if isinstance(value, int | float):
        return [(key, float(value))]
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in _leaves(item, str(name), depth + 1)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item, key, depth + 1)]
    return []


def _of_error(error: Mapping[str, Any], status: int, busy: float, regained: float) -> Verdict:
    """By code and subcode, then by what it says of itself, then by status; its texts are translated ones."""
    code, subcode = whole(error.get("code")) or 0, whole(error.get("error_subcode")) or 0
    reason = f"{code}/{subcode}: {error.get('message', '')!s}"
    trace = str(error.get("fbtrace_id", ""))

    def so(outcome: Outcome, label: str, seconds: float = 0.0) -> Verdict:
        return Verdict(outcome, label, reason, trace, seconds, busy=busy)

    if code in _PIXEL or (code == 100 and subcode == 33):
        label = UNAUTHORIZED if code in _PERMISSION else INVALID_PIXEL
        return so("pause", label)._replace(pixel=True)
    # Of whom is asked or how, not of an event: a wrong app secret, for one.
    if code in _ACCOUNT or error.get("type") == "GraphMethodException":
        return so("pause", UNAUTHORIZED)
    if code in _THROTTLED:
        return so("throttle", TOO_MANY, regained or 60.0)
    if code in _TRY_AGAIN:
        return so("retry", UNAVAILABLE)
    if code == 100 and subcode == 2804003:
        return so("refused", too_old(Meta.limits))
    if code == 100:
        return so("refused", _EVENT.get(subcode, INVALID))
    if code == 506:
        return so("refused", "Duplicate")
    if error.get("is_transient") is False and 400 <= status < 500 and status not in (401, 403, 429):
        return so("refused", REFUSED)
    if status in (401, 403):
        return so("pause", UNAUTHORIZED)
    return so("throttle" if status == 429 else "retry", "Unknown error of the platform")
