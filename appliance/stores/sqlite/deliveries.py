"""Deliveries in the ledger's file, over a connection of their own.

`put` is what SqliteLedger calls within its commit, so that a revision and its deliveries are stored together.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from itertools import chain
from math import isqrt
from pathlib import Path

from appliance.model.deliveries import (
    Attempt,
    Delivery,
    Result,
    Selection,
    Standing,
    Stored,
    Waiting,
)
from appliance.stores.sqlite.database import ROWS, insert, opened, reported, together, turn
from appliance.stores.sqlite.deliveries_rows import (
    COLUMNS,
    PACKED,
    SELECT,
    count,
    leased,
    numbers,
    rows,
    stored_of,
)

MOST_PENDING = 200_000
"""Of one target. Full: what comes is dead at once, its reason says so, and it can be replayed."""
FULL = "too many deliveries wait for this target"
_LEASE = f"update delivery set lease_us=?1, not_before_us=?1 where number=?2 returning {COLUMNS}"  # noqa: S608  our columns
_NEXT = (
    f"select {PACKED} from (select * from delivery {{}} where target=?1 and state='pending'"  # noqa: S608  our own words
    " and not_before_us<=?2 and lease_us<=?2 and {} order by deadline_us, number limit ?3)"
)
# `sent_us`: the end of the first lease under which it was sent and of which nobody knows what came. It is due
# since when it was before: leasing changes no index then.
_SEND = (
    "update delivery set lease_us=?1, sent_us=iif(sent_us=0, ?1, sent_us)"
    " where number in (select value from json_each(?2))"
)
# By its own choice SQLite would sort everything that is due. That is the shorter way only while little of
# what waits is due: in the order of deadlines all that is not due is passed over.
_MANY, _FEW = "indexed by delivery_deadline", "indexed by delivery_due"
_NEXT_ANY = {way: _NEXT.format(way, "part=0") for way in (_MANY, _FEW)}
_DUE = (
    f"select count(*) from (select 1 from delivery {_FEW} where target=?1 and state='pending'"  # noqa: S608  our own words
    " and not_before_us<=?2 and lease_us<=?2 limit ?3)"
)
_FIRST = {
    way: f"select part from delivery {way} where target=?1 and state='pending'"  # noqa: S608  our own words
    " and not_before_us<=?2 and lease_us<=?2 order by deadline_us, number limit 1"
    for way in (_MANY, _FEW)
}
# There may be a hundred thousand before the last one of a part.
_NEXT_PART = _NEXT.format("indexed by delivery_part", "part<>0 and part=?4")
# A receiver of postbacks knows a repetition by its id for ever. An ad platform has a window that nobody can
# extend, and forgets after a while what it was told: partners/following.unsure.
_POSTBACK = "substr(target, 1, 9)='postback:'"
# What was acknowledged is delivered, whoever holds the lease by now; a failure says nothing about a delivery
# that somebody else holds, or that was cancelled.
_HOLDS = "new.state='delivered' or (delivery.state='pending' and delivery.lease_us=new.held)"
_FINISH = (
    "with new (state, due_us, finished_us, reason, number, held, part, sure) as (values {})"  # noqa: S608  our own words
    " update delivery set attempts=attempts+1, "
    + ", ".join(
        f"{column}=iif({_HOLDS}, {value}, delivery.{column})"
        for column, value in (
            ("state", "new.state"),
            ("not_before_us", "new.due_us"),
            ("lease_us", "0"),
            ("finished_us", "new.finished_us"),
            ("reason", "new.reason"),
            ("part", "coalesce(new.part, delivery.part)"),
            ("sent_us", "iif(new.sure and delivery.sent_us=new.held, 0, delivery.sent_us)"),
        )
    )
    + " from new where delivery.number=new.number"
)
# Mostly a whole batch was acknowledged: the same for all of them takes half the time.
_DELIVERED = (
    "update delivery set attempts=attempts+1, state='delivered', lease_us=0, not_before_us=?, finished_us=?,"
    " reason=?, part=coalesce(?, part), sent_us=iif(? and sent_us=?, 0, sent_us) where number in (values {})"
)
_ALIKE = 32
"""So many at least are worth a statement of their own."""
# One that is not there any more is the janitor's, meanwhile.
_TRY = (
    "with new (delivery, at_us, latency_us, request, status, answer, error, trace) as (values {})"
    " insert into attempt (delivery, at_us, latency_us, request, status, answer, error, trace)"
    " select * from new where exists (select 1 from delivery where number=new.delivery)"
)


_LATER = {
    "delivery": {"part": "integer not null default 0", "sent_us": "integer not null default 0",
                 "value": "integer not null default 0", "currency": "text not null default ''"},
    "attempt": {"trace": "text not null default ''"},
}  # fmt: skip
"""Columns that files from before ad platforms do not have."""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables and columns that are not there yet. For each connection that is to write many."""
    # A piece of a thousand events touches some 6 MB of pages: in the usual 2 MB SQLite would write some of
    # them to its log, read them again and write them once more.
    db.execute("pragma cache_size=-16384")
    for table, columns in _LATER.items():
        there = {row[1] for row in db.execute(f"pragma table_info({table})")}
        for name, kind in columns.items():
            if there and name not in there:
                db.execute(f"alter table {table} add column {name} {kind}")
    db.executescript(files(__package__).joinpath("deliveries.sql").read_text("utf-8"))


