"""Every defect that the founding document's own program is known to have, as a test that Weir has it not.

One Weir consumes both queues of a moto server and takes events at its own door; Meta is the double. Each test
has events of its own, told apart by their numbers.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto plays Amazon: pip install -e '.[dev]'")

from tests.journeys.board import Board, running
from tests.journeys.efflux_cloud import Cloud, record
from tests.platforms.account import CAMPAIGN, Account, Told, told
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode, number_of
from tests.rig import wait_for

pytestmark = pytest.mark.slow
TOKEN = "EAAB-the-token-of-the-account"
MAIN = "networks/tonic/Tonic-Job/Main/2025-02-01/13/"


class Efflux:
    """The Weir, the account, and the clouds around it."""

    def __init__(self, board: Board, cloud: Cloud, meta: MetaProcess) -> None:
        self.board, self.cloud, self.meta = board, cloud, meta
        self.account = Account(board, meta.url, token=TOKEN)
        self.account.subscribe()
        cloud.subscribe(CAMPAIGN)
        self._numbers = itertools.count(1)
        self._objects = itertools.count(1)

    def events(self, count: int = 1, **changes: Any) -> list[dict[str, Any]]:
        """New ones; `number` of each is in its click id."""
        now_us = time.time_ns() // 1_000
        return [document(next(self._numbers), now_us, **changes) for _ in range(count)]

    def key(self, name: str = "") -> str:
        return f"{MAIN}{name or f'2025-02-01T13:00:00.{next(self._objects):03}Z'}.json"

    def put(self, events: list[dict[str, Any]], key: str = "") -> str:
        key = key or self.key()
        self.cloud.put(key, json.dumps(events).encode())
        return key

    def send(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        return self.account.send([encode(each) for each in events])

    def told(self, events: list[dict[str, Any]]) -> list[Told]:
        """Deliveries of these events."""
        numbers = {number_of(each["ts_click_id"]) for each in events}
        return [
            each
            for each in told(self.board.weir.data, self.account.target)
            if number_of(each.report.click_ids["fbclid"]) in numbers
        ]

    def ended(self, events: list[dict[str, Any]], each: int = 1) -> list[Told]:
        """Their deliveries, so many of each, once all of them have come to an end."""

        def look() -> list[Told] | None:
            found = self.told(events)
            whole = len(found) >= each * len(events)
            return found if whole and all(it.state != "pending" for it in found) else None

        found: list[Told] = wait_for("the events are reported", look)
        return found

    def heard(self, found: list[Told]) -> list[dict[str, Any]]:
        """Meta's requests in which these were."""
        wanted = {each.report.event_id for each in found}
        return [line for line in self.meta.heard() if wanted & {event_id for _, event_id in line["events"]}]

    def taken(self, found: list[Told]) -> list[dict[str, Any]]:
        """The documents of these that Meta took."""
        wanted = {each.report.event_id for each in found}
        return [
            each
            for line in self.meta.heard()
            for each in line.get("documents", ())
            if each["event_id"] in wanted
        ]

    def counted(self, found: list[Told]) -> list[int]:
        """How often Meta counted each."""
        counted = self.meta.figures().counted
        return [counted[each.report.event_name, each.report.event_id] for each in found]

    def attempts(self, one: Told) -> list[dict[str, Any]]:
        items = self.board.call("deliveries.list", limit=1000, targets=[self.account.target])["items"]
        (named,) = (item["id"] for item in items if item["number"] == one.number)
        attempts: list[dict[str, Any]] = self.board.call("deliveries.get", id=named)["attempts"]
        return attempts


@pytest.fixture(scope="module")
def efflux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Efflux]:
    home = tmp_path_factory.mktemp("efflux")
    with (
        Cloud() as cloud,
        MetaProcess(home / "meta", token=TOKEN, keep=True) as meta,
        running(home, WEIR_OUTBOUND__ALLOW="127.0.0.0/8", **cloud.settings()) as board,
    ):
        yield Efflux(board, cloud, meta)


# What is sent


def test_a_retry_has_the_same_event_id(efflux: Efflux) -> None:
    """Its ids were random: whatever was repeated was counted twice."""
    efflux.meta.change(faults=["html"])
    events = efflux.events(3)
    efflux.send(events)
    found = efflux.ended(events)
    assert [each.state for each in found] == ["delivered"] * 3
    assert efflux.counted(found) == [1, 1, 1]
    asked = Counter(event_id for line in efflux.heard(found) for _, event_id in line["events"])
    assert max(asked.values()) >= 2, "the page was an answer to none of them"
    assert len({each.report.event_id for each in found}) == 3


