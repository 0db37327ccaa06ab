"""Journal entries → one batch: the cut that is recorded first, and the rows that are then sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from appliance.model.shipping import Cut
from appliance.reporting.rows import ERRORS, Row, Unfit, bounds, build, set_aside, stays


class Hole(NamedTuple):
    """Something of a damaged log that is lost: reported under the number `seq` within the log."""

    seq: int
    reason: str


class Item(NamedTuple):
    """One entry (`body`) or one hole of a log."""

    seq: int
    body: bytes | Hole


class Batch(NamedTuple):
    """`bodies` maps a row's number to its record, for the row that the warehouse refuses."""

    cut: Cut
    rows: list[Row]
    bodies: Mapping[int, bytes]

    @property
    def oldest_us(self) -> int:
        return min((row.at_us for row in self.rows), default=0)


def make_batch(edge: int, epoch: int, items: Sequence[Item], now_us: int) -> Batch:
    """The batch of `items` (ascending, not empty); what fits no table becomes a row of ingestion_errors."""
    rows: list[Row] = []
    bodies: dict[int, bytes] = {}
    for seq, body in items:
        if isinstance(body, Hole):
            rows.append(set_aside(edge, epoch, seq, "journal", body.reason, b"", now_us))
            continue
        if stays(body):
            continue
        bodies[seq] = body
        try:
            rows.append(build(edge, epoch, seq, body))
        except Unfit as fault:
            rows.append(set_aside(edge, epoch, seq, fault.topic, fault.reason, body, now_us))
    cut = Cut(edge, epoch, items[0].seq, items[-1].seq, bounds(row for row in rows if row.table != ERRORS))
    return Batch(cut, rows, bodies)


def inserts(rows: Iterable[Row], limit: int) -> list[list[Row]]:
    """`rows` grouped by table and partition, at most `limit` per group: one group, one insert, one part."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault(row[:2], []).append(row)
    return [some[start : start + limit] for some in groups.values() for start in range(0, len(some), limit)]


def damage_report(
    edge: int,
    epoch: int,
    after: int,
    entries: Sequence[tuple[int, bytes]],
    holes: Sequence[tuple[int, int]],
    reason: str,
) -> list[Item]:
    """What is left to ship of a salvaged log: its readable entries beyond `after`, its holes, a last word.

    The last word stands one number beyond the last entry: what followed cannot be measured from the file.
    """
    items = [Item(seq, body) for seq, body in entries if seq > after]
    items += [
        Item(max(first, after + 1), Hole(max(first, after + 1), f"entries {first} to {last} are unreadable"))
        for first, last in holes
        if last > after
    ]
    last_word = (entries[-1][0] if entries else 0) + 1
    if last_word > after:
        text = f"log {edge}/{epoch:016x} was damaged: {reason}; {len(entries)} entries were salvaged"
        items.append(Item(last_word, Hole(last_word, text)))
    return sorted(items, key=lambda item: item.seq)
