"""Watchers who wish for the same: what happened since their last frame, and the frames of the last while.

Pure: the feed's actor says when. A frame is made when the first of them takes it, once for all who are as
far. Whoever is further behind gets one frame that adds up what he missed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from appliance.model.live import Frame, Wish
from appliance.reporting.feed import Group, Item, choose, iso

# 64 frames are 16 to 128 seconds: whoever is away for longer reads totals again.
KEPT_FRAMES = 64
# Of one frame, also of one that adds up many.
MOST_EVENTS = 100
_encode = msgspec.json.Encoder().encode


class Moment(NamedTuple):
    """What one frame says."""

    seq: int
    seconds: float
    counts: dict[str, int]
    events: tuple[msgspec.Raw, ...]
    sampled: bool
    skipped: int


class Audience:
    """`seq` is the number of the feed's newest round when it begins."""

    def __init__(self, wish: Wish, seq: int, at_us: int, now: float, events_per_second: float) -> None:
        self.wish = wish
        self.newest = seq
        """The number of the newest frame."""
        self.start = seq
        """Frames behind this one can be made up for."""
        self.sampled_out = 0
        self._rate = events_per_second
        self._room = float(MOST_EVENTS)
        self._moments: deque[Moment] = deque()
        self._at_us = at_us
        self._since = now
        self._spoke = False
        self._made: dict[tuple[int, bool], bytes] = {}
        self._picture = b""
        self.picture_seq = 0
        """0: there is none."""
        self._clear()

    def _clear(self) -> None:
        self._counts: Counter[str] = Counter()
        self._events = 0
        self._items: dict[str, deque[Item]] = {}
        self._skipped = 0

    def forget(self, seq: int) -> None:
        """What came before is not to be known any more."""
        self._moments.clear()
        self._made.clear()
        self._clear()
        self.start = self.newest = seq

    def add(self, group: Group) -> None:
        """Records that this audience wishes for."""
        self._counts.update(group.counts)
        self._events += group.events
        for item in group.items[-MOST_EVENTS:]:
            kept = self._items.get(item.topic)
            if kept is None:
                kept = self._items[item.topic] = deque(maxlen=MOST_EVENTS)
            kept.append(item)

    def skip(self, records: int) -> None:
        """Records that nobody looked at."""
        self._skipped += records

    def depict(self, picture: bytes, seq: int) -> None:
        """The appliance has changed."""
        self._picture, self.picture_seq = picture, seq
        self._made.clear()

    def publish(self, seq: int, at_us: int, now: float, quiet: float) -> bool:
        """Make what has come the next frame.

        When there is nothing, none, but one after the last that said something, and one per `quiet` seconds.
        """
        seconds = now - self._since
        speaks = bool(self._events or self._skipped or self.picture_seq > self.newest)
        if not (speaks or self._spoke or seconds >= quiet):
            return False
        self._room = min(MOST_EVENTS, self._room + seconds * self._rate)
        items = [item for kept in self._items.values() for item in kept]
        chosen = choose(items, int(self._room))
        self._room -= len(chosen)
        left_out = self._events - len(chosen)
        self.sampled_out += left_out
        events = tuple(item.words(self.wish.money) for item in chosen)
        counts = dict(self._counts)
        self._at_us = at_us
        moment = Moment(seq, seconds, counts, events, left_out > 0, self._skipped)
        self._moments.append(moment)
        if len(self._moments) > KEPT_FRAMES:
            self.start = self._moments.popleft().seq
        self.newest, self._since, self._spoke = seq, now, speaks
        self._made.clear()
        self._clear()
        return True

    def frame(self, seen: int, picture_seen: int, missed: bool) -> bytes:
        """What happened behind frame `seen`. `missed`: the watcher missed more than can be made up for."""
        missed = missed or seen < self.start
        with_picture = self.picture_seq > picture_seen
        if missed:
            return self._compose(
                [moment for moment in self._moments if moment.seq > seen], True, with_picture
            )
        made = self._made.get((seen, with_picture))
        if made is None:
            moments = [moment for moment in self._moments if moment.seq > seen]
            made = self._made[seen, with_picture] = self._compose(moments, False, with_picture)
        return made

    def _compose(self, moments: Sequence[Moment], resync: bool, with_picture: bool) -> bytes:
        counts: Counter[str] = Counter()
        for moment in moments:
            counts.update(moment.counts)
        events = [event for moment in moments for event in moment.events]
        skipped = sum(moment.skipped for moment in moments)
        return _encode(
            Frame(
                seq=self.newest,
                at=iso(self._at_us),
                seconds=round(sum(moment.seconds for moment in moments), 3),
                counts=counts,
                events=tuple(events[-MOST_EVENTS:]),
                sampled=any(moment.sampled for moment in moments) or len(events) > MOST_EVENTS,
                resync=resync,
                skipped=skipped or UNSET,
                system=msgspec.Raw(self._picture) if with_picture else UNSET,
            )
        )
