"""What the inside needs from the outside. A port is a promise; tests/contracts holds every adapter to it.

Ports are blocking: an actor calls them through a Runner (a thread in production, inline in actor tests,
because virtual time and threads do not mix: model-codebases.md §3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from appliance.model.catalog import Change, Entity, Kind, Revision, Stream
from appliance.model.conversions import (
    CORE_EDGE,
    ClickFacts,
    Conversion,
    LedgerSizes,
    Settlement,
    WaitingPostback,
)
from appliance.model.costs import CostOrder
from appliance.model.entries import EntryRecord
from appliance.model.events import CostAdjustment
from appliance.model.identity import Code, Session
from appliance.model.shipping import Bound, Cut, Offset
from appliance.model.table import SettingsEntry
from appliance.model.usage import HeldLife, Took, UsageChange
from appliance.partners.report import Identity
from appliance.reporting.rows import Row

P = ParamSpec("P")
T = TypeVar("T")


class Runner(Protocol):
    """Runs a blocking function somewhere it may block."""

    async def __call__(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class AddressDatabase(Protocol):
    """An open database of addresses. Dropping it closes it."""

    @property
    def layout(self) -> str: ...
    @property
    def type(self) -> str:
        """What its maker calls it."""

    @property
    def built_us(self) -> int: ...
    @property
    def facts(self) -> frozenset[str]:
        """The facts that it can tell, of those in routing/places.py."""

    def lookup(self, address: str) -> Mapping[str, str]:
        """What it says of an address; {} for one that it does not have. Never raises."""


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


CORE = CORE_EDGE


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
        """Store a group atomically; durable when it returns. Raises Unavailable, and nothing is kept."""

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

        Raises Conflict when a `before` is not what is stored, Refused for what could not be read again.
        """

    def history(
        self,
        limit: int,
        before: int | None = None,
        kind: Kind | None = None,
        id: int | None = None,
        author: str = "",
        keep: Callable[[Change], bool] | None = None,
    ) -> Sequence[Revision]:
        """Revisions, newest first, with those of their changes that were asked for; without any, left out."""

    def at(self, number: int) -> Mapping[tuple[Kind, int], Entity]:
        """The whole catalog as of a revision, rebuilt from its changes."""

    def versions(self, number: int, keys: Collection[tuple[Kind, int]]) -> Mapping[tuple[Kind, int], Entity]:
        """Some entities as of a revision; those that did not exist yet are left out."""

    def between(self, first: int, last: int) -> Sequence[Change]:
        """What the revisions after `first` up to `last` amount to: one change per entity, by kind and id.

        Left out is what is after them as it was before, but for its revision.
        """

    def streams_of(self, number: int, campaign: int) -> Sequence[Stream]:
        """A campaign's streams as of a revision, those not archived then."""

    def keep_settings(self, settings: SettingsEntry, at_us: int) -> int:
        """Remember which settings hold from now on; the newest revision.

        The first ones are taken to have held always; others than before begin a revision without changes.
        """

    def settings_at(self, number: int) -> SettingsEntry | None:
        """The settings as of a revision; None when none were ever kept."""

    def close(self) -> None: ...


class Warehouse(Protocol):
    """The reports' database as the publisher and the janitor see it. Blocking; every call is bounded in time.

    Raises Unavailable when it cannot answer now (down, out of memory or disk, too slow, detached).
    """

    def open(self) -> None:
        """Connect and bring the tables up to date; later only see whether it answers."""

    def insert(self, rows: Sequence[Row]) -> None:
        """Store at most 10,000 rows of one table and partition, all or none.

        Raises RowRefused when the data is wrong, Unavailable otherwise: it may then have been stored or not.
        """

    def present(
        self, table: str, edge: int, epoch: int, first: int, last: int, bound: Bound | None
    ) -> set[int]:
        """The sequence numbers of a log within first..last that `table` has; `bound` only helps to prune."""

    def settle(self, edge: int, epoch: int) -> None:
        """Return when no insert of this log sent earlier, by whomever, can still be running."""

    def partitions(self, table: str) -> Sequence[tuple[str, int, int]]:
        """(partition id, oldest and newest time in unix microseconds) of what is stored, oldest first."""

    def drop_partition(self, table: str, partition: str) -> None: ...

    def delete_before(self, table: str, at_us: int) -> None:
        """Delete rows older than `at_us`; they are in no answer any more when this returns."""


