"""The way back: restoring, reverting, copying, and conflicts that show the other change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trio.testing import MockClock

from appliance.errors import Conflict, Missing, Refused
from appliance.model.catalog import (
    Campaign,
    Change,
    Destination,
    Entity,
    Kind,
    Link,
    Network,
    Page,
    Revision,
    Source,
    Stream,
    Template,
    Token,
    User,
)
from appliance.model.history import Clash, FieldChange, Named
from appliance.model.rules import Target
from appliance.operations.context import Caller
from tests.actors.catalog_rig import ME, Rig, catalog, fields

ADA = Caller("ada@x.example", "rest", None, user_id=7)


@pytest.fixture
async def rig(tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    async with catalog(tmp_path) as rig:
        yield rig


async def shop(rig: Rig) -> None:
    """Campaign 1 with stream 1 to destination 1."""
    await rig.create("campaign", Campaign(slug="a", public_id="pa", name="A"))
    await rig.create("destination", Destination(url="/x"))
    await rig.create("stream", Stream(name="main", campaign_id=1, targets=(Target(destination_id=1),)))


def clash(caught: pytest.ExceptionInfo[Conflict]) -> Clash:
    details = caught.value.details
    assert isinstance(details, Clash)
    return details


async def test_a_conflict_shows_the_other_change(rig: Rig) -> None:
    await rig.create("network", Network(slug="n", name="N", secret="geheim"))
    await rig.desk.change("network", 1, {"name": "M", "secret": "neu"}, ADA, None)
    await rig.create("page", Page(slug="p", body=""))
    for attempt in (
        rig.change("network", 1, revision=1, name="mine"),
        rig.desk.archive("network", 1, ME, 1),
        rig.desk.restore("network", 1, ME, 1),
        rig.desk.duplicate("network", 1, {}, ME, 1),
        rig.desk.revert("network", 1, 1, ME, 1),
    ):
        with pytest.raises(Conflict, match="at revision 2 by now") as caught:
            await attempt
        found = clash(caught)
        assert (found.kind, found.id, found.author, found.door, found.at_us) == (
            "network", 1, "ada@x.example", "rest", 7,
        )  # fmt: skip
        assert (found.entity["name"], found.entity["revision"], found.entity["secret"]) == (
            "M", 2, "********",
        )  # fmt: skip
        assert found.changed == (
            FieldChange(field="name", before="N", after="M"),
            FieldChange(field="secret", before="********", after="********"),
        )
    assert rig.store.revision() == 3


async def test_a_conflict_on_a_revision_that_never_was_shows_the_entity_all_the_same(rig: Rig) -> None:
    await rig.create("page", Page(slug="p", body=""))
    await rig.create("campaign", Campaign(slug="a"))
    with pytest.raises(Conflict) as caught:
        await rig.change("campaign", 1, revision=1, name="x")
    assert (clash(caught).changed, clash(caught).entity["slug"]) == ((), "a")


async def test_a_change_by_another_hand_in_the_store_is_shown_too(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a", public_id="pa"))
    stored = rig.store.get("campaign", 1)
    assert stored is not None
    rig.store.apply([("campaign", stored, msgspec.structs.replace(stored, name="hand"))], "eve", "sql", 9)
    with pytest.raises(Conflict) as caught:
        await rig.change("campaign", 1, name="mine")
    assert (clash(caught).author, clash(caught).at_us) == ("eve", 9)
    assert [change.field for change in clash(caught).changed] == ["name"]


USED: list[tuple[list[tuple[Kind, Entity]], Kind, tuple[Kind, ...]]] = [
    ([("source", Source()), ("campaign", Campaign(slug="a", source_id=1))], "source", ("campaign",)),
    ([("network", Network(slug="n")), ("destination", Destination(url="/x", network_id=1))],
     "network", ("destination",)),
    ([("template", Template()), ("network", Network(slug="n", template_id=1))], "template", ("network",)),
    ([("destination", Destination(url="/x")), ("campaign", Campaign(slug="a")),
      ("stream", Stream(campaign_id=1, targets=(Target(destination_id=1),)))], "destination", ("stream",)),
    ([("campaign", Campaign(slug="a")), ("link", Link(campaign_id=1))], "campaign", ("link",)),
    ([("page", Page(slug="p", body="")), ("destination", Destination(url="/p/p?x={click_id}"))],
     "page", ("destination",)),
    ([("page", Page(slug="p", body="")), ("campaign", Campaign(slug="a", trafficback_url="/p/p/"))],
     "page", ("campaign",)),
    ([("campaign", Campaign(slug="a")), ("destination", Destination(url="/c/a"))],
     "campaign", ("destination",)),
    ([("campaign", Campaign(slug="a", public_id="A1")), ("destination", Destination(url="/go/A1#x"))],
     "campaign", ("destination",)),
    ([("campaign", Campaign(slug="a")), ("link", Link(campaign_id=1, token="tok")),
      ("destination", Destination(url="/r/tok?sub1={sub1}"))], "link", ("destination",)),
]  # fmt: skip


@pytest.mark.parametrize(("made", "kind", "users"), USED)
async def test_what_is_in_use_is_not_archived_until_its_users_are(
    rig: Rig, made: list[tuple[Kind, Entity]], kind: Kind, users: tuple[Kind, ...]
) -> None:
    for each in made:
        await rig.create(*each)
    with pytest.raises(Conflict, match="is used by") as caught:
        await rig.desk.archive(kind, 1, ME, None)
    assert [user.kind for user in clash(caught).used_by] == list(users)
    for user in users:
        await rig.desk.archive(user, 1, ME, None)
    assert (await rig.desk.archive(kind, 1, ME, None)).archived
    for user in users:
        if kind not in ("page", "link") and (kind, user) != ("campaign", "destination"):
            with pytest.raises(Refused, match="is archived"):
                await rig.desk.restore(user, 1, ME, None)
    assert not (await rig.desk.restore(kind, 1, ME, None)).archived
    for user in users:
        assert not (await rig.desk.restore(user, 1, ME, None)).archived


async def test_a_campaign_that_falls_back_on_itself_can_be_archived(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a", trafficback_url="/tb/a"))
    assert (await rig.desk.archive("campaign", 1, ME, None)).archived


async def test_who_may_not_see_a_campaign_is_not_told_what_in_it_uses_his_things(rig: Rig) -> None:
    await shop(rig)
    buyer = Caller("bob", "rest", frozenset({"destinations.write"}), 3, frozenset({9}))
    with pytest.raises(Conflict, match="used by 1 more; change those") as caught:
        await rig.desk.archive("destination", 1, buyer, None)
    assert clash(caught).used_by == ()
    with pytest.raises(Conflict) as caught:
        await rig.desk.archive("destination", 1, ME, None)
    assert clash(caught).used_by == (Named(kind="stream", id=1, name="main"),)


async def test_a_campaign_comes_back_with_the_streams_that_left_with_it(rig: Rig) -> None:
    await shop(rig)
    await rig.create("stream", Stream(name="older", campaign_id=1))
    await rig.desk.archive("stream", 2, ME, None)
    before = rig.parts["campaign/1"]
    await rig.desk.archive("campaign", 1, ME, None)
    assert "campaign/1" not in rig.parts
    back = await rig.desk.restore("campaign", 1, ME, None)
    assert (back.archived, back.revision, rig.store.revision()) == (False, 7, 7)
    assert not (await rig.desk.get("stream", 1)).archived
    assert (await rig.desk.get("stream", 2)).archived, "it was put away before, on its own"
    assert len(rig.parts["campaign/1"].frames) == len(before.frames)
    again = await rig.desk.restore("campaign", 1, ME, None)
    assert (again, rig.store.revision()) == (back, 7), "restoring what is there changes nothing"


async def test_a_campaign_does_not_come_back_while_its_ways_or_names_are_gone(rig: Rig) -> None:
    await shop(rig)
    await rig.desk.archive("campaign", 1, ME, None)
    await rig.desk.archive("destination", 1, ME, None)
    await rig.create("campaign", Campaign(slug="a", public_id="pa"))
    with pytest.raises(Refused) as caught:
        await rig.desk.restore("campaign", 1, ME, None)
    assert fields(caught) == ["slug", "public_id", "stream 1: targets[0].destination_id"]
    with pytest.raises(Refused) as caught:
        await rig.desk.restore("stream", 1, ME, None)
    assert fields(caught) == ["campaign_id", "targets[0].destination_id"]
    await rig.change("campaign", 2, slug="b", public_id="pb")
    await rig.desk.restore("destination", 1, ME, None)
    assert not (await rig.desk.restore("campaign", 1, ME, None)).archived


async def test_a_user_leaves_with_his_tokens_and_comes_back_without_them(rig: Rig) -> None:
    await rig.create("user", User(email="ada@x.example", role="buyer"))
    await rig.create("token", Token(user_id=1, scopes=("*.read",), hash="a" * 64))
    await rig.desk.archive("user", 1, ME, None)
    assert (await rig.desk.get("token", 1)).archived
    await rig.desk.restore("user", 1, ME, None)
    assert (await rig.desk.get("token", 1)).archived


async def test_any_revision_of_an_entity_comes_back_as_a_new_one(rig: Rig) -> None:
    await shop(rig)
    await rig.change("campaign", 1, slug="b", currency="EUR")
    await rig.change("campaign", 1, name="B", owner_id=4)
    back = await rig.desk.revert("campaign", 1, 3, ADA, 5)
    assert isinstance(back, Campaign)
    assert (back.slug, back.currency, back.name, back.owner_id, back.revision) == ("a", "", "A", 4, 6)
    [newest] = await rig.desk.history(1, None)
    assert (newest.author, [change.kind for change in newest.changes]) == ("ada@x.example", ["campaign"])
    assert (await rig.desk.revert("campaign", 1, 1, ME, None)).revision == 6, "it is so already"


async def test_an_archived_entity_comes_back_as_it_was_at_a_revision(rig: Rig) -> None:
    await shop(rig)
    await rig.change("campaign", 1, name="B")
    await rig.desk.archive("campaign", 1, ME, None)
    back = await rig.desk.revert("campaign", 1, 1, ME, None)
    assert (back.name, back.archived) == ("A", False)
    assert not (await rig.desk.get("stream", 1)).archived
    with pytest.raises(Refused) as caught:
        await rig.desk.revert("campaign", 1, 5, ME, None)
    assert fields(caught) == ["revision"]


async def test_a_revision_that_would_break_something_now_does_not_come_back(rig: Rig) -> None:
    await shop(rig)
    await rig.create("destination", Destination(url="/y"))
    await rig.change("stream", 1, targets=(Target(destination_id=2),))
    await rig.desk.archive("destination", 1, ME, None)
    with pytest.raises(Refused) as caught:
        await rig.desk.revert("stream", 1, 3, ME, None)
    assert fields(caught) == ["targets[0].destination_id"]
    await rig.change("campaign", 1, slug="b")
    await rig.create("campaign", Campaign(slug="a"))
    with pytest.raises(Refused) as caught:
        await rig.desk.revert("campaign", 1, 1, ME, None)
    assert fields(caught) == ["slug"]
    with pytest.raises(Missing, match="no stream 1 yet"):
        await rig.desk.revert("stream", 1, 2, ME, None)
    with pytest.raises(Missing):
        await rig.desk.revert("stream", 1, 99, ME, None)


async def test_a_campaigns_copy_has_its_streams_and_names_of_its_own(rig: Rig) -> None:
    await shop(rig)
    await rig.create("link", Link(campaign_id=1))
    copy = await rig.desk.duplicate("campaign", 1, {"currency": "EUR"}, ADA, None)
    assert isinstance(copy, Campaign)
    assert (copy.id, copy.slug, copy.name, copy.currency, copy.owner_id) == (
        2,
        "a-copy",
        "A (copy)",
        "EUR",
        7,
    )
    assert len(copy.public_id) == 10
    stream = await rig.desk.get("stream", 2)
    assert isinstance(stream, Stream)
    assert (stream.campaign_id, stream.name, stream.owner_id) == (2, "main", 7)
    assert stream.targets == (Target(destination_id=1),)
    assert rig.store.revision() == 5, "one revision"
    assert (await rig.desk.list("link", 9, 0, {}, False))[1] == 1
    again = await rig.desk.duplicate("campaign", 1, {}, ME, None)
    assert isinstance(again, Campaign)
    assert (again.slug, again.owner_id) == ("a-copy-2", None)
    mine = await rig.desk.duplicate("campaign", 1, {"slug": "mine", "name": "Mine"}, ME, None)
    assert (mine.name, (await rig.desk.get("campaign", "mine")).id) == ("Mine", mine.id)


async def test_copies_of_every_kind_are_checked_like_new_ones(rig: Rig) -> None:
    await shop(rig)
    made: list[tuple[Kind, Entity]] = [
        ("source", Source(name="S")), ("network", Network(slug="n" * 64, secret="s")),
        ("template", Template(name="n" * 200)), ("link", Link(campaign_id=1, token="t", params={"a": "b"})),
        ("page", Page(slug="p", body="<p>")),
    ]  # fmt: skip
    for kind, entity in made:
        await rig.create(kind, entity)
    for kind in ("source", "network", "template", "link", "page", "destination", "stream"):
        copy = await rig.desk.duplicate(kind, 1, {}, ME, None)
        assert copy.id == 2, kind
    network = await rig.desk.get("network", 2)
    assert isinstance(network, Network)
    assert (network.slug, network.secret) == ("n" * 59 + "-copy", "s")
    assert (await rig.desk.get("template", 2)).name == "n" * 193 + " (copy)"
    with pytest.raises(Refused) as caught:
        await rig.desk.duplicate("stream", 1, {"campaign_id": 9, "position": 10**12}, ME, None)
    assert fields(caught) == ["position", "campaign_id"]
    with pytest.raises(Missing):
        await rig.desk.duplicate("page", 9, {}, ME, None)


async def test_lists_are_searched_and_sorted(rig: Rig) -> None:
    for slug, name, source in (("b", "Bär", None), ("a", "apfel", None), ("zebra", "Ast", None)):
        await rig.create("campaign", Campaign(slug=slug, name=name, source_id=source))
    await rig.create("source", Source())
    await rig.change("campaign", 2, source_id=1)

    async def ids(**asked: object) -> list[int]:
        page, _ = await rig.desk.list("campaign", 9, 0, {}, False, **asked)  # type: ignore[arg-type]
        return [entity.id for entity in page]

    assert await ids(sort="name") == [2, 3, 1]
    assert await ids(sort="-name") == [1, 3, 2]
    assert await ids(sort="-id") == [3, 2, 1]
    assert await ids(sort="source_id") == [1, 3, 2], "nothing comes first, then by id"
    assert await ids(sort="-revision") == [2, 3, 1]
    assert await ids(search="BÄ") == [1]
    assert await ids(search="a") == [2, 3]
    assert await ids(keep=lambda entity: entity.id != 2) == [1, 3]
    for wrong in ("nmae", "", "--id", "archived"):
        with pytest.raises(Refused) as caught:
            await ids(sort=wrong)
        assert fields(caught) == ["sort"]
    page, total = await rig.desk.list("campaign", 1, 1, {}, False, "", "name")
    assert ([entity.id for entity in page], total) == ([3], 3)


async def test_history_of_one_entity_and_what_lies_between_two_revisions(rig: Rig) -> None:
    await shop(rig)
    await rig.desk.change("campaign", 1, {"name": "B"}, ADA, None)
    await rig.change("campaign", 1, name="A")
    await rig.desk.archive("campaign", 1, ME, None)
    revisions = await rig.desk.history(10, None, "campaign", 1)
    assert [revision.number for revision in revisions] == [6, 5, 4, 1]
    assert all(isinstance(revision, Revision) for revision in revisions)
    assert [len(revision.changes) for revision in revisions] == [1, 1, 1, 1], "not the streams"
    assert [r.number for r in await rig.desk.history(10, None, None, None, "ada@x.example")] == [4]
    found = await rig.desk.history(2, None, keep=lambda change: change.kind == "destination")
    assert [revision.number for revision in found] == [2]
    assert await rig.desk.between(3, 5) == [], "there and back"
    assert [(c.kind, c.id) for c in await rig.desk.between(0, 6)] == [
        ("campaign", 1), ("destination", 1), ("stream", 1),
    ]  # fmt: skip
    [campaign, _] = await rig.desk.between(4, 6)
    assert isinstance(campaign, Change)
    assert campaign.before is not None
    assert (campaign.before["name"], campaign.after["name"]) == ("B", "A")
    then = await rig.desk.versions(4, [("campaign", 1), ("stream", 1), ("page", 1)])
    assert {key: entity.name for key, entity in then.items()} == {("campaign", 1): "B", ("stream", 1): "main"}
    with pytest.raises(Missing):
        await rig.desk.versions(7, [])
    with pytest.raises(Missing):
        await rig.desk.between(1, 7)


async def test_the_last_administrator_stays_one(rig: Rig) -> None:
    """Not by blocking, by another role, by leaving, nor by going back to what he was."""
    await rig.create("user", User(email="ada@x.example", role="viewer"))
    await rig.change("user", 1, role="administrator")
    await rig.create("user", User(email="bob@x.example", role="administrator", status="blocked"))
    await rig.create("user", User(email="eve@x.example", role="administrator", status="pending_approval"))

    async def refused(*paths: str, **values: Any) -> None:
        with pytest.raises(Refused) as caught:
            await rig.change("user", 1, **values)
        assert fields(caught) == list(paths)
        assert all("last administrator" in problem.message for problem in caught.value.fields)

    await refused("status", status="blocked")
    await refused("role", role="buyer")
    await refused("role", "status", role="viewer", status="pending_approval")
    with pytest.raises(Refused, match="this user cannot be stored"):
        await rig.desk.archive("user", 1, ME, None)
    with pytest.raises(Refused):
        await rig.desk.revert("user", 1, 1, ME, None)
    await rig.change("user", 1, name="Ada")
    await rig.change("user", 2, status="active")
    await rig.change("user", 1, status="blocked")
    with pytest.raises(Refused):
        await rig.desk.archive("user", 2, ME, None)
