"""Clicks while people watch: p99 of clicks at 1,000/s beside 500 and 1,000 watchers, and the frames' lag.

The edge has one core; the core, the watchers and the clicks' client share the other. Each round measures
without watchers, then with each number of them; medians, because a shared machine changes its speed. The
watchers are raw sockets in one process of their own (`python -m tests.bench.watchers client …`): a thousand
WebSocket objects would take more of the shared core than the feed that is measured.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from tests.bench import catalog, clicks, load
from tests.rig import ROOT, Weir, start_weir, wait_for

PER_S = 1_000
NUMBERS = (500, 1_000)
AIMS = {f"click_p99_with_{number}_over_without": aim for number, aim in ((500, "<= 1.5"), (1_000, ""))}
FIGURES = (
    "lag_p50_ms", "lag_p99_ms", "event_lag_p99_ms", "frames_per_watcher_per_s", "lost", "core_ms_per_frame"
)  # fmt: skip
"""The core's figure holds all that it does meanwhile, shipping 1,000 clicks a second included."""
_SETTLE = 2.0
"""Seconds from the last watcher's first frame to the measurement, and after it."""


def measure(folder: Path, rounds: int, seconds: float) -> dict[str, float | int | None]:
    """The figures, by name."""
    p99: dict[int, list[float]] = {0: []}
    seen: dict[int, list[dict[str, Any]]] = {}
    with start_weir(folder / "watched") as weir:
        catalog.fill(weir.data)
        wait_for("the catalog on the edge", lambda: httpx.get(clicks.url(weir)).status_code == 302)
        wait_for("an idle core", lambda: weir.call("system.status")["warehouse"]["state"] == "up")
        clicks.pin(weir)
        load.run(clicks.url(weir), 2, per_s=PER_S)  # warm
        core = weir.children()["core"]
        for _ in range(rounds):
            p99[0].append(_clicks(weir, seconds))
            for number in NUMBERS:
                with Crowd(weir, number) as crowd:
                    time.sleep(_SETTLE)
                    crowd.begin()
                    cpu = cpu_seconds(core)
                    p99.setdefault(number, []).append(_clicks(weir, seconds))
                    figures = crowd.end()
                    figures["core_ms_per_frame"] = (
                        (cpu_seconds(core) - cpu) * 1_000 / max(figures["frames"], 1)
                    )
                    seen.setdefault(number, []).append(figures)
                time.sleep(_SETTLE)
        status = weir.call("system.status")
    without = statistics.median(p99[0])
    found: dict[str, float | int | None] = {"click_p99_ms_at_1000": round(without, 2)}
    for number in NUMBERS:
        median = statistics.median(p99[number])
        found[f"click_p99_ms_with_{number}_watchers"] = round(median, 2)
        found[f"click_p99_with_{number}_over_without"] = round(median / without, 2)
        for name in FIGURES:
            values = [one[name] for one in seen[number]]
            found[f"watchers_{number}_{name}"] = round(statistics.median(values), 3)
    found["watchers_cut"] = status["live"]["cut"]
    found["entries_skipped"] = status["live"]["skipped"]
    return found


def cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _clicks(weir: Weir, seconds: float) -> float:
    one = load.run(clicks.url(weir), seconds, per_s=PER_S)
    if one.bad or one.per_s < PER_S * 0.8:
        raise SystemExit(f"bench: {one.per_s:.0f} clicks/s, {one.bad} of them wrong: this is no result")
    return one.p99_ms


