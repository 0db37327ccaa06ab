"""What routed some campaigns at a revision: out of history, and with a draft on top of what is."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.actors.catalog import CatalogActor
from appliance.actors.kernel import inline_runner
from appliance.attribution.template import names
from appliance.errors import Missing, Refused
from appliance.model.catalog import Campaign, Destination, Stream
from appliance.model.rules import Answer, Target
from appliance.model.table import SettingsEntry
from appliance.operations.context import local_administrator
from appliance.routing import configuration
from appliance.routing.configuration import Overlay
from appliance.routing.holdings import Holdings
from appliance.stores.sqlite.catalog import SqliteCatalog
from tests import routing_history as history
from tests.actors.catalog_rig import catalog

ME = local_administrator("test")
replace = msgspec.structs.replace


def keys(configured):
    return {(kind, entity.id) for kind, entity in configured.entities}


async def test_a_revision_is_gathered_from_one_campaign_on(tmp_path):
    async with catalog(tmp_path) as rig:
        for n in range(3):
            await rig.create("destination", Destination(url=f"https://d{n}.example/"))
        for n in range(3):
            await rig.create("campaign", Campaign(slug=f"c{n}"))
        stream = await rig.create("stream", Stream(campaign_id=1, targets=(Target(destination_id=1),)))
        onward = Stream(campaign_id=1, answer=Answer(kind="campaign", campaign_id=2), position=5)
        await rig.create("stream", onward)
        before = rig.store.revision()
        assert keys(await rig.desk.configuration(before, [("campaign", 1)], ME)) == {
            ("campaign", 1), ("campaign", 2), ("destination", 1), ("stream", 1), ("stream", 2),
        }  # fmt: skip
        await rig.desk.change("stream", stream, {"campaign_id": 3}, ME, None)
        await rig.desk.archive("stream", 2, ME, None)
        now = rig.store.revision()
        assert keys(await rig.desk.configuration(now, [("campaign", 1)], ME)) == {("campaign", 1)}
        assert ("stream", 1) in keys(await rig.desk.configuration(now, [("campaign", 3)], ME))
        assert ("stream", 1) in keys(await rig.desk.configuration(before, [("campaign", 1)], ME))
        live = await rig.desk.draft((), [("campaign", 3)], ME)
        assert live == await rig.desk.configuration(now, [("campaign", 3)], ME)
        with pytest.raises(Missing):
            await rig.desk.configuration(now + 1, [("campaign", 1)], ME)


async def test_what_would_be_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "MOST_ENTITIES", 3)
    async with catalog(tmp_path) as rig:
        await rig.create("campaign", Campaign(slug="c"))
        await rig.create("destination", Destination(url="https://d.example/"))
        for n in range(4):
            target = (Target(destination_id=1),)
            await rig.create("stream", Stream(campaign_id=1, position=n, targets=target))
        with pytest.raises(Refused, match="ask for fewer"):
            await rig.desk.draft((), [("campaign", 1)], ME)


def test_other_settings_begin_a_revision_and_the_seal_is_never_stored(tmp_path):
    import trio

    async def load(entry):
        store = SqliteCatalog(tmp_path / "catalog.db")
        actor = CatalogActor(store, inline_runner, lambda *_: None, entry, names, lambda: 7)
        async with trio.open_nursery() as nursery:
            await nursery.start(actor.run)
            actor.mailbox.close()
        found = store.revision(), store.settings_at(store.revision()), store.settings_at(0)
        store.close()
        return found

    one, two = SettingsEntry(seal=b"a secret"), SettingsEntry(seal=b"a secret", count_bots=False)
    bare = SettingsEntry()
    assert trio.run(load, one) == (0, bare, bare)
    assert trio.run(load, replace(one, seal=b"another")) == (0, bare, bare)
    assert trio.run(load, two) == (1, replace(two, seal=b""), bare)
    assert trio.run(load, two) == (1, replace(two, seal=b""), bare)
    assert trio.run(load, one) == (2, bare, bare)
    assert b"a secret" not in (tmp_path / "catalog.db").read_bytes()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_an_overlay_reads_as_if_its_changes_had_been_made(seed):
    rng = random.Random(seed)
    made = [("source", replace(history.source(rng, 1), id=1))]
    made += [("campaign", replace(history.campaign(rng, n, [1]), id=n)) for n in (1, 2)]
    made += [("destination", replace(history.destination(rng, n, [1]), id=n)) for n in (1, 2, 3)]
    made += [
        ("stream", replace(history.stream(rng, rng.choice([1, 2]), [1, 2, 3], [1, 2]), id=n))
        for n in (1, 2, 3)
    ]
    below, whole = Holdings(), Holdings()
    for kind, entity in made:
        below.put(kind, entity)
        whole.put(kind, entity)
    overlay = Overlay(below)
    for _ in range(rng.randint(0, 8)):
        kind, entity = rng.choice(made)
        if kind == "stream":
            entity = replace(history.stream(rng, rng.choice([1, 2]), [1, 2, 3], [1, 2]), id=rng.randint(1, 5))
        elif kind == "campaign":
            entity = replace(entity, slug=rng.choice(["c1", "x", "y"]) + str(entity.id))
        entity = replace(entity, archived=rng.random() < 0.3)
        overlay.put(kind, entity)
        whole.put(kind, entity)
    for kind in ("source", "campaign", "destination", "stream"):
        assert sorted(e.id for e in overlay.all(kind)) == sorted(e.id for e in whole.all(kind))
        for number in range(6):
            assert overlay.get(kind, number) == whole.get(kind, number)
            assert overlay.active(kind, number) == whole.active(kind, number)
            assert overlay.users(kind, number) == whole.users(kind, number)
    for slug in ("c1", "c2", "c11", "c12", "x1", "x2", "y1", "y2"):
        assert overlay.owner("campaign", "slug", slug) == whole.owner("campaign", "slug", slug)
    for part in ("campaign/1", "campaign/2", "destination/01", "source/01"):
        assert list(overlay.members(part)) == list(whole.members(part))
