"""POST /api/events: interpreted events of an ad account, in its journal before they are acknowledged.

    Authorization: Bearer TOKEN
    {"session_id": "s1", "keyword_clicked": "shoes", "pixel_id": "123", …}
    {"session_id": "s2", …}

One JSON object per line, or an array of them, gzip allowed. Work is done in slices of some lines, each
journaled before the next one is begun: ten thousand lines must hold up nobody's click.
"""

from __future__ import annotations

import hmac
import math
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import msgspec

from appliance.http.public import replies
from appliance.http.public.connection import Pieces
from appliance.http.public.pace import Pace
from appliance.http.public.replies import JSON, Reply
from appliance.http.public.request import Request
from appliance.partners.interpreted import Unreadable, parsed
from appliance.routing.table import RoutingTable
from appliance.routing.visit import read_query

PATH = b"/api/events"
LARGEST = 5_000_000
"""Bytes of a body, and of what a packed one holds."""
MOST_LINES = 10_000
LONGEST_LINE = 16 * 1024
MOST_REFUSED = 1_000
"""Refusals that an answer names; `more` says how many others there were."""
SLICE = 64
EVENTS_PER_SECOND, EVENTS_AT_ONCE = 10_000.0, 50_000
"""Of one account at one edge: half of what an edge could take if it had nothing else to do."""
GUESSES_PER_SECOND, GUESSES_AT_ONCE = 20 / 60, 20
_UNPACKED_AT_ONCE = 64 * 1024
_ADDRESS, _AGENT = 64, 1_024
_FIELDS = frozenset(
    (
        "session_id", "keyword_clicked", "network", "nw_account_id", "nw_account_name", "nw_campaign_id",
        "nw_campaign_name", "campaign_id", "campaign_name", "adset_id", "adset_name", "ad_id", "ad_name",
        "traffic_source", "pixel_id", "click_timestamp", "date_hour", "ts_click_id", "country_code",
        "region", "city", "domain_name", "category", "vertical", "conversions", "revenue",
        "lander_visitors", "lander_searches",
    )
)  # fmt: skip
"""What is journaled of an event beside its visitor, who is sealed: others may hold what nobody asked for."""
_Parts = msgspec.defstruct(
    "_Parts", [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in sorted(_FIELDS)], gc=False
)
_parts = msgspec.json.Decoder(_Parts).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_json = msgspec.json.Encoder().encode
_TRUE = ("1", "true", "yes")
_BOM = b"\xef\xbb\xbf"


class Sealable(NamedTuple):
    """An event: its known fields as JSON, and its visitor, with city, region and country."""

    line: str
    address: str
    user_agent: str
    place: tuple[str, str, str]


class Intake(Protocol):
    """The router, as this door uses it."""

    table: RoutingTable

    def interpreted(self, ad_account_id: int, events: Sequence[Sealable], request_id: str) -> None: ...


class Refusal(NamedTuple):
    """Why a line is no interpreted event; the first one is line 1, `field` is "" for the line as a whole."""

    line: int
    field: str
    reason: str


class Unusable(Exception):
    """The body as a whole; its text says why."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Events:
    """Answers requests with the token of an account, each within its account's rate."""

    def __init__(
        self, intake: Intake, clock_us: Callable[[], int] = lambda: time.monotonic_ns() // 1_000
    ) -> None:
        self._intake = intake
        self._clock_us = clock_us
        self._pace = Pace(EVENTS_PER_SECOND, EVENTS_AT_ONCE)
        self._guesses = Pace(GUESSES_PER_SECOND, GUESSES_AT_ONCE)
        self.taken = self.refused = 0
        """Lines."""

    def account(self, request: Request) -> int:
        """Whose token a request carries, 0 for nobody's. Every digest is compared, whichever fits."""
        kind, _, token = request.header(b"authorization", 512).partition(" ")
        if kind.lower() != "bearer" or not token:
            return 0
        digest, found = sha256(token.strip().encode("utf-8", "surrogatepass")).digest(), 0
        for known, ad_account_id in self._intake.table.intakes:
            if hmac.compare_digest(known, digest):
                found = ad_account_id
        return found

    def answer(self, request: Request, caller: str, query: bytes, request_id: str) -> Reply | Pieces:
        if request.method != b"POST":
            return _refused(405, "Send events here by POST.", b"Allow: POST\r\n")
        now = self._clock_us()
        if wait := self._guesses.wait_us(caller, now):
            return _too_many(wait)
        account = self.account(request)
        if not account:
            self._guesses.take(caller, now)
            return _refused(401, "This is no token of an ad account.", b"WWW-Authenticate: Bearer\r\n")
        if wait := self._pace.wait_us(f"account {account}", now):
            return _too_many(wait)
        whole = read_query(query.decode("utf-8", "replace")).get("all_or_nothing", "").lower() in _TRUE
        return Pieces(self._steps(request, account, whole, request_id))

    def _steps(
        self, request: Request, account: int, whole: bool, request_id: str
    ) -> Generator[None, bool, Reply]:
        """A slice per step; it is sent whether what it appended became durable."""
        refused: list[Refusal] = []
        held: list[Sealable] = []
        taken = lines = 0
        try:
            for number, line in documents(request):
                if line is None:
                    yield
                    continue
                lines += 1
                event = sealable(number, line)
                if isinstance(event, Refusal):
                    refused.append(event)
                else:
                    held.append(event)
                if lines % SLICE == 0:
                    if held and not whole:
                        taken += len(held)
                        self._intake.interpreted(account, held, request_id)
                        held = []
                    if not (yield):
                        return _REPEAT
        except Unusable as fault:  # before the first line
            return _refused(fault.status, str(fault))
        finally:
            self._pace.charge(f"account {account}", self._clock_us(), max(lines, 1))
        if whole and refused:
            self.refused += len(refused)
            return _told(422, 0, refused, error="Nothing was taken.")
        for start in range(0, len(held), SLICE):
            some = held[start : start + SLICE]
            self._intake.interpreted(account, some, request_id)
            taken += len(some)
            if not (yield):
                return _REPEAT
        self.taken += taken
        self.refused += len(refused)
        return _told(200, taken, refused)


