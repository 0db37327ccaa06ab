"""One journal segment: an SQLite file that one edge appends to, once, and that is never reopened for writing.

Every opening of a journal makes a new file with a new epoch. So no sequence number can be handed out twice,
not even after a torn WAL: SQLite then opens a clean prefix and would reuse the lost numbers (experiments.md
a). Pruning is unlinking whole files, so a journal that filled the disk can free itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from appliance.errors import Unavailable

SUFFIX = ".sqlite"
_SCHEMA = """
create table meta (
    edge integer not null, epoch integer not null, created_ms integer not null, life integer not null
);
create table entries (first integer primary key, count integer not null, bodies blob not null);
"""
_encode_group = msgspec.msgpack.Encoder().encode


def new_epoch(unix_ms: int) -> int:
    """Grows with time and differs between two openings in one millisecond; fits a signed 64-bit integer."""
    return unix_ms << 20 | secrets.randbits(20)


class Segment:
    """The writing end. `append` returns once the group is as durable as `durability` promises.

    Entries are numbered from epoch's millisecond << 20, so numbers grow over an edge's whole life. Raises
    Unavailable when the disk is full or broken; nothing of a failed append is kept.
    """

    def __init__(
        self,
        directory: Path,
        edge: int,
        unix_ms: int,
        durability: Literal["process", "power"],
        life: int = 0,
    ) -> None:
        """`life` names the process that writes (stores/journal/lives.py), 0 for one that has no name."""
        self.epoch = new_epoch(unix_ms)
        self.path = directory / f"{self.epoch:016x}{SUFFIX}"
        self.created_ms = unix_ms
        self.next = unix_ms << 20
        self.size = 0
        self.unchecked_bytes = 0
        """Bytes appended since the last checkpoint began: what the WAL holds, give or take page overhead."""
        directory.mkdir(parents=True, exist_ok=True)
        # A segment whose lock nobody holds is finished: kill -9 releases it like a close does.
        self._checkpointer: sqlite3.Connection | None = None
        self._lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden = self.path.with_suffix(".new")
            connection = sqlite3.connect(hidden, isolation_level=None)
            try:
                connection.executescript("begin;" + _SCHEMA)
                connection.execute("insert into meta values (?, ?, ?, ?)", (edge, self.epoch, unix_ms, life))
                connection.execute("commit")
            finally:
                connection.close()
            hidden.rename(self.path)  # readers see only segments that have their tables
            # Without check_same_thread the journal may commit in a thread under durability = "power".
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma wal_autocheckpoint=0")
            self._db.execute(f"pragma synchronous={'full' if durability == 'power' else 'normal'}")
        except BaseException as fault:
            os.close(self._lock)
            for leftover in (".lock", ".new", SUFFIX):
                with contextlib.suppress(OSError):
                    self.path.with_suffix(leftover).unlink(missing_ok=True)
            if isinstance(fault, sqlite3.Error):
                raise Unavailable(f"no journal can be opened: {fault}") from fault
            raise

    def append(self, bodies: Sequence[bytes]) -> int:
        """Store `bodies` as one group, in order; returns the sequence number of the first."""
        first = self.next
        blob = _encode_group(bodies)
        # One statement is one transaction: no BEGIN and COMMIT of our own, one row however big the group.
        try:
            self._db.execute("insert into entries values (?, ?, ?)", (first, len(bodies), blob))
        except sqlite3.Error as fault:
            raise Unavailable(f"the journal cannot be written: {fault}") from fault
        self.next = first + len(bodies)
        self.size += len(blob)
        self.unchecked_bytes += len(blob) + 4096
        return first

    @property
    def last(self) -> int:
        """The last number given out, or the one before the first."""
        return self.next - 1

    def wal_bytes(self) -> int:
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return 0

    def checkpoint(self, held: bool) -> int:
        """Passive checkpoint on a second connection; returns the frames that the WAL still holds.

        `held` promises that nobody commits meanwhile: then everything is moved and the next commit starts
        the WAL from its beginning. Blocking: call it in a thread.
        """
        if not held:
            self.unchecked_bytes = 0
        try:
            if self._checkpointer is None:
                self._checkpointer = sqlite3.connect(
                    self.path, isolation_level=None, check_same_thread=False, timeout=0
                )
                self._checkpointer.execute("pragma wal_autocheckpoint=0")
            _, log, moved = self._checkpointer.execute("pragma wal_checkpoint(passive)").fetchone()
        except sqlite3.Error as fault:
            raise Unavailable(f"the journal's log cannot be moved into its file: {fault}") from fault
        return int(log) if not held else int(log - moved)

    def close(self) -> None:
        """Blocking: SQLite checkpoints when the last connection closes. Empty segments are removed."""
        try:
            if self._checkpointer is not None:
                self._checkpointer.close()
            self._db.close()
        except sqlite3.Error:
            pass  # the rows are in the WAL and the reader recovers them
        finally:
            if self.size == 0:
                remove(self.path)
            os.close(self._lock)


def remove(path: Path) -> None:
    """Unlink a segment and what SQLite keeps beside it."""
    for name in (path.name, path.name + "-wal", path.name + "-shm", path.stem + ".lock"):
        path.with_name(name).unlink(missing_ok=True)
