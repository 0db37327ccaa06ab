"""Google's Data Manager: one bad record refuses the request, and is named by its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, not_hashed, said

_TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


class Google(Double):
    """It sells access tokens for the refresh token `refresh` too; `sold` are those it gave out."""

    most = 2_000
    window = 90 * DAY
    dedupe = 90 * DAY
    customer = "1234567890"

    def __init__(self, code: str = "px", token: str = "good") -> None:
        super().__init__(code, token)
        self.refresh = {"refresh"}
        self.sold = 0

    def answer(self, message: Message, now_us: int) -> Answer:
        if urlsplit(message.url).path == "/token":
            return self._sell(message)
        return super().answer(message, now_us)

    def _sell(self, message: Message) -> Answer:
        form = {name: values[0] for name, values in parse_qs(message.body.decode()).items()}
        if form.get("client_secret") != "hush" or form.get("grant_type") != "refresh_token":
            return said(401, {"error": "invalid_client"})
        if form.get("refresh_token") not in self.refresh:
            return said(400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
        self.sold += 1
        self.tokens = {f"bought-{self.sold}"}
        return said(200, {"access_token": f"bought-{self.sold}", "expires_in": 3_600, "token_type": "Bearer"})

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        body = body_of(message)
        (to,) = body.get("destinations") or [{}]
        ours = to.get("productDestinationId") == self.code and to.get("operatingAccount") == {
            "accountType": "GOOGLE_ADS", "accountId": self.customer
        }  # fmt: skip
        if urlsplit(message.url).path != "/v1/events:ingest" or not ours or body.get("encoding") != "HEX":
            return None
        return body["events"], bool(body["validateOnly"])

    def key_of(self, event: Mapping[str, Any]) -> str:
        return str(event.get("transactionId", ""))

    def second_of(self, event: Mapping[str, Any]) -> int | None:
        at = str(event.get("eventTimestamp", ""))
        return int(datetime.fromisoformat(at).astimezone(UTC).timestamp()) if _TIME.match(at) else None

    def fault(self, event: Mapping[str, Any]) -> str:
        clicks = set(event.get("adIdentifiers", {})) & {"gclid", "gbraid", "wbraid"}
        if event.get("eventSource") != "WEB" or len(clicks) != 1:
            return "ad_identifiers INVALID_ARGUMENT"
        for each in event.get("userData", {}).get("userIdentifiers", []):
            if not_hashed(each, ("emailAddress", "phoneNumber")):
                return "user_data.user_identifiers INVALID_HASH"
        return ""

    def guilt(self) -> str:
        return "event_timestamp EVENT_TIME_INVALID"

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(200, {"requestId": "R"})

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        # The first mistake it meets is the only one it names.
        place, why = next(iter(bad.items()))
        self.refused.add(self.key_of(events[place]))
        field, _, reason = why.partition(" ")
        violation = {"field": f"events[{place}].{field}", "reason": reason, "description": "wrong"}
        kind = "type.googleapis.com/google.rpc.BadRequest"
        details = [{"@type": kind, "fieldViolations": [violation]}]
        return said(
            400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no", "details": details}}
        )

    def unauthorized(self) -> Answer:
        return said(401, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "no"}})

    def throttled(self) -> Answer:
        retry = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}]
        return said(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": retry}})

    def broken(self) -> Answer:
        return said(503, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "try again"}})
