"""The doctor's findings in the ledger's file, over a connection of their own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from appliance.attribution.doctor import Remembered
from appliance.model.doctor import Finding
from appliance.stores.sqlite.database import opened, reported

_encode = msgspec.msgpack.Encoder().encode
_decode_finding = msgspec.msgpack.Decoder(Finding).decode
_decode_known = msgspec.msgpack.Decoder(Remembered).decode


class SqliteDoctor:
    """What survives a restart. Any thread may call; durable when a call returns; raises Unavailable."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with reported("the doctor's findings cannot be opened"):
            self._db = opened(path)
            try:
                self._db.executescript(files(__package__).joinpath("doctor.sql").read_text("utf-8"))
            except BaseException:
                self._db.close()
                raise

    def load(self) -> tuple[list[Finding], Remembered]:
        """What was stored last. What is not understood, from a newer Weir, is left out: it comes again."""
        findings, known = [], Remembered()
        with self._lock, reported("the doctor's findings cannot be read"):
            bodies = self._db.execute("select body from finding").fetchall()
            rest = self._db.execute("select body from doctor where name='known'").fetchone()
        for (body,) in bodies:
            try:
                findings.append(_decode_finding(body))
            except msgspec.MsgspecError:
                continue
        if rest is not None:
            try:
                known = _decode_known(rest[0])
            except msgspec.MsgspecError:
                known = Remembered()
        return findings, known

    def save(self, put: Sequence[Finding], gone: Sequence[str], known: Remembered | None) -> None:
        """Store all of it or nothing; without `known` that stays as it is."""
        with self._lock, reported("the doctor's findings cannot be written"):
            self._db.execute("begin immediate")
            try:
                self._db.executemany(
                    "insert or replace into finding values (?,?)", [(it.id, _encode(it)) for it in put]
                )
                self._db.executemany("delete from finding where id=?", [(it,) for it in gone])
                if known is not None:
                    sql = "insert or replace into doctor values ('known',?)"
                    self._db.execute(sql, (_encode(known),))
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    def close(self) -> None:
        with self._lock:
            self._db.close()
