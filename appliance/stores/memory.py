"""An edge's memory of visitors on disk: an image, a log of packed pairs behind it, and where it is.

Written by the edge's memory actor in a thread: the log about twice a second while anything is learned, the
image when the log has grown, which empties it. A process that takes over from another has the log open beside
it for some seconds; SQLite lets one write after the other, and each knows which groups its image covers.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from appliance.errors import JournalMalformed, Unavailable
from appliance.model.memory import MemoryPlace
from appliance.routing.pairs import Extent
from appliance.stores import memory_image
from appliance.stores.journal import reader
from appliance.stores.journal.segment import SUFFIX

log = logging.getLogger("weir.memory")
NAME = "memory.db"
IMAGE = "memory.image"
_SCHEMA = """
create table if not exists learned (
    id integer primary key autoincrement, writer integer not null, count integer not null, body blob not null
);
create table if not exists place (one integer primary key check (one = 1), body blob not null);
create table if not exists owner (one integer primary key check (one = 1), writer integer not null);
"""
_COVERED = "(id <= ? or (writer = ? and id <= ?))"
"""What an image holds already, by its Head: `loaded`, `writer`, `written`."""
_READ = 5_000
_KEY = re.compile(rb"[0-9a-f]{64}\n?")
_LITTLE_ROOM = 256 << 20
_WITHOUT_PLACE = 2
"""Segments read when the file was lost: the journal may hold weeks, and they hold what is newest."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MemoryPlace).decode


