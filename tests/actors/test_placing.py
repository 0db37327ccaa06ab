"""Who serves which public socket, while children come and go between two looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import trio

from appliance.child import Child
from appliance.listening import PublicSockets
from appliance.placing import UNSERVED_SECONDS, Placing
from appliance.seat import Seat


@dataclass
class Edge:
    """What Placing sees of a child."""

    name: str
    while_told: Callable[[], None] = lambda: None
    told: list[Mapping[str, Any]] = field(default_factory=list)
    serving: bool = True

    async def tell(self, line: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self.told.append(line)
        self.while_told()


@dataclass(eq=False)
class Place:
    """What Placing sees of a seat."""

    serving: Edge | None


def placing(*seats: Place) -> Placing:
    sockets = PublicSockets(cast("Any", tuple(object() for _ in seats)))
    return Placing(sockets, cast("list[Seat]", list(seats)))


async def test_an_edge_that_dies_while_another_is_told_something_is_dealt_with_later(
    autojump_clock: trio.testing.MockClock,
) -> None:
    seats = [Place(None), Place(Edge("edge-1")), Place(Edge("edge-2"))]

    def edge_2_dies() -> None:
        seats[2].serving = None

    assert seats[1].serving is not None
    seats[1].serving.while_told = edge_2_dies
    look = placing(*seats)
    await look.settle()
    await trio.sleep(UNSERVED_SECONDS + 0.1)
    await look.settle()  # edge-1 adopts socket 0, and edge-2 dies meanwhile
    assert seats[1].serving.told == [{"do": "adopt", "socket": 0}]
    await look.settle()  # the death is seen now, and its time begins
    await trio.sleep(UNSERVED_SECONDS + 0.1)
    await look.settle()
    assert seats[1].serving.told[1:] == [{"do": "adopt", "socket": 2}]


def test_the_doubles_have_what_placing_asks_for() -> None:
    assert hasattr(Child, "tell") and hasattr(Child, "serving") and hasattr(Seat, "serving")
