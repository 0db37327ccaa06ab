"""What edges learned of visitors, passed on to the other edges.

No task of its own: everything here answers a message at once. What is passed on stands in a ring, numbered,
so that an edge that was away for a moment goes on where it was. Each edge has one message on its way, the
next follows its answer. An edge that missed more than the ring holds, or that heard another core, has the
other edges tell again what they learned since: nothing they learned is lost with a core.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from appliance.model.memory import (
    Lessons,
    LessonsTaken,
    Remembering,
    ShareAgain,
    Taught,
    TaughtTaken,
)

MOST_BYTES = 32 << 20
"""In the ring: about a million pairs. Full: the oldest go; who had not heard them is told again by others."""
MOST_IN_ONE = 5_000 * 29
_MARGIN_S = 60

Say = Callable[[LessonsTaken | Taught | ShareAgain, int | None], None]
"""CoreLink.say(message, edge)."""


@dataclass(frozen=True)
class _Said:
    """One entry of the ring, by the process that it came from."""

    edge: int
    pid: int
    body: bytes


@dataclass
class _Listener:
    """An edge: what it has confirmed, and up to where what is on its way goes (0: nothing is)."""

    pid: int
    next: int
    in_flight: int = 0


class Sharing:
    """Feeds every edge with what the others learned. `core` differs from one life of the core to the next."""

    def __init__(self, core: int, say: Say, now_us: Callable[[], int]) -> None:
        self._core = core
        self._say = say
        self._now_us = now_us
        self._ring: deque[_Said] = deque()
        self._first = 1
        """The number of the ring's first entry."""
        self._bytes = 0
        self._listeners: dict[int, _Listener] = {}
        self._again: ShareAgain | None = None

    def remembering(self, edge: int, message: Remembering) -> None:
        """An edge is connected, again or for the first time."""
        core, number, heard_s = message.heard
        held = core == self._core and number + 1 >= self._first
        self._listeners[edge] = _Listener(message.pid, number + 1 if held else self._first)
        if not held and self._others(edge):
            self._have_told_again(max(0, heard_s - _MARGIN_S))
        self._feed(edge)

    def lessons(self, edge: int, message: Lessons) -> None:
        """What an edge learned: in the ring, so it need not keep it for the others."""
        self._put(_Said(edge, message.pid, message.body))
        self._say(LessonsTaken(self._core, message.pid, message.last), edge)

    def taught_taken(self, edge: int, message: TaughtTaken) -> None:
        listener = self._listeners.get(edge)
        if listener is None or message.core != self._core or message.pid != listener.pid:
            return  # of two processes of an edge the one that said hello last counts
        listener.next = max(listener.next, message.last + 1)
        if message.last >= listener.in_flight:
            listener.in_flight = 0
            self._feed(edge)

    def _put(self, said: _Said) -> None:
        self._ring.append(said)
        self._bytes += len(said.body)
        while self._bytes > MOST_BYTES and len(self._ring) > 1:
            self._bytes -= len(self._ring.popleft().body)
            self._first += 1
        for edge in list(self._listeners):
            self._feed(edge)

    def _feed(self, edge: int) -> None:
        """Say what follows to an edge that waits for it."""
        listener = self._listeners[edge]
        if listener.in_flight:
            return
        if listener.next < self._first:  # it took so long that the ring came round
            self._have_told_again(self._now_us() // 1_000_000 - _MARGIN_S)
            listener.next = self._first
        end = self._first + len(self._ring)
        bodies: list[bytes] = []
        size = 0
        while listener.next < end and size < MOST_IN_ONE:
            said = self._ring[listener.next - self._first]
            listener.next += 1
            if said.edge != edge or said.pid != listener.pid:
                bodies.append(said.body)
                size += len(said.body)
        if size:
            listener.in_flight = listener.next - 1
            self._say(Taught(self._core, listener.in_flight, tuple(bodies)), edge)

    def _others(self, edge: int) -> bool:
        return any(other != edge for other in self._listeners)

    def _have_told_again(self, since_s: int) -> None:
        """A question replaces the one before, which some edge may not have got yet: it asks for that too."""
        if self._again is not None and self._now_us() - self._again.id < _MARGIN_S * 1_000_000:
            since_s = min(since_s, self._again.since_s)
        self._again = ShareAgain(self._now_us(), since_s)
        self._say(self._again, None)
