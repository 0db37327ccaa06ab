"""Where operations have clicks decided again: apart from the loop, in bounded time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol, TypeVar

from appliance.routing.configuration import Built, Configuration

T = TypeVar("T")

Check = Callable[[], None]
"""To be called between two clicks: raises when the time is up or whoever asked has left."""


class Workbench(Protocol):
    """Raises Unavailable when too many wait, or when the time is up."""

    async def table(self, key: Hashable, gather: Callable[[], Awaitable[Configuration]]) -> Built:
        """The table of a configuration that never changes, remembered under `key` while there is room."""

    async def build(self, configuration: Configuration) -> Built:
        """The table of any configuration."""

    async def run(self, work: Callable[[Check], T]) -> T:
        """What `work` returns; pure work, that calls its argument now and then."""
