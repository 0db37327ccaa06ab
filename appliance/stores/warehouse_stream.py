"""An answer of any size, read in blocks: a client of its own for as long as somebody reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import urllib3.exceptions
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from appliance.errors import Unavailable
from appliance.stores.warehouse_client import told_apart

BLOCK = 128 * 1024
_FAULTS = (ClickHouseError, urllib3.exceptions.HTTPError, OSError)
# How a server's error looks that comes after its first rows: no row of ours begins like this.
_BROKEN = (b"Code: ", b"__exception__")


class AnswerStream:
    """Blocking; from any thread, one at a time. Whoever opened it must close it."""

    def __init__(
        self, client: Client, sql: str, parameters: Mapping[str, object], form: str, kill: Callable[[], None]
    ) -> None:
        self._client = client
        self._kill = kill
        self._lock = threading.Lock()
        self._closed = self._read_whole = False
        self._line = b""
        try:
            self._answer: Any = client.raw_stream(sql, parameters=dict(parameters), fmt=form)
        except _FAULTS as fault:
            self._close_client()
            raise told_apart(fault) from fault

    def read(self) -> bytes:
        """The next block; b"" at the end. Raises Unavailable when the answer breaks off."""
        with self._lock:
            if self._closed:
                raise Unavailable("this export was cancelled")
            try:
                block: bytes = self._answer.read(BLOCK)
            except _FAULTS as fault:
                raise told_apart(fault) from fault
            except ValueError as fault:
                raise Unavailable("this export was cancelled") from fault
            last = self._line + block[-BLOCK:]
            self._line = last[last.rfind(b"\n", 0, -1) + 1 :][:200] if last else b""
            self._read_whole = not block
            if not block and self._line.startswith(_BROKEN):
                raise Unavailable("the warehouse could not finish this export")
            return block

    def close(self) -> None:
        """End the statement and free its client; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        if not self._read_whole:
            with suppress(Unavailable):
                self._kill()
        with self._lock:
            with suppress(*_FAULTS):
                self._answer.close()
            self._close_client()

    def _close_client(self) -> None:
        with suppress(*_FAULTS):
            self._client.close()
