"""Alerts: looks at the appliance every few seconds, keeps one open alert per cause, tells people.

What is wrong is said by pure rules (appliance/alarms.py). An alert is told and kept even while its store is
away, which a full disk may be the reason of; it is stored when that is possible again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import trio
from msgspec.structs import replace

from appliance.errors import Missing, Unavailable
from appliance.model.alerts import Alarm, Alert, Channel
from appliance.model.ids import name_of
from appliance.model.status import AlertsReport, QueueReport, RecentReport
from appliance.ports import Runner

log = logging.getLogger("weir.alerts")
SHOWN = 50
"""In every status; alerts.list has them all."""
Cause = tuple[str, str]
"""(kind, about)"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms; times in seconds."""

    look: float = 10.0
    calm: float = 60.0
    """A cause must be gone for so long before its alert is closed: what flaps is one alert."""
    most_open: int = 500
    """Beyond, causes open no alert, counted."""
    keep_closed: int = 1_000
    at_once: int = 50
    """Told in one go."""
    retry: float = 30.0
    retry_longest: float = 900.0
    give_up: float = 86_400.0
    """What ended so long ago is told to nobody any more."""
    leave: float = 2.0


class AlertStore(Protocol):
    """What survives a restart. Blocking; raises Unavailable."""

    def load(self) -> list[Alert]: ...

    def save(self, put: Sequence[Alert], gone: Sequence[str]) -> None: ...


class Teller(Protocol):
    """A way to tell somebody. `name` says which, for ever; `to` is whom, fit to be shown."""

    @property
    def name(self) -> str: ...
    @property
    def to(self) -> str: ...

    async def tell(self, opened: Sequence[Alert], closed: Sequence[Alert]) -> Sequence[str]:
        """The ids of those that were told, at least one. Raises Unavailable."""

    async def test(self) -> None:
        """Raises Unavailable."""


class Look(NamedTuple):
    """What was seen: alarms of now, and the figures that were counted on the way."""

    alarms: Sequence[Alarm]
    recent: RecentReport