class ShippingStore(Protocol):
    """How far each log has been shipped, and at most one open cut per log. One writer."""

    def offset(self, edge: int, epoch: int) -> int:
        """Everything up to this number is shipped; 0 for a log never seen."""

    def offsets(self) -> Sequence[Offset]: ...

    def open_cut(self, edge: int, epoch: int) -> Cut | None: ...

    def record(self, cut: Cut) -> None:
        """Remember a cut; durable when it returns. Raises Conflict while the log has another one open."""

    def close_cut(self, edge: int, epoch: int, seq: int) -> None:
        """Forget the open cut and advance the offset to `seq`, in one transaction."""

    def forget(self, edge: int, epoch: int) -> None:
        """The log is gone for ever."""

    def close(self) -> None: ...


class ClickLookup(Protocol):
    """Finds clicks by id. Raises Unavailable."""

    async def __call__(self, ids: Sequence[str]) -> dict[str, ClickFacts]: ...


class Piece(NamedTuple):
    """What one read of one log brought.

    `ended`: nothing was left and nothing will ever come. `broken`: it cannot be read, and is salvaged once
    its edge has left it; `missing` entries are lost then. `error`: it cannot be read just now.
    """

    edge: int
    epoch: int
    entries: Sequence[Entry]
    ended: bool = False
    broken: str = ""
    missing: int = 0
    error: str = ""


class NewRecords(Protocol):
    """What is appended to any edge's journal from now on. Nothing waits for whoever reads here."""

    last_error: str

    def begin(self) -> None:
        """Look at nothing that is there now."""

    def read(self, limit: int) -> tuple[Sequence[bytes], bool]:
        """About `limit` new records, and whether there are more already."""

    def skip(self) -> int:
        """Go on at the end; how many records are passed over."""

    def close(self) -> None: ...


class Journals(Protocol):
    """All edges' journals for one consumer, which keeps its offsets: (edge, epoch) → last number taken."""

    def discover(self) -> None:
        """Notice new segments and removed ones."""

    def read(
        self, offsets: Mapping[tuple[int, int], int], limit: int, held: Callable[[int], bool]
    ) -> Sequence[Piece]:
        """What follows the offsets, about `limit` entries in all, without the edges that are `held`."""

    def before(self, offsets: Mapping[tuple[int, int], int], count: int) -> Iterator[Sequence[Entry]]:
        """About the last `count` entries up to the offsets, oldest first."""

    def reopen(self) -> None:
        """The consumer went back to earlier offsets: look again at logs that had ended."""

    def close(self) -> None: ...


class UsageStore(Protocol):
    """What destinations took, how far each journal was read for that, and what is lent to which process.

    One writer. Every method raises Unavailable when the store cannot be reached or is full.
    """

    def offsets(self) -> Mapping[tuple[int, int], int]:
        """The last number read of each (edge, epoch)."""

    def lives(self) -> Sequence[HeldLife]: ...

    def took(self, destination: int, since_s: int) -> Sequence[Took]:
        """What a destination took in buckets that end after `since_s`, oldest first."""

    def change(self, change: UsageChange) -> None:
        """Store all of it, durable when it returns, or nothing."""

    def thin(self, before_s: int, fine: Sequence[int], width_s: int) -> None:
        """Merge older buckets into such of `width_s` seconds, but for the destinations `fine`."""

    def forget(self, before_s: int, logs: Sequence[tuple[int, int]]) -> None:
        """Remove buckets that ended before, and the progress of logs that are gone."""

    def close(self) -> None: ...


