"""Where an edge's memory of visitors is, and what the edges and the core tell each other of it."""

from __future__ import annotations

from msgspec import Struct


class MemoryPlace(Struct, frozen=True):
    """Beside the saved pairs: the journal's (epoch, seq) up to which they hold everything that was taught.

    `heard` is (core's epoch, number, unix seconds) of what the core told last. `shared_s`: own pairs learned
    before are with the core. `turns`: stream id → the next turn of its round robin. `converted`: the ledger's
    number of the last conversion that was told (Converted.last).
    """

    epoch: int
    seq: int
    heard: tuple[int, int, int] = (0, 0, 0)
    shared_s: int = 0
    turns: dict[int, int] = {}
    converted: int = 0


class Remembering(Struct, frozen=True, tag="remembering"):
    """Edge → core, after every Hello: what this process heard last (MemoryPlace.heard, .converted)."""

    pid: int
    heard: tuple[int, int, int]
    converted: int = 0


class Lessons(Struct, frozen=True, tag="lessons"):
    """Edge → core: packed pairs that this process learned from clicks, up to its number `last`."""

    pid: int
    last: int
    body: bytes


class LessonsTaken(Struct, frozen=True, tag="lessons_taken"):
    """Core → edge: the process `pid` need not send what it learned up to `last` again to this core."""

    core: int
    pid: int
    last: int


class Taught(Struct, frozen=True, tag="taught"):
    """Core → edge: what other edges learned.

    `last` is the number that the edge confirms; the core says the next ones then.
    """

    core: int
    last: int
    bodies: tuple[bytes, ...] = ()


class TaughtTaken(Struct, frozen=True, tag="taught_taken"):
    """Edge → core: everything up to `last` of this core is remembered."""

    core: int
    pid: int
    last: int


class Converted(Struct, frozen=True, tag="converted"):
    """Core → edge: what clicks converted on: (click id, destination id), all that the ledger's numbers from
    `after` (exclusive) to `last` stand for."""

    after: int
    last: int
    clicks: tuple[tuple[str, int], ...]


class ConvertedTaken(Struct, frozen=True, tag="converted_taken"):
    """Edge → core: every conversion up to the ledger's number `last` is remembered."""

    pid: int
    last: int


class ShareAgain(Struct, frozen=True, tag="share_again"):
    """Core → edges: send again what you learned since then, once per `id`: an edge may have missed it."""

    id: int
    since_s: int


class MemoryReport(Struct, frozen=True, kw_only=True):
    """An edge's memory of visitors. `unsaved` places wait for the disk; `lost_unsaved` left before it."""

    pairs: int
    capacity: int
    pushed_out: int
    unsaved: int
    lost_unsaved: int
    unshared: int
    last_error: str = ""
