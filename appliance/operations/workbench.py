"""Where operations have clicks decided again: apart from the loop, in bounded time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple, Protocol, TypeVar

from appliance.routing.configuration import Built, Configuration
from appliance.routing.detection import Detection
from appliance.routing.state import Availability, Weights

T = TypeVar("T")

Check = Callable[[], None]
"""To be called between two clicks: raises when the time is up or whoever asked has left."""


class Situation(NamedTuple):
    """What edges go by at this moment, as far as the core knows: who is closed and why, and its weights."""

    closed: Availability
    weights: Weights


class Workbench(Protocol):
    """Raises Unavailable when too many wait, or when the time is up."""

    @property
    def detection(self) -> Detection:
        """For work that `run` does, and for nothing else."""

    def situation(self) -> Situation:
        """Never waits."""

    async def table(self, key: Hashable, gather: Callable[[], Awaitable[Configuration]]) -> Built:
        """The table of a configuration that never changes, remembered under `key` while there is room."""

    async def build(self, configuration: Configuration) -> Built:
        """The table of any configuration."""

    async def run(self, work: Callable[[Check], T]) -> T:
        """What `work` returns; pure work, that calls its argument now and then."""


async def apart(bench: Workbench | None, work: Callable[[], T]) -> T:
    """What pure `work` returns that would hold the loop too long; done at once where there is no bench."""
    return work() if bench is None else await bench.run(lambda check: work())
