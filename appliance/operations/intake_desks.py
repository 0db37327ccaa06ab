"""What operations ask of the interpreter and of the intakes of interpreted events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from appliance.model.interpreted import IntakeReport, InterpreterReport, Switch, Taken


class IntakeDesk(Protocol):
    """actors/intakes.Intakes. What waits raises Unavailable."""

    def reports(self) -> tuple[IntakeReport, ...]: ...

    async def pause(self, name: str, by: str) -> IntakeReport:
        """Raises Missing."""

    async def resume(self, name: str) -> IntakeReport:
        """Raises Missing."""

    def switched_off(self, name: str) -> Switch | None: ...

    async def switch_off(self, name: str, by: str) -> None: ...

    async def switch_on(self, name: str) -> None: ...


class EventDesk(Protocol):
    """actors/interpreter.Interpreter."""

    async def take(self, batch_id: str, lines: Sequence[bytes], filtered: bool, origin: str = "") -> Taken:
        """Raises Unavailable."""

    def report(self) -> InterpreterReport: ...
