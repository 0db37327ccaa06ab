"""A real Weir and a real Chromium. Without the browser or the built screens these tests are skipped, visibly;
TEST_SCREENS=required (.ci/run sets it) makes that a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import ROOT, Weir, start_weir
from tests.screens.browser import CHROMIUM, Screens, free_port, open_browser

ENV = {"WEIR_ADMIN__LOCAL_CODES": "true", "WEIR_OUTBOUND__ALLOW": "127.0.0.0/8"}
"""Codes without a mail; probes may ask offers on this machine."""
REQUIRED = os.environ.get("TEST_SCREENS") == "required"


_sessions: dict[str, Any] = {}
"""By appliance: codes are few (one at a time, some per hour), tests are many."""


def _missing() -> str:
    if not shutil.which(CHROMIUM):
        return "no Chromium: apt install chromium"
    built = os.environ.get("BINARY") or (ROOT / "ui" / "dist" / "index.html").is_file()
    return "" if built else "the screens are not built: make ui"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if missing := _missing():
        if REQUIRED:
            pytest.fail(missing)
        pytest.skip(missing)
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Weir]:
    """An appliance nobody has claimed yet. `browser` first: without one nothing needs to start."""
    data: Path = tmp_path_factory.mktemp("screens") / "data"
    # One admin port for the whole life: a page that is open shall find the core again after a restart.
    admin = ("--admin", f"127.0.0.1:{free_port()}")
    with start_weir(data, "--edges", "2", *admin, env=ENV) as running:
        yield running


@pytest.fixture
def screens(browser: Any, weir: Weir) -> Iterator[Screens]:
    made = Screens(browser, weir)
    made.session = _sessions.get(str(weir.data))
    yield made
    _sessions[str(weir.data)] = made.session
    made.close()
