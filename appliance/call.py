"""`weir call`: one operation of a running Weir, over its call socket. Imports little, so it starts fast.

The answer goes to stdout as JSON (indented on a terminal), an error to stderr in the same shape that every
door uses.
"""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from appliance import unix

_BLOCK = 1 << 16
LONGEST_ANSWER_WAIT = 120.0
"""Seconds: a report may take up to warehouse.query_seconds, the rest answers in milliseconds."""
LONGEST_FILLING_WAIT = 900.0
"""After the last of a million entries: ten seconds of work for a core that is left alone."""


def call(
    data: Path,
    name: str,
    payload: str,
    out: IO[str] | None = None,
    err: IO[str] | None = None,
    entries: IO[bytes] | None = None,
) -> int:
    """Call `name` with the JSON text `payload`; the exit code: 0, or 1 after an error on stderr.

    `entries` are those of a list, one a line, however many.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        request = {"name": name, "payload": json.loads(payload), "entries": entries is not None}
    except (ValueError, RecursionError) as fault:
        return fail(err, "refused", f"the payload is no JSON: {fault}")
    try:
        answer = _exchange(data / "run" / "call.sock", json.dumps(request).encode() + b"\n", entries)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        way_out = f"start it with `weir --data {data} serve`, or name another --data"
        return fail(err, "unavailable", f"no Weir is running on {data}; {way_out}")
    except PermissionError:
        return fail(err, "forbidden", f"{data} belongs to another user; call as the one that runs Weir")
    except TimeoutError:
        waited = LONGEST_ANSWER_WAIT if entries is None else LONGEST_FILLING_WAIT
        return fail(err, "unavailable", f"no answer within {waited:g} s")
    except OSError as fault:
        return fail(err, "unavailable", f"the connection to Weir broke: {fault}")
    if not answer:
        return fail(err, "unavailable", "Weir closed the connection without an answer; is it stopping?")
    try:
        body = json.loads(answer)
    except ValueError:
        return fail(err, "unavailable", "the connection broke within the answer")
    failed = isinstance(body, dict) and set(body) == {"error"}
    show(answer, err if failed else out)
    return 1 if failed else 0


def _exchange(path: Path, request: bytes, entries: IO[bytes] | None) -> bytes:
    wait = LONGEST_ANSWER_WAIT if entries is None else LONGEST_FILLING_WAIT
    with unix.connect(path, wait) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            # A request that is too long is refused before its end: the answer says so.
            connection.sendall(request)
            while entries is not None and (block := entries.read(_BLOCK)):
                connection.sendall(block)
            connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        try:
            while data := connection.recv(1 << 16):
                received += data
        except ConnectionResetError:  # how a unix socket ends whose other side left something unread
            if not received:
                raise
        return bytes(received)


def show(answer: bytes, where: IO[str]) -> None:
    """An answer as it was sent, number for number: through a float, money would not be exact."""
    if where.isatty():
        answer = msgspec.json.format(answer, indent=2)
    where.write(answer.decode().strip() + "\n")
    where.flush()


def fail(err: IO[str], code: str, message: str) -> int:
    """Show an error of this side; the exit code."""
    error = {"error": {"code": code, "message": message, "fields": []}}
    show(json.dumps(error, ensure_ascii=False).encode(), err)
    return 1
