"""What travels on the link between the planes: 4-byte big-endian length, then one msgpack message."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from appliance.model.memory import (
    Converted,
    ConvertedTaken,
    Lessons,
    LessonsTaken,
    MemoryReport,
    Remembering,
    ShareAgain,
    Taught,
    TaughtTaken,
)
from appliance.model.table import TableUpdate
from appliance.model.wire import decoder


class ActorReport(Struct, frozen=True, kw_only=True):
    """One actor as the supervision tree shows it."""

    name: str
    state: str
    restarts: int = 0
    mailbox_depth: int = 0
    mailbox_peak: int = 0
    mailbox_capacity: int = 0
    refused: int = 0
    handled: int = 0
    last_error: str = ""


class ProducerReport(Struct, frozen=True, kw_only=True):
    """One topic's way into an edge's journal, under the seed's names (trackers.md, event-producer stats)."""

    topic: str
    queue_capacity: int
    queued: int
    published: int
    dropped: int
    publish_errors: int
    failed_enqueue: int
    closed: bool


class JournalReport(Struct, frozen=True, kw_only=True):
    """An edge's journal: `mode` is recording, ring (disk full: events wait in memory) or closed."""

    epoch: int
    last_seq: int
    mode: str
    ring: int
    ring_capacity: int
    unrecorded: int
    bytes: int
    wal_bytes: int
    segments: int
    commits: int
    last_error: str = ""


class AddressFileReport(Struct, frozen=True, kw_only=True):
    """A database of addresses as one process reads it: its layout, what its maker calls it, when it was made.

    `facts` are those that it can tell. `error` says why it is not read, or why its newest state is not.
    """

    path: str
    layout: str = ""
    type: str = ""
    built_us: int = 0
    facts: tuple[str, ...] = ()
    error: str = ""


class EdgeReport(Struct, frozen=True, kw_only=True, tag="report"):
    """Edge → core, once a second: everything the core shows about an edge."""

    edge: int
    pid: int
    at_us: int
    revision: int
    table_age_us: int
    ready: bool
    connections: int
    requests: int
    replies: dict[int, int]
    unknown_macros: dict[str, int]
    bad_params: dict[str, int]
    rss_bytes: int
    journal: JournalReport
    producers: tuple[ProducerReport, ...]
    actors: tuple[ActorReport, ...]
    unexpanded: dict[int, dict[str, int]] = {}
    """Source → its parameter → clicks in which it held a macro that nobody had filled in."""
    undecided: int = 0
    """Clicks sent back because deciding them failed, by a fault of ours."""
    geo: tuple[AddressFileReport, ...] = ()
    memory: MemoryReport | None = None
    unread_lists: tuple[str, ...] = ()
    """Digests of named lists whose entries it could not read for its table."""
    unsealed: int = 0
    """Identities left out because there was no key to seal them with; `identity_error` is why there is none
    now."""
    identity_error: str = ""


class Hello(Struct, frozen=True, tag="hello"):
    """Edge → core, first on every connection: who I am and which parts I hold (name → digest)."""

    edge: int
    pid: int
    version: str
    revision: int
    digests: dict[str, str]


class TableTaken(Struct, frozen=True, tag="taken"):
    """Edge → core: this revision now decides clicks here."""

    edge: int
    revision: int


class TableRefused(Struct, frozen=True, tag="table_refused"):
    """Edge → core: this revision could not be used; the previous one stays. The core logs and shows it."""

    edge: int
    revision: int
    reason: str


class RotateJournal(Struct, frozen=True, tag="rotate"):
    """Core → edge: leave the segment `epoch` (it cannot be read) and go on in a new one."""

    epoch: int
    reason: str


class Closed(Struct, frozen=True, tag="closed"):
    """Core → edge: the destinations that take no clicks now, with why (routing/verdicts.py); replaces all."""

    destinations: dict[int, str]


class Budgets(Struct, frozen=True, tag="budgets"):
    """Core → edge: how many clicks the process `life` may have sent to each destination with a cap on clicks.

    Counted from its start, as `Spending.sent` is. One that is not named may have none. Serials grow.
    """

    life: int
    serial: int
    ceilings: dict[int, int]


class Weights(Struct, frozen=True, tag="weights"):
    """Core → edge: stream → destination → what best_roi and adaptive go by (ranks, shares); replaces all."""

    streams: dict[int, dict[int, int]]


class Spending(Struct, frozen=True, tag="spending"):
    """Edge → core: the Budgets taken last (`serial`), and what came of them.

    The process will never have sent more than `ceilings` say; one that is not named gets no click before the
    next Budgets. `sent` are its counted clicks, `hungry` where clicks found nothing left since the last
    message. `settled` is (epoch, seq) when everything sent stands in the journal up to there or will never
    stand in it; (0, 0) while nobody can say.
    """

    life: int
    serial: int
    ceilings: dict[int, int]
    sent: dict[int, int]
    hungry: tuple[int, ...] = ()
    settled: tuple[int, int] = (0, 0)


Said = Closed | Budgets | Weights | LessonsTaken | Taught | ShareAgain | Converted
"""What CoreLink.say sends: of each type the newest stands for all before it, and is said after each Hello."""

FromEdge = (
    Hello
    | EdgeReport
    | TableTaken
    | TableRefused
    | Spending
    | Remembering
    | Lessons
    | TaughtTaken
    | ConvertedTaken
)
ToEdge = TableUpdate | RotateJournal | Said

encode_message = msgspec.msgpack.Encoder().encode
decode_from_edge: Callable[[bytes], FromEdge] = decoder(FromEdge)
decode_to_edge: Callable[[bytes], ToEdge] = decoder(ToEdge)
MAX_MESSAGE = 32 * 1024 * 1024
