"""Feeds: what is told by files that somebody fetches. Each event is listed once, for as long as it may count.

The deliveries are the truth and a file is made of them, so a kill at any moment leaves the old file or the
new one, and what was taken and not marked is taken again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec
import trio

from appliance.errors import Unavailable
from appliance.model.deliveries import Attempt, Result, Selection, Standing, State, Stored, Waiting
from appliance.partners import feeds
from appliance.partners.feeds import Feed
from appliance.partners.platform import DRY_RUN
from appliance.partners.report import Report
from appliance.partners.ways import number_in
from appliance.ports import Runner

log = logging.getLogger("weir.feeds")
POLL = 30.0
LEASE_US = 120_000_000
AGAIN_US = 3_600_000_000
"""A file is made anew so often although nothing has come: what is too old leaves it."""
AT_ONCE = 1_000
"""Taken, or read, in one go of the store."""
_decode = msgspec.msgpack.Decoder(Report).decode


class Listing(Protocol):
    """What is asked of the deliveries' store; see actors/retry.py for all of it."""

    def waiting(self) -> Sequence[Waiting]: ...

    def take_batch(self, target: str, most: int, now_us: int, lease_us: int) -> Sequence[Stored]: ...

    def finish(self, results: Sequence[Result], standings: Sequence[Standing], now_us: int) -> None: ...

    def counts(self) -> Mapping[str, Mapping[str, int]]: ...

    def select(self, selection: Selection, below: int, limit: int) -> Sequence[Stored]: ...


class Shelf(Protocol):
    """stores/feeds.FeedShelf."""

    def put(self, name: str, body: bytes) -> None: ...

    def keep(self, names: Collection[str]) -> None: ...


class Feeds:
    """The actor; `run` under supervision. `wanted` are the feeds there are now."""

    def __init__(
        self,
        *,
        store: Listing,
        shelf: Shelf,
        wanted: Callable[[], Sequence[Feed]],
        run_blocking: Runner,
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._wanted = wanted
        self._blocking = run_blocking
        self._now_us = now_us
        self._wake = trio.Event()
        self._written: dict[str, tuple[int, tuple[str, ...]]] = {}
        """File → when it was written, and of which targets."""
        self.counts: Mapping[str, Mapping[str, int]] = {}
        """Target → state → how many, as of the last look."""
        self.last_error = ""

    def wake(self) -> None:
        """There may be something to list; never waits."""
        self._wake.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """List until cancelled."""
        task_status.started()
        while True:
            self._wake = trio.Event()
            try:
                await self._blocking(self._look, tuple(self._wanted()))
                self.last_error = ""
            except Unavailable as fault:
                self.last_error = fault.message
                log.warning("feeds wait", extra={"reason": fault.message})
            with trio.move_on_after(POLL):
                await self._wake.wait()
            await trio.sleep(1.0)  # events come many at a time

    def _look(self, wanted: Sequence[Feed]) -> None:
        """In the thread. Raises Unavailable."""
        waiting = {it.target for it in self._store.waiting() if number_in(it.target, feeds.FEED) is not None}
        for feed in wanted:
            if not feed.held:
                self._list(feed, waiting)
        for target in waiting - {target for feed in wanted for target in feed.targets}:
            while batch := self._take(target):
                self._finish(batch, dict.fromkeys((it.number for it in batch), feeds.CLOSED), feed=None)
        self._shelf.keep([feed.name for feed in wanted])
        there = {target for feed in wanted for target in feed.targets}
        if there:
            self.counts = {name: count for name, count in self._store.counts().items() if name in there}
        self._written = {feed.name: self._written[feed.name] for feed in wanted if feed.name in self._written}

    def _list(self, feed: Feed, waiting: Collection[str]) -> None:
        now = self._now_us()
        taken = [stored for target in feed.targets if target in waiting for stored in self._take(target)]
        labels = {it.number: label for it in taken if (label := _label(it, now))}
        fresh = [] if feed.dry_run else [it for it in taken if it.number not in labels]
        if (
            fresh
            or self._written.get(feed.name, (0, ()))[0] + AGAIN_US < now
            or (self._written[feed.name][1] != feed.targets)
        ):
            known = {it.number: it for it in [*self._listed(feed, now), *fresh]}
            newest = sorted(known.values(), key=lambda it: it.number)[-feeds.MOST_ROWS :]
            self._shelf.put(feed.name, feeds.document(_decode(it.delivery.body) for it in newest))
            self._written[feed.name] = (now, feed.targets)
        if taken:
            self._finish(taken, labels, feed)

    def _listed(self, feed: Feed, now: int) -> list[Stored]:
        """What was listed before and may still be fetched."""
        found: list[Stored] = []
        below = 1 << 62
        selection = Selection(states=("delivered",), targets=feed.targets, since_us=now - feeds.WINDOW)
        while feed.targets and len(found) < feeds.MOST_ROWS:
            some = self._store.select(selection, below, AT_ONCE)
            found += some
            if len(some) < AT_ONCE:
                break
            below = some[-1].number
        return found

    def _take(self, target: str) -> Sequence[Stored]:
        now = self._now_us()
        return self._store.take_batch(target, AT_ONCE, now, now + LEASE_US)

    def _finish(self, taken: Sequence[Stored], labels: dict[int, str], feed: Feed | None) -> None:
        now = self._now_us()
        results = []
        for it in taken:
            label = labels.get(it.number, "")
            dry = feed is not None and feed.dry_run
            state: State = "dead" if label else "cancelled" if dry else "delivered"
            reason = label or (DRY_RUN if dry else feeds.LISTED)
            shown = "" if label else ",".join(feeds.row(_decode(it.delivery.body)))
            error = label or (DRY_RUN if dry else "")
            attempt = Attempt(at_us=now, latency_us=0, request=shown, error=error)
            results.append(Result(it.number, it.lease_us, attempt, state, now, reason, sure=True))
        self._store.finish(results, (), now)


def _label(stored: Stored, now: int) -> str:
    try:
        return feeds.check(_decode(stored.delivery.body), now)
    except msgspec.MsgspecError:
        return "The event cannot be made"
