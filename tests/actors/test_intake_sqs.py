"""The intake of announced objects: held while it may pass, deleted when taken, a dead letter otherwise."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors import intake_sqs
from appliance.errors import Missing, Refused, Unavailable
from tests.actors.queue_rig import Rig, announcing, event


async def test_a_message_is_deleted_when_all_of_it_is_taken(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig()
    rig.store("a", event("1"), event("2"))
    rig.store("b", event("3"))
    rig.queue.put(announcing("a", "b"))
    rig.queue.put('{"Event": "s3:TestEvent"}')
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert rig.books.sessions == ["1", "2", "3"]
    assert rig.queue.dead == []
    report = rig.intake.report()
    assert (report.batches, report.failed, report.events, report.last_error) == (2, 0, 3, "")


async def test_an_outage_of_what_takes_makes_no_dead_letter(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """The message stays in hand, is hidden all the time, and its delivery is counted once."""
    rig = Rig(redrives=1)
    rig.store("a", event("1"))
    rig.books.faults = [Unavailable("full")] * 30
    rig.queue.put(announcing("a"), "m")
    await nursery.start(rig.intake.run)
    await trio.sleep(300)
    assert rig.queue.messages["m"].receives == 1
    assert (rig.intake.report().last_error, rig.intake.report().failed) == ("full", 0)
    await rig.emptied()
    assert (rig.queue.dead, rig.books.sessions) == ([], ["1"])
    assert rig.intake.report().last_error == ""


async def test_an_outage_of_the_objects_is_waited_for_and_what_was_taken_is_not_read_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig(redrives=1)
    for key in "abc":
        rig.store(key, event(key))
    rig.queue.put(announcing("a", "b", "c"))
    rig.objects.faults = [Unavailable("S3 is away")] * 5
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert rig.books.sessions == ["a", "b", "c"]
    assert rig.objects.reads == 8


async def test_a_message_is_given_back_before_the_queue_ends_its_invisibility(
    autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_sqs, "LONGEST_HOLD_S", 900.0)
    rig = Rig()
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"), "m")
    rig.books.faults = [Unavailable("full")] * 100
    await nursery.start(rig.intake.run)
    await trio.sleep(800)
    assert rig.queue.messages["m"].receives == 1
    await trio.sleep(300)
    assert rig.queue.messages["m"].receives == 2
    assert rig.intake.report().failed == 1


async def test_a_message_that_is_somebody_elses_is_left_to_them(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig()
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"), "m")
    rig.books.slow_s = 200
    await nursery.start(rig.intake.run)
    await trio.sleep(10)
    del rig.queue.messages["m"]  # deleted behind our back
    await trio.sleep(60)
    assert rig.books.at_once == 0
    assert rig.books.batches == {}


POISON = [
    ("hello", {}, "no JSON"),
    (announcing("gone"), {}, "s3://events/gone: NoSuchKey"),
    (announcing("a"), {"a": b"[{]"}, "its array is no JSON"),
    (announcing("a"), {"a": b"\x1f\x8bxxxx"}, "gzip"),
    (announcing("a"), {"a": b'[{"session_id": ""}]'}, "event 1: session_id: missing"),
    (announcing("a"), {"a": b"what"}, "event 1: it is no JSON"),
]


@pytest.mark.parametrize(("body", "objects", "reason"), POISON)
async def test_poison_is_given_back_until_the_queue_moves_it_away(
    autojump_clock: MockClock, nursery: trio.Nursery, body: str, objects: dict[str, bytes], reason: str
) -> None:
    rig = Rig(redrives=3)
    rig.objects.bodies = {("events", key): content for key, content in objects.items()}
    rig.queue.put(body)
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert rig.queue.dead == [(body, "redriven")]
    assert reason in rig.intake.report().last_error
    assert (rig.intake.report().failed, rig.intake.report().batches) == (3, 0)


@pytest.mark.parametrize(("body", "objects", "reason"), POISON)
async def test_without_a_redrive_policy_it_is_buried_with_its_reason(
    autojump_clock: MockClock, nursery: trio.Nursery, body: str, objects: dict[str, bytes], reason: str
) -> None:
    rig = Rig(dead_letters=True, attempts=2)
    rig.objects.bodies = {("events", key): content for key, content in objects.items()}
    rig.queue.put(body)
    await nursery.start(rig.intake.run)
    await rig.emptied()
    [(dead, said)] = rig.queue.dead
    assert dead == body
    assert reason in said
    assert rig.intake.report().failed == 2


async def test_with_nowhere_to_go_it_stays_and_is_seen_once_an_hour(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig(attempts=1)
    rig.queue.put("hello", "m")
    await nursery.start(rig.intake.run)
    await trio.sleep(10 * 3600)
    assert 9 <= rig.queue.messages["m"].receives <= 11


async def test_what_is_good_in_a_bad_message_is_taken_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig(redrives=3)
    rig.store("a", event("1"), {"session_id": ""}, event("2"))
    rig.store("c", event("3"))
    rig.queue.put(announcing("a", "gone", "c"))
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert rig.books.sessions == ["1", "2", "3"]
    assert len(rig.queue.dead) == 1


async def test_a_refused_object_is_no_outage(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    rig = Rig(redrives=1)
    rig.queue.put(announcing("a"))
    rig.objects.faults = [Refused("AccessDenied")]
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert len(rig.queue.dead) == 1


@pytest.mark.parametrize("fault", [Refused("AccessDenied"), Missing("NoSuchBucket"), Unavailable("SlowDown")])
async def test_what_is_refused_after_an_object_was_read_is_no_fault_of_the_object(
    autojump_clock: MockClock, nursery: trio.Nursery, fault: Exception
) -> None:
    rig = Rig(redrives=1, filtered=False, filtered_bucket="kept")
    rig.store("a", event("1"))
    rig.books.faults = [fault] * 10
    rig.objects.put_faults = [fault] * 10
    rig.queue.delete_faults = [fault] * 3
    rig.queue.put(announcing("a"))
    await nursery.start(rig.intake.run)
    await trio.sleep(60)
    assert rig.intake.report().last_error == str(fault)
    await rig.emptied()
    assert (rig.queue.dead, rig.books.sessions, rig.intake.report().failed) == ([], ["1"], 0)
    assert rig.intake.report().last_error == ""


async def test_no_more_messages_are_in_hand_than_may_be(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig(parallel=3)
    for number in range(20):
        rig.store(f"k{number}", event(str(number)))
        rig.queue.put(announcing(f"k{number}"))
    rig.books.slow_s = 30
    await nursery.start(rig.intake.run)
    await trio.sleep(45)
    assert len([it for it in rig.queue.messages.values() if it.receives]) == 3
    assert rig.books.most_at_once == 1
    await rig.emptied()
    assert sorted(map(int, rig.books.sessions)) == list(range(20))
    assert rig.queue.dead == []


async def test_a_queue_that_is_away_is_asked_again(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    rig = Rig()
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"))
    rig.queue.away = "SQS is away"
    await nursery.start(rig.intake.run)
    await trio.sleep(600)
    assert rig.intake.report().last_error == "SQS is away"
    asked = len([call for call, _ in rig.queue.calls if call == "receive"])
    assert 10 <= asked <= 20  # after 1, 2, 4 … 60 seconds
    rig.queue.away = ""
    await rig.emptied()
    assert (rig.books.sessions, rig.intake.report().last_error) == (["1"], "")


async def test_a_driver_that_cannot_connect_is_asked_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    tries: list[float] = []
    rig = Rig()

    def connect() -> Any:
        tries.append(trio.current_time())
        if len(tries) < 4:
            raise Unavailable("botocore is not installed")
        return rig.queue, rig.objects

    rig.intake._connect = connect
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"))
    await nursery.start(rig.intake.run)
    await trio.sleep(2)
    assert rig.intake.report().last_error == "botocore is not installed"
    await rig.emptied()
    assert len(tries) == 4


async def test_a_paused_intake_receives_nothing(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    gate = trio.Event()

    async def running(name: str) -> None:
        await gate.wait()

    rig = Rig(running=running)
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"))
    await nursery.start(rig.intake.run)
    await trio.sleep(1000)
    assert [call for call, _ in rig.queue.calls if call == "receive"] == []
    gate.set()
    await rig.emptied()


async def test_stopped_in_the_middle_it_comes_again(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"), "m")
    rig.books.slow_s = 50
    async with trio.open_nursery() as first:
        await first.start(rig.intake.run)
        await trio.sleep(20)
        first.cancel_scope.cancel()
    assert rig.queue.messages["m"].receives == 1
    async with trio.open_nursery() as second:
        await second.start(rig.intake.run)
        await rig.emptied()
        second.cancel_scope.cancel()
    assert rig.books.sessions == ["1"]


async def test_what_was_announced_twice_is_taken_once_and_filtered_apart_from_not(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig()
    rig.store("a", event("1"))
    rig.queue.put(announcing("a", "a"))
    rig.queue.put(announcing("a"))
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert rig.books.sessions == ["1"]
    rig.store("a", event("1"), event("2"))  # the same name, another content
    rig.queue.put(announcing("a"))
    await rig.emptied()
    assert rig.books.sessions == ["1", "1", "2"]
    rig.intake._taking._filtered = False
    rig.queue.put(announcing("a"))
    await rig.emptied()
    assert rig.books.filtered == [True, True, False]


async def test_what_passes_the_filter_is_written_and_then_taken(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig(filtered=False, filtered_bucket="kept", redrives=2)
    rig.books.campaigns = {"1"}
    key = "networks/tonic/Job/acc/2025-02-01/13/x.json.gz"
    rig.store(key, event("1"), event("2", campaign_id="2"), event("3"))
    rig.store("none", event("4", campaign_id="2"))
    rig.queue.put(announcing(key, "none"))
    await nursery.start(rig.intake.run)
    await rig.emptied()
    written = {where: body for where, body in rig.objects.bodies.items() if where[0] == "kept"}
    assert [key for _, key in written] == ["filtered-conversions/tonic/Job/acc/2025-02-01/13/x.json"]
    assert [body.count(b"session_id") for body in written.values()] == [2]
    assert (rig.books.sessions, rig.books.filtered) == (["1", "3"], [True])
    # What it wrote itself, announced by the same bucket, is not written below itself.
    rig.queue.put(announcing("filtered-conversions/tonic/Job/acc/2025-02-01/13/x.json", bucket="kept"))
    await rig.emptied()
    assert len([where for where in rig.objects.bodies if where[0] == "kept"]) == 1


async def test_another_choice_of_the_filter_is_another_batch(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Written, and then not taken: when the message comes again, somebody has subscribed to more."""
    rig = Rig(filtered=False, filtered_bucket="kept")
    rig.books.campaigns = {"1"}
    rig.store("a", event("1"), event("2", campaign_id="2"))
    rig.queue.put(announcing("a"))
    await nursery.start(rig.intake.run)
    await rig.emptied()
    rig.books.campaigns = {"1", "2"}
    rig.queue.put(announcing("a"))
    await rig.emptied()
    assert set(rig.books.sessions) == {"1", "2"}


async def test_an_unknown_redrive_policy_is_asked_for_before_anything_is_buried(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    rig = Rig(redrives=1, dead_letters=True, attempts=1)
    rig.queue.put("hello")
    rig.intake._look = _nothing  # type: ignore[method-assign]
    await nursery.start(rig.intake.run)
    await rig.emptied()
    assert rig.queue.dead == [("hello", "redriven")]


async def _nothing(queue: object) -> None:
    await trio.lowlevel.checkpoint()


async def test_a_delete_that_fails_is_tried_again(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    rig = Rig(redrives=1)
    rig.store("a", event("1"))
    rig.queue.put(announcing("a"), "m")
    rig.books.slow_s = 5
    await nursery.start(rig.intake.run)
    await trio.sleep(2)
    rig.queue.away = "SQS is away"
    await trio.sleep(30)
    rig.queue.away = ""
    await rig.emptied()
    assert (rig.books.sessions, rig.queue.dead, rig.objects.reads) == (["1"], [], 1)
