"""Who may do what, which code may be sent, what a session says: tables and rules."""

from __future__ import annotations

import base64

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access import allowance, codes, roles, sessions, tokens
from appliance.errors import Unauthenticated
from appliance.model.catalog import Token
from appliance.model.identity import Code, Session
from appliance.operations import registry
from appliance.operations.context import Caller

NOW = 1_800_000_000_000_000
KEY = bytes(range(32))
SECOND = 1_000_000


def test_every_operations_permission_is_a_known_word() -> None:
    words = {each.permission for each in registry.load_all().values()}
    assert words - roles.WORDS - {"anyone", "self"} == set()


def test_every_noun_of_permission_is_used_or_promised() -> None:
    used = {each.permission.partition(".")[0] for each in registry.load_all().values()}
    assert set(roles.NOUNS) - used <= {"history", "exports"}


@pytest.mark.parametrize(
    ("caller", "anyone", "itself", "read"),
    [
        (Caller("nobody", "rest"), True, False, False),
        (Caller("pending", "rest", frozenset(), 7), True, True, False),
        (Caller("viewer", "rest", roles.ROLES["viewer"], 7), True, True, True),
        (Caller("local administrator", "call", None), True, True, True),
    ],
)
def test_anyone_and_self(caller: Caller, anyone: bool, itself: bool, read: bool) -> None:
    assert (caller.may("anyone"), caller.may("self"), caller.may("campaigns.read")) == (anyone, itself, read)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            "viewer",
            ["campaigns.read", "reports.read", "live.read", "tokens.write"],
            ["campaigns.write", "costs.write", "users.read", "system.read", "routing.write"],
        ),
        (
            "buyer",
            ["campaigns.write", "streams.write", "links.write", "destinations.write", "costs.write"],
            ["networks.write", "sources.write", "pages.write", "users.read", "journal.write"],
        ),
        ("administrator", ["users.write", "warehouse.write", "routing.write", "system.read"], []),
    ],
)  # fmt: skip
def test_roles(role: str, may: list[str], may_not: list[str]) -> None:
    words = roles.ROLES[role]  # type: ignore[index]
    assert set(may) <= words and not set(may_not) & words


@pytest.mark.parametrize(
    ("scope", "some", "none"),
    [
        ("campaigns.read", ["campaigns.read"], ["campaigns.write", "streams.read"]),
        ("campaigns.*", ["campaigns.read", "campaigns.write"], ["streams.read"]),
        ("*.read", ["campaigns.read", "users.read"], ["campaigns.write"]),
        ("*", ["campaigns.write", "users.write"], []),
    ],
)  # fmt: skip
def test_scopes(scope: str, some: list[str], none: list[str]) -> None:
    words = roles.words(scope)
    assert set(some) <= words and not set(none) & words


@pytest.mark.parametrize(
    "scope",
    ["", ".", "campaigns", "campaigns.", ".read", "*.*", "*.", ".*", "users.delete", "Campaigns.read",
     "campaigns.read ", "anyone", "self", "**", "campaigns.read.read"],
)  # fmt: skip
def test_what_is_no_scope_stands_for_nothing(scope: str) -> None:
    assert roles.words(scope) == frozenset()
    assert list(roles.unknown_scopes(["*", scope])) == [(1, scope)]


@given(
    st.sampled_from(sorted(roles.ROLES)), st.lists(st.sampled_from(["*", "*.read", "*.write", *roles.WORDS]))
)
def test_a_token_never_may_more_than_its_user(role: str, scopes: list[str]) -> None:
    words = roles.of_token(role, scopes)  # type: ignore[arg-type]
    assert words <= roles.ROLES[role]  # type: ignore[index]
    assert not {"tokens.write", "users.write"} & words


def code(age: float, *, attempts: int = 0, spent: bool = False) -> Code:
    issued = NOW - int(age * SECOND)
    return Code(email="a@b.cc", issued_us=issued, expires_us=issued + codes.LIFE_US, digest="d",
                attempts=attempts, spent=spent)  # fmt: skip


@pytest.mark.parametrize(
    ("made", "wait"),
    [
        ([], 0),
        ([code(0)], 600),
        ([code(599)], 1),
        ([code(600)], 0),
        ([code(10, spent=True)], 0),
        ([code(10, attempts=4)], 590),
        ([code(10, attempts=5)], 0),
        ([code(age, spent=True) for age in (10, 20, 30, 40)], 0),
        ([code(age, spent=True) for age in (10, 20, 30, 40, 3000)], 600),
        ([code(age, spent=True) for age in (10, 20, 30, 40, 3600)], 0),
        ([code(3600 * hour, spent=True) for hour in range(2, 12)], 13 * 3600),
        ([code(3600 * hour, spent=True) for hour in range(15, 25)], 0),
    ],
)
def test_when_the_next_code_may_be_made(made: list[Code], wait: int) -> None:
    assert codes.wait_us(made, NOW) == wait * SECOND


@given(st.lists(st.tuples(st.floats(0, 90_000), st.integers(0, 6), st.booleans()), max_size=15))
def test_after_the_wait_there_may_be_one(shape: list[tuple[float, int, bool]]) -> None:
    made = [code(age, attempts=attempts, spent=spent) for age, attempts, spent in shape]
    wait = codes.wait_us(made, NOW)
    assert 0 <= wait <= codes.DAY_US
    if wait:
        assert codes.wait_us(made, NOW + wait - 1) > 0
    present = codes.alive(made, NOW)
    assert present is None or wait >= present.expires_us - NOW


