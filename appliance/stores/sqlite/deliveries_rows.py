"""Rows of deliveries: their columns, and which of them somebody asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from appliance.model.deliveries import Delivery, Selection, State, Stored

COLUMNS = (
    "number, id, target, conversion_id, revision, campaign_id, state, created_us, not_before_us, "
    "deadline_us, lease_us, attempts, finished_us, reason, part, sent_us, value, currency, body"
)
PACKED = f"json_group_array(json_array({COLUMNS.removesuffix('body')} hex(body)))"
"""All rows as one value: each row that SQLite hands out by itself lets go of the interpreter, and a thousand
of them took 80 ms to come while another thread computed."""
# Built of our own words; what callers give is bound.
SELECT = f"select {COLUMNS} from delivery"  # noqa: S608  our columns


# Names of conversions are random: an index of nothing else would have each new one written to a page of its
# own. By thousands of numbers they lie together; whoever looks for one has some hundreds of places to ask.
_OF_CONVERSION = (
    "(with recursive shelf (n) as (select ? >> 12 union all select n + 1 from shelf where n < ? >> 12)"
    " select n from shelf) cross join delivery indexed by delivery_caused"
    " where number >> 12 = n and conversion_id=? and"
)

# What a pixel refused, or did not send in a dry run, may be most of what there is.
_ENDED = frozenset({"dead", "cancelled"})
_ENDED_FOR = (
    "delivery indexed by delivery_ended where state in ('dead', 'cancelled') and target=? and reason=? and"
)


def numbers(
    db: sqlite3.Connection,
    it: Selection,
    bound: str,
    bounds: Sequence[object],
    limit: int,
    *,
    newest_first: bool = False,
) -> list[int]:
    """The first `limit` that fit, within `bound`. By way of an index wherever the selection allows it: those
    that are asked for are few among millions, and whoever looks for them holds up deliveries."""
    where, values = _where(it)
    low, high = _span(db, it)
    rest = f"{bound} and number between ? and ? and {where}"
    rest += f" order by number {'desc' if newest_first else 'asc'} limit ?"
    given = (*bounds, low, high, *values, limit)
    ways: Iterable[tuple[str, tuple[object, ...]]] = [("delivery where", ())]
    if it.ids is None and it.conversion_id:
        ways = [(_OF_CONVERSION, (low, high, it.conversion_id))]
    elif it.ids is None and it.reasons is not None and it.states is not None and set(it.states) <= _ENDED:
        known = db.execute("select distinct target from delivery_count where rows > 0").fetchall()
        ways = [
            (_ENDED_FOR, (target, reason))
            for (target,) in known
            for reason in set(it.reasons)
            if target in (it.targets or (target,))
        ]
    elif it.ids is None:
        living = it.states is not None and set(it.states) <= {"pending", "dead"}
        if it.campaigns is not None and 0 not in it.campaigns and not living:
            ways = [
                ("delivery indexed by delivery_bought where campaign_id<>0 and campaign_id=? and", (each,))
                for each in it.campaigns
            ]
        elif it.states is not None or it.targets is not None:
            known = db.execute("select target, state from delivery_count where rows > 0").fetchall()
            ways = [
                ("delivery indexed by delivery_of where target=? and state=? and", (target, state))
                for target, state in known
                if target in (it.targets or (target,)) and state in (it.states or (state,))
            ]
    found: list[int] = []
    for way, keys in ways:
        some = db.execute(f"select number from {way} {rest}", (*keys, *given))  # noqa: S608  bound
        found += [number for (number,) in some.fetchall()]
    return sorted(found, reverse=newest_first)[:limit]


def count(db: sqlite3.Connection, it: Selection) -> int:
    """How many fit, of the deliveries of one conversion: others are too many to be counted."""
    assert it.conversion_id
    where, values = _where(it)
    given = (*_span(db, it), it.conversion_id, *values)
    found: int = db.execute(f"select count(*) from {_OF_CONVERSION} {where}", given).fetchone()[0]  # noqa: S608  bound
    return found


_SLACK_US = 3_600_000_000
"""By how much the machine's clock may have been set back while deliveries were made."""


def _span(db: sqlite3.Connection, it: Selection) -> tuple[int, int]:
    """The numbers between which those of the period lie: they grow with time."""
    first, last = (
        db.execute(f"select {end}(number) from delivery").fetchone()[0] or 0  # noqa: S608  our own words
        for end in ("min", "max")
    )
    low = first if it.since_us is None else _first(db, it.since_us - _SLACK_US, last)
    high = last if it.until_us is None else _first(db, it.until_us + _SLACK_US, last)
    return low, high


def _first(db: sqlite3.Connection, at_us: int, last: int) -> int:
    """The number from which on deliveries were made at that time or later."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        sql = "select number, created_us from delivery where number>=? order by number limit 1"
        row = db.execute(sql, (middle,)).fetchone()
        if row is None or row[1] >= at_us:
            high = middle
        else:
            low = row[0] + 1
    return low


def rows(db: sqlite3.Connection, wanted: Sequence[int]) -> list[Stored]:
    """Those deliveries, in that order."""
    found: dict[int, Stored] = {}
    for at in range(0, len(wanted), 500):
        some = wanted[at : at + 500]
        found_rows = db.execute(f"{SELECT} where number in ({','.join('?' * len(some))})", tuple(some))
        found.update((row[0], stored_of(row)) for row in found_rows.fetchall())
    return [found[number] for number in wanted]


def _where(it: Selection) -> tuple[str, list[object]]:
    """A selection as a condition and its values."""
    parts: list[str] = ["1"]
    values: list[object] = []
    among: Sequence[tuple[str, Collection[object] | None]] = (
        ("id", it.ids), ("state", it.states), ("target", it.targets), ("campaign_id", it.campaigns),
        ("reason", it.reasons),
    )  # fmt: skip
    for column, wanted in among:
        if wanted is not None:
            parts.append(f"{column} in ({','.join('?' * len(wanted))})")
            values += wanted
    if it.conversion_id:
        parts.append("conversion_id=?")
        values.append(it.conversion_id)
    for condition, bound in (("created_us>=?", it.since_us), ("created_us<?", it.until_us)):
        if bound is not None:
            parts.append(condition)
            values.append(bound)
    return " and ".join(parts), values


def stored_of(row: Sequence[Any]) -> Stored:
    (number, id_, target, conversion_id, revision, campaign_id, state, created_us, not_before_us, deadline_us,
     lease_us, attempts, finished_us, reason, part, sent_us, value, currency, body) = row  # fmt: skip
    # By place, in the order of the fields: by name it takes four times as long.
    it = Delivery(
        id_, target, conversion_id, revision, campaign_id, created_us, created_us, deadline_us, body, value,
        currency,
    )  # fmt: skip
    return Stored(
        number, it, state, not_before_us, deadline_us, lease_us, attempts, finished_us, reason, part, sent_us
    )


_Packed = tuple[
    int, str, str, str, int, int, State, int, int, int, int, int, int, str, int, int, int, str, str
]
_unpack = msgspec.json.Decoder(list[_Packed]).decode


def leased(packed: str, lease_us: int) -> list[Stored]:
    """These rows as they are once they are leased, and marked as sent, until then."""
    return [
        stored_of((*it[:10], lease_us, *it[11:15], it[15] or lease_us, *it[16:18], bytes.fromhex(it[18])))
        for it in _unpack(packed)
    ]
