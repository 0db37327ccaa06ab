"""The healthcheck: asks the destinations that have a probe whether they are well, and says who is not.

What is known of a destination is stored when it changes, and that is what a restart begins with: nobody is
healthy by default. A change goes into the warehouse as an event, stored together with it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import trio

from appliance.errors import Missing, Refused, Unavailable
from appliance.model.catalog import Destination
from appliance.model.events import DestinationHealthEvent
from appliance.model.health import Health, Seen
from appliance.model.rules import Probe
from appliance.ports import Runner
from appliance.routing import verdicts
from appliance.routing.probes import READ_BYTES, after, verdict

log = logging.getLogger("weir.healthcheck")
MOST_AT_ONCE = 16
"""Probes under way. Full: what is due waits, oldest first; a probe is later, never left out."""
_PAUSE = 1.0
_MACRO = re.compile(r"\{[^{}]*\}")


class HealthStore(Protocol):
    """What is known of destinations. Blocking; raises Unavailable."""

    def healths(self) -> Sequence[Health]: ...

    def put_health(self, health: Health, event: DestinationHealthEvent) -> None:
        """Store it and the event of its change, both or neither."""


Fetch = Callable[[str, str, float, int], Awaitable[tuple[int, bytes]]]
"""(method, url, seconds, most bytes) → (status, beginning of the body). Raises Refused, saying why."""


class _Asked:
    """A destination's probe and when it is due."""

    def __init__(self, url: str, probe: Probe, due: float) -> None:
        self.url = url
        self.probe = probe
        self.due = due
        self.busy = False


class Healthcheck:
    """`close(closed)` never waits. `run` under supervision."""

    def __init__(
        self,
        *,
        store: HealthStore,
        fetch: Fetch,
        close: Callable[[Mapping[int, str]], None],
        run_blocking: Runner,
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._fetch = fetch
        self._close = close
        self._blocking = run_blocking
        self._now_us = now_us
        self._destinations: dict[int, Destination] = {}
        self._asked: dict[int, _Asked] = {}
        self._health: dict[int, Health] = {}
        self._limit = trio.CapacityLimiter(MOST_AT_ONCE)
        self._writing = trio.Lock()
        self._wake = trio.Event()
        self.probes = 0
        self.last_error = ""

    # What comes in

    def configure(self, destinations: Iterable[Destination]) -> None:
        """The catalog as it is now; never waits. A new probe, or a changed one, is due at once."""
        self._destinations = {each.id: each for each in destinations}
        wanted = {
            each.id: (url_of(each), each.probe)
            for each in self._destinations.values()
            if each.probe is not None and each.status == "active"
        }
        for number in self._asked.keys() - wanted.keys():
            del self._asked[number]
        for number, (url, probe) in wanted.items():
            known = self._asked.get(number)
            if known is None or (known.url, known.probe) != (url, probe):
                self._asked[number] = _Asked(url, probe, -1e9)
        self._wake.set()

    async def probe(self, number: int) -> Health:
        """Ask one destination now, whenever it is due. Raises Missing, or Refused for one without a probe."""
        destination = self._destinations.get(number)
        if destination is None:
            raise Missing(f"there is no destination {number}")
        asked = self._asked.get(number)
        if asked is None:
            raise Refused("this destination has no probe, or is paused")
        await self._ask(number, asked)
        return self._health.get(number, Health(destination_id=number))

    def health(self) -> tuple[Health, ...]:
        """Every destination with a probe now."""
        return tuple(self._health.get(n, Health(destination_id=n)) for n in sorted(self._asked))

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load what is known, then ask whoever is due until cancelled."""
        found = await self._blocking(self._store.healths)
        self._health = {each.destination_id: each for each in found}
        self._say()
        task_status.started()
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                self._say()
                now = trio.current_time()
                due = [(a.due, n) for n, a in self._asked.items() if not a.busy and a.due <= now]
                for _, number in sorted(due)[: int(self._limit.available_tokens)]:
                    asked = self._asked[number]
                    asked.busy = True
                    asked.due = now + asked.probe.every_s
                    nursery.start_soon(self._regularly, number, asked)
                waiting = [a.due for a in self._asked.values() if not a.busy]
                with trio.move_on_at(max(min(waiting, default=now + 60), now + 0.05)):
                    await self._wake.wait()

    async def _regularly(self, number: int, asked: _Asked) -> None:
        try:
            await self._ask(number, asked)
        finally:
            asked.busy = False
            self._wake.set()

    async def _ask(self, number: int, asked: _Asked) -> None:
        """One probe and what follows from it."""
        async with self._limit:
            seen = await self._see(asked)
        self.probes += 1
        if self._asked.get(number) is not asked:
            return  # it was changed or taken away meanwhile
        before = self._health.get(number, Health(destination_id=number))
        now = after(before, asked.probe, seen)
        self._health[number] = now
        self._say()
        if now.state != before.state:
            log.info("health changed", extra={"destination": number, "state": now.state, "error": seen.error})
            event = DestinationHealthEvent(
                1, seen.at_us, number, before.state, now.state, seen.status, seen.latency_us, seen.error
            )
            async with self._writing:  # changes are stored in the order of their coming
                await self._keep(now, event)

    async def _see(self, asked: _Asked) -> Seen:
        probe = asked.probe
        at_us, began = self._now_us(), trio.current_time()
        status, error = 0, ""
        try:
            status, body = await self._fetch(probe.method, asked.url, probe.timeout_s, READ_BYTES)
            error = verdict(probe, status, body)
        except Refused as fault:
            error = fault.message
        latency_us = int((trio.current_time() - began) * 1e6)
        return Seen(at_us=at_us, status=status, latency_us=latency_us, error=error[:300])

    async def _keep(self, health: Health, event: DestinationHealthEvent) -> None:
        """Store a change, however long that takes: it acts already, and would be forgotten by a restart."""
        while True:
            try:
                await self._blocking(self._store.put_health, health, event)
            except Unavailable as fault:
                self.last_error = fault.message
                log.warning("health cannot be stored", extra={"reason": fault.message})
            else:
                self.last_error = ""
                return
            await trio.sleep(_PAUSE)

    def _say(self) -> None:
        self._close(
            {
                number: verdicts.UNHEALTHY
                for number in self._asked
                if number in self._health and self._health[number].state == "unhealthy"
            }
        )


def url_of(destination: Destination) -> str:
    """What is asked for a destination: its probe's URL, else its own with the macros left empty."""
    own = destination.probe.url if destination.probe is not None else ""
    return own or _MACRO.sub("", destination.url)
