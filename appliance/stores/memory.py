"""An edge's memory of visitors on disk: packed pairs in the order they were learned, and where it is.

Written by the edge's memory actor in a thread, about twice a second while anything is learned. A process that
takes over from another has the file open beside it for some seconds; SQLite lets one write after the other.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from appliance.errors import JournalMalformed, Unavailable
from appliance.model.memory import MemoryPlace
from appliance.stores.journal import reader
from appliance.stores.journal.segment import SUFFIX

log = logging.getLogger("weir.memory")
NAME = "memory.db"
_SCHEMA = """
create table if not exists groups (
    id integer primary key autoincrement, count integer not null, body blob not null
);
create table if not exists place (one integer primary key check (one = 1), body blob not null);
"""
_READ = 5_000
_LITTLE_ROOM = 256 << 20
_WITHOUT_PLACE = 2
"""Segments read when the file was lost: the journal may hold weeks, and they hold what is newest."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MemoryPlace).decode


class MemoryFile:
    """ports.MemoryStore over one file. Any thread may call, one at a time. Raises Unavailable."""

    def __init__(self, home: Path) -> None:
        self._path = home / NAME
        self._journals = home / "journal"
        self._db: sqlite3.Connection | None = None
        self._held = 0

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
            try:
                db.execute("pragma journal_mode=wal")
                db.execute("pragma synchronous=normal")
                db.executescript(_SCHEMA)
                (self._held,) = db.execute("select coalesce(sum(count), 0) from groups").fetchone()
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def place(self) -> MemoryPlace | None:
        """Where the memory was when it was last saved; None when it never was. A broken file is set aside."""
        try:
            row = self._open().execute("select body from place").fetchone()
            return _decode(row[0]) if row else None
        except (sqlite3.DatabaseError, msgspec.MsgspecError) as fault:
            if not reader.is_damage(fault):
                raise Unavailable(f"the memory cannot be read: {fault}") from fault
            self._set_aside(fault)
            return None

    def groups(self) -> Iterator[bytes]:
        """Every group of packed pairs, the oldest first. What is behind a broken page is left out."""
        last = 0
        while True:
            try:
                rows = (
                    self._open()
                    .execute("select id, body from groups where id > ? order by id limit 50", (last,))
                    .fetchall()
                )
            except sqlite3.DatabaseError as fault:
                log.error("a part of the memory cannot be read", extra={"error": str(fault)})
                return
            if not rows:
                return
            last = rows[-1][0]
            for _, body in rows:
                yield body

    def save(self, groups: Sequence[tuple[int, bytes]], place: MemoryPlace, capacity: int) -> None:
        """Add groups of (count, packed pairs), remember the place, and drop the oldest beyond `capacity`.

        Stored whole or not at all, durable against kill -9 when it returns.
        """
        try:
            db = self._open()
            db.execute("begin immediate")
            try:
                db.executemany("insert into groups (count, body) values (?, ?)", groups)
                db.execute("insert or replace into place values (1, ?)", (_encode(place),))
                held = self._trim(db, self._held + sum(count for count, _ in groups), capacity)
                db.execute("commit")
                self._held = held
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise
        except sqlite3.Error as fault:
            raise Unavailable(f"the memory cannot be saved: {fault}") from fault

    def _trim(self, db: sqlite3.Connection, held: int, capacity: int) -> int:
        """Drop groups of which no pair can be among the newest `capacity`; how many are left."""
        while held > capacity:
            oldest = db.execute("select id, count from groups order by id limit 1").fetchone()
            if oldest is None or held - oldest[1] < capacity:
                break
            db.execute("delete from groups where id = ?", (oldest[0],))
            held -= oldest[1]
        return held

    def unsaved(self, place: MemoryPlace | None) -> Iterator[Sequence[bytes]]:
        """The journal's records after `place`: what the saved memory may not have learned from."""
        found = sorted(self._journals.glob(f"*{SUFFIX}"), key=lambda path: path.name)
        if place is None:
            found = found[-_WITHOUT_PLACE:]
        for path in found:
            epoch = int(path.stem, 16)
            if place is not None and epoch < place.epoch:
                continue
            after = place.seq if place is not None and epoch == place.epoch else 0
            yield from self._records(path, after)

    def _records(self, path: Path, after: int) -> Iterator[Sequence[bytes]]:
        segment = reader.open_segment(path)
        try:
            while entries := segment.read(after, _READ):
                after = entries[-1].seq
                yield [entry.body for entry in entries]
        except (JournalMalformed, Unavailable) as fault:
            # Its edge learned from it while it lived; the publisher salvages what can be shipped.
            log.error("a journal cannot be read for the memory", extra={"error": str(fault)})
        finally:
            segment.close()

    def _set_aside(self, fault: Exception) -> None:
        log.error("the memory is broken and begins anew", extra={"error": str(fault)})
        self.close()
        with contextlib.suppress(OSError):
            self._path.replace(self._path.with_suffix(".broken"))
        for end in ("-wal", "-shm"):
            self._path.with_name(NAME + end).unlink(missing_ok=True)

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None


def hashing_key(data: Path) -> bytes:
    """The 32 bytes that user keys are hashed with, the same for all edges: made by the first that starts."""
    path = data / "memory.key"
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        fresh.touch(0o600)
        fresh.write_text(secrets.token_hex(32) + "\n", "ascii")
        with contextlib.suppress(FileExistsError):  # another edge was faster: its key counts
            path.hardlink_to(fresh)
        fresh.unlink()
    return bytes.fromhex(path.read_text("ascii").strip())[:32]


def needed_by_memory(data: Path, edges: int, edge: int, epoch: int, end: int) -> bool:
    """Whether edge `edge` has yet to learn from its segment `epoch`, which ends at `end`.

    Not asked of an edge that is configured no more, nor with little room on the disk: a journal that cannot
    be pruned costs more than the last second of a memory.
    """
    path = data / "edges" / str(edge) / NAME
    if edge >= edges or not path.exists() or shutil.disk_usage(data).free < _LITTLE_ROOM:
        return False
    try:
        db = sqlite3.connect(path, timeout=1)
        try:
            row = db.execute("select body from place").fetchone()
        finally:
            db.close()
        place = _decode(row[0]) if row else None
    except (sqlite3.Error, msgspec.MsgspecError):
        return False  # broken: it is set aside when its edge starts, and begins with the newest segments
    return place is not None and (place.epoch, place.seq) < (epoch, end)
