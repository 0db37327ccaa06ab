"""POST /api/events: whose token it is, what is taken and what refused; it is in the journal first."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from appliance.errors import Unavailable
from appliance.http.public import events as door
from appliance.http.public.connection import Pieces
from appliance.http.public.pace import Pace
from appliance.http.public.request import Request
from appliance.model.events import ClickEvent, InterpretedReceived
from appliance.model.table import IntakeEntry, SettingsEntry
from appliance.partners import interpreted
from appliance.partners.interpreted import Interpreted, parsed, read
from appliance.routing.parts import make_part
from appliance.routing.table import RoutingTable
from appliance.stores.journal.segment import Segment
from tests.rig import PATIENCE
from tests.web.front import Front, _table, front

TOKEN = "token-of-account-7"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
EVENT = {
    "session_id": "s1", "keyword_clicked": "shoes", "network": "Tonic", "pixel_id": "123", "revenue": "1.50",
    "conversions": 2, "click_timestamp": 1_700_000_000, "ts_click_id": "IwAR", "ip": "203.0.113.77",
    "user_agent": "Mozilla/5.0 (visitor)", "email": "who@example.com", "campaign_id": 120_210_000_000_000_001,
    "city": "Ulm", "country_code": "DE",
}  # fmt: skip


def lines(*events: object) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events) + b"\n"


def many(count: int) -> list[dict[str, Any]]:
    return [EVENT | {"session_id": f"s{n}"} for n in range(count)]


def intake(ad_account_id: int, token: str) -> IntakeEntry:
    return IntakeEntry(ad_account_id, hashlib.sha256(token.encode()).digest())


@asynccontextmanager
async def opened(data: Path, **more: Any) -> AsyncIterator[Front]:
    entries = tuple(msgspec.msgpack.encode(each) for each in (intake(3, "other"), intake(7, TOKEN)))
    parts = [*_table(), make_part("ad_account/07", entries)]
    async with front(data, parts=parts, **more) as made:
        yield made


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with opened(tmp_path) as made:
        yield made


async def send(edge: Front, body: bytes, target: str = "/api/events", **headers: str) -> tuple[int, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await edge.ask(target, "POST", AUTH | named, body)
    return answer.status, json.loads(answer.body)


async def test_events_are_in_the_journal_without_their_visitor(edge: Front) -> None:
    status, told = await send(edge, lines(EVENT, {"session_id": "s2"}), X_Request_Id="r-1")
    assert (status, told) == (200, {"taken": 2, "refused": []})
    first, second = edge.events(InterpretedReceived)
    assert (first.ad_account_id, first.request_id, second.request_id) == (7, "r-1", "r-1")
    kept = {name: value for name, value in EVENT.items() if name not in ("ip", "user_agent", "email")}
    assert json.loads(first.line) == kept
    assert '"revenue":"1.50"' in first.line and "120210000000000001" in first.line, "as it was written"
    who = edge.open(first.sealed)
    assert (who.address, who.user_agent) == ("203.0.113.77", "Mozilla/5.0 (visitor)")
    event = parsed(first.line.encode())
    assert isinstance(event, Interpreted)
    assert (who.city, who.region, who.country) == (event.city, event.region, event.country)
    assert first.v == 2, "so that nobody has to open it to add the place"
    assert second.sealed == b""
    held = edge.journal_bytes()
    secrets = ("203.0.113.77", "Mozilla/5.0 (visitor)", "who@example.com", TOKEN)
    assert not [secret for secret in secrets if secret.encode() in held]


def test_every_field_that_is_read_is_kept() -> None:
    class Asked(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return super().get(name, default)

    asked: set[str] = set()
    assert isinstance(read(Asked(session_id="s")), Interpreted)
    assert asked - {"ip", "user_agent"} == door._FIELDS
    assert asked == set(interpreted._Usual.__struct_fields__), "the short way reads what the long one does"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (lines(*many(3)), {}),
        (json.dumps(many(3), indent=1).encode(), {}),
        (b"\xef\xbb\xbf \r\n" + json.dumps(many(3)).encode(), {}),
        (lines(*many(3)).replace(b"\n", b"\r\n\r\n"), {}),
        (lines(*many(3))[:-1], {}),
        (gzip.compress(lines(*many(3))), {"Content_Encoding": "gzip"}),
        (gzip.compress(json.dumps(many(3)).encode()), {}),
        (gzip.compress(lines(*many(2))) + gzip.compress(lines(many(3)[2])), {}),
    ],
)
async def test_lines_arrays_and_gzip(edge: Front, body: bytes, headers: dict[str, str]) -> None:
    assert await send(edge, body, **headers) == (200, {"taken": 3, "refused": []})
    sessions = [parsed(event.line.encode()).session_id for event in edge.events(InterpretedReceived)]  # type: ignore[union-attr]
    assert sessions == ["s0", "s1", "s2"]


BAD: list[tuple[bytes, str, str]] = [
    (b"{", "", "it is no JSON"),
    (b"[1]", "", "an event must be a JSON object"),
    (b'"x"', "", "an event must be a JSON object"),
    (b"{}", "session_id", "missing"),
    (b'{"session_id":"a","conversions":-1}', "conversions", "expected a whole number"),
    (b'{"session_id":"a","revenue":"much"}', "revenue", "expected a number"),
    (b'{"session_id":"\xff"}', "", "it is no JSON"),
    (b'{"session_id":"' + b"x" * 17_000 + b'"}', "", "at most"),
    (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "", "it is no JSON"),
]


async def test_lines_that_are_no_events_are_named_and_the_others_taken(edge: Front) -> None:
    body = b"\n".join([b"", *(bad for bad, _, _ in BAD), lines(EVENT)])
    status, told = await send(edge, body)
    assert (status, told["taken"]) == (200, 1)
    assert [(each["line"], each["field"]) for each in told["refused"]] == [
        (number, field) for number, (_, field, _) in enumerate(BAD, 2)
    ]
    for each, (_, _, reason) in zip(told["refused"], BAD, strict=True):
        assert reason in each["reason"]


async def test_an_array_names_places(edge: Front) -> None:
    status, told = await send(edge, json.dumps([EVENT, 1, EVENT, {}]).encode())
    assert (status, told["taken"]) == (200, 2)
    assert [(each["line"], each["field"]) for each in told["refused"]] == [(2, ""), (4, "session_id")]


async def test_all_or_nothing(edge: Front) -> None:
    target = "/api/events?all_or_nothing=1"
    status, told = await send(edge, lines(*many(100), {}), target)
    assert (status, told["taken"], [each["line"] for each in told["refused"]]) == (422, 0, [101])
    assert edge.events(InterpretedReceived) == []
    assert await send(edge, lines(*many(100)), target) == (200, {"taken": 100, "refused": []})
    assert len(edge.events(InterpretedReceived)) == 100


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"[1,", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"\x1f\x8bno", {}, 400),
        (gzip.compress(lines(EVENT))[:-12], {}, 400),
        (gzip.compress(b" " * (door.LARGEST + 1)), {}, 413),
        (b"\n" * door.MOST_LINES + b"{}", {}, 413),
        (b"[" + b"1," * door.MOST_LINES + b"1]", {}, 413),
        (lines(EVENT), {"Content_Encoding": "br"}, 415),
    ],
)
async def test_bodies_that_cannot_be_read(
    edge: Front, body: bytes, headers: dict[str, str], status: int
) -> None:
    found, told = await send(edge, body, **headers)
    assert found == status and told["error"]
    assert edge.events(InterpretedReceived) == []


async def test_nothing_is_nothing(edge: Front) -> None:
    assert await send(edge, b"") == (200, {"taken": 0, "refused": []})


async def test_refusals_are_counted_beyond_those_that_are_named(edge: Front) -> None:
    status, told = await send(edge, b"{}\n" * (door.MOST_REFUSED + 5))
    assert (status, len(told["refused"]), told["more"]) == (200, door.MOST_REFUSED, 5)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}],
)
async def test_without_a_token_there_is_nothing(edge: Front, headers: dict[str, str]) -> None:
    answer = await edge.ask("/api/events", "POST", headers, lines(EVENT))
    assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert edge.events(InterpretedReceived) == []


async def test_guessing_ends(edge: Front) -> None:
    for _ in range(door.GUESSES_AT_ONCE):
        assert (await edge.ask("/api/events", "POST", {"Authorization": "Bearer x"}, b"{}")).status == 401
    answer = await edge.ask("/api/events", "POST", AUTH, lines(EVENT))
    assert answer.status == 429 and int(answer.headers["retry-after"]) > 0


async def test_an_account_that_sends_too_much_waits(edge: Front) -> None:
    edge.routes.events._pace = Pace(0.001, 10)
    assert (await send(edge, lines(*many(12))))[0] == 200, "what is over is owed"
    answer = await edge.ask("/api/events", "POST", AUTH, lines(EVENT))
    assert answer.status == 429 and int(answer.headers["retry-after"]) > 2_000
    other = await edge.ask("/api/events", "POST", {"Authorization": "Bearer other"}, lines(EVENT))
    assert other.status == 200


class Taking:
    """A router without a journal."""

    table = RoutingTable(1, 1, SettingsEntry(), {}, {})
    table.intakes = ((intake(7, TOKEN).digest, 7),)

    def interpreted(self, *given: object) -> None: ...


def test_requests_side_by_side_are_no_way_around_it() -> None:
    now_us = 0
    events = door.Events(Taking(), lambda: now_us)
    events._pace = Pace(100.0, 500)
    request = Request()
    request.method, request.headers = b"POST", {b"authorization": AUTH["Authorization"].encode()}
    request.body = lines(*many(200))
    taken = 0
    for second in range(60):
        now_us = second * 1_000_000
        under_way = [events.answer(request, "203.0.113.7", b"", "r") for _ in range(12)]
        under_way = [each for each in under_way if isinstance(each, Pieces)]
        while under_way:
            done = [each for each in under_way if each.step() is not None]
            under_way = [each for each in under_way if each not in done]
            for each in under_way:
                each.recorded(True)
            taken += 200 * len(done)
    assert 6_000 <= taken <= 60 * 100 + 500 + 12 * 200


async def test_only_post(edge: Front) -> None:
    answer = await edge.ask("/api/events")
    assert answer.status == 405 and answer.headers["allow"] == "POST"


async def test_only_accounts_may_send_more_than_a_megabyte(edge: Front) -> None:
    events = [EVENT | {"category": "x" * 400, "session_id": f"s{n}"} for n in range(4_000)]
    body = lines(*events)
    assert 1 << 20 < len(body) < door.LARGEST
    assert await send(edge, body) == (200, {"taken": 4_000, "refused": []})
    assert len(edge.events(InterpretedReceived)) == 4_000
    assert await announced(edge, "/api/events", len(body), "nobody") == 413
    assert await announced(edge, "/api/track", len(body), TOKEN) == 413
    assert await announced(edge, "/api/events", door.LARGEST + 1, TOKEN) == 413


async def announced(edge: Front, path: str, size: int, token: str) -> int:
    """What is answered to a body of this size before any of it is sent."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    answer = await edge.raw(f"{head}Content-Length: {size}\r\n\r\n".encode())
    return answer.status


