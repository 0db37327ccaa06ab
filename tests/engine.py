"""Warehouses for tests: real chDB always, a ClickHouse server when WEIR_TEST_CLICKHOUSE names one.

One process can have one chDB path open, so all tests share one engine and each gets a database of its own.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from appliance import config
from appliance.reporting.rows import COLUMNS
from appliance.stores.warehouse import Warehouse

SERVER = os.environ.get("WEIR_TEST_CLICKHOUSE", "")
_numbers = itertools.count(1)


class Engines:
    """Makes warehouses; everything is dropped at the end of the session."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._keeper = Warehouse(config.Warehouse(), root, "keeper")
        self._keeper.open()  # while one client is open the engine stays: the next open in milliseconds

    def warehouse(self, url: str = "chdb", database: str | None = None, **settings: int) -> Warehouse:
        name = database or f"weir_test_{os.getpid()}_{next(_numbers)}"
        return Warehouse(config.Warehouse(url=url, **settings), self.root, name)

    def close(self) -> None:
        self._keeper.close()


@pytest.fixture(scope="session")
def engines():
    root = Path(tempfile.mkdtemp(prefix="weir-chdb-"))
    made = Engines(root)
    yield made
    made.close()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def one_database(engines):
    made = engines.warehouse()
    made.open()
    yield made
    made.close()


@pytest.fixture
def warehouse(one_database):
    """An empty warehouse. Emptied, not made anew: nine tables of up to 60 columns take a second to make."""
    for table in (*COLUMNS, "cost_adjustments"):
        one_database.execute(f"truncate table {table}")
    return one_database
