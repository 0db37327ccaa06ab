"""Actors: one task that owns some state, one bounded mailbox, restarted by somebody else.

The mailbox is owned outside the actor, so a crash loses the message being handled and nothing else. An
actor calls `task_status.started()` only when it can serve. Failing before that, the first time, is a
configuration error: it is retried by whoever changes the configuration, not here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, overload

import trio

from appliance.errors import Unavailable, WeirError
from appliance.model.messages import ActorReport
from appliance.ports import Runner

log = logging.getLogger("weir.actors")
A = TypeVar("A")
M = TypeVar("M")
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(eq=False)
class ActorDown(WeirError):
    """The actor that should have answered died or stopped. Ask again: its supervisor restarts it."""

    code = "unavailable"


@dataclass(eq=False)
class GaveUp(WeirError):
    """An actor failed too often within its window. The process goes down and its parent restarts it."""

    code = "gave_up"


class Ask(Generic[A]):
    """What a message is that its actor answers with an A; `Mailbox.ask` returns one."""


class Question:
    """A message together with the place for its one answer."""

    __slots__ = ("answer", "error", "event", "message")

    def __init__(self, message: Any) -> None:
        self.message = message
        self.event = trio.Event()
        self.answer: Any = None
        self.error: Exception | None = None

    def reply(self, answer: Any) -> None:
        self.answer = answer
        self.event.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.event.set()


class Mailbox(Generic[M]):
    """A bounded queue of messages for one actor. `capacity` carries its reason where it is made."""

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.capacity = capacity
        self._send, self._receive = trio.open_memory_channel[M | Question](capacity)
        self.peak = 0
        self.refused = 0
        self.handled = 0
        self._open: set[Question] = set()

    @property
    def depth(self) -> int:
        return self._send.statistics().current_buffer_used

    def _note(self) -> None:
        self.peak = max(self.peak, self.depth)

    async def tell(self, message: M) -> None:
        """Queue `message`, waiting while the mailbox is full. Raises ActorDown when it is closed."""
        try:
            await self._send.send(message)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise ActorDown(f"{self.name} is stopping") from None
        self._note()

    def offer(self, message: M) -> bool:
        """Queue `message` if there is room; never waits. False, and counted, when there is none."""
        try:
            self._send.send_nowait(message)
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            self.refused += 1
            return False
        self._note()
        return True

    @overload
    async def ask(self, message: Ask[A], deadline: float = 10.0) -> A: ...

    @overload
    async def ask(self, message: M, deadline: float = 10.0) -> object: ...

    async def ask(self, message: Any, deadline: float = 10.0) -> Any:
        """Queue `message` and return the actor's answer within `deadline` seconds.

        Raises what the actor answered with `fail`, ActorDown when it dies meanwhile, Unavailable when late.
        """
        question = Question(message)
        with trio.move_on_after(deadline):
            try:
                await self._send.send(question)
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                raise ActorDown(f"{self.name} is stopping") from None
            self._note()
            await question.event.wait()
            if question.error is not None:
                raise question.error
            return question.answer
        raise Unavailable(f"{self.name} did not answer within {deadline:g} s; try again")

    async def receive(self) -> M | Question:
        """The next message (a Question for an `ask`). Raises trio.EndOfChannel once closed and drained."""
        message = await self._receive.receive()
        self.handled += 1
        if isinstance(message, Question):
            self._open = {q for q in self._open if not q.event.is_set()}
            self._open.add(message)
        return message

    def receive_nowait(self) -> M | Question:
        """Like `receive`; raises trio.WouldBlock when empty."""
        message = self._receive.receive_nowait()
        self.handled += 1
        if isinstance(message, Question):
            self._open.add(message)
        return message

    def fail_open(self, error: Exception) -> None:
        """Answer every question taken but not answered: their actor is gone."""
        for question in self._open:
            if not question.event.is_set():
                question.fail(error)
        self._open.clear()

    def close(self) -> None:
        """No more messages: the actor drains what is queued and returns. This is the soft stop."""
        self._send.close()

    def abandon(self) -> None:
        """The actor will never read again: fail everybody who waits for an answer."""
        self.close()
        while True:
            try:
                message = self._receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel, trio.ClosedResourceError):
                break
            if isinstance(message, Question):
                message.fail(ActorDown(f"{self.name} has stopped"))
        self.fail_open(ActorDown(f"{self.name} has stopped"))
        self._receive.close()


@dataclass(frozen=True)
class Policy:
    """Restart on failure: `failures` within `window` seconds are too many; backoff doubles from `first`."""

    failures: int = 5
    window: float = 30.0
    first: float = 0.1
    longest: float = 5.0


@dataclass
class Tree:
    """The supervision tree of this process, for whoever shows it."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def report(self) -> tuple[ActorReport, ...]:
        return tuple(node.report() for node in self.nodes.values())


