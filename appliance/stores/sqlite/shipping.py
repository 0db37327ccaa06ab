"""shipping.db: how far each log has been shipped and the cut that is on its way. See ports.ShippingStore."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from appliance.errors import Conflict, Unavailable
from appliance.model.shipping import Cut, Offset

_SCHEMA = """
create table if not exists offsets (
  edge integer not null, epoch integer not null, seq integer not null, primary key (edge, epoch)
) without rowid;
create table if not exists cuts (
  edge integer not null, epoch integer not null, cut blob not null, primary key (edge, epoch)
) without rowid;
"""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Cut).decode


class ShippingFile:
    """ports.ShippingStore in one SQLite file. Raises Unavailable when the disk says no."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            self._db.execute("pragma journal_mode=wal")
            # FULL: after power loss an offset that fell behind the rows would ship them twice. Two small
            # transactions per cut, about 1 ms each here.
            self._db.execute("pragma synchronous=full")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as fault:
            raise Unavailable(f"cannot open {path.name}: {fault}") from fault

    def offset(self, edge: int, epoch: int) -> int:
        found = self._run("select seq from offsets where edge = ? and epoch = ?", (edge, epoch))
        return int(found[0][0]) if found else 0

    def offsets(self) -> Sequence[Offset]:
        return [Offset(*row) for row in self._run("select edge, epoch, seq from offsets order by 1, 2", ())]

    def open_cut(self, edge: int, epoch: int) -> Cut | None:
        found = self._run("select cut from cuts where edge = ? and epoch = ?", (edge, epoch))
        return _decode(found[0][0]) if found else None

    def record(self, cut: Cut) -> None:
        try:
            self._run(
                "insert into cuts (edge, epoch, cut) values (?, ?, ?)", (cut.edge, cut.epoch, _encode(cut))
            )
        except sqlite3.IntegrityError:
            raise Conflict(f"log {cut.edge}/{cut.epoch:x} has an open cut already") from None

    def close_cut(self, edge: int, epoch: int, seq: int) -> None:
        self._transaction(
            ("delete from cuts where edge = ? and epoch = ?", (edge, epoch)),
            (
                "insert into offsets (edge, epoch, seq) values (?, ?, ?) "
                "on conflict (edge, epoch) do update set seq = max(seq, excluded.seq)",
                (edge, epoch, seq),
            ),
        )

    def forget(self, edge: int, epoch: int) -> None:
        self._transaction(
            ("delete from cuts where edge = ? and epoch = ?", (edge, epoch)),
            ("delete from offsets where edge = ? and epoch = ?", (edge, epoch)),
        )

    def close(self) -> None:
        self._db.close()

    def _run(self, sql: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as fault:
            raise Unavailable(f"shipping.db: {fault}") from fault

    def _transaction(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        self._run("begin immediate", ())
        try:
            for sql, parameters in statements:
                self._run(sql, parameters)
            self._run("commit", ())
        except Unavailable:
            # A full disk has already rolled back by itself; a second ROLLBACK would raise (experiments.md a).
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
