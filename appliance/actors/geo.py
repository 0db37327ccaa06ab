"""The geo actor: keeps a process's databases of addresses as new as their files, without a restart.

A file is looked at every two seconds. One that changed is opened when it has not changed again until the next
look, so that nobody reads half of a download; until then, and when it turns out to be no use, what was read
before stays. No file at all is no fault: then its facts cannot be known, and rules that ask for them say so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import trio

from appliance.errors import Unavailable
from appliance.model.messages import AddressFileReport
from appliance.ports import AddressDatabase, Runner
from appliance.routing.detection import Detection
from appliance.routing.places import Places

log = logging.getLogger("weir.geo")
EVERY_SECONDS = 2.0

Open = Callable[[Path], AddressDatabase]
"""Raises OSError, or Unavailable saying why the file is no use. Blocking."""
Stamp = Callable[[Path], Hashable]
"""Changes whenever the file does. Raises OSError when there is none. Blocking."""


class _File:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.database: AddressDatabase | None = None
        self.tried: Hashable = None
        """The state that `database` is of, or that was found to be no use."""
        self.seen: Hashable = None
        self.refused = ""
        """Why that state is no use."""
        self.error = ""


class GeoWatch:
    """Owns the databases of `paths`: the first that knows a fact wins. Replaces detection.places."""

    def __init__(
        self, paths: Sequence[Path], open_file: Open, stamp: Stamp, runner: Runner, detection: Detection
    ) -> None:
        self._files = [_File(path) for path in paths]
        self._open = open_file
        self._stamp = stamp
        self._run = runner
        self._detection = detection

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ready when every file was looked at once; then until cancelled."""
        await self.look()
        task_status.started()
        while True:
            await trio.sleep(EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Open what changed. Never raises for what is wrong with a file."""
        changed = False
        for file in self._files:
            before, error = file.database, file.error
            await self._look_at(file)
            changed = changed or file.database is not before
            if file.error != error:
                extra = {"file": str(file.path), "why": file.error}
                if file.error:
                    log.warning("a database of addresses is not read", extra=extra)
                else:
                    log.info("a database of addresses is read again", extra={"file": str(file.path)})
        if changed:
            databases = [file.database for file in self._files if file.database is not None]
            known = frozenset(fact for database in databases for fact in database.facts)
            self._detection.places = Places([database.lookup for database in databases], known)
            log.info("addresses tell", extra={"facts": sorted(known), "files": len(databases)})

    async def _look_at(self, file: _File) -> None:
        try:
            now = await self._run(self._stamp, file.path)
            if now == file.tried:
                file.error = file.refused
                return
            settled = file.database is None or now == file.seen
            file.seen = now
            if settled:
                file.database = await self._run(self._open, file.path)
                file.tried, file.refused, file.error = now, "", ""
        except OSError as fault:
            file.error = fault.strerror or str(fault)
        except Unavailable as fault:
            file.tried, file.refused, file.error = now, fault.message, fault.message

    def report(self) -> tuple[AddressFileReport, ...]:
        """Every file, in order."""
        return tuple(map(_report, self._files))


def _report(file: _File) -> AddressFileReport:
    database = file.database
    if database is None:
        return AddressFileReport(path=str(file.path), error=file.error)
    return AddressFileReport(
        path=str(file.path),
        layout=database.layout,
        type=database.type,
        built_us=database.built_us,
        facts=tuple(sorted(database.facts)),
        error=file.error,
    )
