"""`weir events send FILE`: interpreted events of a file into a running Weir, by any of its ways in.

Sending the same file twice reports nothing twice: an event is known by its session and keyword.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from appliance.call import call
from appliance.errors import Missing, Refused, Unavailable, WeirError
from appliance.stores.event_folder import EventFolder

LINES = 2_000
MOST_BYTES = 3_000_000
"""Of one request: POST /api/events takes 5 MB and 10,000 lines, events.import 4 million characters."""
SECONDS = 60.0
ATTEMPTS = 10
LONGEST_PAUSE = 30.0
SHOWN = 20
"""Refused lines that are shown."""


class Answered(NamedTuple):
    """What came of some lines; `refused` are (line among them, field, reason), `further` more than these."""

    taken: int
    refused: Sequence[tuple[int, str, str]]
    further: int = 0


Send = Callable[[Sequence[bytes]], Answered]


def send(file: Path, to: Send, out: IO[str], err: IO[str]) -> int:
    """Send a file's events in pieces and say what became of them; the exit code: 1 when any was refused."""
    taken = refused = before = 0
    for piece in _pieces(file):
        answer = to(piece)
        taken += answer.taken
        for line, field, reason in answer.refused:
            refused += 1
            if refused <= SHOWN:
                named = f"{field}: " if field else ""
                err.write(f"event {before + line}: {named}{reason}\n")
        refused += answer.further
        before += len(piece)
    if refused > SHOWN:
        err.write(f"and {refused - SHOWN:,} more\n")
    out.write(f"{taken:,} events taken, {refused:,} refused\n")
    return 1 if refused else 0


def into_folder(file: Path, folder: Path) -> Path:
    """Put a copy into a watched folder, under its name, once it is whole; where it is now."""
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder")
    target, number = folder / file.name, 1
    while target.exists():
        target, number = folder / f"{number}-{file.name}", number + 1
    partial = folder / f".{target.name}.part"
    try:
        shutil.copyfile(file, partial)
        partial.rename(target)
    except OSError as fault:
        partial.unlink(missing_ok=True)
        raise Unavailable(f"{file} cannot be copied to {folder}: {fault.strerror}") from None
    return target


def at(url: str, token: str) -> Send:
    """POST /api/events of the public port at `url`, with an account's intake token."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url} is no address such as https://go.example.com")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}

    def connect() -> http.client.HTTPConnection:
        if parts.scheme == "http":
            return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=SECONDS)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(str(parts.hostname), parts.port, timeout=SECONDS, context=context)

    def post(lines: Sequence[bytes]) -> Answered:
        body = b"\n".join(lines)
        for attempt in range(ATTEMPTS):
            connection = connect()
            try:
                connection.request("POST", parts.path.rstrip("/") + "/api/events", body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as fault:
                if attempt + 1 == ATTEMPTS:
                    raise Unavailable(f"no Weir answers at {url}: {fault}") from None
                time.sleep(min(0.5 * 2.0**attempt, LONGEST_PAUSE))
                continue
            finally:
                connection.close()
            if answer.status in (429, 503) and attempt + 1 < ATTEMPTS:
                time.sleep(_pause(answer.getheader("Retry-After", ""), attempt))
                continue
            return _read(url, answer.status, text)
        raise Unavailable(f"{url} takes nothing now")

    return post


def here(data: Path, *, filtered: bool = False) -> Send:
    """The operation events.import of the Weir that runs on `data`."""

    def ask(lines: Sequence[bytes]) -> Answered:
        text = b"\n".join(lines).decode("utf-8", "replace")
        out, err = io.StringIO(), io.StringIO()
        code = call(data, "events.import", json.dumps({"text": text, "filtered": filtered}), out, err)
        said = json.loads(out.getvalue() or err.getvalue())
        if code:
            raise Unavailable(str(said["error"]["message"]))
        if said["again"]:
            return Answered(len(lines), ())
        named = [(each["line"], each["field"], each["reason"]) for each in said["refused"]]
        return Answered(said["read"], named, len(lines) - said["read"] - len(named))

    return ask


def _pieces(file: Path) -> Iterator[list[bytes]]:
    """Raises Refused for what cannot be read."""
    try:
        for lines in EventFolder(file.parent).pieces(file.name, LINES):
            piece: list[bytes] = []
            size = 0
            for line in lines:
                if piece and size + len(line) > MOST_BYTES:
                    yield piece
                    piece, size = [], 0
                # A line of an array may hold breaks.
                piece.append(line.replace(b"\n", b" ").replace(b"\r", b" "))
                size += len(line) + 1
            yield piece
    except (Missing, Unavailable, Refused) as fault:
        raise Refused(f"{file}: {fault.message}") from None


def _pause(wanted: str, attempt: int) -> float:
    seconds = float(wanted) if wanted.isascii() and wanted.isdecimal() else 0.5 * 2.0**attempt
    return min(seconds, LONGEST_PAUSE)


def _read(url: str, status: int, text: bytes) -> Answered:
    try:
        said: Any = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise WeirError(f"what answers at {url} is no Weir (HTTP {status})")
    if "taken" not in said:
        error = said.get("error")
        message = error.get("message") if isinstance(error, dict) else error
        raise WeirError(f"{url} takes no events: {message or f'HTTP {status}'}")
    named = [
        (int(each.get("line", 0)), str(each.get("field", "")), str(each.get("reason", "")))
        for each in said.get("refused", ())
    ]
    return Answered(int(said["taken"]), named, int(said.get("more", 0)))


def readable(file: Path) -> Path:
    """The file, if it can be read. Raises Refused."""
    if not os.access(file, os.R_OK) or not file.is_file():
        raise Refused(f"{file} is no file that can be read")
    return file
