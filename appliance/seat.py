"""A seat is a place in the appliance that a child process fills: edge 0, edge 1, the core.

It restarts what dies, with backoff, and can replace an edge without a moment unserved.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Awaitable, Callable

import trio

from appliance.child import Child
from appliance.config import Settings

log = logging.getLogger("weir.parent")

FIRST_DELAY = 0.05
LONGEST_DELAY = 5.0
GOOD_RUN = 10.0
"""Seconds after which a ready child's death begins the backoff anew."""
READY_WITHIN = 20.0
"""Seconds from spawn to ready; the core needs 1.5 s for chDB on an idle machine (experiments.md d)."""
READY_AT_MOST = 320.0
"""Whoever follows one that was killed for being late has twice the time: a start that takes long on a busy
machine would be cut short for ever."""

Start = Callable[[Settings], Awaitable[Child]]
"""Spawns a child and begins to follow it. Raises OSError when the system refuses a process."""


def restart_delay(previous: float, lived: float, was_ready: bool) -> float:
    """Seconds to wait before the next start: 0.05 doubling up to 5; from the beginning after a good run."""
    if previous == 0 or (was_ready and lived >= GOOD_RUN):
        return FIRST_DELAY
    return min(previous * 2, LONGEST_DELAY)


class Seat:
    """`keep` runs as long as the appliance; everything else is called from beside it."""

    def __init__(self, name: str, settings: Settings, start: Start) -> None:
        self.name = name
        self.settings = settings
        """What the next child gets."""
        self.current: Child | None = None
        self.deaths = 0
        """Children that died without being asked to."""
        self.last_death = ""
        self._start = start
        self._lock = trio.Lock()
        """Held while a child is being started or replaced, so that there is never one too many."""
        self._closed = trio.Event()
        self._hurry = trio.Event()
        self._leaving: set[Child] = set()
        self._proven = False
        """A child has been ready with these settings: a later death is no fault of the configuration."""
        self._delay = 0.0
        self._ready_within = READY_WITHIN

    @property
    def serving(self) -> Child | None:
        """The child that serves now, if there is one."""
        return self.current if self.current is not None and self.current.serving else None

    def children(self) -> list[Child]:
        """Every child of this seat that is still alive: one, or two while one replaces the other."""
        known = self._leaving if self.current is None else {*self._leaving, self.current}
        return [child for child in known if not child.gone.is_set()]

    async def keep(self) -> None:
        """Fill the seat again and again until `close`."""
        while not self._closed.is_set():
            async with self._lock:
                if self._closed.is_set():
                    return
                if self.current is None:
                    self.current = await self._try_start(self.settings)
                child = self.current
            if child is None:
                await self._rest(LONGEST_DELAY)
                continue
            await self._until_ready(child)
            await child.gone.wait()
            if self.current is not child:
                continue  # replaced: the new one is sitting here already
            self.current = None
            if not self._closed.is_set() and not child.stopping:
                await self._rest(self._after_death(child))

    async def replace(self, settings: Settings, seconds: float) -> bool:
        """Start a second child beside the present one, and when it is ready stop that one.

        Both serve for a moment, so nobody is refused. False when the new one does not get ready: it is
        killed and the old one stays.
        """
        async with self._lock:
            old = self.current
            fresh = await self._try_start(settings)
            if fresh is None:
                return False
            self._leaving = {fresh, *(child for child in self._leaving if not child.gone.is_set())}
            await self._until_ready(fresh, keep=False)
            if not fresh.serving:
                return False
            self._leaving.discard(fresh)
            self.current, self.settings, self._proven = fresh, settings, True
            if old is not None:
                self._leaving.add(old)
            self._wake()
        if old is not None:
            began = trio.current_time()
            await old.stop(seconds)
            self._leaving.discard(old)
            took = round(trio.current_time() - began, 3)
            log.info("child replaced", extra={"child": self.name, "pid": fresh.pid, "seconds": took})
        return True

    async def restart(self, settings: Settings, seconds: float) -> None:
        """Stop the present child in order and start the next with `settings`: for what cannot run twice."""
        self.settings, self._proven, self._delay = settings, False, 0.0
        if self.current is not None:
            await self.current.stop(seconds)
        self._wake()

    async def close(self, seconds: float) -> None:
        """No more restarts; stop in order whoever is left, kill after `seconds`."""
        self.give_up()
        async with self._lock:  # whoever is being started right now
            pass
        async with trio.open_nursery() as nursery:
            for child in self.children():
                nursery.start_soon(child.stop, seconds)

    def give_up(self) -> None:
        """No more restarts: whoever leaves is not replaced."""
        self._closed.set()
        self._wake()

    def _wake(self) -> None:
        self._hurry.set()
        self._hurry = trio.Event()

    async def _rest(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._hurry.wait()

    async def _try_start(self, settings: Settings) -> Child | None:
        try:
            return await self._start(settings)
        except OSError as fault:  # no memory, no descriptors, too many processes
            log.error("cannot start a process", extra={"child": self.name, "error": str(fault)})
            return None

    async def _until_ready(self, child: Child, keep: bool = True) -> None:
        """Wait until `child` is ready or gone; kill it when that takes too long or we are cancelled."""
        try:
            with trio.move_on_after(self._ready_within) as late:
                async with trio.open_nursery() as nursery:

                    async def either(event: trio.Event) -> None:
                        await event.wait()
                        nursery.cancel_scope.cancel()

                    nursery.start_soon(either, child.gone)
                    nursery.start_soon(either, child.ready)
            if late.cancelled_caught:
                extra = {"child": self.name, "seconds": self._ready_within}
                log.error("killed: not ready in time", extra=extra)
                self._ready_within = min(self._ready_within * 2, READY_AT_MOST)
                child.kill()
            elif child.ready.is_set():
                took = trio.current_time() - child.began
                self._ready_within = max(READY_WITHIN, min(2 * took, READY_AT_MOST))
        except trio.Cancelled:
            if not keep:
                child.kill()
            raise

    def _after_death(self, child: Child) -> float:
        """Log the death, and how long to wait before the next start."""
        code = child.code or 0
        self._proven = self._proven or child.ready.is_set()
        # Dying by signal (out of memory, kill -9) says nothing about the configuration.
        refused = not self._proven and code > 0
        lived = trio.current_time() - child.began
        self._delay = LONGEST_DELAY if refused else restart_delay(self._delay, lived, child.ready.is_set())
        how = {"signal": signal.Signals(-code).name} if code < 0 else {"code": code}
        self.deaths += 1
        self.last_death = f"died of {how['signal']}" if code < 0 else f"ended with code {code}"
        facts = {"child": self.name, "pid": child.pid, **how, "lived": round(lived, 3), "delay": self._delay}
        if refused:
            log.error("child cannot start: correct the configuration and send SIGHUP", extra=facts)
        else:
            log.warning("child died, starts again", extra=facts)
        return self._delay
