"""The intake that needs no cloud: interpreted events in the edges' journals, and postbacks that are events.

It keeps its own place in every journal, stored with what follows from it. While a pixel or the warehouse
takes nothing more, the journals keep what arrives; while it is paused, which may be for days, it puts that
aside, because the journals hold clicks too and must be able to go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec
import trio

from appliance.actors.intakes import Intakes
from appliance.actors.interpreter import Marked
from appliance.errors import WeirError
from appliance.model.catalog import Layout
from appliance.model.events import InterpretedReceived, PostbackLogEvent, decode
from appliance.model.interpreted import IntakeReport, Taken
from appliance.model.status import ConsumerReport
from appliance.partners.interpreted import Interpreted, Unreadable, parsed
from appliance.partners.layouts import laid_out
from appliance.partners.reckoning import Progress
from appliance.ports import Entry, Journals, Runner

log = logging.getLogger("weir.interpreter")
NAME = "events"
_EVENT, _POSTBACK = b"interpreted_received", b"postback_log_events"
_TAG_WITHIN = 40
"""Bytes of a record within which its tag stands."""
Log = tuple[int, int]
_Read = tuple[Log, Sequence[Entry], "Found"]
"""A piece of a journal, and what it holds for us."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Entries per read, and rhythms in seconds."""

    read: int = 2_000
    discover: float = 0.5
    poll: float = 0.2
    save: float = 1.0
    pause: float = 1.0


class Sink(Protocol):
    """actors/interpreter.Interpreter."""

    async def take_entries(
        self, events: Sequence[Marked], last: int, progress: Callable[[int], Progress], origin: str
    ) -> Taken: ...


class Shelf(Protocol):
    """Where this has its place, and puts aside what it may not take. Blocking; raises Unavailable."""

    def offsets(self) -> Mapping[Log, int]: ...

    def shelve(self, edge: int, epoch: int, seq: int, bodies: Sequence[bytes]) -> None: ...

    def shelved(self, limit: int) -> Sequence[Entry]: ...


class Found(NamedTuple):
    """What a piece of a journal holds for us, and as what records; `requests` are of POST /api/events."""

    events: list[Marked]
    bodies: list[bytes]
    refused: int
    requests: int
    newest_us: int


def found_in(entries: Sequence[Entry], layout: Callable[[int], Layout]) -> Found:
    """Events among these entries; what is no event any more (a line was checked before it was journaled) is
    counted. `layout` says what a network's postbacks are, "" for nothing of ours."""
    events: list[Marked] = []
    bodies: list[bytes] = []
    refused = newest_us = 0
    requests: set[str] = set()
    for seq, body in entries:
        of_ours = body.find(_EVENT, 0, _TAG_WITHIN) > 0
        if not of_ours and body.find(_POSTBACK, 0, _TAG_WITHIN) < 0:
            continue
        try:
            record = decode(body)
        except (msgspec.MsgspecError, ValueError):  # ValueError: a text that is no UTF-8
            refused += of_ours
            continue
        event: Interpreted | Unreadable | None = None
        if isinstance(record, InterpretedReceived):
            line = record.line.encode("utf-8", "surrogatepass")
            sealed_us = record.at_us if record.v >= 2 else 0
            event = parsed(line, record.sealed, sealed_us, NAME, record.ad_account_id)
            requests.add(record.request_id)
            newest_us = max(newest_us, record.at_us)
        elif isinstance(record, PostbackLogEvent) and record.stage == "received":
            of = layout(record.network_id)
            if of:
                event = laid_out(of, record.params, record.at_us)
            if isinstance(event, Interpreted):
                event = msgspec.structs.replace(event, sealed=record.sealed, intake="postbacks")
        if isinstance(event, Interpreted):
            events.append((seq, event))
            bodies.append(body)
        elif event is not None:
            refused += 1
    return Found(events, bodies, refused, len(requests), newest_us)


def _of(log_: Log) -> Callable[[int], Progress]:
    return lambda seq: Progress(offsets={log_: seq})


