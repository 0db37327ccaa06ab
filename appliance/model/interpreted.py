"""Batches of interpreted events on their way in: what became of each, and how each intake is doing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct


class Refusal(Struct, frozen=True):
    """A line that is no interpreted event; the first one is line 1. `field` is "" for the line as a whole."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        named = f"{self.field}: " if self.field else ""
        return f"line {self.line}: {named}{self.reason}"


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a batch, durably. `read` lines were events; `kept` of them a subscription asks for.

    Of those, `unchanged` say nothing new, `labels` counts what is not reported by its label, and `reports`
    deliveries are due. `again`: it had been taken before as a whole, and nothing was done now.
    """

    read: int = 0
    kept: int = 0
    unchanged: int = 0
    reports: int = 0
    labels: dict[str, int] = {}
    refused: tuple[Refusal, ...] = ()
    again: bool = False


class Sifted(NamedTuple):
    """The lines that a subscription asks for, as they came, and those that are no events."""

    kept: Sequence[bytes]
    refused: Sequence[Refusal]


class Waiting(NamedTuple):
    """A file that waits to be taken; `changed_ns` is its time of modification."""

    name: str
    size: int
    changed_ns: int


class Switch(Struct, frozen=True, kw_only=True):
    """Something that an operator has switched off: an intake by its name, or `subscription_filter`."""

    name: str
    by: str
    at_us: int


class IntakeReport(Struct, frozen=True, kw_only=True):
    """One way in. `batches` and `failed` since the start (objects, files, requests); `waiting`: so many are
    known to be left, -1 where nobody can tell. `paused_by` is "" while it runs."""

    name: str
    kind: str
    where: str = ""
    batches: int = 0
    failed: int = 0
    events: int = 0
    waiting: int = -1
    last_us: int = 0
    last_error: str = ""
    paused_by: str = ""
    paused_us: int = 0
    dead: int = 0
    """With its dead letters now, as far as anybody knows."""
    oldest_us: int = 0
    """Since when the oldest of those that are left waits, 0 where nobody can tell."""


class InterpreterReport(Struct, frozen=True, kw_only=True):
    """Since the start: lines that were events, those that passed the filter, and what became of these.

    `totals` keys are remembered. `filter_off_by` is "" while subscriptions are asked.
    """

    processed: int = 0
    passed: int = 0
    unchanged: int = 0
    refused: int = 0
    reports: int = 0
    labels: dict[str, int] = {}
    totals: int = 0
    filter_off_by: str = ""
    last_error: str = ""
