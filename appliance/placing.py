"""Who serves which public socket. A socket whose edge is away is lent to a sibling: nobody waits long."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import trio

from appliance.child import Child
from appliance.listening import PublicSockets
from appliance.seat import Seat

log = logging.getLogger("weir.parent")

UNSERVED_SECONDS = 0.5
"""An edge away longer than this has its waiting visitors served by a sibling; a restart takes about that."""


class Placing:
    """Edge i serves place i by itself; everything else is an adoption, commanded and taken back here."""

    def __init__(self, sockets: PublicSockets, edges: Sequence[Seat]) -> None:
        self._sockets = sockets
        self._edges = edges
        self._adopters: dict[int, Child] = {}
        """Place → the child that was told to adopt it."""
        self._away_since: dict[Seat, float] = {}

    async def settle(self) -> None:
        """Compare what is served with what should be, and command the difference. Called at every change."""
        now = trio.current_time()
        for seat in self._edges:
            if seat.serving is not None:
                self._away_since.pop(seat, None)
            else:
                self._away_since.setdefault(seat, now)
        for place in range(len(self._sockets.places)):
            await self._settle_place(place, now)

    async def _settle_place(self, place: int, now: float) -> None:
        home = self._edges[place % len(self._edges)]
        adopter = self._adopters.get(place)
        if adopter is not None and not adopter.serving:
            del self._adopters[place]
            adopter = None
        if home.serving is None:
            if adopter is None and now - self._away_since.get(home, now) > UNSERVED_SECONDS:
                await self._adopt(place, self._sibling(place))
        elif place < len(self._edges):
            await self._release(place)
        elif adopter is not home.serving:  # systemd gave more sockets than there are edges
            await self._adopt(place, home.serving)

    def _sibling(self, place: int) -> Child | None:
        """The edge with the fewest adopted sockets; None when nobody can, or somebody serves it already."""
        if any(self._edges[twin].serving for twin in self._sockets.twins(place) if twin < len(self._edges)):
            return None
        ready = [seat.serving for seat in self._edges if seat.serving is not None]
        return min(ready, key=list(self._adopters.values()).count, default=None)

    async def _adopt(self, place: int, child: Child | None) -> None:
        if child is None:
            return
        await self._release(place)
        self._adopters[place] = child
        log.info("socket adopted", extra={"socket": place, "child": child.name})
        await child.tell({"do": "adopt", "socket": place})

    async def _release(self, place: int) -> None:
        adopter = self._adopters.pop(place, None)
        if adopter is not None and adopter.serving:
            log.info("socket released", extra={"socket": place, "child": adopter.name})
            await adopter.tell({"do": "release", "socket": place})
