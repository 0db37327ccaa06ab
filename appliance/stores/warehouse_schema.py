"""The warehouse's tables: numbered .sql files, applied once each, in order, on any ClickHouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_TABLE = """
create table if not exists migrations
(
    number UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') default now64(3)
)
engine = MergeTree order by number
"""


class Migration(NamedTuple):
    number: int
    name: str
    statements: tuple[str, ...]


def migrations() -> list[Migration]:
    """Every migration this build knows, in order. Statements end with a semicolon at the end of a line."""
    found: list[Migration] = []
    for file in (files("appliance.stores") / "migrations").iterdir():
        match = _NAME.fullmatch(file.name)
        if match is not None:
            statements = (part.strip().removesuffix(";") for part in file.read_text("utf-8").split(";\n"))
            found.append(Migration(int(match[1]), file.name, tuple(part for part in statements if part)))
    return sorted(found)


def migrate(command: Callable[[str], object], numbers: Callable[[str], set[int]]) -> list[str]:
    """Apply what is missing, through `command` (runs a statement) and `numbers` (reads one integer column).

    A migration is noted after its last statement, and a kill between runs them again: each statement must
    therefore be harmless when repeated (IF NOT EXISTS). Returns the names applied.
    """
    command(_TABLE)
    done = numbers("select number as n from migrations")
    applied: list[str] = []
    for migration in migrations():
        if migration.number in done:
            continue
        for statement in migration.statements:
            command(statement)
        command(f"insert into migrations (number, name) values ({migration.number}, '{migration.name}')")  # noqa: S608
        applied.append(migration.name)
    return applied
