"""What the edge is measured beside: nginx `return 302`, and a bare ASGI 302 on Hypercorn. One core each."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig import ROOT

SERVER_CORE = "0"
TARGET = "https://offer.example/land?cid=01a0c450-6c00-73e8-a65a-bd25bfe33ee8&s=p45&src=push"


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    """The smallest ASGI application that redirects."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"location", TARGET.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen")


@contextmanager
def _served(argv: list[str], port: int, log: Path) -> Iterator[str]:
    with log.open("wb") as out:
        process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *argv], stdout=out, stderr=out, cwd=ROOT)
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def nginx(folder: Path) -> Iterator[str | None]:
    """None, with the reason printed, where it is not installed."""
    if shutil.which("nginx") is None:
        print("not measured: nginx is not installed (apt install nginx-light)")
        yield None
        return
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        "events { worker_connections 4096; }\n"
        "http { access_log off; keepalive_requests 1000000000;\n"
        f"  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 302 {TARGET}; }} }} }}\n"
    )
    with _served(["nginx", "-c", str(config)], port, folder / "nginx.out") as url:
        yield url


@contextmanager
def hypercorn(folder: Path) -> Iterator[str]:
    port = free_port()
    argv = [
        sys.executable, "-W", "ignore", "-m", "hypercorn", "-k", "trio", "-b", f"127.0.0.1:{port}",
        "--keep-alive", "60", "tests.bench.rivals:app",
    ]  # fmt: skip
    with _served(argv, port, folder / "hypercorn.out") as url:
        yield url
