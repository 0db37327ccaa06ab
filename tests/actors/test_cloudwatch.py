"""What CloudWatch is told: what was added, no ratio of nothing, every line once, what is dropped is said."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.cloudwatch import Line, LogFeed, LogTap, MetricsFeed, batches, samples
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable


class Metrics:
    def __init__(self) -> None:
        self.puts: list[list[tuple[str, float, str]]] = []
        self.away = False

    def put(self, samples: Sequence[tuple[str, float, str]]) -> None:
        if self.away:
            raise Unavailable("away")
        self.puts.append(list(samples))


class Streams:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.away = False

    def put(self, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        if self.away:
            raise Unavailable("away")
        self.lines += [(stream, text) for _, text in lines]


async def test_each_minute_says_what_was_added(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    figures, metrics = {"TotalRecordsProcessed": 10, "TotalRecordsFiltered": 4}, Metrics()
    await nursery.start(MetricsFeed(lambda: metrics, lambda: figures, inline_runner).run)
    await trio.sleep(61)
    figures["TotalRecordsProcessed"] = 15
    await trio.sleep(60)
    await trio.sleep(60)
    assert metrics.puts == [
        [("TotalRecordsProcessed", 10.0, "Count"), ("TotalRecordsFiltered", 4.0, "Count"),
         ("FilteringRatio", 40.0, "Percent")],
        [("TotalRecordsProcessed", 5.0, "Count"), ("TotalRecordsFiltered", 0.0, "Count"),
         ("FilteringRatio", 0.0, "Percent")],
        [("TotalRecordsProcessed", 0.0, "Count"), ("TotalRecordsFiltered", 0.0, "Count")],
    ]  # fmt: skip


async def test_what_could_not_be_sent_is_added_to_the_next(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    figures, metrics = {"FailedMessages": 1}, Metrics()
    feed = MetricsFeed(lambda: metrics, lambda: figures, inline_runner)
    metrics.away = True
    await nursery.start(feed.run)
    await trio.sleep(130)
    assert (metrics.puts, feed.last_error) == ([], "away")
    figures["FailedMessages"], metrics.away = 3, False
    await trio.sleep(60)
    assert (metrics.puts, feed.last_error) == ([[("FailedMessages", 3.0, "Count")]], "")


def test_nothing_to_divide_gives_no_ratio() -> None:
    assert samples({}, {"TotalRecordsProcessed": 0}) == [("TotalRecordsProcessed", 0.0, "Count")]


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
