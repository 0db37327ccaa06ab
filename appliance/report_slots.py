"""Reports and exports at work: how many at once, how many may wait, and who ends them.

A thread that runs a statement cannot be given up, so a caller who leaves has its statement ended instead:
by its mark, from a client of its own (experiments.md d).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import trio

from appliance.actors.kernel import thread_runner
from appliance.errors import Unavailable
from appliance.operations.inquiries import NOBODY, Form, Inquiry, Running
from appliance.ports import Runner
from appliance.reporting.writing import Writer

MOST_WAITING = 64
WAIT_SECONDS = 60.0
"""Longer than this nobody waits for a slot."""
_CANCELLED = "this report was cancelled"


class Answer(Protocol):
    """stores.warehouse_stream.AnswerStream."""

    def read(self) -> bytes: ...


class Store(Protocol):
    """What of the warehouse reports use; every method blocks."""

    def query(self, sql: str, parameters: Mapping[str, object], mark: str) -> list[dict[str, Any]]: ...

    def stream(self, sql: str, parameters: Mapping[str, object], form: str, mark: str) -> Answer: ...

    def end(self, stream: Any) -> None: ...

    def cancel(self, mark: str) -> None: ...


class _Entry:
    """One inquiry between its question and its answer."""

    def __init__(self, number: int, inquiry: Inquiry) -> None:
        self.number = number
        self.inquiry = inquiry
        self.mark = f"weir-report-{number}-{secrets.token_hex(6)}"
        self.began = trio.current_time()
        self.waiting = True
        self.cancelled = False
        self.scope = trio.CancelScope()


_NOTHING = b"-"
"""Stands for a block of which nothing can be written yet."""


def _read(answer: Answer, writer: Writer) -> bytes:
    """In the export's thread: the next block of the file; b"" after the last."""
    block = answer.read()
    return block and (writer.turn(block) or _NOTHING)


class ReportSlots:
    """operations.inquiries.Reports. Reports and exports have slots and threads of their own."""

    def __init__(self, store: Store, slots: int, export_slots: int, currency: str) -> None:
        self._store = store
        self._currency = currency
        self._reports = trio.CapacityLimiter(slots)
        self._exports = trio.CapacityLimiter(export_slots)
        self._run_report = thread_runner(slots)
        self._run_export = thread_runner(export_slots)
        self._run_cancel = thread_runner(1)
        self._entries: dict[int, _Entry] = {}
        self._last = 0

    @property
    def currency(self) -> str:
        return self._currency

    def running(self) -> Sequence[Running]:
        now = trio.current_time()
        return [
            Running(entry.number, entry.inquiry, now - entry.began, entry.waiting)
            for entry in self._entries.values()
        ]

    async def cancel(self, number: int) -> None:
        entry = self._entries.get(number)
        if entry is not None:
            entry.cancelled = True
            entry.scope.cancel()
        await trio.lowlevel.checkpoint()

    async def rows(
        self, sql: str, params: Mapping[str, object], inquiry: Inquiry = NOBODY
    ) -> list[dict[str, Any]]:
        async with self._slot(self._reports, inquiry) as entry:
            answer: list[dict[str, Any]] = await self._ended(
                entry, self._run_report, self._store.query, sql, params, entry.mark
            )
            return answer
        raise Unavailable(_CANCELLED)

    async def stream(
        self,
        sql: str,
        params: Mapping[str, object],
        form: Form,
        writer: Writer,
        inquiry: Inquiry = NOBODY,
    ) -> AsyncGenerator[bytes, None]:
        # No scope may be open across a yield: each step has its own.
        entry = self._enter(inquiry)
        try:
            await self._acquire(self._exports, entry)
            try:
                open_ = (self._store.stream, sql, params, form, entry.mark)
                answer: Answer = await self._step(entry, *open_)
                front = writer.begin()
                try:
                    while block := await self._step(entry, _read, answer, writer):
                        if block is not _NOTHING:
                            yield front + block
                            front = b""
                    yield front + writer.end()
                finally:
                    with trio.CancelScope(shield=True):
                        await self._run_cancel(self._store.end, answer)
            finally:
                self._exports.release_on_behalf_of(entry)
        finally:
            del self._entries[entry.number]

    async def _step(self, entry: _Entry, work: Any, *arguments: object) -> Any:
        if not entry.cancelled:
            with trio.CancelScope() as entry.scope:
                return await self._ended(entry, self._run_export, work, *arguments)
        raise Unavailable(_CANCELLED)

    @asynccontextmanager
    async def _slot(self, slots: trio.CapacityLimiter, inquiry: Inquiry) -> AsyncIterator[_Entry]:
        entry = self._enter(inquiry)
        try:
            with entry.scope:
                await self._acquire(slots, entry)
                try:
                    yield entry
                finally:
                    slots.release_on_behalf_of(entry)
            if entry.cancelled:
                raise Unavailable(_CANCELLED)
        finally:
            del self._entries[entry.number]

    def _enter(self, inquiry: Inquiry) -> _Entry:
        if sum(entry.waiting for entry in self._entries.values()) >= MOST_WAITING:
            raise Unavailable("too many reports wait already; try again")
        self._last += 1
        entry = self._entries[self._last] = _Entry(self._last, inquiry)
        return entry

    async def _acquire(self, slots: trio.CapacityLimiter, entry: _Entry) -> None:
        with trio.move_on_after(WAIT_SECONDS):
            await slots.acquire_on_behalf_of(entry)
            entry.waiting = False
        if entry.waiting:
            raise Unavailable("other reports or exports are in the way; try again")

    async def _ended(self, entry: _Entry, run: Runner, work: Any, *arguments: object) -> Any:
        """The result of blocking work; when this task is cancelled, its statement is ended and awaited."""
        done = trio.Event()

        async def watch() -> None:
            try:
                await done.wait()
            except trio.Cancelled:
                with trio.CancelScope(shield=True):
                    await self._kill(entry, done)
                raise

        fault: Exception | None = None
        result: Any = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            with trio.CancelScope(shield=True):
                try:
                    result = await run(work, *arguments)
                except Exception as raised:  # raised below: the nursery would wrap whatever it is
                    fault = raised
                done.set()
        if fault is not None:
            raise fault
        return result

    async def _kill(self, entry: _Entry, done: trio.Event) -> None:
        """Until it has ended: a statement that has not begun yet cannot be found."""
        while not done.is_set():
            try:
                await self._run_cancel(self._store.cancel, entry.mark)
            except Unavailable:
                pass
            with trio.move_on_after(0.5):
                await done.wait()
