"""Snapchat's Conversions API v3: the token in the query, one bad event refuses all; a path for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, not_hashed, said


class Snapchat(Double):
    most = 2_000
    window = 37 * DAY

    def token_of(self, message: Message) -> str:
        return parse_qs(urlsplit(message.url).query).get("access_token", [""])[0]

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        path = urlsplit(message.url).path
        if path not in (f"/v3/{self.code}/events", f"/v3/{self.code}/events/validate"):
            return None
        return body_of(message)["data"], path.endswith("/validate")

    def fault(self, event: Mapping[str, Any]) -> str:
        user = event.get("user_data", {})
        if event.get("action_source") != "WEB":
            return "action_source: wrong"
        if not (user.keys() & {"em", "ph"} or user.keys() >= {"client_ip_address", "client_user_agent"}):
            return "user_data: nobody"
        return not_hashed(user, ("em", "ph", "fn", "ln", "ct", "st", "zp", "country", "external_id"))

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(200, {"status": "OK"})

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(400, {"status": "INVALID", "reason": next(iter(bad.values()))})