def put(db: sqlite3.Connection, deliveries: Iterable[Delivery], most: int = MOST_PENDING) -> None:
    """Insert them within the caller's transaction; one whose id is there is left as it is."""
    every = list(deliveries)
    for start in range(0, len(every), ROWS):
        some = every[start : start + ROWS]
        (last,) = db.execute("select coalesce(max(number), 0) from delivery").fetchone()
        wanted = Counter(it.target for it in some)
        pending = {target: _count(db, target) for target in wanted}
        if all(pending[target] + wanted[target] <= most for target in wanted):
            came = insert(db, _PUT, [_put(it, "pending", 0, "") for it in some], _ONCE)
            if came == len(some):
                _counted(db, [(it.target, "pending", "", it.currency, it.value) for it in some])
                continue
        else:
            for it in some:
                full = pending[it.target] >= most
                row = _put(it, "dead", it.created_us, FULL) if full else _put(it, "pending", 0, "")
                pending[it.target] += db.execute(_PUT_ONE, row).rowcount
        sql = "select target, state, reason, currency, value from delivery where number>?"
        _counted(db, db.execute(sql, (last,)).fetchall())


def _counted(db: sqlite3.Connection, came: Sequence[tuple[str, str, str, str, int]]) -> None:
    """Count these, (target, state, reason, currency, value) of each. Where deliveries change, triggers do it;
    these cost as much as two indexes, and there is one place only where deliveries come from."""
    counts: Counter[tuple[str, str]] = Counter()
    worth: Counter[tuple[str, str]] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for target, state, reason, currency, value in came:
        counts[target, state] += 1
        if state == "pending" and value:
            worth[target, currency] += value
        elif state == "dead" and target.startswith("pixel:"):
            refused[target, reason] += 1
    for table, column, found in (
        ("delivery_count", "rows", counts),
        ("delivery_worth", "micros", worth),
        ("delivery_refused", "rows", refused),
    ):
        db.executemany(
            f"insert into {table} values (?,?,?)"  # noqa: S608  our own words
            f" on conflict do update set {column}={column}+excluded.{column}",
            [(*key, more) for key, more in found.items()],
        )


_PUT = (
    "insert into delivery (id, target, conversion_id, revision, campaign_id, state, created_us,"
    " not_before_us, deadline_us, finished_us, reason, value, currency, body)"
)
_ONCE = "on conflict (id) do nothing"
_PUT_ONE = f"{_PUT} values (?,?,?,?,?,?,?,?,?,?,?,?,?,?) {_ONCE}"


def _put(it: Delivery, state: str, finished_us: int, reason: str) -> tuple[object, ...]:
    return (it.id, it.target, it.conversion_id, it.revision, it.campaign_id, state, it.created_us,
            it.not_before_us, it.deadline_us, finished_us, reason, it.value, it.currency,
            it.body)  # fmt: skip


def _count(db: sqlite3.Connection, target: str) -> int:
    sql = "select rows from delivery_count where target=? and state='pending'"
    row = db.execute(sql, (target,)).fetchone()
    return int(row[0]) if row else 0


