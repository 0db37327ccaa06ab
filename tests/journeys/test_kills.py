"""The real appliance under kill -9: visitors wait a moment, they are never refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.rig import start_weir
from tests.visitors import address, load

CLIENTS = 4
SECONDS = 20


@pytest.mark.slow
def test_a_core_killed_every_second_and_an_edge_three_times_refuse_nobody(tmp_path: Path) -> None:
    with start_weir(tmp_path / "data", "--edges", "1") as weir:
        with load(address(weir), clients=CLIENTS, path="/c/demo") as visitors:
            before = kills = 0
            for second in range(SECONDS):
                # In its backoff (up to 5 s by then) there is no core to kill.
                if "core" in weir.children():
                    before = weir.kill("core")
                    kills += 1
                if second in (4, 9, 14):
                    weir.kill("edge-0")
                time.sleep(1)
        # Each edge kill may catch one request per client in the edge's hands; nothing else may fail.
        refused = [error for error in visitors.errors if "refused" in error]
        assert refused == []
        assert len(visitors.errors) <= 3 * CLIENTS, visitors.errors
        print(
            f"\ncore killed {kills} times in {SECONDS} s, edge 3 times: {len(visitors.answers)} answers, "
            f"{len(visitors.errors)} cut in the edge's hands, longest wait {visitors.longest:.3f} s"
        )
        assert visitors.longest < 5
        weir.wait_child("core", besides=before)
        assert weir.stop() == 0


@pytest.mark.slow
def test_sighup_under_load_fails_no_connection(tmp_path: Path) -> None:
    with start_weir(tmp_path / "data", "--edges", "2") as weir:
        before = weir.children()
        with load(address(weir), clients=CLIENTS, path="/c/demo") as visitors:
            for turn in range(3):
                weir.signal(1)
                deadline = time.monotonic() + 30
                while len(weir.logged("reloaded")) <= turn and time.monotonic() < deadline:
                    time.sleep(0.05)
            time.sleep(0.2)
        assert visitors.errors == []
        after = weir.children()
        assert before["edge-0"] != after["edge-0"] and before["edge-1"] != after["edge-1"]
        assert before["core"] == after["core"]
        print(f"\nSIGHUP x3 over 2 edges: {len(visitors.answers)} answers, longest {visitors.longest:.3f} s")
        assert weir.stop() == 0
