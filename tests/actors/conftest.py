"""Fixtures of several files of actor tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.core_link import CoreLink
from appliance.actors.kernel import inline_runner
from appliance.stores.table_files import TableFiles
from tests.actors.caps_rig import Site
from tests.actors.conversions_rig import Rig
from tests.actors.live_rig import Feed, running
from tests.actors.memory_rig import World, a_world
from tests.actors.retry_rig import Outbox


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[Any]:
    made: list[Rig] = []

    def make(**settings: Any) -> Rig:
        made.append(Rig(tmp_path, **settings))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(rigs: Any) -> Rig:
    made: Rig = rigs()
    return made


@pytest.fixture
def core(tmp_path: Path) -> CoreLink:
    return CoreLink(TableFiles(tmp_path), inline_runner)


@pytest.fixture
async def feed(tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Feed]:
    async with running(Feed(tmp_path)) as found:
        yield found


@pytest.fixture
async def site(tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    nursery.start_soon(made.chatter)
    yield made
    made.end()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "ledger.db")
    yield made
    made.close()
