"""Sessions and codes in SQLite: identity.db."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.errors import Unavailable
from appliance.model.identity import Code, Session
from appliance.stores.sqlite.database import connect


class SqliteIdentity:
    """IdentityStore of ports.py. Every call is one transaction (WAL, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, "identity")

    def sessions(self) -> Sequence[Session]:
        rows = self._run("select id, user_id, started_us, expires_us, address from session order by id")
        return [
            Session(id=key, user_id=user, started_us=started, expires_us=expires, address=address)
            for key, user, started, expires, address in rows
        ]

    def codes(self) -> Sequence[Code]:
        rows = self._run(
            "select email, issued_us, expires_us, digest, attempts, spent from code order by email, issued_us"
        )
        return [
            Code(
                email=email, issued_us=issued, expires_us=expires, digest=digest, attempts=attempts,
                spent=bool(spent),
            )
            for email, issued, expires, digest, attempts, spent in rows
        ]  # fmt: skip

    def put_session(self, session: Session) -> None:
        self._run(
            "insert or replace into session (id, user_id, started_us, expires_us, address) "
            "values (?,?,?,?,?)",
            (session.id, session.user_id, session.started_us, session.expires_us, session.address),
        )

    def remove_sessions(self, ids: Sequence[str]) -> None:
        self._run(
            "delete from session where id in (select value from json_each(?))", (json.dumps(list(ids)),)
        )

    def put_code(self, code: Code) -> None:
        self._run(
            "insert or replace into code (email, issued_us, expires_us, digest, attempts, spent) "
            "values (?,?,?,?,?,?)",
            (code.email, code.issued_us, code.expires_us, code.digest, code.attempts, code.spent),
        )

    def remove_code(self, code: Code) -> None:
        self._run("delete from code where email=? and issued_us=?", (code.email, code.issued_us))

    def forget(self, now_us: int, codes_before_us: int) -> None:
        self._run("delete from session where expires_us <= ?", (now_us,))
        self._run("delete from code where issued_us < ?", (codes_before_us,))

    def close(self) -> None:
        self._connection.close()

    def _run(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as fault:
            raise Unavailable(f"sign-in cannot be written down now: {fault}") from fault