@dataclass
class Node:
    """One supervised actor's life so far."""

    name: str
    mailbox: Mailbox[Any] | None = None
    state: str = "starting"
    restarts: int = 0
    last_error: str = ""

    def report(self) -> ActorReport:
        box = self.mailbox
        return ActorReport(
            name=self.name,
            state=self.state,
            restarts=self.restarts,
            last_error=self.last_error,
            mailbox_depth=box.depth if box else 0,
            mailbox_peak=box.peak if box else 0,
            mailbox_capacity=box.capacity if box else 0,
            refused=box.refused if box else 0,
            handled=box.handled if box else 0,
        )


Run = Callable[..., Awaitable[None]]
"""`async def run(*, task_status: trio.TaskStatus[None]) -> None`; returns when its work is over."""


async def supervise(
    tree: Tree,
    name: str,
    run: Run,
    mailbox: Mailbox[Any] | None = None,
    policy: Policy | None = None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run `run` until it returns, restarting it on Exception by `policy`; then raise GaveUp.

    A failure before the first `started` is raised at once: it would only fail again.
    """
    policy = policy or Policy()
    node = tree.nodes[name] = Node(name, mailbox)
    failures: deque[float] = deque()
    ever_started = False
    delay = policy.first

    class Status:
        def started(self, value: None = None) -> None:
            nonlocal ever_started
            node.state = "running"
            if not ever_started:
                ever_started = True
                task_status.started()

    try:
        while True:
            began = trio.current_time()
            try:
                await run(task_status=Status())
            except Exception as fault:  # whatever an actor dies of, this is who restarts it
                now = trio.current_time()
                node.last_error = f"{type(fault).__name__}: {fault}"[:500]
                if mailbox is not None:
                    mailbox.fail_open(ActorDown(f"{name} failed while answering: {node.last_error}"))
                if not ever_started:
                    node.state = "failed"
                    raise
                failures.append(now)
                while failures and failures[0] < now - policy.window:
                    failures.popleft()
                if len(failures) > policy.failures:
                    node.state = "gave up"
                    facts = {"actor": name, "failures": len(failures)}
                    log.error("actor gave up", extra=facts, exc_info=fault)
                    raise GaveUp(f"{name} failed {len(failures)} times in {policy.window:g} s") from fault
                if now - began > policy.window:
                    delay = policy.first
                node.state = "restarting"
                node.restarts += 1
                log.warning("actor restarts", extra={"actor": name, "delay": delay}, exc_info=fault)
                await trio.sleep(delay)
                delay = min(delay * 2, policy.longest)
            else:
                node.state = "stopped"
                return
    finally:
        if node.state in ("starting", "running", "restarting"):
            node.state = "stopped"
        if mailbox is not None:
            mailbox.abandon()


def thread_runner(threads: int, *, abandon: bool = False) -> Runner:
    """A Runner with its own limiter: one per driver, never trio's shared default (model-codebases §3.4).

    `abandon`: who is cancelled does not wait for what it runs.
    """
    limiter = trio.CapacityLimiter(threads)

    async def run(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await trio.to_thread.run_sync(
            lambda: fn(*args, **kwargs), limiter=limiter, abandon_on_cancel=abandon
        )

    return run


async def inline_runner(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The Runner of actor tests: no thread, so that virtual time stays exact."""
    await trio.lowlevel.checkpoint()
    return fn(*args, **kwargs)
