"""A network that falls silent is told of, and one that only pauses is not: simulated months of rhythms."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.rhythm import HOUR_US, Rhythm, Silence, silence

BEGIN = 490_000 // 168 * 168 + 4 * 24
"""An hour that is a Monday's first: 1970 began on a Thursday."""
MONTH = 30 * 24
Hourly = Callable[[int, random.Random], int]
"""(hour since BEGIN, draws) → postbacks of that hour."""


def some(mean: float, draws: random.Random) -> int:
    """A draw of Poisson's."""
    if mean > 50:
        return max(0, round(draws.gauss(mean, math.sqrt(mean))))
    number, product = 0, draws.random()
    while product > math.exp(-mean):
        number, product = number + 1, product * draws.random()
    return number


def steady(rate: float) -> Hourly:
    return lambda hour, draws: some(rate, draws)


def by_day(rate: float, first: int = 8, last: int = 20) -> Hourly:
    return lambda hour, draws: some(rate, draws) if first <= hour % 24 < last else 0


def on_weekdays(rate: float) -> Hourly:
    daily = by_day(rate)
    return lambda hour, draws: daily(hour, draws) if hour // 24 % 7 < 5 else 0


def wavy(rate: float) -> Hourly:
    return lambda hour, draws: some(rate * (1 + math.sin(hour * math.tau / 24)), draws)


def daily_batch(size: float) -> Hourly:
    """All of a day's at six, or in the hour after it."""
    return lambda hour, draws: some(size, draws) if hour % 24 == 6 + hour // 24 * 7 % 2 else 0


def bursts(size: float, every: float) -> Hourly:
    """At any time, on the average every so many hours."""
    return lambda hour, draws: some(size, draws) if draws.random() < 1 / every else 0


def weekly() -> Hourly:
    return lambda hour, draws: int(hour % 168 == 40)


def dying(rate: float) -> Hourly:
    """Half as many every two weeks, without end."""
    return lambda hour, draws: some(rate * 0.5 ** (hour / 336), draws)


HEALTHY: dict[str, Hourly] = {
    "steady, 200 an hour": steady(200),
    "steady, 5 an hour": steady(5),
    "steady, 1 an hour": steady(1),
    "steady, 5 a day": steady(5 / 24),
    "steady, 1 a day": steady(1 / 24),
    "one a week": weekly(),
    "by day only, 20 an hour": by_day(20),
    "by day only, 2 an hour": by_day(2),
    "from nine to five on weekdays, 10 an hour": on_weekdays(10),
    "on weekdays, 1 an hour": on_weekdays(1),
    "waves, 3 an hour": wavy(3),
    "a batch a day": daily_batch(40),
    "bursts of 200, one a day": bursts(200, 24),
    "bursts of 20, one in three days": bursts(20, 72),
    "bursts of 5, three a day": bursts(5, 8),
}


class World:
    """A network over hours that go by, watched all the time unless told otherwise."""

    def __init__(self, seed: int) -> None:
        self.draws = random.Random(seed)
        self.watched: dict[int, int] = {}
        self.rhythm: Rhythm | None = None
        self.hour = 0
        self.alarms: list[tuple[int, Silence]] = []

    @property
    def now_us(self) -> int:
        return (BEGIN + self.hour) * HOUR_US

    def go(
        self, hours: int, postbacks: Hourly, clicks: Callable[[int], int] = lambda hour: 0, minutes: int = 60
    ) -> list[tuple[int, Silence]]:
        """The alarms of these hours. A silence only grows: it is looked at just before it ends."""
        before = len(self.alarms)
        for _ in range(hours):
            number = postbacks(self.hour, self.draws)
            if number:
                self.look()
            if self.rhythm is None:
                self.rhythm = Rhythm(BEGIN, self.now_us)
            if number:
                self.rhythm.hear(self.now_us, self.now_us)
                self.rhythm.counts[BEGIN + self.hour] = number
            if led := clicks(self.hour):
                self.rhythm.lead(self.now_us, self.now_us, led)
            self.watched[BEGIN + self.hour] = minutes
            self.hour += 1
        self.look()
        return self.alarms[before:]

    def look(self) -> Silence | None:
        if self.rhythm is None:
            return None
        found = silence(self.rhythm, self.watched, self.now_us)
        if found is not None:
            self.alarms.append((self.hour, found))
        return found

    def falls_silent(self, most: int, clicks: Callable[[int], int] = lambda hour: 0) -> int | None:
        """Hours until the alarm; None without one."""
        for hours in range(1, most + 1):
            if self.go(1, none, clicks):
                return hours
        return None