class Ledger(Protocol):
    """Conversions, postbacks that wait, how far each journal was consumed, and an outbox of what to ship.

    Everything a batch did is stored by one `commit`, durable when it returns, or not at all: a kill at any
    moment repeats the batch from its offsets, and the same batch gives the same conversions. One writer;
    any thread may call. Every method raises Unavailable when the store cannot be reached or is full.
    """

    def offsets(self) -> Mapping[tuple[int, int], int]:
        """The last number consumed of each (edge, epoch)."""

    def offset(self, edge: int, epoch: int) -> int:
        """The last number consumed of one log; 0 when none was."""

    def conversions(self, ids: Sequence[str]) -> Mapping[str, Conversion]:
        """Those of `ids` that exist."""

    def firsts(self, claims: Sequence[str]) -> Mapping[str, str]:
        """Claim → the earliest of its conversions, of those claims that have one."""

    def commit(self, settlement: Settlement) -> None:
        """Store all of it. Raises Conflict, storing nothing, when an offset does not move forward."""

    def converted(self, after: int, limit: int) -> Sequence[tuple[int, str, int]]:
        """What clicks converted on, in the order it was stored: (number, click id, destination id).

        Numbers grow for ever; whoever has seen one never misses a lower one. Only the newest are kept.
        """

    def adjust(
        self, order: CostOrder, parts: Sequence[CostAdjustment], count: int | None = None
    ) -> CostOrder:
        """Store a correction of cost and put its parts into the outbox, both or neither; returns it.

        One whose id is there already is returned as it was stored, and nothing is added. Raises Conflict
        when there are not `count` others.
        """

    def adjustment(self, id: str) -> CostOrder | None: ...

    def adjustments(
        self, limit: int, offset: int, campaigns: Collection[int] | None = None
    ) -> tuple[Sequence[CostOrder], int]:
        """A page of all corrections, or of these campaigns', newest first, and how many there are."""

    def entry(self, id: str) -> EntryRecord | None:
        """The order of this id that a settlement carried out (Settlement.entries)."""

    def due(self, now_us: int, first: int, again: int) -> Sequence[WaitingPostback]:
        """Waiting postbacks due by now, oldest first: up to `first` never looked up, then `again` others."""

    def next_due(self) -> int | None:
        """When the next waiting postback is due; None when none waits."""

    def waiting_for(self, clicks: Sequence[str]) -> Sequence[WaitingPostback]:
        """The postbacks that wait for any of these clicks."""

    def longest_tried(self, limit: int) -> Sequence[WaitingPostback]:
        """Waiting postbacks that were looked up in vain, those nearest their deadline first."""

    def awaited(self) -> Mapping[str, int]:
        """Click id → how many postbacks wait for it."""

    def sizes(self) -> LedgerSizes:
        """As of the last commit; never blocks."""

    def outboxes(self) -> Sequence[EventLog]:
        """The outbox of every process life that has rows left, oldest first, and this life's, last."""

    def outbox_drop(self, epoch: int, seq: int) -> None:
        """Forget this epoch's rows up to `seq`: they are shipped."""

    def close(self) -> None: ...


class IdentityStore(Protocol):
    """Sessions and the codes of the last day. One writer; durable when a call returns. Raises Unavailable."""

    def sessions(self) -> Sequence[Session]: ...

    def codes(self) -> Sequence[Code]:
        """By mail address and time."""

    def put_session(self, session: Session) -> None:
        """A new one, or a new state of one that is there."""

    def remove_sessions(self, ids: Sequence[str]) -> None: ...

    def put_code(self, code: Code) -> None:
        """A code is known by its address and the time it was made at."""

    def remove_code(self, code: Code) -> None: ...

    def forget(self, now_us: int, codes_before_us: int) -> None:
        """Remove sessions that have expired by now, and codes made before that time."""

    def close(self) -> None: ...


class ClaimFile(Protocol):
    """The link that makes whoever opens it the first administrator: a file in the data directory."""

    def token(self) -> str:
        """What the link ends with; "" when there is none or it was used."""

    def offer(self, token: str) -> None:
        """Make one, unless one is there or was used."""

    def use(self) -> None:
        """There is no claim any more, now and after a restart."""


class Post(Protocol):
    """Sends mail."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Raises Unavailable when it cannot be sent now."""


class Identities(Protocol):
    """Who the visitors were, sealed at rest under daily keys. Blocking calls are its own business: it runs
    them in its own threads."""

    async def find(self, click_ids: Sequence[str]) -> Mapping[str, Identity]:
        """Of each click that is in the warehouse: Identity() where its key is destroyed. A click that is
        missing in the answer is not there yet, or never was. Raises Unavailable."""

    def seal(self, identity: Identity, at_us: int) -> bytes:
        """An identity under the key of that day; b"" for one with nothing in it."""

    def open(self, sealed: bytes) -> Identity:
        """What was sealed; Identity() when its key is destroyed, or it is nothing of ours. Never raises."""
