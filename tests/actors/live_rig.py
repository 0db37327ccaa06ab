"""The live feed over real journals: edges that append, and watchers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from appliance.actors.kernel import inline_runner
from appliance.actors.live import Limits, Live, Watcher
from appliance.model.events import ConversionEvent
from appliance.model.live import Wish
from appliance.model.messages import ActorReport
from appliance.model.status import (
    CatalogReport,
    ConversionsReport,
    SystemStatus,
    WarehouseReport,
)
from appliance.stores.journal.newest import NewestEntries
from tests.actors.conversions_rig import START_US, Rig, click

ALL = Wish(topics=frozenset({"clicks", "conversions", "postbacks"}))


def conversion(number: int, revision: int = 1, count: int = 1) -> ConversionEvent:
    return ConversionEvent(
        v=1, id=f"c{number}", revision=revision, at_us=START_US, known_us=START_US, status="sale",
        original_status="sale", event_type="", count=count, revenue=1_500_000, hold=0, currency="USD",
        transaction_id=f"t{number}", network_id=7, click_id=click(number), click_at_us=START_US,
        campaign_id=number + 1, stream_id=2, destination_id=3, source_id=4, link_id=6, subs={}, utm={},
    )  # fmt: skip


class Feed:
    """Edges that append, the actor over their journals, and a status that a test changes."""

    def __init__(self, data: Path, **limits: Any) -> None:
        self.edges = Rig(data)
        self.actors = (ActorReport(name="catalog", state="running"),)
        self.cut: list[str] = []
        self.live = Live(NewestEntries(data), inline_runner, self.status, self.edges.now_us, Limits(**limits))

    def status(self) -> SystemStatus:
        return SystemStatus(
            version="1", at_us=self.edges.now_us(), started_us=1, ready=True, problems=(), degraded=(),
            catalog=CatalogReport(), warehouse=WarehouseReport(state="up"), edges=(), consumers=(),
            conversions=ConversionsReport(), actors=self.actors, holds=(), live=self.live.report(),
        )  # fmt: skip

    async def watch(self, wish: Wish = ALL, after: int | None = None, name: str = "w") -> Watcher:
        watcher, _ = await self.live.watch(wish, after, lambda: self.cut.append(name))
        return watcher

    def clicks(self, *numbers: int, edge: int = 0) -> None:
        for number in numbers:
            self.edges.click(number, edge)


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[Feed]:
    feed.clicks(0)  # what was there before anybody watched
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: feed.live.run(task_status=task_status))
            yield feed
            feed.live.stop()
    finally:
        feed.edges.close()


async def frame(watcher: Watcher, seconds: float = 30) -> dict[str, Any]:
    with trio.fail_after(seconds):
        found: dict[str, Any] = json.loads(await watcher.next())
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [event["id"] for event in found["events"]]


async def reading(watcher: Watcher, into: list[dict[str, Any]], pause: float = 0.0) -> None:
    try:
        while True:
            into.append(json.loads(await watcher.next()))
            await trio.sleep(pause)
    except trio.EndOfChannel:
        return