def none(hour: int, draws: random.Random) -> int:
    return 0


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_rhythm_raises_no_alarm_in_two_years(name: str) -> None:
    """Eight networks over three months each. (Twelve of each over half a year, by hand: 1 alarm in 1,080
    months of all fifteen.)"""
    assert [alarm for seed in range(8) for alarm in World(seed).go(3 * MONTH, HEALTHY[name])] == []


def test_a_daily_network_s_nights_and_weekends_are_no_silence() -> None:
    world = World(1)
    assert world.go(2 * MONTH, HEALTHY["from nine to five on weekdays, 10 an hour"]) == []


SILENT: list[tuple[str, int]] = [
    ("steady, 200 an hour", 4),
    ("steady, 5 an hour", 24),
    ("steady, 1 an hour", 48),
    ("steady, 5 a day", 8 * 24),
    ("by day only, 20 an hour", 24),
    ("from nine to five on weekdays, 10 an hour", 5 * 24),
    ("a batch a day", 8 * 24),
    ("bursts of 5, three a day", 10 * 24),
]
"""Rhythm → hours within which its end is told."""


@pytest.mark.parametrize(("name", "within"), SILENT, ids=[name for name, _ in SILENT])
def test_a_network_that_falls_silent_is_told_of_soon(name: str, within: int) -> None:
    for seed in range(3):
        world = World(seed)
        world.go(2 * MONTH + 3 * 24 + 10, HEALTHY[name])  # a Thursday morning
        assert world.falls_silent(within) is not None


def test_too_little_is_no_rhythm() -> None:
    for name in ("one a week", "bursts of 20, one in three days"):
        world = World(1)
        world.go(2 * MONTH, HEALTHY[name])
        assert world.falls_silent(14 * 24) is None
    new = World(2)
    new.go(12 * 24, HEALTHY["steady, 200 an hour"])
    assert new.falls_silent(3 * 24) is None


def test_hours_that_nobody_watched_are_no_silence() -> None:
    world = World(3)
    world.go(MONTH, HEALTHY["steady, 5 an hour"])
    world.go(200, none, minutes=0)
    assert world.alarms == []
    assert world.falls_silent(24) is not None


def test_a_network_without_clicks_is_expected_to_say_nothing() -> None:
    """The buyer stopped his campaigns; with them going on, the same silence is told of."""
    for led, expected in ((0, False), (300, True)):
        world = World(4)
        world.go(MONTH, HEALTHY["steady, 5 an hour"], lambda hour: 300)
        found = world.falls_silent(72, lambda hour, led=led: led)  # type: ignore[misc]
        assert (found is not None) is expected


def test_fewer_clicks_make_a_longer_silence_usual() -> None:
    many, few = World(5), World(5)
    for world in (many, few):
        world.go(MONTH, HEALTHY["steady, 1 an hour"], lambda hour: 100)
    soon, late = many.falls_silent(400, lambda hour: 100), few.falls_silent(400, lambda hour: 20)
    assert soon is not None
    assert late is not None
    assert late > 2 * soon


def test_a_network_that_dies_slowly_is_not_told_of_again_and_again() -> None:
    assert len([alarm for seed in range(3) for alarm in World(seed).go(4 * MONTH, dying(5))]) <= 3


hours = st.integers(-(2**40), 2**40)
counts = st.dictionaries(hours, st.integers(0, 2**40), max_size=20)


@given(st.builds(Rhythm, hours, hours, counts, counts, hours), counts, hours)
def test_nothing_that_was_ever_stored_makes_it_fail(
    rhythm: Rhythm, watched: dict[int, int], now_us: int
) -> None:
    silence(rhythm, watched, now_us)


@given(st.lists(st.tuples(st.integers(0, 2**52), st.booleans()), max_size=50), st.integers(0, 2**52))
def test_what_is_kept_of_a_network_is_bounded(events: list[tuple[int, bool]], now_us: int) -> None:
    rhythm = Rhythm(now_us // HOUR_US, 0)
    for at_us, click in events:
        if click:
            rhythm.lead(at_us, now_us, 1)
        else:
            rhythm.hear(at_us, now_us)
    assert rhythm.last_us <= now_us
    for kept in (rhythm.counts, rhythm.clicks):
        assert not kept or max(kept) <= now_us // HOUR_US
