"""The reading end of journals: other processes tail segments while their edge appends.

Reads are short: everything is fetched, the cursor closed, no transaction outlives a call. An open cursor
would hold the WAL, which then grows by 286 MB per 200,000 events (experiments.md a).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from appliance.errors import JournalMalformed, Unavailable
from appliance.model.wire import decoder
from appliance.ports import Entry
from appliance.stores.journal.segment import SUFFIX, remove

_decode_group: Callable[[bytes], list[bytes]] = decoder(list[bytes])
_FROM = """
select first, count, bodies from entries
where first >= coalesce((select max(first) from entries where first <= :after), 0) order by first
"""
_LAST = "select first + count - 1 from entries order by first desc limit 1"


def segments(data: Path) -> list[Path]:
    """Every segment below a data directory, ordered by edge, then epoch."""
    found = (data / "edges").glob(f"*/journal/*{SUFFIX}")
    return sorted(found, key=lambda path: (int(path.parent.parent.name), path.name))


def journal_directory(data: Path, edge: int) -> Path:
    return data / "edges" / str(edge) / "journal"


def journal_size(directory: Path) -> tuple[int, int]:
    """(bytes on disk, number of segments) of one edge's journal."""
    size = count = 0
    for path in directory.glob("*"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue  # just removed by the publisher
        count += path.suffix == SUFFIX
    return size, count


class SegmentReader:
    """An EventLog over one segment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.edge = int(path.parent.parent.name)
        self.epoch = int(path.stem, 16)
        self._db: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            # rw: after kill -9 of the writer the first reader recovers the WAL, which writes the -shm file.
            self._db = sqlite3.connect(
                f"file:{_quoted(self.path)}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=5,
            )
            self._db.execute("pragma wal_autocheckpoint=0")
        return self._db

    def read(self, after: int, limit: int, most_bytes: int = 1 << 40) -> Sequence[Entry]:
        """Entries after `after`, whole groups until at least `limit` or `most_bytes` are found.

        Raises JournalMalformed when the file is damaged, Unavailable when it cannot be opened now.
        """
        found: list[Entry] = []
        size = 0
        try:
            cursor = self._open().execute(_FROM, {"after": after})
            try:
                for first, count, blob in cursor:
                    bodies = _decode_group(blob)
                    if len(bodies) != count:
                        raise JournalMalformed(f"{self.path.name}: group {first} is not {count} entries")
                    found.extend(Entry(seq, body) for seq, body in enumerate(bodies, first) if seq > after)
                    size += len(blob)
                    if len(found) >= limit or size >= most_bytes:
                        break
            finally:
                cursor.close()
        except (sqlite3.DatabaseError, msgspec.MsgspecError, TypeError) as fault:
            if is_damage(fault):
                raise JournalMalformed(f"{self.path.name}: {fault}") from fault
            raise Unavailable(f"cannot read {self.path.name}: {fault}") from fault
        return found

    def last(self) -> int:
        """The number of the newest entry, 0 when there is none. Raises as `read` does."""
        try:
            row = self._open().execute(_LAST).fetchone()
        except sqlite3.DatabaseError as fault:
            if is_damage(fault):
                raise JournalMalformed(f"{self.path.name}: {fault}") from fault
            raise Unavailable(f"cannot read {self.path.name}: {fault}") from fault
        return int(row[0]) if row else 0

    def finished(self) -> bool:
        """Nobody holds the segment's lock: its edge left it or died."""
        try:
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(lock)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def remove(self) -> None:
        """Unlink the segment: every consumer has passed its end."""
        remove(self.path)  # before the close, which would write a checkpoint nobody needs
        self.close()


def open_segment(path: Path) -> SegmentReader:
    return SegmentReader(path)


def is_damage(fault: Exception) -> bool:
    """Whether `fault` means that the file's content is broken, not that it cannot be reached now."""
    if isinstance(fault, sqlite3.DatabaseError):
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
        # 1 SQLITE_ERROR: the schema page is gone ("no such table"). 11 SQLITE_CORRUPT, 26 SQLITE_NOTADB.
        return code in (1, 11, 26)
    return True


def salvage(path: Path) -> tuple[list[Entry], list[tuple[int, int]]]:
    """Read what can still be read of a damaged segment: (entries, holes as inclusive ranges of numbers).

    Walks group by group from both ends, because SQLite stops at the first broken page it meets. The hole
    after the last readable group cannot be measured from the file; it is not in the list.
    """
    entries: dict[int, Entry] = {}
    for order in ("", " desc"):
        reader = SegmentReader(path)
        try:
            cursor = reader._open().execute(f"select first, count, bodies from entries order by first{order}")  # noqa: S608
            while (row := cursor.fetchone()) is not None:
                first, _, blob = row
                entries.update((seq, Entry(seq, body)) for seq, body in enumerate(_decode_group(blob), first))
        except (sqlite3.DatabaseError, msgspec.MsgspecError, TypeError):
            pass  # the broken page: what lies behind it is reached from the other end, or is a hole
        finally:
            reader.close()
    ordered = [entries[seq] for seq in sorted(entries)]
    holes = [
        (left.seq + 1, right.seq - 1)
        for left, right in itertools.pairwise(ordered)
        if right.seq != left.seq + 1
    ]
    return ordered, holes


def _quoted(path: Path) -> str:
    """A path inside an SQLite URI."""
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
