"""TikTok's Events API: 200 whatever happens, the code in the body counts; one bad row refuses all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, header, not_hashed, said


class TikTok(Double):
    most = 1_000
    window = 7 * DAY

    def token_of(self, message: Message) -> str:
        return header(message, "access-token")

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        body = body_of(message)
        ours = (
            urlsplit(message.url).path == "/open_api/v1.3/event/track/" and body.get("event_source") == "web"
        )
        if not ours or body.get("event_source_id") != self.code or not isinstance(body.get("data"), list):
            return None
        return body["data"], bool(body.get("test_event_code"))

    def fault(self, event: Mapping[str, Any]) -> str:
        user, properties = event.get("user", {}), event.get("properties", {})
        if not event.get("event") or not user.get("ttclid"):
            return "event: Missing data for required field."
        if event["event"] == "CompletePayment" and not (
            isinstance(properties.get("value"), int | float) and properties.get("currency")
        ):
            return "properties.value: Missing data for required field."
        return not_hashed(user, ("email", "phone", "external_id", "first_name", "last_name", "zip_code"))

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(200, {"code": 0, "message": "OK", "request_id": "R", "data": {}})

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        place, why = next(iter(bad.items()))
        return said(200, {"code": 40002, "message": f"Batch.{place}.{why}", "request_id": "R", "data": {}})

    def unauthorized(self) -> Answer:
        return said(200, {"code": 40105, "message": "Access token is incorrect or has been revoked."})

    def throttled(self) -> Answer:
        return said(200, {"code": 40100, "message": "Too many requests. Please retry in some time."})

    def broken(self) -> Answer:
        return said(200, {"code": 50000, "message": "System error"})
