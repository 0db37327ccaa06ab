"""What every folder of tests shares: fixtures, where files go, and what begins first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.engine import engines, warehouse

# A timing is no assertion: on a busy machine 0.3 ms become 290, and an input has taken a minute to be drawn.
settings.register_profile("weir", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("weir")

__all__ = ["engines", "warehouse"]

MEMORY = Path("/dev/shm")
GIBIBYTE = 1 << 30
WAITING = ("journeys", "screens")
"""Folders whose tests wait for processes, for longest: begun last, one worker would end alone."""


def pytest_configure() -> None:
    """Data directories in memory, where there is plenty: a sync takes no time, and kill -9 loses nothing."""
    if MEMORY.is_dir() and "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        room = os.statvfs(MEMORY)
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
        if room.f_bavail * room.f_frsize > 3 * GIBIBYTE and free > 6 * GIBIBYTE:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in WAITING)
