"""The founding document's whole way: bucket, trigger, filter, bucket, report, Meta; moto plays Amazon.

EFFLUX_OBJECTS and EFFLUX_EVENTS make it as large as one likes: `make efflux OBJECTS=500 EVENTS=200000`.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto plays Amazon: pip install -e '.[dev]'")

from tests.journeys.board import running
from tests.journeys.efflux_cloud import FILTERED, Cloud, record
from tests.platforms.account import CAMPAIGN, Account, counts, told
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode, number_of
from tests.progress import wait_until_reached
from tests.rig import wait_for

OBJECTS = int(os.environ.get("EFFLUX_OBJECTS", "20"))
EVENTS = int(os.environ.get("EFFLUX_EVENTS", "1000"))
OTHERS = "120218982145509999"
POISONS = (
    b'[{"session_id": "s", "keyword_clicked"',
    gzip.compress(b"[" + b'{"session_id": "s"},' * 50)[:-12],
    b"\x00\x01\x02 no document at all",
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
)


def _key(number: int, suffix: str = ".json") -> str:
    """As the seed lays them out; an account's name with a space and a plus is in every one."""
    return (
        f"networks/crossroads/Crossroads-Todays-Interpreted-Data-To-S3/Main + Co/2025-02-01/{number % 24}/"
        f"2025-02-01T{number % 24:02}:00:00.{number:03}Z{suffix}"
    )


def _body(events: list[dict[str, Any]], number: int) -> tuple[bytes, str, dict[str, str]]:
    """(body, end of its key, its headers): an array or a line each, with gzip or without, in turn."""
    plain = b"\n".join(map(encode, events)) if number % 2 else json.dumps(events).encode()
    match number % 4:
        case 2:
            return gzip.compress(plain), ".json", {"ContentEncoding": "gzip"}
        case 3:
            return gzip.compress(plain), ".json.gz", {}
    return plain, ".json", {}


@pytest.mark.slow
def test_every_event_once_and_nothing_but_poison_among_the_dead_letters(tmp_path: Path) -> None:
    dice = random.Random(1)
    with (
        Cloud() as cloud,
        MetaProcess(tmp_path / "meta", lose=0.02) as meta,
        running(tmp_path, WEIR_OUTBOUND__ALLOW="127.0.0.0/8", **cloud.settings()) as board,
    ):
        began = time.monotonic()
        account = Account(board, meta.url)
        cloud.subscribe(CAMPAIGN)
        now_us = time.time_ns() // 1_000
        per_object = EVENTS // OBJECTS
        good: set[int] = set()
        poison: set[str] = set()
        made = unwanted = 0
        before: list[dict[str, Any]] = []
        for number in range(OBJECTS):
            events = []
            while len(events) < per_object:
                sort = dice.random()
                if sort < 0.05 and events:
                    events.append(dice.choice(events))  # twice in one object
                elif sort < 0.10 and before:
                    events.append(dice.choice(before))  # once more in a later one
                elif sort < 0.15:
                    events.append(document(10_000_000 + made, now_us, campaign_id=OTHERS))
                    unwanted += 1
                else:
                    events.append(document(made, now_us))
                    good.add(made)
                made += 1
            before = dice.sample(events, min(50, len(events)))
            before = [each for each in before if each["campaign_id"] == CAMPAIGN]
            body, suffix, headers = _body(events, number)
            cloud.put(_key(number, suffix), body, **headers)
            if number % 50 == 0:
                bad = _key(number, f"-poison{len(poison)}.json")
                cloud.put(bad, POISONS[len(poison) % len(POISONS)])
                poison.add(bad)
            if (
                number % 10 == 0
            ):  # announced once more, together with one that is announced for the first time
                again = record(_key(number, suffix))
                cloud.say(cloud.trigger, {"Records": [again, again]})
        gone = _key(OBJECTS, "-gone.json")
        cloud.say(cloud.trigger, {"Records": [record(gone)]})
        poison.add(gone)

        wait_until_reached(
            "deliveries", lambda: counts(board.weir.data, account.target).total(), len(good),
            lambda: f"{board.call('intakes.list')}", 180,
        )  # fmt: skip
        wait_until_reached(
            "events that Meta took", lambda: counts(board.weir.data, account.target)["delivered"], len(good),
            lambda: f"{dict(counts(board.weir.data, account.target))}", 180,
        )  # fmt: skip
        for queue in (cloud.trigger, cloud.report):
            wait_for(f"{queue.name} empty", lambda queue=queue: cloud.left(queue.url) == 0, 180)
        took = time.monotonic() - began
        dead = cloud.dead(cloud.trigger)
        assert dead == Counter(poison)
        assert cloud.dead(cloud.report) == Counter()
        filtered = cloud.s3.list_objects_v2(Bucket=FILTERED)["KeyCount"]
        shown = meta.figures()
        found = told(board.weir.data, account.target)
        board.shipped()
        (summary,) = board.call("events.summary", group_by="invalid_reason")["items"]
    ends = Counter(number_of(each.report.click_ids["fbclid"]) for each in found)
    assert set(ends) == good
    assert set(ends.values()) == {1}
    assert {each.state for each in found} == {"delivered"}
    assert set(shown.counted.values()) == {1}
    assert {event_id for _, event_id in shown.counted} == {each.report.event_id for each in found}
    assert (summary["value"], summary["events"], summary["reports"]) == ("", len(good), len(good)), summary
    for line in (
        f"{OBJECTS} objects with {made:,} events: {len(good):,} wanted ones, {unwanted:,} of other campaigns",
        f"{dead.total()} dead letters, exactly the poison; {filtered} filtered objects",
        f"each wanted one counted exactly once, in {shown.requests} requests of which {shown.lost} were lost",
        f"{took:.0f} s",
    ):
        print(f"efflux: {line}", flush=True)
