"""A folder in which files of interpreted events are put; done/ and dead/ in it take what was read."""

from __future__ import annotations

import gzip
import itertools
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from appliance.errors import Missing, Refused, Unavailable
from appliance.model.interpreted import Refusal, Waiting
from appliance.partners.documents import events_of

DONE, DEAD = "done", "dead"
REASONS = ".reasons.txt"
_PARTIAL = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~")
_WHOLE = 8 << 20
"""Up to here a file is read at once, whatever it holds."""
MOST_ARRAY = 64 << 20
"""Of a JSON array, unpacked; a file with an event a line may have any size."""
LONGEST_LINE = 1 << 20
MOST_FILES = 10_000
"""Seen at one look; the others at a later one."""


class _Reads(Protocol):
    def read(self, size: int, /) -> bytes: ...


class EventFolder:
    """Blocking. Raises Unavailable for what the disk does not do now."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def look(self) -> list[Waiting]:
        """Files that wait, by name: no folders, nothing hidden, nothing that says it is partial."""
        found: list[Waiting] = []
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name.lower().endswith(_PARTIAL):
                        continue
                    facts = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(facts.st_mode):
                        found.append(Waiting(entry.name, facts.st_size, facts.st_mtime_ns))
                        if len(found) >= MOST_FILES:
                            break
        except OSError as fault:
            raise Unavailable(f"{self.path} cannot be read: {fault.strerror}") from fault
        return sorted(found)

    def buried(self) -> int:
        """How many files dead/ says something of; who has mended one takes that away."""
        try:
            with os.scandir(self.path / DEAD) as entries:
                some = itertools.islice(entries, 2 * MOST_FILES)
                return sum(entry.name.endswith(REASONS) for entry in some)
        except FileNotFoundError:
            return 0
        except OSError as fault:
            raise Unavailable(f"{self.path / DEAD} cannot be read: {fault.strerror}") from fault

    def pieces(self, name: str, lines: int) -> Iterator[Sequence[bytes]]:
        """A file's events, so many at a time. Raises Refused for what is broken, Missing for a file that is
        gone; what came before that is right."""
        try:
            with _unpacking(self.path / name) as file:
                head = file.read(_WHOLE + 1)
                if len(head) <= _WHOLE:
                    yield from _chunks(events_of(head), lines)
                elif head.lstrip()[:1] == b"[":
                    body = head + file.read(MOST_ARRAY + 1 - len(head))
                    if len(body) > MOST_ARRAY:
                        raise Refused(f"an array of more than {MOST_ARRAY:,} bytes: write an event a line")
                    yield from _chunks(events_of(body), lines)
                else:
                    yield from _streamed(head, file, lines)
        except FileNotFoundError:
            raise Missing(f"{name} is gone") from None
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise Refused("its gzip is broken or cut short") from None
        except OSError as fault:
            raise Unavailable(f"{name} cannot be read: {fault.strerror or fault}") from fault

    def done(self, name: str, refused: Sequence[Refusal]) -> None:
        """All of it was taken but for these lines, which dead/ names."""
        if refused:
            self._note(name, "".join(f"{each}\n" for each in refused))
        self._move(name, DONE)

    def bury(self, name: str, reason: str) -> None:
        """It cannot be taken."""
        self._note(name, reason + "\n")
        self._move(name, DEAD)

    def _note(self, name: str, text: str) -> None:
        try:
            folder = self.path / DEAD
            folder.mkdir(exist_ok=True)
            (folder / f"{name}{REASONS}").write_text(text, "utf-8")
        except OSError as fault:
            raise Unavailable(f"{self.path / DEAD} cannot be written: {fault.strerror}") from fault

    def _move(self, name: str, to: str) -> None:
        """Whatever is there of the same name stays: the new one gets a number."""
        try:
            folder = self.path / to
            folder.mkdir(exist_ok=True)
            target, number = folder / name, 1
            while target.exists():
                target, number = folder / f"{number}-{name}", number + 1
            (self.path / name).rename(target)
        except FileNotFoundError:
            return  # somebody took it away himself
        except OSError as fault:
            raise Unavailable(f"{name} cannot be moved to {to}: {fault.strerror}") from fault


@contextmanager
def _unpacking(path: Path) -> Iterator[_Reads]:
    """The file, or what its gzip holds."""
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        yield gzip.GzipFile(fileobj=file) if packed else file


def _chunks(events: Sequence[bytes], lines: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(events), lines):
        yield events[start : start + lines]


def _streamed(head: bytes, file: _Reads, lines: int) -> Iterator[Sequence[bytes]]:
    rest = head
    found: list[bytes] = []
    while True:
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if stripped := line.strip():
                found.append(stripped)
                if len(found) == lines:
                    yield found
                    found = []
        if len(rest) > LONGEST_LINE:
            raise Refused(f"a line of more than {LONGEST_LINE:,} bytes")
        more = file.read(LONGEST_LINE)
        if not more:
            break
        rest += more
    if rest.strip():
        found.append(rest.strip())
    if found:
        yield found
