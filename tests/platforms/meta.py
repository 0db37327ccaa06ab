"""Meta's Conversions API as the reference says it behaves, its failures included.

`Meta` is what one pixel knows and answers, without clock or socket; meta_process.py puts it behind a port.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from appliance.partners.platform import Answer, Message

SECOND = 1_000_000
WEEK = 7 * 86_400
DEDUPE = 48 * 3_600
MOST = 1_000
AHEAD = 60
"""Seconds: an event may be so early. What Meta itself allows is not known; others' servers refuse this."""
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
CLICKS_OF_OTHERS = re.compile(r"\Afb\.\d+\.\d+\.guilty(\d{7})")
"""Meta knows its clicks: what it holds against one stands in its id here, and nobody else can read it."""
ACTION_SOURCES = (
    "email",
    "website",
    "app",
    "phone_call",
    "chat",
    "physical_store",
    "system_generated",
    "business_messaging",
    "other",
)
HASHED = ("em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id")
_SHA256 = re.compile(r"\A[0-9a-f]{64}\Z")
_PATH = re.compile(r"\A/v\d{2}\.\d/([^/]+)/events\Z")
_BROWSER_ID = re.compile(r"\Afb\.\d\.\d{13}\.[^.]+(\.[^.]+)?\Z")


class Heard(NamedTuple):
    """One request: the events that were in it, and what became of them.

    `verdict` is "taken", "test", "refused" (one of them is guilty), or "turned away": not looked at.
    """

    at_us: int
    trace: str
    verdict: str
    events: Sequence[tuple[str, str]]
    counted: Sequence[tuple[str, str]] = ()
    subcode: int = 0
    documents: Sequence[Any] = ()
    """The events as they came."""


