"""What the ledger has to ship, read over a connection of its own: whoever ships does not wait for who stores,
nor the other way round. SQLite shows it whole commits only.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.ports import CORE, Entry, EventLog
from appliance.stores.sqlite.database import opened, reported


class Outboxes:
    """The outbox of each life whose rows are not all shipped; `epoch` is this life's. Any thread
    may call. Raises Unavailable."""

    def __init__(self, path: Path, epoch: int) -> None:
        self.epoch = epoch
        self._lock = threading.Lock()
        self._db = opened(path)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reported("the ledger cannot be read"):
            yield self._db

    def every(self) -> list[EventLog]:
        with self._reading() as db:
            # From epoch to epoch: `select distinct` reads every row (170 ms for 300,000), and after days
            # without a warehouse that is a gigabyte, twice a second.
            epochs: set[int] = set()
            hop = "select min(epoch) from outbox where epoch > ?"
            while (found := db.execute(hop, (max(epochs, default=-1),)).fetchone()[0]) is not None:
                epochs.add(int(found))
        # By age, this life's last, even should the clock have been set back between two lives.
        return [Outbox(self, epoch) for epoch in [*sorted(epochs - {self.epoch}), self.epoch]]

    def read(self, epoch: int, after: int, limit: int) -> list[Entry]:
        with self._reading() as db:
            sql = "select seq, body from outbox where epoch=? and seq>? order by seq limit ?"
            return [Entry(seq, body) for seq, body in db.execute(sql, (epoch, after, limit)).fetchall()]

    def size(self, epoch: int, upto: int) -> tuple[int, int]:
        """Rows up to that one, and bytes of their bodies."""
        with self._reading() as db:
            sql = "select count(*), coalesce(sum(length(body)), 0) from outbox where epoch=? and seq<=?"
            rows, size = db.execute(sql, (epoch, upto)).fetchone()
        return int(rows), int(size)

    def close(self) -> None:
        with self._lock:
            self._db.close()


class Outbox:
    """An EventLog over the outbox rows of one process life."""

    def __init__(self, outboxes: Outboxes, epoch: int) -> None:
        self._outboxes = outboxes
        self.edge = CORE
        self.epoch = epoch

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Entries after `after`, in order. Raises Unavailable."""
        return self._outboxes.read(self.epoch, after, limit)

    def finished(self) -> bool:
        """An earlier life appends no more."""
        return self.epoch != self._outboxes.epoch

    def close(self) -> None: ...
