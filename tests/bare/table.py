"""The proof's checks: each is a block that passes unless it raises, printed when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class Skipped(Exception):
    """This check means nothing here; the reason is shown."""


@dataclass
class Note:
    """What a check adds to its own line."""

    text: str = ""


@dataclass
class Table:
    """Every check so far."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @contextmanager
    def check(self, name: str) -> Iterator[Note]:
        """One check. A failed one does not end the proof; what needs it fails too and says why."""
        note, began = Note(), time.monotonic()
        try:
            yield note
        except Skipped as reason:
            self.skipped.append(name)
            self._line("skip", name, began, str(reason))
        except Exception as fault:
            self.failed.append(name)
            self._line("FAIL", name, began, f"{type(fault).__name__}: {fault}")
        else:
            self.passed.append(name)
            self._line("ok", name, began, note.text)

    def _line(self, verdict: str, name: str, began: float, text: str) -> None:
        shown = text if verdict == "FAIL" else text[:200]
        print(f"{verdict:<4} {time.monotonic() - began:6.1f} s  {name:<58} {shown}".rstrip(), flush=True)

    def closing_line(self) -> str:
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"bare: {len(self.passed) + len(self.failed)} checks, {len(self.failed)} failed{skipped}"
