"""Meta's Conversions API as the reference says it behaves, its failures included."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from appliance.partners.platform import Answer, Message

SECOND = 1_000_000
WEEK = 7 * 86_400
DEDUPE = 48 * 3_600
INVISIBLE = (
    2804001,
    2804007,
    2804016,
    2804017,
    2804019,
    2804036,
    2804048,
    2804050,
    2804066,
    2804087,
    *range(2804100, 2804120),
)
"""Subcodes of thirty faults that nobody can see in an event before it is sent."""


class Meta:
    """One pixel. `counted` is what its reports would show: (event name, event id) → how often."""

    def __init__(self, code: str = "px", token: str = "good") -> None:
        self.code = code
        self.tokens = {token}
        self.counted: Counter[tuple[str, str]] = Counter()
        self.tests: Counter[tuple[str, str]] = Counter()
        self.requests: Counter[str] = Counter()
        self.refused: dict[str, int] = {}
        self.guilty: dict[str, int] = {}
        self.busy = 0.0
        self.regain = 0
        self._seen: dict[tuple[str, str], int] = {}

    def answer(self, message: Message, now_us: int) -> Answer:
        """What it answers at that moment; an accepted event counts at once."""
        body = json.loads(message.body)
        data = body.get("data")
        now = now_us // SECOND
        if body.get("access_token") not in self.tokens:
            return self._error(401, 190, message="Invalid OAuth access token - Cannot parse access token")
        if urlsplit(message.url).path.split("/")[-2] != self.code:
            return self._error(400, 100, 33, "Unsupported post request")
        if self.busy >= 100:
            return self._error(400, 80_004, message="There have been too many calls")
        if not isinstance(data, list) or not 1 <= len(data) <= 1_000:
            return self._error(400, 100, message="(#100) The parameter data must have 1 to 1000 elements")
        for event in data:
            self.requests[event["event_id"]] += 1
        for event in data:
            subcode = self._fault(event, now)
            if subcode:
                if len(data) == 1:
                    self.refused[event["event_id"]] = subcode
                return self._error(400, 100, subcode, "Invalid parameter")
        for event in data:
            self._take(event, now, test=bool(body.get("test_event_code")))
        return Answer(
            200,
            self._headers(),
            json.dumps({"events_received": len(data), "messages": [], "fbtrace_id": "T"}).encode(),
        )

    def _fault(self, event: Mapping[str, Any], now: int) -> int:
        if now - event["event_time"] > WEEK:
            return 2804003
        if event["event_time"] > now + 60 or not event.get("event_name"):
            return 2804001
        custom = event.get("custom_data", {})
        if event["event_name"] == "Purchase" and ("value" not in custom or not custom.get("currency")):
            return 2804009
        if not event.get("user_data"):
            return 2804050
        for key in ("em", "ph", "fn", "ln", "ct", "st", "zp", "country", "external_id"):
            for value in event["user_data"].get(key, []):
                if len(value) != 64:
                    return 2804016
        return self.guilty.get(event["event_id"], 0)

    def _take(self, event: Mapping[str, Any], now: int, *, test: bool) -> None:
        key = (event["event_name"], event["event_id"])
        if test:
            self.tests[key] += 1
            return
        seen = self._seen.get(key)
        if seen is None or now - seen >= DEDUPE:
            self.counted[key] += 1
            self._seen[key] = now

    def _error(self, status: int, code: int, subcode: int = 0, message: str = "") -> Answer:
        error = {
            "message": message, "type": "OAuthException", "code": code, "error_subcode": subcode,
            "is_transient": False, "error_user_title": "Überschrift in irgendeiner Sprache", "fbtrace_id": "T",
        }  # fmt: skip
        return Answer(status, self._headers(), json.dumps({"error": error}).encode())

    def _headers(self) -> dict[str, str]:
        usage = {"type": "ads_management", "call_count": self.busy, "total_cputime": 0, "total_time": 0,
                 "estimated_time_to_regain_access": self.regain}  # fmt: skip
        return {"x-business-use-case-usage": json.dumps({"1": [usage]})}
