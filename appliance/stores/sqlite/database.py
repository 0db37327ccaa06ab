"""Opening the core's SQLite files: pragmas, the numbered .sql files that make tables, errors as ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from itertools import chain, repeat
from pathlib import Path

from appliance.errors import Unavailable


def connect(path: Path, series: str) -> sqlite3.Connection:
    """A connection in autocommit mode (say `begin immediate` yourself), WAL, synchronous=FULL.

    The tables come from `<series>_0001.sql`, `<series>_0002.sql`, … beside this module, each applied once and
    whole. One thread at a time may use the connection. Raises Unavailable for a file from a newer Weir.
    """
    connection = opened(path)
    try:
        connection.execute("pragma foreign_keys=on")
        _migrate(connection, path, series)
    except BaseException:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def opened(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, WAL, synchronous=FULL, whatever the file holds."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Autocommit, because the sqlite3 module's own transactions begin late and end early.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def reported(what: str) -> Iterator[None]:
    """SQLite's errors as ours; `what` could not be done. The caller tries again: a full disk may have room
    later."""
    try:
        yield
    except (sqlite3.Error, OSError) as fault:
        raise Unavailable(f"{what}: {fault}") from fault


ROWS = 1_024
"""To a statement. Each lets go of the interpreter, which it has back after up to 5 ms where another thread
computes: a row of its own took 0.7 ms there, and 40 us of work. Two megabytes are what SQLite needs for the
longest, and Python keeps 128 of them: so there are those of 1,024 rows, 512, 256 … and no others."""
_FILLED = 4
"""A statement may be filled up with rows of nulls by one in so many: 1,000 rows take one, not six."""


def insert(db: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]], end: str = "") -> int:
    """`into`, such as "insert into waiting", with all these rows; how many there are more. The first value of
    each is not null."""
    statement = f"{into} select * from (values {{}}) where column1 is not null {end}"  # noqa: S608  callers name a table
    return together(db, statement, rows)


def together(
    db: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]], given: Sequence[object] = ()
) -> int:
    """`statement`, in which {} stands for rows of values, for all of these; how many rows it changed. What is
    `given` is bound first. It passes over rows of nulls, which may stand behind these."""
    if not rows:
        return 0
    changed = 0
    width = len(rows[0])
    start = 0
    while (left := len(rows) - start) > 0:
        count = 1 << left.bit_length() - 1
        if count < left and (2 * count - left) * _FILLED <= left:
            count *= 2
        count = min(ROWS, count)
        some = rows[start : start + count]
        values = [*given, *chain.from_iterable(some), *repeat(None, (count - len(some)) * width)]
        changed += db.execute(_of(statement, width, count), values).rowcount
        start += count
    return changed


@lru_cache(maxsize=256)
def _of(statement: str, width: int, count: int) -> str:
    """The same text each time: it is what the prepared statement is found by."""
    one = "(" + ",".join("?" * width) + ")"
    return statement.format(",".join([one] * count))


_turns: dict[Path, threading.Lock] = {}


def turn(path: Path) -> threading.Lock:
    """Who writes to that file now, of this process: the same lock for each connection. SQLite's own way is to
    sleep and to look again, up to 0.1 s later."""
    return _turns.setdefault(path.absolute(), threading.Lock())


def _migrate(connection: sqlite3.Connection, path: Path, series: str) -> None:
    scripts = sorted(
        (script for script in files(__package__).iterdir() if script.name.startswith(f"{series}_")),
        key=lambda script: script.name,
    )
    (version,) = connection.execute("pragma user_version").fetchone()
    if version > len(scripts):
        raise Unavailable(f"{path} was written by a newer Weir (schema {version}, known {len(scripts)})")
    for number, script in enumerate(scripts[version:], start=version + 1):
        text = script.read_text("utf-8")
        connection.executescript(f"begin immediate;\n{text}\npragma user_version={number};\ncommit;")
