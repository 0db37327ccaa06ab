"""Postbacks reach no address that is not public, in whatever form it is written or however it is resolved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpcore
import pytest
import trio

from appliance.model.catalog import PostbackTarget
from appliance.model.deliveries import Delivery, Stored
from appliance.outbound.guard import Fetch, Guard
from appliance.outbound.postbacks import MOST_ANSWER, Postbacks
from appliance.partners.patience import Outcome
from appliance.partners.postback import encode_values
from appliance.routing.checks import faults

NOW = 1_790_000_000_000_000
PUBLIC = "203.0.114.9"


class Place:
    """A server on loopback that counts what reaches it, and the names and connections of a Weir before it."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.received: list[bytes] = []
        self.names: dict[str, list[Sequence[str]]] = {}
        self.connected: list[str] = []
        self.port = 0

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._talk, [listener])

    async def _talk(self, stream: trio.SocketStream) -> None:
        self.received.append(await _request(stream))
        with suppress(trio.BrokenResourceError):  # of an answer that is too long the rest is not read
            await stream.send_all(self.answer)
        await stream.aclose()

    async def resolve(self, host: str, port: int, **_: Any) -> Any:
        """The next answer of a name; the last one stays."""
        await trio.lowlevel.checkpoint()
        answers = self.names[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(2, 1, 6, "", (address, port)) for address in found]


class Wires(httpcore.TrioBackend):
    """Whatever address is connected to, the test's server is there."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
        self._place.connected.append(host)
        return await super().connect_tcp("127.0.0.1", self._place.port, *rest, **more)


async def _request(stream: trio.SocketStream) -> bytes:
    """A request with all of its body: head and body may come apart."""
    found = b""
    while some := await stream.receive_some(65_536):
        found += some
        head, ended, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if ended and len(body) >= (int(length[1]) if length else 0):
            break
    return found


def stored() -> Stored:
    it = Delivery(
        id="d" * 32, target="postback:1", conversion_id="c", revision=1, campaign_id=0, created_us=NOW,
        not_before_us=NOW, deadline_us=NOW, body=encode_values({"click_id": "x", "payout": "1"}),
    )  # fmt: skip
    return Stored(number=1, delivery=it, state="pending", not_before_us=NOW, deadline_us=NOW)


async def attempt(url: str, guard: Guard, seconds: float = 5.0, **fields: Any) -> tuple[Any, Outcome]:
    target = PostbackTarget(id=1, name="t", url=url, **fields)
    assert faults(target) == [], "the operator may store it: names are resolved at each attempt"
    postbacks = Postbacks(lambda number: target, Fetch(guard), lambda: NOW, seconds)
    return await postbacks.carry(stored())


@pytest.fixture
async def place(nursery: trio.Nursery) -> Place:
    made = Place(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
    await nursery.start(made.serve)
    return made


LITERALS = (
    "127.0.0.1", "127.1", "127.8.8.8", "localhost", "0", "0.0.0.0", "2130706433", "017700000001",
    "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254",
    "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "2852039166", "0xa9fea9fe",
)  # fmt: skip


@pytest.mark.parametrize("host", LITERALS)
async def test_no_written_form_of_an_address_that_is_not_public_gets_a_byte(place: Place, host: str) -> None:
    """By this machine's own resolver, which reads decimal, octal and shortened forms."""
    guard = Guard(connect=Wires(place))
    found, outcome = await attempt(f"http://{host}:{place.port}/?c={{click_id}}", guard)
    assert not outcome.delivered
    assert not outcome.final, "it is checked anew at each attempt"
    assert found.status == 0
    assert found.error
    assert (place.connected, place.received) == ([], [])


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"],
     [PUBLIC, "192.168.1.1"], ["2606:4700:4700::1111", "::1"]],
)  # fmt: skip
async def test_a_name_that_leads_or_may_lead_there_gets_none_either(
    place: Place, addresses: list[str]
) -> None:
    place.names["r.example"] = [addresses]
    _, outcome = await attempt("http://r.example/", Guard((), place.resolve, Wires(place)))
    assert "not a public address" in outcome.reason
    assert (place.connected, place.received) == ([], [])


async def test_a_name_that_answers_otherwise_between_check_and_connection_changes_nothing(
    place: Place,
) -> None:
    place.names["r.example"] = [[PUBLIC], ["127.0.0.1"]]
    guard = Guard((), place.resolve, Wires(place))
    _, first = await attempt("http://r.example/a", guard)
    assert first.delivered
    assert place.connected == [PUBLIC], "the checked address itself, not the name once more"
    _, second = await attempt("http://r.example/a", guard)
    assert "127.0.0.1" in second.reason, "the next attempt resolves and checks again"
    assert len(place.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(place: Place, status: int) -> None:
    place.answer = (
        f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{place.port}/in\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    place.names["r.example"] = [[PUBLIC]]
    found, outcome = await attempt("http://r.example/", Guard((), place.resolve, Wires(place)), method="POST")
    assert (found.status, outcome.delivered, outcome.final) == (status, False, False)
    assert "not followed" in outcome.reason
    assert place.connected == [PUBLIC]


async def test_what_is_allowed_is_reached_and_nothing_beside_it(place: Place) -> None:
    guard = Guard(["127.0.0.0/8"], connect=Wires(place))
    found, outcome = await attempt(
        f"http://127.0.0.1:{place.port}/?c={{click_id}}",
        guard,
        method="POST",
        headers={"X-Zone": "é {click_id}"},
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert outcome.delivered
    assert (found.status, found.answer) == (200, "OK")
    head, _, body = place.received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /?c=x HTTP/1.1\r\n")
    assert b"x-zone: \xe9 x\r\n" in head + b"\r\n"
    assert b"webhook-id: " + b"d" * 32 in head
    assert b'"payout": "1"' in body
    _, other = await attempt(f"http://10.0.0.1:{place.port}/", guard)
    assert not other.delivered


async def test_size_and_time_are_limited(place: Place, nursery: trio.Nursery) -> None:
    place.names["r.example"] = [[PUBLIC]]
    guard = Guard((), place.resolve, Wires(place))
    place.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000
    found, outcome = await attempt("http://r.example/", guard)
    assert outcome.delivered
    assert found.answer == "x" * MOST_ANSWER
    place.answer = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000
    _, outcome = await attempt("http://r.example/", guard)
    assert not outcome.delivered

    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, silent, [listener])
    place.port = listener.socket.getsockname()[1]
    found, outcome = await attempt("http://r.example/", guard, seconds=0.3)
    assert (found.status, outcome.delivered) == (0, False)
    assert "no answer within" in outcome.reason
    nursery.cancel_scope.cancel()


async def test_a_target_that_cannot_be_made_into_a_request_is_given_up() -> None:
    broken = PostbackTarget(id=1, name="t", url="http://r.example/", method="POST", body="{")
    postbacks = Postbacks(lambda number: broken, Fetch(Guard()), lambda: NOW)
    _, outcome = await postbacks.carry(stored())
    assert outcome.final
    nobody = Postbacks(lambda number: None, Fetch(Guard()), lambda: NOW)
    assert [nobody.gate(name) for name in ("postback:1", "meta:1", "postback:x")] == ["gone", "", ""]
    assert (await nobody.carry(stored()))[1].final
