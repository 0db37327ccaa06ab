"""caps.db: what destinations took and what was lent to edges. See ports.UsageStore."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.errors import Unavailable
from appliance.model.usage import HeldLife, Took, UsageChange
from appliance.stores.sqlite.database import connect

_ADD = (
    "insert into usage values (?,?,?,?,?,?) on conflict do update"
    " set clicks=clicks+excluded.clicks, cost=cost+excluded.cost"
)


class SqliteUsage:
    """One connection, any thread; every change is one transaction (WAL, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, "caps")
        # The poller's thread and the publisher's: nobody may read what the other has not committed.
        self._lock = threading.Lock()

    def offsets(self) -> dict[tuple[int, int], int]:
        return {(edge, epoch): seq for edge, epoch, seq in self._run("select edge, epoch, seq from progress")}

    def offset(self, edge: int, epoch: int) -> int:
        found = self._run("select seq from progress where edge=? and epoch=?", (edge, epoch))
        return int(found[0][0]) if found else 0

    def lives(self) -> Sequence[HeldLife]:
        found = {
            life: HeldLife(life, edge, {}, {}) for life, edge in self._run("select life, edge from life")
        }
        for life, destination, clicks in self._run("select life, destination_id, clicks from seen"):
            found[life].seen[destination] = clicks
        for life, destination, ceiling in self._run("select life, destination_id, ceiling from bound"):
            found[life].bound[destination] = ceiling
        return list(found.values())

    def took(self, destination: int, since_s: int) -> Sequence[Took]:
        sql = (
            "select destination_id, start_s, width_s, currency, clicks, cost from usage"
            " where destination_id=? and start_s + width_s > ? order by start_s"
        )
        return [Took(*row) for row in self._run(sql, (destination, since_s))]

    def change(self, it: UsageChange) -> None:
        with self._writing() as db:
            db.executemany(
                "insert into progress values (?,?,?) on conflict do update set seq=excluded.seq",
                [(edge, epoch, seq) for (edge, epoch), seq in it.progress.items()],
            )
            db.executemany(_ADD, it.took)
            edges = {life: edge for (life, _), (edge, _) in it.seen.items()}
            edges.update({life: edge for life, (edge, _) in it.bounds.items()})
            db.executemany("insert or ignore into life values (?,?)", list(edges.items()))
            db.executemany(
                "insert or replace into seen values (?,?,?)",
                [(life, destination, clicks) for (life, destination), (_, clicks) in it.seen.items()],
            )
            db.executemany("delete from bound where life=?", [(life,) for life in it.bounds])
            db.executemany(
                "insert into bound values (?,?,?)",
                [
                    (life, d, ceiling)
                    for life, (_, bound) in it.bounds.items()
                    for d, ceiling in bound.items()
                ],
            )
            for table in ("life", "seen", "bound"):
                db.executemany(f"delete from {table} where life=?", [(life,) for life in it.gone])  # noqa: S608

    def thin(self, before_s: int, fine: Sequence[int], width_s: int) -> None:
        marks = ",".join("?" * len(fine))
        old = f"width_s < ? and start_s < ? and destination_id not in ({marks})"
        values = (width_s, before_s - before_s % width_s, *fine)
        with self._writing() as db:
            rows = db.execute(
                f"select destination_id, start_s / ? * ?, ?, currency, sum(clicks), sum(cost)"  # noqa: S608
                f" from usage where {old} group by 1, 2, 4",
                (width_s, width_s, width_s, *values),
            ).fetchall()
            db.execute(f"delete from usage where {old}", values)  # noqa: S608
            db.executemany(_ADD, rows)

    def forget(self, before_s: int, logs: Sequence[tuple[int, int]]) -> None:
        with self._writing() as db:
            db.execute("delete from usage where start_s + width_s <= ?", (before_s,))
            db.executemany("delete from progress where edge=? and epoch=?", logs)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        db = self._connection
        with self._lock:
            try:
                db.execute("begin immediate")
                yield db
                db.execute("commit")
            except sqlite3.Error as fault:
                raise Unavailable(f"caps cannot be written down now: {fault}") from fault
            finally:
                # A full disk has already rolled back by itself; another ROLLBACK would raise (experiments a).
                if db.in_transaction:
                    db.execute("rollback")

    def _run(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as fault:
            raise Unavailable(f"caps cannot be read now: {fault}") from fault
