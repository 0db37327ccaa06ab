"""Outbrain's pixel: a GET per conversion, no token, no tests, and what is said twice counts twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from appliance.partners.platform import Answer, Message
from tests.platforms.doubles import DAY, Double


class Outbrain(Double):
    most = 1
    dedupe = 0
    window = 30 * DAY
    needs_token = False

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        url = urlsplit(message.url)
        if url.path != "/unifiedPixel" or message.method != "GET":
            return None
        return [{name: values[0] for name, values in parse_qs(url.query).items()}], False

    def key_of(self, event: Mapping[str, Any]) -> str:
        return str(event.get("orderId", ""))

    def second_of(self, event: Mapping[str, Any]) -> int | None:
        at = str(event.get("timestamp", ""))
        return int(at) // 1_000 if at.isdecimal() else None

    def fault(self, event: Mapping[str, Any]) -> str:
        return "" if event.get("ob_click_id") and event.get("name") else "ob_click_id: missing"

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return Answer(200, {"content-type": "image/gif"}, b"GIF89a")

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        return Answer(400, {}, b"bad request")
