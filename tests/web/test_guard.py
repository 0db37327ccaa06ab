"""The SSRF guard: which addresses are refused, and that the checked address is the one connected to."""

from __future__ import annotations

from typing import Any

import httpcore
import pytest
import trio

from appliance.errors import Refused
from appliance.outbound.guard import Fetch, Forbidden, Guard, is_public

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "2002:7f00:1::", "64:ff9b::7f00:1", "2001:db8::1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Forbidden):
        Guard().check("x.example", [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_allowed(address: str) -> None:
    assert is_public(address)
    assert Guard().check("x.example", [address]) == address


def test_one_private_address_among_public_ones_is_refused_unless_allowed() -> None:
    with pytest.raises(Forbidden, match="127"):
        Guard().check("x.example", ["1.1.1.1", "127.0.0.1"])
    assert Guard(["127.0.0.0/8"]).check("x.example", ["127.0.0.1"]) == "127.0.0.1"
    with pytest.raises(Forbidden):
        Guard(["127.0.0.0/8"]).check("x.example", ["10.0.0.1"])
    with pytest.raises(Forbidden):
        Guard(["127.0.0.0/8"]).check("x.example", ["::1"])


class _Connects(httpcore.TrioBackend):
    """Remembers where it was told to connect, and goes to the test's server instead."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self._port = port

    async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
        self.asked.append(host)
        return await super().connect_tcp("127.0.0.1", self._port, *rest, **more)


async def _serve(body: bytes, requests: list[bytes], task_status: trio.TaskStatus[int]) -> None:
    async def talk(stream: trio.SocketStream) -> None:
        requests.append(await stream.receive_some(65536))
        await stream.send_all(body)
        await stream.aclose()

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    task_status.started(listener.socket.getsockname()[1])
    await trio.serve_listeners(talk, [listener])


async def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(
    nursery: trio.Nursery,
) -> None:
    requests: list[bytes] = []
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 9\r\n\r\nhere I am"
    port = await nursery.start(_serve, answer, requests)
    answers = [["203.0.114.9"], ["127.0.0.1"]]
    asked: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(2, 1, 6, "", (address, port)) for address in answers[len(asked) - 1]]

    backend = _Connects(port)
    fetched = await Fetch(Guard((), resolve, backend))("GET", "http://rebind.example/a?b=1", 5, 4)
    assert (fetched.status, fetched.body) == (302, b"here")
    assert backend.asked == ["203.0.114.9"] and asked == ["rebind.example"], "no redirect was followed"
    assert requests[0].startswith(b"GET /a?b=1 HTTP/1.1\r\n") and b"Host: rebind.example\r\n" in requests[0]
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        await Fetch(Guard((), resolve, backend))("GET", "http://rebind.example/", 5, 4)
    assert len(requests) == 1


async def test_an_endless_answer_is_left_after_its_beginning(nursery: trio.Nursery) -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await stream.send_all(b"x" * 10_000)

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, talk, [listener])
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
    assert (await Fetch(Guard(["127.0.0.0/8"]))("GET", url, 5, 70_000)).body == b"x" * 70_000


async def test_an_address_in_the_url_is_checked_too(nursery: trio.Nursery) -> None:
    port = await nursery.start(_serve, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [])
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
        with pytest.raises(Refused):
            await Fetch(Guard())("GET", f"http://{host}:{port}/", 5, 100)
    assert (await Fetch(Guard(["127.0.0.0/8"]))("GET", f"http://127.0.0.1:{port}/", 5, 100)).status == 200


async def test_what_does_not_answer_in_time_is_refused(nursery: trio.Nursery) -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    with pytest.raises(Refused, match="no answer within"):
        await Fetch(Guard(["127.0.0.0/8"]))("GET", f"http://127.0.0.1:{port}/", 0.3, 100)
    await listener.aclose()
    with pytest.raises(Refused):
        await Fetch(Guard(["127.0.0.0/8"]))("GET", f"http://127.0.0.1:{port}/", 5, 100)
    with pytest.raises(Refused, match="not a URL"):
        await Fetch(Guard())("GET", "gopher://x.example/", 5, 100)