class Meta:
    """One pixel. `counted` is what its reports would show: (event name, event id) → how often; `tests` those
    of them that it shows as test events too.

    `requests`: event id → in how many requests it was that were looked at; `refused`: event id → subcode, of
    those that stood alone; `guilty`: what it holds against events by their ids. `faults` are answers that it
    gives before anything else, once each. `busy` is per cent of the allowance, `regain` minutes.
    """

    def __init__(self, code: str = "px", token: str = "good", app_secret: str = "") -> None:
        self.code = code
        self.tokens = {token}
        self.app_secret = app_secret
        self.counted: Counter[tuple[str, str]] = Counter()
        self.tests: Counter[tuple[str, str]] = Counter()
        self.requests: Counter[str] = Counter()
        self.refused: dict[str, int] = {}
        self.guilty: dict[str, int] = {}
        self.faults: list[Answer] = []
        self.busy = 0.0
        self.regain = 0
        self.unsaid = 0
        """So many events it says less than it takes, once."""
        self.amount = 0.0
        """Of what was counted, in whole currency units."""
        self.heard: Callable[[Heard], None] = lambda heard: None
        self.seen: dict[tuple[str, str], int] = {}
        """When each was counted, in seconds: the same within 48 hours is no other."""
        self.asked = 0

    def answer(self, message: Message, now_us: int) -> Answer:
        """What it answers at that moment; an accepted event counts at once."""
        self.asked += 1
        trace = f"T{self.asked}"
        try:
            body = json.loads(message.body)
            data = body["data"]
            named = [(str(each["event_name"]), str(each.get("event_id", ""))) for each in data]
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._turn_away(self.error(400, 100, message="Invalid parameter"), now_us, trace)
        refusal = self.faults.pop(0) if self.faults else self._account(message, body)
        if refusal is None and not 1 <= len(data) <= MOST:
            refusal = self.error(400, 100, message="(#100) The parameter data must have 1 to 1000 elements")
        if refusal is not None:
            return self._turn_away(refusal, now_us, trace, named)
        for _, event_id in named:
            self.requests[event_id] += 1
        now = now_us // SECOND
        for event in data:
            subcode = self._fault(event, now)
            if subcode:
                if len(data) == 1:
                    self.refused[named[0][1]] = subcode
                self.heard(Heard(now_us, trace, "refused", named, (), subcode))
                return self.error(400, 100, subcode, "Invalid parameter", trace=trace)
        test = bool(body.get("test_event_code"))
        counted = [
            key for key, event in zip(named, data, strict=True) if self._take(key, event, now, test=test)
        ]
        self.heard(Heard(now_us, trace, "test" if test else "taken", named, counted, 0, data))
        received = len(data) - self.unsaid
        self.unsaid = 0
        return self.taken(received, trace)

    def _turn_away(
        self, answer: Answer, now_us: int, trace: str, named: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        self.heard(Heard(now_us, trace, "turned away", named))
        return answer

    def _account(self, message: Message, body: Mapping[str, Any]) -> Answer | None:
        """What is wrong with who asks, or whom for."""
        url = urlsplit(message.url)
        headers = {name.lower(): value for name, value in message.headers}
        token = (
            body.get("access_token")
            or parse_qs(url.query).get("access_token", [""])[0]
            or headers.get("authorization", "").removeprefix("Bearer ")
        )
        if token not in self.tokens:
            return self.error(401, 190, message="Invalid OAuth access token - Cannot parse access token")
        proof = hmac.new(self.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if self.app_secret and body.get("appsecret_proof") != proof:
            return self.error(
                400,
                100,
                message="Invalid appsecret_proof provided in the API argument",
                kind="GraphMethodException",
            )
        path = _PATH.match(url.path)
        if path is None or path[1] != self.code or message.method != "POST":
            return self.error(
                400, 100, 33, "Unsupported post request. Object does not exist", kind="GraphMethodException"
            )
        if self.busy >= 100:
            return self.error(400, 80_004, message="There have been too many calls to this ad-account")
        return None

    def _fault(self, event: Mapping[str, Any], now: int) -> int:
        """The subcode of what is wrong with an event; 0 for nothing."""
        at = event.get("event_time")
        if not isinstance(at, int) or isinstance(at, bool) or at > now + AHEAD:
            return 2804001
        if now - at > WEEK:
            return 2804003
        if not event["event_name"] or event.get("action_source") not in ACTION_SOURCES:
            return 2804001
        if not str(event.get("event_source_url", "https://")).startswith(("http://", "https://")):
            return 2804001
        custom = event.get("custom_data", {})
        if event["event_name"] == "Purchase" and not (
            isinstance(custom.get("value"), int | float)
            and re.fullmatch("[A-Za-z]{3}", custom.get("currency", ""))
        ):
            return 2804009
        who = event.get("user_data")
        # Where somebody lives is not who he is: such combinations are too broad.
        if not who or set(who) <= {"country", "st", "ct", "zp", "ge", "client_user_agent"}:
            return 2804050
        for key in HASHED:
            values = who.get(key, [])
            for value in values if isinstance(values, list) else [values]:
                if not _SHA256.match(value):
                    return 2804016
        for key in ("fbc", "fbp"):
            if key in who and not _BROWSER_ID.match(who[key]):
                return 2804017
        known = CLICKS_OF_OTHERS.match(who.get("fbc", ""))
        return int(known[1]) if known else self.guilty.get(str(event.get("event_id", "")), 0)

    def _take(self, key: tuple[str, str], event: Mapping[str, Any], now: int, *, test: bool) -> bool:
        """Whether it counts, which a second one of the same name and id within 48 hours does not. Test events
        count as others do: they are shown beside that."""
        if test:
            self.tests[key] += 1
        seen = self.seen.get(key)
        if key[1] and seen is not None and now - seen < DEDUPE:
            return False
        self.counted[key] += 1
        self.seen[key] = now
        self.amount += float(event.get("custom_data", {}).get("value", 0))
        return True

    # What it answers

    def taken(self, count: int, trace: str = "T") -> Answer:
        return Answer(
            200,
            self._headers(),
            json.dumps({"events_received": count, "messages": [], "fbtrace_id": trace}).encode(),
        )

    def error(
        self,
        status: int,
        code: int,
        subcode: int = 0,
        message: str = "",
        *,
        transient: bool = False,
        trace: str = "T",
        kind: str = "OAuthException",
    ) -> Answer:
        error = {
            "message": message, "type": kind, "code": code, "error_subcode": subcode,
            "is_transient": transient, "error_user_title": "Überschrift in irgendeiner Sprache",
            "error_user_msg": "Ein Satz, der morgen anders lautet", "fbtrace_id": trace,
        }  # fmt: skip
        return Answer(status, self._headers(), json.dumps({"error": error}).encode())

    def page(self, status: int = 502) -> Answer:
        """What a proxy says for it."""
        body = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
        return Answer(status, {"content-type": "text/html"}, body)

    def _headers(self) -> dict[str, str]:
        usage = {"type": "ads_management", "call_count": self.busy, "total_cputime": 0, "total_time": 0,
                 "estimated_time_to_regain_access": self.regain}  # fmt: skip
        return {
            "content-type": "application/json; charset=UTF-8",
            "x-app-usage": json.dumps({"call_count": self.busy / 2, "total_cputime": 0, "total_time": 0}),
            "x-business-use-case-usage": json.dumps({"1": [usage]}),
        }
