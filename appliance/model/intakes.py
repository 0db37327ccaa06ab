"""How the intakes of interpreted events are doing, for screens, metrics and alarms."""

from __future__ import annotations

from msgspec import Struct


class IntakeReport(Struct, frozen=True, kw_only=True):
    """One intake now (`trigger`, `report`, `folder`, `api`); counts are since the core started.

    `records` events were read, `passed` the filter of subscriptions, `refused` were no event at all.
    `messages` were processed (messages of a queue, files, requests), `failed` were not and come again, `dead`
    lie with the dead letters now. `waiting` messages since `oldest_us` (0: none, -1 waiting: not known).
    """

    name: str
    kind: str = ""
    paused: bool = False
    records: int = 0
    passed: int = 0
    refused: int = 0
    messages: int = 0
    failed: int = 0
    dead: int = 0
    waiting: int = -1
    oldest_us: int = 0
    labels: dict[str, int] = {}
    """Events that are recorded and not reported, by label."""
    last_error: str = ""
