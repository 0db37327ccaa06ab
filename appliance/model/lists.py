"""The entries of named lists, as operations and stores speak of them."""

from __future__ import annotations

from msgspec import Struct

from appliance.model.catalog import ListKind


class Entries(Struct, frozen=True, kw_only=True):
    """A file of entries, named by the digest of its content; "" for none at all."""

    of: ListKind
    digest: str
    entries: int


class Arrived(Struct, frozen=True):
    """Paths of files of sorted entries, one of each piece of a text that was taken in."""

    runs: list[str]


class EntriesPage(Struct, frozen=True, kw_only=True):
    """Some entries in order; `total` counts all that were asked for."""

    items: tuple[str, ...]
    total: int
