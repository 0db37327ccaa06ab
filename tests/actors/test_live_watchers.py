"""The live feed and its watchers: who comes back, who is slow, who is one too many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.live import Watcher
from appliance.errors import Unavailable
from appliance.model.live import Wish
from tests.actors.conversions_rig import click
from tests.actors.live_rig import Feed, frame, ids, reading, running


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
