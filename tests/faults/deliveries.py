"""The postbacks phase: thousands of sales, kill -9 of core and edges, a receiver that loses answers.

Every sale is one conversion, in the ledger and in the reports, with its money to the micro-unit; every one of
them is told until it is acknowledged; by the idempotency key the receiver ends with exactly one of each.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from tests.faults.tally import Tally
from tests.journeys.board import Board
from tests.progress import wait_until_reached
from tests.receivers import Receiver
from tests.rig import Weir, alive, wait_for
from tests.wire import Address, exchange

LOST = 0.3
SENDERS = 4
PER_CLICK = 20
PATIENT = 1_800.0
"""Seconds without an acknowledgement: a lease of a life that was killed lasts 40 of them, a pause minutes."""
PAYOUT = Decimal("1.25")
VICTIMS = ("core", "edge-0", "core", "edge-1")


class Site(Protocol):
    """A Weir at a fixed address (run.py), with outbound.allow for loopback."""

    weir: Weir
    address: Address


class Senders:
    """Networks that report sales and repeat what was not answered 200."""

    def __init__(self, site: Site, clicks: list[str], count: int) -> None:
        self._site = site
        self._clicks = clicks
        self._left = iter(range(count))
        self._lock = threading.Lock()
        self.answered = 0
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                number = next(self._left, None)
            if number is None:
                return
            click = self._clicks[number % len(self._clicks)]
            path = f"/pb/network?click_id={click}&transaction_id=sale-{number}&payout={PAYOUT}"
            while not self._sent(path):
                time.sleep(0.02)
            with self._lock:
                self.answered += 1

    def _sent(self, path: str) -> bool:
        try:
            return exchange(self._site.address, path, timeout=60).status == 200
        except (OSError, ValueError):
            return False


def telling(site: Site, kills: int, count: int, dice: random.Random) -> Tally:
    """Raises AssertionError when a sale is not exactly one conversion, told and acknowledged."""
    site.weir.wait_ready()
    try:
        with Receiver(lose=LOST) as receiver:
            board = Board(site.weir)
            board.call("networks.create", name="Network", slug="network")
            slug = board.campaign({"to": ["offer"]})
            made = board.call(
                "targets.create", name="flaky", url=f"{receiver.url}/?t={{transaction_id}}&id={{delivery_id}}"
            )
            board.settle()
            clicks = [board.visit(f"/c/{slug}").query["c"] for _ in range(max(1, count // PER_CLICK))]
            senders = Senders(site, clicks, count)
            senders.start()
            for number in range(kills):
                wait_until_reached(
                    "sales", lambda: senders.answered, number * count // kills, lambda: f"{_figures(site)}"
                )
                time.sleep(dice.uniform(0.0, 0.5))
                _kill(site, VICTIMS[number % len(VICTIMS)])
            senders.join()
            wait_for("most of them acknowledged", lambda: _delivered(site) >= 0.95 * count, PATIENT)
            # The pauses of the unlucky ones are minutes by now: an operator has them tried at once.
            _hurry(site)
            wait_until_reached(
                "acknowledged deliveries",
                lambda: _delivered(site),
                count,
                lambda: f"{_figures(site)}",
                PATIENT,
            )
            _check(site, receiver, int(made["id"]), count)
            wait_for("all of them in the reports", lambda: _reported(site)["conversions"] >= count, PATIENT)
            time.sleep(3)  # nothing is added any more
            found = _reported(site)
            assert (found["conversions"], Decimal(found["revenue"])) == (count, count * PAYOUT), found
            print(
                f"postbacks: {kills} kills, {count} sales, {receiver.told.total()} requests at a receiver "
                f"that lost {LOST:.0%} of its answers, {len(receiver.told)} by their keys",
                flush=True,
            )
    finally:
        site.weir.end()
    return Tally()


def _check(site: Site, receiver: Receiver, target: int, count: int) -> None:
    items = list(_all(Board(site.weir), targets=[f"postback:{target}"]))
    assert {item["state"] for item in items} == {"delivered"}, "nothing is left, nothing was given up"
    assert len(items) == count, f"{len(items)} deliveries for {count} sales"
    assert len({item["conversion_id"] for item in items}) == count, "a conversion was told twice"
    assert set(receiver.told) == {item["id"] for item in items}, "the receiver has others, or not all"
    sales: dict[str, set[str]] = {}
    for told in receiver.requests:
        query = parse_qs(urlsplit(told.path).query)
        assert query["id"] == [told.headers["idempotency-key"]]
        sales.setdefault(query["t"][0], set()).add(query["id"][0])
    assert set(sales) == {f"sale-{number}" for number in range(count)}
    assert all(len(keys) == 1 for keys in sales.values()), "a sale has two keys"


def _reported(site: Site) -> dict[str, Any]:
    return dict(Board(site.weir).call("reports.overview", metrics=["conversions", "revenue"], currency="USD"))


def _all(board: Board, **which: Any) -> Iterator[dict[str, Any]]:
    before: dict[str, Any] = {}
    while items := board.call("deliveries.list", limit=1000, **which, **before)["items"]:
        yield from items
        before = {"before": items[-1]["number"]}


def _kill(site: Site, victim: str) -> None:
    pid = wait_for(f"a {victim} to kill", lambda: site.weir.children().get(victim), 60)
    site.weir.kill(victim)
    wait_for(f"{victim} dead", lambda: not alive(pid))


def _hurry(site: Site) -> None:
    for _ in range(10):
        time.sleep(2)
        Board(site.weir).call("deliveries.retry", states=["pending"])


def _figures(site: Site) -> dict[str, Any]:
    try:
        return dict(Board(site.weir).call("system.status")["deliveries"])
    except (AssertionError, OSError, ValueError):
        return {}  # the core is on its way


def _delivered(site: Site) -> int:
    time.sleep(0.5)  # twenty pages of them cost whoever delivers more than the figure is worth
    try:
        return len(list(_all(Board(site.weir), states=["delivered"])))
    except (AssertionError, OSError, ValueError):
        return 0
