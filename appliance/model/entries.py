"""Conversions that somebody enters, as they were ordered and what became of them."""

from __future__ import annotations

from msgspec import Struct


class EntryRow(Struct, frozen=True, array_like=True):
    """One conversion: parameter → text; `number` is its line, `network_id` 0 for its click's."""

    number: int
    params: dict[str, str]
    network_id: int = 0


class RowRefusal(Struct, frozen=True, array_like=True):
    """`field` is "" when it is about all of the row."""

    row: int
    field: str
    reason: str


class EntryOrder(Struct, frozen=True, kw_only=True):
    """What is to be entered. `refused` could not even be read; `campaigns` are those that may be written to,
    None for all. All or nothing, unless `partial`. `report`: targets are told. `preview`: nothing is stored.

    `digest` tells orders of one id apart; "" where the caller gave no id.
    """

    id: str
    digest: str
    at_us: int
    author: str
    rows: tuple[EntryRow, ...]
    refused: tuple[RowRefusal, ...] = ()
    campaigns: frozenset[int] | None = None
    partial: bool = False
    report: bool = True
    preview: bool = False


class Entered(Struct, frozen=True, kw_only=True):
    """What became of an order: so many conversions are new, changed, or were known as they are already."""

    id: str
    stored: bool
    rows: int
    made: int = 0
    changed: int = 0
    known: int = 0
    refused: tuple[RowRefusal, ...] = ()


class EntryRecord(Struct, frozen=True, kw_only=True):
    """What the ledger keeps of an order that had an id, so that it counts once."""

    id: str
    digest: str
    at_us: int
    author: str
    answer: Entered