class Crowd:
    """A process full of watchers; leaving the block lets them go."""

    def __init__(self, weir: Weir, number: int) -> None:
        token = weir.call("session.local")["token"]
        argv = [sys.executable, "-m", "tests.bench.watchers", "client", weir.admin, str(number)]
        self._process = subprocess.Popen(
            ["taskset", "-c", load.CLIENT_CORE, *argv],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._say(token)
        self._hear()

    def _say(self, words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("bench: the watchers' process died")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(20)

    def begin(self) -> None:
        self._say("begin")

    def end(self) -> dict[str, Any]:
        self._say("end")
        return self._hear()


# The client's side: everything below runs in the watchers' process.


@dataclass
class Watcher:
    """One socket, after its handshake."""

    sock: socket.socket
    unread: bytearray = field(default_factory=bytearray)

    def frames(self, data: bytes) -> list[bytes]:
        """Whole messages so far; pings are answered."""
        unread = self.unread
        unread += data
        found = []
        while len(unread) >= 2:
            kind, length, head = unread[0] & 15, unread[1] & 127, 2
            if length == 126:
                if len(unread) < 4:
                    break
                (length,), head = struct.unpack_from(">H", unread, 2), 4
            elif length == 127:
                if len(unread) < 10:
                    break
                (length,), head = struct.unpack_from(">Q", unread, 2), 10
            if len(unread) < head + length:
                break
            payload = bytes(unread[head : head + length])
            del unread[: head + length]
            if kind == 9:
                self.sock.send(message(payload, 10))
            elif kind == 1:
                found.append(payload)
        return found


def message(payload: bytes, kind: int = 1) -> bytes:
    """A client's WebSocket message; masked with zeros, which leaves it as it is."""
    size = len(payload)
    length = bytes([128 | size]) if size < 126 else bytes([254]) + struct.pack(">H", size)
    return bytes([128 | kind]) + length + bytes(4) + payload


def connect(host: str, port: int, token: str, topics: Sequence[str]) -> Watcher:
    sock = socket.create_connection((host, port), timeout=30)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        data = sock.recv(4096)
        if not data:
            raise RuntimeError(f"no WebSocket: {head!r}")
        head += data
    if not head.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(f"no WebSocket: {head!r}")
    request = {"jsonrpc": "2.0", "id": 1, "method": "live.watch", "params": {"topics": list(topics)}}
    sock.sendall(message(json.dumps(request).encode()))
    sock.setblocking(False)
    watcher = Watcher(sock)
    watcher.unread += head.partition(b"\r\n\r\n")[2]
    return watcher


class Client:
    """All watchers, one poll."""

    def __init__(self, url: str, number: int) -> None:
        token = sys.stdin.readline().strip()
        host, _, port = url.removeprefix("http://").partition(":")
        self.poll = select.epoll()
        self.watchers: dict[int, Watcher] = {}
        for _ in range(number):
            watcher = connect(host, int(port), token, ["clicks", "conversions"])
            self.watchers[watcher.sock.fileno()] = watcher
            self.poll.register(watcher.sock, select.EPOLLIN)
        self.poll.register(sys.stdin, select.EPOLLIN)
        self.lags: list[float] = []
        self.event_lags: list[float] = []
        self.lost = 0
        self.began = 0.0
        self.answered = 0

    def run(self) -> None:
        said = False
        while True:
            for descriptor, _ in self.poll.poll(1.0):
                if descriptor == sys.stdin.fileno():
                    command = sys.stdin.readline().strip()
                    if not command:
                        return
                    self.told(command)
                else:
                    self.take(descriptor)
            if not said and self.answered == len(self.watchers):
                said = True
                print(json.dumps({"ready": self.answered}), flush=True)

    def told(self, command: str) -> None:
        if command == "begin":
            self.lags.clear()
            self.event_lags.clear()
            self.began = time.monotonic()
            return
        seconds = time.monotonic() - self.began
        print(
            json.dumps(
                {
                    "frames": len(self.lags),
                    "lag_p50_ms": percentile(self.lags, 0.5),
                    "lag_p99_ms": percentile(self.lags, 0.99),
                    "event_lag_p99_ms": percentile(self.event_lags, 0.99),
                    "frames_per_watcher_per_s": len(self.lags) / max(len(self.watchers), 1) / seconds,
                    "lost": self.lost,
                }
            ),
            flush=True,
        )

    def take(self, descriptor: int) -> None:
        watcher = self.watchers[descriptor]
        try:
            data = watcher.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.poll.unregister(descriptor)
            watcher.sock.close()
            del self.watchers[descriptor]
            self.lost += 1
            return
        now = time.time()
        for payload in watcher.frames(data):
            if payload.startswith(b'{"jsonrpc":"2.0","method":"live.frame"'):
                self.lags.append(now - at(payload, payload.find(b'"at":"')))
                first = payload.find(b'"topic":')
                if first > 0:
                    self.event_lags.append(now - at(payload, payload.find(b'"at":"', first)))
            elif b'"result"' in payload[:40]:
                self.answered += 1
            else:
                raise RuntimeError(payload.decode())


_times: dict[bytes, float] = {}


def at(payload: bytes, start: int) -> float:
    """The time in `"at":"2026-01-01T00:00:00.000Z"`; every watcher of a frame asks for the same."""
    text = payload[start + 6 : start + 30]
    found = _times.get(text)
    if found is None:
        found = _times[text] = datetime.fromisoformat(text.decode()).timestamp()
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """In milliseconds."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1_000 if ordered else float("nan")


if __name__ == "__main__":
    assert sys.argv[1] == "client"
    Client(sys.argv[2], int(sys.argv[3])).run()
