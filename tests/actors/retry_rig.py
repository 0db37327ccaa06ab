"""The delivery outbox over a real store, and receivers that are functions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from appliance.actors.kernel import inline_runner
from appliance.actors.retry import Limits, Retry
from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Attempt, Delivery, Stored, delivery_id
from appliance.partners.patience import Outcome
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger

START = 1_790_000_000_000_000
OK = Outcome(True)
Answer = Callable[["World", str, str], tuple[float, Outcome]]


class Killed(BaseException):
    """kill -9, as far as the actor can tell."""


class World:
    """Receivers: target → how it answers, how long it takes to reach, and what they processed. Outlives the
    actor."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.connects: dict[str, float] = {}
        self.asked: list[tuple[float, str, str]] = []
        self.processed: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_in_all = 0

    async def carry(self, stored: Stored, sent: Callable[[], None]) -> tuple[Attempt, Outcome]:
        it = stored.delivery
        self.asked.append((trio.current_time(), it.target, it.id))
        self.under_way[it.target] += 1
        self.most[it.target] = max(self.most[it.target], self.under_way[it.target])
        self.most_in_all = max(self.most_in_all, self.under_way.total())
        try:
            answer = self.answers.get(it.target, at_once)
            takes, outcome = answer(self, it.target, it.id)
            if it.target in self.connects:
                await trio.sleep(self.connects[it.target])
            sent()
            await trio.sleep(takes)
            if outcome.delivered:
                self.processed[it.id] += 1
            attempt = Attempt(at_us=START, latency_us=int(takes * 1e6), request="r", error=outcome.reason)
            return attempt, outcome
        finally:
            self.under_way[it.target] -= 1

    def times(self, target: str) -> list[float]:
        return [at for at, asked, _ in self.asked if asked == target]


def at_once(world: World, target: str, key: str) -> tuple[float, Outcome]:
    return 0.01, OK


def fails(reason: str = "answered 500", takes: float = 0.01, **more: Any) -> Answer:
    return lambda world, target, key: (takes, Outcome(False, reason, **more))


class Outbox:
    """One ledger file; the actor over it may be killed and begun again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world = World()
        self.gates: dict[str, str] = {}
        self.step: Callable[[str], None] = lambda name: None
        self.away = False
        self.ledger = SqliteLedger(path, lambda: START // 1000)
        self.store = SqliteDeliveries(path, lambda name: self.step(name))
        self.draw = random.Random(1).random
        self._made = 0

    def now_us(self) -> int:
        return START + int(trio.current_time() * 1e6)

    def retry(self, **limits: Any) -> Retry:
        async def blocking(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if self.away:
                raise Unavailable("the disk is full")
            return await inline_runner(fn, *args, **kwargs)

        return Retry(
            store=self.store,
            carry=self.world.carry,
            gate=lambda target: self.gates.get(target, "open" if target.startswith("postback:") else ""),
            run_blocking=blocking,
            now_us=self.now_us,
            draw=self.draw,
            limits=Limits(**limits),
        )

    def put(self, target: str, count: int = 1, hours: float = 72.0) -> list[str]:
        made = []
        for _ in range(count):
            self._made += 1
            made.append(
                Delivery(
                    id=delivery_id(target, str(self._made)),
                    target=target,
                    conversion_id=f"c{self._made}",
                    revision=1,
                    campaign_id=0,
                    created_us=self.now_us(),
                    not_before_us=self.now_us(),
                    deadline_us=self.now_us() + int(hours * 3.6e9),
                    body=b"\x80",
                )
            )
        self.ledger.commit(Settlement(deliveries=made))
        return [each.id for each in made]

    def states(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for states in self.store.counts().values():
            found.update(states)
        return found

    def close(self) -> None:
        self.ledger.close()
        self.store.close()