def test_a_code_fits_for_its_address_and_key_only() -> None:
    digest = codes.digest(KEY, "a@b.cc", "123456")
    made = Code(email="a@b.cc", issued_us=0, expires_us=1, digest=digest)
    assert codes.fits(made, codes.digest(KEY, "a@b.cc", "123456"))
    for other in (
        codes.digest(KEY, "a@b.cc", "123457"), codes.digest(KEY, "b@b.cc", "123456"),
        codes.digest(KEY[::-1], "a@b.cc", "123456"), "", "é", codes.digest(KEY, "a@b.cc\n", "123456"),
    ):  # fmt: skip
        assert not codes.fits(made, other)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=60))
def test_an_allowance_never_gives_more_than_so_many_in_a_window(asked: list[tuple[str, int]]) -> None:
    limit, now = allowance.Allowance(3, 100), 0
    given_: dict[str, list[int]] = {}
    for client, later in asked:
        now += later
        wait = limit.take(client, now)
        if wait == 0:
            given_.setdefault(client, []).append(now)
        recent = [at for at in given_.get(client, []) if at > now - 100]
        assert len(recent) <= 3
        assert wait == 0 or (len(recent) == 3 and recent[0] + 100 == now + wait)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("", ""), ("somewhere", "somewhere"),
    ],
)  # fmt: skip
def test_a_household_is_one_client(address: str, client: str) -> None:
    assert allowance.client_of(address) == client


def test_an_allowance_remembers_a_bounded_number_of_clients() -> None:
    limit = allowance.Allowance(1, 100, clients=3)
    for client in "abcd":
        assert limit.take(client, 0) == 0
    assert (limit.take("d", 1), limit.take("a", 1)) == (99, 0)


SESSION = Session(id="sid", user_id=7, started_us=NOW, expires_us=NOW + sessions.LIFE_US)


def test_a_session_reads_back_until_it_ends() -> None:
    token = sessions.write(SESSION, NOW, KEY)
    assert sessions.read(token, NOW + sessions.LIFE_US - 1, KEY) == ("sid", 7)
    with pytest.raises(Unauthenticated, match="expired"):
        sessions.read(token, NOW + sessions.LIFE_US, KEY)


def under(alg: str) -> str:
    """Another header before the same claims and the same, genuine signature."""
    return base64.urlsafe_b64encode(f'{{"alg":"{alg}","typ":"JWT"}}'.encode()).decode().rstrip("=") + "."


GOOD = {"sid": "sid", "sub": "7", "iat": NOW // SECOND, "exp": NOW // SECOND + 60}


GENUINE = jwt.encode(GOOD, KEY, "HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "\u00e9",
        "." * 4000,
        jwt.encode(GOOD, None, "none"),
        jwt.encode(GOOD, KEY * 2, "HS512"),
        jwt.encode(GOOD, KEY[::-1], "HS256"),
        *(
            under(alg) + jwt.encode(GOOD, KEY, "HS256").partition(".")[2]
            for alg in ("none", "None", "RS256", "")
        ),
        *(jwt.encode({k: v for k, v in GOOD.items() if k != gone}, KEY, "HS256") for gone in GOOD),
        jwt.encode({**GOOD, "sid": ["sid"]}, KEY, "HS256"),
        jwt.encode({**GOOD, "sub": "x"}, KEY, "HS256"),
        jwt.encode({**GOOD, "sub": "-7"}, KEY, "HS256"),
        jwt.encode({**GOOD, "exp": str(GOOD["exp"])}, KEY, "HS256"),
        jwt.encode({**GOOD, "exp": 1e30}, KEY, "HS256"),
        jwt.encode({**GOOD, "crit": ["x"]}, KEY, "HS256", {"crit": ["x"]}),
    ],
)
def test_no_other_token_is_a_session(token: str) -> None:
    with pytest.raises(Unauthenticated):
        sessions.read(token, NOW, KEY)


@given(st.integers(0, 70 * 86_400))
def test_renewal_ends_after_thirty_days(later: int) -> None:
    now = NOW + later * SECOND
    ends = sessions.expiry_us(NOW, now)
    assert ends <= NOW + sessions.LONGEST_US and ends <= now + sessions.LIFE_US


def test_keys_differ_by_purpose() -> None:
    assert sessions.key_for(KEY, "session") != sessions.key_for(KEY, "code")
    assert len(sessions.key_for(KEY, "session")) == 32


@pytest.mark.parametrize(
    ("expires_at", "expired"),
    [
        ("", False), ("2027-01-15T08:00:01Z", False), ("2027-01-15T08:00:00Z", True),
        ("2027-01-15T09:00:00+01:00", True), ("2027-01-15T08:00:01", True), ("soon", True),
    ],
)  # fmt: skip
def test_when_an_api_token_has_expired(expires_at: str, expired: bool) -> None:
    assert tokens.expired(Token(user_id=1, expires_at=expires_at), NOW) is expired


def test_what_an_api_token_looks_like() -> None:
    secret = tokens.PREFIX + "A" * 43
    assert (
        tokens.is_secret(secret) and len(tokens.digest(secret)) == 64 and tokens.hint(secret) == "weir_AAAA"
    )
    for other in ("weir_", secret + "A", secret[:-1], secret.upper(), secret[:-1] + "é", secret + "\n"):
        assert not tokens.is_secret(other)
