"""Any sequence of edits: what the actor holds, what is stored and what history rebuilds are the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import Conflict, Missing, Refused, WeirError
from appliance.model.catalog import (
    TYPES,
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    Network,
    Page,
    Stream,
    Token,
    User,
)
from appliance.model.history import differences
from appliance.model.rules import Target
from appliance.routing.checks import check
from tests.actors.catalog_rig import ME, Rig, catalog

EXAMPLES = int(os.environ.get("WEIR_EXAMPLES", "25"))
Whole = Mapping[tuple[Kind, int], Entity]

numbers = st.integers(1, 4)
slugs = st.sampled_from("abcd")
kinds: st.SearchStrategy[Kind] = st.sampled_from(
    ["campaign", "stream", "destination", "network", "link", "page", "user", "token"]
)
targets = st.lists(st.builds(Target, destination_id=numbers), max_size=2).map(tuple)
entities = st.one_of(
    st.tuples(st.just("campaign"), st.builds(Campaign, slug=slugs)),
    st.tuples(st.just("destination"), st.builds(
        Destination, url=st.sampled_from(["/x", "/p/a", "/c/b", "/c/{nothing}"]),
        network_id=st.none() | numbers,
    )),
    st.tuples(st.just("stream"), st.builds(Stream, campaign_id=numbers, targets=targets)),
    st.tuples(st.just("network"), st.builds(Network, slug=slugs, secret=slugs)),
    st.tuples(st.just("link"), st.builds(Link, campaign_id=numbers, token=slugs | st.just(""))),
    st.tuples(st.just("page"), st.builds(Page, slug=slugs, body=slugs)),
    st.tuples(st.just("user"), st.builds(
        User, email=slugs.map("{}@x.example".format), campaigns=st.lists(numbers, max_size=1).map(tuple)
    )),
    st.tuples(st.just("token"), st.builds(Token, user_id=numbers, hash=slugs.map(lambda c: c * 64))),
)  # fmt: skip
values = st.fixed_dictionaries(
    {},
    optional={
        "name": slugs, "slug": slugs, "campaign_id": numbers, "targets": targets, "currency": st.just("EUR"),
        "status": st.sampled_from(["active", "paused"]), "network_id": st.none() | numbers,
    },
)  # fmt: skip
revisions = st.none() | st.integers(1, 20)
steps = st.one_of(
    st.tuples(st.just("create"), entities),
    st.tuples(st.just("create"), entities),
    st.tuples(st.just("change"), kinds, numbers, values, revisions),
    st.tuples(st.just("duplicate"), kinds, numbers, values, revisions),
    st.tuples(st.just("archive"), kinds, numbers, revisions),
    st.tuples(st.just("restore"), kinds, numbers, revisions),
    st.tuples(st.just("revert"), kinds, numbers, st.integers(1, 20), revisions),
    st.tuples(st.just("reload")),
)


async def take(rig: Rig, step: tuple[object, ...]) -> None:
    match step:
        case ("create", (kind, entity)):
            await rig.desk.create(kind, entity, ME)
        case ("change" | "duplicate" as verb, kind, number, given_values, revision):
            known = {k: v for k, v in given_values.items() if k in TYPES[kind].__struct_fields__}
            await getattr(rig.desk, verb)(kind, number, known, ME, revision)
        case ("archive" | "restore" as verb, kind, number, revision):
            await getattr(rig.desk, verb)(kind, number, ME, revision)
        case ("revert", kind, number, to, revision):
            await rig.desk.revert(kind, number, to, ME, revision)
        case _:
            await rig.desk.reload()


async def held(rig: Rig) -> Whole:
    found: dict[tuple[Kind, int], Entity] = {}
    for kind in TYPES:
        for archived in (False, True):
            page, _ = await rig.desk.list(kind, 1_000, 0, {}, archived)
            found |= {(kind, entity.id): entity for entity in page}
    return found


async def play(path: Path, taken: list[tuple[object, ...]]) -> None:
    async with catalog(path) as rig:
        was: list[Whole] = [{}]
        for step in taken:
            before = rig.store.revision()
            refused: WeirError | None = None
            try:
                await take(rig, step)
            except (Conflict, Missing, Refused) as fault:
                refused = fault
            after = rig.store.revision()
            assert after - before <= (0 if refused is not None else 1)
            now = await held(rig)
            if after == before:
                assert now == was[-1], "what made no revision changed nothing"
            else:
                was.append(now)
                assert len(was) == after + 1
        # What is there is good, whatever order it came in.
        holdings = rig.actor._holdings
        for (kind, _), entity in was[-1].items():
            if not entity.archived:
                assert check(kind, entity, holdings) == []
        stored = {(kind, entity.id): entity for kind in TYPES for entity in rig.store.entities(kind)}
        assert stored == was[-1]
        for number, whole in enumerate(was):
            assert await rig.desk.at(number) == whole
            assert await rig.desk.versions(number, list(was[-1])) == whole
        for first in range(0, len(was), 3):
            await compare(rig, was, first, len(was) - 1)
        parts = rig.parts
        await rig.desk.reload()
        assert rig.parts == parts, "what was compiled change by change is what a restart compiles"


def plain(entity: Entity) -> dict[str, object]:
    """As history stores it."""
    return msgspec.json.decode(msgspec.json.encode(entity), type=dict[str, object])


async def compare(rig: Rig, was: list[Whole], first: int, last: int) -> None:
    """`between` says what differs between two revisions as they were recorded."""
    wanted = {}
    for key, after in was[last].items():
        before = was[first].get(key)
        if found := differences(None if before is None else plain(before), plain(after)):
            wanted[key] = found
    told = {
        (change.kind, change.id): differences(change.before, change.after)
        for change in await rig.desk.between(first, last)
    }
    assert told == wanted


@settings(max_examples=EXAMPLES, deadline=None)
@given(taken=st.lists(steps, min_size=5, max_size=40))
def test_what_is_held_is_what_is_stored_is_what_history_rebuilds(
    taken: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    trio.run(play, tmp_path_factory.mktemp("catalog"), taken)
