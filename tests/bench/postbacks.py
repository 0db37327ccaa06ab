"""Postbacks at a rate, each of another of the clicks of 30 days, while a 30-day report runs without pause.

The real executable; its clicks are made straight in the warehouse's files, so that none is in the index of
recent clicks and every postback is attributed by a lookup. `python -m tests.bench.postbacks send …` is the
network: a process of its own, one request per place in time, late ones counted from when they were due.
"""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench import catalog, lookups, reports
from tests.rig import ROOT, Weir, start_weir, wait_for
from tests.wire import Address, address_of, request, take_answer

PER_S = 1_000
AIMS = {"postbacks_per_s": f">= {PER_S * 0.99:g}", "postbacks_settled_after_s": "<= 5"}
_CONNECTIONS = 64
_STEP = 6_180_339
"""Far from the last one and never the same again: no two postbacks in a row share what a lookup reads."""
_PATIENT = 600.0


def measure(folder: Path, rows: int, seconds: float, per_s: int = PER_S) -> dict[str, float | int | None]:
    """Figures by name. SystemExit when a postback was not answered, or is no attributed conversion."""
    data = folder / "postbacks"
    span = lookups.DAYS * 86_400_000
    start = int(time.time() * 1000) - span
    began = time.monotonic()
    reports.fill(data, rows, start)
    print(f"  {rows:,} clicks made in {time.monotonic() - began:.0f} s")
    count = round(seconds * per_s)
    with start_weir(data, env={"WEIR_LOG__LEVEL": "debug", "WEIR_ROUTING__CURRENCY": "USD"}) as weir:
        wait_for("the warehouse", lambda: weir.call("system.status")["warehouse"]["state"] == "up")
        made = weir.call("networks.create", {"name": "Network", "slug": "network", "currency": "USD"})
        wait_for("the edge has the network", lambda: _answers(weir))
        with _Reporting(weir.data) as reporting:
            sent = _send(address_of(weir.public), start, rows, count, per_s)
            ended = time.monotonic()
            waited = _settled(weir, count) - ended
        found = _stored(weir, made["id"])
        took = [line["ms"] for line in weir.logged("clicks looked up")]
        asked = [line["asked"] for line in weir.logged("clicks looked up")]
    if sent["statuses"] != {"200": count} or found != {"attributed": count}:
        raise SystemExit(f"bench: answered {sent['statuses']}, stored {found} of {count}: this is no result")
    return {
        "postbacks_per_s": round(count / sent["seconds"], 1),
        "postback_answer_p50_ms": sent["p50_ms"],
        "postback_answer_p99_ms": sent["p99_ms"],
        "postbacks_settled_after_s": round(max(waited, 0.0), 2),
        "postback_lookup_p50_ms": round(statistics.median(took), 1),
        "postback_lookup_p99_ms": round(statistics.quantiles(took, n=100)[98], 1),
        "postback_lookup_clicks": round(statistics.mean(asked)),
        "postback_reports": len(reporting.took),
        "postback_report_30d_s": round(statistics.median(reporting.took), 2),
    }


def _answers(weir: Weir) -> bool:
    """A postback without a click id is refused by a network that is known: 400, not 404."""
    with socket.create_connection(address_of(weir.public), 30) as sock:
        sock.sendall(request("/pb/network", headers={"Connection": "close"}))
        return sock.recv(64).split(b" ")[1] == b"400"


class _Reporting:
    """A 30-day report by three levels, again and again; `took` are seconds."""

    def __init__(self, data: Path) -> None:
        self.took: list[float] = []
        self._data = data
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Reporting:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        calls = catalog.Calls(self._data)
        try:
            while not self._done.is_set():
                began = time.monotonic()
                calls("reports.query", {"group_by": ["campaign", "destination", "day"]})
                self.took.append(time.monotonic() - began)
        finally:
            calls.close()


def _settled(weir: Weir, count: int) -> float:
    """When every postback had become a conversion."""

    def done() -> bool:
        time.sleep(0.5)  # asking costs the core what it is measured by
        conversions = weir.call("system.status")["conversions"]
        return bool(conversions["outcomes"].get("conversion", 0) >= count and not conversions["waiting"])

    wait_for(f"{count} conversions", done, _PATIENT)
    return time.monotonic()


def _stored(weir: Weir, network: int) -> Mapping[str, int]:
    """Conversions of the network in the reports, by whether their click was found."""

    def read() -> dict[str, int]:
        answer = weir.call("reports.query", {
            "group_by": ["sub1"], "filters": {"network": [network]}, "metrics": ["conversions"],
            "limit": 1_000,
        })  # fmt: skip
        found: Counter[str] = Counter()
        for item in answer["items"]:  # every click has a sub1
            found["attributed" if item["sub1"] else "without a click"] += item["conversions"]
        return dict(found)

    before: dict[str, int] = {}
    while (found := read()) != before or not found:
        before = found
        time.sleep(3)  # two shippings: what stood still for one may be on its way
    return found


# The network


def _send(address: Address, start: int, rows: int, count: int, per_s: int) -> dict[str, Any]:
    words = (address[0], address[1], start, rows, count, per_s)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.postbacks", "send", *map(str, words)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"bench: the network fell: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def send(address: Address, start: int, rows: int, count: int, per_s: int) -> dict[str, Any]:
    """One postback per place in time; seconds from the first to the last answer, statuses, latencies."""
    span = lookups.DAYS * 86_400_000
    chosen = selectors.DefaultSelector()
    free: deque[socket.socket] = deque()
    for _ in range(_CONNECTIONS):
        sock = socket.create_connection(address, 30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chosen.register(sock, selectors.EVENT_READ, bytearray())
        free.append(sock)
    due: dict[socket.socket, float] = {}
    statuses: Counter[str] = Counter()
    took: list[float] = []
    began, number = time.monotonic(), 0
    while len(took) < count:
        now = time.monotonic()
        while number < count and free and began + number / per_s <= now:
            click = lookups.identifier(start, span, rows, number * _STEP % rows)
            sock = free.popleft()
            due[sock] = began + number / per_s
            sock.sendall(request(f"/pb/network?click_id={click}&transaction_id=t{number}&payout=1.25"))
            number += 1
        wait = began + number / per_s - time.monotonic() if number < count and free else 1.0
        for key, _ in chosen.select(max(wait, 0.0)):
            sock, data = key.fileobj, key.data
            assert isinstance(sock, socket.socket)
            piece = sock.recv(65536)
            if not piece:
                raise ConnectionError("the edge closed a connection")
            data += piece
            while (answer := take_answer(data)) is not None:
                took.append((time.monotonic() - due.pop(sock)) * 1000)
                statuses[str(answer.status)] += 1
                free.append(sock)
    return {
        "seconds": time.monotonic() - began,
        "statuses": dict(statuses),
        "p50_ms": round(statistics.median(took), 2),
        "p99_ms": round(statistics.quantiles(took, n=100)[98], 2),
    }


if __name__ == "__main__":
    host, port, *numbers = sys.argv[2:]
    print(json.dumps(send((host, int(port)), *map(int, numbers))))
