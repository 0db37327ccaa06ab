"""What every CatalogStore promises. A new adapter joins by one line in ADAPTERS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import Conflict, Refused, Unavailable
from appliance.model.catalog import Campaign, Destination, Entity, Kind, Page, Stream
from appliance.model.rules import Rule, Target
from appliance.ports import CatalogStore
from appliance.stores.sqlite.catalog import SqliteCatalog
from tests.contracts.reopening import reopening

ADAPTERS: dict[str, Callable[[Path], CatalogStore]] = {
    "sqlite": lambda path: SqliteCatalog(path / "catalog.db")
}
replace = msgspec.structs.replace


@pytest.fixture(params=ADAPTERS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], CatalogStore]]:
    yield from reopening(lambda: ADAPTERS[request.param](tmp_path))


@pytest.fixture
def store(reopen: Callable[[], CatalogStore]) -> CatalogStore:
    return reopen()


def put(store: CatalogStore, kind: Kind, before: Entity | None, after: Entity) -> Entity:
    revision = store.apply([(kind, before, after)], "me", "test", 5)
    stored = store.get(kind, revision.changes[0].id)
    assert stored is not None
    return stored


def test_what_could_not_be_read_again_is_not_stored(store: CatalogStore) -> None:
    wrong = Campaign(slug="a", status="asleep")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="asleep"):
        put(store, "campaign", None, wrong)
    assert store.revision() == 0 and list(store.entities("campaign")) == []


def test_an_empty_catalog_is_at_revision_zero(store: CatalogStore) -> None:
    assert store.revision() == 0
    assert list(store.entities("campaign")) == []
    assert store.get("campaign", 1) is None
    assert store.history(10) == []
    assert store.at(0) == {}


def test_a_creation_gets_an_id_of_its_kind_and_the_revision(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(name="A", slug="a"))
    second = put(store, "campaign", None, Campaign(name="B", slug="b"))
    other = put(store, "destination", None, Destination(name="D", url="https://x.example/"))
    assert (first.id, first.revision) == (1, 1)
    assert (second.id, second.revision) == (2, 2)
    assert (other.id, other.revision) == (1, 3)
    assert store.revision() == 3
    assert list(store.entities("campaign")) == [first, second]


def test_everything_comes_back_as_it_was_after_reopening(reopen: Callable[[], CatalogStore]) -> None:
    stream = Stream(
        name="ünïcode",
        campaign_id=7,
        rules=(Rule(param="sub1", operator="in", value=("a", "b")), Rule(param="x", operator="exists")),
        targets=(Target(destination_id=3, weight=0), Target(destination_id=4)),
    )
    stored = put(reopen(), "stream", None, stream)
    again = reopen()
    assert again.get("stream", 1) == stored == replace(stream, id=1, revision=1)
    assert again.revision() == 1


def test_a_change_on_an_old_reading_is_a_conflict_and_changes_nothing(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(name="A", slug="a"))
    second = put(store, "campaign", first, replace(first, name="B"))
    with pytest.raises(Conflict):
        put(store, "campaign", first, replace(first, name="C"))
    with pytest.raises(Conflict):
        store.apply([("campaign", replace(first, id=9), replace(first, id=9))], "me", "test", 5)
    with pytest.raises(Conflict):
        store.apply([("campaign", None, first)], "me", "test", 5)
    assert store.get("campaign", 1) == second
    assert store.revision() == 2


def test_several_changes_are_one_revision_or_none(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(name="A", slug="a"))
    stream = Stream(name="S", campaign_id=1)
    done = store.apply(
        [("campaign", first, replace(first, archived=True)), ("stream", None, stream)],
        "me", "test", 5,
    )  # fmt: skip
    assert [(change.kind, change.id) for change in done.changes] == [("campaign", 1), ("stream", 1)]
    with pytest.raises(Conflict):
        store.apply([("page", None, Page(slug="p", body="")), ("campaign", first, first)], "me", "test", 5)
    assert list(store.entities("page")) == []
    assert store.revision() == 2


def test_history_tells_who_when_and_what_newest_first(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(name="A", slug="a"))
    store.apply([("campaign", first, replace(first, name="B"))], "eve", "call", 77)
    newest, oldest = store.history(10)
    assert (newest.number, newest.author, newest.door, newest.at_us) == (2, "eve", "call", 77)
    (change,) = newest.changes
    assert change.before is not None
    assert (change.before["name"], change.after["name"]) == ("A", "B")
    assert oldest.changes[0].before is None
    assert store.history(10, before=2) == [oldest]
    assert store.history(1) == [newest]


def test_history_can_be_asked_for_one_kind_entity_or_author(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(slug="a"))
    second = put(store, "campaign", None, Campaign(slug="b"))
    put(store, "page", None, Page(slug="p", body=""))
    store.apply(
        [("campaign", first, replace(first, name="A")), ("campaign", second, replace(second, name="B"))],
        "eve", "call", 7,
    )  # fmt: skip
    assert [revision.number for revision in store.history(9, None, "campaign")] == [4, 2, 1]
    [newest, oldest] = store.history(9, None, "campaign", 2)
    assert (newest.number, [change.id for change in newest.changes], oldest.number) == (4, [2], 2)
    assert store.history(9, 4, "campaign", 2) == [oldest]
    assert [revision.number for revision in store.history(9, author="eve")] == [4]
    assert store.history(9, None, "page", 1, "eve") == []
    kept = store.history(1, None, keep=lambda change: change.kind == "page")
    assert [(revision.number, len(revision.changes)) for revision in kept] == [(3, 1)]
    assert store.history(9, keep=lambda change: False) == []


def test_some_entities_can_be_read_as_of_a_revision(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(slug="a"))
    page = put(store, "page", None, Page(slug="p", body=""))
    second = put(store, "campaign", first, replace(first, name="A"))
    keys: list[tuple[Kind, int]] = [("campaign", 1), ("page", 1), ("page", 2)]
    assert store.versions(0, keys) == {}
    assert store.versions(1, keys) == {("campaign", 1): first}
    assert store.versions(9, keys) == {("campaign", 1): second, ("page", 1): page}


def test_what_lies_between_two_revisions_is_one_change_per_entity(store: CatalogStore) -> None:
    first = put(store, "campaign", None, Campaign(slug="a"))
    second = put(store, "campaign", first, replace(first, name="A"))
    third = put(store, "campaign", second, replace(second, name="B"))
    put(store, "page", None, Page(slug="p", body=""))
    put(store, "campaign", third, replace(third, name=""))
    [campaign, page] = store.between(0, 5)
    assert (campaign.kind, campaign.before, campaign.after["name"]) == ("campaign", None, "")
    assert (page.kind, page.before) == ("page", None)
    [change] = store.between(1, 3)
    assert change.before is not None
    assert (change.before["name"], change.after["name"]) == ("", "B")
    assert [change.kind for change in store.between(1, 5)] == ["page"], "the campaign is as it was"
    assert store.between(3, 3) == store.between(5, 9) == []


def test_ids_given_at_creation_are_kept_and_the_next_one_follows(store: CatalogStore) -> None:
    given = put(store, "campaign", None, Campaign(id=40, slug="x"))
    following = put(store, "campaign", None, Campaign(slug="y"))
    assert (given.id, following.id) == (40, 41)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.text(max_size=5), st.booleans()), max_size=30))
def test_any_revision_is_rebuilt_from_its_changes(
    steps: list[tuple[int, str, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for make in ADAPTERS.values():
        store = make(tmp_path_factory.mktemp("any"))
        try:
            model: dict[tuple[Kind, int], Entity] = {}
            was = [dict(model)]
            for which, name, archived in steps:
                before = model.get(("campaign", which))
                if before is None:
                    after = put(store, "campaign", None, Campaign(slug="s", name=name))
                else:
                    after = put(store, "campaign", before, replace(before, name=name, archived=archived))
                model["campaign", after.id] = after
                was.append(dict(model))
            assert [store.at(number) for number in range(len(was))] == was
            assert {("campaign", e.id): e for e in store.entities("campaign")} == model
        finally:
            store.close()


def test_a_catalog_of_a_newer_weir_is_refused_with_words(tmp_path: Path) -> None:
    store = SqliteCatalog(tmp_path / "catalog.db")
    store._connection.execute("pragma user_version=99")
    store.close()
    with pytest.raises(Unavailable, match="newer Weir"):
        SqliteCatalog(tmp_path / "catalog.db")


def test_large_kinds_are_read_in_pieces_and_completely(store: CatalogStore) -> None:
    store.apply([("campaign", None, Campaign(slug=f"c{i}")) for i in range(2_345)], "me", "test", 5)
    assert [e.id for e in store.entities("campaign")] == list(range(1, 2_346))
    assert len(store.at(1)) == 2_345
    assert len(store.between(0, 1)) == 2_345
