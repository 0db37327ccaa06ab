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


class Holder(Struct, frozen=True, kw_only=True):
    """What one edge process has of a cap on clicks, counted from its start.

    `ceiling` is the highest that it may hold, `sent` and `hungry` (visitors were turned away) what it said
    last, `recorded` what was read of its journal. `present`: it is heard of. `unconfirmed` are the messages
    that it has not answered.
    """

    edge: int
    life: int
    present: bool
    ceiling: int
    sent: int
    recorded: int
    hungry: bool
    unconfirmed: int


class CapReport(Struct, frozen=True, kw_only=True):
    """One cap of a destination now: `used` of `limit`, counts or micro-units; `lent` are not used yet.

    `exceeded`: more was used than the limit, as by what came before the cap was set or lowered.
    """

    destination_id: int
    metric: str
    window_hours: int
    timezone: str
    currency: str
    limit: int
    used: int
    lent: int = 0
    reached: bool = False
    exceeded: bool = False
    holders: tuple[Holder, ...] = ()
    """Of a cap on clicks: what each edge process has of it."""
