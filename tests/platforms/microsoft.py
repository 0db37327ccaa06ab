"""Microsoft's UET Conversions API: it takes what is right and names the rest by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, not_hashed, said


class Microsoft(Double):
    most = 1_000
    whole = False
    window = 90 * DAY

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        body = body_of(message)
        if urlsplit(message.url).path != f"/v1/{self.code}/events" or not body.get(
            "continueOnValidationError"
        ):
            return None
        return body["data"], False

    def key_of(self, event: Mapping[str, Any]) -> str:
        return str(event.get("eventId", ""))

    def second_of(self, event: Mapping[str, Any]) -> int | None:
        at = event.get("eventTime")
        return at if isinstance(at, int) else None

    def fault(self, event: Mapping[str, Any]) -> str:
        user = event.get("userData", {})
        if event.get("eventType") not in ("pageLoad", "custom") or event.get("adStorageConsent") not in (
            "G",
            "D",
        ):
            return "eventType: wrong"
        return not_hashed(user, ("em", "ph")) or ("" if user.get("msclkid") else "userData.msclkid: missing")

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        document: dict[str, Any] = {"eventsReceived": len(events) - len(bad), "traceId": "T"}
        if bad:
            document["error"] = {"code": 1, "message": "some are wrong", "details": _details(bad)}
        return said(200, document)

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        error = {"code": 1, "message": "all are wrong", "details": _details(bad)}
        return said(400, {"eventsReceived": 0, "error": error, "traceId": "T"})

    def malformed(self) -> Answer:
        return said(400, {"eventsReceived": 0, "error": {"code": 2, "message": "no events"}, "traceId": "T"})


def _details(bad: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {"index": place, "propertyName": why.partition(":")[0], "attemptedValue": "x", "errorMessage": why}
        for place, why in bad.items()
    ]
