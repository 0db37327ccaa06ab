"""What the inside needs from the outside. A port is a promise; tests/contracts holds every adapter to it.

Ports are blocking: an actor calls them through a Runner (a thread in production, inline in actor tests,
because virtual time and threads do not mix: model-codebases.md §3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from appliance.model.catalog import Change, Entity, Kind, Revision

P = ParamSpec("P")
T = TypeVar("T")


class Runner(Protocol):
    """Runs a blocking function somewhere it may block."""

    async def __call__(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class Entry(NamedTuple):
    """One record of a log: its number, unique within (edge, epoch), and its encoded Event."""

    seq: int
    body: bytes


class EventLog(Protocol):
    """An append-only log of Events that consumers read by number: a journal segment, or the core's outbox."""

    @property
    def edge(self) -> int:
        """The edge's index; CORE (-1) for the outbox of the core."""

    @property
    def epoch(self) -> int:
        """Unique per log and edge; grows with time."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Entries with seq > after, in order, about `limit` of them. Raises JournalMalformed."""

    def finished(self) -> bool:
        """True when nothing will ever be appended any more; ask before the read that finds nothing."""

    def close(self) -> None: ...


CORE = -1


class JournalSegment(Protocol):
    """The writing end of a journal segment, owned by one edge's journal actor."""

    epoch: int
    path: Path
    created_ms: int
    size: int
    unchecked_bytes: int

    @property
    def last(self) -> int: ...

    def append(self, bodies: Sequence[bytes]) -> int:
        """Store a group atomically; durable when it returns. Raises sqlite3.Error, and nothing is kept."""

    def wal_bytes(self) -> int: ...

    def checkpoint(self, held: bool) -> int:
        """Move WAL frames into the file without waiting for anybody; frames still in the WAL after it.

        Blocking, for a thread; commits may go on meanwhile, except that `held` promises that none do.
        """

    def close(self) -> None:
        """Blocking. An empty segment is removed."""


class CatalogStore(Protocol):
    """Configuration and its history. One writer; every change is one numbered, atomic revision."""

    def revision(self) -> int:
        """The newest revision's number; 0 for an empty catalog."""

    def entities(self, kind: Kind) -> Iterable[Entity]:
        """All of a kind, archived ones included, by id."""

    def get(self, kind: Kind, id: int) -> Entity | None: ...

    def apply(
        self, changes: Sequence[tuple[Kind, Entity | None, Entity]], author: str, door: str, at_us: int
    ) -> Revision:
        """Store (kind, before, after) triples as the next revision; ids of creations (id 0) are assigned.

        Raises Conflict when a `before` is not what is stored.
        """

    def history(self, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Revisions, newest first."""

    def at(self, number: int) -> Mapping[tuple[Kind, int], Entity]:
        """The whole catalog as of a revision, rebuilt from its changes."""

    def close(self) -> None: ...
