"""The live feed over real journals, under virtual time: what watchers get, and what becomes of slow ones."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.actors.kernel import inline_runner
from appliance.actors.live import Limits, Live, Watcher
from appliance.errors import Unavailable
from appliance.model.events import ConversionEvent, PostbackLogEvent, encode
from appliance.model.live import Wish
from appliance.model.messages import ActorReport
from appliance.model.status import (
    CatalogReport,
    ConversionsReport,
    SystemStatus,
    WarehouseReport,
)
from appliance.stores.journal.newest import NewestEntries
from tests.actors.conversions_rig import START_US, Rig, click, click_event

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


@pytest.fixture
async def feed(tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Feed]:
    async with running(Feed(tmp_path)) as found:
        yield found


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


async def test_a_watcher_gets_what_happens_from_now_on(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch()
    feed.clicks(1, 2)
    feed.edges.postback(1, payout="3.5")
    feed.live.offer([conversion(1)])
    got = await frame(watcher)
    assert got["counts"] == {"clicks": 2, "postbacks": 1, "conversions": 1, "changes": 1}
    by_topic = {topic: [e["id"] for e in got["events"] if e["topic"] == topic] for topic in ALL.topics}
    assert by_topic == {"clicks": [click(1), click(2)], "postbacks": ["p1"], "conversions": ["c1"]}
    assert not got["sampled"] and not got["resync"]
    assert 0 < got["seconds"] <= 0.3


async def test_frames_come_up_to_four_a_second_and_say_everything_once(
    feed: Feed, autojump_clock: MockClock
) -> None:
    watcher = await feed.watch()
    got: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading, watcher, got)
        for number in range(1, 101):  # 50 a second
            feed.clicks(number)
            await trio.sleep(0.02)
        await trio.sleep(0.5)
        watcher.close()
    assert sum(one["counts"].get("clicks", 0) for one in got) == 100
    assert [each for one in got for each in ids(one)] == [click(number) for number in range(1, 101)]
    assert 8 <= len(got) <= 11
    assert all(later["seq"] > earlier["seq"] for earlier, later in itertools.pairwise(got))


async def test_above_a_hundred_events_a_second_there_is_a_sample_and_the_true_count(
    feed: Feed, autojump_clock: MockClock
) -> None:
    watcher = await feed.watch()
    got: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading, watcher, got)
        for _ in range(400):  # 1,000 a second
            feed.edges.edge(0).append([encode(click_event(number)) for number in range(10)])
            await trio.sleep(0.01)
        feed.live.offer([conversion(5)])
        await trio.sleep(0.5)
        watcher.close()
    assert sum(one["counts"].get("clicks", 0) for one in got) == 4_000
    shown = sum(len(one["events"]) for one in got)
    assert 400 <= shown <= 550  # 100 a second and a first burst
    assert all(one["sampled"] for one in got if one["counts"].get("clicks", 0) > 110)
    assert any(event["topic"] == "conversions" for one in got for event in one["events"])
    assert feed.live.report().sampled == 4_001 - shown


async def test_equal_wishes_share_the_bytes_of_a_frame(feed: Feed, autojump_clock: MockClock) -> None:
    first, second = await feed.watch(), await feed.watch()
    other = await feed.watch(msgspec.structs.replace(ALL, money=False))
    feed.clicks(1)
    assert await first.next() is await second.next()
    assert json.loads(await other.next())["events"][0]["cost"] is None


async def test_a_wish_for_campaigns_hears_nothing_of_others(feed: Feed, autojump_clock: MockClock) -> None:
    mine = await feed.watch(Wish(topics=ALL.topics, campaigns=frozenset({2})))
    nobody = await feed.watch(Wish(topics=ALL.topics, campaigns=frozenset()))
    everything = await feed.watch()
    feed.clicks(1, 2, 3)
    feed.edges.postback(1)
    feed.live.offer([conversion(1), conversion(2)])
    got = await frame(mine)
    assert {event["campaign_id"] for event in got["events"]} == {2}
    assert got["counts"] == {"clicks": 1, "conversions": 1, "changes": 1}
    assert (await frame(everything))["counts"]["clicks"] == 3
    silent = await frame(nobody)
    assert (silent["counts"], silent["events"]) == ({}, [])


@pytest.mark.parametrize(
    ("field", "number", "clicks"),
    [("streams", 2, 2), ("streams", 9, 0), ("destinations", 3, 2), ("sources", 5, 0), ("networks", 5, 2)],
)
async def test_other_conditions(
    feed: Feed, field: str, number: int, clicks: int, autojump_clock: MockClock
) -> None:
    wish = msgspec.structs.replace(ALL, **{field: frozenset({number})})
    watcher = await feed.watch(wish)
    feed.clicks(1, 2)
    assert (await frame(watcher))["counts"].get("clicks", 0) == clicks


async def test_money_is_null_for_those_who_do_not_see_it(feed: Feed, autojump_clock: MockClock) -> None:
    seeing = await feed.watch()
    blind = await feed.watch(msgspec.structs.replace(ALL, money=False))
    feed.live.offer([conversion(1)])
    assert (await frame(seeing))["events"][0]["revenue"] == 1.5
    event = (await frame(blind))["events"][0]
    assert (event["revenue"], event["hold"]) == (None, None)


async def test_a_postback_shows_neither_parameters_nor_address(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch()
    feed.edges.postback(1, payout="99.5", email="a@b.c")
    text = (await watcher.next()).decode()
    assert "99.5" not in text and "a@b.c" not in text and "192.0.2" not in text


async def test_what_the_core_says_of_a_postback_is_shown_and_not_counted_twice(
    feed: Feed, autojump_clock: MockClock
) -> None:
    watcher = await feed.watch()
    feed.edges.postback(1)
    said = PostbackLogEvent(
        1, "p1", START_US, "processed", "conversion", "", 7, "GET", {}, "", "r", known_us=START_US
    )
    feed.live.offer([said])
    got = await frame(watcher)
    assert [event["stage"] for event in got["events"]] == ["processed", "received"]
    assert got["counts"] == {"postbacks": 1}


async def test_a_quiet_feed_says_that_it_lives(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch()
    feed.clicks(1)
    await frame(watcher)
    began = trio.current_time()
    zero = await frame(watcher)  # so that a rate shown does not stay
    assert (zero["counts"], trio.current_time() - began < 1) == ({}, True)
    began = trio.current_time()
    assert (await frame(watcher))["counts"] == {}
    assert 4.5 < trio.current_time() - began < 5.5


async def test_new_segments_and_new_edges_are_followed(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch()
    feed.edges.rotate(0)
    feed.clicks(1)
    feed.clicks(2, edge=3)
    assert sorted(ids(await frame(watcher))) == [click(1), click(2)]


async def test_nothing_is_read_while_nobody_watches(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch()
    watcher.close()
    with pytest.raises(trio.EndOfChannel):
        await watcher.next()
    await trio.sleep(31)
    feed.clicks(*range(1, 50))
    feed.live.offer([conversion(1)])
    await trio.sleep(10)
    assert feed.live.report().classes == 0
    watcher = await feed.watch()
    feed.clicks(60)
    assert (await frame(watcher))["counts"] == {"clicks": 1}


# Coming back


async def test_whoever_comes_back_gets_what_he_missed_in_one_frame(
    feed: Feed, autojump_clock: MockClock
) -> None:
    watcher = await feed.watch()
    feed.clicks(1)
    seen = (await frame(watcher))["seq"]
    watcher.close()
    for number in range(2, 8):
        feed.clicks(number)
        await trio.sleep(1)
    got = await frame(await feed.watch(after=seen))
    assert ids(got) == [click(number) for number in range(2, 8)]
    assert (got["counts"], got["resync"], got["sampled"]) == ({"clicks": 6}, False, False)
    assert 5 <= got["seconds"] <= 6.25


async def test_whoever_was_away_for_too_long_is_told_to_read_totals_again(
    feed: Feed, autojump_clock: MockClock
) -> None:
    watcher = await feed.watch()
    feed.clicks(1)
    seen = (await frame(watcher))["seq"]
    watcher.close()
    await trio.sleep(60)
    again = await feed.watch(after=seen)
    got = await frame(again, 1)
    assert got["resync"]
    feed.clicks(2)
    assert not (await frame(again))["resync"]


async def test_a_number_of_another_life_means_resync(feed: Feed, autojump_clock: MockClock) -> None:
    for after in (0, 1, 2**53):
        assert (await frame(await feed.watch(after=after), 1))["resync"]


async def test_a_restart_of_the_actor_tells_its_watchers(tmp_path: Path, autojump_clock: MockClock) -> None:
    feed = Feed(tmp_path)
    feed.clicks(0)
    watcher: Watcher | None = None
    for life in range(2):
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: feed.live.run(task_status=task_status))
            watcher = watcher or await feed.watch()
            feed.clicks(1)
            if life:
                assert (await frame(watcher))["resync"]
                feed.clicks(2)
            await trio.sleep(0.5)
            nursery.cancel_scope.cancel()
    feed.live.stop()
    feed.edges.close()


# Slow watchers


async def test_a_watcher_that_takes_nothing_is_cut_while_others_do(
    feed: Feed, autojump_clock: MockClock
) -> None:
    healthy: list[dict[str, Any]] = []
    good, stuck = await feed.watch(name="good"), await feed.watch(name="stuck")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading, good, healthy)
        for number in range(1, 41):
            feed.clicks(number)
            await trio.sleep(0.2)
        assert feed.cut == ["stuck"]
        with pytest.raises(trio.EndOfChannel):
            await stuck.next()
        good.close()
    report = feed.live.report()
    assert (report.cut, report.watchers) == (1, 0)
    assert sum(one["counts"].get("clicks", 0) for one in healthy) >= 39


async def test_a_slow_watcher_that_takes_something_stays_and_misses_nothing(
    feed: Feed, autojump_clock: MockClock
) -> None:
    good, slow = await feed.watch(name="good"), await feed.watch(name="slow")
    fast: list[dict[str, Any]] = []
    seldom: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading, good, fast)
        nursery.start_soon(reading, slow, seldom, 3.0)
        for number in range(1, 101):
            feed.clicks(number)
            await trio.sleep(0.2)
        await trio.sleep(4)
        good.close()
        slow.close()
    assert feed.cut == []
    for got in (fast, seldom):
        assert sum(one["counts"].get("clicks", 0) for one in got) == 100
        assert not any(one["resync"] for one in got)
    assert len(seldom) < 12 < len(fast)


async def test_when_nobody_takes_anything_nobody_is_cut_and_frames_get_fewer(
    feed: Feed, autojump_clock: MockClock
) -> None:
    watchers = [await feed.watch(name=str(number)) for number in range(10)]
    for number in range(1, 101):
        feed.clicks(number)
        await trio.sleep(0.2)
    assert feed.cut == []
    assert feed.live.report().interval_seconds == 2.0
    got = [await frame(watcher) for watcher in watchers]
    assert all(one["counts"]["clicks"] >= 95 for one in got)


async def test_the_pace_recovers(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch()
    for number in range(1, 50):
        feed.clicks(number)
        await trio.sleep(0.2)
    assert feed.live.report().interval_seconds == 2.0
    got: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading, watcher, got)
        await trio.sleep(30)
        assert feed.live.report().interval_seconds == 0.25
        watcher.close()


# Bounds


async def test_too_much_at_once_is_passed_over_and_said(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(Feed(tmp_path, read=100, reads=2)) as feed:
        watcher = await feed.watch()
        feed.clicks(*range(1, 1_001))  # 2,000 entries
        got: list[dict[str, Any]] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading, watcher, got)
            await trio.sleep(2)
            feed.clicks(2_000)
            await trio.sleep(1)
            watcher.close()
        skipped = sum(one.get("skipped", 0) for one in got)
        counted = sum(one["counts"].get("clicks", 0) for one in got)
        assert skipped == feed.live.report().skipped > 0
        assert counted * 2 + skipped == 2_002
        assert click(2_000) in [each for one in got for each in ids(one)]


async def test_watchers_and_different_wishes_are_limited(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(Feed(tmp_path, watchers=3, audiences=2)) as feed:
        first = await feed.watch()
        second = await feed.watch(Wish(topics=frozenset({"clicks"})))
        with pytest.raises(Unavailable, match="different"):
            await feed.watch(Wish(topics=frozenset({"postbacks"})))
        second.close()  # lingers, and makes room
        await feed.watch(Wish(topics=frozenset({"postbacks"})))
        await feed.watch()
        with pytest.raises(Unavailable, match="no room"):
            await feed.watch()
        first.close()
        await feed.watch()


async def test_stopping_lets_everybody_go(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(Feed(tmp_path)) as feed:
        watcher = await feed.watch()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading, watcher, [])
            await trio.sleep(0.1)
            feed.live.stop()
        with pytest.raises(Unavailable):
            await feed.watch()


# The system


SYSTEM = Wish(topics=frozenset({"system"}))


async def test_the_system_is_shown_at_once_and_when_it_changes(feed: Feed, autojump_clock: MockClock) -> None:
    watcher = await feed.watch(SYSTEM)
    assert (await frame(watcher, 1.5))["system"]["actors"][0]["name"] == "catalog"
    got: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading, watcher, got)
        await trio.sleep(10)
        assert [one for one in got if "system" in one] == []  # clocks alone are no change
        for restarts in range(1, 41):  # ten a second for four seconds
            feed.actors = (ActorReport(name="catalog", state="restarting", restarts=restarts),)
            await trio.sleep(0.1)
        await trio.sleep(2)
        shown = [one["system"]["actors"][0]["restarts"] for one in got if "system" in one]
        assert shown[-1] == 40
        assert 4 <= len(shown) <= 6
        second = await feed.watch(SYSTEM)
        assert (await frame(second, 0.1))["system"]["actors"][0]["restarts"] == 40
        watcher.close()


async def test_who_does_not_watch_the_system_never_gets_it(feed: Feed, autojump_clock: MockClock) -> None:
    await feed.watch(SYSTEM)
    other = await feed.watch()
    feed.clicks(1)
    assert "system" not in await frame(other)
