"""The intake over a real protocol: S3 announces, SQS delivers again and moves away, DynamoDB is asked."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[aws,dev]'")

import trio

from appliance.errors import Unavailable
from tests.actors.queue_rig import Books, event
from tests.aws.site import Site
from tests.journeys.efflux_cloud import keys, record


def array(*sessions: str, **more: Any) -> bytes:
    return json.dumps([event(each, **more) for each in sessions]).encode()


def lines(*sessions: str) -> bytes:
    return b"".join(json.dumps(event(each)).encode() + b"\n" for each in sessions)


async def test_every_form_of_an_object_under_every_name_is_taken(site: Site, nursery: trio.Nursery) -> None:
    books = Books()
    site.put("networks/tonic/Job/acc/2025-02-01/13/2025-02-01T13:00:00.000Z.json", array("1", "2"))
    site.put("lines.ndjson", lines("3", "4"))
    site.put("a b+c/ü%20.json", array("5"))
    site.put("packed.json.gz", gzip.compress(array("6")))
    site.put("packed", gzip.compress(lines("7")), ContentEncoding="gzip")
    site.put("one.json", json.dumps(event("8"), indent=2).encode())
    site.put("none.json", b"[]")
    intake = site.intake(books)
    await nursery.start(intake.run)
    await site.emptied()
    assert sorted(books.sessions) == list("12345678")
    assert (intake.report().failed, intake.report().last_error, site.dead()) == (0, "", [])
    nursery.cancel_scope.cancel()


async def test_every_record_and_every_envelope_is_read(site: Site, nursery: trio.Nursery) -> None:
    books = Books()
    bodies = {name: array(name) for name in ("first", "second", "sns", "bridge d+")}
    for name, body in bodies.items():
        site.put(name, body)
    for each in site.queue().receive(10, 2, 30):  # what S3 itself said of them
        site.queue().delete(each.receipt)
    both = {"Records": [record("first", site.bucket), record("second", site.bucket)]}
    wrapped = {"Type": "Notification", "Message": json.dumps({"Records": [record("sns", site.bucket)]})}
    bridged = {"source": "aws.s3", "detail-type": "Object Created",
               "detail": {"bucket": {"name": site.bucket}, "object": {"key": "bridge d+"}}}  # fmt: skip
    for message in (both, wrapped, bridged):
        site.say(json.dumps(message))
    await nursery.start(site.intake(books).run)
    await site.emptied()
    assert sorted(books.sessions) == ["bridge d+", "first", "second", "sns"]
    nursery.cancel_scope.cancel()


POISON = {
    "broken.json": b'[{"session_id": ',
    "cut.json.gz": gzip.compress(array("x"))[:-8],
    "text.json": b"not an event",
    "some.json": json.dumps([event("good"), {"keyword_clicked": "no session"}]).encode(),
}


async def test_exactly_the_poison_is_moved_to_the_dead_letters(site: Site, nursery: trio.Nursery) -> None:
    books = Books()
    site.redrive(2)
    for key, body in POISON.items():
        site.put(key, body)
    for number in range(30):
        site.put(f"{number}.json", array(str(number)))
    site.say(json.dumps({"Records": [record("gone.json", site.bucket), record("0.json", site.bucket)]}))
    site.say("no announcement")
    intake = site.intake(books)
    await nursery.start(intake.run)
    await site.emptied()
    nursery.cancel_scope.cancel()
    found = Counter(key for each in site.dead() for key in keys(each["Body"]))
    assert found == Counter([*POISON, "gone.json", "0.json", "no announcement"])
    assert Counter(books.sessions) == Counter(["good", *map(str, range(30))])


async def test_without_a_redrive_policy_the_poison_is_sent_with_its_reason(
    site: Site, nursery: trio.Nursery
) -> None:
    site.put("broken.json", b"[{")
    await nursery.start(site.intake(Books(), site.dead_url, attempts=2).run)
    await site.emptied()
    nursery.cancel_scope.cancel()
    [dead] = site.dead()
    assert keys(dead["Body"]) == ["broken.json"]
    assert "its array is no JSON" in dead["MessageAttributes"]["reason"]["StringValue"]


async def test_what_is_moved_back_from_the_dead_letters_is_taken_but_for_what_was(
    site: Site, nursery: trio.Nursery
) -> None:
    """An operator's way: mend the object, move the messages back."""
    books = Books()
    site.redrive(1)
    site.put("good.json", array("1"))
    site.say(json.dumps({"Records": [record("late.json", site.bucket), record("good.json", site.bucket)]}))
    await nursery.start(site.intake(books).run)
    await site.emptied()
    [dead] = site.dead()
    site.put("late.json", array("2"))
    site.say(dead["Body"])
    await site.emptied()
    assert sorted(books.sessions) == ["1", "2"]
    nursery.cancel_scope.cancel()


async def test_an_outage_counts_no_delivery(site: Site, nursery: trio.Nursery) -> None:
    books = Books()
    site.redrive(1)
    books.faults = [Unavailable("the ledger is full")] * 2
    site.put("a.json", array("1"))
    await nursery.start(site.intake(books).run)
    await site.emptied()
    assert (books.sessions, site.dead()) == (["1"], [])
    nursery.cancel_scope.cancel()


async def test_filtered_events_go_to_their_bucket_and_through_the_second_queue(
    site: Site, nursery: trio.Nursery
) -> None:
    """Both of the founding document's queues, by one and the same core."""
    key = "networks/tonic/Job/acc/2025-02-01/13/2025-02-01T13:00:00.000Z.json"
    books = Books("1")
    site.put(key, json.dumps([event("a"), event("b", campaign_id="2"), event("c")]).encode())
    trigger = site.intake(books, filtered=False, filtered_bucket=site.filtered)
    await nursery.start(trigger.run)
    await site.emptied()
    wanted = "filtered-conversions/tonic/Job/acc/2025-02-01/13/2025-02-01T13:00:00.000Z.json"
    found = site.cloud.s3.get_object(Bucket=site.filtered, Key=wanted)
    assert found["ContentType"] == "application/json"
    assert [each["session_id"] for each in json.loads(found["Body"].read())] == ["a", "c"]
    assert (books.sessions, books.filtered) == (["a", "c"], [True])
    site.say(json.dumps({"Records": [record(wanted, site.filtered)]}))
    second = Books()
    nursery.cancel_scope.cancel()
    async with trio.open_nursery() as report:
        await report.start(site.intake(second).run)
        await site.emptied()
        report.cancel_scope.cancel()
    assert (second.sessions, second.filtered) == (["a", "c"], [True])


async def test_it_says_what_waits_and_how_many_are_dead(site: Site, nursery: trio.Nursery) -> None:
    gate = trio.Event()

    async def running(name: str) -> None:
        await gate.wait()

    site.redrive(1)
    for number in range(3):
        site.put(f"{number}.json", array(str(number)))
    site.cloud.sqs.send_message(QueueUrl=site.dead_url, MessageBody="an old one")
    intake = site.intake(Books(), running=running, where="there")
    await nursery.start(intake.run)
    with trio.fail_after(30):
        while intake.report().waiting < 0:  # noqa: ASYNC110
            await trio.sleep(0.05)
    report = intake.report()
    assert (report.waiting, report.dead, report.where) == (4, 1, "there")  # three, and s3:TestEvent
    gate.set()
    await site.emptied()
    nursery.cancel_scope.cancel()
