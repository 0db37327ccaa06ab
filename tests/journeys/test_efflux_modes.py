"""The founding document's own test modes, by their names: `node tests/testMongoDb.js MODE` checks what is
taken for new, `node tests/testProductionPipeline.js MODE` the way from a queue's message to a report.

Nothing is sent: accounts report for nobody until their dry run is switched off, and what would have been
reported stands in the deliveries.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.journeys.board import Board, running
from tests.platforms.account import CAMPAIGN, Account, Told, told
from tests.platforms.ways import document
from tests.rig import wait_for

_numbers = itertools.count(1)


def conversions(count: int, **changes: Any) -> list[dict[str, Any]]:
    """New ones, each of its own session and keyword."""
    now_us = time.time_ns() // 1_000
    return [document(next(_numbers), now_us, **changes) for _ in range(count)]


def existing(board: Board, count: int) -> list[dict[str, Any]]:
    """New ones that are reported already."""
    made = conversions(count)
    assert take(board, made)["reports"] == count
    return made


def take(board: Board, events: list[dict[str, Any]]) -> dict[str, Any]:
    # The same text counts once: what else is in it makes it another.
    text = json.dumps([{**each, "serp": next(_numbers)} for each in events])
    found: dict[str, Any] = board.call("events.import", text=text)
    return found


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with running(tmp_path_factory.mktemp("modes")) as found:
        Account(found, "http://127.0.0.1:9", dry_run=True).subscribe()
        yield found


def recorded(board: Board, event: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = board.call("events.list", session_id=event["session_id"])["items"]
    return items


# testMongoDb.js


def test_single(board: Board) -> None:
    (event,) = conversions(1)
    taken = take(board, [event])
    assert (taken["read"], taken["kept"], taken["reports"]) == (1, 1, 1)
    (item,) = wait_for("the event is recorded", lambda: recorded(board, event))
    assert (item["valid"], item["reported_conversions"], float(item["reported_amount"])) == (1, 1, 1.25)
    assert (item["network"], item["campaign_id"], item["address"]) == (
        event["network"], CAMPAIGN, event["ip"].rpartition(".")[0] + ".0",
    )  # fmt: skip


def test_multiple(board: Board) -> None:
    assert take(board, conversions(7))["reports"] == 7


def test_single_exists(board: Board) -> None:
    taken = take(board, existing(board, 1))
    assert (taken["unchanged"], taken["reports"], taken["labels"]) == (1, 0, {})


def test_multiple_one_exists(board: Board) -> None:
    taken = take(board, [*existing(board, 1), *conversions(4)])
    assert (taken["unchanged"], taken["reports"]) == (1, 4)


def test_multiple_all_exists(board: Board) -> None:
    taken = take(board, existing(board, 5))
    assert (taken["unchanged"], taken["reports"]) == (5, 0)


def test_error(board: Board) -> None:
    """What is no event is named, and the others are taken; what is no document at all is refused."""
    good = conversions(1)
    taken = take(board, [{"keyword_clicked": "no session"}, *good])
    assert (taken["read"], taken["reports"]) == (1, 1)
    assert [(each["line"], each["field"]) for each in taken["refused"]] == [(1, "session_id")]
    with pytest.raises(AssertionError, match=r"refused.*its array is no JSON"):
        board.call("events.import", text="[{]")


def test_what_failed_once_is_reported_when_it_is_right(board: Board) -> None:
    """The founding document's program never sent what had failed once, nor recorded that it had succeeded."""
    (event,) = conversions(1)
    assert take(board, [{**event, "ts_click_id": ""}])["labels"] == {"Missing traffic source click id": 1}
    assert take(board, [event])["reports"] == 1
    items = wait_for(
        "both are recorded", lambda: found if len(found := recorded(board, event)) == 2 else None
    )
    assert sorted(item["valid"] for item in items) == [0, 1]


def test_an_event_and_its_reports_are_shown_together(board: Board) -> None:
    (event,) = conversions(1)
    take(board, [event])
    (item,) = wait_for("the event is recorded", lambda: recorded(board, event))

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = board.call("events.get", id=item["id"])
        return found if all(each["state"] != "pending" for each in found["deliveries"]) else None

    whole = wait_for("its reports come to an end", ended)
    (delivery,) = whole["deliveries"]
    assert (delivery["state"], delivery["reason"]) == ("cancelled", "dry run: nothing was sent")
    (attempt,) = delivery["attempts"]
    assert event["ip"] not in attempt["request"] and "Purchase" in attempt["request"]
    assert [revision["revision"] for revision in whole["revisions"]] == [1]


def test_the_summary_adds_up(board: Board) -> None:
    campaign = f"sum-{next(_numbers)}"
    board.call("subscriptions.create", name=board.name("wanted-"), campaign_id=campaign)
    events = conversions(3, campaign_id=campaign)
    take(board, events)
    take(board, [{**events[0], "revenue": 2.5}, {**events[1], "pixel_id": "nobody's"}])

    def summed() -> dict[str, Any] | None:
        lines = board.call("events.summary", group_by="invalid_reason", campaign_id=campaign)["items"]
        return {line["value"]: line for line in lines} if sum(line["rows"] for line in lines) == 5 else None

    found = wait_for("all rows are there", summed)
    assert {label: (line["events"], line["conversions"], float(line["amount"]))
            for label, line in found.items()} == {
        "": (3, 3, 5.0), "Invalid pixel": (1, 0, 0.0),
    }  # fmt: skip


