"""Unix sockets below the data directory, whose paths may be longer than the 107 bytes the kernel takes.

The directory is opened and the socket is named through /proc/self/fd/N, which is always short.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A short name of `path`, valid inside the block. Raises FileNotFoundError without its directory."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def listen(path: Path, backlog: int = 64) -> socket.socket:
    """A listening socket at `path` that only its owner may connect to; what stood there is replaced.

    The caller holds the data directory's lock, so nobody else can be listening there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_name(path) as name:
            listener.bind(name)
        path.chmod(0o600)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def connect(path: Path, timeout: float | None = None) -> socket.socket:
    """A connected socket with `timeout` set (0 makes it non-blocking).

    Raises FileNotFoundError or ConnectionRefusedError when nobody listens, another OSError when the
    backlog has no room in time.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.settimeout(timeout)
        with short_name(path) as name:
            client.connect(name)
    except BaseException:
        client.close()
        raise
    return client
