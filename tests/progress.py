"""Waiting for a figure to reach its goal: as long as it moves, whatever the machine does beside."""

from __future__ import annotations

import time
from collections.abc import Callable

IDLE = 60.0
"""Seconds without any change: several times what a restart of everything takes on a busy machine."""


def wait_until_reached(
    what: str, figure: Callable[[], int], goal: int, told: Callable[[], str], idle: float = IDLE
) -> None:
    """Until `figure() >= goal`. AssertionError, with what `told()` says, when it has not moved for `idle`."""
    best, moved = figure(), time.monotonic()
    while best < goal:
        time.sleep(0.1)
        now = figure()
        if now > best:
            best, moved = now, time.monotonic()
        elif time.monotonic() - moved > idle:
            raise AssertionError(f"{what} stands at {best} of {goal} for {idle:g} s\n{told()}")
