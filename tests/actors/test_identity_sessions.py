"""The identity actor's sessions: how long they are good, and what ends them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import jwt
import msgspec
import pytest
import trio

from appliance.access import sessions
from appliance.actors.identity import Keys, Policy
from appliance.errors import Unauthenticated
from appliance.operations.context import Caller, Grant
from tests.people import ANN, BOB, HERE, SECRET, START_US, open_people

ADMIN = Policy(frozenset({ANN}))
HOUR, DAY = 3_600, 86_400


async def test_sessions_that_a_block_or_an_archive_ended_stay_ended(tmp_path: Path) -> None:
    """Whoever is let in again signs in again; nobody else is signed out."""
    async with open_people(tmp_path) as people:
        other = (await people.signed_in(ANN)).token
        number = await people.user(BOB)
        blocked = (await people.signed_in(BOB)).token
        await people.catalog.change("user", number, {"status": "blocked"}, HERE, None)
        await people.catalog.change("user", number, {"status": "active"}, HERE, None)
        people.clock.pass_by(601)
        archived = (await people.signed_in(BOB)).token
        with pytest.raises(Unauthenticated, match="has ended"):
            await people.who(blocked)
        await people.who(archived)
        await people.catalog.archive("user", number, HERE, None)
        await people.catalog.restore("user", number, HERE, None)
        with pytest.raises(Unauthenticated, match="has ended"):
            await people.who(archived)
        await people.who(other)
    async with open_people(tmp_path) as people:
        people.clock.pass_by(1202)
        for token in (blocked, archived):
            with pytest.raises(Unauthenticated, match="has ended"):
                await people.who(token)
        await people.who(other)
        assert len(people.store.sessions()) == 1
        await people.who((await people.signed_in(BOB)).token)


async def test_a_block_during_the_sign_in_leaves_no_session(tmp_path: Path) -> None:
    """At whichever step of it the block comes."""
    begun = 0
    async with open_people(tmp_path) as people:
        for steps in range(30):
            email, here = f"p{steps}@example.com", people.client(f"192.0.2.{steps}")
            number = await people.user(email)
            await people.desk.request_code(email, here)
            grants: list[Grant] = []

            async def sign_in(email: str = email, here: Caller = here, grants: list[Grant] = grants) -> None:
                with suppress(Unauthenticated):
                    grants.append(await people.desk.sign_in(email, people.letters.code(), here))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(sign_in)
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
                await people.catalog.change("user", number, {"status": "blocked"}, HERE, None)
            await people.catalog.change("user", number, {"status": "active"}, HERE, None)
            await people.desk.end([])  # whatever the actor is told next
            for grant in grants:
                begun += 1
                with pytest.raises(Unauthenticated, match="has ended"):
                    await people.who(grant.token)
            assert people.store.sessions() == []
    assert begun > 0


async def test_a_block_that_could_not_be_written_down_is_found_at_the_start(tmp_path: Path) -> None:
    """A kill between the catalog's commit and ours."""
    async with open_people(tmp_path) as people:
        number = await people.user(BOB)
        token = (await people.signed_in(BOB)).token
        stored = people.store.sessions()
        await people.catalog.change("user", number, {"status": "blocked"}, HERE, None)
        await people.desk.end([])
        assert people.store.sessions() == []
        for session in stored:
            people.store.put_session(session)
    async with open_people(tmp_path) as people:
        assert people.store.sessions() == []
        await people.catalog.change("user", number, {"status": "active"}, HERE, None)
        with pytest.raises(Unauthenticated, match="has ended"):
            await people.who(token)


async def test_a_session_ends_after_twelve_hours_unless_renewed_and_after_thirty_days_anyhow(
    tmp_path: Path,
) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        token = (await people.signed_in(ANN)).token
        people.clock.pass_by(12 * HOUR - 1)
        caller = await people.who(token)
        renewals = 0
        while True:
            grant = await people.desk.renew(caller)
            if (grant.expires_us - people.clock.now_us) // 1_000_000 < 12 * HOUR:
                break
            renewals += 1
            people.clock.pass_by(12 * HOUR - 1)
            caller = await people.who(grant.token)
        assert renewals == 59
        with pytest.raises(Unauthenticated):
            await people.who(token)
        people.clock.pass_by(12 * HOUR)
        with pytest.raises(Unauthenticated):
            await people.who(grant.token)
        with pytest.raises(Unauthenticated):
            await people.desk.renew(caller)


