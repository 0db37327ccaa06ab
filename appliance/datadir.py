"""The data directory as the parent sees it: its lock, and run/weir.json that says where Weir listens."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import trio

from appliance.errors import Unavailable
from appliance.model.status import ProcessReport

POLL = 0.05
"""Seconds between two tries at the lock: flock has no wait with a deadline."""


async def take_lock(data: Path, patience: float) -> int:
    """Lock the data directory and return the descriptor; children inherit it and so hold the lock too.

    A parent that died leaves children that stop in order: wait for them up to `patience` seconds.
    Raises Unavailable naming the processes that hold it.
    """
    path = data / "lock"
    descriptor = _open_lock(path)
    deadline = trio.current_time() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if trio.current_time() >= deadline:
                held = ", ".join(str(pid) for pid in holders(path)) or "unknown"
                os.close(descriptor)
                raise Unavailable(
                    f"another Weir uses {data}: process {held} did not leave within {patience:g} s. "
                    "Stop it, or give this one its own --data"
                ) from None
        except OSError:
            os.close(descriptor)
            raise
        await trio.sleep(POLL)


def _open_lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def holders(path: Path) -> list[int]:
    """Pids of the other processes that have `path` open, as far as we may look."""
    wanted = path.stat()
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            for link in (process / "fd").iterdir():
                seen = link.stat()
                if (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino):
                    found.append(int(process.name))
                    break
        except OSError:
            continue  # gone meanwhile, or another user's
    return sorted(found)


def run_file(data: Path) -> Path:
    return data / "run" / "weir.json"


def write_run_file(data: Path, content: Mapping[str, Any]) -> None:
    """Replace run/weir.json as a whole, so that nobody reads half of it."""
    path = run_file(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content) + "\n", "utf-8")
    fresh.replace(path)


def processes(data: Path) -> tuple[ProcessReport, ...]:
    """The parent and its children, as run/weir.json has them; nothing while it is not there."""
    try:
        found = json.loads(run_file(data).read_bytes())
        parent = ProcessReport(name="parent", pid=found["pid"], state="running")
        return (parent, *msgspec.convert(found["children"], tuple[ProcessReport, ...]))
    except (OSError, ValueError, TypeError, LookupError):  # msgspec.ValidationError is a ValueError
        return ()


def remove_run_file(data: Path) -> None:
    run_file(data).unlink(missing_ok=True)
