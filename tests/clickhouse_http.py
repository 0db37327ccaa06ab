"""ClickHouse's HTTP interface, as much of it as our adapter uses, over the chDB engine of this process.

No double of our adapter: it runs the real driver over a real socket against the real engine. What only a
real server can show (its own limits, KILL of a foreign query) is left to WEIR_TEST_CLICKHOUSE.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import Error


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    path_of_engine = ""
    options: dict[str, str] = {}

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        given = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):  # how the driver sends what is too long for a URL
            form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            for part in form.get_payload():
                name = part.get_param("name", header="content-disposition")
                given[name] = part.get_payload(decode=True).decode()
            body = b""
        sql = given.get("query", "")
        if not sql:
            sql, body = body.decode(), b""
        try:
            status, answer, code = 200, self._run(sql, body, given), ""
        except Error as fault:
            status, answer, code = 500, str(fault).encode(), str(fault.code or 1)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(answer)

    def _run(self, sql: str, body: bytes, given: dict[str, str]) -> bytes:
        database = given.get("database")
        client = clickhouse_connect.get_client(
            interface="chdb", path=self.path_of_engine, chdb_options=self.options, database=database
        )
        try:
            for name in ("max_execution_time", "max_memory_usage", "output_format_json_quote_64bit_integers"):
                if name in given:
                    client.set_client_setting(name, given[name])
            if body:
                head, _, form = sql.rpartition(" FORMAT ")
                with tempfile.NamedTemporaryFile() as file:
                    Path(file.name).write_bytes(body)
                    client.command(f"{head} from infile '{file.name}' format {form}")
                return b""
            named = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
            return client._backend._run(sql, "TabSeparated", params=named, database=database).bytes() or b""
        finally:
            client.close()

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def clickhouse_http(engine: Path, options: dict[str, str]):
    """The URL of a server over the engine that this process has open at `engine`."""
    front = type("OverEngine", (Front,), {"path_of_engine": str(engine), "options": options})
    server = ThreadingHTTPServer(("127.0.0.1", 0), front)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://default@127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
