"""A named list filled in one request, however long: streamed, all or nothing, at every door with a file."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import remote, unix
from appliance.call import call
from appliance.call_door import CallDoor
from appliance.errors import Refused
from appliance.http.admin.app import create_app
from appliance.http.admin.server import AdminServer, listen
from appliance.operations import lines
from appliance.operations.lines import Blocks, pieces
from appliance.stores.lists import FOLDER
from tests.doors import Doors, open_doors
from tests.rig import PATIENCE
from tests.web.wires import authenticate


class Port:
    def __init__(self, doors: Doors, port: int, data: Path) -> None:
        self.doors, self.port, self.data = doors, port, data
        self.url = f"http://127.0.0.1:{port}"

    async def post(
        self, path: str, blocks: Sequence[bytes], credential: str = "weir_administrator", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers, answer) of a chunked text/plain."""
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            sent = {"Host": "127.0.0.1", "Content-Type": "text/plain", "Transfer-Encoding": "chunked",
                    "Authorization": f"Bearer {credential}", "Connection": "close", **headers}  # fmt: skip
            head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            received = b""
            with suppress(trio.BrokenResourceError):  # a refusal may come in the midst of it, and closes
                await stream.send_all(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
                for block in blocks:
                    await stream.send_all(b"%x\r\n%b\r\n" % (len(block), block))
                await stream.send_all(b"0\r\n\r\n")
            with trio.fail_after(30), suppress(trio.BrokenResourceError):
                while data := await stream.receive_some(65536):
                    received += data
        head_, _, body = received.partition(b"\r\n\r\n")
        status, *fields = head_.decode().split("\r\n")
        found = dict(field.lower().split(": ", 1) for field in fields)
        return int(status.split()[1]), found, json.loads(body)

    async def made(self, of: str = "text") -> int:
        found: Any = await self.doors.call("lists.create", {"name": of, "of": of})
        return int(found.id)

    async def total(self, number: int) -> int:
        page: Any = await self.doors.call("lists.entries", {"id": number, "limit": 1})
        return int(page.total)

    def left(self) -> list[str]:
        return [path.name for path in (self.data / FOLDER).iterdir() if path.suffix]


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    async with open_doors(tmp_path) as doors:
        listener, stop = listen("127.0.0.1", 0), trio.Event()
        app = create_app(doors.operations, doors.context, doors.overview, authenticate=authenticate)
        door = CallDoor(doors.operations, doors.context)
        async with trio.open_nursery() as nursery:
            await nursery.start(AdminServer(app, grace=1).serve, lambda: listener, stop)
            await nursery.start(door.serve, lambda: unix.listen(tmp_path / "run" / "call.sock"), stop, 1)
            yield Port(doors, listener.getsockname()[1], tmp_path)
            stop.set()


def blocks_of(text: bytes, size: int = 60_000) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


MANY = 70_000


def publishers(first: int = 0) -> bytes:
    return b"".join(b"publisher-%09d\n" % n for n in range(first, first + MANY))


async def test_a_list_of_several_pieces_is_there_at_once(port: Port) -> None:
    number = await port.made()
    status, headers, answer = await port.post(f"/api/lists/{number}/replace", blocks_of(publishers()))
    assert (status, answer["entries"]) == (200, MANY)
    assert headers["etag"] == f'"{answer["revision"]}"'
    status, _, answer = await port.post(f"/api/lists/{number}/append", blocks_of(publishers(MANY // 2)))
    assert (status, answer["entries"]) == (200, MANY + MANY // 2)
    status, _, answer = await port.post(f"/api/lists/{number}/remove", blocks_of(publishers()))
    assert (status, answer["entries"], port.left()) == (200, MANY // 2, [])
    last = f"publisher-{MANY:09}"
    assert (await port.doors.call("lists.check", {"id": number, "value": last})).held is True


@pytest.mark.parametrize(
    ("of", "bad", "message"),
    [
        ("address", b"10.0.0.300\n", "line 70001: no address"),
        ("address", b"caf\xe9\n", "line 70001: no UTF-8"),
        ("address", b"1" * 70_000, "line 70001: "),
        ("mask", b"***\n", "line 70001: a mask of stars"),
        ("text", b"x" * 2_000_000, "line 70001: it does not end"),
    ],
)
async def test_one_wrong_line_and_nothing_of_it_is_taken(
    port: Port, of: str, bad: bytes, message: str
) -> None:
    number = await port.made(of)
    before: Any = await port.doors.call("lists.append", {"id": number, "text": "1.1.1.1"})
    good = b"".join(b"10.%d.%d.%d # offices\n" % (n >> 16, n >> 8 & 255, n & 255) for n in range(MANY))
    body = blocks_of(good + bad + b"\n2.2.2.2\n")
    status, _, answer = await port.post(f"/api/lists/{number}/replace", body)
    assert status == 400 and answer["error"]["fields"][0]["path"] == "text"
    assert answer["error"]["fields"][0]["message"].startswith(message)
    after: Any = await port.doors.call("lists.get", {"id": number})
    assert after == before and port.left() == []


async def test_who_may_not_is_told_and_nothing_is_kept(port: Port) -> None:
    number = await port.made()
    body = blocks_of(publishers())
    for credential, code in (("nobody", 401), ("weir_viewer", 403), ("weir_nothing", 403)):
        status, _, answer = await port.post(f"/api/lists/{number}/replace", body, credential)
        assert status == code and answer["error"]["code"] in ("unauthenticated", "forbidden")
    assert (await port.post("/api/lists/999/replace", body))[0] == 404
    assert (await port.post(f"/api/lists/{number}/replace?revision=1", body))[0] == 400
    assert (await port.post(f"/api/lists/{number}/replace", body, **{"If-Match": "x"}))[0] == 400
    assert (await port.post(f"/api/lists/{number}/replace", body, **{"If-Match": '"1"'}))[0] == 409
    foreign = await port.post(f"/api/lists/{number}/replace", [b"x\n"], Origin="https://evil.example")
    assert foreign[0] == 403
    assert (await port.total(number), port.left()) == (0, [])


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(port: Port, caplog: Any) -> None:
    number = await port.made()
    stream = await trio.open_tcp_stream("127.0.0.1", port.port)
    head = (b"POST /api/lists/%d/replace HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
            b"Authorization: Bearer weir_administrator\r\nContent-Length: 99999999\r\n\r\n")  # fmt: skip
    await stream.send_all(head % number + publishers())
    with trio.fail_after(PATIENCE):
        while not port.left():  # noqa: ASYNC110  only the folder tells
            await trio.sleep(0.01)
        await trio.aclose_forcefully(stream)
        while port.left():  # noqa: ASYNC110
            await trio.sleep(0.01)
    assert await port.total(number) == 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_file_from_the_shell_here_and_elsewhere(port: Port) -> None:
    number = await port.made()

    async def run(ask: Any) -> tuple[int, Any, Any]:
        out, err = io.StringIO(), io.StringIO()
        code = await trio.to_thread.run_sync(partial(ask, out=out, err=err))
        return code, json.loads(out.getvalue() or "null"), json.loads(err.getvalue() or "null")

    asked = json.dumps({"id": number})
    here = partial(call, port.data)
    there = partial(remote.call, port.url, "weir_administrator")
    code, answer, _ = await run(partial(here, "lists.replace", asked, entries=io.BytesIO(publishers())))
    assert (code, answer["entries"]) == (0, MANY)
    code, answer, _ = await run(partial(there, "lists.append", asked, entries=io.BytesIO(publishers(MANY))))
    assert (code, answer["entries"]) == (0, 2 * MANY)
    wrong = publishers() + b"x" * 600 + b"\n"
    for door in (here, there):
        code, _, fault = await run(partial(door, "lists.append", asked, entries=io.BytesIO(wrong)))
        assert code == 1 and fault["error"]["fields"][0]["message"].startswith(f"line {MANY + 1}: ")
        code, _, fault = await run(partial(door, "lists.upload", asked, entries=io.BytesIO(b"x")))
        assert code == 1 and fault["error"]["message"].startswith("lists.upload takes no entries")
    assert port.left() == []


def test_a_million_entries_may_be_256_characters_long() -> None:
    assert lines.LARGEST >= 1_000_000 * 257


async def _blocks(given: Sequence[bytes]) -> Blocks:
    for block in given:
        yield block


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("aé\n\r")), st.lists(st.integers(0, 60)), st.integers(4, 20))
def test_cuts_do_not_matter_and_lines_keep_their_numbers(text: str, cuts: list[int], size: int) -> None:
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    given_ = [data[a:b] for a, b in pairwise(edges)]

    async def collect() -> list[lines.Piece]:
        return [piece async for piece in pieces(_blocks(given_), size=size)]

    found = trio.run(collect)
    assert "".join(piece.text for piece in found) == text
    seen = 1
    for piece in found:
        assert piece.first == seen
        seen += piece.text.count("\n")


def test_what_is_no_text_is_refused_by_its_line() -> None:
    async def collect(*blocks: bytes) -> None:
        async for _ in pieces(_blocks(blocks), size=8):
            pass

    with pytest.raises(Refused) as caught:
        trio.run(collect, b"a\nb\nc\nd\ne", b"\nf\xff\n")
    assert caught.value.fields[0].message == "line 6: no UTF-8"
