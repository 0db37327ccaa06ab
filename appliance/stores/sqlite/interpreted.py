"""Totals of interpreted events in the ledger's file: read over a connection of their own, written in the
ledger's transactions, so that what is reported and what is remembered of it are stored together.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import msgspec

from appliance.errors import Conflict, Unavailable
from appliance.model.events import encode
from appliance.model.interpreted import Switch
from appliance.partners.reckoning import Known, Progress, Reckoned
from appliance.ports import Entry
from appliance.stores.sqlite import deliveries
from appliance.stores.sqlite.database import insert, opened, reported

MOST = 10_000_000
"""Keys remembered, some 2 GB. Full: events wait until the oldest are forgotten."""
MOST_WAITING = deliveries.MOST_PENDING // 2
"""Reports that wait for one pixel. More: events wait, unless its account is held, whose reports fill up what
is left and are dead then, to be replayed by somebody."""
MOST_SHELVED = 1 << 30
"""Bytes of what waits for a paused intake. More stays in the journals, which cannot go then."""
CHUNK = 500
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Known).decode


class Together(Protocol):
    """SqliteLedger, as far as it matters here."""

    def together(self, records: Sequence[bytes] = ()) -> AbstractContextManager[sqlite3.Connection]: ...


class SqliteInterpreted:
    """Totals of actors/interpreter.py and Switches of actors/intakes.py. Any thread may call."""

    def __init__(self, path: Path, ledger: Together, most: int = MOST) -> None:
        self._ledger = ledger
        self._most = most
        self._lock = threading.Lock()
        with reported("the interpreted events cannot be opened"):
            self._db = opened(path)
            try:
                self._db.executescript(files(__package__).joinpath("interpreted.sql").read_text("utf-8"))
                (self._count,) = self._db.execute("select count(*) from interpreted").fetchone()
                sql = "select coalesce(sum(length(body)), 0) from interpreted_shelf"
                (self._shelf_bytes,) = self._db.execute(sql).fetchone()
            except BaseException:
                self._db.close()
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reported("the interpreted events cannot be read"):
            yield self._db

    def count(self) -> int:
        return int(self._count)

    # What the interpreter asks

    def taken(self, batch_id: str) -> int:
        with self._reading() as db:
            row = db.execute("select lines from interpreted_batch where id=?", (batch_id,)).fetchone()
        return int(row[0]) if row else 0

    def known(self, ids: Sequence[str]) -> dict[str, Known]:
        found: dict[str, Known] = {}
        keys = sorted({bytes.fromhex(each) for each in ids})
        with self._reading() as db:
            for start in range(0, len(keys), CHUNK):
                some = keys[start : start + CHUNK]
                sql = f"select id, body from interpreted where id in ({','.join('?' * len(some))})"  # noqa: S608  marks
                found.update((id_.hex(), _decode(body)) for id_, body in db.execute(sql, some))
        return found

    def crowded(self, targets: Collection[str]) -> str:
        with self._reading() as db:
            for target in sorted(targets):
                sql = "select rows from delivery_count where target=? and state='pending'"
                row = db.execute(sql, (target,)).fetchone()
                if row and row[0] >= MOST_WAITING:
                    return target
        return ""

    def commit(self, progress: Progress, reckoned: Reckoned, now_us: int) -> None:
        """Raises Conflict, storing nothing, when a journal's offset does not move forward."""
        if reckoned.known and self._count >= self._most:
            raise Unavailable("too many interpreted events are remembered: more have to wait")
        records = [encode(record) for record in reckoned.records]
        # In the order in which they lie in the file, each page is looked for once.
        rows = [(bytes.fromhex(id_), now_us, _encode(it)) for id_, it in sorted(reckoned.known.items())]
        with self._ledger.together(records) as db:
            if progress.batch_id:
                db.execute(
                    "insert into interpreted_batch values (?,?,?) on conflict do update"
                    " set lines=excluded.lines, at_us=excluded.at_us where excluded.lines > lines",
                    (progress.batch_id, progress.lines, now_us),
                )
            for (edge, epoch), seq in progress.offsets.items():
                _move(db, edge, epoch, seq)
            sql = "delete from interpreted_shelf where number<=? returning length(body)"
            gone = db.execute(sql, (progress.shelved,)).fetchall() if progress.shelved else []
            insert(db, "insert or replace into interpreted", rows)
            deliveries.put(db, reckoned.deliveries)
        self._count += reckoned.fresh
        self._shelf_bytes -= sum(size for (size,) in gone)

    # What the journals' tail asks

    def offsets(self) -> dict[tuple[int, int], int]:
        """The last entry taken of each (edge, epoch)."""
        with self._reading() as db:
            rows = db.execute("select edge, epoch, seq from interpreted_progress").fetchall()
        return {(edge, epoch): seq for edge, epoch, seq in rows}

    def offset(self, edge: int, epoch: int) -> int:
        """0 when nothing of it was taken."""
        with self._reading() as db:
            sql = "select seq from interpreted_progress where edge=? and epoch=?"
            row = db.execute(sql, (edge, epoch)).fetchone()
        return int(row[0]) if row else 0

    def forget_logs(self, logs: Collection[tuple[int, int]]) -> None:
        """These journals are gone."""
        with self._ledger.together() as db:
            db.executemany("delete from interpreted_progress where edge=? and epoch=?", list(logs))

    def shelve(self, edge: int, epoch: int, seq: int, bodies: Sequence[bytes]) -> None:
        """Put records of a journal aside, up to whose entry `seq` nothing else is of use."""
        size = sum(map(len, bodies))
        if bodies and self._shelf_bytes + size > MOST_SHELVED:
            raise Unavailable("too many events wait for a paused intake: more wait in the journals")
        with self._ledger.together() as db:
            _move(db, edge, epoch, seq)
            insert(db, "insert into interpreted_shelf (body)", [(body,) for body in bodies])
        self._shelf_bytes += size

    def shelved(self, limit: int) -> list[Entry]:
        """The first ones, by their numbers."""
        with self._reading() as db:
            sql = "select number, body from interpreted_shelf order by number limit ?"
            return [Entry(*row) for row in db.execute(sql, (limit,)).fetchall()]

    # Retention

    def sweep(self, keys_before_us: int, batches_before_us: int, limit: int) -> int:
        """Forget keys and batches that nothing was heard of since; how many, at most `limit` of each."""
        with self._ledger.together() as db:
            keys = db.execute(
                "delete from interpreted where id in"
                " (select id from interpreted where at_us<? order by at_us limit ?)",
                (keys_before_us, limit),
            ).rowcount
            batches = db.execute(
                "delete from interpreted_batch where id in"
                " (select id from interpreted_batch where at_us<? order by at_us limit ?)",
                (batches_before_us, limit),
            ).rowcount
        self._count -= keys
        return int(keys + batches)

    # Switches

    def switches(self) -> Sequence[Switch]:
        with self._reading() as db:
            rows = db.execute("select name, by, at_us from interpreted_switch order by name").fetchall()
        return [Switch(name=name, by=by, at_us=at_us) for name, by, at_us in rows]

    def put_switch(self, switch: Switch) -> None:
        with self._ledger.together() as db:
            row = (switch.name, switch.by, switch.at_us)
            db.execute("insert or replace into interpreted_switch values (?,?,?)", row)

    def remove_switch(self, name: str) -> None:
        with self._ledger.together() as db:
            db.execute("delete from interpreted_switch where name=?", (name,))

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _move(db: sqlite3.Connection, edge: int, epoch: int, seq: int) -> None:
    moved = db.execute(
        "insert into interpreted_progress values (?,?,?) on conflict do update"
        " set seq=excluded.seq where excluded.seq > seq",
        (edge, epoch, seq),
    ).rowcount
    if moved == 0:
        raise Conflict(f"edge {edge}, epoch {epoch:x}: {seq} was taken before")
