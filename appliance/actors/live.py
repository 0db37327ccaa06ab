"""The live feed: what arrives in the journals, what becomes of postbacks, and how the appliance is.

It reads only while somebody watches, only what is new, a bounded amount per round and in a thread of its own.
Watchers with the same wish share their frames. A round ends in one frame per audience and wakes its watchers
a few at a time, so that a thousand of them hold up nobody else on the core's loop. While most watchers have
not taken their last frame the machine is too busy: rounds then come more seldom and say more. A watcher that
takes nothing while most others do is cut; it comes back and names the last frame it had.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import trio

from appliance.errors import Unavailable
from appliance.model.conversions import SettledRecord
from appliance.model.live import LiveReport, Wish
from appliance.model.status import SystemStatus
from appliance.ports import NewRecords, Runner
from appliance.reporting.audience import MOST_EVENTS, Audience
from appliance.reporting.feed import Groups, take, take_settled, wanted
from appliance.reporting.picture import steady

log = logging.getLogger("weir.live")
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms, times in seconds."""

    interval: float = 0.25
    longest: float = 2.0
    """Between two frames: the shorter while the machine keeps up, the longer when it does not."""
    frames_per_second: int = 2_000
    """To all watchers together: a quarter of what Hypercorn can send on a core (experiments.md f)."""
    read: int = 2_000
    reads: int = 5
    """Records per read; reads per round of `interval`, more in a longer one. When that was too few twice
    running, the feed goes on at the end."""
    events_per_second: int = 100
    """Shown to one watcher; counts stay true beyond."""
    woken_at_once: int = 20
    stall: float = 5.0
    """A watcher that takes nothing for so long, while most others do, is cut."""
    quiet: float = 5.0
    """A frame without news, so that watchers know that the feed lives."""
    picture: float = 1.0
    linger: float = 30.0
    """How long frames are kept for watchers that went: they may come back and ask for what they missed."""
    audiences: int = 128
    watchers: int = 1_500


