"""Whether a network has fallen silent against its own rhythm. Pure; hours are counted since 1970, UTC.

What its postbacks of the last four weeks tell is an expected number for each hour of the week, less where
fewer clicks went to it than usual. A silence is as long as the postbacks that should have come meanwhile:
none at night, if there are none at night. It is worth a word when it is several times the longest of those
weeks, so counted or in hours, so that a network whose postbacks come in bursts, or once in a while, is judged
by its own pauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

HOUR_US = 3_600_000_000
WEEK = 168
WINDOW = 4 * WEEK
"""Hours that are looked back on, and kept."""
LONGEST = 60 * 24
"""Hours of silence after which nothing is expected any more: the network is of the past."""
LEARNING = 2 * WEEK
"""Hours after its first postback before anything is said."""
FEWEST_ACTIVE = 20
"""Hours with postbacks that make a rhythm: one a week makes none."""
SURE_ACTIVE = 60
FEWEST_HOURS = 3
"""Whole hours without any."""
FEWEST_EXPECTED = 10.0
TIMES, TIMES_UNSURE = 3.0, 4.0
"""How much longer than the longest one before it a silence must be; the second while less is known."""
WATCHED = 30
"""Minutes of an hour that must have been watched for it to say anything: our own absence is no silence."""


class Rhythm(Struct, array_like=True):
    """A network's: `counts` are postbacks and `clicks` clicks to it, by hour. `told_us`: of the silence after
    that postback was told already."""

    began: int
    last_us: int
    counts: dict[int, int] = {}
    clicks: dict[int, int] = {}
    told_us: int = 0

    def hear(self, at_us: int, now_us: int) -> None:
        """A postback arrived."""
        at_us = min(at_us, now_us)
        hour = at_us // HOUR_US
        self.began = min(self.began, hour)
        if hour not in self.counts:
            _forget(self.counts, hour - WINDOW)
            _forget(self.clicks, hour - WINDOW)
        self.counts[hour] = self.counts.get(hour, 0) + 1
        self.last_us = max(self.last_us, at_us)

    def lead(self, at_us: int, now_us: int, clicks: int) -> None:
        """Clicks were sent to it."""
        hour = min(at_us, now_us) // HOUR_US
        if hour not in self.clicks:
            _forget(self.clicks, hour - WINDOW - LONGEST)
        self.clicks[hour] = self.clicks.get(hour, 0) + clicks


class Silence(NamedTuple):
    """`hours` whole ones since the last postback, in which so many were to be `expected`."""

    since_us: int
    hours: int
    expected: float


def silence(rhythm: Rhythm, watched: Mapping[int, int], now_us: int) -> Silence | None:
    """A silence that is worth a word; None for any other. `watched`: hour → minutes in which we listened."""
    now, last = now_us // HOUR_US, rhythm.last_us // HOUR_US
    if now - last <= FEWEST_HOURS or now - last > LONGEST:
        return None
    silent = [hour for hour in range(last + 1, now) if watched.get(hour, 0) >= WATCHED]
    if len(silent) < FEWEST_HOURS:
        return None
    first = max(rhythm.began + 1, last - WINDOW + 1)
    known = [hour for hour in range(first, last + 1) if watched.get(hour, 0) >= WATCHED]
    active = sum(hour in rhythm.counts for hour in known)
    if len(known) < LEARNING * 3 // 4 or last - first < LEARNING - 24 or active < FEWEST_ACTIVE:
        return None
    expect = _Expectation(rhythm, known)
    longest = gap = 0.0
    longest_hours = hours = 0
    for hour in known:
        quiet = hour not in rhythm.counts
        gap, hours = (gap + expect.postbacks(hour), hours + 1) if quiet else (0.0, 0)
        longest, longest_hours = max(longest, gap), max(longest_hours, hours)
    expected = sum(map(expect.postbacks, silent))
    times = TIMES if active >= SURE_ACTIVE else TIMES_UNSURE
    more, longer = expected >= times * longest, len(silent) >= max(24, times * longest_hours)
    if expected < FEWEST_EXPECTED or not (more or longer):
        return None
    return Silence(rhythm.last_us, len(silent), expected)


class _Expectation:
    """What each hour should bring, by the hours that are `known`."""

    def __init__(self, rhythm: Rhythm, known: list[int]) -> None:
        postbacks, clicks, hours = [0] * WEEK, [0] * WEEK, [0] * WEEK
        for hour in known:
            slot = hour % WEEK
            hours[slot] += 1
            postbacks[slot] += rhythm.counts.get(hour, 0)
            clicks[slot] += rhythm.clicks.get(hour, 0)
        self._postbacks = _rates(postbacks, hours)
        self._clicks = _rates(clicks, hours)
        self._led = rhythm.clicks
        # Of some networks we see no clicks: their postbacks come from elsewhere, or name no click.
        self._by_clicks = sum(clicks) >= sum(postbacks)

    def postbacks(self, hour: int) -> float:
        usual = self._clicks[hour % WEEK]
        share = min(1.0, self._led.get(hour, 0) / usual) if self._by_clicks and usual else 1.0
        return self._postbacks[hour % WEEK] * share


def _rates(sums: list[int], hours: list[int]) -> list[float]:
    """By hour of the week, and no more than that hour of any day has: the smaller of two that are unsure.

    The hours beside it count half, because clocks are changed and nobody begins to the minute.
    """
    days = [(sum(sums[hour::24]), sum(hours[hour::24])) for hour in range(24)]
    weekly = list(_smooth(list(zip(sums, hours, strict=True))))
    daily = list(_smooth(days))
    return [min(rate, daily[slot % 24]) for slot, rate in enumerate(weekly)]


def _smooth(cells: list[tuple[int, int]]) -> Iterator[float]:
    for place, (total, number) in enumerate(cells):
        before, after = cells[place - 1], cells[(place + 1) % len(cells)]
        hours = before[1] + 2 * number + after[1]
        yield (before[0] + 2 * total + after[0]) / hours if hours else 0.0


def _forget(hours: dict[int, int], before: int) -> None:
    for hour in [hour for hour in hours if hour < before]:
        del hours[hour]
