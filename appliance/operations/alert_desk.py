"""Who watches over the appliance, as an operator asks him."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from appliance.model.alerts import Alert, Channel


class AlertDesk(Protocol):
    """Alerts of this installation."""

    def alerts(self) -> Sequence[Alert]:
        """Open ones first, then closed ones; the newest first."""

    def channels(self) -> Sequence[Channel]:
        """Who is told, and how the last try went."""

    async def acknowledge(self, id: str, by: str) -> Alert:
        """Somebody has seen it. Raises Missing, Unavailable."""

    async def test(self) -> Sequence[Channel]:
        """Tell everybody that this is a test, now; how each try went."""
