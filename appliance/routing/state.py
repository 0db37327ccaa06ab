"""What a decision consumes beyond the table and the visit. The router owns it; an explainer rebuilds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

Availability = Mapping[int, str]
"""Destination id → why it takes no clicks now (caps, health). What is not in it is open."""

Weights = Mapping[int, Mapping[int, int]]
"""Stream id → destination id → the weight that the core's ranks or posteriors give it."""


class Memory(Protocol):
    """What is remembered of visitors, by user key."""

    def shown(self, stream_id: int, key: str, since_us: int) -> Collection[int]:
        """Destinations that this stream showed `key` since then."""
        ...

    def converted(self, key: str) -> Collection[int]:
        """Destinations that `key` converted on."""
        ...


class Nothing:
    """Remembers nobody."""

    def shown(self, stream_id: int, key: str, since_us: int) -> Collection[int]:
        return ()

    def converted(self, key: str) -> Collection[int]:
        return ()


class State:
    """The router's state as decide() reads it; decide() changes nothing of it.

    `turns`: stream id → clicks that its round robin placed so far.
    """

    __slots__ = ("availability", "memory", "turns", "weights")

    def __init__(
        self,
        availability: Availability | None = None,
        memory: Memory | None = None,
        turns: Mapping[int, int] | None = None,
        weights: Weights | None = None,
    ) -> None:
        self.availability: Availability = availability if availability is not None else {}
        self.memory: Memory = memory if memory is not None else Nothing()
        self.turns: Mapping[int, int] = turns if turns is not None else {}
        self.weights: Weights = weights if weights is not None else {}
