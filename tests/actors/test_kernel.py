"""The actor kernel under virtual time: every delay here is exact, and nothing waits for real."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.kernel import (
    ActorDown,
    GaveUp,
    Mailbox,
    Policy,
    Question,
    Tree,
    inline_runner,
    supervise,
)
from appliance.errors import Unavailable


class Broken(Exception):
    pass


def always_failing(times: list[float], lives: float = 0.0) -> Callable[..., Awaitable[None]]:
    """An actor that is ready, lives `lives` seconds and dies, noting when each life began."""

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        times.append(trio.current_time())
        task_status.started()
        await trio.sleep(lives)
        raise Broken("again")

    return run


def echo(mailbox: Mailbox[Any]) -> Callable[..., Awaitable[None]]:
    """Answers each question with its message; dies of the message "die"; sleeps on a number."""

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        while True:
            try:
                message = await mailbox.receive()
            except trio.EndOfChannel:
                return
            body = message.message if isinstance(message, Question) else message
            if body == "die":
                raise Broken("as told")
            if isinstance(body, float):
                await trio.sleep(body)
            if isinstance(message, Question):
                message.reply(body)

    return run


# Crash loops


async def test_the_backoff_doubles_from_the_first_delay_to_the_longest(autojump_clock: MockClock) -> None:
    times: list[float] = []
    policy = Policy(failures=6, window=1000, first=0.1, longest=1.0)
    began = trio.current_time()
    with pytest.raises(GaveUp):
        await supervise(Tree(), "loop", always_failing(times), policy=policy)
    gaps = [round(later - earlier, 9) for earlier, later in pairwise(times)]
    assert times[0] == began
    assert gaps == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


async def test_more_failures_than_allowed_within_the_window_give_up(autojump_clock: MockClock) -> None:
    times: list[float] = []
    tree = Tree()
    with pytest.raises(GaveUp, match="failed 4 times in 30 s"):
        await supervise(tree, "loop", always_failing(times), policy=Policy(failures=3, window=30, first=1))
    (report,) = tree.report()
    assert (report.state, report.restarts, report.last_error) == ("gave up", 3, "Broken: again")


async def test_the_window_slides_so_that_rare_failures_never_add_up(autojump_clock: MockClock) -> None:
    times: list[float] = []
    # Each life lasts 10 s, so at most four deaths lie within 30 s of each other however long this goes on.
    policy = Policy(failures=4, window=30, first=1, longest=1)
    with trio.move_on_after(10_000):
        await supervise(Tree(), "rare", always_failing(times, lives=10), policy=policy)
    assert len(times) > 900


async def test_a_long_life_begins_the_backoff_anew(autojump_clock: MockClock) -> None:
    times: list[float] = []
    policy = Policy(failures=5, window=30, first=1, longest=60)
    with trio.move_on_after(200):
        await supervise(Tree(), "steady", always_failing(times, lives=40), policy=policy)
    assert times == [times[0] + 41 * n for n in range(5)]


async def test_failing_before_it_was_ever_ready_is_raised_at_once(autojump_clock: MockClock) -> None:
    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        raise Broken("no such file")

    tree = Tree()
    began = trio.current_time()
    with pytest.raises(Broken):
        await supervise(tree, "wrong", run)
    assert trio.current_time() == began
    assert tree.report()[0].state == "failed"


async def test_failing_before_ready_later_is_an_ordinary_failure(autojump_clock: MockClock) -> None:
    lives = 0

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal lives
        lives += 1
        if lives != 2:
            task_status.started()
        if lives < 3:
            raise Broken(str(lives))

    await supervise(Tree(), "later", run)
    assert lives == 3


async def test_started_is_reported_once_and_only_when_the_actor_says_so(autojump_clock: MockClock) -> None:
    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep(3)
        task_status.started()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        await nursery.start(supervise, Tree(), "slow", run)
        assert trio.current_time() - began == 3
        nursery.cancel_scope.cancel()


async def test_an_actor_cancelled_while_it_waits_to_restart_is_reported_stopped(
    autojump_clock: MockClock,
) -> None:
    tree = Tree()
    with trio.move_on_after(0.5):
        await supervise(tree, "loop", always_failing([]), policy=Policy(first=1))
    assert tree.report()[0].state == "stopped"


async def test_a_failure_inside_the_actors_own_nursery_restarts_it_too(autojump_clock: MockClock) -> None:
    lives = 0

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal lives
        lives += 1
        task_status.started()
        if lives == 1:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise Broken("in a nursery")

    await supervise(Tree(), "nested", run)
    assert lives == 2


# Asking


async def test_asking_returns_the_actors_answer(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("echo", 4)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "echo", echo(mailbox), mailbox)
        assert await mailbox.ask("hello") == "hello"
        mailbox.close()


async def test_asking_an_actor_that_dies_of_it_fails_at_once_and_never_hangs(
    autojump_clock: MockClock,
) -> None:
    mailbox: Mailbox[Any] = Mailbox("echo", 4)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "echo", echo(mailbox), mailbox)
        began = trio.current_time()
        with pytest.raises(ActorDown, match="Broken: as told"):
            await mailbox.ask("die")
        assert trio.current_time() == began
        assert await mailbox.ask("still there") == "still there", "what is asked next waits for the restart"
        assert trio.current_time() - began == Policy().first
        mailbox.close()


async def test_questions_still_queued_survive_a_restart(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("echo", 4)
    answers: list[Any] = []
    tree = Tree()

    async def ask(message: Any) -> None:
        answers.append(await mailbox.ask(message))

    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, tree, "echo", echo(mailbox), mailbox)
        await mailbox.tell("die")
        async with trio.open_nursery() as askers:
            for number in range(3):
                askers.start_soon(ask, f"question {number}")
        mailbox.close()
    assert sorted(answers) == ["question 0", "question 1", "question 2"]
    assert tree.report()[0].restarts == 1


async def test_everybody_who_waits_is_told_when_the_actor_gives_up(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("doomed", 2)
    told: list[str] = []

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await mailbox.receive()
        await trio.sleep(1)
        raise Broken("once too often")

    async def ask(number: int) -> None:
        with pytest.raises(ActorDown) as caught:
            await mailbox.ask(number, deadline=1000)
        told.append(str(caught.value))

    async with trio.open_nursery() as nursery:
        for number in range(8):  # one being answered, two queued, five waiting for room
            nursery.start_soon(ask, number)
        with pytest.raises(GaveUp):
            await supervise(Tree(), "doomed", run, mailbox, Policy(failures=0))
    assert len(told) == 8


async def test_asking_has_a_deadline(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("echo", 4)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "echo", echo(mailbox), mailbox)
        began = trio.current_time()
        with pytest.raises(Unavailable, match="echo did not answer within 2 s"):
            await mailbox.ask(60.0, deadline=2)
        assert trio.current_time() - began == 2
        nursery.cancel_scope.cancel()


async def test_the_deadline_covers_waiting_for_room(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("nobody", 1)
    mailbox.offer("fills it")
    began = trio.current_time()
    with pytest.raises(Unavailable):
        await mailbox.ask("never taken", deadline=5)
    assert trio.current_time() - began == 5


async def test_asking_a_stopped_actor_fails_at_once(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("echo", 4)
    mailbox.close()
    await supervise(Tree(), "echo", echo(mailbox), mailbox)
    for send in (mailbox.ask, mailbox.tell):
        with pytest.raises(ActorDown):
            await send("anyone?")
    assert mailbox.offer("anyone?") is False


# A full mailbox


async def test_tell_waits_for_room(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("slow", 2)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "slow", echo(mailbox), mailbox)
        for _ in range(5):
            await mailbox.tell(10.0)
        # One is being slept on and two are queued; the fourth and fifth each waited for a sleep to end.
        assert trio.current_time() - began == 20
        mailbox.close()
    assert trio.current_time() - began == 50, "a soft stop drains what was accepted"


async def test_offer_never_waits_and_counts_what_it_refuses(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("full", 3)
    began = trio.current_time()
    assert [mailbox.offer(number) for number in range(5)] == [True, True, True, False, False]
    assert trio.current_time() == began
    assert (mailbox.depth, mailbox.peak, mailbox.refused) == (3, 3, 2)


async def test_the_statistics_say_what_happened(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("counted", 8)
    tree = Tree()
    for message in ("a", "b", "die", "c"):
        mailbox.offer(message)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, tree, "counted", echo(mailbox), mailbox)
        await mailbox.ask("d")
        (report,) = tree.report()
        assert (report.name, report.state, report.restarts) == ("counted", "running", 1)
        assert (report.mailbox_depth, report.mailbox_peak, report.mailbox_capacity) == (0, 4, 8)
        assert (report.handled, report.refused, report.last_error) == (5, 0, "Broken: as told")
        mailbox.close()
    assert tree.report()[0].state == "stopped"


# Stopping is nesting


async def test_closing_mailboxes_stops_nested_actors_from_the_outside_in_and_loses_nothing(
    autojump_clock: MockClock,
) -> None:
    order: list[str] = []
    tree = Tree()

    def stage(name: str, mine: Mailbox[Any], after: Mailbox[Any] | None) -> Callable[..., Awaitable[None]]:
        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            while True:
                try:
                    message = await mine.receive()
                except trio.EndOfChannel:
                    await trio.sleep(1)  # its last flush
                    order.append(f"{name} stops")
                    return
                order.append(f"{name} {message}")
                if after is not None:
                    await after.tell(message)

        return run

    router: Mailbox[Any] = Mailbox("router", 4)
    journal: Mailbox[Any] = Mailbox("journal", 1)
    async with trio.open_nursery() as writers:
        await writers.start(supervise, tree, "journal", stage("journal", journal, None), journal)
        async with trio.open_nursery() as workers:
            await workers.start(supervise, tree, "router", stage("router", router, journal), router)
            for number in range(3):
                await router.tell(number)
            router.close()
        journal.close()
    assert [line for line in order if "stops" in line] == ["router stops", "journal stops"]
    assert [line for line in order if line.startswith("journal")][:3] == [
        "journal 0",
        "journal 1",
        "journal 2",
    ]


async def test_an_actor_that_gives_up_takes_its_siblings_down(autojump_clock: MockClock) -> None:
    tree = Tree()
    mailbox: Mailbox[Any] = Mailbox("echo", 1)
    with pytest.RaisesGroup(GaveUp):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervise, tree, "echo", echo(mailbox), mailbox)
            nursery.start_soon(supervise, tree, "loop", always_failing([]), None, Policy(failures=2))
    assert {report.name: report.state for report in tree.report()} == {"echo": "stopped", "loop": "gave up"}
    with pytest.raises(ActorDown):
        await mailbox.tell("anyone?")


async def test_receive_nowait_takes_only_what_is_there(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("batch", 4)
    mailbox.offer(1)
    assert mailbox.receive_nowait() == 1
    with pytest.raises(trio.WouldBlock):
        mailbox.receive_nowait()


async def test_a_question_can_be_answered_with_an_error(autojump_clock: MockClock) -> None:
    mailbox: Mailbox[Any] = Mailbox("grumpy", 1)

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        question = await mailbox.receive()
        assert isinstance(question, Question)
        question.fail(Broken("no"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervise, Tree(), "grumpy", run, mailbox)
        with pytest.raises(Broken):
            await mailbox.ask("please")


async def test_the_inline_runner_calls_in_place(autojump_clock: MockClock) -> None:
    assert await inline_runner(lambda a, *, b: a + b, 1, b=2) == 3
