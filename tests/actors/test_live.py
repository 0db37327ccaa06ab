"""The live feed over real journals, under virtual time: what watchers get, and when."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.model.events import PostbackLogEvent, encode
from appliance.model.live import Wish
from appliance.model.messages import ActorReport
from tests.actors.conversions_rig import START_US, click, click_event
from tests.actors.live_rig import ALL, Feed, conversion, frame, ids, reading, running


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
