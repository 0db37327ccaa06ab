"""Alerts in the ledger's file, over a connection of their own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from appliance.model.alerts import Alert
from appliance.stores.sqlite.database import opened, reported

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Alert).decode


class SqliteAlerts:
    """What survives a restart. Any thread may call; durable when a call returns; raises Unavailable."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with reported("the alerts cannot be opened"):
            self._db = opened(path)
            try:
                self._db.executescript(files(__package__).joinpath("alerts.sql").read_text("utf-8"))
            except BaseException:
                self._db.close()
                raise

    def load(self) -> list[Alert]:
        """All of them. What is not understood, from a newer Weir, is left out."""
        with self._lock, reported("the alerts cannot be read"):
            bodies = self._db.execute("select body from alert").fetchall()
        found = []
        for (body,) in bodies:
            try:
                found.append(_decode(body))
            except msgspec.MsgspecError:
                continue
        return found

    def save(self, put: Sequence[Alert], gone: Sequence[str]) -> None:
        """Store all of it or nothing."""
        with self._lock, reported("the alerts cannot be written"):
            self._db.execute("begin immediate")
            try:
                self._db.executemany(
                    "insert or replace into alert values (?,?)", [(it.id, _encode(it)) for it in put]
                )
                self._db.executemany("delete from alert where id=?", [(it,) for it in gone])
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    def close(self) -> None:
        with self._lock:
            self._db.close()
