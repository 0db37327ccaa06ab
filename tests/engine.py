"""Warehouses for tests: real chDB always, a ClickHouse server when WEIR_TEST_CLICKHOUSE names one.

One process can have one chDB path open, so all tests share one engine and each gets a database of its own.
"""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance import config
from appliance.reporting.rows import COLUMNS
from appliance.stores.warehouse import Warehouse
from tests.clickhouse_http import clickhouse_http

SERVER = os.environ.get("WEIR_TEST_CLICKHOUSE", "")
_numbers = itertools.count(1)


class Engines:
    """Makes warehouses; everything is dropped at the end of the session."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._shared: dict[str, Warehouse] = {}
        self._stack = ExitStack()
        self._keeper = Warehouse(config.Warehouse(), root, "keeper")
        self._keeper.open()  # while one client is open the engine stays: the next open in milliseconds

    @property
    def options(self) -> dict[str, str]:
        """How the engine was opened: whoever opens it again must say the same."""
        return self._keeper._engine._options  # type: ignore[union-attr]

    def warehouse(self, url: str = "chdb", database: str | None = None, **settings: int) -> Warehouse:
        name = database or f"weir_test_{os.getpid()}_{next(_numbers)}"
        return Warehouse(config.Warehouse(url=url, **settings), self.root, name)

    def empty(self, kind: str) -> Warehouse:
        """The warehouse of a kind ("chdb", "http", "server") that is shared by all tests, without its rows.

        Emptied, not made anew: nine tables of up to 60 columns take a second to make.
        """
        if kind not in self._shared:
            url = {"chdb": "chdb", "server": SERVER}.get(kind)
            if url is None:
                url = self._stack.enter_context(clickhouse_http(self.root / "warehouse", self.options))
            made = self._shared[kind] = self.warehouse(url)
            self._stack.callback(made.close)
        made = self._shared[kind]
        made.attach()
        made.open()
        for table in COLUMNS:
            made.execute(f"truncate table {table}")
        return made

    def close(self) -> None:
        self._stack.close()
        self._keeper.close()


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    made = Engines(tmp_path_factory.mktemp("chdb"))
    yield made
    made.close()


@pytest.fixture
def warehouse(engines):
    return engines.empty("chdb")