class InterpretedTail:
    """The actor; `layout` is asked by a network's number."""

    def __init__(
        self,
        *,
        journals: Journals,
        shelf: Shelf,
        sink: Sink,
        intakes: Intakes,
        layout: Callable[[int], Layout],
        run_blocking: Runner,
        limits: Limits | None = None,
    ) -> None:
        self._journals = journals
        self._shelf = shelf
        self._sink = sink
        self._intakes = intakes
        self._layout = layout
        self._blocking = run_blocking
        self._limits = limits or Limits()
        self._offsets: dict[Log, int] = {}
        self._unsaved: dict[Log, int] = {}
        self._in_hand: tuple[Log | None, Sequence[Entry]] | None = None
        """What is being taken, of a journal or (None) of what was put aside."""
        self._in_doubt = False
        """Something failed: the store may have more of what is in hand than is known here."""
        self._ahead: Sequence[_Read] | None = None
        """What follows what is in hand, read while that was taken."""
        self._saved_at = self._discovered_at = -1e9
        self.requests = self.events = self.refused = 0
        self.last_us = 0
        self.last_error = ""
        intakes.register(NAME, self.report)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read until cancelled."""
        await self._intakes.load()
        self._offsets = dict(await self._blocking(self._shelf.offsets))
        self._unsaved.clear()
        self._in_hand, self._in_doubt, self._ahead = None, False, None
        self._saved_at = self._discovered_at = -1e9
        await self._blocking(self._journals.reopen)
        task_status.started()
        while True:
            try:
                if self._in_doubt:
                    await self._recollect()
                busy = await self._take_shelved() or await self._pass()
                self.last_error = ""
            except WeirError as fault:
                self._in_doubt = True
                if fault.message != self.last_error:
                    log.warning("events wait in the journals", extra={"reason": fault.message})
                self.last_error = fault.message
                await trio.sleep(self._limits.pause)
                continue
            if not busy:
                await trio.sleep(self._limits.poll)

    async def _pass(self) -> bool:
        """Read a piece of every journal, and take it or put it aside; True when there was anything."""
        now = trio.current_time()
        if now - self._discovered_at >= self._limits.discover:
            self._discovered_at = now
            await self._blocking(self._journals.discover)
        pieces, self._ahead = self._ahead, None
        if pieces is None:
            pieces = await self._blocking(self._read, self._offsets)
        failed = None
        async with trio.open_nursery() as nursery:
            if any(found.events for _, _, found in pieces):
                nursery.start_soon(self._read_ahead, pieces)
            try:
                ended = await self._take(pieces)
            except Exception as fault:  # out of a nursery it would come within a group
                failed = fault
        if failed is not None:
            raise failed
        if self._unsaved and (ended or trio.current_time() - self._saved_at >= self._limits.save):
            await self._save()
        return any(entries for _, entries, _ in pieces)

    async def _take(self, pieces: Sequence[_Read]) -> bool:
        """Take them, or put them aside; True when a journal has ended."""
        paused = self._intakes.paused(NAME)
        ended = False
        for log_, entries, found in pieces:
            last = entries[-1].seq if entries else 0
            ended = ended or not last
            if not last:
                continue
            if not found.events:
                self._unsaved[log_] = last
            elif paused:
                await self._blocking(self._shelf.shelve, *log_, last, found.bodies)
                self._unsaved.pop(log_, None)
            else:
                self._in_hand = log_, entries
                await self._sink.take_entries(found.events, last, _of(log_), NAME)
                self._in_hand = None
                self._unsaved.pop(log_, None)
            self._offsets[log_] = last
            if not paused:
                self._count(found)
            self.refused += found.refused
        return ended

    async def _read_ahead(self, pieces: Sequence[_Read]) -> None:
        """What follows these, while they are taken: SQLite lets go of the interpreter."""
        lasts = {log_: entries[-1].seq for log_, entries, _ in pieces if entries}
        with suppress(Exception):  # whatever it is, the next read meets it again
            self._ahead = await self._blocking(self._read, {**self._offsets, **lasts})

    async def _take_shelved(self) -> bool:
        """Take what was put aside while this was paused, before anything that came later."""
        if self._intakes.paused(NAME):
            return False
        entries = await self._blocking(self._shelf.shelved, self._limits.read)
        if not entries:
            return False
        found = await self._blocking(found_in, entries, self._layout)
        self._in_hand = None, entries
        await self._sink.take_entries(
            found.events, entries[-1].seq, lambda number: Progress(shelved=number), NAME
        )
        self._in_hand = None
        self._count(found)
        return True

    async def _recollect(self) -> None:
        """Go by what is stored, and count what is. A read is taken by several commits, of which some may have
        gone well; what was read ahead of them without events in it stays read: its journal may have ended."""
        stored = await self._blocking(self._shelf.offsets)
        self._ahead = None  # it follows what was not taken; a journal may have ended in it
        await self._blocking(self._journals.reopen)
        if self._in_hand is not None:
            log_, entries = self._in_hand
            upto = stored.get(log_, 0) if log_ else 0
            if log_ is None:
                left = await self._blocking(self._shelf.shelved, 1)
                upto = left[0].seq - 1 if left else entries[-1].seq
            taken = [entry for entry in entries if entry.seq <= upto]
            found = await self._blocking(found_in, taken, self._layout)
            self._count(found)
            self.refused += found.refused
        self._unsaved = {log_: last for log_, last in self._unsaved.items() if last > stored.get(log_, 0)}
        self._offsets = {**stored, **self._unsaved}
        self._in_hand, self._in_doubt = None, False

    def _count(self, found: Found) -> None:
        self.requests += found.requests
        self.events += len(found.events)
        self.last_us = max(self.last_us, found.newest_us)

    def _read(self, offsets: Mapping[Log, int]) -> list[_Read]:
        """Pieces of journals, without entries for one that has ended."""
        pieces = self._journals.read(offsets, self._limits.read, lambda edge: False)
        return [
            ((it.edge, it.epoch), it.entries, found_in(it.entries, self._layout))
            for it in pieces
            if it.entries or it.ended
        ]

    async def _save(self) -> None:
        """How far journals were read that had nothing for us: nobody may remove them before."""
        for log_, last in list(self._unsaved.items()):
            await self._sink.take_entries((), last, _of(log_), NAME)
            del self._unsaved[log_]
        self._saved_at = trio.current_time()

    def report(self) -> IntakeReport:
        return IntakeReport(
            name=NAME,
            kind="http",
            where="POST /api/events, and postbacks of networks with a layout",
            batches=self.requests,
            failed=self.refused,
            events=self.events,
            last_us=self.last_us,
            last_error=self.last_error,
        )

    def consumers(self) -> tuple[ConsumerReport, ...]:
        """How far each journal was read."""
        return tuple(
            ConsumerReport(consumer="interpreter", edge=edge, epoch=epoch, seq=seq)
            for (edge, epoch), seq in sorted(self._offsets.items())
        )
