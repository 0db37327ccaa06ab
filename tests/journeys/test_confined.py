"""The real Weir under the system calls that its unit leaves: a start, visits, reports, a stop."""

from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path

import pytest

from tests.journeys.stand_ins import address, get
from tests.rig import program, start_weir, wait_for
from tests.sandbox import LIBRARY


def seccomp() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return shutil.which("systemd-analyze") is not None


@pytest.mark.slow
@pytest.mark.skipif(not seccomp(), reason=f"no {LIBRARY} or no systemd-analyze here")
def test_weir_works_with_the_system_calls_that_its_unit_leaves(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.sandbox", *program()]
    with start_weir(tmp_path / "data", "--edges", "2", argv=argv) as weir:
        filtered = Path(f"/proc/{weir.children()['core']}/status").read_text()
        assert "Seccomp:\t2" in filtered
        for visit in range(10):
            get(address(weir), f"/c/demo?sub1={visit}&cost=0.10", status="302")
        query = {"group_by": ["campaign", "sub1"]}
        wait_for("the clicks", lambda: weir.call("reports.overview")["clicks"] == 10)
        for _ in range(4):  # chDB compiles what it has seen three times
            assert len(weir.call("reports.query", query)["items"]) == 10
        assert weir.stop() == 0
        assert [line for line in weir.log_lines() if line["level"] in ("error", "critical")] == []
