"""`weir tail`: the live feed in a terminal, over /ws, for as long as somebody reads.

A lost connection comes back by itself and goes on behind the last frame; what was missed in between is in the
first one, or is said to be missed.
"""

from __future__ import annotations

import functools
import json
import random
import select
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    open_websocket_url,
)

from appliance import unix
from appliance.datadir import run_file
from appliance.errors import Unauthenticated, Unavailable, WeirError
from appliance.feed_lines import Lines
from appliance.operations.demo import reachable

LARGEST_FRAME = 4 * 1024 * 1024
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0
"""The feed says something every five seconds, so a connection that is silent for longer is dead."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0
_LOCAL_SECONDS = 10.0
_REFUSALS = ("refused", "forbidden", "unauthenticated", "missing")
"""Asking again would bring the same answer."""


@dataclass(frozen=True)
class Place:
    """Where to watch: `url` ends before /ws; `token` goes into Authorization."""

    url: str
    token: str


Find = Callable[[], Place]
"""Blocking; asked before each connection. Raises WeirError."""


@dataclass(frozen=True)
class Wanted:
    """What to watch and how to print it. `params` are those of live.watch."""

    params: Mapping[str, object]
    as_json: bool = False
    colour: bool = False


def local(data: Path) -> Place:
    """The appliance on this data directory, as its local administrator."""
    try:
        where = json.loads(run_file(data).read_text("utf-8"))
        answer = _call(data / "run" / "call.sock", "session.local")
    except PermissionError:
        raise WeirError(f"{data} belongs to another user; call as the one that runs Weir") from None
    except (OSError, ValueError):
        raise Unavailable(
            f"no Weir is running on {data}; start it with `weir --data {data} serve`, name another --data, "
            "or --url"
        ) from None
    return Place(f"http://{reachable(where['admin'])}", answer["token"])


def remote(url: str, token_file: Path) -> Place:
    """Another machine's appliance, with an API token that a file holds."""
    try:
        token = token_file.read_text("utf-8").strip()
    except (OSError, ValueError) as fault:
        raise WeirError(f"the token file cannot be read: {fault}") from None
    return Place(url.rstrip("/"), token)


