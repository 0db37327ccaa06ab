"""A receiver of outbound postbacks on loopback: remembers what it was told, and is as bad as one asks.

with Receiver(lose=0.3) as receiver:
    receiver.url + "/?id={delivery_id}"
    receiver.told["<idempotency key>"]   # how often
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Told(NamedTuple):
    """One request as it arrived; header names in lower case."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """`lose`: the share of answers that are lost after the request was processed. `status`, `delay`
    (seconds), `location` (of redirects) and `body` (of answers) may be changed at any time."""

    def __init__(self, *, lose: float = 0.0, status: int = 200, delay: float = 0.0) -> None:
        self.lose, self.status, self.delay, self.location = lose, status, delay, ""
        self.body = b"OK"
        self.requests: list[Told] = []
        self.told: Counter[str] = Counter()
        self._dice = random.Random(7)
        self._lock = threading.Lock()
        receiver = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                receiver._take(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, asked: Any) -> None:
        body = asked.rfile.read(int(asked.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in asked.headers.items()}
        with self._lock:
            self.requests.append(Told(time.monotonic(), asked.command, asked.path, headers, body))
            self.told[headers.get("idempotency-key", "")] += 1
            lost = self._dice.random() < self.lose
        time.sleep(self.delay)
        if lost:
            asked.close_connection = True
            return
        asked.send_response(self.status)
        if self.location:
            asked.send_header("Location", self.location)
        asked.end_headers()
        asked.wfile.write(self.body)
