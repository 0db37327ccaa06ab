"""A platform that takes nothing for hours, and what that means for the events that wait: in virtual time."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.errors import Unavailable
from appliance.partners.platform import DAY, HOUR, UNAUTHORIZED, Answer, Message, Pixel, Sent, Verdict
from appliance.partners.ways import Way
from tests.actors.reporter_rig import START, Site
from tests.platforms import meta as double

DOWN = Answer(503, {}, json.dumps({"error": {"code": 2, "message": "down", "is_transient": True}}).encode())
BUSY = Answer(400, {}, json.dumps({"error": {"code": 80_004, "message": "no"}}).encode())
UNKNOWN_PIXEL = Answer(
    400, {}, json.dumps({"error": {"code": 100, "error_subcode": 33, "message": "no"}}).encode()
)
REFUSED_TOKEN = Answer(401, {}, json.dumps({"error": {"code": 190, "message": "no"}}).encode())


class Failing(double.Meta):
    """A Meta that is away for some time (seconds of the virtual clock), and never takes what is in `poison`;
    `bad` pixels are away for ever."""

    def __init__(self, until: float, answer: Answer = DOWN) -> None:
        super().__init__()
        self.until = until
        self.poison: set[str] = set()
        self.bad: set[str] = set()
        self._answer = answer

    def answer(self, message: Message, now_us: int) -> Answer:
        named = {each["event_id"] for each in json.loads(message.body)["data"]}
        code = message.url.split("/")[-2]
        self.code = code
        if now_us < START + self.until * 1e6 or named & self.poison or code in self.bad:
            return self._answer
        return super().answer(message, now_us)


class Slow(Site):
    """Answers take so many seconds more."""

    seconds = 2.0

    async def send(self, message: Message, seconds: float) -> Sent:
        found = await super().send(message, seconds)
        await trio.sleep(self.seconds)
        return found


@pytest.fixture
def platform() -> Failing:
    return Failing(3 * 3_600)


@pytest.fixture
def site(tmp_path: Path, platform: Failing) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db", other=platform)
    yield made
    made.close()


async def test_an_outage_is_no_events_fault(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(3_000)
    await nursery.start(site.reporter().run)
    await trio.sleep(platform.until)
    assert len(site.sizes) < 60, Counter(site.sizes)
    asked = len(site.sizes)
    await site.until_quiet(1_800)
    assert len(site.sizes) - asked <= 6, "one finds out, all the others go together"
    assert set(platform.requests.values()) == {1}
    assert set(platform.counted.values()) == {1}
    assert len(platform.counted) == 3_000


async def test_what_would_be_too_late_soon_is_asked_for_often_enough(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Four hours are left; it works again after a little more than two."""
    platform.until = 130 * 60
    at = START - 7 * DAY + 5 * HOUR
    site.put(20, at_us=at, click_at_us=at)
    await nursery.start(site.reporter().run)
    await trio.sleep(4 * 3_600)
    assert site.states() == {"delivered": 20}


