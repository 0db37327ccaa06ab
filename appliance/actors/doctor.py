"""The doctor: looks at what the conversions settled, and at what fails to come; keeps what it found.

It never holds anybody up: what it is told waits in a short line, and what finds that full is passed over and
counted. Findings and rhythms are stored a while after they change and at the end; a kill in between loses
some seconds of counting, never a conversion.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import trio

from appliance.attribution.doctor import DAY_US, LANDING_DAYS, Doctor, Register, Remembered, views_of
from appliance.errors import Missing, Refused, Unavailable
from appliance.model.doctor import Finding, Observed
from appliance.ports import Runner
from appliance.reporting.landings import views_query
from appliance.reporting.sql import Query

log = logging.getLogger("weir.doctor")
MOST_WAITING = 32
"""Passes of the conversions, of 2,000 postbacks each at most. Full: the newest is passed over, counted."""
LEAVE = 2.0
"""Seconds for the last storing."""


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """Seconds: between two looks at silence, from a change to its storing (of rhythms too), between two looks
    at landing pages."""

    tick: float = 60.0
    save: float = 15.0
    save_all: float = 60.0
    landings: float = 600.0


class DoctorStore(Protocol):
    """What survives a restart. Blocking; raises Unavailable."""

    def load(self) -> tuple[list[Finding], Remembered]: ...

    def save(self, put: Sequence[Finding], gone: Sequence[str], known: Remembered | None) -> None:
        """Store all of it or nothing; without `known` that stays as it is."""


class DoctorActor:
    """`ask` raises Unavailable; `attentive` says whether all that arrives is seen soon. `run` under
    supervision."""

    def __init__(
        self,
        *,
        store: DoctorStore,
        register: Register,
        ask: Callable[[Query], Awaitable[Sequence[Mapping[str, int]]]],
        attentive: Callable[[], bool],
        run_blocking: Runner,
        now_us: Callable[[], int],
        pauses: Pauses | None = None,
    ) -> None:
        self._pauses = pauses or Pauses()
        self._store = store
        self._register = register
        self._ask = ask
        self._attentive = attentive
        self._blocking = run_blocking
        self._now_us = now_us
        self._doctor = Doctor(register)
        self._line: deque[Observed] = deque()
        self._wake = trio.Event()
        self._working = trio.Lock()
        self._found: tuple[Finding, ...] = ()
        self._unsaved = False
        self.passed_over = 0
        self.last_error = ""

    # What comes in

    def observed(self, seen: Observed) -> None:
        """What a pass came to; never waits."""
        if len(self._line) >= MOST_WAITING:
            self.passed_over += 1
            return
        self._line.append(seen)
        self._wake.set()

    def findings(self) -> tuple[Finding, ...]:
        """The newest first, muted ones too."""
        return self._found

    async def dismiss(self, id: str, mute: bool) -> None:
        """Put a finding away until it is seen again, or for good. Raises Missing."""
        if not await self._do(lambda doctor: doctor.dismiss(id, mute, self._now_us())):
            raise Missing("there is no such finding (any more)")

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load what is known, then look until cancelled."""
        findings, known = await self._blocking(self._store.load)
        self._doctor = Doctor(self._register, findings, known)
        self._found = self._doctor.findings()
        task_status.started()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look_at_landings)
                nursery.start_soon(self._keep)
                await self._look()
        finally:
            with trio.move_on_after(LEAVE, shield=True):
                await self._save(whole=True)

    async def _look(self) -> None:
        every = self._pauses.tick
        tick_at = trio.current_time() + every
        while True:
            self._wake = trio.Event()
            while self._line:
                seen = self._line.popleft()
                await self._do(partial(Doctor.observe, seen=seen, now_us=self._now_us()))
            if trio.current_time() >= tick_at:
                tick_at = trio.current_time() + every
                attentive = self._attentive() and not self._line
                await self._do(
                    partial(
                        Doctor.tick, now_us=self._now_us(), attentive=attentive, minutes=round(every / 60)
                    )
                )
            with trio.move_on_at(tick_at):
                await self._wake.wait()

    async def _do(self, work: Callable[[Doctor], bool | None]) -> bool | None:
        """One piece of the doctor's work, in a thread: a large one would hold up the loop."""

        def both() -> tuple[bool | None, tuple[Finding, ...]]:
            return work(self._doctor), self._doctor.findings()

        async with self._working:
            done, self._found = await self._blocking(both)
            self._unsaved = True
        return done

    async def _keep(self) -> None:
        last = trio.current_time()
        while True:
            await trio.sleep(self._pauses.save)
            if self._unsaved:
                whole = trio.current_time() - last >= self._pauses.save_all
                last = trio.current_time() if whole else last
                await self._save(whole)

    async def _save(self, whole: bool) -> None:
        """`whole`: with the rhythms, which are megabytes where there are a thousand networks."""
        async with self._working:
            self._unsaved = not whole
            put, gone = self._doctor.changes()
            known = self._doctor.known if whole else None
            try:
                await self._blocking(self._store.save, put, gone, known)
            except Unavailable as fault:
                self._unsaved = True
                self._doctor.not_stored(put, gone)
                if not self.last_error:
                    log.warning("findings cannot be stored", extra={"reason": fault.message})
                self.last_error = fault.message
            else:
                self.last_error = ""

    async def _look_at_landings(self) -> None:
        """A warehouse that is away is asked again the next time."""
        while True:
            try:
                rows = await self._ask(views_query(self._now_us() - LANDING_DAYS * DAY_US))
            except (Unavailable, Refused):
                pass
            else:
                pages = views_of(rows)
                now_us = self._now_us()
                await self._do(partial(Doctor.look_at_landings, pages=pages, now_us=now_us))
            await trio.sleep(self._pauses.landings)
