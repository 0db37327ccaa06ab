"""What the publisher remembers between two crashes: how far each log has been shipped, and the open cut."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Bound(Struct, frozen=True, array_like=True):
    """Where the rows of one cut lie in one table: times in unix microseconds, inclusive; keys likewise.

    `key_from`/`key_to` bound the table's leading text column and are "" for tables ordered by time.
    """

    rows: int
    at_from: int
    at_to: int
    key_from: str = ""
    key_to: str = ""


class Cut(Struct, frozen=True):
    """Entries first..last of one log, recorded before the first of their rows is sent to the warehouse."""

    edge: int
    epoch: int
    first: int
    last: int
    bounds: dict[str, Bound] = {}


class Offset(Struct, frozen=True):
    """Everything up to and including `seq` of log (edge, epoch) is in the warehouse or set aside."""

    edge: int
    epoch: int
    seq: int


class Mergeable(NamedTuple):
    """A partition in which merging changes rows, as of its newest part, which was written at `written_us`."""

    table: str
    partition: str
    parts: int
    rows: int
    written_us: int