async def test_sessions_outlive_a_restart_and_end_when_told(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        first, second = await people.signed_in(ANN), await people.signed_in(ANN, "203.0.113.5")
    async with open_people(tmp_path, ADMIN) as people:
        caller = await people.who(first.token)
        assert {each.address for each in people.desk.sessions()} == {"198.51.100.7", "203.0.113.5"}
        assert await people.desk.end([caller.session, "unknown"]) == 1
        with pytest.raises(Unauthenticated):
            await people.who(first.token)
        with pytest.raises(Unauthenticated):
            await people.desk.renew(caller)
        await people.who(second.token)
    async with open_people(tmp_path, ADMIN) as people:
        with pytest.raises(Unauthenticated):
            await people.who(first.token)


async def test_the_oldest_of_too_many_sessions_ends(tmp_path: Path) -> None:
    async with open_people(tmp_path, mail=False) as people:
        grants = []
        for _ in range(sessions.MOST_PER_USER + 1):
            people.clock.pass_by(1)
            _, code = await people.desk.request_code(ANN, HERE)
            grants.append(await people.desk.sign_in(ANN, code, people.client(f"192.0.2.{len(grants)}")))
        with pytest.raises(Unauthenticated):
            await people.who(grants[0].token)
        await people.who(grants[1].token)


async def test_a_genuine_signature_is_not_enough(tmp_path: Path) -> None:
    """Of an ended session, of another user, of another secret: all the same."""
    async with open_people(tmp_path, ADMIN) as people:
        grant = await people.signed_in(ANN)
        [session] = people.desk.sessions()
        key, now = Keys.of(SECRET).session, people.clock.now_us
        await people.who(sessions.write(session, now, key))
        stolen = msgspec.structs.replace(session, user_id=session.user_id + 1)
        unknown = msgspec.structs.replace(session, id="unknown")
        claims = jwt.decode(grant.token, options={"verify_signature": False})
        for forged in (
            sessions.write(stolen, now, key),
            sessions.write(unknown, now, key),
            sessions.write(session, now, Keys.of(bytes(32)).session),
            jwt.encode(claims, None, "none"),
            jwt.encode(claims, key + key, "HS512"),
            grant.token[:-2],
            grant.token.rpartition(".")[0] + ".",
            "weir_" + "0" * 43,
            "x",
        ):
            with pytest.raises(Unauthenticated):
                await people.who(forged)


async def test_old_codes_and_sessions_are_forgotten(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        await people.signed_in(ANN)
        people.clock.pass_by(DAY + HOUR)
        await people.desk.request_code(BOB, people.client())
        assert [code.email for code in people.store.codes()] == [BOB]
        assert people.store.sessions() == [] == people.desk.sessions()


async def test_a_local_session_is_the_local_administrator_for_an_hour_and_not_longer(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        token, ends = await people.desk.begin_local()
        assert ends == START_US + sessions.LOCAL_US
        caller = await people.who(token)
        assert (caller.user_id, caller.permissions, caller.door) == (0, None, "rest")
        assert caller.session and caller != HERE
        with pytest.raises(Unauthenticated):
            await people.desk.renew(caller)
        # Over the network he is held to the limits of everybody, and is shown no code.
        assert (await people.desk.request_code(BOB, caller))[1] == ""
        assert people.store.sessions() == []
        for _ in range(sessions.MOST_LOCAL):
            people.clock.pass_by(1)
            await people.desk.begin_local()
        with pytest.raises(Unauthenticated):
            await people.who(token)
        other, _ = await people.desk.begin_local()
        people.clock.pass_by(HOUR)
        with pytest.raises(Unauthenticated):
            await people.who(other)
        token, _ = await people.desk.begin_local()
    async with open_people(tmp_path) as people:
        with pytest.raises(Unauthenticated):
            await people.who(token)
