"""The public port's HTTP, byte for byte: over real sockets, with the real journal behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from appliance.http.public.incoming import MAX_BODY, MAX_HEADER_BYTES, MAX_HEADERS, MAX_REQUEST_LINE
from appliance.model.events import ClickEvent
from tests.rig import PATIENCE
from tests.web.front import FORM, JSON, Front, front
from tests.wire import request


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path) as made:
        yield made


# -- replies ---------------------------------------------------------------------------------------------


async def test_a_click_is_a_redirect_that_nobody_caches(edge: Front) -> None:
    answer = await edge.ask("/c/shoes?sub1=a%20b")
    (event,) = edge.events(ClickEvent)
    assert answer.status == 302
    assert answer.location == f"https://offer.example/l?cid={event.id}&s=a%20b"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == "0"
    assert "date" in answer.headers and "connection" not in answer.headers


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/c/shoes", 302),
        ("HEAD", "/c/shoes", 302),
        ("GET", "/go/pub1", 302),
        ("GET", "/r/tok", 302),
        ("GET", "/tb/shoes", 302),
        ("GET", "/p/hello", 200),
        ("GET", "/c/nobody", 404),
        ("GET", "/c/", 404),
        ("GET", "/c/shoes/x", 404),
        ("GET", "/go/shoes", 404),
        ("GET", "/r/other", 404),
        ("GET", "/tb/nobody", 404),
        ("GET", "/p/nobody", 404),
        ("GET", "/p/", 404),
        ("GET", "/metrics", 404),
        ("GET", "/internal/cache/stats", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
        ("GET", "//c/shoes", 404),
        ("POST", "/", 405),
        ("POST", "/c/shoes", 405),
        ("DELETE", "/c/shoes", 405),
        ("POST", "/p/hello", 405),
        ("PUT", "/pb/open", 405),
        ("GET", "/api/postbacks", 405),
        ("OPTIONS", "*", 404),
    ],
)
async def test_the_routes(edge: Front, method: str, target: str, status: int) -> None:
    answer = await edge.ask(target, method)
    assert answer.status == status
    assert ("allow" in answer.headers) == (status == 405)
    assert not answer.closes


async def test_the_root_is_what_was_configured(tmp_path: Path) -> None:
    async with front(tmp_path, root_status=403, root_text="Go away.") as edge:
        answer = await edge.ask("/")
        assert (answer.status, answer.body) == (403, b"Go away.")
    async with front(tmp_path, root_redirect="https://company.example/") as edge:
        answer = await edge.ask("/")
        assert (answer.status, answer.location) == (302, "https://company.example/")


async def test_not_ready_is_503_and_clicks_go_on(edge: Front) -> None:
    edge.ready = False
    assert (await edge.ask("/readyz")).status == 503
    assert (await edge.ask("/healthz")).status == 200
    assert (await edge.ask("/c/shoes")).status == 302


async def test_head_has_the_headers_of_get_and_no_body(edge: Front) -> None:
    client = await edge.client()
    got = await client.ask("/p/hello?click_id=x")
    head = await client.ask("/p/hello?click_id=x", "HEAD")
    after = await client.ask("/healthz")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""} and int(got.headers["content-length"])
    assert after.body == b"ok\n", "nothing of the page was left on the connection"


async def test_a_page_escapes_what_visitors_send(edge: Front) -> None:
    target = "/p/hello?click_id=%3Cscript%3E%26%22"
    answer = await edge.ask(target, headers={"Host": "t.example:8080"})
    assert answer.body == b"<p>&lt;script&gt;&amp;&quot;</p><i>http://t.example:8080</i>"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    evil = await edge.ask(target, headers={"Host": '"><script>'})
    assert evil.body.endswith(b"<i></i>")


# -- connections -----------------------------------------------------------------------------------------


async def test_keep_alive_by_version_and_header(edge: Front) -> None:
    client = await edge.client()
    for _ in range(3):
        assert not (await client.ask("/healthz")).closes
    assert (await client.ask("/healthz", headers={"Connection": "close"})).closes
    assert await client.ended() == b""
    old = await edge.client()
    await old.send(request("/healthz", version="1.0", headers={"Connection": "keep-alive"}))
    assert (await old.answer()).headers["connection"] == "keep-alive"
    await old.send(request("/healthz", version="1.0"))
    assert (await old.answer()).closes
    assert await old.ended() == b""


async def test_http_1_0_needs_no_host(edge: Front) -> None:
    assert (await edge.raw(b"GET /c/shoes HTTP/1.0\r\n\r\n")).status == 302
    assert (await edge.raw(b"GET /c/shoes HTTP/1.1\r\n\r\n")).status == 400


async def test_pipelined_requests_are_answered_in_order(edge: Front) -> None:
    client = await edge.client()
    targets = [f"/p/hello?click_id=n{n}" if n % 3 else f"/c/shoes?sub1=n{n}" for n in range(100)]
    await client.send(b"".join(request(target) for target in targets))
    for n in range(100):
        answer = await client.answer()
        seen = answer.body.decode() if n % 3 else answer.location + "<"
        assert f"n{n}<" in seen
    assert [event.subs[1] for event in edge.events(ClickEvent)] == [f"n{n}" for n in range(0, 100, 3)]


async def test_a_request_may_come_byte_by_byte(edge: Front) -> None:
    client = await edge.client()
    for byte in request("/p/hello?click_id=slow"):
        await client.send(bytes([byte]))
    assert b"slow" in (await client.answer()).body


async def test_a_client_that_closes_its_half_is_answered(edge: Front) -> None:
    client = await edge.client()
    await client.send(request("/healthz"))
    await client.stream.send_eof()
    assert (await client.answer()).status == 200
    assert await client.ended() == b""
    half = await edge.client()
    await half.send(b"GET /healthz HTTP/1.1\r\nHo")
    await half.stream.send_eof()
    assert await half.ended() == b""
    await edge.gone()


async def test_an_absolute_target_is_its_path(edge: Front) -> None:
    assert (await edge.ask("http://t.example/c/shoes?sub1=x")).location.endswith("s=x")
    assert (await edge.ask("HTTP://t.example")).status == 200


async def test_nobody_is_starved_by_an_endless_pipeliner(edge: Front) -> None:
    async with trio.open_nursery() as nursery:

        async def pipeline() -> None:
            client = await edge.client()
            many = request("/c/shoes") * 200

            async def read() -> None:
                while await client.stream.receive_some():
                    pass

            nursery.start_soon(read)
            while True:
                await client.send(many)

        nursery.start_soon(pipeline)
        nursery.start_soon(pipeline)
        await trio.sleep(0.2)
        with trio.fail_after(PATIENCE):
            for _ in range(20):
                assert (await edge.ask("/healthz")).status == 200
        nursery.cancel_scope.cancel()


# -- bodies ----------------------------------------------------------------------------------------------


async def test_a_body_by_length_and_by_chunks(edge: Front) -> None:
    client = await edge.client()
    assert (await client.ask("/pb/open", "POST", FORM, b"click_id=1")).body.startswith(b"OK")
    chunked = {**FORM, "Transfer-Encoding": "chunked"}
    await client.send(
        request("/pb/open", "POST", chunked) + b"4\r\nclic\r\n6;x=y\r\nk_id=2\r\n0\r\nX: y\r\n\r\n"
    )
    assert (await client.answer()).body.startswith(b"OK")
    assert (await client.ask("/healthz")).status == 200


async def test_a_body_of_a_million_one_byte_chunks_is_refused_without_holding_the_loop(edge: Front) -> None:
    """Its length was summed anew at each chunk: half an hour of one core for 6 MB of input."""
    attacker = await edge.client()
    await attacker.send(request("/pb/open", "POST", {**FORM, "Transfer-Encoding": "chunked"}))
    piece = b"1\r\nx\r\n" * 10_000
    with trio.fail_after(PATIENCE):
        try:
            for _ in range(MAX_BODY // 10_000 + 2):
                await attacker.send(piece)
        except trio.BrokenResourceError:
            pass  # refused and closed while we were still sending
        else:
            assert (await attacker.answer()).status == 413
        assert (await edge.ask("/healthz")).status == 200


async def test_fields_after_a_chunked_body_are_no_headers(tmp_path: Path) -> None:
    """Or a visitor's trailer would be the rightmost hop that a trusted proxy vouches for."""
    async with front(tmp_path, trusted_proxies=("127.0.0.1",)) as edge:
        head = {"Transfer-Encoding": "chunked", "X-Forwarded-For": "198.51.100.7"}
        trailers = b"0\r\nX-Forwarded-For: 203.0.113.9\r\nHost: other\r\nX-Request-Id: trailer\r\n\r\n"
        assert (await edge.raw(request("/c/shoes", "GET", head) + trailers)).status == 302
        (event,) = edge.events(ClickEvent)
        assert event.address == "198.51.100.0" and event.request_id == event.id


