"""What every ad platform's file offers to the one engine that reports to all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from appliance.model import money
from appliance.partners.report import Report

DAY = 86_400_000_000
HOUR = 3_600_000_000
MARGIN = HOUR
"""An event is sent no later than this before its window ends: requests take time, clocks differ."""

Outcome = Literal["accepted", "refused", "retry", "throttle", "pause"]
"""accepted: every event that `refused` does not name. refused: none of them, for what one or more of them
are. retry: not now, for no reason of theirs. throttle: too many requests. pause: nothing will be accepted
until an operator has changed something."""


class Pixel(NamedTuple):
    """Where events go. `token` and `settings` are the account's, unsealed; `test_code` "" for live events."""

    code: str
    token: str
    settings: Mapping[str, str]
    test_code: str = ""


class Message(NamedTuple):
    """A request; `secrets` are texts that no log and no attempt may show."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    secrets: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Verdict(NamedTuple):
    """What an answer means. `label` is one of few stable words for it, `reason` the platform's own.

    Its texts are uncut, however long: they are cut once they are clean (understanding.py).

    `refused`: place in the request → label, where the platform names single events. `seconds`: not before.
    `busy`: per cent of the account's allowance that is used. `received`: how many it says it took.
    `details`: place → the platform's own words on a refused one. `pixel`: a pause is this pixel's alone, and
    says nothing of the account's others. `stranger`: a pause not in the platform's own words; a firewall may
    have said it, of a single event.
    """

    outcome: Outcome
    label: str = ""
    reason: str = ""
    trace: str = ""
    seconds: float = 0.0
    refused: Mapping[int, str] = {}
    received: int | None = None
    busy: float = 0.0
    details: Mapping[int, str] = {}
    pixel: bool = False
    stranger: bool = False


class Sent(NamedTuple):
    """What came of a request: an answer, or a `fault`; `left`: its first byte had left by then."""

    answer: Answer | None
    fault: str
    left: bool


Send = Callable[[Message, float], Awaitable[Sent]]
"""One request within so many seconds. Raises nothing of the network's."""


class OAuth(NamedTuple):
    """Where an account's token is a refresh token, which buys one for an hour at `url` (or the account's
    setting `token_url`). With `basic`, client and secret go in a header, else in the form."""

    url: str
    basic: bool = False
    client: str = "client_id"
    secret: str = "client_secret"  # noqa: S105  the setting's name
    scope: str = ""


Tests = Literal["checked", "counted", "unknown", "none"]
"""What becomes of events that bear a test code: they are checked and counted nowhere; they are shown as tests
and counted all the same; which of both nobody says; or the platform has none, and nothing is sent."""

Trial = Literal["event", "old", "empty", "none"]
"""How an account is tried without a platform counting anything: with a test event that is checked only; with
one that is too old, or with a request of none, which is refused for that and not for its token; not at all,
because nobody asks who it is."""


class Limits(Struct, frozen=True, kw_only=True):
    """`batch` events and `most_bytes` in a request; an event may be `window_us` old, and `ahead_us` early.

    For `dedupe_us` the platform drops a second event of the same id. `whole`: one bad event has the whole
    request refused, without a word on which one it was.
    """

    batch: int
    window_us: int
    ahead_us: int
    dedupe_us: int
    most_bytes: int = 1_000_000
    whole: bool = True


class Platform(Protocol):
    """One ad platform. Pure: who sends, when and how often is the reporter's."""

    name: str
    limits: Limits
    click_parameters: tuple[str, ...]
    """Query parameters that bring its click id; the first that has a value wins."""
    experimental: bool
    """Its facts could not be verified: it is off until somebody switches it on."""
    needs: tuple[str, ...]
    """Settings of an account without which nothing can be sent."""
    optional: tuple[str, ...]
    """Further settings that it understands."""
    secret_settings: tuple[str, ...]
    """Those of both that open something: sealed, and shown to nobody."""
    needs_token: bool
    names: Mapping[str, str]
    """Meta's standard event → what it is called here, where that is something else."""
    only_conversions: bool
    """Nothing but what is worth something is told by default: each event counts as a conversion."""
    nameless: bool
    """Its requests have no event's name: all that a pixel is told counts as the same thing, and a lead and
    the sale that it becomes as one. Sales alone are told by default."""
    tests: Tests
    trial: Trial
    oauth: OAuth | None
    """Used when the account has the settings it names; without them its token is sent as it is."""

    def check(self, report: Report, now_us: int) -> str:
        """The label of what would have this event refused; "" when it may be sent."""

    def encode(self, report: Report) -> bytes:
        """One event in the platform's words; the same at every retry."""

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        """The request for these encoded events; all are live, or all are tests."""

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        """What an answer to a request with `sent` events means. Raises nothing, whatever the answer is."""


