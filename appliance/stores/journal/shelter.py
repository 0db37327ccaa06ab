"""What an edge keeps beside its journal for the day the disk is full: a reserve and lasting counters."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import mmap
import os
import struct
from pathlib import Path

log = logging.getLogger("weir.journal")
_LAYOUT = struct.Struct("<qq")


class Reserve:
    """A preallocated file that is given up first when the disk fills: a full journal cannot free itself.

    DELETE and every checkpoint fail with SQLITE_FULL on a disk that the journal filled (experiments.md a).
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size

    def fill(self) -> bool:
        """Allocate it if the disk has twice its size free; True when it is there. Blocking."""
        if self.size == 0:
            return False
        try:
            if self.path.exists() and self.path.stat().st_size == self.size:
                return True
            space = os.statvfs(self.path.parent)
            if space.f_bavail * space.f_frsize < 2 * self.size:
                return False
            fd = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, self.size)
            finally:
                os.close(fd)
        except OSError:
            self.path.unlink(missing_ok=True)
            return False
        return True

    def give_up(self) -> bool:
        """Free its space; True when there was something to free."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True


class Counters:
    """Two numbers in a mapped page, exact across kill -9: units waiting in the ring, units lost for ever.

    Each process holds a page of its own (two edges of one index overlap during a restart). A page whose
    owner is gone is taken over: what that one had in its ring is lost, so it becomes `unrecorded`. On a disk
    so full that no page can be made, the numbers live in memory only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._map: mmap.mmap | None = None
        self._lock = -1
        self._ring = self._unrecorded = 0
        with contextlib.suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True)
        self.absorb()

    def _take(self, path: Path) -> tuple[int, int] | None:
        """Map a page and make it ours, or read and remove it when we have one.

        None when its owner lives, or when there is no room for it.
        """
        fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Really allocated: a page that cannot be written back would be a SIGBUS later.
            os.posix_fallocate(fd, 0, mmap.PAGESIZE)
            page = mmap.mmap(fd, mmap.PAGESIZE)
            if not os.fstat(fd).st_nlink:
                raise FileNotFoundError(path)  # a sibling took it between our open and our lock
        except OSError as fault:
            if fault.errno == errno.ENOSPC and not os.fstat(fd).st_size:
                path.unlink()
            os.close(fd)
            return None
        ring, unrecorded = _LAYOUT.unpack_from(page)
        if self._map is None:
            self._map, self._lock = page, fd
        else:
            path.unlink()
            page.close()
            os.close(fd)
        return ring, unrecorded

    def absorb(self) -> int:
        """Count as lost what the pages of edges that are gone had lost or in their ring, and take the pages.

        Returns that number. On a full disk a page of our own may come only later: then it is made here.
        """
        lost = 0
        try:
            for path in sorted(self._directory.glob("counters.*")):
                found = self._take(path)
                lost += sum(found) if found else 0
            if self._map is None:
                taken = {path.name for path in self._directory.glob("counters.*")}
                free = next(n for n in range(len(taken) + 1) if f"counters.{n}" not in taken)
                self._take(self._directory / f"counters.{free}")
        except OSError as fault:
            log.debug("no page for the counters", extra={"error": str(fault)})
        self.set(self._ring, self._unrecorded + lost)
        return lost

    @property
    def ring(self) -> int:
        return self._ring

    @property
    def unrecorded(self) -> int:
        return self._unrecorded

    def set(self, ring: int, unrecorded: int) -> None:
        self._ring, self._unrecorded = ring, unrecorded
        if self._map is not None:
            _LAYOUT.pack_into(self._map, 0, ring, unrecorded)

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
            os.close(self._lock)
            self._map = None