class MemoryFile:
    """actors.memory_keeping.MemoryStore. Any thread may call, one at a time. Raises Unavailable."""

    def __init__(self, home: Path) -> None:
        self._path = home / NAME
        self._journals = home / "journal"
        self._image = home / IMAGE
        self._db: sqlite3.Connection | None = None
        self._writer = secrets.randbits(62)
        self._loaded = self._written = 0
        """The highest id of a group that was read, and of one that was written here."""
        self._held = 0
        self._making: memory_image.ImageWriter | None = None

    @property
    def logged(self) -> int:
        """Pairs in the log: learned again one by one at the next start."""
        return self._held

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
            try:
                db.execute("pragma journal_mode=wal")
                db.execute("pragma synchronous=normal")
                db.executescript(_SCHEMA)
                (self._held,) = db.execute("select coalesce(sum(count), 0) from learned").fetchone()
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

    def extent(self) -> Extent | None:
        """The counters of the image; None without one. From here on no other process makes an image."""
        with contextlib.suppress(sqlite3.Error):  # `save` says it
            self._open().execute("insert or replace into owner values (1, ?)", (self._writer,))
        memory_image.sweep(self._image)
        head = memory_image.read_head(self._image)
        if head is None and self._image.exists():
            log.error("the memory's image is broken: what it held is forgotten")
        return Extent(*head.extent) if head is not None else None

    def read_image(self, sections: Sequence[tuple[int, memoryview]]) -> bool:
        """Fill (offset, memory) from the image; False when it is broken, and the memory is spoilt."""
        head = memory_image.read_head(self._image)
        if head is not None and memory_image.read_into(self._image, head, sections):
            return True
        log.error("the memory's image is broken: what it held is forgotten")
        self._image.unlink(missing_ok=True)
        return False

    def begin_image(self, size: int) -> None:
        """A new image of about `size` bytes, which takes the place of the present one when it ends."""
        with _reported():
            if shutil.disk_usage(self._path.parent).free < size + _LITTLE_ROOM:
                raise OSError("there is little room left, and the journal needs it")
            self._making = memory_image.ImageWriter(self._image, self._writer)

    def write_image(self, pieces: Iterable[tuple[int, bytes | memoryview]]) -> None:
        """Bytes at their offsets."""
        assert self._making is not None
        with _reported():
            self._making.write(pieces)

    def covered(self) -> int:
        """What an image of what is in memory now holds of the log: for `end_image`."""
        return self._written

    def end_image(self, extent: Extent, sizes: Sequence[tuple[int, int]], covered: int) -> None:
        """Put a complete image to use and drop what it covers from the log."""
        assert self._making is not None
        head = memory_image.Head(extent, self._loaded, self._writer, covered, 0)
        with _reported():
            self._making.seal(sizes, head)
            db = self._open()
            db.execute("begin immediate")
            try:
                if db.execute("select writer from owner").fetchone() != (self._writer,):
                    raise Unavailable("another process has taken over the memory")
                self._making.publish()
                held = _drop_covered(db, head)
                db.execute("commit")
                self._held = held
            finally:
                if db.in_transaction:
                    db.execute("rollback")

    def abandon_image(self) -> None:
        """Nothing more comes for one that has not ended."""
        if self._making is not None:
            self._making.abandon()
            self._making = None

    def groups(self) -> Iterator[bytes]:
        """Every group of packed pairs that no image holds, the oldest first. A broken page ends it."""
        head = memory_image.read_head(self._image)
        if head is not None:
            with contextlib.suppress(sqlite3.Error):  # no room: passed over below
                self._held = _drop_covered(self._open(), head)
        covered = _covered(head)
        sql = f"select id, body from learned where id > ? and not {_COVERED} order by id limit 50"  # noqa: S608
        last = 0
        while True:
            try:
                rows = self._open().execute(sql, (last, *covered)).fetchall()
            except sqlite3.DatabaseError as fault:
                log.error("a part of the memory cannot be read", extra={"error": str(fault)})
                return
            if not rows:
                return
            self._loaded = last = rows[-1][0]
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
                written = self._written
                for count, body in groups:
                    sql = "insert into learned (writer, count, body) values (?, ?, ?) returning id"
                    (written,) = db.execute(sql, (self._writer, count, body)).fetchone()
                db.execute("insert or replace into place values (1, ?)", (_encode(place),))
                held = self._trim(db, self._held + sum(count for count, _ in groups), capacity)
                db.execute("commit")
                self._held, self._written = held, written
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise
        except sqlite3.Error as fault:
            raise Unavailable(f"the memory cannot be saved: {fault}") from fault

    def _trim(self, db: sqlite3.Connection, held: int, capacity: int) -> int:
        """Drop groups of which no pair can be among the newest `capacity`; how many are left."""
        while held > capacity:
            oldest = db.execute("select id, count from learned order by id limit 1").fetchone()
            if oldest is None or held - oldest[1] < capacity:
                break
            db.execute("delete from learned where id = ?", (oldest[0],))
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


def _covered(head: memory_image.Head | None) -> tuple[int, int, int]:
    return (head.loaded, head.writer, head.written) if head is not None else (0, 0, 0)


def _drop_covered(db: sqlite3.Connection, head: memory_image.Head) -> int:
    """What an image holds leaves the log; how many pairs are left there."""
    db.execute(f"delete from learned where {_COVERED}", _covered(head))  # noqa: S608
    (held,) = db.execute("select coalesce(sum(count), 0) from learned").fetchone()
    return int(held)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as fault:
        raise Unavailable(f"the memory's image cannot be written: {fault}") from fault


def hashing_key(data: Path) -> bytes:
    """The 32 bytes that user keys are hashed with, the same for all edges: made by the first that starts.

    Made anew when the file holds no key, which is logged: an edge that knows nobody serves all the same.
    """
    path = data / "memory.key"
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        held = os.read(file, 1_000)
        if not _KEY.fullmatch(held):
            if held:
                log.error("the memory's key is none: who came before is forgotten", extra={"file": str(path)})
            held = secrets.token_hex(32).encode()
            os.ftruncate(file, 0)
            os.pwrite(file, held + b"\n", 0)
            os.fsync(file)
    finally:
        os.close(file)
    return bytes.fromhex(held.decode())


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
