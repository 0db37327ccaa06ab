"""The catalog actor: what it accepts, what it refuses, and that each change reaches the table at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from trio.testing import MockClock

from appliance.errors import Conflict, Missing, Refused, Unavailable
from appliance.model.catalog import Campaign, Destination, Entity, Kind, Link, Network, Revision, Stream
from appliance.model.rules import Rule, Target
from appliance.operations.context import Caller
from appliance.stores.sqlite.catalog import SqliteCatalog
from tests.actors.catalog_rig import ME, Rig, catalog, fields


@pytest.fixture
async def rig(tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    async with catalog(tmp_path) as rig:
        yield rig


async def test_an_empty_catalog_publishes_a_table_with_the_settings_alone(rig: Rig) -> None:
    assert rig.tables[0][0] == 0
    assert list(rig.parts) == ["settings"]
    assert rig.actor.loaded.is_set()


async def test_a_campaign_needs_only_a_name_and_a_slug(rig: Rig) -> None:
    created = await rig.desk.create("campaign", Campaign(name="A", slug="a"), ME)
    assert isinstance(created, Campaign)
    assert (created.id, created.revision) == (1, 1)
    assert len(created.public_id) == 10
    assert rig.tables[-1][0] == 1
    assert "campaign/1" in rig.parts
    assert await rig.desk.get("campaign", "a") == created == rig.actor.lookup("campaign", 1)


async def test_a_change_recompiles_its_part_and_no_other(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    await rig.create("campaign", Campaign(slug="b"))
    before = rig.parts
    await rig.create("stream", Stream(campaign_id=2))
    after = rig.parts
    assert after["campaign/1"] is before["campaign/1"]
    assert after["campaign/2"].digest != before["campaign/2"].digest


async def test_what_is_wrong_is_refused_with_every_field_and_changes_nothing(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    with pytest.raises(Refused) as caught:
        bad = Rule(param="x", operator="regex", value="(")
        await rig.create("stream", Stream(campaign_id=9, rules=(bad,), targets=(Target(destination_id=4),)))
    assert fields(caught) == ["rules[0].value", "campaign_id", "targets[0].destination_id"]
    with pytest.raises(Refused) as caught:
        await rig.change("campaign", 1, slug="A B", currency="dollars")
    assert fields(caught) == ["slug", "currency"]
    assert rig.store.revision() == 1
    assert len(rig.tables) == 2


async def test_slugs_are_unique_until_their_owner_is_archived(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    with pytest.raises(Refused) as caught:
        await rig.create("campaign", Campaign(slug="a"))
    assert fields(caught) == ["slug"]
    await rig.desk.archive("campaign", 1, ME, None)
    assert await rig.create("campaign", Campaign(slug="a")) == 2
    with pytest.raises(Missing):
        await rig.change("campaign", 1, name="x")


async def test_archiving_what_is_in_use_is_refused_naming_what_uses_it(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    await rig.create("destination", Destination(url="/x"))
    await rig.create("stream", Stream(name="main", campaign_id=1, targets=(Target(destination_id=1),)))
    with pytest.raises(Conflict, match="stream 1 'main'"):
        await rig.desk.archive("destination", 1, ME, None)
    link = await rig.create("link", Link(name="banner", campaign_id=1))
    with pytest.raises(Conflict, match="link 1 'banner'"):
        await rig.desk.archive("campaign", 1, ME, None)
    await rig.desk.archive("link", link, ME, None)
    await rig.desk.archive("campaign", 1, ME, None)
    stream = await rig.desk.get("stream", 1)
    assert stream.archived, "a campaign's streams leave with it"
    assert "campaign/1" not in rig.parts
    await rig.desk.archive("destination", 1, ME, None)
    assert list(rig.parts) == ["settings"]


async def test_a_change_based_on_an_old_reading_is_a_conflict(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    await rig.change("campaign", 1, revision=1, name="B")
    with pytest.raises(Conflict):
        await rig.change("campaign", 1, revision=1, name="C")
    with pytest.raises(Conflict):
        await rig.desk.archive("campaign", 1, ME, 1)


async def test_a_change_that_changes_nothing_makes_no_revision(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a", name="A"))
    await rig.change("campaign", 1, name="A")
    assert rig.store.revision() == 1


async def test_lists_come_in_pages_and_filter_by_equality(rig: Rig) -> None:
    for index in range(5):
        await rig.create("campaign", Campaign(slug=f"c{index}", status="paused" if index % 2 else "active"))
    await rig.desk.archive("campaign", 1, ME, None)
    page, total = await rig.desk.list("campaign", 2, 1, {}, False)
    assert ([entity.id for entity in page], total) == ([3, 4], 4)
    page, total = await rig.desk.list("campaign", 9, 0, {"status": "paused"}, False)
    assert ([entity.id for entity in page], total) == ([2, 4], 2)
    page, total = await rig.desk.list("campaign", 9, 0, {"source_id": None}, True)
    assert [entity.id for entity in page] == [1]


async def test_history_and_any_revision_can_be_read(rig: Rig) -> None:
    await rig.create("network", Network(slug="n", secret="geheim"))
    await rig.change("network", 1, name="N")
    newest, oldest = await rig.desk.history(10, None)
    assert (newest.number, newest.author, newest.door) == (2, "local administrator", "test")
    assert oldest.changes[0].before is None
    then = await rig.desk.at(1)
    assert then["network", 1].name == ""
    with pytest.raises(Missing):
        await rig.desk.at(3)


async def test_it_comes_back_as_it_was(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with catalog(tmp_path) as rig:
        await rig.create("campaign", Campaign(slug="a", name="ü"))
        await rig.create("destination", Destination(url="/x"))
        await rig.create("stream", Stream(campaign_id=1, targets=(Target(destination_id=1),)))
        before = rig.parts
    async with catalog(tmp_path) as rig:
        assert rig.tables[0][0] == 3
        assert rig.parts == before


async def test_a_reload_reads_what_another_hand_stored(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    rig.store.apply([("campaign", None, Campaign(slug="b", public_id="pb"))], "hand", "sql", 1)
    assert await rig.desk.reload() == 2
    assert "campaign/2" in rig.parts


async def test_a_store_that_knows_better_makes_the_actor_read_it_again(rig: Rig) -> None:
    await rig.create("campaign", Campaign(slug="a", public_id="pa"))
    stored = rig.store.get("campaign", 1)
    assert stored is not None
    rig.store.apply([("campaign", stored, msgspec.structs.replace(stored, name="hand"))], "hand", "sql", 1)
    with pytest.raises(Conflict):
        await rig.change("campaign", 1, name="mine")
    assert (await rig.desk.get("campaign", 1)).name == "hand"
    assert (await rig.change("campaign", 1, name="mine")).name == "mine"


async def test_a_broken_entity_in_the_store_never_reaches_the_table(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    store = SqliteCatalog(tmp_path / "catalog.db")
    store.apply([("destination", None, Destination(url="https://{sub1}/"))], "hand", "sql", 1)
    store.apply([("destination", None, Destination(url="/fine"))], "hand", "sql", 1)
    store.close()
    async with catalog(tmp_path) as rig:
        assert sorted(rig.parts) == ["destination/02", "settings"]


async def test_a_new_catalog_begins_with_what_it_is_given_as_one_revision_and_an_old_one_does_not(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    first: list[tuple[Kind, Entity]] = [
        ("destination", Destination(id=1, url="/x")),
        ("campaign", Campaign(id=1, slug="demo", public_id="demo")),
        ("stream", Stream(id=1, campaign_id=1, targets=(Target(destination_id=1),))),
    ]
    async with catalog(tmp_path, first) as rig:
        assert rig.store.revision() == 1
        assert "campaign/1" in rig.parts
        await rig.change("campaign", 1, slug="mine")
    async with catalog(tmp_path, first) as rig:
        assert (await rig.desk.get("campaign", 1)).revision == 2
        assert rig.store.revision() == 2


async def test_a_store_that_cannot_write_says_so_and_the_catalog_serves_on(
    rig: Rig,
) -> None:
    await rig.create("campaign", Campaign(slug="a"))
    rig.store._connection.execute("pragma query_only=1")
    for _ in range(10):
        with pytest.raises(Unavailable, match="cannot be written"):
            await rig.change("campaign", 1, name="B")
    rig.store._connection.execute("pragma query_only=0")
    assert (await rig.change("campaign", 1, name="B")).revision == 2


async def test_callers_and_doors_are_recorded(rig: Rig) -> None:
    await rig.desk.create("campaign", Campaign(slug="a"), Caller("ada", "admin", None))
    (revision,) = await rig.desk.history(1, None)
    assert isinstance(revision, Revision)
    assert (revision.author, revision.door, revision.at_us) == ("ada", "admin", 7)
