"""What destinations took, as the cap_poller keeps it."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Took(NamedTuple):
    """Counted clicks and their cost within `width_s` seconds from `start_s` (unix seconds)."""

    destination_id: int
    start_s: int
    width_s: int
    currency: str
    clicks: int
    cost: int


class HeldLife(NamedTuple):
    """A stored edge process: destination → clicks read of it, and the ceilings it may hold."""

    life: int
    edge: int
    seen: dict[int, int]
    bound: dict[int, int]


class UsageChange(NamedTuple):
    """What one pass adds, all of it or nothing: `progress` and the counts of `seen` and `bound` replace."""

    progress: dict[tuple[int, int], int]
    took: list[Took]
    seen: dict[tuple[int, int], tuple[int, int]]
    """(life, destination) → (edge, clicks)"""
    bounds: dict[int, tuple[int, dict[int, int]]]
    """life → (edge, all its ceilings)"""
    gone: dict[int, int]
    """life → edge"""


class CapReport(Struct, frozen=True, kw_only=True):
    """One cap of a destination now: `used` of `limit`, counts or micro-units; `lent` are not used yet."""

    destination_id: int
    metric: str
    window_hours: int
    timezone: str
    currency: str
    limit: int
    used: int
    lent: int = 0
    reached: bool = False
