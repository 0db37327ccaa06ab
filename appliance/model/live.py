"""What the live feed sends and what can be asked of it: values that actors, operations and doors share."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

Topic = Literal["clicks", "conversions", "postbacks", "system"]
TOPICS: tuple[Topic, ...] = get_args(Topic)


class Wish(Struct, frozen=True, kw_only=True):
    """What one watcher gets. Watchers with equal wishes share their frames, encoded once.

    `campaigns`, `streams` and so on: only events of these; None is no condition. `money` False leaves every
    amount null.
    """

    topics: frozenset[Topic]
    campaigns: frozenset[int] | None = None
    streams: frozenset[int] | None = None
    destinations: frozenset[int] | None = None
    sources: frozenset[int] | None = None
    networks: frozenset[int] | None = None
    money: bool = True


class Frame(Struct, frozen=True, kw_only=True):
    """What happened since the frame before, `seconds` long.

    `counts` are true also when `events` is only a sample: clicks (counted ones), uncounted (other clicks),
    conversions (new ones less those taken back), changes (revisions of conversions), postbacks (arrivals).
    `resync`: frames were missed that cannot be made up for, so read totals again. `skipped`: journal entries
    that the feed did not look at, because more arrived than it may read; they are in no count here. `system`
    is what `system.status` answers, whenever it has changed.
    """

    seq: int
    at: str
    seconds: float
    counts: dict[str, int]
    events: tuple[msgspec.Raw, ...]
    sampled: bool = False
    resync: bool = False
    skipped: int | UnsetType = UNSET
    system: msgspec.Raw | UnsetType = UNSET


class LiveReport(Struct, frozen=True, kw_only=True):
    """The feed itself. `classes` are different wishes; counted since the start: frames taken, watchers cut
    because they took nothing, events left out of samples, entries skipped."""

    watchers: int = 0
    classes: int = 0
    interval_seconds: float = 0.0
    frames: int = 0
    cut: int = 0
    sampled: int = 0
    skipped: int = 0
    last_error: str = ""
