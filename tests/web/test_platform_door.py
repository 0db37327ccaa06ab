"""The reporter's way out, on real sockets: what left, what came back, and tokens that are bought."""

from __future__ import annotations

import gzip
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio

from appliance.outbound.guard import Fetch, Guard
from appliance.outbound.platforms import MOST_ANSWER, PlatformDoor
from appliance.partners.platform import UNANSWERED, UNAUTHORIZED, Message, Pixel, Verdict
from appliance.partners.platforms.google import Google
from appliance.partners.platforms.meta import Meta
from appliance.partners.platforms.pinterest import Pinterest
from appliance.partners.ways import Way

Talk = Callable[[trio.SocketStream, bytes], Awaitable[None]]


def answered(body: bytes, status: int = 200, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


class Place:
    """A server on loopback; `talk` is what it does with a request."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.heard: list[bytes] = []
        self.url = ""

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        task_status.started()
        await trio.serve_listeners(self._one, [listener])

    async def _one(self, stream: trio.SocketStream) -> None:
        found = b""
        while some := await stream.receive_some(65_536):
            found += some
            head, _, body = found.partition(b"\r\n\r\n")
            named = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            if head != found and len(body) >= (int(named[0].split(b":")[1]) if named else 0):
                break
        self.heard.append(found)
        with suppress(trio.BrokenResourceError):
            await self._talk(stream, found)
        await stream.aclose()


def saying(*answers: bytes) -> Talk:
    """These in turn; the last one stays."""
    left = list(answers)

    async def talk(stream: trio.SocketStream, _: bytes) -> None:
        await stream.send_all(left.pop(0) if len(left) > 1 else left[0])

    return talk


@pytest.fixture
def door() -> PlatformDoor:
    return PlatformDoor(Fetch(Guard(["127.0.0.0/8"])))


async def begun(nursery: trio.Nursery, talk: Talk) -> Place:
    place = Place(talk)
    await nursery.start(place.serve)
    return place


async def test_an_answer_comes_with_its_headers_and_the_request_was_whole(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    place = await begun(nursery, saying(answered(b'{"events_received": 2}', X_App_Usage='{"call_count":80}')))
    message = Meta().request(
        Pixel("px", "good", {"url": place.url}), [b'{"event_id":"1"}', b'{"event_id":"2"}']
    )
    came = await door.send(message, 10)
    assert came.left and came.answer is not None
    verdict = Meta().verdict(came.answer, 2)
    assert (verdict.outcome, verdict.received, verdict.busy) == ("accepted", 2, 80.0)
    (heard,) = place.heard
    assert heard.startswith(b"POST /v25.0/px/events HTTP/1.1")
    assert b"user-agent: weir/" in heard.lower()
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["access_token"] == "good"


async def test_an_answer_that_is_gzipped_unasked_is_read(door: PlatformDoor, nursery: trio.Nursery) -> None:
    body = gzip.compress(b'{"events_received": 1}')
    place = await begun(nursery, saying(answered(body, Content_Encoding="gzip")))
    came = await door.send(Message("POST", place.url, (), b"{}"), 10)
    assert came.answer is not None
    assert came.answer.body == b'{"events_received": 1}'


async def test_neither_a_long_answer_nor_one_that_unpacks_to_one_is_read_whole(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    long = b"x" * (3 * MOST_ANSWER)
    for answer in (answered(long), answered(gzip.compress(long), Content_Encoding="gzip")):
        place = await begun(nursery, saying(answer))
        came = await door.send(Message("POST", place.url, (), b"{}"), 30)
        assert came.answer is not None
        assert len(came.answer.body) <= MOST_ANSWER
        assert Meta().verdict(came.answer, 1).outcome == "retry"


async def test_what_never_left_is_told_from_what_was_not_answered(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    [closed] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = closed.socket.getsockname()[1]
    await closed.aclose()
    came = await door.send(Message("POST", f"http://127.0.0.1:{port}/", (), b"{}"), 10)
    assert (came.answer, came.left) == (None, False)
    assert came.fault

    async def silent(stream: trio.SocketStream, _: bytes) -> None:
        await trio.sleep_forever()

    place = await begun(nursery, silent)
    came = await door.send(Message("POST", place.url, (), b"{}"), 0.3)
    assert (came.answer, came.left) == (None, True)

    async def gone(stream: trio.SocketStream, _: bytes) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-le")

    place = await begun(nursery, gone)
    came = await door.send(Message("POST", place.url, (), b"{}"), 10)
    assert (came.answer, came.left) == (None, True)


async def test_no_platform_is_reached_at_an_address_that_is_not_public(nursery: trio.Nursery) -> None:
    place = await begun(nursery, saying(answered(b"{}")))
    came = await PlatformDoor(Fetch(Guard())).send(Message("POST", place.url, (), b"{}"), 10)
    assert (came.answer, came.left, place.heard) == (None, False, [])
    assert "not a public address" in came.fault


def way(platform: Any, url: str, **settings: str) -> Way:
    known = {"client_id": "weir", "client_secret": "hu sh", "token_url": f"{url}/token", **settings}
    return Way("account:1", platform, Pixel("px", "refresh/1", known))


async def test_a_token_is_bought_once_and_again_when_it_was_refused(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    sold = [answered(json.dumps({"access_token": f"t{n}", "expires_in": 3_600}).encode()) for n in (1, 2)]
    place = await begun(nursery, saying(*sold))
    google = way(Google(), place.url)
    found: list[str | Verdict] = []

    async def ask() -> None:
        found.append(await door.token(google))

    async with trio.open_nursery() as asking:
        for _ in range(5):
            asking.start_soon(ask)
    assert found == ["t1"] * 5
    (heard,) = place.heard
    assert heard.endswith(
        b"grant_type=refresh_token&refresh_token=refresh%2F1&client_id=weir&client_secret=hu+sh"
    )
    assert not door.spoiled(google, "t1"), "it was bought just now: another one would be refused too"
    assert await door.token(google) == "t2"


async def test_requests_that_were_under_way_with_a_refused_token_ask_for_the_next_one(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    sold = [answered(json.dumps({"access_token": f"t{n}", "expires_in": 3_600}).encode()) for n in (1, 2)]
    place = await begun(nursery, saying(*sold))
    google = way(Google(), place.url)
    assert await door.token(google) == "t1"
    door.spoiled(google, "t1")
    assert door.spoiled(google, "t1"), "it is away already"
    assert await door.token(google) == "t2"
    assert door.spoiled(google, "t1"), "there is another one by now"
    assert await door.token(google) == "t2", "which nobody has refused"
    assert len(place.heard) == 2
    assert not door.spoiled(way(Google(), "", client_id=""), "refresh/1"), "it was not bought"


async def test_a_new_refresh_token_is_not_answered_with_the_old_ones_access(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    sold = [answered(json.dumps({"access_token": f"t{n}", "expires_in": 3_600}).encode()) for n in (1, 2)]
    place = await begun(nursery, saying(*sold))
    first = way(Google(), place.url)
    assert await door.token(first) == "t1"
    assert await door.token(first._replace(pixel=first.pixel._replace(token="refresh/2"))) == "t2"


async def test_pinterest_asks_for_client_and_secret_in_a_header(
    door: PlatformDoor, nursery: trio.Nursery
) -> None:
    place = await begun(nursery, saying(answered(b'{"access_token": "t1"}')))
    assert await door.token(way(Pinterest(), place.url)) == "t1"
    (heard,) = place.heard
    assert b"authorization: Basic d2VpcjpodSBzaA==" in heard.replace(b"Authorization", b"authorization")
    assert b"client_secret" not in heard


async def test_an_account_without_a_client_sends_its_token_as_it_is(door: PlatformDoor) -> None:
    assert await door.token(way(Google(), "", client_id="")) == "refresh/1"
    assert await door.token(way(Meta(), "")) == "refresh/1"


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    (
        (
            answered(b'{"error": "invalid_grant", "error_description": "hu sh"}', 400),
            "pause",
            "invalid_grant",
        ),
        (answered(b'{"error": "<b>hu sh</b>"}', 401), "pause", "answered 401"),
        (answered(b'{"error": "rate"}', 429), "throttle", "rate"),
        (answered(b"<html>", 502), "retry", "answered 502"),
        (answered(b"<html>", 403), "retry", "answered 403"),
        (answered(b'{"access_token": ""}'), "retry", "answered 200"),
    ),
)
async def test_why_there_is_no_token(
    door: PlatformDoor, nursery: trio.Nursery, answer: bytes, outcome: str, reason: str
) -> None:
    place = await begun(nursery, saying(answer))
    found = await door.token(way(Google(), place.url))
    assert isinstance(found, Verdict)
    assert (found.outcome, found.reason) == (outcome, f"no access token: {reason}")
    assert found.label in (UNAUTHORIZED, UNANSWERED, "Too many requests")
