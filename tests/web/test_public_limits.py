"""How long the public port waits, how many it serves at once, and how it leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from appliance.http.public import incoming
from tests.rig import PATIENCE
from tests.web.front import FORM, Front, front
from tests.wire import Ended, request


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path) as made:
        yield made


# -- time and numbers ------------------------------------------------------------------------------------


async def test_slow_headers_and_slow_bodies_get_408_however_steadily_they_drip(tmp_path: Path) -> None:
    async with front(tmp_path, header_timeout=0.5, body_timeout=0.5, idle_timeout=30.0) as edge:
        head = await edge.client()
        body = await edge.client()
        await head.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        await body.send(request("/pb/open", "POST", {**FORM, "Content-Length": "1000"}))
        with trio.fail_after(PATIENCE):
            while edge.server.open:
                for client, drop in ((head, b"X: y\r\n"), (body, b"x")):
                    try:
                        await client.send(drop)
                    except trio.BrokenResourceError:
                        pass
                await trio.sleep(0.05)
        assert edge.routes.statuses[408] == 2


async def test_a_slow_request_behind_a_quick_one_gets_408_too(tmp_path: Path) -> None:
    """Its deadline was replaced by the reply's: it had `send_timeout` instead and no 408."""
    async with front(tmp_path, header_timeout=0.5, send_timeout=60.0, idle_timeout=60.0) as edge:
        client = await edge.client()
        await client.send(request("/healthz") + b"GET /healthz HTTP/1.1\r\nHo")
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 408
        await edge.gone()


async def test_an_idle_connection_is_closed_without_a_word(tmp_path: Path) -> None:
    async with front(tmp_path, header_timeout=2.0, idle_timeout=2.0) as edge:
        silent = await edge.client()
        used = await edge.client()
        assert (await used.ask("/healthz")).status == 200
        assert await silent.ended() == b""
        assert await used.ended() == b""


async def test_a_client_that_never_reads_is_let_go(tmp_path: Path) -> None:
    async with front(tmp_path, send_timeout=0.5) as edge:
        client = await edge.client()
        many = request("/p/hello?click_id=" + "x" * 400) * 500
        with trio.move_on_after(PATIENCE) as late:
            try:
                while True:
                    await client.send(many)
            except trio.BrokenResourceError:
                pass
        assert not late.cancelled_caught
        await edge.gone()


async def test_connections_per_address_and_in_all(tmp_path: Path) -> None:
    async with front(tmp_path, max_connections=5, max_connections_per_address=3) as edge:
        mine = [await edge.client() for _ in range(3)]
        for client in mine:
            assert (await client.ask("/healthz")).status == 200
        fourth = await edge.client()
        answer = await fourth.answer()
        assert answer.status == 503 and answer.headers["retry-after"] and await fourth.ended() == b""
        others = [await edge.client("127.0.0.2") for _ in range(2)]
        for client in others:
            assert (await client.ask("/healthz")).status == 200
        assert (await (await edge.client("127.0.0.3")).answer()).status == 503
        await trio.aclose_forcefully(mine[0].stream)
        await edge.gone(4)
        assert (await edge.ask("/healthz")).status == 200
        assert edge.server.refused == 2


async def test_a_trusted_proxy_stands_for_all_its_visitors(tmp_path: Path) -> None:
    proxy = ("127.0.0.2/32",)
    async with front(tmp_path, max_connections_per_address=1, trusted_proxies=proxy) as edge:
        for client in [await edge.client("127.0.0.2") for _ in range(3)]:
            assert (await client.ask("/healthz")).status == 200


async def test_a_refused_connection_that_had_asked_already_still_reads_its_503(tmp_path: Path) -> None:
    """Closing over unread bytes makes the kernel reset the reply away."""
    async with front(tmp_path, max_connections=1) as edge:
        keeper = await edge.client()
        assert (await keeper.ask("/healthz")).status == 200
        for _ in range(20):
            client = edge.early_client(request("/healthz") * 50)
            answer = await client.answer()
            assert answer.status == 503
            assert await client.ended() == b""
        await trio.aclose_forcefully(keeper.stream)
        await edge.gone()


async def test_unfinished_bodies_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_BODIES", 350_000)
    slow = request("/pb/open", "POST", {**FORM, "Content-Length": "200000"}) + b"click_id=1&x=".ljust(99_999)
    async with front(tmp_path) as edge:
        first, second = await edge.client(), await edge.client()
        for client in (first, second):
            await client.send(slow)
        with trio.fail_after(PATIENCE):
            while edge.server.body_bytes < 199_998:  # noqa: ASYNC110  the server has no event for a test
                await trio.sleep(0.01)
        third = await edge.client()
        await third.send(slow + b"x" * 90_000)
        answer = await third.answer()
        assert answer.status == 503 and answer.closes
        monkeypatch.setattr(incoming, "MAX_BODIES", 0)
        assert (await edge.ask("/pb/open", "POST", FORM, b"click_id=1")).status == 200, "a small one passes"
        monkeypatch.setattr(incoming, "MAX_BODIES", 350_000)
        await first.send(b"x" * 100_001)
        assert (await first.answer()).status == 200
        await trio.aclose_forcefully(second.stream)
        await trio.aclose_forcefully(third.stream)
        await edge.gone(1)
        assert edge.server.body_bytes == 0
        assert (await first.ask("/pb/open", "POST", FORM, b"click_id=1")).status == 200


# -- draining --------------------------------------------------------------------------------------------


async def test_draining_answers_what_is_under_way_and_says_close(edge: Front) -> None:
    busy, early, quiet = await edge.client(), await edge.client(), await edge.client()
    await busy.send(b"GET /c/shoes HTTP/1.1\r\nHost: x\r\n")
    assert (await quiet.ask("/healthz")).status == 200
    await trio.sleep(0.05)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(edge.server.drain, 5.0)
        await trio.sleep(0.1)
        await busy.send(b"\r\n")
        answer = await busy.answer()
        assert answer.status == 302 and answer.closes
        answer = await early.ask("/c/shoes")  # had been accepted, its request was on the way
        assert answer.status == 302 and answer.closes
        assert await quiet.ended() == b""
        await edge.gone()
    with pytest.raises((OSError, Ended, trio.TooSlowError)):
        late = await edge.client()  # the socket is the parent's and still listens: the next edge answers
        with trio.fail_after(0.3):
            await late.ask("/healthz")


async def test_draining_ends_at_its_deadline(edge: Front) -> None:
    client = await edge.client()
    await client.send(b"POST /pb/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
    await trio.sleep(0.05)
    with trio.fail_after(PATIENCE):
        await edge.server.drain(0.3)
    await edge.gone()
