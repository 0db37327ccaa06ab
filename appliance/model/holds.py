"""Which consumers of which edges' journals an operator has paused."""

from __future__ import annotations

from typing import Literal

Consumer = Literal["publisher", "conversions"]
CONSUMERS: tuple[Consumer, ...] = ("publisher", "conversions")


class Holds:
    """Written by `journal.hold` and `journal.release`, read by the publisher and conversions every tick.

    It lives in the core's memory only: a restarted core holds nothing, so that a forgotten hold cannot
    fill a disk for ever.
    """

    def __init__(self) -> None:
        self._held: set[tuple[int, Consumer]] = set()

    def hold(self, edge: int, consumer: Consumer) -> None:
        self._held.add((edge, consumer))

    def release(self, edge: int, consumer: Consumer) -> None:
        self._held.discard((edge, consumer))

    def held(self, edge: int, consumer: Consumer) -> bool:
        """True while `consumer` must leave the journal of `edge` alone."""
        return (edge, consumer) in self._held

    def all(self) -> tuple[tuple[int, Consumer], ...]:
        return tuple(sorted(self._held))
