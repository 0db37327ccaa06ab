"""The identity actor: codes, the claim, sessions, and what each role becomes at every request."""

from __future__ import annotations

from pathlib import Path

import jwt
import msgspec
import pytest
import trio

from appliance.access import codes, sessions
from appliance.access.roles import ROLES
from appliance.actors.identity import CODES_PER_CLIENT, TRIES_PER_CLIENT, Keys, Policy
from appliance.errors import Refused, TooMany, Unauthenticated, Unavailable
from appliance.model.catalog import Campaign, User
from tests.people import HERE, SECRET, START_US, open_people

ANN, BOB = "ann@example.com", "bob@example.com"
ADMIN = Policy(frozenset({ANN}))
HOUR, DAY = 3_600, 86_400


async def test_a_code_by_mail_signs_in_and_is_good_once(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        ends, shown = await people.desk.request_code(" Ann@Example.com ", people.client())
        assert (ends, shown) == (START_US + codes.LIFE_US, "")
        assert people.letters.sent[0][0] == ANN
        code = people.letters.code()
        assert len(code) == 6 and code.isdigit() and code in people.letters.sent[0][2]
        grant = await people.desk.sign_in("ANN@example.com", f" {code} ", people.client())
        assert (grant.user.email, grant.user.role, grant.user.status) == (ANN, "administrator", "active")
        caller = await people.who(grant.token)
        assert (caller.user_id, caller.permissions, caller.campaigns) == (grant.user.id, None, None)
        with pytest.raises(Unauthenticated):
            await people.desk.sign_in(ANN, code, people.client())


async def test_no_new_code_while_one_is_good_and_the_limits_hold_over_a_restart(tmp_path: Path) -> None:
    for round_ in range(2):
        async with open_people(tmp_path) as people:
            people.clock.pass_by(round_)
            if round_ == 0:
                await people.desk.request_code(BOB, people.client())
            with pytest.raises(TooMany) as caught:
                await people.desk.request_code(BOB, people.client("203.0.113.9"))
            assert caught.value.retry_after == 600 - round_
    async with open_people(tmp_path) as people:
        asked = 1
        for _ in range(60):
            people.clock.pass_by(601)
            try:
                await people.desk.request_code(BOB, people.client(f"203.0.113.{asked}"))
                asked += 1
            except TooMany:
                pass
        assert asked == codes.PER_DAY
        people.clock.pass_by(DAY)
        await people.desk.request_code(BOB, people.client())


async def test_guessing_is_bounded_to_what_the_documents_say(tmp_path: Path) -> None:
    """All a guesser gets in a day, from as many addresses as he likes."""
    tries = 0
    async with open_people(tmp_path, ADMIN) as people:
        for minute in range(24 * 60):
            people.clock.pass_by(60)
            try:
                await people.desk.request_code(ANN, people.client(f"203.0.113.{minute % 250}"))
            except TooMany:
                continue
            right = people.letters.code()
            for guess in range(20):
                wrong = f"{(int(right) + 1 + guess) % 1_000_000:06}"
                with pytest.raises(Unauthenticated):
                    await people.desk.sign_in(ANN, wrong, people.client(f"192.0.2.{guess}"))
                code = people.actor._codes[ANN][-1]
                tries += guess < codes.ATTEMPTS
                assert code.attempts == min(guess + 1, codes.ATTEMPTS)
            with pytest.raises(Unauthenticated):
                await people.desk.sign_in(ANN, right, people.client())
    assert tries <= codes.PER_DAY * codes.ATTEMPTS == 50


async def test_a_code_ends_after_ten_minutes_and_is_stored_as_a_digest(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        await people.desk.request_code(ANN, people.client())
        code = people.letters.code()
        [stored] = people.store.codes()
        assert code not in str(stored) and stored.digest == codes.digest(Keys.of(SECRET).code, ANN, code)
        with pytest.raises(Unauthenticated):
            await people.desk.sign_in(BOB, code, people.client())
        people.clock.pass_by(600)
        with pytest.raises(Unauthenticated):
            await people.desk.sign_in(ANN, code, people.client())


async def test_one_client_is_bounded_over_all_addresses(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        for number in range(CODES_PER_CLIENT):
            await people.desk.request_code(f"p{number}@example.com", people.client("2001:db8::1"))
        with pytest.raises(TooMany) as caught:
            await people.desk.request_code("other@example.com", people.client("2001:db8::ffff:2"))
        assert caught.value.retry_after == HOUR
        await people.desk.request_code("other@example.com", people.client("2001:db8:0:1::1"))
        for _ in range(TRIES_PER_CLIENT):
            with pytest.raises(Unauthenticated):
                await people.desk.sign_in("x@example.com", "000000", people.client("192.0.2.1"))
        with pytest.raises(TooMany):
            await people.desk.sign_in("x@example.com", "000000", people.client("192.0.2.1"))


async def test_strangers_together_get_so_many_codes_and_known_people_theirs(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        await people.user(BOB)
        for number in range(codes.STRANGERS_PER_HOUR):
            await people.desk.request_code(f"p{number}@example.com", people.client(f"192.0.2.{number}"))
        with pytest.raises(TooMany):
            await people.desk.request_code("one.more@example.com", people.client())
        await people.desk.request_code(ANN, people.client())
        await people.desk.request_code(BOB, people.client())


@pytest.mark.parametrize("email", ["", "ann", "a b@example.com", "ann@localhost", "a@b.cc\r\nBcc: x@y.zz"])
async def test_what_is_no_mail_address_is_refused(tmp_path: Path, email: str) -> None:
    async with open_people(tmp_path) as people:
        with pytest.raises(Refused) as caught:
            await people.desk.request_code(email, people.client())
        assert [problem.path for problem in caught.value.fields] == ["email"]


async def test_a_code_that_could_not_be_mailed_is_none(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        people.letters.broken = True
        with pytest.raises(Unavailable):
            await people.desk.request_code(ANN, people.client())
        people.letters.broken = False
        await people.signed_in(ANN)


async def test_whoever_leaves_while_the_mail_is_sent_may_ask_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        people.letters.slow = 10
        with trio.move_on_after(1):
            await people.desk.request_code(ANN, people.client())
        await people.signed_in(ANN)


async def test_without_mail_only_the_machine_itself_gets_a_code(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN, mail=False) as people:
        with pytest.raises(Unavailable, match="no mail is configured"):
            await people.desk.request_code(ANN, people.client("127.0.0.1"))
        _, first = await people.desk.request_code(ANN, HERE)
        _, code = await people.desk.request_code(ANN, HERE)
        with pytest.raises(Unauthenticated):
            await people.desk.sign_in(ANN, first, people.client())
        assert (await people.desk.sign_in(ANN, code, people.client())).user.email == ANN


async def test_local_codes_are_shown_to_this_machine_only(tmp_path: Path) -> None:
    policy = Policy(local_codes=True)
    async with open_people(tmp_path, policy, mail=False) as people:
        _, code = await people.desk.request_code(ANN, people.client("::1"))
        assert len(code) == 6
        for address in ("198.51.100.7", "", "10.0.0.1"):
            with pytest.raises(Unavailable):
                await people.desk.request_code(BOB, people.client(address))


async def test_a_new_person_waits_for_approval_and_may_do_nothing(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        grant = await people.signed_in(BOB)
        assert (grant.user.role, grant.user.status) == ("viewer", "pending_approval")
        caller = await people.who(grant.token)
        assert caller.may("self") and caller.permissions == frozenset() and caller.campaigns == frozenset()
        values = {"status": "active", "role": "buyer", "sees_money": False}
        await people.catalog.change("user", grant.user.id, values, HERE, None)
        caller = await people.who(grant.token)
        assert (caller.permissions, caller.sees_money) == (ROLES["buyer"], False)


async def test_whoever_is_blocked_learns_nothing(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_people(tmp_path) as people:
        people.letters.slow = 0.4
        await people.user(BOB, status="blocked")
        took = []
        for email in (ANN, BOB):
            began = trio.current_time()
            assert await people.desk.request_code(email, people.client()) == (START_US + codes.LIFE_US, "")
            took.append(trio.current_time() - began)
            with pytest.raises(TooMany):
                await people.desk.request_code(email, people.client())
        assert took == [0.4, 0.4] and [to for to, _, _ in people.letters.sent] == [ANN]
        said = set()
        for email in (ANN, BOB):
            with pytest.raises(Unauthenticated) as caught:
                await people.desk.sign_in(email, "000000", people.client())
            said.add(str(caught.value))
        assert len(said) == 1


async def test_a_block_an_archive_and_another_role_hold_at_the_next_request(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        await people.user(ANN, role="administrator")
        number = await people.user(BOB, role="administrator")
        token, key = (await people.signed_in(BOB)).token, await people.token(number, "*")
        assert (await people.who(token)).permissions is None
        await people.catalog.change("user", number, {"role": "viewer"}, HERE, None)
        assert (await people.who(token)).permissions == ROLES["viewer"]
        assert (await people.who(key)).permissions == ROLES["viewer"] - {"tokens.write"}
        await people.catalog.change("user", number, {"status": "blocked"}, HERE, None)
        for credential in (token, key):
            with pytest.raises(Unauthenticated):
                await people.who(credential)
        await people.catalog.change("user", number, {"status": "active"}, HERE, None)
        await people.who(token)
        await people.catalog.archive("user", number, HERE, None)
        for credential in (token, key):
            with pytest.raises(Unauthenticated):
                await people.who(credential)


async def test_a_buyers_campaigns_are_his_own_and_those_granted(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        granted = await people.put("campaign", Campaign(name="g", slug="g"))
        await people.put("campaign", Campaign(name="f", slug="f"))
        number = await people.user(BOB, role="buyer", campaigns=(granted,))
        own = await people.put("campaign", Campaign(name="o", slug="o", owner_id=number))
        token = (await people.signed_in(BOB)).token
        assert (await people.who(token)).campaigns == {granted, own}
        fresh = await people.put("campaign", Campaign(name="n", slug="n", owner_id=number))
        assert (await people.who(token)).reaches(fresh)
        await people.catalog.change("user", number, {"role": "viewer", "every_campaign": True}, HERE, None)
        assert (await people.who(token)).campaigns is None


async def test_a_configured_administrator_is_one_again_at_his_next_sign_in(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        await people.user(ANN, role="viewer", status="pending_approval")
        assert (await people.signed_in(ANN)).user.role == "administrator"


async def test_the_claim_makes_one_administrator_once(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        claim = (tmp_path / "claim").read_text().strip()
        assert people.actor.claim_token == claim and len(claim) > 40
        for wrong in ("", claim[:-1], claim + "x", "\udcff"):
            with pytest.raises(Unauthenticated):
                await people.desk.claim(wrong, ANN, people.client())
        with pytest.raises(Refused):
            await people.desk.claim(claim, "ann", people.client())
        grant = await people.desk.claim(claim, ANN, people.client())
        assert (await people.who(grant.token)).permissions is None
        assert not (tmp_path / "claim").exists() and (tmp_path / "claimed").exists()
        with pytest.raises(Unauthenticated):
            await people.desk.claim(claim, BOB, people.client())
    async with open_people(tmp_path) as people:
        assert people.actor.claim_token == "" and not (tmp_path / "claim").exists()


async def test_there_is_a_claim_of_its_own_only_where_nobody_could_get_in(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        assert people.actor.claim_token == ""
        await people.user(BOB)
    async with open_people(tmp_path) as people:
        assert people.actor.claim_token == ""
    (tmp_path / "claim").write_text("what-weir-init-wrote\n")
    async with open_people(tmp_path, ADMIN) as people:
        assert people.actor.claim_token == "what-weir-init-wrote"


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


async def test_an_api_token_may_what_its_scopes_and_its_user_may_until_it_ends(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        number = await people.user(BOB, role="buyer", sees_money=False)
        narrow = await people.token(number, "campaigns.*", "users.write", "reports.read")
        caller = await people.who(narrow)
        assert caller.permissions == {"campaigns.read", "campaigns.write", "reports.read"}
        assert (caller.user_id, caller.session, caller.sees_money) == (number, "", False)
        ending = await people.token(number, "*", expires_at="2027-01-15T08:00:05Z")
        await people.who(ending)
        people.clock.pass_by(5)
        with pytest.raises(Unauthenticated):
            await people.who(ending)
        with pytest.raises(Unauthenticated):
            await people.desk.renew(caller)


async def test_old_codes_and_sessions_are_forgotten(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN) as people:
        await people.signed_in(ANN)
        people.clock.pass_by(DAY + HOUR)
        await people.desk.request_code(BOB, people.client())
        assert [code.email for code in people.store.codes()] == [BOB]
        assert people.store.sessions() == [] == people.desk.sessions()


async def test_too_many_people_who_wait_keep_others_out_but_no_administrator(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN, mail=False) as people:
        for number in range(codes.MOST_WAITING):
            await people.put("user", User(email=f"p{number}@example.com", status="pending_approval"))
        _, code = await people.desk.request_code(BOB, HERE)
        with pytest.raises(Unavailable):
            await people.desk.sign_in(BOB, code, people.client())
        _, code = await people.desk.request_code(ANN, HERE)
        await people.desk.sign_in(ANN, code, people.client())


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


async def test_a_claim_link_makes_no_second_administrator(tmp_path: Path) -> None:
    """One that lies about in a terminal, when the first one came in another way."""
    (tmp_path / "claim").write_text("what-weir-init-wrote\n")
    async with open_people(tmp_path, ADMIN) as people:
        await people.signed_in(ANN)
        with pytest.raises(Unauthenticated):
            await people.desk.claim("what-weir-init-wrote", BOB, people.client())
        grant = await people.desk.claim("what-weir-init-wrote", ANN, people.client())
        assert grant.user.email == ANN
        with pytest.raises(Unauthenticated):
            await people.desk.claim("what-weir-init-wrote", ANN, people.client())


async def test_who_leaves_again_and_again_sends_no_more_mails_than_others(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """The mail may be out when he hangs up, so it counts: for its address, and as a stranger's."""
    async with open_people(tmp_path) as people:
        people.letters.slow = 5
        refused = 0
        for number in range(20):
            people.clock.pass_by(1)
            with trio.move_on_after(1):
                try:
                    await people.desk.request_code(BOB, people.client(f"192.0.2.{number}"))
                except TooMany:
                    refused += 1
            await trio.sleep(1)
        assert refused == 20 - codes.PER_HOUR
        assert len(people.store.codes()) == codes.PER_HOUR
