"""Files of interpreted events in a watched folder: taken by pieces, then moved to done/ or dead/.

A file is begun once it has not changed between two looks, so that one that is still being written waits.
What was taken of a file is remembered by its name, size and time: a kill in its midst takes nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from appliance.actors.intakes import Intakes
from appliance.actors.interpreter import PIECE, read_lines
from appliance.errors import Missing, Refused, Unavailable, WeirError
from appliance.model.ids import name_of
from appliance.model.interpreted import IntakeReport, Refusal, Taken, Waiting
from appliance.ports import Runner

log = logging.getLogger("weir.interpreter")
NAME = "folder"
MOST_REFUSALS = 10_000
"""Lines that dead/ names of a file."""


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """Seconds between looks, and before what could not be stored is tried again."""

    look: float = 2.0
    again: float = 1.0


class Files(Protocol):
    """stores/event_folder.EventFolder. Blocking; every method raises Unavailable."""

    def look(self) -> Sequence[Waiting]: ...

    def buried(self) -> int: ...

    def pieces(self, name: str, lines: int) -> Iterator[Sequence[bytes]]:
        """Raises Refused for what cannot be read, Missing for a file that is gone."""

    def done(self, name: str, refused: Sequence[Refusal]) -> None: ...

    def bury(self, name: str, reason: str) -> None: ...


class Sink(Protocol):
    """actors/interpreter.Interpreter."""

    async def take(
        self, batch_id: str, lines: Sequence[bytes], filtered: bool, origin: str = ""
    ) -> Taken: ...


class FolderIntake:
    """The actor; `where` is the folder as operators know it."""

    def __init__(
        self,
        *,
        files: Files,
        where: str,
        sink: Sink,
        intakes: Intakes,
        run_blocking: Runner,
        now_us: Callable[[], int],
        pauses: Pauses | None = None,
    ) -> None:
        self._files = files
        self._where = where
        self._sink = sink
        self._intakes = intakes
        self._blocking = run_blocking
        self._now_us = now_us
        self._pauses = pauses or Pauses()
        self._seen: frozenset[Waiting] = frozenset()
        self.taken = self.dead = self.events = 0
        self.waiting = -1
        self.buried = 0
        self._since: dict[str, int] = {}
        """When each file that waits was seen first: a copy may be as old as what it is a copy of."""
        self.last_us = 0
        self.last_error = ""
        intakes.register(NAME, self.report)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look and take until cancelled."""
        task_status.started()
        while True:
            await self._intakes.running(NAME)
            try:
                await self._look()
                self.last_error = ""
            except Unavailable as fault:
                self._note(fault)
            await trio.sleep(self._pauses.look)

    async def _look(self) -> None:
        found = await self._blocking(self._files.look)
        self.waiting = len(found)
        now_us = self._now_us()
        self._since = {it.name: self._since.get(it.name, now_us) for it in found}
        self.buried = await self._blocking(self._files.buried)
        settled = [file for file in found if file in self._seen]
        self._seen = frozenset(found)
        for file in settled:
            await self._intakes.running(NAME)
            await self._take(file)
            self.waiting -= 1

    async def _take(self, file: Waiting) -> None:
        """All of one file, for as long as it takes."""
        batch = name_of(file.name, str(file.size), str(file.changed_ns))
        pieces = self._files.pieces(file.name, PIECE)
        refused: list[Refusal] = []
        events = lines = number = 0
        try:
            while (piece := await self._blocking(next, pieces, None)) is not None:
                taken = await self._taken(f"folder:{batch}:{number}", piece)
                # What an earlier life took it did not write down as refused.
                wrong = (await self._blocking(read_lines, piece, 1))[1] if taken.again else taken.refused
                room = MOST_REFUSALS - len(refused)
                refused += [
                    Refusal(lines + each.line, each.field, each.reason) for each in wrong[: max(room, 0)]
                ]
                events += len(piece) - len(wrong)
                lines += len(piece)
                number += 1
        except Missing:
            return
        except Refused as fault:
            await self._bury(file.name, f"{fault.message}; {events:,} events before that were taken")
            return
        self.last_us = self._now_us()
        self.events += events
        if refused and not events:
            await self._bury(file.name, "\n".join(map(str, refused)))
            return
        await self._blocking(self._files.done, file.name, refused)
        self.taken += 1
        extra = {"file": file.name, "events": events, "refused": len(refused)}
        log.info("file of events taken", extra=extra)

    async def _taken(self, batch_id: str, piece: Sequence[bytes]) -> Taken:
        while True:
            try:
                return await self._sink.take(batch_id, piece, False, NAME)
            except WeirError as fault:  # the file has been read: it is no fault of its own
                self._note(fault)
                await trio.sleep(self._pauses.again)

    async def _bury(self, name: str, reason: str) -> None:
        await self._blocking(self._files.bury, name, reason)
        self.dead += 1
        log.warning("file of events not taken", extra={"file": name, "reason": reason[:200]})

    def _note(self, fault: WeirError) -> None:
        if fault.message != self.last_error:
            log.warning("files of events wait", extra={"reason": fault.message})
        self.last_error = fault.message

    def report(self) -> IntakeReport:
        return IntakeReport(
            name=NAME,
            kind="folder",
            where=self._where,
            batches=self.taken,
            failed=self.dead,
            events=self.events,
            waiting=self.waiting,
            dead=self.buried,
            oldest_us=min(self._since.values(), default=0),
            last_us=self.last_us,
            last_error=self.last_error,
        )
