"""Work that others have for the conversions actor: done between two of its passes, in the order it came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import trio

from appliance.actors.conversions_books import Books
from appliance.errors import Unavailable
from appliance.model.conversions import ClickFacts, Settlement

T = TypeVar("T")
Work = Callable[[Books], tuple[Settlement, T]]
"""Runs in the actor's thread; what it settles is stored before its answer is given. It may run for a second
at most: postbacks wait meanwhile."""

MOST = 16
PATIENCE = 30.0
"""Seconds until an order that nobody has begun is withdrawn."""


class Order(Generic[T]):
    """`facts`: the clicks that it needs, by id."""

    def __init__(self, work: Work[T], facts: Mapping[str, ClickFacts]) -> None:
        self.work = work
        self.facts = facts
        self.begun = trio.Event()
        self._done = trio.Event()
        self._answers: list[T] = []
        self._error: Exception | None = None

    def fulfil(self, answer: T) -> None:
        self._answers.append(answer)
        self._done.set()

    def fail(self, error: Exception) -> None:
        """No answer, unless it has ended already."""
        if not self._done.is_set():
            self._error = error
            self._done.set()

    async def answer(self) -> T:
        await self._done.wait()
        if self._answers:
            return self._answers[0]
        assert self._error is not None
        raise self._error


class Orders:
    """A bounded queue, refused with Unavailable when it is full or closed. `came` is told of an order."""

    def __init__(self, came: Callable[[], None]) -> None:
        self._came = came
        self._open = False
        self._queue: deque[Order[Any]] = deque()
        self._at_hand: Order[Any] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    async def put(self, order: Order[T]) -> T:
        """The order's answer, once what it settled is stored. A caller that goes away before it is begun
        takes it along; later it is carried out without him."""
        if not self._open:
            raise Unavailable("conversions are not processed just now; try again in a moment")
        if len(self._queue) >= MOST:
            raise Unavailable("too many others want to change conversions just now; try again in a moment")
        self._queue.append(order)
        self._came()
        try:
            with trio.move_on_after(PATIENCE):
                await order.begun.wait()
        finally:
            if order in self._queue:
                self._queue.remove(order)
                order.fail(Unavailable("conversions were busy for too long; nothing was changed"))
        return await order.answer()

    def open(self) -> None:
        self._open = True

    def take(self) -> Order[Any] | None:
        """The next one, which is begun now."""
        if not self._queue:
            return None
        self._at_hand = order = self._queue.popleft()
        order.begun.set()
        return order

    def close(self) -> None:
        """The actor ends, whatever happened: nobody waits for an answer any more."""
        self._open = False
        if self._at_hand is not None:
            self._at_hand.fail(Unavailable("interrupted; look whether it was done before you repeat it"))
            self._at_hand = None
        while self._queue:
            order = self._queue.popleft()
            order.begun.set()
            order.fail(Unavailable("Weir is stopping; nothing was changed"))
