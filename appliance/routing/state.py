"""What a decision consumes beyond the table and the visit. The router owns it; an explainer rebuilds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from appliance.routing.lessons import Lesson

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

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        """Whether `key` came to a campaign (SEEN_CAMPAIGN of lessons.py) or a stream (SEEN_STREAM) since."""
        ...


class Remembers(Memory, Protocol):
    """The memory as the router uses it, beside what decide() reads."""

    @property
    def turns(self) -> dict[int, int]:
        """Stream id → clicks that its round robin placed so far."""
        ...

    def learn(self, lessons: Sequence[Lesson], at_us: int) -> tuple[tuple[bytes, int], ...]:
        """Put lessons to use at once; what the click's record keeps of them (ClickEvent.taught)."""
        ...

    def turned(self, stream_id: int) -> None:
        """A round robin has had a turn."""
        ...


class Nothing:
    """Remembers nobody, and the turns of round robins only as long as it lives."""

    def __init__(self) -> None:
        self._turns: dict[int, int] = {}

    @property
    def turns(self) -> dict[int, int]:
        return self._turns

    def shown(self, stream_id: int, key: str, since_us: int) -> Collection[int]:
        return ()

    def converted(self, key: str) -> Collection[int]:
        return ()

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        return False

    def learn(self, lessons: Sequence[Lesson], at_us: int) -> tuple[tuple[bytes, int], ...]:
        return ()

    def turned(self, stream_id: int) -> None:
        self.turns[stream_id] = self.turns.get(stream_id, 0) + 1


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
