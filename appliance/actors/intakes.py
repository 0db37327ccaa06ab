"""The ways in for interpreted events, by name: each can be paused while it runs, and the filter switched off.

What an operator has switched off stays so through restarts, until somebody switches it on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec
import trio

from appliance.errors import Missing
from appliance.model.interpreted import IntakeReport, Switch
from appliance.ports import Runner

FILTER = "subscription_filter"
CONFIGURATION = "the configuration"


class Switches(Protocol):
    """Where they are kept. Blocking; raises Unavailable."""

    def switches(self) -> Sequence[Switch]: ...

    def put_switch(self, switch: Switch) -> None: ...

    def remove_switch(self, name: str) -> None: ...


class Intakes:
    """Every intake registers once, before it runs, and asks `running` before each batch."""

    def __init__(
        self,
        store: Switches,
        run_blocking: Runner,
        now_us: Callable[[], int],
        off: Collection[str] = (),
    ) -> None:
        """`off`: what the configuration switches off. An operator's word on it holds until a restart."""
        self._store = store
        self._blocking = run_blocking
        self._now_us = now_us
        self._off = {name: Switch(name=name, by=CONFIGURATION, at_us=0) for name in off}
        self._reports: dict[str, Callable[[], IntakeReport]] = {}
        self._changed = trio.Event()

    async def load(self) -> None:
        """Read what operators have switched off. Raises Unavailable."""
        self._off |= {it.name: it for it in await self._blocking(self._store.switches)}

    def register(self, name: str, report: Callable[[], IntakeReport]) -> None:
        self._reports[name] = report

    @property
    def filtering(self) -> bool:
        """Subscriptions are asked."""
        return FILTER not in self._off

    def paused(self, name: str) -> bool:
        return name in self._off

    async def running(self, name: str) -> None:
        """Return at once, or when this intake is not paused any more."""
        await trio.lowlevel.checkpoint()
        while name in self._off:
            await self._changed.wait()

    # What operators ask

    def reports(self) -> tuple[IntakeReport, ...]:
        """By name."""
        return tuple(self._shown(name) for name in sorted(self._reports))

    def switched_off(self, name: str) -> Switch | None:
        return self._off.get(name)

    async def pause(self, name: str, by: str) -> IntakeReport:
        """Take nothing more; what is under way is finished. Raises Missing, Unavailable."""
        self._known(name)
        await self.switch_off(name, by)
        return self._shown(name)

    async def resume(self, name: str) -> IntakeReport:
        """Raises Missing, Unavailable."""
        self._known(name)
        await self.switch_on(name)
        return self._shown(name)

    async def switch_off(self, name: str, by: str) -> None:
        found = self._off.get(name)
        # The configuration's word may be gone at the next start: an operator's is stored beside it.
        if found is None or found.by == CONFIGURATION:
            switch = Switch(name=name, by=by, at_us=self._now_us())
            await self._blocking(self._store.put_switch, switch)
            self._off[name] = switch

    async def switch_on(self, name: str) -> None:
        await self._blocking(self._store.remove_switch, name)
        self._off.pop(name, None)
        self._changed.set()
        self._changed = trio.Event()

    def _known(self, name: str) -> None:
        if name not in self._reports:
            known = ", ".join(sorted(self._reports)) or "none"
            raise Missing(f"there is no intake {name!r}; there are: {known}")

    def _shown(self, name: str) -> IntakeReport:
        off = self._off.get(name)
        report = self._reports[name]()
        if off is None:
            return report
        return msgspec.structs.replace(report, paused_by=off.by, paused_us=off.at_us)
