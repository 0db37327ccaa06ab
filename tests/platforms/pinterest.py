"""Pinterest's Conversions API v5: it answers for each event by its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, not_hashed, said


class Pinterest(Double):
    most = 1_000
    whole = False
    window = 7 * DAY

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        url = urlsplit(message.url)
        if url.path != f"/v5/ad_accounts/{self.code}/events":
            return None
        return body_of(message)["data"], url.query == "test=true"

    def fault(self, event: Mapping[str, Any]) -> str:
        user = event.get("user_data", {})
        if event.get("action_source") != "web" or not event.get("event_name"):
            return "action_source: wrong"
        if "em" not in user and not user.keys() >= {"client_ip_address", "client_user_agent"}:
            return "user_data: nobody"
        if any(not isinstance(user.get(key, []), list) for key in ("em", "ph", "external_id")):
            return "user_data: lists, please"
        return not_hashed(user, ("em", "ph", "fn", "ln", "ct", "st", "zp", "country", "external_id"))

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(200, _each(events, bad))

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(422, _each(events, bad))

    def malformed(self) -> Answer:
        return said(400, {"code": 1, "message": "no events"})


def _each(events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> dict[str, Any]:
    return {
        "num_events_received": len(events),
        "num_events_processed": len(events) - len(bad),
        "events": [
            {"status": "failed", "error_message": bad[place], "warning_message": None}
            if place in bad
            else {"status": "processed", "error_message": "", "warning_message": None}
            for place in range(len(events))
        ],
    }
