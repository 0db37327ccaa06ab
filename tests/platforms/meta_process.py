"""The double of Meta in a process of its own: whoever is killed beside it, it remembers what it was told.

    with MetaProcess(folder, lose=0.05) as meta:
        settings = {"url": meta.url}
        meta.change(tokens=["new"])
        meta.heard()          # every request so far

Each request is a line of `heard.jsonl`, written before its answer leaves; a double that is started again in
the same folder reads them back.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from appliance.partners.platform import Message
from tests.platforms.meta import SECOND, Heard, Meta
from tests.rig import ROOT

HEARD = "heard.jsonl"


@dataclass
class Figures:
    """What a double's lines come to. `asked`: event id → in how many requests that were looked at, lost
    answers apart; `lost`: requests whose answer was lost; `verdicts`: how many requests of each."""

    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    tests: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    refused: dict[str, int] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    requests: int = 0


def figures(lines: Sequence[dict[str, Any]]) -> Figures:
    found = Figures()
    for line in lines:
        found.requests += 1
        found.lost += line["lost"]
        found.verdicts[line["verdict"]] += 1
        if line["verdict"] in ("taken", "refused") and not line["lost"]:
            found.asked.update(event_id for _, event_id in line["events"])
        if line["verdict"] == "refused" and len(line["events"]) == 1:
            found.refused[line["events"][0][1]] = line["subcode"]
        if line["verdict"] == "test":
            found.tests.update((name, event_id) for name, event_id in line["events"])
        found.counted.update((name, event_id) for name, event_id in line["counted"])
    return found


class MetaProcess:
    """One pixel at an address of its own. `keep`: its lines have the `documents` of what was taken."""

    def __init__(
        self,
        folder: Path,
        *,
        code: str = "px",
        token: str = "good",
        lose: float = 0.0,
        seed: int = 1,
        keep: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.platforms.meta_process", str(folder), "--code", code,
                "--token", token, "--lose", str(lose), "--seed", str(seed), *(["--keep"] if keep else []),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the double of Meta did not start: {self._process.wait()}")
        self.url = f"http://127.0.0.1:{int(line)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """It ends by itself when nobody holds its input."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def change(self, **what: Any) -> dict[str, Any]:
        """tokens=[…], app_secret="…", lose=0.05, slow=seconds, busy=100 with regain=7 (minutes), unsaid=1,
        faults=[[status, code, subcode], "html", "empty"]: answers before any other. How it is now."""
        asked = urllib.request.Request(
            f"{self.url}/double", json.dumps(what).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def heard(self) -> list[dict[str, Any]]:
        """Every request so far, the oldest first."""
        return list(_lines(self.folder / HEARD))

    def figures(self) -> Figures:
        return figures(self.heard())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):  # the last one may be half written
                yield json.loads(line)


class _Served:
    """A Meta, its lines, and how bad its network is."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.meta = Meta(options.code, options.token)
        self.lose: float = options.lose
        self.slow = 0.0
        self._keep: bool = options.keep
        self._lost_next = False
        self._dice = random.Random(options.seed)
        self._lock = threading.Lock()
        path: Path = options.folder / HEARD
        for line in _lines(path):
            self._remember(line)
        self._file = path.open("ab")
        self.meta.heard = self._note

    def _remember(self, line: dict[str, Any]) -> None:
        meta = self.meta
        meta.asked += 1
        for name, event_id in line["counted"]:
            meta.counted[name, event_id] += 1
            meta.seen[name, event_id] = line["at_us"] // SECOND
        if line["verdict"] == "test":
            meta.tests.update((name, event_id) for name, event_id in line["events"])

    def _note(self, heard: Heard) -> None:
        line = heard._asdict() | {"lost": self._lost_next}
        if not self._keep:
            del line["documents"]
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._file.flush()

    def take(self, message: Message) -> Any:
        """Its answer; None for one that is lost on its way."""
        if self.slow:
            time.sleep(self.slow)
        with self._lock:
            self._lost_next = self._dice.random() < self.lose
            answer = self.meta.answer(message, time.time_ns() // 1_000)
            return None if self._lost_next else answer

    def change(self, what: dict[str, Any]) -> dict[str, Any]:
        meta = self.meta
        with self._lock:
            for name, value in what.items():
                match name:
                    case "tokens":
                        meta.tokens = set(value)
                    case "faults":
                        meta.faults = [self._fault(each) for each in value]
                    case "busy" | "regain" | "unsaid" | "app_secret":
                        setattr(meta, name, value)
                    case "lose" | "slow":
                        setattr(self, name, value)
                    case _:
                        raise ValueError(f"the double has no {name}")
            return {
                "tokens": sorted(meta.tokens),
                "counted": meta.counted.total(), "events": len(meta.counted), "tests": meta.tests.total(),
                "asked": meta.asked, "amount": meta.amount, "faults": len(meta.faults),
            }  # fmt: skip

    def _fault(self, each: Any) -> Any:
        if each == "html":
            return self.meta.page()
        if each == "empty":
            return self.meta.page(200)._replace(body=b"")
        status, code, subcode = each
        return self.meta.error(status, code, subcode, "a fault that was ordered", transient=status >= 500)


def serve(options: argparse.Namespace) -> None:
    served = _Served(options)

    class Asked(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # who asked was killed in the midst of it
                self.close_connection = True
                return
            if self.path == "/double":
                self._say(
                    200,
                    {"content-type": "application/json"},
                    json.dumps(served.change(json.loads(body))).encode(),
                )
                return
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            answer = served.take(Message("POST", self.path, tuple(self.headers.items()), body))
            if answer is None:
                self.close_connection = True
                return
            self._say(answer.status, answer.headers, answer.body)

        def _say(self, status: int, headers: Any, body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                pass  # who asked was killed

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Asked)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--code", default="px")
    parser.add_argument("--token", default="good")
    parser.add_argument("--lose", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    serve(parser.parse_args())
