"""Mail over Resend's API and SMTP: played by small servers, in good days and bad ones."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from appliance.actors.kernel import thread_runner
from appliance.config import Mail
from appliance.errors import Unavailable
from appliance.outbound.mail import Resend, Smtp, post_of

SENDER = "Weir <weir@example.com>"


class Server:
    """What it received, and what it will answer."""

    def __init__(self, answer: str = "200 OK", silent: bool = False, rejects: str = "") -> None:
        self.answer, self.silent, self.rejects = answer, silent, rejects
        self.received = b""
        self.port = 0

    async def http(self, stream: trio.SocketStream) -> None:
        async with stream:
            while b"\r\n\r\n" not in self.received or not self.received.rstrip().endswith(b"}"):
                self.received += await stream.receive_some(65536)
            if self.silent:
                await trio.sleep_forever()
            body = b'{"id": "1", "message": "too many"}'
            head = f"HTTP/1.1 {self.answer}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            await stream.send_all(head.encode() + body)

    async def smtp(self, stream: trio.SocketStream) -> None:
        async with stream:
            if self.silent:
                await trio.sleep_forever()
            await stream.send_all(b"220 here\r\n")
            reading = False
            buffer = b""
            while data := await stream.receive_some(65536):
                buffer += data
                while b"\r\n" in buffer:
                    line, _, buffer = buffer.partition(b"\r\n")
                    self.received += line + b"\n"
                    if reading:
                        if line == b".":
                            reading = False
                            await stream.send_all(b"250 taken\r\n")
                        continue
                    verb = line[:4].upper().decode()
                    reply = {"EHLO": "250-here\r\n250 AUTH PLAIN", "DATA": "354 go on", "QUIT": "221 bye",
                             "AUTH": "235 hello"}.get(verb, "250 fine")  # fmt: skip
                    if verb == self.rejects:
                        reply = "550 no"
                    reading = verb == "DATA" and reply.startswith("354")
                    await stream.send_all(reply.encode() + b"\r\n")


@asynccontextmanager
async def serving(server: Server, kind: str) -> AsyncIterator[Server]:
    serve = functools.partial(trio.serve_tcp, getattr(server, kind), 0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(serve)
        server.port = listener.socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()


def resend(server: Server, seconds: float = 5) -> Resend:
    return Resend("re_secret", SENDER, f"http://127.0.0.1:{server.port}/emails", seconds)


def smtp(server: Server, user: str = "", seconds: float = 5) -> Smtp:
    return Smtp(f"smtp://{user}127.0.0.1:{server.port}", SENDER, thread_runner(1), seconds)


async def test_resend_gets_one_request_with_the_key() -> None:
    async with serving(Server(), "http") as server:
        await resend(server).send("ann@example.com", "123456 is your code", "Zahl: 123456 ✓")
    head, _, body = server.received.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /emails HTTP/1.1") and b"authorization: bearer re_secret" in head.lower()
    assert json.loads(body) == {
        "from": SENDER, "to": ["ann@example.com"], "subject": "123456 is your code", "text": "Zahl: 123456 ✓",
    }  # fmt: skip


@pytest.mark.parametrize("answer", ["429 Too Many Requests", "500 Oops", "401 No", "302 Found"])
async def test_what_resend_does_not_take_is_unavailable(answer: str) -> None:
    async with serving(Server(answer), "http") as server:
        with pytest.raises(Unavailable, match="Resend") as caught:
            await resend(server).send("ann@example.com", "s", "t")
        assert "re_secret" not in str(caught.value)


async def test_servers_that_say_nothing_or_are_not_there_are_unavailable() -> None:
    async with serving(Server(silent=True), "http") as server:
        with pytest.raises(Unavailable):
            await resend(server, 0.2).send("ann@example.com", "s", "t")
    with pytest.raises(Unavailable):
        await resend(server).send("ann@example.com", "s", "t")
    async with serving(Server(silent=True), "smtp") as server:
        with pytest.raises(Unavailable):
            await smtp(server, seconds=0.2).send("ann@example.com", "s", "t")
    with pytest.raises(Unavailable):
        await smtp(server).send("ann@example.com", "s", "t")


async def test_smtp_gets_one_message_after_signing_in() -> None:
    async with serving(Server(), "smtp") as server:
        await smtp(server, "weir:p%40ss@").send("ann@example.com", "123456 is your code", "Code: 123456\n")
    said = server.received.decode()
    assert "AUTH PLAIN AHdlaXIAcEBzcw==" in said
    for line in ("mail FROM:<weir@example.com>", "rcpt TO:<ann@example.com>", "Subject: 123456 is your code",
                 "To: ann@example.com", f"From: {SENDER}", "Code: 123456"):  # fmt: skip
        assert line.lower() in said.lower()


@pytest.mark.parametrize("rejects", ["AUTH", "MAIL", "RCPT", "DATA"])
async def test_what_an_smtp_server_refuses_is_unavailable(rejects: str) -> None:
    async with serving(Server(rejects=rejects), "smtp") as server:
        with pytest.raises(Unavailable, match="SMTP"):
            await smtp(server, "u:p@").send("ann@example.com", "s", "t")


def test_what_is_configured_sends() -> None:
    runner = thread_runner(1)
    assert post_of(Mail(), runner) is None
    assert isinstance(post_of(Mail(resend_key="k", sender=SENDER), runner), Resend)
    assert isinstance(post_of(Mail(smtp_url="smtp://h", sender=SENDER), runner), Smtp)
