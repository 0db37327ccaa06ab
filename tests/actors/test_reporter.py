"""Reports to an ad platform over a real store, in virtual time, against a double of Meta."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.model.deliveries import Selection
from appliance.partners.platform import (
    DAY,
    DRY_RUN,
    FETCHED,
    MAY_HAVE_BEEN_COUNTED,
    NO_CLICK,
    NO_PIXEL,
    UNAUTHORIZED,
    Answer,
    Pixel,
)
from appliance.partners.platforms.meta import Meta
from appliance.partners.ways import Way
from tests.actors.reporter_rig import START, Killed, Site
from tests.platforms import meta as double


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db")
    yield made
    made.close()


async def test_what_is_due_goes_in_one_request_and_is_told_once(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(250)
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.sizes == [250]
    assert site.states() == {"delivered": 250}
    assert set(site.meta.counted.values()) == {1}


async def test_a_guilty_event_stands_alone_in_the_end(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(1_000)
    site.meta.guilty = {"e77": 2804007, "e512": 2804036}
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.states() == {"delivered": 998, "dead": 2}
    assert site.reasons() == {"Wrong parameter": 1, "Invalid lead id": 1}
    assert set(site.meta.counted.values()) == {1}
    assert len(site.meta.counted) == 998
    assert max(site.meta.requests.values()) == 4
    assert Counter(site.sizes) == {1_000: 1, 100: 10, 10: 20, 1: 20}
    # The parts were in flight together: far less than one after the other.
    assert site.asked_at[-1] - site.asked_at[0] < 30


async def test_what_can_be_seen_beforehand_refuses_nobody_else(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(10)
    site.put(1, click_ids={})
    site.put(1, value=None)
    site.put(1, at_us=site.now_us() - 7 * DAY)
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.sizes == [10]
    assert site.reasons() == {
        NO_CLICK: 1, "Purchase without value and currency": 1, "Conversion older than 7 days": 1
    }  # fmt: skip


async def test_a_lost_answer_is_no_second_event(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(40)
    site.lost = 0.7
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.states() == {"delivered": 40}
    assert set(site.meta.counted.values()) == {1}


async def test_what_may_have_arrived_is_not_said_after_the_platform_forgot_it(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(5)
    site.lost = 1.0
    with trio.move_on_after(20):
        await site.reporter().run()
    site.lost = 0.0
    await trio.sleep(3 * 86_400)
    site.put(5)
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.states() == {"delivered": 5, "dead": 5}
    assert site.reasons() == {MAY_HAVE_BEEN_COUNTED: 5}
    assert set(site.meta.counted.values()) == {1}
    assert len(site.meta.counted) == 10


async def test_a_replay_counts_nothing_a_second_time(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(3)
    reporter = site.reporter(poll=3_600)
    await nursery.start(reporter.run)
    await site.until_quiet()

    def replay() -> None:
        far = site.now_us() + 30 * DAY
        assert len(site.store.replay(Selection(), 0, 100, site.now_us(), far)) == 3
        reporter.wake()

    await trio.sleep(86_400)
    replay()
    await site.until_quiet()
    assert site.states() == {"delivered": 3}, "Meta knows them for the same"
    await trio.sleep(3 * 86_400)
    replay()
    await site.until_quiet()
    assert site.reasons() == {MAY_HAVE_BEEN_COUNTED: 3}
    await trio.sleep(4 * 86_400)
    replay()
    await site.until_quiet()
    assert site.reasons() == {"Conversion older than 7 days": 3}
    assert set(site.meta.counted.values()) == {1}


async def test_a_dead_token_pauses_the_account_until_it_is_replaced(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.ways["pixel:2"] = Way("account:2", Meta(), Pixel("px", "good", {}), dry_run=False)
    site.meta.tokens = set()
    site.put(50)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await trio.sleep(6 * 3_600)
    (paused,) = reporter.standings().values()
    assert paused.target == "account:1"
    assert paused.paused_us - START < 60_000_000
    assert paused.reason.startswith(UNAUTHORIZED)
    assert site.sizes[0] == 50
    assert set(site.sizes[1:]) == {1}
    assert len(site.sizes) < 15
    site.meta.tokens = {"good", "new"}
    site.put(3, target="pixel:2")
    await site.until(lambda: site.states()["delivered"] == 3)
    site.ways["pixel:1"] = site.ways["pixel:1"]._replace(pixel=Pixel("px", "new", {}))
    await reporter.resume(["account:1"])
    await site.until_quiet(60)
    assert site.states() == {"delivered": 53}
    assert not reporter.standings()
    assert set(site.meta.counted.values()) == {1}


async def test_a_token_that_died_on_friday(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.meta.tokens = set()
    site.put(4, at_us=START - 5 * DAY, click_at_us=START - 5 * DAY)
    site.put(6)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await trio.sleep(3 * 86_400)
    assert site.states() == {"pending": 6, "dead": 4}
    assert site.reasons() == {"Conversion older than 7 days": 4}
    site.meta.tokens = {"good"}
    await site.until_quiet(3_700)  # its permission came back, nobody told us: the next single event finds out
    assert site.states() == {"delivered": 6, "dead": 4}


async def test_a_busy_account_is_asked_slowly_and_a_full_one_not_at_all(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.meta.busy, site.meta.regain = 100.0, 7
    site.put(3)
    await nursery.start(site.reporter().run)
    await trio.sleep(300)
    assert len(site.sizes) == 1
    site.meta.busy, site.meta.regain = 10.0, 0
    await site.until_quiet(600)
    assert site.asked_at[1] - site.asked_at[0] >= 420
    assert site.states() == {"delivered": 3}


async def test_html_and_5xx_are_asked_again(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.faults = [Answer(502, {}, b"<html>"), Answer(500, {}, b""), Answer(200, {}, b"{}")]
    site.put(3)
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.states() == {"delivered": 3}
    assert len(site.sizes) == 4


async def test_the_nearest_deadline_goes_first(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.ways["pixel:2"] = Way("account:1", Meta(), Pixel("px", "good", {}), per_minute=1, dry_run=False)
    site.ways["pixel:1"] = site.ways["pixel:1"]._replace(per_minute=1)
    site.put(2)
    site.put(1, target="pixel:2", at_us=START - 5 * DAY, click_at_us=START - 5 * DAY)
    await nursery.start(site.reporter().run)
    await site.until(lambda: len(site.sizes) == 1)
    assert site.sizes == [1]
    await site.until_quiet()
    assert site.sizes == [1, 2]
    assert site.asked_at[1] - site.asked_at[0] >= 60


async def test_a_dry_run_sends_nothing_and_shows_everything(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.ways["pixel:1"] = site.ways["pixel:1"]._replace(dry_run=True)
    (first, *_) = site.put(3)
    site.put(1, click_ids={})
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.sizes == []
    assert site.states() == {"cancelled": 3, "dead": 1}
    assert site.reasons() == {DRY_RUN: 3, NO_CLICK: 1}
    found = site.store.get(first)
    assert found is not None
    (attempt,) = found[1]
    assert '"event_name": "Purchase"' in attempt.request
    assert '"em": ["***"]' in attempt.request


async def test_a_pixel_that_is_gone_and_one_that_is_held(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.ways["pixel:2"] = site.ways["pixel:1"]._replace(account="account:2", held=True)
    site.ways["pixel:1"] = site.ways["pixel:1"]._replace(gone=True)
    site.put(2)
    site.put(2, target="pixel:2")
    site.put(2, target="postback:1")
    await nursery.start(site.reporter().run)
    await trio.sleep(600)
    assert site.states() == {"dead": 2, "pending": 4}
    assert site.reasons() == {NO_PIXEL: 2}
    assert site.sizes == []


async def test_what_leads_nowhere_ends_although_it_is_paused(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    whole = site.ways["pixel:1"]
    site.ways["pixel:1"] = whole._replace(gone=True, held=True)
    site.ways["pixel:2"] = whole._replace(listed=True)
    site.ways["pixel:3"] = whole._replace(listed=True, held=True)
    for target in site.ways:
        site.put(2, target=target)
    await nursery.start(site.reporter().run)
    await site.until_quiet(60)
    assert site.reasons() == {NO_PIXEL: 2, FETCHED: 4}
    assert site.sizes == []


async def test_a_store_that_is_away_keeps_what_was_answered(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(5)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until(lambda: bool(site.sizes))
    site.away = True
    await trio.sleep(300)
    assert reporter.last_error == "the disk is full"
    site.away = False
    await site.until_quiet()
    await site.until(lambda: not reporter.last_error)
    assert site.sizes == [5]


@pytest.mark.parametrize("seed", range(3))
async def test_kills_lost_answers_and_bad_events_in_forty_ways(
    site: Site, autojump_clock: MockClock, seed: int
) -> None:
    """The short form of the acceptance: good events count once, bad ones are refused by their names."""
    draw = random.Random(seed)
    bad: dict[str, int] = {}
    for _ in range(20):
        ids = [f"e{site._made + place + 1}" for place in range(100)]
        site.put(100)
        bad |= {each: draw.choice(double.INVISIBLE) for each in ids if draw.random() < 0.01}
    site.meta.guilty = bad
    site.put(5, click_ids={})
    site.lost = 0.05
    site.draw = draw
    for _ in range(20):
        countdown = draw.randrange(1, 1_500)

        def step(name: str) -> None:
            nonlocal countdown
            countdown -= 1
            if countdown == 0:
                raise Killed

        site.step = step
        with trio.move_on_after(draw.uniform(0.05, 2.0)):
            try:
                await site.reporter(lease=5.0, timeout=1.0).run()
            except BaseExceptionGroup as group:
                if group.subgroup(Killed) is None:  # its time was over before
                    raise
            except Killed:
                pass
        site.step = lambda name: None
        await trio.sleep(draw.uniform(0, 6))
    async with trio.open_nursery() as nursery:
        await nursery.start(site.reporter(lease=5.0, timeout=1.0).run)
        await site.until_quiet()
        nursery.cancel_scope.cancel()
    good = {f"e{place + 1}" for place in range(2_000)} - bad.keys()
    assert {key for _, key in site.meta.counted} == good
    assert set(site.meta.counted.values()) == {1}
    assert site.meta.refused.keys() == bad.keys()
    assert site.states() == {"delivered": len(good), "dead": len(bad) + 5}
    assert site.reasons()[NO_CLICK] == 5
