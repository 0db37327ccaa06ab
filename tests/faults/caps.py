"""The caps phase: a cap on clicks, visitors at both edges without pause, and kill -9 of anything meanwhile.

Never more than the limit is recorded; with the core up and demand going on, exactly the limit.
"""

from __future__ import annotations

import random
import time
from typing import Any, Protocol

from tests.faults.tally import Tally
from tests.journeys.board import Board
from tests.progress import wait_until_reached
from tests.rig import Weir, alive, wait_for
from tests.visitors import Visitors
from tests.wire import Address

# The visitors come some 100 times a second and a kill takes a second or two: reached after the last kill.
PER_KILL = 120


class Site(Protocol):
    """A Weir that is started again when its parent dies (run.py)."""

    weir: Weir
    address: Address

    def restart(self) -> None: ...


def capping(site: Site, kills: int, dice: random.Random) -> Tally:
    """Raises AssertionError when a cap was exceeded or was not met."""
    site.weir.wait_ready()
    try:
        limit = PER_KILL * max(kills, 5)
        board = Board(site.weir)
        caps = [{"metric": "clicks", "limit": str(limit), "window_hours": 24}]
        capped = board.destination("capped", caps=caps)
        board.destinations["capped"] = capped
        slug = board.campaign({"to": ["capped"]}, trafficback_url="https://back.example/?click_id={click_id}")
        visitors = Visitors(lambda: site.address, [f"/c/{slug}"], name="caps", clients=4, pause=0.008)
        visitors.start()
        victims = [("edge-0", "core", "edge-1", "core", "parent")[n % 5] for n in range(kills)]
        dice.shuffle(victims)
        try:
            for victim in victims:
                time.sleep(dice.uniform(0.05, 1.0))
                _kill(site, victim)
            wait_until_reached(
                "the cap", lambda: int(_cap(site, capped).get("used", 0)), limit,
                lambda: f"{_cap(site, capped)}, {len(visitors.answered)} visitors answered",
            )  # fmt: skip
            time.sleep(2)
        finally:
            visitors.stop()
        wait_until_reached(
            "the reports", lambda: _recorded(site, capped), limit, lambda: f"{_cap(site, capped)}"
        )
        time.sleep(3)
        recorded, used = _recorded(site, capped), _cap(site, capped)["used"]
        print(
            f"caps: {kills} kills, limit {limit}, recorded {recorded}, metered {used}, "
            f"{len(visitors.answered)} visitors answered",
            flush=True,
        )
        assert recorded == limit == used, f"{recorded} clicks recorded, {used} metered, the limit is {limit}"
    finally:
        site.weir.end()
    return Tally()


def _kill(site: Site, victim: str) -> None:
    if victim == "parent":
        site.weir.kill("parent")
        site.restart()
        return
    pid = wait_for(f"a {victim} to kill", lambda: site.weir.children().get(victim), 60)
    site.weir.kill(victim)
    wait_for(f"{victim} dead", lambda: not alive(pid))


def _cap(site: Site, destination: int) -> dict[str, Any]:
    try:
        found = Board(site.weir).call("destinations.caps", destination_id=destination)["items"]
    except (AssertionError, OSError, ValueError):
        return {}  # the core is on its way
    return dict(found[0]) if found else {}


def _recorded(site: Site, destination: int) -> int:
    try:
        answer = Board(site.weir).call("reports.query", group_by=["destination"], metrics=["clicks"])
    except (AssertionError, OSError, ValueError):
        return 0
    return sum(int(item["clicks"]) for item in answer["items"] if _id(item["destination"]) == destination)


def _id(shown: Any) -> int:
    return int(shown["id"] if isinstance(shown, dict) else shown)
