"""OpenAI's Conversions API: one failing event fails the request; amounts in minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, not_hashed, said


class OpenAI(Double):
    most = 1_000
    window = 7 * DAY
    ahead = 600

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        url, body = urlsplit(message.url), body_of(message)
        if url.path != "/v1/events" or parse_qs(url.query).get("pid") != [self.code]:
            return None
        return body["events"], bool(body["validate_only"])

    def key_of(self, event: Mapping[str, Any]) -> str:
        return str(event.get("id", ""))

    def second_of(self, event: Mapping[str, Any]) -> int | None:
        at = event.get("timestamp_ms")
        return at // 1_000 if isinstance(at, int) else None

    def fault(self, event: Mapping[str, Any]) -> str:
        data = event.get("data", {})
        if event.get("type") == "custom" and not event.get("custom_event_name"):
            return "custom_event_name: missing"
        if "amount" in data and not (isinstance(data["amount"], int) and data.get("currency")):
            return "amount: whole minor units with a currency"
        return not_hashed(event.get("user", {}), ("email_sha256",))

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(200, {"status": "ok"})

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(400, {"error": {"message": next(iter(bad.values())), "type": "invalid_request_error"}})