TOO_OLD = "Conversion older than {} days"
NO_CLICK = "Missing traffic source click id"
IN_THE_FUTURE = "Event time in the future"
NO_CONSENT = "No consent"
NO_VALUE = "Purchase without value and currency"
UNAUTHORIZED = "Token or permission refused"
INVALID_PIXEL = "Invalid pixel"
TOO_MANY = "Too many requests"
UNAVAILABLE = "Temporarily unavailable"
UNANSWERED = "No answer of the platform"
INVALID = "Invalid parameter"
REFUSED = "Refused by the platform"
NOT_RECONCILED = "Fewer events received than sent"
MAY_HAVE_BEEN_COUNTED = "May have been counted already"
NOT_MADE = "The event cannot be made"
NO_PIXEL = "Its pixel is not there any more"
FETCHED = "Its account is fetched as a file now"
DRY_RUN = "dry run: nothing was sent"
TEST_EVENT = "test event"


def reconciled(verdict: Verdict, sent: int) -> Verdict:
    """With a label when the platform took the request and says that it received fewer events."""
    missing = sent - len(verdict.refused) - (verdict.received if verdict.received is not None else sent)
    if verdict.outcome != "accepted" or missing <= 0:
        return verdict
    return verdict._replace(label=NOT_RECONCILED, reason=f"{verdict.received} of {sent} received")


def too_old(limits: Limits) -> str:
    return TOO_OLD.format(limits.window_us // DAY)


def checked(report: Report, limits: Limits, parameters: Sequence[str], now_us: int) -> str:
    """What every platform asks of an event, in the founding document's words and order."""
    if now_us - report.at_us >= limits.window_us - MARGIN:
        return too_old(limits)
    if parameters and not click_of(report, parameters):
        return NO_CLICK
    if report.at_us - now_us > limits.ahead_us:
        return IN_THE_FUTURE
    if report.consent == "denied":
        return NO_CONSENT
    return ""


def click_of(report: Report, parameters: Sequence[str]) -> str:
    """The platform's own id of the click; "" where it brought none."""
    for name in parameters:
        if found := report.click_ids.get(name, ""):
            return found
    return ""


def document(body: bytes) -> dict[str, Any] | None:
    """An answer's JSON object; None for anything else, such as a proxy's page."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def raw(events: Sequence[bytes]) -> list[msgspec.Raw]:
    """Encoded events as parts of a document that is to be encoded."""
    return [msgspec.Raw(each) for each in events]


def whole(value: object) -> int | None:
    """An integer of somebody's document; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def page(answer: Answer) -> bool:
    """A page for people, such as a proxy's or one for maintenance, whatever its status says."""
    return answer.body[:200].lstrip().lower().startswith((b"<!doctype", b"<html"))


def no_answer(answer: Answer) -> Verdict:
    """What is said of an answer that has none of the platform's own words: by its status. A refused access
    is the account's where a firewall says so, and one pixel's where the platform does."""
    if answer.status == 404:
        return Verdict("pause", INVALID_PIXEL, "answered 404", pixel=True)
    if answer.status in (401, 403):
        own = document(answer.body) is not None
        reason = f"answered {answer.status}"
        return Verdict("pause", UNAUTHORIZED, reason, pixel=own and answer.status == 403, stranger=not own)
    if answer.status == 429:
        return Verdict("throttle", TOO_MANY, "answered 429", seconds=60.0)
    return Verdict("retry", UNANSWERED, f"answered {answer.status}")


def given(**fields: Any) -> dict[str, Any]:
    """The fields that have a value; 0 is one."""
    return {name: value for name, value in fields.items() if value not in (None, "", (), [], {})}


def decimal_of(report: Report) -> str:
    """The value as a decimal number in a text; "" for none."""
    return "" if report.value is None else f"{money.amount(report.value):f}"


def amount_of(report: Report) -> float | None:
    """The value as platforms take it: a number of whole currency units."""
    return None if report.value is None else report.value / money.MICRO
