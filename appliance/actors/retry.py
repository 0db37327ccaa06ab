"""The delivery outbox: takes what is due under a lease, has it sent, and keeps what came of it.

Each target has a queue of its own. One attempt per target is always possible, whatever the others do, so
that a receiver that is dead or slow delays nobody but itself; more at once share what is left of the bound.
A life that is killed leaves its leases to run out: an attempt is then made again under the same id. One that
is stopped stores what came of its attempts, and gives back the leases of those of which nothing was sent yet.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from appliance.errors import Unavailable
from appliance.model.deliveries import (
    Attempt,
    DeliveriesReport,
    Result,
    Selection,
    Standing,
    Stored,
    Waiting,
)
from appliance.partners.patience import SECOND, Outcome, Patience, after, standing
from appliance.ports import Runner

log = logging.getLogger("weir.retry")
EXPIRED = "deadline passed while its target was paused"
UNWANTED = "its target is not there any more"


class Deliveries(Protocol):
    """What is to be told to targets, and what came of it. Blocking; any thread may call; durable when a call
    returns. Every method raises Unavailable when the store cannot be reached or is full.

    Deliveries come in by Ledger.commit. `selection` narrows a method to the deliveries it names.
    """

    def waiting(self) -> Sequence[Waiting]:
        """The targets with pending deliveries, in order of their names; leased ones are due at their end."""

    def take(self, wanted: Mapping[str, int], now_us: int, lease_us: int) -> Sequence[Stored]:
        """Lease until `lease_us` up to so many of each target's that are due, those first due first."""

    def finish(self, results: Sequence[Result], standings: Sequence[Standing], now_us: int) -> None:
        """Store attempts and what follows, all or nothing; a standing without failures is forgotten.

        An attempt is kept whoever holds the lease by now. What was acknowledged becomes delivered; anything
        else changes its delivery only while that is pending under the lease of the result.
        """

    def release(self, held: Sequence[tuple[int, int]], now_us: int) -> None:
        """Give back leases before their end: (number, lease_us) of each; those pending are due now."""

    def expire(self, target: str, now_us: int, reason: str, limit: int) -> int:
        """Up to `limit` pending deliveries past their deadline and not leased become dead; how many."""

    def standings(self) -> Sequence[Standing]:
        """Of the targets that failed since their last success."""

    def resume(self, targets: Collection[str]) -> None:
        """Forget these targets' standings."""

    def hurry(self, targets: Collection[str], limit: int, now_us: int) -> int:
        """Up to `limit` pending deliveries that wait for their next try are due now; how many."""

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Target → state → how many."""

    def select(self, selection: Selection, below: int, limit: int) -> Sequence[Stored]:
        """Newest first, with numbers lower than `below`."""

    def count(self, selection: Selection) -> int:
        """How many there are; the selection names a conversion."""

    def get(self, id: str) -> tuple[Stored, Sequence[Attempt]] | None:
        """A delivery and its attempts, oldest first."""

    def replay(
        self, selection: Selection, above: int, limit: int, now_us: int, deadline_us: int
    ) -> Sequence[tuple[int, str]]:
        """Make up to `limit` of them pending and due, of those with numbers higher than `above` that are not
        leased, in order of number; returns (number, target) of each. What is for an ad platform keeps its
        deadline, and from when on it may have been received."""

    def cancel(
        self, selection: Selection, above: int, limit: int, now_us: int, reason: str
    ) -> Sequence[tuple[int, str]]:
        """Cancel those that are pending or dead, as `replay` does."""

    def sweep(self, before_us: int, limit: int) -> int:
        """Delete up to `limit` that are not pending since before then, with their attempts; how many."""

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms; times in seconds. What happens at each bound is said beside it."""

    per_target: int = 8
    """Attempts under way for one target. Full: the next waits in the store."""
    suspect: int = 3
    """Failures in a row after which a target is asked one by one until it answers."""
    shared: int = 64
    """Attempts beyond each target's first. Full: every target has its first one only."""
    in_all: int = 500
    """Attempts under way. Full: the next targets wait for a place, each in its turn; those that fail are
    paused before long, so there would have to be as many slow ones."""
    lease: float = 40.0
    """Longer than an attempt and its storing take; whoever died holding one is followed after it."""
    poll: float = 1.0
    stored_again: float = 1.0
    """Between tries to store results. Meanwhile nothing new is taken for their targets beyond the bounds."""
    expire: float = 60.0
    expire_at_once: int = 1_000
    hurry_at_once: int = 1_000
    leave: float = 2.0
    """For storing results when it is stopped. Later: the leases run out, as after a kill."""


Carry = Callable[[Stored, Callable[[], None]], Awaitable[tuple[Attempt, Outcome]]]
"""Makes one attempt, and calls the function just before the first byte of its request goes out. Raises
nothing: whatever goes wrong is its outcome."""

