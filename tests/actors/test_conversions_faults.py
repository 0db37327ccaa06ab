"""Conversions when something is away, full, broken or killed: nothing is lost and nothing doubled."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from tests.actors.conversions_rig import Rig, click, facts


async def test_while_the_warehouse_is_away_others_go_on(rig: Rig, autojump_clock: MockClock) -> None:
    rig.away = True
    rig.warehouse[click(1)] = facts(1)
    rig.postback(1)
    rig.click(2)
    rig.postback(2)
    async with rig.running():
        await trio.sleep(200)  # longer than postbacks wait for a click that does not exist
        assert rig.outcomes() == [("p2", "conversion"), ("p1", "waiting")]
        assert rig.reasons()["p1"] == "the warehouse is away"
        rig.click(3)
        rig.postback(3)
        await trio.sleep(0.3)
        assert rig.outcomes()[-1] == ("p3", "conversion")
        rig.away = False
        await trio.sleep(6)
        assert rig.outcomes()[-1] == ("p1", "conversion")


async def test_a_slow_lookup_holds_up_nobody_else(rig: Rig, autojump_clock: MockClock) -> None:
    started = trio.Event()

    async def slow(ids: object) -> dict[str, Any]:
        started.set()
        await trio.sleep(50)
        return {}

    rig.lookup = slow  # type: ignore[method-assign]
    rig.postback(1)
    async with rig.running():
        await started.wait()
        rig.click(2)
        rig.postback(2)
        await trio.sleep(0.3)
        assert rig.outcomes() == [("p2", "conversion")]


async def test_clicks_consumed_before_a_restart_are_indexed_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.away = True
    rig.click(1)
    await rig.live(2)
    rig.rotate(0)
    rig.click(2)
    await rig.live(2)
    assert sorted(rig.ledger.offsets().values()) != []
    rig.postback(1)
    rig.postback(2)
    await rig.live(0.3)
    assert [outcome for _, outcome in rig.outcomes()] == ["conversion"] * 2
    assert rig.looked_up == []


async def test_a_postback_that_waits_across_a_restart_is_settled_by_a_reindexed_click(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.postback(1, edge=1)
    await rig.live(1)
    rig.away = True
    rig.click(1)
    await rig.live(1)
    assert rig.outcomes()[-1] == ("p1", "conversion")


async def test_a_full_outbox_pauses_everything_until_it_is_shipped(
    rigs: Any, autojump_clock: MockClock
) -> None:
    rig = rigs(outbox_bytes=1)
    rig.click(1)
    rig.postback(1)
    rig.postback(77)
    async with rig.running() as actor:
        await trio.sleep(0.3)
        rig.click(2)
        rig.postback(2)
        await trio.sleep(5)
        assert len(rig.conversions()) == 1
        assert 0 < actor.gauges()["paused_outbox_full"] < 60  # it polls and does not spin, though p3 is due
        (log,) = rig.ledger.outboxes()
        rig.ledger.outbox_drop(log.epoch, log.read(0, 100)[-1].seq)
        await trio.sleep(0.3)
        assert ("p3", "conversion") in rig.outcomes()


async def test_when_too_many_wait_the_longest_tried_are_given_up(
    rigs: Any, autojump_clock: MockClock
) -> None:
    rig = rigs(waiting=3)
    for number in range(3):
        rig.postback(number)
    async with rig.running() as actor:
        await trio.sleep(1)
        rig.click(9)
        rig.postback(9)
        await trio.sleep(1)
        assert rig.outcomes()[-1] == ("p4", "conversion")
        assert actor.gauges()["given_up_early"] == 3
    assert sorted(rig.outcomes())[1::2][:1] == [("p1", "waiting")]
    assert rig.reasons()["p1"].startswith("given up early")


async def test_when_too_many_wait_for_the_warehouse_journals_are_left_unread(
    rigs: Any, autojump_clock: MockClock
) -> None:
    rig = rigs(waiting=3)
    rig.away = True
    for number in range(5):
        rig.warehouse[click(number)] = facts(number)
    for number in range(3):
        rig.postback(number)
    async with rig.running() as actor:
        await trio.sleep(1)
        rig.postback(4)
        await trio.sleep(20)
        assert rig.ledger.sizes().waiting == 3
        assert actor.gauges()["paused_waiting_full"] > 0
        rig.away = False
        await trio.sleep(20)
    assert len(rig.conversions()) == 4


async def test_a_ledger_that_cannot_be_written_is_tried_again_and_nothing_is_doubled(
    rig: Rig, autojump_clock: MockClock
) -> None:
    failing = [3]

    def fault(step: str) -> None:
        if step == "outbox" and failing[0]:
            failing[0] -= 1
            raise sqlite3.OperationalError("database or disk is full")

    rig.fault = fault
    rig.click(1)
    rig.postback(1, tid="T", payout="1")
    rig.postback(2, tid="U", payout="1")
    async with rig.running() as actor:
        await trio.sleep(10)
        rig.click(2)
        await trio.sleep(3)
        assert actor.gauges()["ledger_faults"] == 3
        assert "disk is full" in actor.last_error
    assert sorted(rig.outcomes()) == [("p1", "conversion"), ("p2", "conversion"), ("p2", "waiting")]


async def test_a_stored_offset_that_is_ahead_stops_the_actor_instead_of_counting_twice(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    async with rig.running():
        await trio.sleep(2)
        rig.ledger.commit(Settlement(offsets={(0, rig.edge(0).epoch): rig.edge(0).last + 10}))
    rig.restart()
    rig.postback(1)
    await rig.live(1)
    assert rig.conversions() == []


@pytest.mark.parametrize("kill_at", range(30))
async def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(
    rig: Rig, kill_at: int, autojump_clock: MockClock
) -> None:
    rig.kill_at = kill_at
    rig.warehouse[click(3)] = facts(3)
    rig.postback(2, tid="early", payout="2")
    rig.click(1)
    rig.postback(1, tid="T", payout="1")
    rig.postback(1, tid="T", payout="1")
    await rig.live(1)
    rig.postback(1, tid="T", status="rejected")
    rig.postback(3, tid="old", payout="4")
    rig.click(2)
    await rig.live(3)
    assert rig.kill_at is None, "it was never killed"
    await rig.live(3)
    assert rig.ledger.totals() == {"USD": (2, 6_000_000, 0)}
    assert sum(event.revenue for event in rig.conversions()) == 6_000_000
    assert sum(event.count for event in rig.conversions()) == 2
    final = sorted(entry for entry in rig.outcomes() if entry[1] != "waiting")
    assert final == [("p1", "conversion"), ("p2", "conversion"), ("p3", "duplicate"),
                     ("p4", "conversion"), ("p5", "conversion")]  # fmt: skip


async def test_a_broken_segment_is_reported_once_and_salvaged_when_its_edge_has_left_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    for number in range(40):
        rig.click(number)
        rig.postback(number, payout="1", pad="x" * 3000)
    segment = rig.edge(0)
    path, epoch = segment.path, segment.epoch
    segment.checkpoint(held=True)
    with path.open("r+b") as file:  # tear the middle of the file; the writer does not notice
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    async with rig.running() as actor:
        await trio.sleep(2)
        assert [(edge, at) for edge, at, _ in rig.broken] == [(0, epoch)]
        rig.rotate(0)
        rig.click(100)
        rig.postback(100, payout="1")
        await trio.sleep(2)
        assert len(rig.broken) == 1
        assert actor.last_error == ""
    done = [outcome for _, outcome in rig.outcomes()]
    assert 20 < done.count("conversion") < 42
    assert ("p41", "conversion") in rig.outcomes()


async def test_an_actor_whose_ledger_is_gone_says_so_at_the_start(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.ledger.close()
    with pytest.RaisesGroup(Unavailable):
        async with rig.running():
            pass


@pytest.mark.parametrize("stopped", [True, False])
async def test_after_a_failed_pass_nothing_is_read_on_before_the_ledger_has_told_where(
    rig: Rig, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """The ledger cannot be written, then not be read, then works again: what the failed pass had read is not
    passed over."""
    rig.click(1)
    await rig.live(1, reopen=False)
    rig.postback(1, payout="3")
    faults = 0

    def full(step: str) -> None:
        raise Unavailable("the disk is full")

    def away() -> dict[tuple[int, int], int]:
        nonlocal faults
        faults += 1
        if faults > 2:
            monkeypatch.undo()
            return rig.ledger.offsets()
        rig.fault = lambda step: None
        if stopped:
            rig.actor.stop()
        raise Unavailable("the disk is gone")

    async with rig.running():
        rig.fault = full
        monkeypatch.setattr(rig.ledger, "offsets", away)
        await trio.sleep(0.3)
        rig.click(2)
        await trio.sleep(5)
    monkeypatch.undo()
    rig.fault = lambda step: None
    rig.restart()
    await rig.live(1)
    assert [event.revenue for event in rig.conversions()] == [3_000_000]
