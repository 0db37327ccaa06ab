"""A systemctl that only writes down what it is told: it stands in for a running systemd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.bare.root import Root

RECORD = "/run/told"


@contextmanager
def recorded(root: Root) -> Iterator[Callable[[], list[str]]]:
    """Inside the block systemd seems to run; what is yielded says what it was told since the last time."""
    record, program = root / RECORD, root / "/usr/local/bin/systemctl"
    running = root / "/run/systemd/system"
    made = [folder for folder in (running, running.parent) if not folder.exists()]
    program.write_text(f'#!/bin/sh\necho "$*" >>{RECORD}\n')
    program.chmod(0o755)
    running.mkdir(parents=True, exist_ok=True)

    def told() -> list[str]:
        said = record.read_text().splitlines() if record.exists() else []
        record.unlink(missing_ok=True)
        return said

    try:
        yield told
    finally:
        for path in (program, record):
            path.unlink(missing_ok=True)
        for folder in made:
            folder.rmdir()
