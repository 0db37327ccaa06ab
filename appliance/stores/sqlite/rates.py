"""Rates of currencies in the ledger's file, over a connection of their own; all of them in memory too."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from appliance.attribution.rates import Rate, Rates
from appliance.errors import Refused
from appliance.stores.sqlite.database import opened, reported

MOST = 200_000
"""Some 40 MB of memory: thirty currencies for eighteen years. Full: more are refused."""


class SqliteRates:
    """What was entered or imported. Any thread may call; durable when a call returns; raises Unavailable."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with reported("the rates cannot be opened"):
            self._db = opened(path)
            try:
                self._db.executescript(files(__package__).joinpath("rates.sql").read_text("utf-8"))
                self._now = self._read()
            except BaseException:
                self._db.close()
                raise

    def now(self) -> Rates:
        """All of them as they are now; never blocks."""
        return self._now

    def put(self, rates: Sequence[Rate]) -> None:
        """Store all of them or none; one of the same day and pair is replaced. Raises Refused when full."""
        with self._lock, reported("the rates cannot be written"):
            self._db.execute("begin immediate")
            try:
                self._db.executemany("insert or replace into rate values (?,?,?,?)", [
                    (it.day, it.base, it.quote, it.rate) for it in rates
                ])  # fmt: skip
                (count,) = self._db.execute("select count(*) from rate").fetchone()
                if count > MOST:
                    raise Refused(f"at most {MOST:,} rates are kept; rates.remove those of long ago")
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
            self._now = self._read()

    def remove(self, base: str, quote: str, before: str) -> int:
        """Forget what is dated before that day, of these currencies ("" for all); how many."""
        with self._lock, reported("the rates cannot be written"):
            sql = "delete from rate where day<? and (?='' or base=?) and (?='' or quote=?)"
            gone = self._db.execute(sql, (before, base, base, quote, quote)).rowcount
            self._now = self._read()
        return gone

    def list(self, base: str, quote: str, limit: int, offset: int) -> tuple[Sequence[Rate], int]:
        """A page, the newest day first, of these currencies ("" for all), and how many there are."""
        where = "from rate where (?='' or base=?) and (?='' or quote=?)"
        asked = (base, base, quote, quote)
        with self._lock, reported("the rates cannot be read"):
            sql = f"select day, base, quote, rate {where} order by day desc, base, quote limit ? offset ?"
            found = [Rate(*row) for row in self._db.execute(sql, (*asked, limit, offset)).fetchall()]
            (count,) = self._db.execute(f"select count(*) {where}", asked).fetchone()
        return found, int(count)

    def _read(self) -> Rates:
        rows = self._db.execute("select day, base, quote, rate from rate").fetchall()
        return Rates(Rate(*row) for row in rows)

    def close(self) -> None:
        with self._lock:
            self._db.close()
