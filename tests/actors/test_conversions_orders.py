"""Work that others order of the conversions actor: all of it stored or nothing, whatever dies or is full."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.conversions_books import Books
from appliance.actors.conversions_orders import MOST, PATIENCE
from appliance.errors import Conflict, Unavailable
from appliance.model.conversions import Settlement, entered_position
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import name_of
from tests.actors.conversions_rig import START_US, Rig, click, facts


def entered(number: int) -> PostbackLogEvent:
    params = {"cid": click(number), "payout": "2", "tid": f"E{number}"}
    return PostbackLogEvent(
        1, name_of("entered", str(number)), START_US + number, "received", "", "", 7, "ENTER", params, "", "r"
    )


def enter(*numbers: int) -> Any:
    """Enter a conversion for each of these clicks; answers how many were counted."""

    def work(books: Books) -> tuple[Settlement, int]:
        events = [entered(number) for number in numbers]
        batch = books.settle([books.arrival(entered_position(event.id), event) for event in events])
        return Settlement(
            conversions=list(batch.changed.values()),
            settled=batch.settled,
            records=[*events, *batch.records],
            deliveries=batch.deliveries,
            firsts=batch.changed_firsts,
        ), batch.outcomes["conversion"]

    return work


def clicks(*numbers: int) -> list[str]:
    return [click(number) for number in numbers]


async def test_what_is_ordered_is_stored_before_it_is_answered(rig: Rig, autojump_clock: MockClock) -> None:
    rig.warehouse[click(1)] = facts(1)
    rig.click(2)
    async with rig.running() as actor:
        await trio.sleep(0.3)
        assert await actor.perform(enter(1, 2), clicks(1, 2)) == 2
        assert [event.revenue for event in rig.conversions()] == [2_000_000] * 2
        assert [ids for _, ids in rig.looked_up] == [(click(1),)]  # the other is recent
        assert actor.report().outcomes == {"conversion": 2}
        assert await actor.perform(enter(1), clicks(1)) == 0  # the same again
    assert len(rig.conversions()) == 2


async def test_an_order_and_a_postback_of_the_same_conversion_are_one(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    async with rig.running() as actor:
        await trio.sleep(0.3)
        await actor.perform(enter(1), clicks(1))
        rig.postback(1, tid="E1", payout="5")
        await trio.sleep(0.3)
    assert sum(event.revenue for event in rig.conversions()) == 5_000_000
    assert sum(event.count for event in rig.conversions()) == 1


@pytest.mark.parametrize("after", range(12))
async def test_a_kill_between_any_two_steps_leaves_all_or_nothing(
    rig: Rig, autojump_clock: MockClock, after: int
) -> None:
    rig.click(1)
    rig.click(2)
    await rig.live(0.3)
    rig.postback(2, tid="B", payout="3")
    answers: list[int] = []

    async def order() -> None:
        answers.append(await rig.actor.perform(enter(1, 2), clicks(1, 2)))

    await rig.killed_beside(order, after)
    entered = [event for event in rig.conversions() if event.transaction_id.startswith("E")]
    assert len(entered) in ((2,) if answers else (0, 2))
    rig.warehouse |= {click(number): facts(number) for number in (1, 2)}
    async with rig.running() as actor:
        await trio.sleep(1)
        await actor.perform(enter(1, 2), clicks(1, 2))
    assert sum(event.revenue for event in rig.conversions()) == 7_000_000
    assert sum(event.count for event in rig.conversions()) == 3


async def test_what_the_work_raises_is_raised_to_whoever_ordered_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    def work(books: Books) -> tuple[Settlement, None]:
        raise Conflict("something else came first")

    rig.click(1)
    async with rig.running() as actor:
        with pytest.raises(Conflict, match="came first"):
            await actor.perform(work)
        rig.postback(1)
        await trio.sleep(0.3)
        assert rig.outcomes() == [("p1", "conversion")]


async def test_an_order_that_cannot_be_stored_is_refused_and_postbacks_go_on(
    rig: Rig, autojump_clock: MockClock
) -> None:
    def full(step: str) -> None:
        raise Unavailable("the disk is full")

    rig.click(1)
    rig.click(2)
    async with rig.running() as actor:
        await trio.sleep(0.3)
        rig.fault = full
        with pytest.raises(Unavailable, match="disk"):
            await actor.perform(enter(1), clicks(1))
        rig.fault = lambda step: None
        rig.postback(2, payout="3")
        await trio.sleep(1)
    assert [event.revenue for event in rig.conversions()] == [3_000_000]


async def test_a_warehouse_that_is_away_refuses_what_needs_it(rig: Rig, autojump_clock: MockClock) -> None:
    rig.away = True
    async with rig.running() as actor:
        with pytest.raises(Unavailable, match="away"):
            await actor.perform(enter(1), clicks(1))
    assert rig.records() == []


async def test_too_many_orders_are_refused_and_so_is_one_to_an_actor_that_does_not_run(
    rig: Rig, autojump_clock: MockClock
) -> None:
    with pytest.raises(Unavailable):
        await rig.actor.perform(enter(1))
    answers: list[int] = []
    refused: list[str] = []

    async def order(number: int) -> None:
        try:
            answers.append(await rig.actor.perform(enter(number), clicks(number)))
        except Unavailable as fault:
            refused.append(str(fault))

    for number in range(MOST + 3):
        rig.click(number)
    async with rig.running(), trio.open_nursery() as nursery:
        await trio.sleep(0.3)
        for number in range(MOST + 3):
            nursery.start_soon(order, number)
    assert len(answers) == MOST
    assert len(refused) == 3
    assert "too many" in refused[0]
    with pytest.raises(Unavailable):
        await rig.actor.perform(enter(1))


async def test_who_goes_away_before_his_order_is_begun_takes_it_along(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    async with rig.running() as actor:
        await _busy(rig)
        with trio.move_on_after(1) as scope:
            await actor.perform(enter(1), clicks(1))
        assert scope.cancelled_caught
        await trio.sleep(200)
    assert [event.revenue for event in rig.conversions()] == [3_000_000]


async def test_an_order_that_nobody_begins_is_withdrawn(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1)
    async with rig.running() as actor:
        await _busy(rig)
        started = trio.current_time()
        with pytest.raises(Unavailable, match="busy"):
            await actor.perform(enter(1), clicks(1))
        assert PATIENCE <= trio.current_time() - started < PATIENCE + 2
        await trio.sleep(200)
    assert [event.revenue for event in rig.conversions()] == [3_000_000]


async def _busy(rig: Rig) -> None:
    """A postback of click 1, at which the actor works for some minutes."""
    await trio.sleep(0.3)

    async def slowly(fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        await trio.sleep(50)
        return fn(*args, **kwargs)

    rig.actor._blocking = slowly
    rig.postback(1, payout="3")
    await trio.sleep(0.3)
