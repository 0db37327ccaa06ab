"""What the parent tells the world: run/weir.json, that Weir is ready, what to try, how systemd finds it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trio

from appliance import __version__
from appliance.datadir import write_run_file
from appliance.seat import Seat
from appliance.systemd import Systemd

log = logging.getLogger("weir.parent")

PATIENCE_WITH_CORE = 10.0
"""Edges serve without a core; after this long that is said."""


class Notice:
    """Says each thing once, and writes run/weir.json whenever its content changes."""

    def __init__(
        self,
        data: Path,
        public: str,
        edges: Sequence[Seat],
        core: Seat,
        began: float,
        systemd: Systemd,
    ) -> None:
        self._data = data
        self._public = public
        self._edges = edges
        self._core = core
        self._began = began
        self._systemd = systemd
        self._written: dict[str, Any] = {}
        self._said: set[str] = set()

    def update(self) -> None:
        """Look at the children and say what has become true. Called at every change."""
        self._write()
        serving = sum(seat.serving is not None for seat in self._edges)
        edges = serving == len(self._edges)
        core = self._core.serving
        away = "the core is ready" if core else "the core is not ready: clicks are answered, reports wait"
        status = f"{serving} of {len(self._edges)} edges serve on {self._public}; {away}"
        self._systemd.update(edges, status)  # ready without a core: a click needs none
        seconds = trio.current_time() - self._began
        facts = {"public": self._public, "seconds": round(seconds, 3)}
        if core is not None and edges and self._first("ready"):
            self._said.add("no core")
            log.info("ready", extra={**facts, "admin": core.word.get("admin", "")})
        if edges and seconds > PATIENCE_WITH_CORE and self._first("no core"):
            log.warning("edges are ready, the core is not: visitors are served, reports wait", extra=facts)
        if core is not None and self._first("printed"):
            admin = core.word.get("admin")
            _print(f"Weir {__version__} listens on {self._public}; admin at http://{admin}/")
            _print(*(str(line) for line in core.word.get("try", ())))

    def _first(self, what: str) -> bool:
        if what in self._said:
            return False
        self._said.add(what)
        return True

    def _write(self) -> None:
        """As soon as one edge serves; the core's address follows when it is known, and when it changes."""
        if not self._written and not any(seat.serving for seat in self._edges):
            return
        word = {} if self._core.serving is None else self._core.serving.word
        content = {
            "pid": os.getpid(),
            "public": self._public,
            "admin": word.get("admin") or self._written.get("admin", ""),
            "version": __version__,
            "children": [_told(seat) for seat in (*self._edges, self._core)],
        }
        if content == self._written:
            return
        try:
            write_run_file(self._data, content)
            self._written = content
            self._said.discard("no run file")
        except OSError as fault:  # a full disk: tried again at the next tick
            if self._first("no run file"):
                log.error("cannot write run/weir.json", extra={"error": str(fault)})


def _told(seat: Seat) -> dict[str, Any]:
    """A ProcessReport of model/status.py; the core reads it from run/weir.json."""
    child = seat.current
    state = "down" if child is None else "running" if child.serving else "starting"
    return {
        "name": seat.name,
        "pid": 0 if child is None else child.pid,
        "state": state,
        "restarts": seat.deaths,
        "last_error": seat.last_death,
    }


def _print(*lines: str) -> None:
    """For a person; nobody may be there any more."""
    try:
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError as fault:
        log.debug("nobody reads stdout", extra={"error": str(fault)})
