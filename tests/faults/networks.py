"""Affiliate networks that report sales while everything fails, and repeat what was not answered 200."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.visitors import Visitors
from tests.wire import Address, exchange


@dataclass
class Postback:
    """One sale: each try is a request; `answers` are the ids of those that were answered 200."""

    transaction: str
    click_id: str
    tries: int = 0
    answers: list[str] = field(default_factory=list)


class Networks:
    """Threads that report clicks of `visitors`; a 503 or a broken connection is repeated until it is 200."""

    def __init__(
        self,
        address: Callable[[], Address],
        visitors: Visitors,
        name: str,
        threads: int = 2,
        pause: float = 0.05,
    ) -> None:
        self._address = address
        self._visitors = visitors
        self._name = name
        self._pause = pause
        self._stop = threading.Event()
        self.sales: list[list[Postback]] = [[] for _ in range(threads)]
        self.refused = 0
        """Answers 503."""
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """After every sale that was begun has been answered 200."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def all(self) -> list[Postback]:
        return [sale for sales in self.sales for sale in sales]

    def _run(self, thread: int) -> None:
        dice = random.Random(thread)
        repeat: deque[Postback] = deque()
        patience = 0.0
        while not self._stop.is_set() or repeat:
            if self._stop.is_set() and not patience:
                patience = time.monotonic() + 60
            if patience and time.monotonic() > patience:
                break
            sale = self._next(thread, dice, repeat)
            if sale is None:
                time.sleep(0.02)
                continue
            sale.tries += 1
            if not self._send(sale):
                repeat.append(sale)
            elif dice.random() < 0.05 and not self._stop.is_set():
                repeat.append(sale)  # some networks repeat what was answered, too
            time.sleep(self._pause)

    def _next(self, thread: int, dice: random.Random, repeat: deque[Postback]) -> Postback | None:
        if repeat and (self._stop.is_set() or dice.random() < 0.5):
            return repeat.popleft()
        click_id = "" if self._stop.is_set() else self._visitors.latest_click(dice.randrange(100))
        if not click_id:
            return None
        sale = Postback(f"{self._name}-{thread}-{len(self.sales[thread])}", click_id)
        self.sales[thread].append(sale)
        return sale

    def _send(self, sale: Postback) -> bool:
        query = f"click_id={sale.click_id}&transaction_id={sale.transaction}&payout=1.25&status=sale"
        try:
            answer = exchange(self._address(), f"/pb/demo?{query}", timeout=60)
        except (OSError, ValueError):
            return False
        self.refused += answer.status == 503
        if answer.status != 200:
            return False
        sale.answers.append(answer.body.decode().split()[1])
        return True
