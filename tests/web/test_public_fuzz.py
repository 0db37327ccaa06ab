"""Whatever bytes arrive, cut wherever: replies are whole, in order, and the same as if they came at once."""

from __future__ import annotations

import itertools
import re
import socket

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import config
from appliance.http.public import replies
from appliance.http.public.connection import Unsure
from appliance.http.public.request import Request
from appliance.http.public.server import Server
from tests.rig import PATIENCE
from tests.wire import Answer, take_answer

PIECES = (
    b"GET / HTTP/1.1\r\n", b"POST /pb HTTP/1.1\r\n", b"HEAD /x HTTP/1.0\r\n", b"Host: a\r\n", b"\r\n", b"\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"abc",
    b"Connection: keep-alive\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n",
    b"Expect: 100-continue\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"\x00", b"\xff\xfe", b" ", b":",
    b"X: " + b"y" * 300 + b"\r\n",
    b"GET /c/a?sub1=\xd0\xba HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
)  # fmt: skip
GOOD = b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"
requests = st.lists(st.one_of(st.sampled_from(PIECES), st.just(GOOD), st.binary(max_size=20)), max_size=12)


class Echo:
    """Answers with the target, so that a reply shows what was understood."""

    def __init__(self) -> None:
        self.counts = 0

    def answer(self, request: Request, peer: str) -> replies.Reply | Unsure:
        seen = request.method + b" " + request.target + b" " + request.body
        return replies.text(200, seen.decode("latin-1"))

    def counted(self, status: int) -> None:
        self.counts += 1


async def recorded(deliver: object) -> None:
    deliver(True)  # type: ignore[operator]
    await trio.lowlevel.checkpoint()


def converse(pieces: list[bytes]) -> tuple[bytes, Echo]:
    """Send the pieces one after another, each when the one before is digested, then close our half."""
    echo = Echo()

    async def main() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        server = Server(echo, recorded, config.Public())
        got = bytearray()
        with listener:
            async with trio.open_nursery() as nursery:
                await nursery.start(server.run)
                server.listen(0, listener)
                async with await trio.open_tcp_stream(*listener.getsockname()) as stream:
                    try:
                        for piece in pieces:
                            await stream.send_all(piece)
                            for _ in range(3):
                                await trio.lowlevel.checkpoint()
                        await stream.send_eof()
                    except (trio.BrokenResourceError, OSError):
                        pass  # it was refused and closed
                    with trio.fail_after(PATIENCE):
                        try:
                            while data := await stream.receive_some():
                                got += data
                        except trio.BrokenResourceError:
                            pass
                    assert server.failures == 0
                nursery.cancel_scope.cancel()
        return bytes(got)

    return trio.run(main), echo


def answers(data: bytes) -> list[Answer]:
    """Every reply; fails when what was sent is no sequence of whole replies."""
    left = bytearray(data)
    found = []
    while left:
        head = bytes(left[:200])
        # A reply to HEAD has a length and no body: the next reply, or the end, follows its head.
        answer = take_answer(left)
        if answer is None or (answer.body[:7] == b"HTTP/1." and answer.status == 200):
            raise AssertionError(head)
        found.append(answer)
    return found


def undated(data: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]+\r\n", b"", data)


@settings(max_examples=400)
@given(requests, st.lists(st.integers(0, 400), max_size=8))
def test_cuts_do_not_matter_and_replies_are_whole(parts: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(part for part in parts if not part.startswith(b"HEAD"))
    places = sorted({cut for cut in cuts if cut < len(whole)} | {0, len(whole)})
    at_once, echo = converse([whole] if whole else [])
    in_pieces, _ = converse([whole[a:b] for a, b in itertools.pairwise(places) if a < b])
    found = answers(at_once)
    finals = [answer for answer in found if answer.status >= 200]
    assert len(finals) == echo.counts
    assert all(answer.status in (200, 400, 413, 414, 417, 431) for answer in finals)
    assert not any(answer.closes for answer in finals[:-1]), "nothing follows a goodbye"
    if b"Expect" not in whole and b"\xd0" not in whole and not re.search(rb"[\x80-\xff]", whole):
        # A 100 depends on whether the body was there; bare UTF-8 is repaired only within one packet.
        assert undated(in_pieces) == undated(at_once)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.lists(st.integers(0, 4000), max_size=10))
def test_good_requests_are_answered_however_they_are_cut(count: int, cuts: list[int]) -> None:
    whole = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(count))
    places = sorted({cut for cut in cuts if cut < len(whole)} | {0, len(whole)})
    data, _ = converse([whole[a:b] for a, b in itertools.pairwise(places) if a < b])
    assert [answer.body for answer in answers(data)] == [b"GET /%d " % number for number in range(count)]
