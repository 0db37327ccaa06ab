"""Reports to ad platforms: batches of deliveries, one queue per account, the nearest deadline first.

What is taken is leased and marked as sent before a byte of it leaves, so that a life that is killed leaves
behind which events the platform may know already. They go out again under the same event ids for as long
as the platform drops what it was told twice, and never after that. A batch that is refused as a whole is
taken apart in the store: a kill in the midst of it does not begin it anew.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import trio

from appliance.actors.reporter_accounts import Accounts, Figures
from appliance.actors.reporter_courses import Limits
from appliance.actors.reporter_requests import Access, Requests
from appliance.errors import Unavailable
from appliance.model.deliveries import Result, Standing, Stored, Waiting
from appliance.model.platforms import AccountReport
from appliance.partners.patience import SECOND, Patience
from appliance.partners.platform import Send, too_old
from appliance.partners.ways import Way
from appliance.ports import Identities, Runner

log = logging.getLogger("weir.reporter")
REASONS_SHOWN = 50


class Batches(Protocol):
    """What the reporter asks of the deliveries' store; see actors/retry.py for all of it."""

    def waiting(self) -> Sequence[Waiting]: ...

    def take_batch(self, target: str, most: int, now_us: int, lease_us: int) -> Sequence[Stored]:
        """Lease what is due of one target, the nearest deadline first, and mark it as sent: all of the same
        part, or all of none."""

    def finish(self, results: Sequence[Result], standings: Sequence[Standing], now_us: int) -> None: ...

    def release(self, held: Sequence[tuple[int, int]], due_us: int) -> None:
        """What was taken under these leases was not sent, and is due then."""

    def expire(self, target: str, now_us: int, reason: str, limit: int) -> int: ...

    def standings(self) -> Sequence[Standing]: ...

    def resume(self, targets: Collection[str]) -> None: ...

    def hurry(self, targets: Collection[str], limit: int, now_us: int) -> int: ...

    def counts(self) -> Mapping[str, Mapping[str, int]]: ...

    def worth(self) -> Mapping[str, Mapping[str, int]]: ...

    def refused(self, target: str, most: int) -> Mapping[str, int]: ...


