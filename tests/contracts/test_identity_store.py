"""What every IdentityStore promises, and the files that make a data directory an installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.errors import ConfigError
from appliance.model.identity import Code, Session
from appliance.ports import IdentityStore
from appliance.stores.installation import ClaimInDirectory, secret
from appliance.stores.sqlite.identity import SqliteIdentity
from tests.contracts.reopening import reopening

ADAPTERS: dict[str, Callable[[Path], IdentityStore]] = {
    "sqlite": lambda path: SqliteIdentity(path / "identity.db")
}
replace = msgspec.structs.replace
SESSION = Session(id="b", user_id=1, started_us=5, expires_us=10, address="::1")
CODE = Code(email="a@b.cc", issued_us=5, expires_us=10, digest="d")


@pytest.fixture(params=ADAPTERS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], IdentityStore]]:
    yield from reopening(lambda: ADAPTERS[request.param](tmp_path))


def test_what_was_put_is_there_after_a_restart(
    reopen: Callable[[], IdentityStore],
) -> None:
    store = reopen()
    assert store.sessions() == [] == store.codes()
    store.put_session(SESSION)
    store.put_session(replace(SESSION, expires_us=20))
    store.put_session(replace(SESSION, id="a"))
    store.put_code(CODE)
    store.put_code(replace(CODE, attempts=2, spent=True))
    store.put_code(replace(CODE, issued_us=4))
    store.put_code(replace(CODE, email="A@b.cc"))
    store = reopen()
    assert store.sessions() == [replace(SESSION, id="a"), replace(SESSION, expires_us=20)]
    assert store.codes() == [
        replace(CODE, email="A@b.cc"), replace(CODE, issued_us=4), replace(CODE, attempts=2, spent=True),
    ]  # fmt: skip


def test_only_what_is_named_goes(reopen: Callable[[], IdentityStore]) -> None:
    store = reopen()
    for number in range(2_000):
        store.put_session(replace(SESSION, id=f"s{number}"))
    store.remove_sessions([f"s{number}" for number in range(1, 2_000)] + ["unknown", "'; drop table session"])
    store.remove_sessions([])
    assert [session.id for session in store.sessions()] == ["s0"]
    store.put_code(CODE)
    store.put_code(replace(CODE, issued_us=4))
    store.remove_code(replace(CODE, attempts=3))
    store.remove_code(replace(CODE, email="other@b.cc"))
    assert reopen().codes() == [replace(CODE, issued_us=4)]


def test_what_is_over_is_forgotten(reopen: Callable[[], IdentityStore]) -> None:
    store = reopen()
    for ends in (9, 10, 11):
        store.put_session(replace(SESSION, id=str(ends), expires_us=ends))
        store.put_code(replace(CODE, issued_us=ends))
    store.forget(10, 10)
    assert [session.id for session in store.sessions()] == ["11"]
    assert [code.issued_us for code in store.codes()] == [10, 11]


def test_a_claim_is_made_once_and_used_once(tmp_path: Path) -> None:
    claim = ClaimInDirectory(tmp_path)
    assert claim.token() == ""
    claim.offer("one")
    claim.offer("two")
    assert claim.token() == "one"
    assert (tmp_path / "claim").stat().st_mode & 0o777 == 0o600
    claim.use()
    claim.use()
    claim.offer("three")
    assert claim.token() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claimed"]


def test_a_secret_is_made_where_it_may_be_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with pytest.raises(ConfigError, match="secret_file: there is no"):
        secret(path, may_make=False)
    made = secret(path, may_make=True)
    assert len(made) == 32 and path.stat().st_mode & 0o777 == 0o600
    assert secret(path, may_make=False) == made == secret(path, may_make=True)
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("text", ["", "abcd", "x" * 64, "ab" * 31])
def test_what_is_no_secret_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(ConfigError, match="secret"):
        secret(path, may_make=True)
    assert path.read_text() == text