async def test_one_that_stands_alone_is_tried_several_times_before_its_end(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    platform.until = 0
    at = START - 7 * DAY + 13 * HOUR
    site.put(100, at_us=at, click_at_us=at)
    platform.poison = {"e57"}
    await nursery.start(site.reporter().run)
    await trio.sleep(14 * 3_600)
    assert site.states() == {"delivered": 99, "dead": 1}
    assert len([at for at in site.asked_at if at > 9 * 3_600]) >= 3, "in its last three hours"
    assert len(site.asked_at) < 60


async def test_a_pixel_that_fails_beside_one_that_works_finds_its_guilty_event(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """All that waits for it goes in one request: that another pixel works says nothing of it."""
    platform.until = 0
    platform.poison = {"e57"}
    site.ways["pixel:2"] = site.ways["pixel:1"]._replace(pixel=Pixel("other", "good", {}))
    site.put(100)
    await nursery.start(site.reporter().run)
    for _ in range(60):
        site.put(5, target="pixel:2")
        site.put(1)
        await trio.sleep(120)
    assert site.states() == {"delivered": 459, "pending": 1}
    assert set(platform.counted.values()) == {1}


async def test_a_pixel_that_fails_for_ever_is_not_taken_apart_and_holds_up_no_other(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    platform.until = 0
    platform.bad = {"broken"}
    site.ways["pixel:2"] = site.ways["pixel:1"]._replace(pixel=Pixel("broken", "good", {}))
    site.put(500, target="pixel:2")
    reporter = site.reporter()
    await nursery.start(reporter.run)
    for _ in range(120):
        site.put(5)
        reporter.wake()
        await trio.sleep(120)
    assert site.states() == {"delivered": 600, "pending": 500}
    failed = [message for message in site.messages if "/broken/" in message.url]
    assert len(failed) < 60


async def test_a_new_life_in_the_midst_of_an_outage_blames_nobody(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(500)
    for _ in range(6):
        with trio.move_on_after(1_500):
            await site.reporter().run()
    asked = len(site.sizes)
    await nursery.start(site.reporter().run)
    await site.until_quiet(3 * 3_600)
    assert {each.part for each in site.stored()} == {0}
    assert len(site.sizes) < asked + 20


async def test_answers_to_requests_under_way_together_are_one_failure(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    platform = Failing(5, REFUSED_TOKEN)
    site = Slow(tmp_path / "ledger.db", other=platform)
    site.put(10_000)
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await trio.sleep(10)
    (standing,) = reporter.standings().values()
    assert standing.failures == 1
    assert standing.probe_us - START < 310 * 1_000_000
    await site.until_quiet(320)
    assert site.states() == {"delivered": 10_000}
    site.close()


async def test_an_old_answer_does_not_pause_whom_somebody_has_just_mended(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    platform = Failing(0.1, REFUSED_TOKEN)
    site = Slow(tmp_path / "ledger.db", other=platform)
    site.seconds = 5.0
    site.put(3)
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await trio.sleep(2)
    await reporter.resume(["account:1"])
    await trio.sleep(4)
    assert not reporter.standings()
    await site.until_quiet(60)
    assert site.states() == {"delivered": 3}
    site.close()


@pytest.mark.parametrize("away", ("resume", "hurry"))
async def test_a_resumption_that_could_not_be_stored_can_be_repeated(
    site: Site, platform: Failing, away: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    platform.tokens = set()
    platform.until = 0
    site.put(50)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until(lambda: any(each.failures > 2 for each in site.store.standings()))

    def fails(*_: object) -> None:
        delattr(site.store, away)
        raise Unavailable("the disk is full")

    setattr(site.store, away, fails)
    with pytest.raises(Unavailable):
        await reporter.resume(["account:1"])
    platform.tokens = {"good"}
    await reporter.resume(["account:1"])
    assert not reporter.standings()
    assert not site.store.standings()
    await site.until_quiet(60)
    assert site.states() == {"delivered": 50}


class Weather(Failing):
    """Spells of all kinds of trouble, of one pixel or of all, some of them of some requests only."""

    def __init__(self, draw: random.Random, hours: int) -> None:
        super().__init__(0)
        self._draw = draw
        self._spells: list[tuple[float, float, Answer, str, float]] = []
        at = 0.0
        while at < hours * 3_600:
            at += draw.expovariate(1 / 3_600)
            end = at + draw.expovariate(1 / 1_800)
            kind = draw.choice((DOWN, DOWN, REFUSED_TOKEN, UNKNOWN_PIXEL, BUSY))
            self._spells.append(
                (at, end, kind, draw.choice(("", "px", "other")), draw.choice((1.0, 1.0, 0.4)))
            )
            at = end

    def answer(self, message: Message, now_us: int) -> Answer:
        at, code = (now_us - START) / 1e6, message.url.split("/")[-2]
        for begin, end, answer, only, part in self._spells:
            if begin <= at < end and only in ("", code) and self._draw.random() < part:
                return answer
        return super().answer(message, now_us)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_good_events_are_told_once(
    tmp_path: Path, seed: int, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    draw = random.Random(seed)
    platform = Weather(draw, 8)
    site = Site(tmp_path / "ledger.db", other=platform)
    site.draw = draw
    site.ways["pixel:2"] = site.ways["pixel:1"]._replace(pixel=Pixel("other", "good", {}))
    reporter = site.reporter()
    await nursery.start(reporter.run)
    for _ in range(24):
        for target in site.ways:
            first = site._made + 1
            site.put(draw.randrange(60), target=target)
            for place in range(first, site._made + 1):
                fate = draw.random()
                if fate < 0.004:
                    platform.guilty[f"e{place}"] = 2804007
                elif fate < 0.007:
                    platform.poison.add(f"e{place}")
        reporter.wake()
        await trio.sleep(1_200)
    await trio.sleep(6 * 3_600)
    bad = platform.poison | platform.guilty.keys()
    assert platform.poison and platform.guilty
    good = {f"e{place + 1}" for place in range(site._made)} - bad
    assert {key for _, key in platform.counted} == good
    assert set(platform.counted.values()) == {1}
    assert max(platform.requests[each] for each in good) <= 4
    assert site.states()["dead"] == len(platform.guilty), site.reasons()
    assert len(site.sizes) < 600
    site.close()


async def test_a_token_that_nobody_sells_is_one_failure_of_all_that_wait_for_it(
    site: Site, platform: Failing, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """They ask for it one after the other, and are told the same."""
    counter = trio.Lock()

    class Closed:
        async def token(self, way: Way) -> str | Verdict:
            async with counter:
                await trio.sleep(3)
            return Verdict("pause", UNAUTHORIZED, "no access token: invalid_grant")

        def spoiled(self, way: Way, token: str) -> bool:
            return False

    site.access = Closed()
    site.put(6_000)
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await trio.sleep(60)
    (standing,) = reporter.standings().values()
    assert standing.failures == 1
    assert not site.messages
