"""The identity actor's codes: who gets one, how often, and what a guesser has of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from appliance.access import codes
from appliance.actors.identity import Keys, Policy
from appliance.actors.identity_codes import CODES_PER_CLIENT, TRIES_PER_CLIENT
from appliance.errors import Refused, TooMany, Unauthenticated, Unavailable
from tests.people import ANN, BOB, HERE, SECRET, START_US, open_people

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
                code = people.actor._codes.of(ANN)[-1]
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