# testProductionPipeline.js


class Pipeline:
    """A Weir that reads both queues of a moto server."""

    def __init__(self, board: Board, cloud: Any) -> None:
        self.board, self.cloud = board, cloud
        self.account = Account(board, "http://127.0.0.1:9", dry_run=True)
        self.account.subscribe()
        cloud.subscribe(CAMPAIGN)

    def put(self, events: list[dict[str, Any]]) -> None:
        name = f"2025-02-01T13:00:00.{next(_numbers):03}Z.json"
        self.cloud.put(f"networks/airfind/Airfind-Job/Main/2025-02-01/13/{name}", json.dumps(events).encode())

    def reports(self, events: list[dict[str, Any]]) -> list[Told]:
        clicks = {each["ts_click_id"] for each in events}
        found = told(self.board.weir.data, self.account.target)
        return [each for each in found if each.report.click_ids["fbclid"] in clicks]

    def until(self, events: list[dict[str, Any]], ready: Callable[[list[Told]], bool]) -> list[Told]:
        def look() -> list[Told] | None:
            found = self.reports(events)
            return found if ready(found) else None

        found: list[Told] = wait_for("the events are reported", look)
        return found

    def drained(self) -> None:
        """Nothing is left in either queue."""
        queues = (self.cloud.trigger, self.cloud.report)
        wait_for("the queues are empty", lambda: not any(self.cloud.left(each.url) for each in queues))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    pytest.importorskip("moto", reason="moto plays Amazon: pip install -e '.[dev]'")
    from tests.journeys.efflux_cloud import Cloud

    with Cloud() as cloud, running(tmp_path_factory.mktemp("pipeline"), **cloud.settings()) as board:
        yield Pipeline(board, cloud)


def worth(found: list[Told]) -> float:
    return sum(each.report.value or 0 for each in found) / 1_000_000


@pytest.mark.slow
def test_mock_sqs_message(pipeline: Pipeline) -> None:
    events = conversions(1)
    pipeline.put(events)
    (one,) = pipeline.until(events, bool)
    assert (one.report.event_name, worth([one])) == ("Purchase", 1.25)


@pytest.mark.slow
def test_mock_sqs_message_with_multiple_conversions(pipeline: Pipeline) -> None:
    events = conversions(25)
    pipeline.put(events)
    found = pipeline.until(events, lambda found: len(found) >= 25)
    assert Counter(each.report.click_ids["fbclid"] for each in found).most_common(1)[0][1] == 1


@pytest.mark.slow
def test_mock_sqs_message_with_multiple_updates(pipeline: Pipeline) -> None:
    """The same conversions again and again, worth more each time: what is reported adds up to the last."""
    events = conversions(5)
    for conversions_, revenue in ((1, 1.0), (2, 1.5), (2, 4.0)):
        pipeline.put([{**each, "conversions": conversions_, "revenue": revenue} for each in events])
        pipeline.until(events, lambda found, revenue=revenue: worth(found) == pytest.approx(5 * revenue))
    pipeline.drained()
    found = pipeline.reports(events)
    assert worth(found) == pytest.approx(20.0)
    assert len({each.report.event_id for each in found}) == len(found)


@pytest.mark.slow
def test_mt4(pipeline: Pipeline) -> None:
    """Four messages at once, one of them with what another has too."""
    batches = [conversions(3) for _ in range(4)]
    batches[3].append(batches[0][0])
    for batch in batches:
        pipeline.put(batch)
    events = [each for batch in batches for each in batch]
    pipeline.until(events, lambda found: len(found) >= 12)
    pipeline.drained()
    assert len(pipeline.reports(events)) == 12


@pytest.mark.slow
def test_produce_test_data_with_update(pipeline: Pipeline) -> None:
    events = conversions(2)
    pipeline.put(events)
    pipeline.until(events, lambda found: len(found) == 2)
    pipeline.put([{**events[0], "conversions": 2, "revenue": 2.0}, events[1]])
    found = pipeline.until(events, lambda found: len(found) >= 3)
    pipeline.drained()
    assert len(pipeline.reports(events)) == 3
    assert worth(found) == pytest.approx(1.25 + 2.0)


@pytest.mark.slow
def test_produce_test_data_no_update(pipeline: Pipeline) -> None:
    events = conversions(2)
    pipeline.put(events)
    pipeline.until(events, lambda found: len(found) == 2)
    pipeline.put(events)
    pipeline.drained()
    assert len(pipeline.reports(events)) == 2


@pytest.mark.slow
def test_error_of_the_pipeline(pipeline: Pipeline) -> None:
    """A message that says nothing of an object is a dead letter; the next one is taken all the same."""
    before = pipeline.cloud.left(pipeline.cloud.trigger.dead_url)
    pipeline.cloud.say(pipeline.cloud.trigger, "this is no JSON")
    events = conversions(1)
    pipeline.put(events)
    pipeline.until(events, bool)
    wait_for("the dead letter", lambda: pipeline.cloud.left(pipeline.cloud.trigger.dead_url) == before + 1)
