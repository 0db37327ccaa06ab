"""A destination that falls ill is left out, and comes back when it is well; nothing restarts as healthy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.journeys.board import Board
from tests.rig import CallFailed, Weir, start_weir, wait_for


class Offer:
    """An offer's server whose health can be chosen."""

    def __init__(self) -> None:
        self.status, self.asked = 200, 0
        offer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                offer.asked += 1
                self.send_response(offer.status)
                self.end_headers()
                self.wfile.write(b"welcome")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/health"


@pytest.fixture
def offer() -> Iterator[Offer]:
    made = Offer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def weir(tmp_path: Path) -> Iterator[Weir]:
    started = start_weir(tmp_path / "data", env={"WEIR_OUTBOUND__ALLOW": "127.0.0.0/8"})
    yield started
    started.end()


def state_of(board: Board, number: int) -> str:
    [found] = board.call("destinations.health", destination_id=number)["items"]
    return str(found.get("state", "unknown"))


def test_an_ill_destination_is_replaced_then_taken_back_and_a_restart_forgets_nothing(
    weir: Weir, offer: Offer
) -> None:
    weir.wait_ready()
    board = Board(weir)
    other = board.destination("spare")
    probe = {"url": offer.url, "every_s": 5, "down_after": 1, "up_after": 1, "contains": "welcome"}
    main = board.destination("main", probe=probe, alternative_id=other)
    board.destinations["main"] = main
    slug = board.campaign({"to": ["main"]})
    wait_for("the first probe", lambda: state_of(board, main) == "healthy")
    assert board.visit(f"/c/{slug}").host == "main"

    offer.status = 503
    assert board.call("destinations.probe", id=main)["state"] == "unhealthy"
    wait_for("the alternative", lambda: board.visit(f"/c/{slug}").host == "spare")
    [shown] = [each for each in board.call("system.status")["health"] if each["destination_id"] == main]
    assert shown["state"] == "unhealthy" and shown["last"]["status"] == 503
    why = f"destination {main}: unhealthy: status 503, expected 200 to 399"
    assert why in board.call("system.status")["degraded"]
    figures = httpx.get(f"{weir.admin}/metrics", trust_env=False).text
    assert f'weir_destination_health{{destination="{main}",state="unhealthy"}} 1' in figures

    for role in ("edge-0", "core"):
        pid = weir.kill(role)
        weir.wait_child(role, besides=pid)
        weir.wait_ready(core=False)
        assert wait_for("an answer", lambda: _host(board, f"/c/{slug}")) == "spare", role
    wait_for("the core", lambda: _healthy_core(board))
    assert state_of(board, main) == "unhealthy"

    offer.status = 200
    wait_for("the way back", lambda: board.visit(f"/c/{slug}").host == "main")
    wait_for(
        "its history",
        lambda: (
            [
                (each["before"], each["after"])
                for each in board.call("destinations.health_history", destination_id=main)["items"]
            ]
            == [("unhealthy", "healthy"), ("healthy", "unhealthy"), ("unknown", "healthy")]
        ),
    )


def _host(board: Board, path: str) -> str:
    try:
        return board.visit(path).host
    except OSError:
        return ""


def _healthy_core(board: Board) -> bool:
    try:
        return bool(board.call("system.status"))
    except (OSError, ValueError, AssertionError):
        return False


def test_a_private_address_is_not_asked(tmp_path: Path, offer: Offer) -> None:
    with start_weir(tmp_path / "data") as weir:
        weir.wait_ready()
        board = Board(weir)
        for url in (offer.url, offer.url.replace("127.0.0.1", "localhost")):
            number = board.destination(board.name("d"), probe={"url": url, "down_after": 1})
            wait_for("a probe", lambda number=number: state_of(board, number) == "unhealthy")
            [found] = board.call("destinations.health", destination_id=number)["items"]
            assert "not a public address" in found["last"]["error"]
        assert offer.asked == 0
        with pytest.raises(CallFailed):
            weir.call("destinations.probe", {"id": 1})
