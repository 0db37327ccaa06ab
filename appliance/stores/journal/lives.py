"""Lives: which edge processes there are, and which wrote a journal segment.

An edge names itself by a number and holds a lock beside its journal while it lives; kill -9 releases that
like an end does. So the core can tell a process that is silent from one that is gone, and what the latter
had recorded: what the segments of its life hold.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

from appliance.errors import Unavailable
from appliance.stores.journal.reader import is_damage, journal_directory, segments
from appliance.stores.journal.segment import SUFFIX, new_epoch

_LIFE = ".life"


class Life:
    """This process's own name, locked until the process ends."""

    def __init__(self, data: Path, edge: int, unix_ms: int) -> None:
        self.number = new_epoch(unix_ms)
        directory = data / "edges" / str(edge) / "lives"
        directory.mkdir(parents=True, exist_ok=True)
        hidden = directory / f"{self.number:016x}.new"
        self._lock = os.open(hidden, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(hidden.with_suffix(_LIFE))  # nobody sees it unlocked

    def close(self) -> None:
        """For tests: a process keeps it."""
        os.close(self._lock)


class Lives:
    """All edges' lives as the core sees them. Blocking; one thread at a time."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._of: dict[tuple[int, int], int] = {}
        """Segments' lives, which never change."""

    def find(self) -> dict[int, tuple[int, bool]]:
        """Life → (its edge, whether it still lives)."""
        found = {}
        for path in (self._data / "edges").glob(f"*/lives/*{_LIFE}"):
            found[int(path.stem, 16)] = (int(path.parent.parent.name), _locked(path))
        return found

    def logs(self) -> set[tuple[int, int]]:
        """Every segment there is: (edge, epoch)."""
        return {(int(path.parent.parent.name), int(path.stem, 16)) for path in segments(self._data)}

    def forget(self, edge: int, life: int) -> None:
        """Everything of a life that ended was taken into account."""
        path = self._data / "edges" / str(edge) / "lives" / f"{life:016x}{_LIFE}"
        path.unlink(missing_ok=True)

    def of(self, edge: int, epoch: int) -> int:
        """The life that wrote a segment; 0 when nobody can tell: an older Weir, a damaged file, none at all.

        Raises Unavailable when it cannot be read now.
        """
        known = self._of.get((edge, epoch))
        if known is None:
            known = _read(journal_directory(self._data, edge) / f"{epoch:016x}{SUFFIX}")
            if len(self._of) >= 10_000:  # segments that are long gone: those that are asked for come back
                self._of.clear()
            self._of[edge, epoch] = known
        return known


def _locked(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def _read(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            row = db.execute("select * from meta").fetchone()
    except sqlite3.DatabaseError as fault:
        if is_damage(fault):
            return 0
        raise Unavailable(f"cannot read {path.name}: {fault}") from fault
    return int(row[3]) if row is not None and len(row) > 3 else 0
