"""One lane into the warehouse: one client object, its own settings, faults told apart.

One client is one lane: four threads on one chDB client run strictly one after another, and a `select 1`
waited 10.98 s behind a report, but 2.4 ms on a client of its own (experiments.md d).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import msgspec
import urllib3.exceptions
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, StreamFailureError

from appliance.errors import Refused, RowRefused, Unavailable, WeirError

T = TypeVar("T")
# The data of the insert is wrong: names in ClickHouse's src/Common/ErrorCodes.cpp.
_DATA = frozenset({
    6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 376, 407, 441, 469,
})  # fmt: skip
_TOO_BIG = frozenset({396})  # TOO_MANY_ROWS_OR_BYTES
_TOO_LONG = frozenset({159})  # TIMEOUT_EXCEEDED
_CANCELLED = frozenset({394})  # QUERY_WAS_CANCELLED
_rows_decoder = msgspec.json.Decoder(dict[str, Any])


class Lane:
    """A lazily opened client with a lock. Blocking: call it from a thread of the lane's limiter."""

    def __init__(self, name: str, connect: Callable[[], Client]) -> None:
        self.name = name
        self._connect = connect
        self._client: Client | None = None
        self._lock = threading.Lock()

    def run(self, work: Callable[[Client], T]) -> T:
        """`work(client)`, alone on this lane. Raises Unavailable, RowRefused or Refused only."""
        with self._lock:
            try:
                if self._client is None:
                    self._client = self._connect()
                return work(self._client)
            except WeirError:
                raise
            except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as fault:
                raise told_apart(fault) from fault

    @property
    def busy(self) -> bool:
        """A statement is running, or waits for another."""
        return self._lock.locked()

    def close(self, seconds: float = -1) -> None:
        """Close the client after the statement that is running; the next `run` opens another. After
        `seconds` it is left alone."""
        if not self._lock.acquire(timeout=seconds):
            return
        try:
            client, self._client = self._client, None
            if client is not None:
                with suppress(ClickHouseError, OSError):
                    client.close()
        finally:
            self._lock.release()


def told_apart(fault: Exception) -> WeirError:
    """The driver's exception as one of ours: the data is wrong, the question is, or the warehouse is down."""
    code = fault.code if isinstance(fault, Error) else None
    text = " ".join(str(fault).split())[:500]
    if code in _DATA and not isinstance(fault, StreamFailureError):
        return RowRefused(f"the warehouse refused a row: {text}")
    if code in _TOO_BIG:
        return Refused("the answer is too large; narrow the range or ask for fewer groups")
    if code in _TOO_LONG:
        return Unavailable("this took more time than it may; narrow the range or ask for fewer groups")
    if code in _CANCELLED:
        return Unavailable("this was cancelled")
    return Unavailable(f"the warehouse cannot do this now: {text}")


class Embedded:
    """chDB: the ClickHouse engine inside this process. One path per process, any number of clients."""

    kind = "chdb"

    def __init__(self, path: Path, database: str, memory_bytes: int) -> None:
        self._path = path
        self._database = database
        # Files of single inserts; emptied at each open, because kill -9 leaves one behind.
        self._spool = path.with_name(path.name + ".spool")
        self._options = {
            "max_server_memory_usage": str(memory_bytes),
            # Defaults are sized for servers (5 GB of marks); ours hold the marks of some 100 M rows.
            "mark_cache_size": str(64 << 20),
            "primary_index_cache_size": str(64 << 20),
            "index_mark_cache_size": str(16 << 20),
            "query_condition_cache_size": str(16 << 20),
            "compiled_expression_cache_size": str(16 << 20),
            "max_thread_pool_size": "128",
        }
        self._prepared = False
        self._preparing = threading.Lock()

    def connect(self, settings: Mapping[str, Any]) -> Client:
        with self._preparing:
            if not self._prepared:
                self._path.mkdir(parents=True, exist_ok=True)
                self._spool.mkdir(mode=0o700, exist_ok=True)
                for left in self._spool.iterdir():
                    left.unlink(missing_ok=True)
                first = self._open()
                try:
                    first.command(f"create database if not exists `{self._database}`")
                finally:
                    client = self._open(database=self._database)
                    first.close()
                self._prepared = True
            else:
                client = self._open(database=self._database)
        for name, value in settings.items():
            client.set_client_setting(name, value)
        return client

    def _open(self, **more: Any) -> Client:
        client: Client = clickhouse_connect.get_client(
            interface="chdb", path=str(self._path), chdb_options=self._options, **more
        )
        return client

    def insert(
        self, client: Client, table: str, columns: Iterable[str], chunks: Iterable[bytes], name: str
    ) -> None:
        """Through a file of ours: the driver's raw_insert copies it into the shared /tmp."""
        file = self._spool / f"{name}-{threading.get_ident()}"
        try:
            with file.open("wb") as out:
                out.writelines(chunks)
            path = str(file.absolute()).replace("\\", "\\\\").replace("'", "\\'")
            client.command(
                f"insert into {table} ({', '.join(columns)}) from infile '{path}' format JSONCompactEachRow"
            )
        finally:
            file.unlink(missing_ok=True)

    def settle(self, client: Client, name: str) -> None:
        """Nothing to wait for: an insert dies with its process, and a lane runs one at a time."""


class Server:
    """A ClickHouse server over HTTP."""

    kind = "clickhouse"

    def __init__(self, url: str, database: str | None) -> None:
        split = urlsplit(url)
        self._database = database or split.path.strip("/") or "default"
        self._arguments: dict[str, Any] = {
            "interface": split.scheme,
            "host": split.hostname or "localhost",
            "port": split.port or (8443 if split.scheme == "https" else 8123),
            "username": unquote(split.username or "default"),
            "password": unquote(split.password or ""),
            # A session forbids concurrent statements (model-codebases.md §7, trap 8).
            "autogenerate_session_id": False,
            "connect_timeout": 5,
            "compress": False,
        }

    def connect(self, settings: Mapping[str, Any]) -> Client:
        seconds = int(settings.get("max_execution_time", 60))
        arguments = {**self._arguments, "send_receive_timeout": seconds + 5}
        first: Client = clickhouse_connect.get_client(**arguments)
        try:
            first.command(f"create database if not exists `{self._database}`")
        finally:
            first.close()
        client: Client = clickhouse_connect.get_client(
            **arguments, database=self._database, settings={"wait_end_of_query": 1, **settings}
        )
        return client

    def insert(
        self, client: Client, table: str, columns: Iterable[str], chunks: Iterable[bytes], name: str
    ) -> None:
        client.raw_insert(
            table, list(columns), b"".join(chunks), fmt="JSONCompactEachRow", settings={"query_id": name}
        )

    def settle(self, client: Client, name: str) -> None:
        """An insert whose client died may still be running over there: end it before counting rows."""
        client.command(
            "kill query where startsWith(query_id, {name:String}) and user = currentUser() sync",
            parameters={"name": name},
        )


def rows(client: Client, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answer's rows, read as bytes and decoded at once: tuples of the driver held the loop for 181 ms."""
    body = client.raw_query(sql, parameters=dict(parameters), fmt="JSONEachRow")
    return _rows_decoder.decode_lines(body)