async def test_expect_100_continue(edge: Front) -> None:
    client = await edge.client()
    body = b"click_id=1"
    expecting = {**FORM, "Expect": "100-continue", "Content-Length": str(len(body))}
    await client.send(request("/pb/open", "POST", expecting))
    assert (await client.answer()).status == 100
    await client.send(body)
    assert (await client.answer()).status == 200
    await client.send(request("/pb/open", "POST", expecting) + body)
    assert (await client.answer()).status == 200, "a client that did not wait needs no 100"
    assert (await edge.ask("/pb/open", "POST", {**FORM, "Expect": "miracles"}, body)).status == 417
    too_large = {**expecting, "Content-Length": str(MAX_BODY + 1)}
    refused = await edge.raw(request("/pb/open", "POST", too_large))
    assert refused.status == 413 and refused.closes


async def test_a_body_of_the_largest_size_and_one_byte_more(edge: Front) -> None:
    largest = b'{"click_id":"1","x":"'.ljust(MAX_BODY - 2, b"y") + b'"}'
    assert (await edge.ask("/pb/open", "POST", JSON, largest)).status == 200
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (MAX_BODY, largest)
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    assert (await edge.raw(request("/pb/open", "POST", chunked) + chunks)).status == 200
    client = await edge.client()
    await client.send(request("/pb/open", "POST", {**JSON, "Content-Length": str(MAX_BODY + 1)}))
    answer = await client.answer()
    assert answer.status == 413 and answer.closes
    over = b"%x\r\n%b\r\n0\r\n\r\n" % (MAX_BODY + 1, largest + b"z")
    client = await edge.client()
    await client.send(request("/pb/open", "POST", chunked) + over)
    assert (await client.answer()).status == 413


