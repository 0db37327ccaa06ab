"""Interpreted events as S3 objects that a queue announces: SQS, or whatever speaks like it.

A message is received, kept invisible while it is worked on, and deleted once everything that it announces is
durably taken. What may pass is waited for with the message in hand, because a queue counts every delivery: so
an outage makes no dead letters. What cannot be read is one, after the others of its message were taken.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from appliance.actors.intake_objects import Objects, Taking, Way
from appliance.errors import Missing, Refused, Unavailable, WeirError
from appliance.model.interpreted import IntakeReport
from appliance.model.queues import Received, Sizes
from appliance.partners.notices import Created, announced
from appliance.ports import Runner

POLL_S = 10
LONGEST_HOLD_S = 11 * 3600.0
"""SQS ends any invisibility 12 hours after the message was received."""
LOOK_S = 60.0
_LEFT_ALONE_S = 3600
"""How long a dead letter that has nowhere to go is not seen again."""
_SHORTEST, _LONGEST = 1.0, 60.0
_MOST_REASONS = 20
_QUEUE = ""
"""Who waits, when it is no message."""


class Queue(Protocol):
    """stores/aws.SqsQueue. Blocking; raises Missing, Refused, Unavailable."""

    def receive(self, most: int, wait_s: int, hidden_s: int) -> Sequence[Received]: ...

    def hide(self, receipt: str, seconds: int) -> None: ...

    def delete(self, receipt: str) -> None: ...

    def bury(self, message: Received, reason: str) -> bool: ...

    def sizes(self) -> Sizes: ...


class QueueIntake:
    """One queue. `connect` gives the adapters, and is asked again until it does. `polling` runs a receive,
    `run_blocking` everything else, with room for `parallel` messages; both may abandon what they run.
    A message in hand is invisible for `hidden_s` seconds, renewed in time; one that is to come again does so
    `back_s` seconds later for each time that it came.
    """

    def __init__(
        self,
        name: str,
        *,
        connect: Callable[[], tuple[Queue, Objects]],
        way: Way,
        running: Callable[[str], Awaitable[None]],
        filtered: bool,
        polling: Runner,
        run_blocking: Runner,
        now_us: Callable[[], int],
        parallel: int = 4,
        attempts: int = 3,
        filtered_bucket: str = "",
        where: str = "",
        back_s: int = 2,
        hidden_s: int = 60,
    ) -> None:
        self.name = name
        self._connect = connect
        self._running = running
        self._polling = polling
        self._blocking = run_blocking
        self._now_us = now_us
        self._parallel = parallel
        self._attempts = attempts
        self._taking = Taking(name, way, run_blocking, filtered, filtered_bucket)
        self._where = where
        self._back_s = back_s
        self._hidden_s = hidden_s
        self._log = logging.getLogger(f"weir.intake.{name}")
        self._slots = trio.Semaphore(parallel, max_value=parallel)
        self._under_way: dict[str, int] = {}
        self._sizes: Sizes | None = None
        self._ours: tuple[Queue, Objects] | None = None
        self.batches = 0
        self.failed = 0
        self.last_us = 0
        self._waits_for: dict[str, str] = {}
        self._dead_letter = ""

    @property
    def last_error(self) -> str:
        """What is waited for now, else why there was a dead letter the last time."""
        return next(iter(self._waits_for.values()), self._dead_letter)

    def report(self) -> IntakeReport:
        return IntakeReport(
            name=self.name,
            kind="sqs",
            where=self._where,
            batches=self.batches,
            failed=self.failed,
            events=self._taking.events,
            waiting=-1 if self._sizes is None else self._sizes.waiting,
            dead=0 if self._sizes is None else max(self._sizes.dead, 0),
            oldest_us=min((sent for sent in self._under_way.values() if sent), default=0),
            last_us=self.last_us,
            last_error=self.last_error,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. What is under way then comes again when its invisibility ends."""
        task_status.started()  # a queue that is not to be had is no reason for anybody not to start
        pause = _SHORTEST
        while self._ours is None:
            try:
                self._ours = await self._blocking(self._connect)
            except Unavailable as fault:
                pause = await self._wait(_QUEUE, fault, pause)
        queue, objects = self._ours
        self._waits_for.pop(_QUEUE, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look, queue)
            while True:
                await self._running(self.name)
                free = await self._free()
                messages: Sequence[Received] = ()
                try:
                    messages = await self._polling(queue.receive, free, POLL_S, self._hidden_s)
                    pause = _SHORTEST
                    self._waits_for.pop(_QUEUE, None)
                except (Missing, Refused, Unavailable) as fault:
                    pause = await self._wait(_QUEUE, fault, pause)
                finally:
                    for _ in range(free - len(messages)):
                        self._slots.release()
                for message in messages:
                    nursery.start_soon(self._message, queue, objects, message)

    async def _free(self) -> int:
        """Take every free slot, one at least: so many messages can be received."""
        await self._slots.acquire()
        for taken in range(1, min(self._parallel, 10)):
            try:
                self._slots.acquire_nowait()
            except trio.WouldBlock:
                return taken
        return min(self._parallel, 10)

    async def _wait(self, waiter: str, fault: WeirError, pause: float) -> float:
        """Say it once, wait, and give the next pause."""
        if self._waits_for.get(waiter) != fault.message:
            facts = {"intake": self.name, "reason": fault.message}
            self._log.warning("interpreted events wait", extra=facts)
        self._waits_for[waiter] = fault.message
        await trio.sleep(pause)
        return min(pause * 2, _LONGEST)

    async def _look(self, queue: Queue) -> None:
        """How much waits, and how much is with the dead letters."""
        while True:
            try:
                self._sizes = await self._blocking(queue.sizes)
            except (Missing, Refused, Unavailable) as fault:
                self._log.debug("how much waits is not known", extra={"reason": fault.message})
                if self._sizes is not None:
                    self._sizes = self._sizes._replace(waiting=-1)
            await trio.sleep(LOOK_S)

    # One message

    async def _message(self, queue: Queue, objects: Objects, message: Received) -> None:
        self._under_way[message.receipt] = message.sent_us
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep, queue, message, nursery.cancel_scope)
                await self._work(queue, objects, message)
                nursery.cancel_scope.cancel()
        finally:
            del self._under_way[message.receipt]
            self._waits_for.pop(message.receipt, None)
            self._slots.release()

    async def _keep(self, queue: Queue, message: Received, work: trio.CancelScope) -> None:
        """Renew its invisibility. Somebody else's, it is left to them."""
        while True:
            await trio.sleep(self._hidden_s / 3)
            try:
                await self._blocking(queue.hide, message.receipt, self._hidden_s)
            except Missing:
                self._log.warning("a message is not ours any more", extra={"message_id": message.id})
                work.cancel()
            except (Refused, Unavailable) as fault:
                self._log.warning("a message may come twice", extra={"reason": fault.message})

    async def _work(self, queue: Queue, objects: Objects, message: Received) -> None:
        """Everything that it announces, then its end."""
        done: dict[Created, str] = {}
        again = message.receives > 1
        pause = _SHORTEST
        with trio.move_on_after(LONGEST_HOLD_S):
            while True:
                try:
                    reasons = await self._objects(objects, message, done, again)
                    await self._end(queue, message, reasons)
                    return
                except WeirError as fault:
                    again = True
                    pause = await self._wait(message.receipt, fault, pause)
        self.failed += 1
        self._log.error("a message is given back: it could not be taken", extra={"message_id": message.id})

    async def _objects(
        self, objects: Objects, message: Received, done: dict[Created, str], again: bool
    ) -> list[str]:
        """Why it is a dead letter, if it is. What is `done` is not read again."""
        try:
            wanted = announced(message.body)
        except Refused as fault:
            return [f"the message: {fault.message}"]
        for created in wanted:
            if created not in done:
                done[created] = await self._taking.take(objects, created, again)
        return [f"{created}: {reason}" for created, reason in done.items() if reason]

    async def _end(self, queue: Queue, message: Received, reasons: Sequence[str]) -> None:
        if not reasons:
            await self._blocking(queue.delete, message.receipt)
            self.batches += 1
            self.last_us = self._now_us()
            self._dead_letter = ""
            return
        try:
            if await self._redrives(queue) or message.receives < self._attempts:
                await self._blocking(queue.hide, message.receipt, self._back_s * message.receives)
            elif not await self._blocking(queue.bury, message, reasons[0]):
                await self._blocking(queue.hide, message.receipt, _LEFT_ALONE_S)
        except (Missing, Refused) as fault:  # it comes again by itself
            self._log.warning("a dead letter stays", extra={"reason": fault.message})
        self.failed += 1
        self._dead_letter = reasons[0]
        for reason in reasons[:_MOST_REASONS]:
            facts = {"message_id": message.id, "receives": message.receives, "reason": reason}
            self._log.error("an announced object cannot be taken", extra=facts)

    async def _redrives(self, queue: Queue) -> bool:
        """Whether the queue itself moves away what came too often."""
        if self._sizes is None:
            try:
                self._sizes = await self._blocking(queue.sizes)
            except (Missing, Refused):  # we may not ask
                return False
        return self._sizes.redrives > 0
