"""Alarms as they are seen, alerts as they are kept. Times are unix microseconds."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

AlertState = Literal["open", "closed"]


class Alarm(NamedTuple):
    """Something is wrong now. `kind` is a word of appliance/alarms.py, `about` what it is wrong with; both
    together are the cause. `text` is for people, in one sentence, and holds no secret."""

    kind: str
    about: str
    text: str


class Alert(Struct, frozen=True, kw_only=True):
    """One cause from its first sight to its end; there is one open alert of a cause.

    `text` is the newest word on it. `told` are channels (`mail`, `webhook`) that know it is open, `ended`
    those that know it is closed.
    """

    id: str
    kind: str
    about: str
    text: str
    opened_us: int
    seen_us: int
    closed_us: int = 0
    acknowledged_us: int = 0
    acknowledged_by: str = ""
    told: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    @property
    def state(self) -> AlertState:
        return "closed" if self.closed_us else "open"


class Channel(Struct, frozen=True, kw_only=True):
    """One way to tell somebody: `to` is whom, fit to be shown; `error` why the last try failed, "" if not."""

    name: str
    to: str
    error: str = ""
    told_us: int = 0
