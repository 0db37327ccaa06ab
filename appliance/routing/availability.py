"""Which destinations take clicks at a moment: status, caps, health and hours; and who stands in for them."""

from __future__ import annotations

from appliance.model.events import Verdict
from appliance.routing import verdicts
from appliance.routing.state import Availability
from appliance.routing.table import CompiledDestination, CompiledTarget


def why_closed(destination: CompiledDestination, availability: Availability, now_us: int) -> str:
    """Why a destination takes no click now; "" when it does."""
    closed = destination.closed or availability.get(destination.id, "")
    if not closed and destination.open_at is not None and not destination.open_at(now_us):
        return verdicts.SCHEDULE
    return closed


def stand_in(
    target: CompiledTarget, availability: Availability, now_us: int, looked: list[Verdict]
) -> CompiledTarget | None:
    """The first open alternative of a target that is closed; those found closed are added to `looked`."""
    for other in target.alternatives:
        closed = why_closed(other.destination, availability, now_us)
        if not closed:
            return other
        looked.append((other.id, closed, -1))
    return None
