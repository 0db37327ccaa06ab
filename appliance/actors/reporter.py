"""Reports to ad platforms: batches of deliveries, one queue per account, the nearest deadline first.

What is taken is leased and marked as sent before a byte of it leaves, so that a life that is killed leaves
behind which events the platform may know already. They go out again under the same event ids for as long
as the platform drops what it was told twice, and never after that. A batch that is refused as a whole is
taken apart in the store: a kill in the midst of it does not begin it anew.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import trio

from appliance.errors import Unavailable
from appliance.model.deliveries import Attempt, Result, Standing, Stored, Waiting
from appliance.partners import splitting
from appliance.partners.following import Next, follow, unsure
from appliance.partners.masking import hidden, masked
from appliance.partners.patience import SECOND, Patience
from appliance.partners.platform import UNANSWERED, Answer, Message, Verdict, too_old
from appliance.partners.report import Report
from appliance.partners.ways import Way
from appliance.ports import Runner

log = logging.getLogger("weir.reporter")
GONE = "its pixel is not there any more"
DRY_RUN = "dry run: nothing was sent"


class Batches(Protocol):
    """What the reporter asks of the deliveries' store; see actors/retry.py for all of it."""

    def waiting(self) -> Sequence[Waiting]: ...

    def take_batch(self, target: str, most: int, now_us: int, lease_us: int) -> Sequence[Stored]:
        """Lease what is due of one target, the nearest deadline first, and mark it as sent: all of the same
        part, or all of none."""

    def finish(self, results: Sequence[Result], standings: Sequence[Standing], now_us: int) -> None: ...

    def release(self, held: Sequence[tuple[int, int]], now_us: int) -> None: ...

    def expire(self, target: str, now_us: int, reason: str, limit: int) -> int: ...

    def standings(self) -> Sequence[Standing]: ...

    def resume(self, targets: Collection[str]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms; times in seconds."""

    per_account: int = 10
    """Requests under way of one account, so that the parts of a refused batch are in flight together."""
    in_all: int = 40
    lease: float = 120.0
    """Longer than a request and its storing take."""
    timeout: float = 30.0
    poll: float = 1.0
    stored_again: float = 1.0
    expire: float = 60.0
    expire_at_once: int = 5_000
    throttled: float = 60.0
    slow_from: float = 75.0
    stop_from: float = 95.0
    """Per cent of an account's allowance from which requests go one by one, and from which they wait."""
    probe_first: float = 300.0
    probe_longest: float = 3_600.0
    """A paused account is asked with a single event: permissions come back without anybody telling us."""
    leave: float = 2.0


class Sent(NamedTuple):
    """What came of a request: an answer, or a `fault`; `left`: its first byte had left by then."""

    answer: Answer | None
    fault: str
    left: bool


Send = Callable[[Message, float], Awaitable[Sent]]
"""One request within so many seconds. Raises nothing of the network's."""


class _Queue:
    """One account now."""

    def __init__(self) -> None:
        self.under_way = 0
        self.not_before = -math.inf
        self.failures = 0
        self.slow = False


class Reporter:
    """The actor; `run` under supervision. `way` is asked for a target at each look, None for those that are
    not ours; `open` turns a delivery into its report and raises ValueError when it cannot."""

    def __init__(
        self,
        *,
        store: Batches,
        send: Send,
        way: Callable[[str], Way | None],
        open: Callable[[Stored], Report],
        run_blocking: Runner,
        now_us: Callable[[], int],
        draw: Callable[[], float],
        limits: Limits | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._send = send
        self._way = way
        self._open = open
        self._blocking = run_blocking
        self._now_us = now_us
        self._draw = draw
        self._limits = limits or Limits()
        self._patience = patience or Patience(longest=900.0)
        self._wake = trio.Event()
        self._queues: dict[str, _Queue] = {}
        self._standings: dict[str, Standing] = {}
        self._expired_at: dict[str, float] = {}
        self.outcomes: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.last_error = ""

    def wake(self) -> None:
        """There may be something to report; never waits."""
        self._wake.set()

    def standings(self) -> Mapping[str, Standing]:
        """Of the accounts that are paused."""
        return self._standings

    async def resume(self, accounts: Collection[str]) -> None:
        """These may be asked again at once: somebody has changed something. Raises Unavailable."""
        for account in accounts:
            queue = self._queues.get(account)
            if queue is not None:
                queue.not_before, queue.failures, queue.slow = -math.inf, 0, False
        paused = [account for account in accounts if account in self._standings]
        if paused:
            await self._blocking(self._store.resume, paused)
            for account in paused:
                del self._standings[account]
        self.wake()

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Report until cancelled. While the store is away, what was answered is kept."""
        self._queues.clear()
        found = await self._blocking(self._store.standings)
        self._standings = {each.target: each for each in found if each.target.startswith("account:")}
        task_status.started()
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                try:
                    pause = await self._look(nursery)
                    self.last_error = ""
                except Unavailable as fault:
                    self._note(fault)
                    pause = self._limits.poll
                with trio.move_on_after(pause):
                    await self._wake.wait()

    def _note(self, fault: Unavailable) -> None:
        self.last_error = fault.message
        log.warning("reports wait", extra={"reason": fault.message})

    async def _look(self, nursery: trio.Nursery) -> float:
        """Begin what is due and may be sent; returns after how many seconds to look again."""
        ours = [
            (it, way)
            for it in await self._blocking(self._store.waiting)
            if (way := self._way(it.target)) is not None
        ]
        again = self._limits.poll
        for it, way in sorted(ours, key=lambda pair: pair[0].deadline_us):
            await self._expire(it.target, way)
            now = self._now_us()
            while it.due_us <= now and (most := self._room(way)):
                lease = now + int(self._limits.lease * SECOND)
                batch = await self._blocking(self._store.take_batch, it.target, most, now, lease)
                if not batch:
                    break
                queue = self._queue(way)
                queue.under_way += 1
                queue.not_before = max(queue.not_before, trio.current_time()) + 60.0 / way.per_minute
                nursery.start_soon(self._report, way, batch)
            if it.due_us > now:
                again = min(again, max((it.due_us - now) / SECOND, 0.001))
            elif not way.held:
                wait = self._queue(way).not_before - trio.current_time()
                again = min(again, wait) if wait > 0 else again
        return again

    def _queue(self, way: Way) -> _Queue:
        return self._queues.setdefault(way.account, _Queue())

    def _room(self, way: Way) -> int:
        """How many events a request of this account may take now; 0 for no request."""
        queue = self._queue(way)
        paused = self._standings.get(way.account)
        if way.held or sum(each.under_way for each in self._queues.values()) >= self._limits.in_all:
            return 0
        if paused is not None and not way.gone:
            due = paused.probe_us <= self._now_us() and not queue.under_way
            return 1 if due and not way.dry_run else 0
        if queue.not_before > trio.current_time():
            return 0
        most = 1 if queue.failures or queue.slow else self._limits.per_account
        return way.platform.limits.batch if queue.under_way < most else 0

    async def _expire(self, target: str, way: Way) -> None:
        """What nobody will send in time ends with its label."""
        if trio.current_time() - self._expired_at.get(target, -math.inf) < self._limits.expire:
            return
        self._expired_at[target] = trio.current_time()
        label = too_old(way.platform.limits)
        count = await self._blocking(
            self._store.expire, target, self._now_us(), label, self._limits.expire_at_once
        )
        self.labels[label] += count

    async def _report(self, way: Way, batch: Sequence[Stored]) -> None:
        """One request and what follows from it."""
        results: list[Result] = []
        queue = self._queue(way)
        try:
            events, sent = self._encoded(way, batch, results)
            fits = splitting.fitting(
                [len(each) for each in events], len(events), way.platform.limits.most_bytes
            )
            left = sent[fits:]
            events, sent = events[:fits], sent[:fits]
            if left:
                await self._until_stored(
                    lambda: self._store.release([(it.number, it.lease_us) for it in left], self._now_us())
                )
            standing = None
            if sent and way.dry_run:
                results += self._dry(events, sent)
            elif sent:
                standing = await self._ask(way, events, sent, results)
            changed = [standing] if standing is not None else []
            await self._until_stored(lambda: self._store.finish(results, changed, self._now_us()))
            self.outcomes.update(result.state for result in results)
            self.labels.update(result.reason for result in results if result.state == "dead")
        finally:
            queue.under_way -= 1
            self._wake.set()

    def _encoded(
        self, way: Way, batch: Sequence[Stored], results: list[Result]
    ) -> tuple[list[bytes], list[Stored]]:
        """The events that may be sent; what may not be ends here, with its label."""
        events: list[bytes] = []
        kept: list[Stored] = []
        now = self._now_us()
        for stored in batch:
            try:
                report = self._open(stored)
                label = GONE if way.gone else way.platform.check(report, now)
                label = label or unsure(stored, way.platform.limits, now)
                encoded = b"" if label else way.platform.encode(report)
            except Exception as fault:  # one event that no one foresaw must not stop all the others
                log.exception("event not made", extra={"delivery": stored.delivery.id})
                label = f"The event cannot be made: {type(fault).__name__}"
            if label:
                attempt = Attempt(at_us=now, latency_us=0, request="", error=label)
                results.append(Result(stored.number, stored.lease_us, attempt, "dead", now, label, sure=True))
            else:
                events.append(encoded)
                kept.append(stored)
        return events, kept

    def _dry(self, events: Sequence[bytes], sent: Sequence[Stored]) -> list[Result]:
        now = self._now_us()
        return [
            Result(
                stored.number,
                stored.lease_us,
                Attempt(at_us=now, latency_us=0, request=masked(event), error=DRY_RUN),
                "cancelled",
                now,
                DRY_RUN,
                sure=True,
            )
            for event, stored in zip(events, sent, strict=True)
        ]

    async def _ask(
        self, way: Way, events: Sequence[bytes], sent: Sequence[Stored], results: list[Result]
    ) -> Standing | None:
        at_us, began = self._now_us(), trio.current_time()
        message = way.platform.request(way.pixel, events)
        came = await self._send(message, self._limits.timeout)
        latency_us = int((trio.current_time() - began) * SECOND)
        status, text = 0, ""
        if came.answer is None:
            verdict = Verdict("retry", UNANSWERED, came.fault)
        else:
            status = came.answer.status
            text = hidden(came.answer.body[:2_048].decode("utf-8", "replace"), message.secrets)
            verdict = way.platform.verdict(came.answer, len(events))
        again_us, standing = self._learn(way, verdict)
        then = follow(sent, verdict, self._now_us(), again_us)
        if not came.left:
            then = [each._replace(sure=True) for each in then]
        error = (
            ""
            if verdict.outcome == "accepted" and not verdict.label
            else hidden(
                f"{verdict.label}: {verdict.reason}" if verdict.reason else verdict.label, message.secrets
            )
        )
        for event, stored, each in zip(events, sent, then, strict=True):
            attempt = Attempt(
                at_us=at_us,
                latency_us=latency_us,
                request=masked(event),
                status=status,
                answer=text,
                error=error,
            )
            results.append(_result(stored, attempt, each))
        return standing

    def _learn(self, way: Way, verdict: Verdict) -> tuple[int, Standing | None]:
        """What an answer means for its account: (when to try again, how it stands if that has changed)."""
        queue, now, clock = self._queue(way), self._now_us(), trio.current_time()
        paused = self._standings.get(way.account)
        queue.slow = verdict.busy >= self._limits.slow_from
        if verdict.busy >= self._limits.stop_from:
            queue.not_before = max(queue.not_before, clock + max(verdict.seconds, self._limits.throttled))
        if verdict.outcome == "pause":
            failures = paused.failures + 1 if paused else 1
            wait = min(self._limits.probe_longest, self._limits.probe_first * 2.0 ** min(failures - 1, 20))
            found = Standing(
                target=way.account,
                failures=failures,
                paused_us=paused.paused_us if paused else now,
                probe_us=now + int(wait * SECOND),
                reason=f"{verdict.label}: {verdict.reason}"[:500],
            )
            if paused is None:
                log.warning("account paused", extra={"account": way.account, "reason": found.reason})
            self._standings[way.account] = found
            return now, found
        if verdict.outcome in ("accepted", "refused"):
            queue.failures = 0
            if paused is not None:
                log.warning("account resumed", extra={"account": way.account})
                del self._standings[way.account]
                return now, Standing(target=way.account)
            return now, None
        queue.failures += 1
        wait = max(verdict.seconds, self._patience.pause(queue.failures, self._draw(), verdict.seconds))
        queue.not_before = max(queue.not_before, clock + wait)
        return now, None

    async def _until_stored(self, write: Callable[[], None]) -> None:
        """What came of a request is kept until it is stored; when the actor is stopped, for a moment more."""
        stored = False
        try:
            while not stored:
                try:
                    await self._blocking(write)
                    stored = True
                except Unavailable as fault:
                    self._note(fault)
                    await trio.sleep(self._limits.stored_again)
        finally:
            if not stored:
                with trio.move_on_after(self._limits.leave, shield=True), suppress(Unavailable):
                    await self._blocking(write)


def _result(stored: Stored, attempt: Attempt, then: Next) -> Result:
    return Result(
        stored.number,
        stored.lease_us,
        attempt,
        then.state,
        then.not_before_us,
        then.reason,
        then.part,
        then.sure,
    )
