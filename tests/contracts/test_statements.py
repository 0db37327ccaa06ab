"""Many rows in few statements: each row once, whatever their number, and nothing for those that fill up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.stores.sqlite.database import ROWS, insert, together

EDGES = (1, 2, 3, 5, 7, 8, 9, 767, 768, 820, 1_000, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS - 1, 2_500)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("create table it (number integer primary key, word text)")
    yield connection
    connection.close()


def held(db: sqlite3.Connection) -> list[tuple[int, str | None]]:
    return db.execute("select number, word from it order by number").fetchall()


@pytest.mark.parametrize("count", EDGES)
def test_each_row_is_inserted_once(db: sqlite3.Connection, count: int) -> None:
    rows = [(number, None if number % 3 else str(number)) for number in range(count)]
    assert insert(db, "insert into it", rows) == count
    assert held(db) == rows
    assert insert(db, "insert into it", [*rows, (count, "new")], "on conflict (number) do nothing") == 1
    assert held(db) == [*rows, (count, "new")]


@given(st.integers(0, 3 * ROWS), st.integers(0, 50))
def test_only_those_that_are_named_change(count: int, beside: int) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("create table it (number integer primary key, word text)")
    rows = [(number, "") for number in range(count + beside)]
    insert(db, "insert into it", rows)
    those = [(number,) for number, _ in rows[:count]]
    changed = together(db, "update it set word=? where number in (values {})", those, ("x",))
    assert changed == count
    assert held(db) == [(number, "x" if number < count else "") for number, _ in rows]
    db.close()


@pytest.mark.parametrize(("count", "most"), [(1_000, 1), (ROWS, 1), (820, 1), (600, 4), (2_000, 2)])
def test_a_batch_takes_few_statements(db: sqlite3.Connection, count: int, most: int) -> None:
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    insert(db, "insert into it", [(number, "") for number in range(count)])
    assert len(asked) == most
