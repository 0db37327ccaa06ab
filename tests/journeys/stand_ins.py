"""Appliances of stand-ins (tests/stand_in.py) and the visitors they get, for the journeys of the parent."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.rig import PATIENCE, Weir

STAND_IN = [sys.executable, "-m", "tests.stand_in"]
Start = Callable[..., Weir]


def get(address: tuple[str, int], path: str = "/0", timeout: float = PATIENCE, status: str = "200") -> str:
    """One request on a connection of its own; the body: a stand-in's is `"<index> <pid>"`."""
    with socket.create_connection(address, timeout=timeout) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while chunk := sock.recv(4096):
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}".encode()), data
    return body.decode()


def address(weir: Weir) -> tuple[str, int]:
    host, _, port = weir.where()["public"].rpartition(":")
    return host, int(port)


class Load:
    """A few clients, each opening a new connection per request, as visitors do."""

    def __init__(self, where: tuple[str, int], path: str, status: str) -> None:
        self.where = where
        self.path = path
        self.status = status
        self.answers: list[str] = []
        self.errors: list[str] = []
        self.longest = 0.0
        self.stop = threading.Event()

    def client(self) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self.answers.append(get(self.where, self.path, status=self.status))
            except (OSError, AssertionError) as fault:
                self.errors.append(repr(fault))
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.01)


@contextmanager
def load(
    where: tuple[str, int], clients: int = 4, path: str = "/0.002", status: str = "200"
) -> Iterator[Load]:
    running = Load(where, path, status)
    threads = [threading.Thread(target=running.client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        for thread in threads:
            thread.join()


HAND_OVER = """
import os, sys
names = sys.argv[1].split(":")
fds = [int(word) for word in sys.argv[2].split(",")]
for n, fd in enumerate(fds): os.dup2(fd, 100 + n)
for n, fd in enumerate(fds): os.dup2(100 + n, 3 + n)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
if any(names): os.environ["LISTEN_FDNAMES"] = ":".join(names)
os.execv(sys.argv[3], sys.argv[3:])
"""


def handed_over(fds: Sequence[int], names: Sequence[str] = (), argv: Sequence[str] = STAND_IN) -> list[str]:
    """The argv of a Weir that gets `fds` as systemd would pass them; give them as `pass_fds` too."""
    return [sys.executable, "-c", HAND_OVER, ":".join(names), ",".join(map(str, fds)), *argv]
