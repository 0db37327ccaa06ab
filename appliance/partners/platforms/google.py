"""Google Ads by the Data Manager API: offline conversions of accounts that began after 2026-06-15.

One bad record has the whole request refused, with the place of the field that is wrong, which names the
guilty one at once. developers.google.com/data-manager/api.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from appliance.partners import identity
from appliance.partners.platform import (
    DAY,
    INVALID,
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
)
from appliance.partners.report import Report

_SECOND = 1_000_000
_PLACE = re.compile(r"\bevents(?:\[|\.)(\d{1,4})", re.ASCII)
_REASON = re.compile(r"[A-Z][A-Z_]{2,60}", re.ASCII)
_AFTER = re.compile(r"(\d{1,7})(?:\.\d+)?s", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONSENT = {"granted": "CONSENT_GRANTED", "limited": "CONSENT_DENIED"}
_encode = msgspec.json.Encoder().encode


class Google:
    """`settings`: `customer_id`, `login_customer_id`, `user_project`; a pixel's code is its conversion
    action. The token is a refresh token of the OAuth client `client_id` and `client_secret`, of the scope
    datamanager; without those two it is an access token, which lasts an hour."""

    name = "google"
    limits = Limits(batch=2_000, window_us=90 * DAY, ahead_us=60 * _SECOND, dedupe_us=90 * DAY)
    click_parameters: tuple[str, ...] = ("gclid", "gbraid", "wbraid")
    experimental = False
    needs: tuple[str, ...] = ("customer_id",)
    optional: tuple[str, ...] = (
        "login_customer_id",
        "user_project",
        "client_id",
        "client_secret",
        "token_url",
        "url",
    )
    secret_settings: tuple[str, ...] = ("client_secret",)
    needs_token = True
    names: Mapping[str, str] = {}
    only_conversions = True
    nameless = True
    tests: Tests = "checked"
    trial: Trial = "event"
    oauth: OAuth | None = OAuth("https://oauth2.googleapis.com/token")

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        return "Conversion before its click" if report.at_us < report.click_at_us else ""

    def encode(self, report: Report) -> bytes:
        return _encode(event(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        settings = pixel.settings
        customer = settings.get("customer_id", "").replace("-", "")
        login = settings.get("login_customer_id", "").replace("-", "")
        destination: dict[str, Any] = {
            "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": customer},
            "productDestinationId": pixel.code,
        }
        if login:
            destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": login}
        body = {
            "destinations": [destination],
            "events": raw(events),
            "encoding": "HEX",
            "validateOnly": bool(pixel.test_code),
        }
        headers = [("content-type", "application/json"), ("authorization", f"Bearer {pixel.token}")]
        if project := settings.get("user_project", ""):
            headers.append(("x-goog-user-project", project))
        origin = settings.get("url", "https://datamanager.googleapis.com")
        return Message("POST", f"{origin}/v1/events:ingest", tuple(headers), _encode(body), (pixel.token,))

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        found = document(answer.body)
        if found is None:
            return no_answer(answer)
        if 200 <= answer.status < 300:
            return Verdict("accepted", trace=str(found.get("requestId", "")), received=sent)
        error = found.get("error")
        if not isinstance(error, dict):
            return no_answer(answer)
        status = str(error.get("status", ""))
        details = [each for each in _list(error.get("details")) if isinstance(each, dict)]
        reason = f"{status}: {error.get('message', '')!s}"
        if status == "RESOURCE_EXHAUSTED" or answer.status == 429:
            return Verdict("throttle", TOO_MANY, reason, seconds=_delay(details) or 60.0)
        if status in ("UNAUTHENTICATED", "PERMISSION_DENIED") or answer.status in (401, 403):
            return Verdict("pause", UNAUTHORIZED, reason)
        if answer.status >= 500:
            return Verdict("retry", UNAVAILABLE, reason, seconds=_delay(details))
        places, destination = _places(details, sent)
        if not places and (destination or answer.status == 404):
            return Verdict("pause", "Destination refused", reason, pixel="account" not in destination.lower())
        return Verdict("refused", INVALID, reason, refused=places)


def event(report: Report) -> dict[str, Any]:
    """One Event of `events`. The same `transactionId` and time at every retry."""
    who = report.identity
    clicks = {name: report.click_ids.get(name, "") for name in Google.click_parameters}
    # One of them: two together are an error.
    clicks = dict([(name, value) for name, value in clicks.items() if value][:1])
    identifiers = [{"emailAddress": each} for each in identity.hashed(who.emails, identity.google_email)]
    identifiers += [
        {"phoneNumber": each} for each in identity.hashed(who.phones, identity.e164_in(who.country))
    ]
    device = given(userAgent=who.user_agent, ipAddress=who.address)
    return given(
        transactionId=report.order_id or report.event_id,
        eventTimestamp=rfc3339(report.at_us),
        currency=report.currency,
        conversionValue=amount_of(report),
        eventSource="WEB",
        adIdentifiers=given(**clicks, landingPageDeviceInfo=device),
        userData=given(userIdentifiers=identifiers[:10]),
        consent=given(
            adUserData=_CONSENT.get(report.consent, ""), adPersonalization=_CONSENT.get(report.consent, "")
        ),
        customVariables=[{"variable": name, "value": value} for name, value in report.custom.items()],
    )


def rfc3339(at_us: int) -> str:
    """A moment as Google's JSON wants it, to the second, UTC."""
    return (_EPOCH + timedelta(seconds=at_us // _SECOND)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _places(details: Sequence[Mapping[str, Any]], sent: int) -> tuple[dict[int, str], str]:
    """Which events a refusal names, and what of a destination it speaks of: the conversion action, which is
    the pixel's, or an account; "" for nothing."""
    found: dict[int, str] = {}
    destination = ""
    for violation in (each for one in details for each in _list(one.get("fieldViolations"))):
        if not isinstance(violation, dict):
            continue
        field = str(violation.get("field", ""))
        if field.startswith("destinations"):
            destination = field
        if (match := _PLACE.search(field)) and int(match.group(1)) < sent:
            reason = str(violation.get("reason", ""))
            found[int(match.group(1))] = reason if _REASON.fullmatch(reason) else INVALID
    return found, destination


def _delay(details: Sequence[Mapping[str, Any]]) -> float:
    """Seconds of a RetryInfo."""
    for one in details:
        if match := _AFTER.fullmatch(str(one.get("retryDelay", ""))):
            return float(match.group(1))
    return 0.0


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
