"""Who may call what: every role × every operation × own and foreign campaign, made from the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.access.roles import ROLES, WORDS, of_token
from appliance.errors import Conflict, Missing, Refused, TooMany, Unauthenticated, Unavailable
from appliance.model.catalog import Campaign, Destination, Link, Network, Source, Stream, Token, User
from appliance.model.history import Clash
from appliance.model.rules import Target
from appliance.operations import registry
from appliance.operations.context import Caller, Forbidden
from appliance.operations.registry import Operation
from tests.doors import Doors, open_doors

OPERATIONS = registry.load_all()
OWN, FOREIGN = "own", "foreign"
REACHED = (Refused, Missing, Conflict, Unavailable, TooMany)
"""Whoever gets one of these was let in: the permission was there, and what he asked for was looked at."""
INSIDE = ("streams", "links")
SHARED = ("destinations", "sources", "networks", "templates", "pages")
VERBS_OF_CHANGE = ("change", "archive", "restore")


@dataclass
class World:
    """A buyer with a campaign and everything in it, another one with his, and what belongs to nobody."""

    doors: Doors
    ids: dict[tuple[str, str], int]

    def caller(self, who: str) -> Caller:
        own = frozenset({self.ids["campaigns", OWN]})
        number = self.ids["users", OWN]
        match who:
            case "nobody":
                return Caller("nobody", "rest")
            case "pending":
                return Caller("p", "rest", frozenset(), number, frozenset())
            case "administrator":
                return Caller("a", "rest", None, self.ids["users", "administrator"], session="s")
            case "buyer" | "viewer":
                return Caller(who, "rest", ROLES[who], number, own, session="s")  # type: ignore[index]
            case _:  # a token of the buyer
                return Caller(who, "rest", of_token("buyer", [who]), number, own)


WHO = ("nobody", "pending", "viewer", "buyer", "administrator", "*.read", "campaigns.*", "*")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_doors(tmp_path) as doors:
        ids: dict[tuple[str, str], int] = {}

        async def put(kind: Any, plural: str, whose: str, entity: Any) -> None:
            ids[plural, whose] = (await doors.desk.create(kind, entity, Caller("t", "test", None))).id

        await put("user", "users", "administrator", User(email="a@example.com", role="administrator"))
        for whose in (OWN, FOREIGN):
            await put("user", "users", whose, User(email=f"{whose}@example.com", role="buyer"))
            owner = ids["users", whose]
            await put("campaign", "campaigns", whose, Campaign(name=whose, slug=whose, owner_id=owner))
            campaign = ids["campaigns", whose]
            await put("destination", "destinations", whose,
                      Destination(name=whose, url="https://offer.example/", owner_id=owner))  # fmt: skip
            targets = (Target(destination_id=ids["destinations", whose]),)
            stream = Stream(campaign_id=campaign, name=whose, owner_id=owner, targets=targets)
            await put("stream", "streams", whose, stream)
            await put("link", "links", whose, Link(campaign_id=campaign, name=whose, owner_id=owner))
            await put("source", "sources", whose, Source(name=whose, owner_id=owner))
            await put(
                "network", "networks", whose, Network(name=whose, slug=whose, secret="s3cret", owner_id=owner)
            )
            hash_ = (whose[0] * 64).replace("o", "0")
            await put("token", "tokens", whose, Token(name=whose, user_id=owner, scopes=("*",), hash=hash_))
        yield World(doors, ids)


async def outcome(world: World, name: str, payload: Mapping[str, object], caller: Caller) -> str:
    """`in`, `no` or `sign in`."""
    try:
        await world.doors.call(name, payload, caller)
    except Unauthenticated:
        return "in" if caller.user_id else "sign in"
    except Forbidden:
        return "no"
    except REACHED:
        return "in"
    return "in"


OF_NO_CAMPAIGN = {
    "exports.ingestion_errors",
    "exports.postbacks",
    "ingestion_errors.list",
    "networks.unknown_words",
    "postbacks.get",
    "postbacks.list",
    "postbacks.reprocess_apply",
    "postbacks.reprocess_preview",
    "postbacks.test",
}
"""Records that belong to no campaign: not for whoever sees some campaigns only."""


def lets_in(each: Operation, caller: Caller) -> str:
    if each.name in OF_NO_CAMPAIGN and caller.user_id and caller.campaigns is not None:
        return "no"
    if each.permission == "anyone":
        return "in"
    if not caller.user_id:
        return "sign in"
    return "in" if each.permission == "self" or caller.may(each.permission) else "no"


@pytest.mark.parametrize("who", WHO)
async def test_every_role_gets_into_what_its_words_say_and_nothing_else(world: World, who: str) -> None:
    caller = world.caller(who)
    wrong = {}
    for name, each in OPERATIONS.items():
        if "rest" in each.closed_at:
            continue
        payload = {**each.example}
        noun = name.partition(".")[0]
        if "id" in payload and (noun, OWN) in world.ids:
            payload["id"] = world.ids[noun, OWN]
        if "user_id" in payload:
            payload["user_id"] = world.ids["users", OWN]
        expected = lets_in(each, caller)
        got = await outcome(world, name, payload, caller)
        if got == "sign in" and each.permission == "anyone":
            got = "in"  # a wrong code or claim is the operation's own answer
        if got != expected:
            wrong[name] = (expected, got)
    assert wrong == {}


def named(each: Operation) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(each.request)}


@pytest.mark.parametrize("who", ["viewer", "buyer", "*"])
async def test_what_is_in_a_foreign_campaign_does_not_exist(world: World, who: str) -> None:
    caller = world.caller(who)
    seen = {}
    for name, each in OPERATIONS.items():
        noun = name.partition(".")[0]
        if noun in ("campaigns", *INSIDE) and "id" in named(each) and caller.may(each.permission):
            payload = {**each.example, "id": world.ids[noun, FOREIGN]}
            with pytest.raises(Missing):
                await world.doors.call(name, payload, caller)
            seen[name] = True
    assert {f"{noun}.get" for noun in ("campaigns", *INSIDE)} <= seen.keys()


@pytest.mark.parametrize("who", ["viewer", "buyer"])
async def test_lists_hold_what_is_ones_own(world: World, who: str) -> None:
    caller = world.caller(who)
    for noun in ("campaigns", *INSIDE):
        page: Any = await world.doors.call(f"{noun}.list", {}, caller)
        assert [item.id for item in page.items] == [world.ids[noun, OWN]] and page.total == 1
    for noun in INSIDE:
        page = await world.doors.call(
            f"{noun}.list", {"campaign_id": world.ids["campaigns", FOREIGN]}, caller
        )
        assert (page.items, page.total) == ((), 0)
    page = await world.doors.call("tokens.list", {}, caller)
    assert [item.id for item in page.items] == [world.ids["tokens", OWN]]
    page = await world.doors.call("destinations.list", {}, caller)
    assert {world.ids["destinations", OWN], world.ids["destinations", FOREIGN]} <= {i.id for i in page.items}


async def test_a_buyer_changes_of_what_is_shared_only_what_he_owns(world: World) -> None:
    caller = world.caller("buyer")
    url = {"url": "https://other.example/"}
    await world.doors.call("destinations.change", {"id": world.ids["destinations", OWN], **url}, caller)
    for verb in VERBS_OF_CHANGE:
        payload = {"id": world.ids["destinations", FOREIGN], **(url if verb == "change" else {})}
        with pytest.raises(Forbidden):
            await world.doors.call(f"destinations.{verb}", payload, caller)


async def test_nothing_is_put_or_moved_into_a_foreign_campaign(world: World) -> None:
    caller = world.caller("buyer")
    foreign = {"campaign_id": world.ids["campaigns", FOREIGN]}
    for noun in INSIDE:
        for verb, payload in (
            ("create", {**OPERATIONS[f"{noun}.create"].example, **foreign}),
            ("change", {"id": world.ids[noun, OWN], **foreign}),
            ("duplicate", {"id": world.ids[noun, OWN], **foreign}),
        ):
            with pytest.raises(Refused) as caught:
                await world.doors.call(f"{noun}.{verb}", payload, caller)
            assert "campaign_id" in {problem.path for problem in caught.value.fields}


async def test_no_stream_hands_its_visitors_to_a_foreign_campaign(world: World) -> None:
    caller = world.caller("buyer")
    onward = {"answer": {"kind": "campaign", "campaign_id": world.ids["campaigns", FOREIGN]}}
    stream = {"campaign_id": world.ids["campaigns", OWN], **onward}
    for name, payload in (
        ("streams.create", stream), ("streams.change", {"id": world.ids["streams", OWN], **onward})
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            await world.doors.call(name, payload, caller)
        assert {problem.path for problem in caught.value.fields} == {"answer.campaign_id"}
    await world.doors.call("streams.create", stream, world.caller("administrator"))


async def test_a_conflict_tells_nothing_of_what_was_in_a_foreign_campaign(world: World) -> None:
    stream, own = world.ids["streams", FOREIGN], world.ids["campaigns", OWN]
    before: Any = await world.doors.desk.get("stream", stream)
    await world.doors.desk.change("stream", stream, {"campaign_id": own}, world.caller("administrator"), None)
    await world.doors.desk.change("stream", stream, {"name": "moved"}, world.caller("administrator"), None)
    for verb in ("change", "archive", "restore", "duplicate"):
        stale = {"id": stream, "revision": before.revision}
        for who, told in (("buyer", set()), ("administrator", {"campaign_id", "name"})):
            with pytest.raises(Conflict) as caught:
                await world.doors.call(f"streams.{verb}", stale, world.caller(who))
            clash = caught.value.details
            assert isinstance(clash, Clash) and {each.field for each in clash.changed} == told


async def test_what_somebody_makes_is_his(world: World) -> None:
    caller = world.caller("buyer")
    made: Any = await world.doors.call("campaigns.create", {"name": "n", "slug": "n"}, caller)
    assert made.owner_id == caller.user_id
    made = await world.doors.call("destinations.create", {"name": "n", "url": "https://n.example/"}, caller)
    assert made.owner_id == caller.user_id


async def test_tokens_are_ones_own_business_and_administrators(world: World) -> None:
    buyer, administrator = world.caller("buyer"), world.caller("administrator")
    other = world.ids["tokens", FOREIGN]
    for verb, more in (("get", {}), ("change", {"name": "x"}), ("archive", {})):
        with pytest.raises(Missing):
            await world.doors.call(f"tokens.{verb}", {"id": other, **more}, buyer)
    with pytest.raises(Forbidden):
        payload = {"name": "x", "scopes": ["*"], "user_id": world.ids["users", FOREIGN]}
        await world.doors.call("tokens.create", payload, buyer)
    made: Any = await world.doors.call("tokens.create", {"name": "x", "scopes": ["*"]}, buyer)
    assert made.user_id == buyer.user_id and made.token.startswith(made.hint)
    shown: Any = await world.doors.call("tokens.get", {"id": made.id}, buyer)
    assert made.token not in str(registry.encode(shown)) and "hash" not in str(registry.encode(shown))
    await world.doors.call("tokens.archive", {"id": other}, administrator)
    for scopes in ([], ["everything"], ["campaigns.delete"]):
        with pytest.raises(Refused):
            await world.doors.call("tokens.create", {"name": "x", "scopes": scopes}, buyer)


async def test_history_shows_what_one_may_see(world: World) -> None:
    buyer, administrator = world.caller("buyer"), world.caller("administrator")
    everything: Any = await world.doors.call("catalog.history", {"limit": 200}, administrator)
    mine: Any = await world.doors.call("catalog.history", {"limit": 200}, buyer)

    def keys(history: Any) -> set[tuple[str, int]]:
        return {(change.kind, change.id) for revision in history.items for change in revision.changes}

    ids = world.ids
    foreign = {("campaign", ids["campaigns", FOREIGN]), ("stream", ids["streams", FOREIGN]),
               ("link", ids["links", FOREIGN]), ("token", ids["tokens", FOREIGN]),
               ("user", ids["users", OWN])}  # fmt: skip
    assert foreign <= keys(everything) and not foreign & keys(mine)
    assert ("campaign", ids["campaigns", OWN]) in keys(mine)
    last = everything.items[0].number
    at: Any = await world.doors.call("catalog.at", {"revision": last, "limit": 1000}, buyer)
    assert not foreign & {(item.kind, item.entity["id"]) for item in at.items}
    assert b"s3cret" not in registry.encode(everything) + registry.encode(at)


@pytest.mark.parametrize("who", WHO)
async def test_everybody_signed_in_is_offered_what_he_may_call(world: World, who: str) -> None:
    caller = world.caller(who)
    if not caller.user_id:
        with pytest.raises(Unauthenticated):
            await world.doors.call("operations.list", {}, caller)
        return
    found: Any = await world.doors.call("operations.list", {}, caller)
    assert {item.name for item in found.items} == {
        name for name, each in OPERATIONS.items() if caller.may(each.permission)
    }
    assert "session.sign_out" in {item.name for item in found.items}


async def test_a_token_makes_changes_and_lets_in_no_users(world: World) -> None:
    """Whoever found an administrator's token would have an account of his own, or somebody else's address."""
    administrator, pending = world.caller("administrator"), world.ids["users", FOREIGN]
    await world.doors.call("users.change", {"id": pending, "role": "administrator"}, administrator)
    await world.doors.call("users.change", {"id": pending, "status": "pending_approval"}, administrator)
    then: Any = await world.doors.call("users.change", {"id": pending, "role": "buyer"}, administrator)
    for scopes in (["*"], ["users.*"], ["users.write", "history.write"]):
        permissions = of_token("administrator", scopes)
        token = Caller("t", "rest", permissions, administrator.user_id)
        for name, payload in (
            ("users.create", {"email": "x@example.com", "role": "administrator"}),
            ("users.create", {"email": "x@example.com"}),
            ("users.change", {"id": administrator.user_id, "email": "x@example.com"}),
            ("users.archive", {"id": pending}),
            ("users.approve", {"id": pending, "role": "administrator"}),
            ("history.restore", {"kind": "user", "id": pending, "revision": then.revision - 1}),
        ):
            with pytest.raises(Forbidden):
                await world.doors.call(name, payload, token)
    assert "users.read" in of_token("administrator", ["*"])
    await world.doors.call("users.approve", {"id": pending}, administrator)


def test_administrators_have_every_word() -> None:
    assert ROLES["administrator"] == WORDS