Made = tuple[Stored, Attempt, Outcome]
Concluded = tuple[list[Result], list[Standing]]
Gate = Callable[[str], str]
"""What is to be done for a target: "open", "held" (later), "gone" (never), "" (not ours)."""


class Retry:
    """The actor; `run` under supervision. `draw` gives numbers from 0 to 1."""

    def __init__(
        self,
        *,
        store: Deliveries,
        carry: Carry,
        gate: Gate,
        run_blocking: Runner,
        now_us: Callable[[], int],
        draw: Callable[[], float],
        limits: Limits | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._carry = carry
        self._gate = gate
        self._blocking = run_blocking
        self._now_us = now_us
        self._draw = draw
        self._limits = limits or Limits()
        self._patience = patience or Patience()
        self._wake = trio.Event()
        self._standings: dict[str, Standing] = {}
        self._under_way: Counter[str] = Counter()
        self._unsent: dict[int, Stored] = {}
        self._anew: set[str] = set()
        self._done: list[Made] = []
        self._concluded: Concluded | None = None
        self._came = trio.Event()
        self._expired_at: dict[str, float] = {}
        self._pending = self._dead = self._oldest_us = 0
        self._turn = 0
        self.outcomes: Counter[str] = Counter()
        self.last_error = ""

    def wake(self) -> None:
        """There may be something to deliver; never waits."""
        self._wake.set()

    def anew(self, targets: Iterable[str]) -> None:
        """These are asked in another way from now on: what failed says nothing of it. Never waits."""
        self._anew.update(targets)
        self.wake()

    async def resume(self, targets: Iterable[str]) -> None:
        """These are no longer paused, whatever they answered so far. Raises Unavailable."""
        those = [target for target in targets if target in self._standings]
        for target in those:
            del self._standings[target]
        if those:
            await self._blocking(self._store.resume, those)
            self.wake()

    def standings(self) -> Mapping[str, Standing]:
        """Of the targets that failed since their last success."""
        return self._standings

    def report(self) -> DeliveriesReport:
        """As of the last look into the store; never waits."""
        oldest = max(0, self._now_us() - self._oldest_us) / SECOND if self._oldest_us else 0.0
        return DeliveriesReport(
            pending=self._pending,
            dead=self._dead,
            oldest_seconds=oldest,
            paused=tuple(sorted(name for name, found in self._standings.items() if found.paused_us)),
            attempts=dict(self.outcomes),
            last_error=self.last_error,
        )

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver until cancelled. A store that is away is asked again; what was done is kept meanwhile."""
        self._under_way.clear()
        self._unsent.clear()
        self._done.clear()
        self._concluded = None
        found = await self._blocking(self._store.standings)
        self._standings = {each.target: each for each in found if self._gate(each.target)}
        task_status.started()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_results)
                while True:
                    self._wake = trio.Event()
                    try:
                        pause = await self._look(nursery)
                    except Unavailable as fault:
                        self._note(fault)
                        pause = self._limits.poll
                    with trio.move_on_after(pause):
                        await self._wake.wait()
        finally:
            if trio.current_effective_deadline() == -math.inf:  # stopped, not fallen
                await self._leave()

    async def _leave(self) -> None:
        """Store what is known already, so that the next life need not wait for it nor do it again."""
        with trio.move_on_after(self._limits.leave, shield=True) as scope:
            try:
                await self._store_concluded()
                if self._done:
                    self._concluded = self._conclude(self._take_done())
                    await self._store_concluded()
                held = [(it.number, it.lease_us) for it in self._unsent.values()]
                if held:
                    await self._blocking(self._store.release, held, self._now_us())
            except Unavailable as fault:
                self._note(fault)
        if scope.cancelled_caught:
            log.warning("stopped before what came of deliveries was stored")

    def _note(self, fault: Unavailable) -> None:
        self.last_error = fault.message
        log.warning("deliveries wait", extra={"reason": fault.message})

    async def _look(self, nursery: trio.Nursery) -> float:
        """Take and begin what is due; returns after how many seconds to look again."""
        await self._begin_anew()
        await self.resume([it for it in self._standings if self._gate(it) == "gone"])
        every, counts = await self._blocking(lambda: (self._store.waiting(), self._store.counts()))
        waiting = [it for it in every if self._gate(it.target)]
        self._pending = sum(it.pending for it in waiting)
        self._oldest_us = min((it.oldest_us for it in waiting), default=0)
        self._dead = sum(states.get("dead", 0) for name, states in counts.items() if self._gate(name))
        now = self._now_us()
        wanted: dict[str, int] = {}
        again = self._limits.poll
        left = self._limits.in_all - self._under_way.total()
        shared = self._limits.shared - sum(count - 1 for count in self._under_way.values())
        # Not always the same one first: what is shared goes round.
        self._turn += 1
        start = self._turn % len(waiting) if waiting else 0
        for it in [*waiting[start:], *waiting[:start]]:
            gate = self._gate(it.target)
            known = self._standings.get(it.target)
            if gate == "held" or (known is not None and known.paused_us):
                await self._expire(it.target, now)
            if gate == "held":
                continue
            room = min(left, it.pending, self._room(it.target, known, now, shared))
            if it.due_us <= now and room:
                wanted[it.target] = room
                left -= room
                shared -= room - (0 if self._under_way[it.target] else 1)
            elif it.due_us > now:
                again = min(again, max((it.due_us - now) / SECOND, 0.001))
        if wanted:
            lease = now + int(self._limits.lease * SECOND)
            for stored in await self._blocking(self._store.take, wanted, now, lease):
                self._under_way[stored.delivery.target] += 1
                self._unsent[stored.number] = stored
                nursery.start_soon(self._attempt, stored)
        self.last_error = ""
        return again

    async def _begin_anew(self) -> None:
        """What waits for targets that are asked in another way now is due at once."""
        while self._anew:
            those = sorted(self._anew)
            await self.resume(those)
            while await self._blocking(self._store.hurry, those, self._limits.hurry_at_once, self._now_us()):
                pass
            self._anew.difference_update(those)

    def _room(self, target: str, known: Standing | None, now: int, shared: int) -> int:
        """How many more attempts a target may have at once."""
        under_way = self._under_way[target]
        if known is not None and known.paused_us:
            return 1 if not under_way and known.probe_us <= now else 0
        first = 0 if under_way else 1
        suspect = known is not None and known.failures >= self._limits.suspect
        most = 1 if suspect else self._limits.per_target
        return min(most - under_way, first + max(0, shared)) if most > under_way else 0

    async def _expire(self, target: str, now: int) -> None:
        """What nobody will try in time ends, so that a queue does not stay full for ever."""
        if trio.current_time() - self._expired_at.get(target, -1e9) < self._limits.expire:
            return
        self._expired_at[target] = trio.current_time()
        count = await self._blocking(self._store.expire, target, now, EXPIRED, self._limits.expire_at_once)
        self.outcomes["expired"] += count

    async def _attempt(self, stored: Stored) -> None:
        outcome = Outcome(False, UNWANTED, final=True)
        if self._gate(stored.delivery.target) != "gone":
            try:
                found, outcome = await self._carry(stored, lambda: self._forget(stored))
            except Exception as fault:  # a delivery that no one foresaw must not stop all the others
                log.exception("attempt failed", extra={"delivery": stored.delivery.id})
                outcome = Outcome(False, f"Weir failed to make the request: {type(fault).__name__}")
                found = self._unmade(outcome)
        else:
            found = self._unmade(outcome)
        self._forget(stored)
        self._done.append((stored, found, outcome))
        self._came.set()

    def _forget(self, stored: Stored) -> None:
        self._unsent.pop(stored.number, None)

    def _unmade(self, outcome: Outcome) -> Attempt:
        return Attempt(at_us=self._now_us(), latency_us=0, request="", error=outcome.reason)

    async def _keep_results(self) -> None:
        """Store what came of attempts, several at a time; nothing of it is given up while this life lasts."""
        while True:
            await self._came.wait()
            self._came = trio.Event()
            done = self._take_done()
            self._concluded = self._conclude(done)
            while True:
                try:
                    await self._store_concluded()
                    break
                except Unavailable as fault:
                    self._note(fault)
                    await trio.sleep(self._limits.stored_again)
            for stored, _, _ in done:
                self._under_way[stored.delivery.target] -= 1
            self._under_way += Counter()  # those at 0 go
            self._wake.set()

    def _take_done(self) -> list[Made]:
        done, self._done = self._done, []
        return done

    async def _store_concluded(self) -> None:
        """Raises Unavailable, and then it is still there to be stored."""
        if self._concluded is not None:
            await self._blocking(self._store.finish, *self._concluded, self._now_us())
            self._concluded = None

    def _conclude(self, done: Iterable[Made]) -> Concluded:
        """What follows from attempts; targets' standings are changed here and nowhere else."""
        results = []
        changed: dict[str, Standing] = {}
        for stored, attempt, outcome in done:
            now, target = self._now_us(), stored.delivery.target
            then = after(stored, outcome, self._patience, self._draw(), now)
            results.append(Result(stored.number, stored.lease_us, attempt, *then))
            self.outcomes["delivered" if outcome.delivered else "failed"] += 1
            before = self._standings.get(target)
            if outcome.reason == UNWANTED or (outcome.delivered and before is None):
                continue
            found = standing(before or Standing(target=target), outcome, self._patience, self._draw(), now)
            changed[target] = found
            if found.failures:
                self._standings[target] = found
            else:
                del self._standings[target]
            was_paused = before is not None and before.paused_us
            if bool(found.paused_us) != bool(was_paused):
                log.warning(
                    "target paused" if found.paused_us else "target resumed",
                    extra={"target": target, "reason": found.reason},
                )
        return results, list(changed.values())
