"""Taboola's bulk actions: no token, no tests, and what is said twice counts twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double, body_of, said


class Taboola(Double):
    most = 500
    dedupe = 0
    window = 30 * DAY
    needs_token = False

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        if urlsplit(message.url).path != f"/{self.code}/log/3/bulk-s2s-action":
            return None
        return body_of(message)["actions"], False

    def key_of(self, event: Mapping[str, Any]) -> str:
        return str(event.get("orderid", ""))

    def second_of(self, event: Mapping[str, Any]) -> int | None:
        at = event.get("timestamp")
        return at // 1_000 if isinstance(at, int) else None

    def fault(self, event: Mapping[str, Any]) -> str:
        return "" if event.get("click-id") and event.get("name") else "click-id: missing"

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return Answer(200, {}, b"")

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return said(400, {"message": next(iter(bad.values()))})
