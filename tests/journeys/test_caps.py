"""Caps on clicks with two edges: never more than the limit, exactly the limit, whoever is killed when."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.board import Board
from tests.progress import wait_until_reached
from tests.rig import Weir, start_weir, wait_for
from tests.wire import address_of, exchange


@pytest.fixture
def weir(tmp_path: Path) -> Iterator[Weir]:
    started = start_weir(tmp_path / "data", "--edges", "2", env={"WEIR_LOG__LEVEL": "info"})
    yield started
    started.end()


class Demand:
    """Four visitors who come again and again on new connections, so that both edges get some."""

    def __init__(self, weir: Weir, path: str) -> None:
        self._address, self._path = address_of(weir.public), path
        self.sent_to: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come, daemon=True) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _come(self) -> None:
        while not self._stop.is_set():
            try:
                answer = exchange(self._address, self._path, timeout=5)
            except OSError:
                time.sleep(0.02)
                continue
            self.sent_to.append(answer.location.partition("?")[0])
            time.sleep(0.002)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count(self, host: str) -> int:
        return self.sent_to.count(f"https://{host}.example/")


def cap_of(board: Board, destination: int) -> dict[str, Any]:
    [found] = [cap for cap in board.call("system.status")["caps"] if cap["destination_id"] == destination]
    return dict(found)


def recorded(board: Board, destination: int) -> int:
    """Clicks of a destination in the warehouse; what was sent is shipped within a second or two."""
    answer = board.call("reports.query", group_by=["destination"], metrics=["clicks"])
    return sum(int(item["clicks"]) for item in answer["items"] if _id(item["destination"]) == destination)


def _id(shown: Any) -> int:
    return int(shown["id"] if isinstance(shown, dict) else shown)


def test_a_cap_on_clicks_is_met_exactly_with_two_edges_and_kills_of_everything(weir: Weir) -> None:
    weir.wait_ready()
    board = Board(weir)
    limit = 3_000
    capped = board.destination("capped", caps=[{"metric": "clicks", "limit": str(limit), "window_hours": 1}])
    board.destinations["capped"] = capped
    slug = board.campaign({"to": ["capped"]}, trafficback_url="https://back.example/")
    wait_for("budgets", lambda: cap_of(board, capped)["lent"] > 0)
    demand = Demand(weir, f"/c/{slug}")
    try:
        for role in ("edge-0", "core", "edge-1", "core", "edge-0"):
            wait_until_reached(
                f"what the destination got before a kill of {role}",
                lambda: demand.count("capped"),
                demand.count("capped") + 51,
                lambda: _told(weir, board, capped, demand),
            )
            weir.wait_child(role)
            weir.kill(role)
        wait_until_reached(
            "the cap", lambda: _used(board, capped), limit, lambda: _told(weir, board, capped, demand)
        )
        time.sleep(2)
    finally:
        demand.stop()
    wait_until_reached(
        "the reports", lambda: recorded(board, capped), limit, lambda: _told(weir, board, capped, demand)
    )
    time.sleep(2)
    assert recorded(board, capped) == limit == cap_of(board, capped)["used"], _told(
        weir, board, capped, demand
    )
    assert demand.count("capped") <= limit
    assert demand.count("back") > 0


def _used(board: Board, destination: int) -> int:
    try:
        return int(cap_of(board, destination)["used"])
    except (AssertionError, OSError, ValueError):
        return 0  # the core is on its way


def _told(weir: Weir, board: Board, destination: int, demand: Demand) -> str:
    """What everybody thinks: the core's meters and each edge's budget, and what the visitors got."""
    lines = [f"visitors: {len(demand.sent_to)} answered, capped {demand.count('capped')}"]
    lines.append(f"processes: {weir.children()}")
    try:
        status = board.call("system.status")
    except (AssertionError, OSError, ValueError) as fault:
        return "\n".join([*lines, f"the core does not answer: {fault!r}"])
    lines += [json.dumps(cap, indent=1) for cap in status["caps"] if cap["destination_id"] == destination]
    lines += [f"edge: {json.dumps(edge)[:1500]}" for edge in status["edges"]]
    lines += [f"read: {each}" for each in status["consumers"] if each["consumer"] == "cap_poller"]
    lines += [f"actor: {each}" for each in status["actors"] if each["name"] in ("cap_poller", "link")]
    lines.append(f"degraded: {status['degraded']}")
    lines += weir.log.read_text("utf-8", "replace").splitlines()[-30:]
    return "\n".join(lines)


def test_while_the_core_is_down_an_edge_spends_what_it_holds_and_no_more(weir: Weir) -> None:
    weir.wait_ready()
    board = Board(weir)
    capped = board.destination("held", caps=[{"metric": "clicks", "limit": "100"}])
    board.destinations["held"] = capped
    slug = board.campaign({"to": ["held"]}, {"to": ["other"], "kind": "default"})
    wait_for("budgets", lambda: cap_of(board, capped)["lent"] > 0)
    lent = cap_of(board, capped)["lent"]
    core = weir.children()["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        demand = Demand(weir, f"/c/{slug}")
        try:
            time.sleep(2)
        finally:
            demand.stop()
        assert demand.count("held") == lent <= 100
    finally:
        os.kill(core, signal.SIGCONT)
