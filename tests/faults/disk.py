"""A small disk of its own that can be filled to the last byte, and emptied."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotMount(Exception):
    """This machine lets nobody mount a tmpfs: not root, or a container without the right."""


class SmallDisk:
    """A mounted tmpfs. Whatever else is on it stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave not a byte free. Call it again to take what was given up meanwhile."""
        with self._ballast.open("ab", buffering=0) as out:
            size = 1 << 20
            while size:
                try:
                    out.write(b"\0" * size)
                except OSError:
                    size //= 2

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A tmpfs of so many MB at `path`, gone afterwards. Raises CannotMount."""
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "weir-test", str(path)]
    try:
        subprocess.run(mount, capture_output=True, text=True, check=True)
    except FileNotFoundError as fault:
        raise CannotMount("there is no mount command") from fault
    except subprocess.CalledProcessError as fault:
        raise CannotMount(fault.stderr.strip()) from fault
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