# -- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST /pb/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_1_1_gets_400_and_the_end(edge: Front, data: bytes) -> None:
    client = await edge.client()
    await client.send(data)
    answer = await client.answer()
    assert answer.status == 400 and answer.closes
    assert await client.ended() == b""
    assert edge.server.failures == 0
    assert edge.events(ClickEvent) == []


async def test_what_came_before_a_broken_request_is_answered_first(edge: Front) -> None:
    client = await edge.client()
    await client.send(request("/c/shoes?sub1=good") + b"\x00\x00 nonsense\r\n\r\n" + request("/c/shoes"))
    assert (await client.answer()).status == 302
    assert (await client.answer()).status == 400
    assert await client.ended() == b""
    assert len(edge.events(ClickEvent)) == 1


async def test_the_request_line_may_have_8_kib(edge: Front) -> None:
    room = MAX_REQUEST_LINE - len("/healthz?")
    assert (await edge.ask("/healthz?" + "x" * room)).status == 200
    answer = await edge.ask("/healthz?" + "x" * (room + 1))
    assert answer.status == 414 and answer.closes
    endless = await edge.client()
    await endless.send(b"GET /" + b"x" * 12_000)
    assert (await endless.answer()).status == 414


async def test_headers_may_be_100_and_32_kib(edge: Front) -> None:
    many = {f"X-{n}": "v" for n in range(MAX_HEADERS - 1)}
    assert (await edge.ask("/healthz", headers=many)).status == 200
    answer = await edge.ask("/healthz", headers={**many, "X-more": "v"})
    assert answer.status == 431 and answer.closes
    assert (await edge.ask("/healthz", headers={"X": "v" * (MAX_HEADER_BYTES - 100)})).status == 200
    assert (await edge.ask("/healthz", headers={"X": "v" * MAX_HEADER_BYTES})).status == 431
    endless = await edge.client()
    await endless.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    with trio.fail_after(PATIENCE):
        try:
            for _ in range(100):
                await endless.send(b"v" * 1024)
        except trio.BrokenResourceError:
            pass
    await edge.gone()
    assert edge.routes.statuses[431] == 3


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
async def test_an_upgrade_is_ignored(edge: Front, upgrade: str) -> None:
    head = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": upgrade, "HTTP2-Settings": "AAMAAABk"}
    client = await edge.client()
    assert (await client.ask("/c/shoes", headers=head)).status == 302
    assert (await client.ask("/healthz", headers=head)).status == 200, "and the connection goes on"
    await client.send(request("/healthz", headers=head) * 5 + request("/c/shoes"))
    assert [(await client.answer()).status for _ in range(6)] == [200] * 5 + [302]
    assert edge.server.failures == 0


async def test_connect_is_refused_and_ends_the_connection(edge: Front) -> None:
    client = await edge.client()
    await client.send(b"CONNECT bank.example:443 HTTP/1.1\r\nHost: bank.example\r\n\r\n\x16\x03\x01")
    answer = await client.answer()
    assert answer.status in (404, 405) and answer.closes
    assert edge.server.failures == 0