class Alerts:
    """`look` says what is wrong, from the queues just read; `hold` after how many seconds a kind is an alert.
    `run` under supervision."""

    def __init__(
        self,
        *,
        store: AlertStore,
        queues: Callable[[], Awaitable[Sequence[QueueReport]]],
        look: Callable[[Sequence[QueueReport]], Look],
        hold: Callable[[str], float],
        tellers: Sequence[Teller],
        run_blocking: Runner,
        now_us: Callable[[], int],
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._ask_queues = queues
        self._look_at = look
        self._hold = hold
        self._tellers = tellers
        self._blocking = run_blocking
        self._now_us = now_us
        self._limits = limits or Limits()
        self._open: dict[Cause, Alert] = {}
        self._closed: list[Alert] = []
        """The newest first."""
        self._seen: dict[Cause, float] = {}
        """Since when what has no alert yet is there; by trio's clock, as the next."""
        self._gone: dict[Cause, float] = {}
        self._changed: dict[str, Alert] = {}
        self._forgotten: set[str] = set()
        self._untold = trio.Event()
        self._channels = {each.name: Channel(name=each.name, to=each.to) for each in tellers}
        self._queues: tuple[QueueReport, ...] = ()
        self._recent = RecentReport()
        self._loaded = False
        self.opened = 0
        self.passed_over = 0
        self._faults = {"queues": "", "look": "", "store": ""}

    # What others ask

    @property
    def last_error(self) -> str:
        """Why something is not looked at, or not stored."""
        return next(filter(None, self._faults.values()), "")

    def fault(self) -> str:
        """Why somebody is not told, or something not stored; "" while all is well."""
        wrong = (f"{it.name} is not told: {it.error}" for it in self._channels.values() if it.error)
        return self.last_error or next(wrong, "")

    def queues(self) -> tuple[QueueReport, ...]:
        """Targets' deliveries as of the last look; never waits."""
        return self._queues

    def recent(self) -> RecentReport:
        return self._recent

    def report(self) -> AlertsReport:
        """Never waits."""
        return AlertsReport(
            open=tuple(self._newest()[:SHOWN]),
            kinds=dict(Counter(kind for kind, _ in self._open)),
            opened=self.opened,
            channels=tuple(self.channels()),
            last_error=self.last_error,
        )

    def _newest(self) -> list[Alert]:
        return sorted(self._open.values(), key=lambda it: -it.opened_us)

    def alerts(self) -> Sequence[Alert]:
        """Open ones first, the newest first."""
        return [*self._newest(), *self._closed]

    def channels(self) -> Sequence[Channel]:
        return list(self._channels.values())

    async def acknowledge(self, id: str, by: str) -> Alert:
        """Somebody has seen it; the first one is remembered. Raises Missing, Unavailable."""
        found = next((it for it in self.alerts() if it.id == id), None)
        if found is None:
            raise Missing("there is no such alert (any more)")
        if not found.acknowledged_us:
            found = replace(found, acknowledged_us=self._now_us(), acknowledged_by=by)
            self._put(found)
            await self._save()
            if self._changed:
                raise Unavailable(self.last_error or "alerts cannot be stored")
        return found

    async def test(self) -> Sequence[Channel]:
        """Tell everybody that this is a test, at the same time."""
        async with trio.open_nursery() as nursery:
            for teller in self._tellers:
                nursery.start_soon(self._try, teller, teller.test)
        return self.channels()

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look until cancelled."""
        if not self._loaded:  # a second life has what the first one knew, stored or not
            for it in await self._blocking(self._store.load):
                if it.closed_us:
                    self._closed.append(it)
                else:
                    self._open[it.kind, it.about] = it
            self._closed.sort(key=lambda it: -it.closed_us)
            self._loaded = True
        task_status.started()
        self._seen.clear()
        self._gone.clear()
        try:
            async with trio.open_nursery() as nursery:
                for teller in self._tellers:
                    nursery.start_soon(self._keep_telling, teller)
                while True:
                    await self._once()
                    await trio.sleep(self._limits.look)
        finally:
            with trio.move_on_after(self._limits.leave, shield=True):
                await self._save()

    async def _once(self) -> None:
        try:
            self._queues = tuple(await self._ask_queues())
            self._note("queues", "")
        except Unavailable as fault:  # the others are looked at all the same
            self._note("queues", fault.message)
        try:
            seen = self._look_at(self._queues)
        except Exception as fault:  # a rule with a fault must not take the core down with it
            log.exception("alerts cannot look")
            self._note("look", f"a rule has a fault: {type(fault).__name__}")
        else:
            self._note("look", "")
            self._recent = seen.recent
            self._follow(seen.alarms)
        await self._save()

    def _follow(self, alarms: Sequence[Alarm]) -> None:
        """Open what is new and has lasted, refresh what is there, close what is gone."""
        now_us, clock = self._now_us(), trio.current_time()
        causes = {(it.kind, it.about): it for it in alarms}
        self._seen = {cause: since for cause, since in self._seen.items() if cause in causes}
        for cause, alarm in causes.items():
            self._gone.pop(cause, None)
            found = self._open.get(cause)
            if found is not None:
                moved = found.text != alarm.text
                self._open[cause] = found = replace(found, text=alarm.text, seen_us=now_us)
                if moved:
                    self._put(found)
            elif clock - self._seen.setdefault(cause, clock) >= self._hold(alarm.kind):
                self._begin(cause, alarm, now_us)
        for cause in [cause for cause in self._open if cause not in causes]:
            if clock - self._gone.setdefault(cause, clock) >= self._limits.calm:
                self._end(cause, now_us)

    def _begin(self, cause: Cause, alarm: Alarm, now_us: int) -> None:
        if len(self._open) >= self._limits.most_open:
            self.passed_over += 1
            return
        self._seen.pop(cause, None)
        found = Alert(
            id=name_of("alert", *cause, str(now_us)),
            kind=alarm.kind,
            about=alarm.about,
            text=alarm.text,
            opened_us=now_us,
            seen_us=now_us,
        )
        self.opened += 1
        log.warning("alert", extra={"kind": found.kind, "about": found.about, "text": found.text})
        self._put(found)
        self._tell()

    def _end(self, cause: Cause, now_us: int) -> None:
        self._gone.pop(cause, None)
        found = replace(self._open.pop(cause), closed_us=now_us)
        log.info("alert ended", extra={"kind": found.kind, "about": found.about})
        self._closed.insert(0, found)
        for old in self._closed[self._limits.keep_closed :]:
            self._forgotten.add(old.id)
            self._changed.pop(old.id, None)
        del self._closed[self._limits.keep_closed :]
        self._put(found)
        self._tell()

    def _put(self, alert: Alert) -> None:
        """An alert has changed: where it is kept, and what is to be stored."""
        if alert.closed_us:
            self._closed = [alert if it.id == alert.id else it for it in self._closed]
        else:
            self._open[alert.kind, alert.about] = alert
        self._changed[alert.id] = alert

    async def _save(self) -> None:
        """Store what has changed. What cannot be stored now is kept for the next time."""
        if not self._changed and not self._forgotten:
            return
        put, gone = self._changed, self._forgotten
        self._changed, self._forgotten = {}, set()
        try:
            await self._blocking(self._store.save, list(put.values()), list(gone))
        except BaseException as fault:
            self._changed, self._forgotten = {**put, **self._changed}, gone | self._forgotten
            if not isinstance(fault, Unavailable):
                raise
            self._note("store", fault.message)
        else:
            self._note("store", "")

    def _note(self, what: str, message: str) -> None:
        if message and message != self._faults[what]:
            log.warning("alerts wait", extra={"reason": message})
        self._faults[what] = message

    # Telling

    def _tell(self) -> None:
        self._untold.set()
        self._untold = trio.Event()

    async def _keep_telling(self, teller: Teller) -> None:
        pause = self._limits.retry
        while True:
            untold = self._untold
            opened, closed = self._news(teller.name)
            if not opened and not closed:
                await untold.wait()
                continue
            told: Sequence[str] = ()

            async def tell(opened: Sequence[Alert] = opened, closed: Sequence[Alert] = closed) -> None:
                nonlocal told
                told = await teller.tell(opened, closed)

            if await self._try(teller, tell):
                pause = self._limits.retry
                self._mark(teller.name, set(told), {it.id for it in closed})
            else:
                await trio.sleep(pause)
                pause = min(pause * 2, self._limits.retry_longest)

    def _news(self, name: str) -> tuple[list[Alert], list[Alert]]:
        """What this channel does not know: open ones, and closed ones. Old news is none."""
        long_ago = self._now_us() - int(self._limits.give_up * 1e6)
        opened = [it for it in self._open.values() if name not in it.told]
        closed = [it for it in self._closed if name not in it.ended and it.closed_us >= long_ago]
        opened = opened[: self._limits.at_once]
        return opened, closed[: self._limits.at_once - len(opened)]

    def _mark(self, name: str, ids: set[str], ended: set[str]) -> None:
        """These were told, `ended` ones as closed. One that has ended since it was told is news again."""
        for it in self.alerts():
            if it.id in ids:
                told = it.told if name in it.told else (*it.told, name)
                self._put(replace(it, told=told, ended=(*it.ended, name) if it.id in ended else it.ended))

    async def _try(self, teller: Teller, say: Callable[[], Awaitable[None]]) -> bool:
        try:
            await say()
        except Unavailable as fault:
            error = fault.message[:500]
            self._channels[teller.name] = replace(self._channels[teller.name], error=error)
            log.warning("alerts not told", extra={"channel": teller.name, "reason": error})
            return False
        self._channels[teller.name] = replace(self._channels[teller.name], error="", told_us=self._now_us())
        return True