class Reporter:
    """The actor; `run` under supervision. `ways` says where each target's events go now, those that nobody
    wants any more too; a target that is not in it is not ours. `compute` runs what takes a while and waits
    for nobody."""

    def __init__(
        self,
        *,
        store: Batches,
        send: Send,
        access: Access,
        ways: Callable[[], Mapping[str, Way]],
        identities: Identities,
        run_blocking: Runner,
        compute: Runner,
        now_us: Callable[[], int],
        draw: Callable[[], float],
        limits: Limits | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._ways = ways
        self._blocking = run_blocking
        self._now_us = now_us
        self._limits = limits or Limits()
        self._accounts = Accounts(self._limits, patience or Patience(longest=900.0), now_us, draw)
        self._requests = Requests(
            send=send, access=access, identities=identities, compute=compute, accounts=self._accounts,
            now_us=now_us, seconds=self._limits.timeout,
        )  # fmt: skip
        self._figures = Figures()
        self._wake = trio.Event()
        self._anew: set[str] = set()
        self._expired_at: dict[str, float] = {}
        self._idle_until: dict[str, float] = {}
        """Targets of which nothing was found that is due and not under way; moments by trio's clock."""
        self.last_error = ""

    def wake(self) -> None:
        """There may be something to report; never waits."""
        self._idle_until.clear()
        self._wake.set()

    def standings(self) -> Mapping[str, Standing]:
        """Of the accounts that are paused, and of single pixels that are."""
        return self._accounts.standings

    def report(self) -> tuple[AccountReport, ...]:
        """Every account that has a pixel, as of the last look; never waits."""
        living = {target: way for target, way in self._ways().items() if not way.gone}
        return self._accounts.report(living, self._figures)

    async def resume(self, accounts: Collection[str]) -> None:
        """These may be asked again at once: somebody has changed something. Raises Unavailable, and can be
        repeated then."""
        targets = [target for target, way in self._ways().items() if way.account in accounts]
        paused = self._accounts.forget([*accounts, *targets])
        self.wake()
        if paused:
            await self._blocking(self._store.resume, paused)
            await self._hurry(targets)
            self._accounts.resumed(paused)
            self.wake()

    def anew(self, accounts: Collection[str]) -> None:
        """These are asked in another way from now on: what they refused says nothing of it. Never waits."""
        self._anew.update(accounts)
        self.wake()

    async def _hurry(self, targets: Collection[str]) -> None:
        """What waited for these to be asked again is due."""
        some = self._limits.hurry_at_once
        while targets and await self._blocking(self._store.hurry, targets, some, self._now_us()) == some:
            pass
        for target in targets:
            self._idle_until.pop(target, None)

    # The actor

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Report until cancelled. While the store is away, what was answered is kept."""
        self._accounts.begin(await self._blocking(self._store.standings))
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
        if anew := sorted(self._anew):
            await self.resume(anew)
            self._anew.difference_update(anew)
        ways = self._ways()
        self._figures = await self._blocking(self._read, frozenset(ways))
        again = self._limits.poll
        for it in self._in_order(ways):
            way = ways[it.target]
            await self._expire(it.target, way)
            now = self._now_us()
            due = it.due_us <= now and not self._idle(it.target)  # what is under way looks due as well
            while due and (most := self._accounts.room(it.target, way)):
                lease = now + int(self._limits.lease * SECOND)
                batch = await self._blocking(self._store.take_batch, it.target, most, now, lease)
                if not batch:
                    if not self._wake.is_set():  # else something may have come since it was asked
                        self._idle_until[it.target] = trio.current_time() + self._limits.poll
                    break
                self._accounts.started(it.target, way)
                nursery.start_soon(self._report, it.target, way, batch)
            if it.due_us > now:
                again = min(again, max((it.due_us - now) / SECOND, 0.001))
            elif not way.held:
                wait = max(self._accounts.wait(it.target, way), self._idle(it.target))
                again = min(again, wait) if wait > 0 else again
        return again

    def _idle(self, target: str) -> float:
        """For how many seconds nothing will be found of it, unless something happens."""
        return max(0.0, self._idle_until.get(target, -math.inf) - trio.current_time())

    def _in_order(self, ways: Mapping[str, Way]) -> list[Waiting]:
        """What waits: the account with the nearest deadline first, of its pixels whose turn it is."""
        nearest: dict[str, int] = {}
        for it in self._figures.waiting.values():
            account = ways[it.target].account
            nearest[account] = min(it.deadline_us, nearest.get(account, it.deadline_us))

        def place(it: Waiting) -> tuple[int, str, float, int]:
            way = ways[it.target]
            return nearest[way.account], way.account, self._accounts.turn(it.target, way), it.deadline_us

        return sorted(self._figures.waiting.values(), key=place)

    def _read(self, ours: Collection[str]) -> Figures:
        counts = self._store.counts()
        return Figures(
            waiting={it.target: it for it in self._store.waiting() if it.target in ours},
            counts=counts,
            worth=self._store.worth(),
            refused={
                target: self._store.refused(target, REASONS_SHOWN)
                for target in ours
                if counts.get(target, {}).get("dead")
            },
        )

    async def _expire(self, target: str, way: Way) -> None:
        """What nobody will send in time ends with its label."""
        if trio.current_time() - self._expired_at.get(target, -math.inf) < self._limits.expire:
            return
        self._expired_at[target] = trio.current_time()
        label = too_old(way.platform.limits)
        count = await self._blocking(
            self._store.expire, target, self._now_us(), label, self._limits.expire_at_once
        )
        if count:
            known = self._accounts.of(way)
            known.labels[label] += count
            known.events["refused"] += count
        if count == self._limits.expire_at_once:  # there are more
            del self._expired_at[target]

    async def _report(self, target: str, way: Way, batch: Sequence[Stored]) -> None:
        """One request and what follows from it."""
        try:
            await self._request(way, batch)
        finally:
            self._accounts.ended(target, way)
            self._idle_until.pop(target, None)
            self._wake.set()

    async def _request(self, way: Way, batch: Sequence[Stored]) -> None:
        held = list(batch)
        try:
            ready = await self._requests.prepare(way, batch)
            if ready.early:
                wait = self._limits.away if ready.away else self._limits.early
                await self._release(ready.early, self._now_us() + int(wait * SECOND))
            await self._release(ready.too_many, self._now_us())
            # At once: they never leave, whatever becomes of the others.
            await self._conclude(way, ready.results, ())
            held = [each.stored for each in ready.events]
            if not held:
                return
            began = trio.current_time()
            token = await self._requests.token(way)
            await trio.lowlevel.checkpoint_if_cancelled()  # as long as none of it has left
        except trio.Cancelled:
            with trio.move_on_after(self._limits.leave, shield=True), suppress(Unavailable):
                await self._blocking(self._store.release, _leases(held), self._now_us())
            raise
        # What waited for too long may be taken by another request already, or before this one is answered.
        now = self._now_us()
        if now + int(self._limits.timeout * SECOND) > min(it.lease_us for it in held):
            await self._release(held, now)
            return
        results, standings = await self._requests.ask(way, ready.events, token, began)
        await self._conclude(way, results, standings)
        if recovered := self._accounts.recovered(self._ways()):
            with suppress(Unavailable):  # then each is due when it said
                await self._hurry(recovered)

    async def _release(self, held: Sequence[Stored], due_us: int) -> None:
        if held:
            await self._until_stored(lambda: self._store.release(_leases(held), due_us))

    async def _conclude(self, way: Way, results: Sequence[Result], standings: Sequence[Standing]) -> None:
        if not results and not standings:
            return
        await self._until_stored(lambda: self._store.finish(results, standings, self._now_us()))
        known = self._accounts.of(way)
        known.labels.update(result.reason for result in results if result.state == "dead")
        words = {"delivered": "accepted", "dead": "refused", "cancelled": "cancelled"}
        ended = (words[result.state] for result in results if result.state in words)
        known.events.update(ended)

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


def _leases(held: Sequence[Stored]) -> list[tuple[int, int]]:
    return [(it.number, it.lease_us) for it in held]