class Watcher:
    """One subscription's outgoing side (Frames of operations/context.py). One reader."""

    def __init__(
        self, live: Live, audience: Audience, seen: int, missed: bool, cut: Callable[[], None]
    ) -> None:
        self.audience = audience
        self.cut = cut
        self.stalled = 0.0
        self._live = live
        self._seen = seen
        self._missed = missed
        self._picture_seen = 0
        self._wake: trio.Event | None = None
        self._closed = False

    async def next(self) -> bytes:
        """The next frame, as soon as there is one. Raises trio.EndOfChannel when the feed is over."""
        while not self._closed:
            if self.has_news():
                frame = self.audience.frame(self._seen, self._picture_seen, self._missed)
                self._seen = self.audience.newest
                self._picture_seen = self.audience.picture_seq
                self._missed = False
                self.stalled = 0.0
                self._live.frames += 1
                return frame
            self._wake = trio.Event()
            try:
                await self._wake.wait()
            finally:
                self._wake = None
        raise trio.EndOfChannel

    def has_news(self) -> bool:
        it = self.audience
        return self._missed or it.newest > self._seen or it.picture_seq > self._picture_seen

    def behind(self) -> bool:
        """A frame is there and nobody takes it."""
        return self._wake is None and self.has_news()

    def wake(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def miss(self) -> None:
        self._missed = True

    def close(self) -> None:
        self._closed = True
        self._live.leave(self)
        self.wake()


class Live:
    """The actor. `records` is read through `run_blocking`, everything else happens on the loop.

    `status` says how the appliance is and never waits.
    """

    def __init__(
        self,
        records: NewRecords,
        run_blocking: Runner,
        status: Callable[[], SystemStatus],
        now_us: Callable[[], int],
        limits: Limits | None = None,
    ) -> None:
        self._records = records
        self._blocking = run_blocking
        self._status = status
        self._now_us = now_us
        self._limits = limits or Limits()
        # Grows over restarts, so that a number of an earlier life is never taken for one of this.
        self._seq = now_us() // 1_000
        self._audiences: dict[Wish, Audience] = {}
        self._left_at: dict[Wish, float] = {}
        self._watchers: dict[Watcher, None] = {}
        self._watching: Counter[Wish] = Counter()
        self._settled: Groups = {}
        self._someone = trio.Event()
        self._reading = trio.Event()
        self._stopping = trio.Event()
        self._interval = self._limits.interval
        self._published_at = -1e9
        self._pictured_at = -1e9
        self._judged_at = 0.0
        self._steady = b""
        self._picture = b""
        self._more = False
        self.frames = 0
        self._cut = self._sampled = self._skipped = 0
        self._last_error = ""

    # Who watches

    async def watch(self, wish: Wish, after: int | None, cut: Callable[[], None]) -> tuple[Watcher, int]:
        """Begin with what happens now, or with what happened behind frame `after`. Raises Unavailable.

        `cut` is called when the watcher takes nothing while others do; its connection must go.
        """
        if self._stopping.is_set() or len(self._watchers) >= self._limits.watchers:
            raise Unavailable("the live feed has no room for another watcher now")
        audience = self._audiences.get(wish)
        if audience is None:
            if len(self._audiences) >= self._limits.audiences and not self._make_room():
                raise Unavailable("too many different live feeds are watched; leave out some filters")
            began, rate = trio.current_time(), self._limits.events_per_second
            audience = Audience(wish, self._seq, self._now_us(), began, rate)
            if "system" in wish.topics and self._picture:
                audience.depict(self._picture, self._seq)
            self._audiences[wish] = audience
        self._left_at.pop(wish, None)
        known = after is None or audience.start <= after <= self._seq
        seen = after if after is not None and known else self._seq
        watcher = Watcher(self, audience, seen, not known, cut)
        self._watchers[watcher] = None
        self._watching[wish] += 1
        self._someone.set()
        with trio.move_on_after(self._limits.longest):  # what happens after the answer is in a frame
            await self._reading.wait()
        return watcher, seen

    def leave(self, watcher: Watcher) -> None:
        """The watcher takes no more."""
        if watcher not in self._watchers:
            return
        del self._watchers[watcher]
        wish = watcher.audience.wish
        self._watching[wish] -= 1
        if not self._watching[wish]:
            del self._watching[wish]
            self._left_at[wish] = trio.current_time()

    def _make_room(self) -> bool:
        """Give up the audience that was left first, though it lingers."""
        if not self._left_at:
            return False
        wish = min(self._left_at, key=self._left_at.__getitem__)
        del self._left_at[wish], self._audiences[wish]
        return True

    # What happens

    def offer(self, records: Sequence[SettledRecord]) -> None:
        """What became of postbacks, as it was stored. Never waits; without a watcher it is nothing."""
        if self._audiences:
            take_settled(records, MOST_EVENTS, self._settled)

    def stop(self) -> None:
        """Let every watcher go and return from `run`."""
        self._stopping.set()
        self._someone.set()
        for watcher in list(self._watchers):
            watcher.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Rounds while somebody watches, until `stop`."""
        for audience in self._audiences.values():  # a restart: nobody knows what was missed
            audience.forget(self._seq)
        for watcher in self._watchers:
            watcher.miss()
        task_status.started()
        try:
            while not self._stopping.is_set():
                self._someone = trio.Event()
                if not self._audiences:
                    await self._someone.wait()
                    continue
                await self._blocking(self._records.begin)
                self._settled.clear()
                self._more = False
                self._reading.set()
                await self._rounds()
                self._reading = trio.Event()
        finally:
            self._reading = trio.Event()
            self._records.close()

    async def _rounds(self) -> None:
        """One after the other, until nobody watches any more."""
        due = trio.current_time() + self._interval
        while self._audiences:
            with trio.move_on_at(due):
                await self._stopping.wait()
                return
            began = trio.current_time()
            await self._round(began - due)
            # As much rest as work, so that the rest of the core has its half of a busy loop.
            ended = trio.current_time()
            due = ended + max(self._interval, min(ended - began, self._limits.longest))

    async def _round(self, late: float) -> None:
        groups, skipped = await self._gather()
        self._seq += 1
        now = trio.current_time()
        await self._hand_out(groups, skipped)
        self._look(now)
        keeping_up = self._judge()
        if keeping_up or now - self._published_at >= self._limits.longest:
            self._published_at = now
            at_us = self._now_us()
            for audience in list(self._audiences.values()):
                before = audience.sampled_out
                audience.publish(self._seq, at_us, now, self._limits.quiet)
                self._sampled += audience.sampled_out - before
            await self._wake()
        self._pace(keeping_up and late < self._interval / 2)
        for wish, left_at in list(self._left_at.items()):
            if now - left_at >= self._limits.linger:
                del self._left_at[wish], self._audiences[wish]

    async def _gather(self) -> tuple[Groups, int]:
        """What is new, and how many records were passed over to stay at the end."""
        limits, behind = self._limits, self._more
        groups, self._settled = self._settled, {}
        skipped = 0
        reads = limits.reads * self._interval / limits.interval
        for _ in range(round(reads)):
            self._more = await self._blocking(self._read, groups)
            if not self._more:
                break
        if self._more and behind:
            skipped = await self._blocking(self._records.skip)
            self._skipped += skipped
            self._more = False
        self._last_error = self._records.last_error
        return groups, skipped

    def _read(self, groups: Groups) -> bool:
        bodies, more = self._records.read(self._limits.read)
        take(bodies, MOST_EVENTS, groups)
        return more

    async def _hand_out(self, groups: Groups, skipped: int) -> None:
        """Each group to the audiences that wish for it."""
        everywhere: list[Audience] = []
        by_campaign: dict[int, list[Audience]] = {}
        for audience in self._audiences.values():
            if skipped:
                audience.skip(skipped)
            if audience.wish.campaigns is None:
                everywhere.append(audience)
            else:
                for campaign in audience.wish.campaigns:
                    by_campaign.setdefault(campaign, []).append(audience)
        work = 0
        for key, group in groups.items():
            interested = everywhere + by_campaign.get(key.campaign, [])
            work += len(interested)
            if work > 500:  # about a millisecond
                work = 0
                await trio.lowlevel.checkpoint()
            for audience in interested:
                if wanted(key, audience.wish):
                    audience.add(group)

    def _look(self, now: float) -> None:
        """Once a second, for those who watch the appliance itself: has it changed?"""
        watching = [each for each in self._audiences.values() if "system" in each.wish.topics]
        if not watching or now - self._pictured_at < self._limits.picture:
            return
        self._pictured_at = now
        status = self._status()
        lasting = _encode(steady(status))
        changed, self._steady = lasting != self._steady, lasting
        if changed or not self._picture:
            self._picture = _encode(status)
        for audience in watching:
            if changed or not audience.picture_seq:
                audience.depict(self._picture, self._seq)

    # How it goes on

    def _judge(self) -> bool:
        """Whether most watchers have what there is; of the others, those that take nothing are cut."""
        now = trio.current_time()
        since = min(now - self._judged_at, self._limits.stall / 4)
        self._judged_at = now
        behind = [watcher for watcher in self._watchers if watcher.behind()]
        others = len(self._watchers) - len(behind)
        if len(behind) > others:
            return False
        for watcher in behind:
            # Only rounds in which most others take count, and none for long: a machine that stands still is
            # nobody's fault.
            watcher.stalled += since
            if others and watcher.stalled >= self._limits.stall:
                self._cut += 1
                log.info("a watcher of the live feed is cut: it takes nothing")
                watcher.close()
                watcher.cut()
        return True

    async def _wake(self) -> None:
        for index, watcher in enumerate(list(self._watchers), 1):
            if watcher.has_news():
                watcher.wake()
            if index % self._limits.woken_at_once == 0:
                await trio.lowlevel.checkpoint()

    def _pace(self, well: bool) -> None:
        limits = self._limits
        shortest = min(max(limits.interval, len(self._watchers) / limits.frames_per_second), limits.longest)
        wish = self._interval * 0.9 if well else self._interval * 1.5
        self._interval = min(max(wish, shortest), limits.longest)

    def report(self) -> LiveReport:
        return LiveReport(
            watchers=len(self._watchers),
            classes=len(self._audiences),
            interval_seconds=round(self._interval, 3),
            frames=self.frames,
            cut=self._cut,
            sampled=self._sampled,
            skipped=self._skipped,
            last_error=self._last_error,
        )