async def test_clicks_are_answered_between_the_slices(edge: Front) -> None:
    """Ten thousand lines and a click at the same time: the click is not the last in the journal."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, edge, lines(*many(door.MOST_LINES)))
        with trio.fail_after(PATIENCE):
            while not edge.events(InterpretedReceived):
                await trio.lowlevel.checkpoint()
        assert (await edge.ask("/c/shoes")).status == 302
    with trio.fail_after(PATIENCE):
        while len(edge.events(InterpretedReceived)) < door.MOST_LINES:  # noqa: ASYNC110
            await trio.sleep(0.01)
    order = [type(event) for event in edge.events(object)]
    assert order.index(ClickEvent) < len(order) - 3


async def test_pipelined_requests_are_answered_in_order(edge: Front) -> None:
    body = lines(*many(150))
    post = (
        f"POST /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    click = b"GET /c/shoes HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    client = await edge.client()
    await client.send(click + post + post + click + last)
    answered = await client.ended()
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", answered)
    assert statuses == [b"302", b"200", b"200", b"302", b"200"]
    assert answered.count(b'{"taken":150,"refused":[]}') == 2
    assert len(edge.events(InterpretedReceived)) == 300


class Full(Segment):
    """A journal whose disk is full from the second slice on."""

    def append(self, bodies: Any) -> int:
        if self.size > 10_000:
            raise Unavailable("disk full")
        return super().append(bodies)


async def test_what_cannot_be_journaled_is_to_be_repeated(tmp_path: Path) -> None:
    directory = tmp_path / "edges" / "0" / "journal"
    async with opened(tmp_path, open_segment=lambda: Full(directory, 0, 1, "process")) as edge:
        status, told = await send(edge, lines(*many(500)))
        assert status == 503 and "repeat" in told["error"]
        held = len(edge.events(InterpretedReceived))
        assert 0 < held < 500, "the slices before it stay: sent again they change nothing"
