"""The catalog in SQLite: one table of what is, one of revisions, one of the changes each revision made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from appliance.errors import Conflict, FieldProblem, Refused, Unavailable
from appliance.model.catalog import TYPES, Change, Entity, Kind, Revision, Stream
from appliance.model.table import SettingsEntry
from appliance.stores.sqlite.database import connect

_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in TYPES.items()}
_encode = msgspec.json.Encoder().encode
_SETTINGS = msgspec.json.Decoder(SettingsEntry)
# Rows taken per read: no statement stays open while the caller works, so the WAL can always restart.
_READ_AT_ONCE = 1_000


class SqliteCatalog:
    """CatalogStore of ports.py. Durable when `apply` returns (WAL, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, "catalog")

    def revision(self) -> int:
        (number,) = self._connection.execute("select coalesce(max(number), 0) from revision").fetchone()
        return int(number)

    def entities(self, kind: Kind) -> Iterator[Entity]:
        after = 0
        while True:
            rows = self._connection.execute(
                "select id, body from entity where kind = ? and id > ? order by id limit ?",
                (kind, after, _READ_AT_ONCE),
            ).fetchall()
            for _, body in rows:
                yield _DECODERS[kind].decode(body)
            if len(rows) < _READ_AT_ONCE:
                return
            after = rows[-1][0]

    def get(self, kind: Kind, id: int) -> Entity | None:
        row = self._connection.execute(
            "select body from entity where kind = ? and id = ?", (kind, id)
        ).fetchone()
        return None if row is None else _DECODERS[kind].decode(row[0])

    def apply(
        self, changes: Sequence[tuple[Kind, Entity | None, Entity]], author: str, door: str, at_us: int
    ) -> Revision:
        execute = self._connection.execute
        try:
            execute("begin immediate")
            number = self.revision() + 1
            execute(
                "insert into revision (number, at_us, author, door) values (?, ?, ?, ?)",
                (number, at_us, author, door),
            )
            done = []
            for position, (kind, before, after) in enumerate(changes):
                key = self._check(kind, before, after)
                after = msgspec.structs.replace(after, id=key, revision=number)
                execute(
                    "insert into entity (kind, id, revision, archived, body) values (?, ?, ?, ?, ?) "
                    "on conflict (kind, id) do update set revision = excluded.revision, "
                    "archived = excluded.archived, body = excluded.body",
                    (kind, key, number, after.archived, _readable(kind, after).decode()),
                )
                old = None if before is None else _encode(before).decode()
                execute(
                    "insert into change (revision, position, kind, id, before, after) "
                    "values (?, ?, ?, ?, ?, ?)",
                    (number, position, kind, key, old, _encode(after).decode()),
                )
                done.append(_change(kind, key, old, _encode(after)))
            execute("commit")
        except BaseException as fault:
            # A failing commit (full disk) was rolled back by SQLite itself: experiments.md a.
            if self._connection.in_transaction:
                execute("rollback")
            if isinstance(fault, sqlite3.OperationalError):
                raise Unavailable(f"the catalog cannot be written now: {fault}") from fault
            raise
        return Revision(number=number, at_us=at_us, author=author, door=door, changes=tuple(done))

    def _check(self, kind: Kind, before: Entity | None, after: Entity) -> int:
        """The id to store under. Raises Conflict when `before` is not what is stored."""
        if before is None:
            if after.id == 0:
                # Ids are never reused: nothing is ever deleted, only archived.
                (free,) = self._connection.execute(
                    "select coalesce(max(id), 0) + 1 from entity where kind = ?", (kind,)
                ).fetchone()
                return int(free)
            if self.get(kind, after.id) is not None:
                raise Conflict(f"there is a {kind} {after.id} already")
            return after.id
        stored = self.get(kind, before.id)
        if stored != before or after.id != before.id:
            raise Conflict(f"{kind} {before.id} was changed by somebody else meanwhile; read it again")
        return before.id

    def history(
        self,
        limit: int,
        before: int | None = None,
        kind: Kind | None = None,
        id: int | None = None,
        author: str = "",
        keep: Callable[[Change], bool] | None = None,
    ) -> Sequence[Revision]:
        found: list[Revision] = []
        older = before if before is not None else 1 << 62
        while len(found) < limit:
            rows = self._heads(limit - len(found), older, kind, id, author)
            for number, at_us, by, door in rows:
                changes = tuple(
                    change
                    for change in self._changes(number)
                    if kind in (None, change.kind)
                    and id in (None, change.id)
                    and (keep is None or keep(change))
                )
                if changes:
                    found.append(Revision(number=number, at_us=at_us, author=by, door=door, changes=changes))
            if not rows:
                break
            older = rows[-1][0]
        return found

    def _heads(
        self, limit: int, older: int, kind: Kind | None, id: int | None, author: str
    ) -> list[tuple[int, int, str, str]]:
        return self._connection.execute(
            "select number, at_us, author, door from revision where number < :older "
            "and (:author = '' or author = :author) and (:kind is null or number in "
            "(select revision from change where kind = :kind and (:id is null or id = :id))) "
            "order by number desc limit :limit",
            {"older": older, "author": author, "kind": kind, "id": id, "limit": limit},
        ).fetchall()

    def _changes(self, number: int) -> tuple[Change, ...]:
        rows = self._connection.execute(
            "select kind, id, before, after from change where revision = ? order by position", (number,)
        ).fetchall()
        return tuple(_change(*row) for row in rows)

    def at(self, number: int) -> Mapping[tuple[Kind, int], Entity]:
        bodies: dict[tuple[Kind, int], str] = {}
        at, position = 0, -1
        while True:
            rows = self._connection.execute(
                "select revision, position, kind, id, after from change where revision <= ? "
                "and (revision, position) > (?, ?) order by revision, position limit ?",
                (number, at, position, _READ_AT_ONCE),
            ).fetchall()
            for _, _, kind, key, after in rows:
                bodies[kind, key] = after
            if len(rows) < _READ_AT_ONCE:
                break
            at, position = rows[-1][:2]
        return {(kind, key): _DECODERS[kind].decode(body) for (kind, key), body in bodies.items()}

    def versions(self, number: int, keys: Collection[tuple[Kind, int]]) -> Mapping[tuple[Kind, int], Entity]:
        found: dict[tuple[Kind, int], Entity] = {}
        for kind, key in keys:
            row = self._connection.execute(
                "select after from change where kind = ? and id = ? and revision <= ? "
                "order by revision desc, position desc limit 1",
                (kind, key, number),
            ).fetchone()
            if row is not None:
                found[kind, key] = _DECODERS[kind].decode(row[0])
        return found

    def between(self, first: int, last: int) -> Sequence[Change]:
        befores: dict[tuple[Kind, int], str | None] = {}
        afters: dict[tuple[Kind, int], str] = {}
        at, position = first, 1 << 62
        while True:
            rows = self._connection.execute(
                "select revision, position, kind, id, before, after from change where revision <= ? "
                "and (revision, position) > (?, ?) order by revision, position limit ?",
                (last, at, position, _READ_AT_ONCE),
            ).fetchall()
            for _, _, kind, key, before, after in rows:
                befores.setdefault((kind, key), before)
                afters[kind, key] = after
            if len(rows) < _READ_AT_ONCE:
                break
            at, position = rows[-1][:2]
        made = (_change(*key, before, afters[key]) for key, before in sorted(befores.items(), key=_by_key))
        return [change for change in made if not _same(change)]

    def streams_of(self, number: int, campaign: int) -> Sequence[Stream]:
        rows = self._connection.execute(
            "select distinct id from change where kind = 'stream' "
            "and json_extract(after, '$.campaign_id') = ? and revision <= ? order by id",
            (campaign, number),
        ).fetchall()
        found = self.versions(number, [("stream", key) for (key,) in rows])
        return [
            stream
            for stream in found.values()
            if isinstance(stream, Stream) and stream.campaign_id == campaign and not stream.archived
        ]

    def keep_settings(self, settings: SettingsEntry, at_us: int) -> int:
        body = _encode(settings).decode()
        with self._connection:  # no transaction of the module's own: only closes what an error left open
            execute = self._connection.execute
            newest = execute("select body from settings order by revision desc limit 1").fetchone()
            if newest is not None and _SETTINGS.decode(newest[0]) == settings:
                return self.revision()
            execute("begin immediate")
            number = self.revision() + 1 if newest is not None else 0
            if number:
                execute(
                    "insert into revision (number, at_us, author, door) values (?, ?, ?, ?)",
                    (number, at_us, "weir", "configuration"),
                )
            execute("insert into settings (revision, body) values (?, ?)", (number, body))
            execute("commit")
        return self.revision()

    def settings_at(self, number: int) -> SettingsEntry | None:
        row = self._connection.execute(
            "select body from settings where revision <= ? order by revision desc limit 1", (number,)
        ).fetchone()
        return None if row is None else _SETTINGS.decode(row[0])

    def close(self) -> None:
        self._connection.close()


def _by_key(item: tuple[tuple[Kind, int], object]) -> tuple[Kind, int]:
    return item[0]


def _same(change: Change) -> bool:
    return change.before is not None and {**change.before, "revision": 0} == {**change.after, "revision": 0}


def _readable(kind: Kind, entity: Entity) -> bytes:
    """The stored form. Raises Refused for what could not be read again: no core would start with it."""
    body = _encode(entity)
    try:
        _DECODERS[kind].decode(body)
    except msgspec.ValidationError as fault:
        raise Refused(f"this {kind} cannot be stored", [FieldProblem("(payload)", str(fault))]) from None
    return body


def _change(kind: Kind, key: int, before: str | None, after: str | bytes) -> Change:
    return Change(
        kind=kind,
        id=key,
        before=None if before is None else msgspec.json.decode(before, type=dict[str, object]),
        after=msgspec.json.decode(after, type=dict[str, object]),
    )