class SqliteDeliveries:
    """Deliveries of actors/retry.py over the ledger's file. `step` is called between statements."""

    def __init__(self, path: Path, step: Callable[[str], None] = lambda name: None) -> None:
        self._step = step
        # The actor's thread and an operator's both call; each holds it for one short transaction.
        self._lock = threading.Lock()
        self._turn = turn(path)
        with reported("the deliveries cannot be opened"):
            self._db = opened(path)
            try:
                prepare(self._db)
            except BaseException:
                self._db.close()
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reported("the deliveries cannot be read"):
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._turn, reported("the deliveries cannot be written"):
            try:
                self._db.execute("begin immediate")
                yield self._db
                self._step("written")
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
        self._step("committed")

    # What the actor asks

    def waiting(self) -> Sequence[Waiting]:
        found = []
        with self._reading() as db:
            counts = db.execute(
                "select target, rows from delivery_count where state='pending' and rows > 0 order by target"
            ).fetchall()
            for target, pending in counts:
                oldest, due, deadline = (
                    db.execute(f"{sql} where target=? and state='pending'{order}", (target,)).fetchone()[0]
                    for sql, order in (
                        ("select created_us from delivery", " order by number limit 1"),
                        ("select min(not_before_us) from delivery", ""),
                        ("select min(deadline_us) from delivery", ""),
                    )
                )
                found.append(Waiting(target, pending, oldest, due, deadline))
        return found

    def take(self, wanted: Mapping[str, int], now_us: int, lease_us: int) -> Sequence[Stored]:
        sql = (
            "select number from delivery where target=? and state='pending' and not_before_us<=?"
            " order by not_before_us limit ?"
        )
        with self._writing() as db:
            due = [
                number
                for target, most in wanted.items()
                for (number,) in db.execute(sql, (target, now_us, most)).fetchall()
            ]
            return [stored_of(db.execute(_LEASE, (lease_us, number)).fetchone()) for number in due]

    def take_batch(self, target: str, most: int, now_us: int, lease_us: int) -> Sequence[Stored]:
        # All that is asked is asked before it is our turn to write, which is what everybody waits for. Nobody
        # changes a delivery meanwhile: that is done under this lock.
        with self._reading() as db:
            enough = isqrt(_count(db, target) * most) + 1
            # What is leased looks due: mostly it is asked in vain.
            (due,) = db.execute(_DUE, (target, now_us, enough)).fetchone()
            way = _FEW if due < enough else _MANY
            found = db.execute(_FIRST[way], (target, now_us)).fetchone() if due else None
            if found is None:
                return []
            given = (target, now_us, most)
            next_ = (_NEXT_PART, (*given, *found)) if found[0] else (_NEXT_ANY[way], given)
            batch = leased(db.execute(*next_).fetchone()[0], lease_us)
            with self._turn, reported("the deliveries cannot be written"):
                # One statement is a transaction by itself.
                db.execute(_SEND, (lease_us, f"[{','.join(str(it.number) for it in batch)}]"))
            self._step("committed")
        return sorted(batch, key=lambda it: (it.deadline_us, it.number))

    def finish(self, results: Sequence[Result], standings: Sequence[Standing], now_us: int) -> None:
        tries = [
            (number, tried.at_us, tried.latency_us, tried.request, tried.status, tried.answer,
             tried.error, tried.trace)
            for number, _, tried, *_ in results
        ]  # fmt: skip
        those: defaultdict[tuple[object, ...], list[tuple[int]]] = defaultdict(list)
        for it in results:
            if it.state == "delivered":
                same = (it.not_before_us, now_us, it.reason, it.part, it.sure, it.lease_us)
                those[same].append((it.number,))
        alike = {said: numbers for said, numbers in those.items() if len(numbers) >= _ALIKE}
        done = set(chain.from_iterable(alike.values()))
        ends = [
            (
                it.state,
                it.not_before_us,
                0 if it.state == "pending" else now_us,
                it.reason,
                it.number,
                it.lease_us,
                it.part,
                it.sure,
            )
            for it in results
            if (it.number,) not in done
        ]
        with self._writing() as db:
            together(db, _TRY, tries)
            self._step("attempt")
            for said, numbers in alike.items():
                together(db, _DELIVERED, numbers, said)
            together(db, _FINISH, ends)
            if standings:
                db.executemany(
                    "insert or replace into standing values (?,?,?,?,?)",
                    [(it.target, it.failures, it.paused_us, it.probe_us, it.reason) for it in standings],
                )
                db.execute("delete from standing where failures=0")

    def release(self, held: Sequence[tuple[int, int]], due_us: int) -> None:
        with self._writing() as db:
            db.executemany(
                "update delivery set lease_us=0, not_before_us=?1,"
                " sent_us=case when sent_us=?3 then 0 else sent_us end"
                " where number=?2 and lease_us=?3 and state='pending'",
                [(due_us, number, lease_us) for number, lease_us in held],
            )

    def expire(self, target: str, now_us: int, reason: str, limit: int) -> int:
        with self._writing() as db:
            return db.execute(
                "update delivery set state='dead', finished_us=?1, reason=?2 where number in (select number"
                " from delivery where target=?3 and state='pending' and deadline_us<?1 and lease_us<=?1"
                " limit ?4)",
                (now_us, reason, target, limit),
            ).rowcount

    # What operators ask

    def standings(self) -> Sequence[Standing]:
        with self._reading() as db:
            sql = "select target, failures, paused_us, probe_us, reason from standing"
            return [
                Standing(target=target, failures=failures, paused_us=paused, probe_us=probe, reason=reason)
                for target, failures, paused, probe, reason in db.execute(sql).fetchall()
            ]

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        with self._reading() as db:
            sql = "select target, state, rows from delivery_count where rows > 0"
            for target, state, count in db.execute(sql).fetchall():
                found.setdefault(target, {})[state] = count
        return found

    def worth(self) -> Mapping[str, Mapping[str, int]]:
        """Target → currency → micro-units of what is pending."""
        found: dict[str, dict[str, int]] = {}
        with self._reading() as db:
            sql = "select target, currency, micros from delivery_worth where micros <> 0"
            for target, currency, micros in db.execute(sql).fetchall():
                found.setdefault(target, {})[currency] = micros
        return found

    def refused(self, target: str, most: int) -> Mapping[str, int]:
        """What a pixel's dead ones died of, the commonest first."""
        with self._reading() as db:
            sql = (
                "select reason, rows from delivery_refused where target=? order by rows desc, reason limit ?"
            )
            return dict(db.execute(sql, (target, most)).fetchall())

    def select(self, selection: Selection, below: int, limit: int) -> Sequence[Stored]:
        with self._reading() as db:
            found = numbers(db, selection, "number<?", (below,), limit, newest_first=True)
            return rows(db, found)

    def count(self, selection: Selection) -> int:
        with self._reading() as db:
            return count(db, selection)

    def get(self, id: str) -> tuple[Stored, Sequence[Attempt]] | None:
        with self._reading() as db:
            row = db.execute(SELECT + " where id=?", (id,)).fetchone()
            if row is None:
                return None
            sql = (
                "select at_us, latency_us, request, status, answer, error, trace from attempt"
                " where delivery=? order by number"
            )
            attempts = [
                Attempt(
                    at_us=at, latency_us=took, request=request, status=status, answer=answer, error=error,
                    trace=trace,
                )
                for at, took, request, status, answer, error, trace in db.execute(sql, (row[0],)).fetchall()
            ]  # fmt: skip
        return stored_of(row), attempts

    def replay(
        self, selection: Selection, above: int, limit: int, now_us: int, deadline_us: int
    ) -> Sequence[tuple[int, str]]:
        sql = (
            "update delivery set state='pending', reason='', not_before_us=?1, lease_us=0, finished_us=0,"  # noqa: S608  our own words
            f" part=0, deadline_us=iif({_POSTBACK}, ?2, deadline_us),"
            f" sent_us=iif({_POSTBACK}, 0, iif(state='delivered', finished_us, sent_us))"
            " where number=?3 returning number, target"
        )
        with self._writing() as db:
            found = numbers(db, selection, "number>? and lease_us<=?", (above, now_us), limit)
            return [db.execute(sql, (now_us, deadline_us, number)).fetchone() for number in found]

    def cancel(
        self, selection: Selection, above: int, limit: int, now_us: int, reason: str
    ) -> Sequence[tuple[int, str]]:
        sql = (
            "update delivery set state='cancelled', finished_us=?, reason=? where number=?"
            " returning number, target"
        )
        with self._writing() as db:
            living = "number>? and state in ('pending', 'dead')"
            found = numbers(db, selection, living, (above,), limit)
            return [db.execute(sql, (now_us, reason, number)).fetchone() for number in found]

    def resume(self, targets: Collection[str]) -> None:
        with self._writing() as db:
            db.executemany("delete from standing where target=?", [(target,) for target in targets])

    def hurry(self, targets: Collection[str], limit: int, now_us: int) -> int:
        places = ",".join("?" * len(targets))
        with self._writing() as db:
            return db.execute(
                "update delivery set not_before_us=? where number in (select number from delivery where"  # noqa: S608  bound
                f" target in ({places}) and state='pending' and not_before_us>? and lease_us<=? limit ?)",
                (now_us, *targets, now_us, now_us, limit),
            ).rowcount

    def sweep(self, before_us: int, limit: int) -> int:
        with self._writing() as db:
            return db.execute(
                "delete from delivery where number in (select number from delivery"
                " where state<>'pending' and finished_us<? limit ?)",
                (before_us, limit),
            ).rowcount

    def close(self) -> None:
        with self._lock:
            self._db.close()
