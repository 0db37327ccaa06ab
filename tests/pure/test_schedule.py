"""Schedules against a minute-by-minute brute force that reads nothing but the wall clock.

SCHEDULES=whole compares every minute of two years in eight timezones; otherwise Hypothesis samples them.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.model.rules import Schedule, Window
from appliance.routing.schedule import check_schedule, compiled

# Half an hour of summer time, none, a clock that goes back at midnight, quarters of an hour, Ramadan.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/Asuncion", "Africa/Casablanca", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Chatham",
)  # fmt: skip
START = datetime(2023, 1, 1, tzinfo=UTC)
MINUTES = 731 * 1440
MINUTE = 60_000_000


def us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def brute(schedule: Schedule, at: datetime, where: ZoneInfo) -> bool:
    """What the docstrings of Window and Schedule say, of one moment."""
    for text, sign in ((schedule.first, 1), (schedule.last, -1)):
        if text:
            bound = datetime.fromisoformat(text).replace(tzinfo=where).astimezone(UTC)
            if (at < bound) if sign > 0 else (at >= bound):
                return False
    if not schedule.windows:
        return True
    local = at.astimezone(where)
    shown, today = f"{local:%H:%M}", local.isoweekday()
    yesterday = today - 1 or 7
    for window in schedule.windows:
        if window.begin < window.end:
            if today in window.days and window.begin <= shown < window.end:
                return True
        elif (today in window.days and shown >= window.begin) or (
            yesterday in window.days and shown < window.end
        ):
            return True
    return False


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 29, 30, 59]))
windows = st.builds(
    Window,
    days=st.lists(st.integers(1, 7), min_size=1, max_size=7).map(tuple),
    begin=times,
    end=times | st.just("24:00"),
)
moments = st.just("") | st.integers(0, MINUTES).map(
    lambda m: (START + timedelta(minutes=m)).strftime("%Y-%m-%dT%H:%M")
)
schedules = st.builds(
    Schedule,
    timezone=st.sampled_from(ZONES),
    windows=st.lists(windows, max_size=4).map(tuple),
    first=moments,
    last=moments,
).filter(lambda s: not check_schedule(s, ""))


def compare(schedule: Schedule, first: int, minutes: int, step: int = 1) -> None:
    is_open = compiled(schedule)
    where = ZoneInfo(schedule.timezone)
    for minute in range(first, first + minutes, step):
        at = START + timedelta(minutes=minute)
        assert is_open(us(at)) is brute(schedule, at, where), (schedule, at)
        # Nothing changes inside a minute.
        assert is_open(us(at) + MINUTE - 1) is is_open(us(at)), (schedule, at)


@given(schedules, st.integers(0, MINUTES - 3000), st.sampled_from([1, 7, -1, -13]))
@settings(max_examples=120, deadline=None)
@example(Schedule(timezone="Europe/Berlin", windows=(Window(begin="02:00", end="03:00"),)), 83 * 1440, 1)
@example(Schedule(timezone="Europe/Berlin", windows=(Window(begin="22:00", end="02:30"),)), 301 * 1440, 1)
def test_a_schedule_equals_the_brute_force(schedule: Schedule, first: int, step: int) -> None:
    if step > 0:
        compare(schedule, first, 1500, step)
        return
    is_open, where = compiled(schedule), ZoneInfo(schedule.timezone)
    for minute in range(first + 3000, first, step):  # a replay goes back in time
        at = START + timedelta(minutes=minute)
        assert is_open(us(at)) is brute(schedule, at, where)


@pytest.mark.parametrize("name", ZONES)
def test_every_change_of_the_clocks_in_two_years(name: str) -> None:
    where = ZoneInfo(name)
    schedule = Schedule(
        timezone=name,
        windows=(
            Window(days=(6,), begin="22:00", end="02:30"),
            Window(days=(7,), begin="02:15", end="03:10"),
            Window(days=(1, 3, 5), begin="00:00", end="00:45"),
            Window(days=(7,), begin="23:30", end="23:30"),
        ),
    )
    hours = [START + timedelta(hours=hour) for hour in range(731 * 24)]
    changes = [
        hour
        for hour in range(1, len(hours))
        if hours[hour].astimezone(where).utcoffset() != hours[hour - 1].astimezone(where).utcoffset()
    ]
    for hour in changes:
        compare(schedule, (hour - 30) * 60, 60 * 60)
    assert len(changes) == {"UTC": 0, "Asia/Kathmandu": 0}.get(name, 4)


@pytest.mark.skipif(os.environ.get("SCHEDULES") != "whole", reason="SCHEDULES=whole: a minute and a half")
@pytest.mark.parametrize("name", ZONES)
def test_every_minute_of_two_years(name: str) -> None:
    schedule = Schedule(
        timezone=name,
        windows=(
            Window(days=(1, 2, 3, 4, 5), begin="08:30", end="18:00"),
            Window(days=(5, 6), begin="22:00", end="02:30"),
            Window(days=(7,), begin="01:15", end="03:10"),
        ),
        first="2023-02-03T04:05",
        last="2024-11-12T13:14",
    )
    compare(schedule, 0, MINUTES)


def test_none_is_always_open_and_only_moments_bound_it() -> None:
    assert compiled(Schedule())(us(START))
    bounded = compiled(Schedule(timezone="Asia/Tokyo", first="2026-05-01", last="2026-05-02T12:00"))
    assert not bounded(us(datetime(2026, 4, 30, 14, 59, 59, 999_999, UTC)))
    assert bounded(us(datetime(2026, 4, 30, 15, 0, 0, 0, UTC)))
    assert bounded(us(datetime(2026, 5, 2, 2, 59, 59, 999_999, UTC)))
    assert not bounded(us(datetime(2026, 5, 2, 3, 0, 0, 0, UTC)))


@pytest.mark.parametrize(
    ("schedule", "paths"),
    [
        (Schedule(), []),
        (Schedule(timezone="Mars/Olympus"), ["s.timezone"]),
        (Schedule(timezone="right/UTC"), ["s.timezone"]),
        (Schedule(windows=(Window(days=()),)), ["s.windows[0].days"]),
        (Schedule(windows=(Window(), Window(days=(0, 8)))), ["s.windows[1].days"]),
        (Schedule(windows=(Window(begin="24:00"),)), ["s.windows[0].begin"]),
        (Schedule(windows=(Window(begin="7:00", end="25:00"),)), ["s.windows[0].begin", "s.windows[0].end"]),
        (Schedule(windows=tuple([Window()] * 51)), ["s.windows"]),
        (Schedule(first="tomorrow"), ["s.first"]),
        (Schedule(first="2026-02-30"), ["s.first"]),
        (Schedule(last="2026-02-01T10:00+02:00"), ["s.last"]),
        (Schedule(last="9999-12-31"), ["s.last"]),
        (Schedule(first="2026-02-02", last="2026-02-02"), ["s.last"]),
    ],
)
def test_faults(schedule: Schedule, paths: list[str]) -> None:
    assert [problem.path for problem in check_schedule(schedule, "s")] == paths


def test_a_click_costs_one_call() -> None:
    is_open = compiled(Schedule(timezone="Europe/Berlin", windows=(Window(begin="08:00", end="20:00"),)))
    now = us(datetime(2026, 3, 29, 10, 0, tzinfo=UTC))
    is_open(now)
    calls: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: calls.update([event]))
    for step in range(10_000):
        is_open(now + step)
    sys.setprofile(None)
    assert calls["call"] == 10_000, "it goes by what it knew of this minute"
