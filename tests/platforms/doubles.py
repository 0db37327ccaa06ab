"""What the doubles of ad platforms have in common: who asks, what counts, what a test is.

Each platform's own file says how it is asked and how it answers, by the reference.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from appliance.partners.platform import Answer, Message

SECOND = 1_000_000
DAY = 86_400
SHA256 = re.compile(r"\A[0-9a-f]{64}\Z")


class Double:
    """One pixel. `counted`: event id → how often it shows in reports; `tests`: the same of test events.

    `requests`: event id → in how many requests it was that were looked at; `refused`: ids that were refused
    by name, or alone; `guilty`: ids it holds something against that nobody can see. `faults` are answers it
    gives before anything else, once each. `forgets`: it takes so many events fewer than it was sent.
    """

    most: ClassVar[int]
    whole: ClassVar[bool] = True
    dedupe: ClassVar[int] = 2 * DAY
    window: ClassVar[int]
    ahead: ClassVar[int] = 60
    needs_token: ClassVar[bool] = True

    def __init__(self, code: str = "px", token: str = "good") -> None:
        self.code = code
        self.tokens = {token}
        self.counted: Counter[str] = Counter()
        self.tests: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.guilty: set[str] = set()
        self.faults: list[Answer] = []
        self.busy = False
        self.documents: list[dict[str, Any]] = []
        self._seen: dict[str, int] = {}

    def answer(self, message: Message, now_us: int) -> Answer:
        """What it answers at that moment; an accepted event counts at once."""
        if self.faults:
            return self.faults.pop(0)
        if self.needs_token and self.token_of(message) not in self.tokens:
            return self.unauthorized()
        if self.busy:
            return self.throttled()
        found = self.read(message)
        if found is None:
            return self.malformed()
        events, test = found
        if not 1 <= len(events) <= self.most:
            return self.malformed()
        now = now_us // SECOND
        bad: dict[int, str] = {}
        for place, event in enumerate(events):
            key = self.key_of(event)
            self.requests[key] += 1
            fault = self.too_far(event, now) or self.fault(event)
            if fault or key in self.guilty:
                bad[place] = fault or self.guilt()
        if bad and (self.whole or len(bad) == len(events)):
            if len(events) == 1 or not self.whole:
                self.refused.update(self.key_of(events[place]) for place in bad)
            return self.refuse(events, bad)
        self.refused.update(self.key_of(events[place]) for place in bad)
        for place, event in enumerate(events):
            if place not in bad:
                self._take(event, now, test=test)
        return self.accept(events, bad)

    def _take(self, event: Mapping[str, Any], now: int, *, test: bool) -> None:
        key = self.key_of(event)
        if test:
            self.tests[key] += 1
            return
        self.documents.append(dict(event))
        seen = self._seen.get(key)
        if seen is None or now - seen >= self.dedupe:
            self.counted[key] += 1
            self._seen[key] = now

    def too_far(self, event: Mapping[str, Any], now: int) -> str:
        at = self.second_of(event)
        if at is None:
            return "time: not a time"
        return "time: out of the window" if not now - self.window <= at <= now + self.ahead else ""

    # What each platform says for itself

    def token_of(self, message: Message) -> str:
        return header(message, "authorization").removeprefix("Bearer ")

    def read(self, message: Message) -> tuple[Sequence[dict[str, Any]], bool] | None:
        """(events, whether they are tests); None for a request that is none of its own."""
        raise NotImplementedError

    def key_of(self, event: Mapping[str, Any]) -> str:
        return str(event.get("event_id", ""))

    def second_of(self, event: Mapping[str, Any]) -> int | None:
        at = event.get("event_time")
        return at if isinstance(at, int) else None

    def fault(self, event: Mapping[str, Any]) -> str:
        """What anybody can see in it; "" for nothing."""
        raise NotImplementedError

    def guilt(self) -> str:
        """What it says of an event that looks well."""
        return "parameter: no such thing"

    def accept(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        raise NotImplementedError

    def refuse(self, events: Sequence[Mapping[str, Any]], bad: Mapping[int, str]) -> Answer:
        raise NotImplementedError

    def malformed(self) -> Answer:
        return self.refuse([{}], {0: "request"})

    def unauthorized(self) -> Answer:
        return said(401, {"message": "unauthorized"})

    def throttled(self) -> Answer:
        return said(429, {"message": "too many requests"})

    def broken(self) -> Answer:
        """Its own word that it cannot now."""
        return said(503, {"message": "try again"})


def said(status: int, document: Any) -> Answer:
    """A JSON answer."""
    return Answer(status, {"content-type": "application/json"}, json.dumps(document).encode())


def header(message: Message, name: str) -> str:
    return next((value for key, value in message.headers if key.lower() == name), "")


def body_of(message: Message) -> dict[str, Any]:
    found = json.loads(message.body)
    return found if isinstance(found, dict) else {}


def not_hashed(user: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The first of these keys that has a value which is no SHA-256."""
    for key in keys:
        values = user.get(key, [])
        for value in values if isinstance(values, list) else [values]:
            if not SHA256.match(str(value)):
                return f"{key}: not hashed"
    return ""
