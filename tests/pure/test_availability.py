"""Schedules, caps, health and alternatives: as values, and in decisions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.model.catalog import Campaign, Destination, Stream
from appliance.model.health import Health, Seen
from appliance.model.rules import Cap, Probe, Schedule, Target, Window
from appliance.model.table import CampaignEntry, DestinationEntry, StreamEntry
from appliance.routing.caps import Meter, check_caps, day, limit
from appliance.routing.compile import Draft, check_destination
from appliance.routing.decide import decide
from appliance.routing.draws import DRAW_BITS
from appliance.routing.probes import after, check_probe, verdict
from appliance.routing.state import State
from appliance.routing.table import RoutingTable
from appliance.routing.visit import Visit, read_query

SECOND = 1_000_000
HOUR = 3_600 * SECOND


def us(*when: int) -> int:
    return (datetime(*when, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


# Decisions


def table(destinations: list[Destination], targets: tuple[tuple[int, int], ...], draft=None) -> RoutingTable:
    draft = draft or Draft()
    aims = tuple(Target(destination_id=d, weight=w) for d, w in targets)
    draft.put(
        "campaign/1",
        [CampaignEntry(Campaign(id=1, slug="c")), StreamEntry(Stream(id=1, campaign_id=1, targets=aims))],
    )
    draft.put("destination/1", [DestinationEntry(each) for each in destinations])
    made = list(draft.build(1, 1))[-1]
    assert made is not None
    return made


def run(made: RoutingTable, closed=None, now_us: int = 0, draw: int = 0):
    visit = Visit("c", "c", "", read_query(""))
    visit.click_id = "CLICK"
    visit.read_tracking()
    return decide(made, made.by_slug["c"], visit, State(closed), draw, now_us)


def at(number: int, **more) -> Destination:
    return Destination(id=number, url=f"https://d{number}.example/?d={{destination_id}}", **more)


NIGHT = Schedule(windows=(Window(begin="22:00", end="06:00"),))


@pytest.mark.parametrize(
    ("closed", "hour", "chosen", "seen"),
    [
        ({}, 23, 1, ((1, "chosen", -1),)),
        ({}, 12, 2, ((2, "chosen", -1), (1, "schedule", -1))),
        ({1: "offer_cap_reached"}, 23, 2, ((2, "chosen", -1), (1, "offer_cap_reached", -1))),
        (
            {1: "offer_cap_reached", 2: "destination_unhealthy"},
            23,
            3,
            ((3, "chosen", -1), (2, "destination_unhealthy", -1), (1, "offer_cap_reached", -1)),
        ),
        (
            {1: "destination_unhealthy", 2: "destination_unhealthy", 3: "offer_cap_reached"},
            23,
            0,
            (
                (1, "destination_unhealthy", -1),
                (2, "destination_unhealthy", -1),
                (3, "offer_cap_reached", -1),
            ),
        ),
    ],
)  # fmt: skip
def test_a_closed_destination_is_replaced_by_the_first_open_one_of_its_chain(closed, hour, chosen, seen):
    chain = [at(1, schedule=NIGHT, alternative_id=2), at(2, alternative_id=3), at(3, alternative_id=1)]
    decision = run(table(chain, ((1, 100),)), closed, us(2026, 5, 4, hour))
    assert decision.destination_id == chosen == decision.sent_to
    assert decision.inputs.destinations == seen
    if chosen:
        assert decision.url == f"https://d{chosen}.example/?d={chosen}"


def test_a_disabled_destination_has_its_alternative_too_and_an_archived_one_ends_the_chain():
    off = at(1, status="paused", alternative_id=2)
    assert run(table([off, at(2)], ((1, 100),))).destination_id == 2
    gone = run(table([off], ((1, 100),)))
    assert gone.destination_id == 0 and gone.inputs.destinations == ((1, "destination_disabled", -1),)


def test_a_chain_is_bounded_and_a_change_of_an_alternative_is_compiled_again():
    chain = [at(n, alternative_id=n + 1) for n in range(1, 9)]
    closed = dict.fromkeys(range(1, 7), "offer_cap_reached")
    assert run(table(chain, ((1, 100),)), closed).destination_id == 0, "five alternatives, not six"
    del closed[6]
    assert run(table(chain, ((1, 100),)), closed).destination_id == 6
    draft = Draft()
    first = table([at(1, alternative_id=2), at(2), at(3)], ((1, 100),), draft)
    second = table([at(1, alternative_id=2), at(2, alternative_id=3), at(3)], ((1, 100),), draft)
    shut = {1: "offer_cap_reached", 2: "offer_cap_reached"}
    assert (run(first, shut).destination_id, run(second, shut).destination_id) == (0, 3)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5), st.data())
@settings(max_examples=40, deadline=None)
def test_a_stand_in_takes_exactly_the_share_of_the_one_it_replaces(weights, data):
    numbers = range(1, len(weights) + 1)
    made = table(
        [at(n, alternative_id=n + 100) for n in numbers] + [at(n + 100) for n in numbers],
        tuple(zip(numbers, weights, strict=True)),
    )
    shut = data.draw(st.sets(st.sampled_from(list(numbers)), min_size=1))
    total = sum(weights)
    draws = [(point * 2 + 1) * (1 << DRAW_BITS) // (2 * total) for point in range(total)]
    found = Counter(run(made, dict.fromkeys(shut, "offer_cap_reached"), draw=d).destination_id for d in draws)
    assert found == {n + 100 * (n in shut): w for n, w in zip(numbers, weights, strict=True)}


def test_a_table_names_its_destinations_with_caps_on_clicks():
    money = at(1, caps=(Cap(metric="cost", limit="5"),))
    clicks = at(2, caps=(Cap(metric="cost", limit="5"), Cap(metric="clicks", limit="5")))
    assert table([money, clicks, at(3)], ((1, 1),)).limited == {2}


# Caps


@pytest.mark.parametrize(
    ("metric", "text", "expected"),
    [("clicks", "100", 100), ("clicks", "0", 0), ("clicks", "1.5", None), ("conversions", "-1", None),
     ("cost", "12.5", 12_500_000), ("revenue", "0.000001", 1), ("revenue", "0.0000001", None),
     ("cost", "nan", None), ("cost", "1e3", 1_000_000_000), ("clicks", "", None), ("clicks", "1" * 31, None)],
)  # fmt: skip
def test_limits(metric, text, expected):
    assert limit(Cap(metric=metric, limit=text)) == expected


def test_faults_of_caps():
    bad = Cap(metric="clicks", limit="x", window_hours=745, timezone="Mars", currency="usd")
    assert [problem.path for problem in check_caps([bad])] == [
        "caps[0].limit", "caps[0].window_hours", "caps[0].timezone", "caps[0].currency",
    ]  # fmt: skip
    assert [problem.path for problem in check_caps([Cap(metric="clicks", limit="1")] * 9)] == ["caps"]
    entity = at(1, caps=(bad,), schedule=Schedule(timezone="x"), probe=Probe(every_s=1), alternative_id=1)
    paths = [problem.path for problem in check_destination(entity)]
    assert {"schedule.timezone", "caps[0].limit", "probe.every_s", "alternative_id"} <= set(paths)
    inside = Destination(id=1, url="/p/x", probe=Probe())
    assert [problem.path for problem in check_destination(inside)] == ["probe.url"]


@pytest.mark.parametrize(
    ("zone", "when", "hours"),
    [("Europe/Berlin", (2026, 3, 29, 12), 23), ("Europe/Berlin", (2026, 10, 25, 12), 25),
     ("Asia/Kathmandu", (2026, 3, 29, 12), 24), ("America/Asuncion", (2024, 10, 6, 12), 23)],
)  # fmt: skip
def test_a_day_is_as_long_as_it_is(zone, when, hours):
    begin, end = day(us(*when), zone)
    assert begin <= us(*when) < end and end - begin == hours * HOUR
    assert day(end, zone)[0] == end and day(begin, zone) == (begin, end) == day(end - 1, zone)


counted = st.lists(st.tuples(st.integers(0, 50 * 3600), st.integers(1, 5)), max_size=60)


@given(counted, st.sampled_from([1, 2, 24, 30]), st.lists(st.integers(0, 60 * 3600), min_size=1, max_size=20))
@settings(deadline=None)
def test_a_rolling_meter_never_shows_less_and_no_more_than_a_bucket_longer(events, hours, looks):
    meter = Meter(Cap(metric="clicks", limit="100", window_hours=hours))
    width = max(1, -(-hours // 24))
    queue = sorted(events)
    for look in sorted(looks):
        while queue and queue[0][0] <= look:
            second, amount = queue.pop(0)
            meter.add(second * SECOND + 7, amount)
        past = [e for e in events if e[0] <= look]
        now = look * SECOND + 999_999
        exact = sum(n for s, n in past if s * SECOND + 7 > now - hours * HOUR)
        longest = sum(n for s, n in past if s * SECOND + 7 > now - hours * HOUR - (width + 1) * SECOND)
        assert exact <= meter.used(now) <= longest
        assert meter.left(now) == max(0, 100 - meter.used(now))


@given(st.permutations([(0, 3), (1, 5), (3599, 7), (3600, 11), (1800, 13), (1, 2)]))
def test_events_may_come_in_any_order(events):
    meter = Meter(Cap(metric="clicks", limit="9", window_hours=1))
    for second, amount in events:
        meter.add(second * SECOND, amount)
    assert meter.used(3600 * SECOND) == 41
    assert meter.used(3601 * SECOND) == 38 and meter.used(3602 * SECOND) == 31
    assert meter.used(7201 * SECOND) == 0


def test_a_days_meter_begins_again_at_its_midnight_and_takes_back_what_was_reversed():
    meter = Meter(Cap(metric="revenue", limit="10", timezone="America/New_York"))
    meter.add(us(2026, 5, 4, 3, 59), 9)  # still the 3rd there
    meter.add(us(2026, 5, 4, 4), 10_000_000)
    assert meter.used(us(2026, 5, 4, 12)) == 10_000_000 and meter.left(us(2026, 5, 4, 12)) == 0
    meter.add(us(2026, 5, 4, 4), -4_000_000)
    assert meter.left(us(2026, 5, 5, 3, 59)) == 4_000_000
    assert meter.left(us(2026, 5, 5, 4)) == 10_000_000


# Health


@pytest.mark.parametrize(
    ("probe", "status", "body", "well"),
    [(Probe(), 200, b"", True), (Probe(), 399, b"", True), (Probe(), 400, b"", False),
     (Probe(statuses=(404,)), 404, b"", True), (Probe(statuses=(404,)), 200, b"", False),
     (Probe(contains="günstig"), 200, "sehr günstig".encode(), True), (Probe(contains="x"), 200, b"y", False),
     (Probe(contains="z"), 200, b"y" * 65536 + b"z", False)],
)  # fmt: skip
def test_what_an_answer_means(probe, status, body, well):
    assert (verdict(probe, status, body) == "") is well


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_health_changes_after_so_many_in_a_row_and_the_first_probe_decides_of_an_unknown_one(seen, down, up):
    probe = Probe(down_after=down, up_after=up)
    health = Health(destination_id=1)
    for index, well in enumerate(seen):
        before = health
        health = after(health, probe, Seen(at_us=index, error="" if well else "no"))
        if index == 0:
            assert health.state == ("healthy" if well else "unhealthy")
        elif health.state != before.state:
            need, last = (up, True) if health.state == "healthy" else (down, False)
            assert seen[index + 1 - need : index + 1] == [last] * need and health.since_us == index
        else:
            need, last = (up, True) if health.state == "unhealthy" else (down, False)
            assert seen[max(0, index + 1 - need) : index + 1] != [last] * need


@pytest.mark.parametrize(
    ("probe", "paths"),
    [(Probe(), []), (Probe(url="ftp://x"), ["p.url"]), (Probe(url="http://x/{a}"), ["p.url"]),
     (Probe(every_s=4, timeout_s=0), ["p.every_s", "p.timeout_s"]), (Probe(statuses=(99,)), ["p.statuses"]),
     (Probe(method="HEAD", contains="x"), ["p.contains"]),
     (Probe(down_after=0, up_after=101), ["p.down_after", "p.up_after"])],
)  # fmt: skip
def test_faults_of_probes(probe, paths):
    assert [problem.path for problem in check_probe(probe, "p")] == paths
