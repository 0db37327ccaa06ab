"""The ledger on SQLite: one file, one connection, every batch in one transaction that is fsynced.

synchronous=FULL, because an offset that a power cut takes back would count a batch twice in the warehouse:
its records may have been shipped already.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from appliance.attribution.revisions import census, figures
from appliance.errors import Conflict, Unavailable
from appliance.model.conversions import (
    Conversion,
    Counted,
    LedgerSizes,
    SettledRecord,
    Settlement,
    WaitingPostback,
)
from appliance.model.costs import CostOrder
from appliance.model.entries import EntryRecord
from appliance.model.events import (
    ConversionEvent,
    CostAdjustment,
    DestinationHealthEvent,
    PostbackLogEvent,
    encode,
)
from appliance.model.health import Health
from appliance.ports import EventLog
from appliance.stores.sqlite import deliveries
from appliance.stores.sqlite.database import insert, opened, reported, turn
from appliance.stores.sqlite.outbox import Outboxes

VERSION = 2
_encode_body = msgspec.msgpack.Encoder().encode
_decode_health = msgspec.msgpack.Decoder(Health).decode
_decode_order = msgspec.msgpack.Decoder(CostOrder).decode
_decode_entry = msgspec.msgpack.Decoder(EntryRecord).decode
_decode_conversion = msgspec.msgpack.Decoder(Conversion).decode
_decode_postback = msgspec.msgpack.Decoder(PostbackLogEvent).decode
# SQLite's own limit of parameters is 32,766; 500 keeps one statement below a millisecond.
CHUNK = 500
MOST_CONVERTED = 250_000
"""Kept for edges that were away: some 18 MB. Who missed more learns the rest from the other edges."""
_WAITING = "select edge, epoch, seq, click_id, attempts, told, due_us, deadline_us, body from waiting "


class SqliteLedger:
    """The Ledger port over `path`. `step` is called between the statements of a commit; tests crash there."""

    def __init__(
        self, path: Path, unix_ms: Callable[[], int], step: Callable[[str], None] | None = None
    ) -> None:
        now = unix_ms()
        self.epoch = now << 20 | secrets.randbits(20)
        self._next = now << 20
        self._step = step or (lambda name: None)
        # The actor's thread and the publisher's both call: one lock, held for one short method at a time.
        self._lock = threading.Lock()
        self._turn = turn(path)
        self._closed = False
        with reported("the ledger cannot be opened"):
            self._db = opened(path)
            try:
                (version,) = self._db.execute("pragma user_version").fetchone()
                if version > VERSION:
                    raise Unavailable(
                        f"{path.name} was written by a newer Weir (version {version}); install that one"
                    )
                self._db.executescript(files(__package__).joinpath("ledger.sql").read_text("utf-8"))
                deliveries.prepare(self._db)
                if version == 1:
                    self._upgrade(now * 1000)
                self._db.execute(f"pragma user_version={VERSION}")
                self._sizes = LedgerSizes(*self._measure("waiting"), *self._measure("outbox"))
                sql = "select count(*), coalesce(max(number), 0) from converted"
                self._converted, last = map(int, self._db.execute(sql).fetchone())
                self._next_converted = max(last + 1, self._next)
                self._outboxes = Outboxes(path, self.epoch)
            except BaseException:
                self._db.close()
                raise

    def _upgrade(self, now_us: int) -> None:
        """From before conversions said where they enter: each says so once, in one transaction."""
        last = ""
        self._db.execute("begin immediate")
        while rows := self._db.execute(
            "select id, body from conversion where id > ? order by id limit ?", (last, CHUNK)
        ).fetchall():
            told = [census(_decode_conversion(body), now_us) for _, body in rows]
            self._db.executemany(
                "update conversion set revision=?, known_us=?, body=? where id=?",
                [(it.revision, it.known_us, _encode_body(it), it.id) for it, _ in told],
            )
            self._send(self._db, [encode(record) for _, record in told])
            last = rows[-1][0]
        self._db.execute("pragma user_version=2")
        self._db.execute("commit")

    def _measure(self, table: str) -> tuple[int, int]:
        """(rows, bytes of their bodies), kept in memory from here on."""
        row = self._db.execute(f"select count(*), coalesce(sum(length(body)), 0) from {table}").fetchone()  # noqa: S608
        return (int(row[0]), int(row[1]))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reported("the ledger cannot be read"):
            self._check()
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, list[int]]]:
        """One transaction and what it adds to the sizes; whatever interrupts it, nothing of it stays."""
        with self._lock, self._turn, reported("the ledger cannot be written"):
            self._check()
            growth = [0, 0, 0, 0]
            try:
                self._db.execute("begin immediate")
                yield self._db, growth
                self._db.execute("commit")
                self._sizes = LedgerSizes(*map(sum, zip(self._sizes, growth, strict=True)))
            except BaseException:
                # On a full disk SQLite has rolled back by itself; a second rollback would raise.
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    def _check(self) -> None:
        if self._closed:
            raise Unavailable("the ledger is closed")

    def offsets(self) -> dict[tuple[int, int], int]:
        with self._reading() as db:
            return {
                (edge, epoch): seq for edge, epoch, seq in db.execute("select edge, epoch, seq from progress")
            }

    def offset(self, edge: int, epoch: int) -> int:
        with self._reading() as db:
            row = db.execute("select seq from progress where edge=? and epoch=?", (edge, epoch)).fetchone()
        return int(row[0]) if row else 0

    def conversions(self, ids: Sequence[str]) -> dict[str, Conversion]:
        found: dict[str, Conversion] = {}
        with self._reading() as db:
            for some in _chunks(ids):
                sql = f"select id, body from conversion where id in ({_marks(some)})"  # noqa: S608
                found.update((id_, _decode_conversion(body)) for id_, body in db.execute(sql, some))
        return found

    def firsts(self, claims: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._reading() as db:
            for some in _chunks(claims):
                sql = f"select claim, conversion_id from first where claim in ({_marks(some)})"  # noqa: S608  marks
                found.update(db.execute(sql, some).fetchall())
        return found

    def counted(self, since_us: int) -> Iterator[list[Counted]]:
        """What every conversion since then counts for, in pages: each page is read when it is asked for."""
        at, last = since_us, ""
        while True:
            with self._reading() as db:
                sql = (
                    "select body, conversions, revenue from conversion where (at_us, id) > (?, ?)"
                    " order by at_us, id limit ?"
                )
                rows = db.execute(sql, (at, last, CHUNK)).fetchall()
            page = []
            for body, count, revenue in rows:
                it = _decode_conversion(body)
                page.append(
                    Counted(
                        it.id, it.revision, it.click.destination_id, it.at_us, count, revenue, it.currency
                    )
                )
                at, last = it.at_us, it.id
            if not page:
                return
            yield page

    def commit(self, settlement: Settlement) -> None:
        step = self._step
        bodies = [encode(record) for record in settlement.records]
        with self._writing() as (db, growth):
            step("begun")
            for (edge, epoch), seq in settlement.offsets.items():
                moved = db.execute(
                    "insert into progress values (?,?,?) on conflict do update set seq=excluded.seq"
                    " where excluded.seq > seq",
                    (edge, epoch, seq),
                ).rowcount
                if moved == 0:
                    raise Conflict(f"edge {edge}, epoch {epoch:x}: {seq} was consumed before")
            step("offsets")
            db.executemany(
                "insert or replace into conversion values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                [_row(conversion) for conversion in settlement.conversions],
            )
            firsts = settlement.firsts.items()
            db.executemany("delete from first where claim=?", [(claim,) for claim, id_ in firsts if not id_])
            db.executemany("insert or replace into first values (?,?)", [each for each in firsts if each[1]])
            step("conversions")
            held = self._note_converted(db, settlement.records)
            step("converted")
            gone = self._remove_waiting(db, [*settlement.settled, *(w.position for w in settlement.waiting)])
            rows = [
                (*w.position, w.click_id, int(w.attempts > 0), w.attempts, w.told | w.recorded << 1, w.due_us,
                 w.deadline_us, encode(w.event))
                for w in settlement.waiting
            ]  # fmt: skip
            db.executemany("insert into waiting values (?,?,?,?,?,?,?,?,?,?)", rows)
            step("waiting")
            deliveries.put(db, settlement.deliveries)
            step("deliveries")
            entries = [(it.id, _encode_body(it)) for it in settlement.entries]
            db.executemany("insert into entry values (?,?)", entries)
            growth[2:] = self._send(db, bodies)
            growth[:2] = [len(rows) - gone[0], sum(len(row[-1]) for row in rows) - gone[1]]
            step("outbox")
        self._converted = held
        step("committed")

    def _note_converted(self, db: sqlite3.Connection, records: Sequence[SettledRecord]) -> int:
        """Number what clicks converted on, within a transaction, the oldest out; how many are held then."""
        it = [
            (record.click_id, record.destination_id)
            for record in records
            if isinstance(record, ConversionEvent) and record.count > 0 and record.click_id
        ]
        first, self._next_converted = self._next_converted, self._next_converted + len(it)
        rows = [(number, *each) for number, each in enumerate(it, first)]
        db.executemany("insert into converted values (?,?,?)", rows)
        held: int = self._converted + len(it)
        if held > MOST_CONVERTED:
            sql = (
                "delete from converted where number in (select number from converted order by number limit ?)"
            )
            db.execute(sql, (held - MOST_CONVERTED,))
        return min(held, MOST_CONVERTED)

    def converted(self, after: int, limit: int) -> list[tuple[int, str, int]]:
        with self._reading() as db:
            sql = "select * from converted where number>? order by number limit ?"
            return db.execute(sql, (after, limit)).fetchall()

    def _send(self, db: sqlite3.Connection, bodies: Sequence[bytes]) -> list[int]:
        """Put records into the outbox, within a transaction: numbers are given under the lock that commits
        them, because a reader that has seen a number never looks below it again."""
        first, self._next = self._next, self._next + len(bodies)  # burned if this fails: never used again
        rows = [(self.epoch, seq, body) for seq, body in enumerate(bodies, first)]
        insert(db, "insert into outbox", rows)
        return [len(bodies), sum(map(len, bodies))]

    @contextmanager
    def together(self, records: Sequence[bytes] = ()) -> Iterator[sqlite3.Connection]:
        """A transaction of other tables in this file, with these records for the outbox."""
        with self._writing() as (db, growth):
            growth[2:] = self._send(db, records)
            yield db

    def healths(self) -> list[Health]:
        """What is known of destinations' health."""
        with self._reading() as db:
            return [_decode_health(body) for (body,) in db.execute("select body from health").fetchall()]

    def put_health(self, health: Health, event: DestinationHealthEvent) -> None:
        """Store it and put the event of its change into the outbox, both or neither."""
        with self._writing() as (db, growth):
            db.execute(
                "insert or replace into health values (?,?)", (health.destination_id, _encode_body(health))
            )
            self._step("health")
            growth[2:] = self._send(db, [encode(event)])

    def adjust(
        self, order: CostOrder, parts: Sequence[CostAdjustment], count: int | None = None
    ) -> CostOrder:
        bodies = [encode(part) for part in parts]
        with self._writing() as (db, growth):
            if count is not None:
                sql = "select count(*) from adjustment where id != ?"
                if db.execute(sql, (order.id,)).fetchone()[0] != count:
                    raise Conflict("another correction of cost was entered meanwhile; try again")
            sql = "insert into adjustment (id, body) values (?,?) on conflict do nothing"
            if db.execute(sql, (order.id, _encode_body(order))).rowcount:
                self._step("adjustment")
                growth[2:] = self._send(db, bodies)
                return order
        stored = self.adjustment(order.id)
        assert stored is not None
        return stored

    def adjustment(self, id: str) -> CostOrder | None:
        with self._reading() as db:
            row = db.execute("select body from adjustment where id=?", (id,)).fetchone()
        return _decode_order(row[0]) if row else None

    def adjustments(
        self, limit: int, offset: int, campaigns: Collection[int] | None = None
    ) -> tuple[Sequence[CostOrder], int]:
        with self._reading() as db:
            if campaigns is not None:  # people make these by hand: there are thousands at most
                bodies = db.execute("select body from adjustment order by number desc").fetchall()
                those = [each for (body,) in bodies if (each := _decode_order(body)).within(campaigns)]
                return those[offset : offset + limit], len(those)
            sql = "select body from adjustment order by number desc limit ? offset ?"
            found = [_decode_order(body) for (body,) in db.execute(sql, (limit, offset)).fetchall()]
            (count,) = db.execute("select count(*) from adjustment").fetchone()
        return found, int(count)

    def entry(self, id: str) -> EntryRecord | None:
        with self._reading() as db:
            row = db.execute("select body from entry where id=?", (id,)).fetchone()
        return _decode_entry(row[0]) if row else None

    @staticmethod
    def _remove_waiting(db: sqlite3.Connection, positions: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
        rows = size = 0
        for position in positions:
            sql = "delete from waiting where edge=? and epoch=? and seq=? returning length(body)"
            for (length,) in db.execute(sql, position).fetchall():
                rows, size = rows + 1, size + length
        return rows, size

    def due(self, now_us: int, first: int, again: int) -> list[WaitingPostback]:
        found: list[WaitingPostback] = []
        with self._reading() as db:
            for tried, limit in ((0, first), (1, again)):
                sql = _WAITING + "where tried=? and due_us<=? order by due_us limit ?"
                found += map(_postback, db.execute(sql, (tried, now_us, limit)))
        return found

    def next_due(self) -> int | None:
        with self._reading() as db:
            sql = "select min(due_us) from waiting where tried=?"
            dues = [db.execute(sql, (tried,)).fetchone()[0] for tried in (0, 1)]
        return min((int(due) for due in dues if due is not None), default=None)

    def waiting_for(self, clicks: Sequence[str]) -> list[WaitingPostback]:
        found: list[WaitingPostback] = []
        with self._reading() as db:
            for some in _chunks(clicks):
                found += map(_postback, db.execute(_WAITING + f"where click_id in ({_marks(some)})", some))
        return found

    def longest_tried(self, limit: int) -> list[WaitingPostback]:
        with self._reading() as db:
            sql = _WAITING + "where tried=1 order by deadline_us limit ?"
            return [_postback(row) for row in db.execute(sql, (limit,))]

    def awaited(self) -> dict[str, int]:
        with self._reading() as db:
            return dict(db.execute("select click_id, count(*) from waiting group by click_id").fetchall())

    def sizes(self) -> LedgerSizes:
        return self._sizes

    def totals(self) -> dict[str, tuple[int, int, int]]:
        """Currency → (conversions, revenue, hold) over every conversion: what a report must add up to."""
        with self._reading() as db:
            sql = (
                "select currency, sum(conversions), sum(revenue), sum(hold) from conversion group by currency"
            )
            return {currency: (count, revenue, hold) for currency, count, revenue, hold in db.execute(sql)}

    def outboxes(self) -> list[EventLog]:
        return self._outboxes.every()

    def outbox_drop(self, epoch: int, seq: int) -> None:
        # Asked first, and not in the turn of who writes: none of these changes any more.
        rows, size = self._outboxes.size(epoch, seq)
        with self._writing() as (db, growth):
            db.execute("delete from outbox where epoch=? and seq<=?", (epoch, seq))
            growth[2:] = [-rows, -size]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._db.close()
        self._outboxes.close()


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _marks(items: Sequence[str]) -> str:
    return ",".join("?" * len(items))


def _row(it: Conversion) -> tuple[object, ...]:
    return (it.id, it.revision, it.network_id, it.transaction_id, it.click.id, it.at_us, it.known_us,
            it.status, *figures(it), it.currency, _encode_body(it))  # fmt: skip


def _postback(row: Sequence[Any]) -> WaitingPostback:
    edge, epoch, seq, click_id, attempts, told, due_us, deadline_us, body = row
    return WaitingPostback(
        position=(edge, epoch, seq),
        click_id=click_id,
        attempts=attempts,
        told=bool(told),
        recorded=told > 1,
        due_us=due_us,
        deadline_us=deadline_us,
        event=_decode_postback(body),
    )
