"""packaging/weir.service: systemd finds no fault in it, and it confines Weir as promised."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.config import Settings
from appliance.systemd import STOP_MARGIN
from tests.sandbox import UNIT, settings

MOST_EXPOSED = 2.0
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    # Where Weir is not installed, its executable and its user are not there.
    text = UNIT.read_text().replace("ExecStart=/usr/bin/weir ", "ExecStart=/bin/true ")
    unit = tmp_path / "weir.service"
    unit.write_text(re.sub(r"^(User|Group)=weir$", r"\1=root", text, flags=re.MULTILINE))
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_exposes_little() -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", str(UNIT))
    found = re.search(r"exposure level for weir\.service: ([\d.]+)", done.stdout)
    assert found and float(found[1]) <= MOST_EXPOSED and done.returncode == 0, done.stdout + done.stderr
    print(f"exposure {found[1]}")


def test_a_stop_has_more_time_than_it_needs() -> None:
    assert float(settings("TimeoutStopSec")[0]) > Settings().stop_seconds + STOP_MARGIN


def test_every_edge_finds_room_for_its_socket() -> None:
    most = re.search(
        r"1 <= settings\.edges <= (\d+)", (UNIT.parent.parent / "appliance/config.py").read_text()
    )
    assert most and int(settings("FileDescriptorStoreMax")[0]) >= int(most[1])
