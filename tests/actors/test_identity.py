"""The identity actor: users, the claim, and what each role becomes at every request."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.access import codes
from appliance.access.roles import NEVER_BY_TOKEN, ROLES
from appliance.actors.identity import Policy
from appliance.errors import Refused, Unauthenticated, Unavailable
from appliance.model.catalog import Campaign, User
from tests.people import ANN, BOB, HERE, open_people

ADMIN = Policy(frozenset({ANN}))


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


async def test_a_block_an_archive_and_another_role_hold_at_the_next_request(tmp_path: Path) -> None:
    async with open_people(tmp_path) as people:
        await people.user(ANN, role="administrator")
        number = await people.user(BOB, role="administrator")
        token, key = (await people.signed_in(BOB)).token, await people.token(number, "*")
        assert (await people.who(token)).permissions is None
        await people.catalog.change("user", number, {"role": "viewer"}, HERE, None)
        assert (await people.who(token)).permissions == ROLES["viewer"]
        assert (await people.who(key)).permissions == ROLES["viewer"] - NEVER_BY_TOKEN
        await people.catalog.change("user", number, {"status": "blocked"}, HERE, None)
        for credential in (token, key):
            with pytest.raises(Unauthenticated):
                await people.who(credential)
        await people.catalog.change("user", number, {"status": "active"}, HERE, None)
        await people.who(key)
        await people.catalog.archive("user", number, HERE, None)
        with pytest.raises(Unauthenticated):
            await people.who(key)


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


async def test_too_many_people_who_wait_keep_others_out_but_no_administrator(tmp_path: Path) -> None:
    async with open_people(tmp_path, ADMIN, mail=False) as people:
        for number in range(codes.MOST_WAITING):
            await people.put("user", User(email=f"p{number}@example.com", status="pending_approval"))
        _, code = await people.desk.request_code(BOB, HERE)
        with pytest.raises(Unavailable):
            await people.desk.sign_in(BOB, code, people.client())
        _, code = await people.desk.request_code(ANN, HERE)
        await people.desk.sign_in(ANN, code, people.client())


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