def test_a_browsers_id_is_never_invented(efflux: Efflux) -> None:
    """It sent a random `fbp`, which is another person each time."""
    events = efflux.events()
    efflux.send(events)
    (event,) = efflux.taken(efflux.ended(events))
    who = event["user_data"]
    assert "fbp" not in who
    at_ms = events[0]["click_timestamp"] * 1_000
    assert who["fbc"] == f"fb.1.{at_ms}.{events[0]['ts_click_id']}"
    assert who["client_ip_address"] == events[0]["ip"]


def test_what_was_earned_late_is_not_reported_at_the_time_of_the_click(efflux: Efflux) -> None:
    """It sent the click's time, so that fresh conversions of old clicks fell out of the window."""
    now = int(time.time())
    hour = now - now % 3_600 - 3_600
    events = efflux.events(
        click_timestamp=now - 7 * 86_400 + 7_200,
        date_hour=datetime.fromtimestamp(hour, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    efflux.send(events)
    (event,) = efflux.taken(efflux.ended(events))
    assert event["event_time"] == hour


def test_its_events_are_metas_standard_ones(efflux: Efflux) -> None:
    """`Page View` and `View content` are nobody's standard events."""
    events = efflux.events(network="tonic", conversions=2, revenue=3.0)
    efflux.send(events)
    found = efflux.ended(events, each=4)
    assert Counter(each["event_name"] for each in efflux.taken(found)) == {
        "PageView": 1, "ViewContent": 1, "Purchase": 2
    }  # fmt: skip


def test_a_value_is_a_number(efflux: Efflux) -> None:
    """It was a text."""
    events = efflux.events(conversions=3, revenue=1.0)
    efflux.send(events)
    values = [each["custom_data"]["value"] for each in efflux.taken(efflux.ended(events, each=3))]
    assert all(isinstance(value, float) for value in values)
    assert round(sum(values), 6) == 1.0


# What comes back


def test_one_bad_event_costs_nobody_else(efflux: Efflux) -> None:
    """A refused batch of a thousand was a thousand failures."""
    events = efflux.events(30)
    events[17]["ts_click_id"] = f"guilty2804036x{number_of(events[17]['ts_click_id'])}"
    efflux.send(events)
    found = efflux.ended(events)
    assert Counter((each.state, each.reason) for each in found) == {
        ("delivered", ""): 29, ("dead", "Invalid lead id"): 1
    }  # fmt: skip
    assert sum(efflux.counted(found)) == 29


def test_what_failed_is_tried_again(efflux: Efflux) -> None:
    """What was not reported stayed so for ever."""
    efflux.meta.change(faults=[[500, 2, 0], "empty"])
    events = efflux.events(2)
    efflux.send(events)
    found = efflux.ended(events)
    assert [each.state for each in found] == ["delivered", "delivered"]
    assert efflux.counted(found) == [1, 1]
    verdicts = [line["verdict"] for line in efflux.heard(found)]
    assert verdicts[:2] == ["turned away", "turned away"] and "taken" in verdicts[2:], verdicts


def test_fewer_received_than_sent_is_noticed(efflux: Efflux) -> None:
    """It took every 200 for a success."""
    efflux.meta.change(unsaid=1)
    events = efflux.events(2)
    efflux.send(events)
    found = efflux.ended(events)
    said = [attempt["error"] for attempt in efflux.attempts(found[0])]
    assert any("Fewer events received than sent" in error for error in said), said


def test_a_request_never_has_more_than_a_thousand_events(efflux: Efflux) -> None:
    """Sedo's fan-out was counted as none, and made requests that are too large."""
    events = efflux.events(400, network="sedo")
    efflux.send(events)
    found = efflux.ended(events, each=3)
    assert len(found) == 1_200
    assert {each.state for each in found} == {"delivered"}
    sizes = [len(line["events"]) for line in efflux.heard(found)]
    assert max(sizes) <= 1_000
    assert all(each == 1 for each in efflux.counted(found))


# What is the same, and what is not


def test_the_same_twice_in_one_batch_is_one(efflux: Efflux) -> None:
    """Nothing was unique inside a batch."""
    (event,) = events = efflux.events()
    efflux.send([event, event, dict(event)])
    efflux.put([event, event])
    after = efflux.events()
    efflux.put(after)
    efflux.ended(after)
    found = efflux.ended(events)
    assert len(found) == 1
    assert efflux.counted(found) == [1]


def test_a_success_after_a_failure_is_remembered(efflux: Efflux) -> None:
    """It was not recorded, and sent again with every redelivery."""
    (event,) = events = efflux.events()
    efflux.send([event | {"pixel_id": "not yet known"}])
    for _ in range(3):
        efflux.send([event])
    after = efflux.events()
    efflux.send(after)
    efflux.ended(after)
    found = efflux.ended(events)
    assert len(found) == 1
    assert efflux.counted(found) == [1]


# The queues


def test_every_record_of_a_message_is_taken(efflux: Efflux) -> None:
    """It read `Records[0]`."""
    cloud, silent = efflux.cloud, "a-bucket-that-announces-nothing"
    cloud.s3.create_bucket(Bucket=silent)
    several = [efflux.events(2) for _ in range(3)]
    keys = [efflux.key() for _ in several]
    for key, events in zip(keys, several, strict=True):
        cloud.put(key, json.dumps(events).encode(), silent)
    cloud.say(cloud.trigger, {"Records": [record(key, silent) for key in keys]})
    found = efflux.ended(list(itertools.chain(*several)))
    assert len(found) == 6
    assert efflux.counted(found) == [1] * 6


def test_a_test_event_is_nothing(efflux: Efflux) -> None:
    """`s3:TestEvent`, which has no records, ended among the dead letters. S3 says it at once."""
    events = efflux.events()
    efflux.put(events)
    efflux.ended(events)
    wait_for("the queue is empty", lambda: efflux.cloud.left(efflux.cloud.trigger.url) == 0)
    assert not [text for text in efflux.cloud.dead(efflux.cloud.trigger) if "TestEvent" in text]
    assert not efflux.cloud.dead(efflux.cloud.report)


def test_a_key_may_have_a_space_and_a_plus(efflux: Efflux) -> None:
    """A plus was not taken for the space that it is."""
    events = efflux.events(2)
    efflux.put(events, efflux.key("Main + Co/2025-02-01T13:00:00.900Z ü"))
    found = efflux.ended(events)
    assert efflux.counted(found) == [1, 1]


def test_an_object_that_cannot_be_read_is_a_dead_letter_and_nothing_else_is(efflux: Efflux) -> None:
    """A failed read was no data, then a TypeError, and the others of its batch waited with it."""
    gone, events = efflux.key("gone"), efflux.events(2)
    efflux.cloud.say(efflux.cloud.trigger, {"Records": [record(gone)]})
    efflux.put(events)
    assert efflux.counted(efflux.ended(events)) == [1, 1]
    wait_for("the dead letter", lambda: efflux.cloud.dead(efflux.cloud.trigger)[gone] == 1)


def test_a_table_of_any_size_is_asked(efflux: Efflux) -> None:
    """It scanned the first page of the table, a megabyte."""
    many = [f"{number:05}-{'x' * 1_900}" for number in range(600)]
    last = "zzz-the-last-campaign"
    efflux.cloud.subscribe(*many, last)
    events = efflux.events(campaign_id=last) + efflux.events(campaign_id=many[599])
    efflux.put(events)
    assert efflux.counted(efflux.ended(events)) == [1, 1]


# What is kept


def test_a_batch_that_was_partly_taken_is_taken_to_its_end(efflux: Efflux) -> None:
    """What had become of a batch that failed half way, nobody knew: kill -9 in the midst of one."""
    events = efflux.events(1_500)
    efflux.put(events)
    wait_for("its beginning", lambda: len(efflux.told(events)) > 0)
    pid = efflux.board.weir.children().get("core")
    if pid is not None:
        efflux.board.weir.kill("core")
        efflux.board.weir.wait_child("core", besides=pid)
    wait_for("the core is back", efflux.board.linked)
    found = efflux.ended(events)
    assert len(found) == 1_500
    assert efflux.counted(found) == [1] * 1_500


def test_no_token_and_nobody_stands_in_logs_attempts_or_lists(efflux: Efflux) -> None:
    """Tokens, addresses and bodies were in its logs."""
    events = efflux.events(2, ip="203.0.113.77")
    efflux.send(events)
    found = efflux.ended(events)
    assert efflux.taken(found)[0]["user_data"]["client_ip_address"] == "203.0.113.77"
    board = efflux.board
    shown = [
        board.weir.log.read_text(),
        json.dumps([efflux.attempts(each) for each in found]),
        *(
            json.dumps(board.call(name, limit=100))
            for name in ("ad_accounts.list", "pixels.list", "history.list", "deliveries.list", "events.list")
        ),
        json.dumps(board.call("ad_accounts.get", id=efflux.account.id)),
        json.dumps(board.call("ad_accounts.standings")),
        json.dumps(board.call("system.status")),
    ]
    for text in shown:
        assert TOKEN not in text
        assert efflux.account.intake_token not in text
        assert not re.search(r"203\.0\.113\.77\b", text)
    assert '"client_ip_address": "***"' in efflux.attempts(found[0])[0]["request"]