def sealable(number: int, line: bytes | msgspec.Raw) -> Sealable | Refusal:
    """What is journaled of it, or why it is no interpreted event."""
    if len(memoryview(line)) > LONGEST_LINE:
        return Refusal(number, "", f"an event may have {LONGEST_LINE // 1024} KiB at most")
    try:
        event = parsed(line)
        if isinstance(event, Unreadable):
            field, colon, reason = event.reason.partition(": ")
            named = colon and field.isidentifier()
            return Refusal(number, field, reason) if named else Refusal(number, "", event.reason)
        known = _json(_parts(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return Refusal(number, "", f"it is no JSON: {fault}")
    return Sealable(
        known.decode(),
        event.address[:_ADDRESS],
        event.user_agent[:_AGENT],
        (event.city, event.region, event.country),
    )


def documents(request: Request) -> Iterator[tuple[int, bytes | msgspec.Raw | None]]:
    """Each event with its number, from 1: by line in NDJSON, by place in an array; None to let others run.

    Raises Unusable.
    """
    body = request.body
    coding = request.headers.get(b"content-encoding", b"").strip().lower()
    if coding not in (b"", b"gzip", b"identity"):
        raise Unusable("Only gzip is understood.", 415)
    if coding == b"gzip" or body[:2] == b"\x1f\x8b":
        pieces: Iterable[bytes] = unpacked(body)
    else:
        pieces = (body,)
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        yield 0, None
    text = bytes(buffer)
    text = text.removeprefix(_BOM)
    if text[:256].lstrip()[:1] == b"[":
        yield from _of_array(text)
        return
    _check_count(text.count(b"\n", 0, len(text) - 1) + 1)
    start, number = 0, 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        number += 1
        line = text[start:end].strip()
        start = end + 1
        if line:
            yield number, line
        elif number % 1_000 == 0:
            yield 0, None


def _of_array(text: bytes) -> Iterator[tuple[int, msgspec.Raw]]:
    try:
        items = _decode_array(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Unusable(f"The body is no JSON array: {fault}") from fault
    _check_count(len(items))
    yield from enumerate(items, 1)


def _check_count(lines: int) -> None:
    if lines > MOST_LINES:
        raise Unusable(f"A request may have {MOST_LINES:,} events at most.", 413)


def unpacked(body: bytes) -> Iterator[bytes]:
    """gzip in pieces, of at most LARGEST bytes together; several members follow each other."""
    size, rest = 0, body
    while rest:
        inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        ended = False
        while not ended:
            try:
                piece = inflate.decompress(rest, _UNPACKED_AT_ONCE)
            except zlib.error as fault:
                raise Unusable(f"The body is no gzip: {fault}") from fault
            ended = inflate.eof
            if not (piece or ended or inflate.unconsumed_tail):
                raise Unusable("The gzip body is cut off.")
            size += len(piece)
            if size > LARGEST:
                raise Unusable(f"A body may have {LARGEST // 1_000_000} MB at most, unpacked too.", 413)
            rest = inflate.unconsumed_tail
            yield piece
        rest = inflate.unused_data.lstrip(b"\0")


def _told(status: int, taken: int, refused: Sequence[Refusal], **more: Any) -> Reply:
    answer: dict[str, Any] = {
        "taken": taken,
        "refused": [each._asdict() for each in refused[:MOST_REFUSED]],
    }
    if len(refused) > MOST_REFUSED:
        answer["more"] = len(refused) - MOST_REFUSED
    return replies.content(status, JSON, _json(answer | more))


def _refused(status: int, why: str, headers: bytes = b"") -> Reply:
    return replies.content(status, JSON, _json({"error": why}), headers)


def _too_many(wait_us: int) -> Reply:
    seconds = math.ceil(wait_us / 1_000_000)
    return _refused(429, "Too many events; try again later.", b"Retry-After: %d\r\n" % seconds)


_REPEAT = _refused(503, "The events could not be recorded; please repeat them.", b"Retry-After: 30\r\n")
