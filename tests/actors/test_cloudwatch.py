"""What CloudWatch is told: what was added, no ratio of nothing, every line once, what is dropped is said."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from appliance.actors.cloudwatch import (
    Figures,
    Line,
    LogFeed,
    LogTap,
    MetricsFeed,
    Sample,
    batches,
    figures_of,
    requests,
    samples,
)
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable
from appliance.model.interpreted import IntakeReport, InterpreterReport
from appliance.model.platforms import AccountReport
from appliance.model.status import QUERY_BOUNDS, QueryReport, QueueReport, RecentReport
from tests.pure.test_picture import BEFORE as STATUS


class Metrics:
    def __init__(self) -> None:
        self.puts: list[list[Sample]] = []
        self.away = False
        self.takes = 1_000_000
        """Requests, and no more."""

    def put(self, samples: Sequence[Sample]) -> None:
        if self.away or len(self.puts) >= self.takes:
            raise Unavailable("away")
        self.puts.append(list(samples))


def counted(**counters: float) -> Figures:
    return Figures(counters, {}, [])


def count(name: str, value: float) -> Sample:
    return Sample(name, value, "Count")


class Streams:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.away = False

    def put(self, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        if self.away:
            raise Unavailable("away")
        self.lines += [(stream, text) for _, text in lines]


async def test_each_minute_says_what_was_added(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    now, metrics = {"TotalRecordsProcessed": 10, "TotalRecordsFiltered": 4}, Metrics()
    await nursery.start(MetricsFeed(lambda: metrics, lambda: counted(**now), inline_runner).run)
    await trio.sleep(61)
    now["TotalRecordsProcessed"] = 15
    await trio.sleep(60)
    await trio.sleep(60)
    assert metrics.puts == [
        [count("TotalRecordsProcessed", 10.0), count("TotalRecordsFiltered", 4.0),
         Sample("FilteringRatio", 40.0, "Percent")],
        [count("TotalRecordsProcessed", 5.0), count("TotalRecordsFiltered", 0.0),
         Sample("FilteringRatio", 0.0, "Percent")],
        [count("TotalRecordsProcessed", 0.0), count("TotalRecordsFiltered", 0.0)],
    ]  # fmt: skip


async def test_what_could_not_be_sent_is_added_to_the_next(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    now, metrics = {"FailedMessages": 1}, Metrics()
    feed = MetricsFeed(lambda: metrics, lambda: counted(**now), inline_runner)
    metrics.away = True
    await nursery.start(feed.run)
    await trio.sleep(130)
    assert (metrics.puts, feed.last_error) == ([], "away")
    now["FailedMessages"], metrics.away = 3, False
    await trio.sleep(60)
    assert (metrics.puts, feed.last_error) == ([[count("FailedMessages", 3.0)]], "")


async def test_a_count_that_arrived_is_not_sent_again_with_what_did_not(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    gauges = [Sample("QueueDepth", 1.0, "Count", (("Queue", str(number)),)) for number in range(1_500)]
    metrics = Metrics()
    feed = MetricsFeed(lambda: metrics, lambda: Figures({"FailedMessages": 7}, {}, gauges), inline_runner)
    metrics.takes = 1
    await nursery.start(feed.run)
    await trio.sleep(61)
    assert (metrics.puts[0][0], feed.last_error) == (count("FailedMessages", 7.0), "away")
    metrics.takes = 3
    await trio.sleep(60)
    assert metrics.puts[1][0] == count("FailedMessages", 0.0)
    assert [len(put) for put in metrics.puts] == [1_000, 1_000, 501]


def test_nothing_to_divide_gives_no_ratio() -> None:
    assert samples(Figures(), counted(TotalRecordsProcessed=0)) == [count("TotalRecordsProcessed", 0.0)]
    still = Figures({}, {"report": (1.5, 3)}, [])
    assert samples(still, still) == []
    assert samples(Figures(), Figures({}, {"report": (0.0, 0)}, [])) == []


def test_statements_have_the_mean_of_what_was_added() -> None:
    before, now = (
        Figures({}, {"report": (1.5, 3)}, []),
        Figures({}, {"report": (2.5, 5), "insert": (1.0, 4)}, []),
    )
    assert samples(before, now) == [
        Sample("QueryDuration", 0.5, "Seconds", (("Kind", "report"),)),
        Sample("QueryDuration", 0.25, "Seconds", (("Kind", "insert"),)),
    ]


def account(**changed: Any) -> AccountReport:
    return AccountReport(
        **{
            "target": "account:3",
            "account_id": 3,
            "name": "a",
            "platform": "meta",
            "state": "sending",
            **changed,
        }
    )


def test_it_is_told_the_same_as_metrics() -> None:
    minute_us = 60_000_000
    status = msgspec.structs.replace(
        STATUS,
        at_us=10 * minute_us,
        recent=RecentReport(conversions_per_minute=2.5, error_ratios={"account:3": 0.25}),
        queues=(
            QueueReport(name="postback:5", depth=4, oldest_us=9 * minute_us),
            QueueReport(name="q", depth=0),
        ),
        intakes=(
            IntakeReport(
                name="trigger", kind="sqs", batches=3, failed=1, waiting=7, oldest_us=8 * minute_us
            ),
        ),
        interpreter=InterpreterReport(processed=10, passed=4),
        queries=(QueryReport(kind="report", count=2, seconds=0.5, buckets=(0,) * len(QUERY_BOUNDS)),),
        accounts=(
            account(
                answers={"accepted": 3, "refused": 1}, queued=2, oldest_us=9 * minute_us,
                accepted=8, refused=2, refused_by={"Trop ancien: é\n": 2},
            ),
            account(target="account:4", account_id=4),
        ),
    )  # fmt: skip
    found = figures_of(status)
    assert found.counters == {
        "TotalRecordsProcessed": 10, "TotalRecordsFiltered": 4, "ProcessedMessages": 3, "FailedMessages": 1,
    }  # fmt: skip
    assert found.durations == {"report": (0.5, 2)}
    of_account = (("Account", "3"), ("Platform", "meta"))
    told = {(it.name, *it.dimensions): (it.value, it.unit) for it in found.gauges}
    assert (
        told.items()
        >= {
            ("ConversionsPerMinute",): (2.5, "Count"),
            ("RecentErrorRatio", ("Of", "account:3")): (0.25, "None"),
            ("PlatformSuccessRatio", *of_account): (0.75, "None"),
            ("PlatformQueued", *of_account): (2, "Count"),
            ("PlatformOldest", *of_account): (60.0, "Seconds"),
            ("QueueDepth", ("Queue", "postback:5")): (4, "Count"),
            ("QueueOldest", ("Queue", "postback:5")): (60.0, "Seconds"),
            ("QueueDepth", ("Queue", "q")): (0, "Count"),
            ("IntakeWaiting", ("Intake", "trigger")): (7, "Count"),
            ("IntakeOldest", ("Intake", "trigger")): (120.0, "Seconds"),
            ("ErrorRatio", ("Of", "account:3"), ("Label", "Trop ancien: é\n")): (0.2, "None"),
        }.items()
    )
    absent = {
        ("QueueOldest", ("Queue", "q")),
        ("PlatformSuccessRatio", ("Account", "4"), ("Platform", "meta")),
    }
    assert not absent & told.keys()
    quiet = figures_of(STATUS)
    assert (quiet.gauges, quiet.durations) == ([], {})


@given(
    st.lists(
        st.tuples(st.floats(), st.lists(st.tuples(st.text(), st.text(max_size=3_000)), max_size=40)),
        max_size=20,
    ),
    st.integers(0, 3_000),
)
@settings(max_examples=50, deadline=None)
def test_a_request_is_within_what_cloudwatch_takes(
    odd: list[tuple[float, list[tuple[str, str]]]], more: int
) -> None:
    usual = [Sample("QueueDepth", 1.0, "Count", (("Queue", str(number) * 50),)) for number in range(more)]
    given_ = [Sample("m", value, "None", tuple(dims)) for value, dims in odd] + usual
    made = requests(given_)
    kept = [each for request in made for each in request]
    assert [each.name for each in kept] == [each.name for each in given_ if math.isfinite(each.value)]
    for request in made:
        assert 0 < len(request) <= 1_000
        assert sum(len(name) + len(value) for it in request for name, value in it.dimensions) < 1_000_000
    for each in kept:
        assert len(each.dimensions) <= 30
        for name, value in each.dimensions:
            assert 1 <= len(name) <= 255 and 1 <= len(value) <= 1_024
            assert value.isascii() and value.isprintable() and value.strip()


@pytest.fixture
def tap() -> Iterator[LogTap]:
    """On a logger of its own, of five lines at most."""
    logger, made = logging.getLogger("weir.test_cloudwatch"), LogTap(lambda name: f"of {name}", most=5)
    logger.addHandler(made)
    logger.setLevel("INFO")
    yield made
    logger.removeHandler(made)


def say(*texts: str) -> None:
    for text in texts:
        logging.getLogger("weir.test_cloudwatch").info(text)


async def test_lines_arrive_once_also_after_an_outage(
    autojump_clock: MockClock, nursery: trio.Nursery, tap: LogTap
) -> None:
    streams = Streams()
    await nursery.start(LogFeed(lambda: streams, tap, inline_runner).run)
    say("one", "two")
    await trio.sleep(3)
    streams.away = True
    say("three")
    await trio.sleep(300)
    say("four")
    streams.away = False
    await trio.sleep(200)
    stream = "of weir.test_cloudwatch"
    assert streams.lines == [(stream, each) for each in ("one", "two", "three", "four")]


def test_too_many_lines_lose_the_oldest_and_that_is_counted(tap: LogTap) -> None:
    say(*map(str, range(12)))
    lines, dropped = tap.take()
    assert ([line.text for line in lines], dropped) == (["7", "8", "9", "10", "11"], 7)
    assert tap.take() == ([], 0)


def test_a_line_that_cannot_be_formatted_stops_nobody(tap: LogTap) -> None:
    tap.handle(logging.LogRecord("weir.test_cloudwatch", logging.INFO, "", 0, "%d", ("no number",), None))
    say("after")
    assert [line.text for line in tap.take()[0]] == ["after"]


def test_batches_are_what_cloudwatch_takes() -> None:
    hour = 3_600_000
    lines = [Line("a", 2, "x" * 600_000), Line("b", 1, "y"), Line("a", 3, "z" * 600_000), Line("a", 1, "w"),
             Line("b", 25 * hour, "v")]  # fmt: skip
    made = [[(line.stream, line.text[0]) for line in batch] for batch in batches(lines)]
    assert made == [[("b", "y")], [("a", "w"), ("a", "x")], [("a", "z")], [("b", "v")]]
    many = batches([Line("a", at, "t") for at in range(25_000)])
    assert [len(each) for each in many] == [10_000, 10_000, 5_000]
    assert batches([]) == []