def _call(path: Path, name: str) -> dict[str, Any]:
    with unix.connect(path, _LOCAL_SECONDS) as connection:
        connection.sendall(json.dumps({"name": name}).encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        while data := connection.recv(1 << 16):
            received += data
    answer: dict[str, Any] = json.loads(received)
    if "error" in answer:
        raise WeirError(answer["error"]["message"])
    return answer


def tail(find: Find, wanted: Wanted, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Print until Ctrl-C or until nobody reads; the exit code. Raises WeirError when it cannot begin."""
    out = out or sys.stdout
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="replace")  # what strangers sent may be in no character set of this terminal
    watching = _Tail(find, wanted, out, err or sys.stderr)
    try:
        trio.run(watching.run)
    except KeyboardInterrupt:
        return 0
    except BaseExceptionGroup as group:
        fault = _only(group)
        if isinstance(fault, KeyboardInterrupt):
            return 0
        raise fault from None
    return 0


def _only(fault: BaseException) -> BaseException:
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    return fault


class _Tail:
    def __init__(self, find: Find, wanted: Wanted, out: TextIO, err: TextIO) -> None:
        self._find = find
        self._wanted = wanted
        self._out = out
        self._err = err
        self._lines = Lines(wanted.colour)
        self._seq: int | None = None
        self._delay = FIRST_DELAY
        self._began = False

    async def run(self) -> None:
        while self._read():
            try:
                place = await trio.to_thread.run_sync(self._find)
                await self._watch(place)
                lost = "the feed is over"
            except BaseExceptionGroup as group:
                lost = self._loss(_only(group))
            except (OSError, WeirError, HandshakeError, ConnectionClosed) as fault:
                lost = self._loss(fault)
            if not self._read():
                return
            self._say(f"{lost}; again in {self._delay:.1f} s")
            await trio.sleep(self._delay * random.uniform(0.7, 1.3))  # noqa: S311  so that not all come at once
            self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _loss(self, fault: BaseException) -> str:
        """What to say of a connection that ended so. Raises when it need not be tried again."""
        match fault:
            case BrokenPipeError() if not self._read():
                raise fault
            case ConnectionRejected(status_code=401):
                fault = Unauthenticated("the token is not (or no longer) good here")
            case ConnectionRejected(status_code=status):
                fault = Unavailable(f"the admin port answered {status}; is this the right address?")
            case ConnectionClosed():
                why = fault.reason
                fault = Unavailable(
                    f"connection lost{f' ({why.code} {why.reason or why.name})' if why else ''}"
                )
            case HandshakeError():
                cause = fault.__cause__ or fault.__context__
                fault = Unavailable(f"cannot connect: {cause or 'it does not speak WebSocket'}")
            case TimeoutError() | trio.TooSlowError():
                fault = Unavailable("nothing was heard for too long")
            case OSError():
                fault = Unavailable(f"cannot connect: {fault.strerror or fault}")
            case WeirError():
                pass
            case _:
                raise fault
        if not self._began or fault.code in _REFUSALS:
            raise fault
        return fault.message

    async def _watch(self, place: Place) -> None:
        async with _connected(place) as connection:
            params = dict(self._wanted.params)
            if self._seq is not None:
                params["after"] = self._seq
            request = {"jsonrpc": "2.0", "id": 1, "method": "live.watch", "params": params}
            await connection.send_message(json.dumps(request))
            while True:
                with trio.fail_after(SILENCE_SECONDS):
                    message = await connection.get_message()
                self._take(msgspec.json.decode(message))
                if not self._read():
                    return

    def _take(self, message: dict[str, Any]) -> None:
        if "error" in message:
            error = message["error"].get("data") or {}
            error = error.get("error", error)
            fault = Unavailable(str(error.get("message") or message["error"].get("message")))
            if error.get("code") != "unavailable":
                fault = _Refusal(fault.message)
                fields = [f"{each['path']}: {each['message']}" for each in error.get("fields", ())]
                fault.message = "; ".join([fault.message, *fields])
            raise fault
        if message.get("id") == 1:
            self._began = True
            self._delay = FIRST_DELAY
            if self._seq is None:
                self._seq = message["result"]["seq"]
                self._say(f"watching {', '.join(message['result']['topics'])}; Ctrl-C ends it")
        elif message.get("method") == "live.frame":
            frame = message["params"]["frame"]
            self._seq = frame["seq"]
            self._print(frame)

    def _print(self, frame: dict[str, Any]) -> None:
        if self._wanted.as_json:
            lines = [json.dumps(frame, ensure_ascii=True)] if frame["events"] or "system" in frame else []
        else:
            lines = list(self._lines.frame(frame))
        if lines:
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()

    def _say(self, words: str) -> None:
        self._err.write(self._lines.paint(f"weir tail: {words}", "2" if self._err.isatty() else "") + "\n")
        self._err.flush()

    def _read(self) -> bool:
        """Whether somebody still reads: `weir tail | head` ends also when nothing is to be written."""
        with suppress(OSError, ValueError, AttributeError):
            poll = select.poll()
            poll.register(self._out.fileno(), select.POLLERR)
            return not any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
        return True


class _Refusal(Unavailable):
    """The same question would bring the same answer."""

    code = "refused"


@asynccontextmanager
async def _connected(place: Place) -> AsyncIterator[WebSocketConnection]:
    scheme, _, rest = place.url.partition("://")
    if scheme not in ("http", "https") or not rest:
        raise _Refusal(f"{place.url} is no address of an admin port: https://name or http://127.0.0.1:8081")
    secure = scheme == "https"
    opening = functools.partial(
        open_websocket_url,
        f"{'wss' if secure else 'ws'}://{rest}/ws",
        ssl_context=ssl.create_default_context() if secure else None,
        extra_headers=[(b"authorization", b"Bearer " + place.token.encode())],
        max_message_size=LARGEST_FRAME,
        connect_timeout=CONNECT_SECONDS,
        disconnect_timeout=1,
    )
    async with opening() as connection:
        yield connection
