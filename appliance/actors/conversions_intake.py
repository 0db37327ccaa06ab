"""What the conversions actor reads: the edges' journals, whose clicks are indexed and postbacks handed on.

After a restart the index is filled again from the journals, because while the warehouse is away that is
the only place where a click that was consumed but not shipped can be found.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import trio

from appliance.attribution.progress import Progress
from appliance.attribution.recent import RecentClicks, Taken, take
from appliance.model.conversions import Position, Settlement, WaitingPostback
from appliance.model.doctor import Observed
from appliance.model.events import PostbackLogEvent
from appliance.ports import Journals, Piece, Runner

log = logging.getLogger("weir.conversions")

Read = Sequence[tuple[Piece, Taken]]


class Intake:
    """Of one life of the actor: the recent clicks, who waits for a click, and how far each journal was read.

    `entries` are read at once of each journal, `discover` is how often (seconds) new ones are looked for.
    """

    def __init__(
        self,
        journals: Journals,
        run_blocking: Runner,
        held: Callable[[int], bool],
        broken: Callable[[int, int, str], None],
        *,
        recent_clicks: int,
        entries: int,
        discover: float,
        counts: Counter[str],
    ) -> None:
        self.recent = RecentClicks(recent_clicks)
        self.progress = Progress()
        self._journals = journals
        self._blocking = run_blocking
        self._held = held
        self._broken = broken
        self._most_recent = recent_clicks
        self._entries = entries
        self._discover = discover
        self._counts = counts
        self._awaited: Counter[str] = Counter()
        self._arrived: list[str] = []
        self._discovered_at = -1e9
        self._told_broken: set[tuple[int, int]] = set()

    async def begin(self, offsets: Mapping[tuple[int, int], int], awaited: Mapping[str, int]) -> None:
        """Go on at these offsets, stored by (edge, epoch); so many postbacks wait for each click."""
        self.progress.restore(offsets)
        self.expect(awaited)
        await self._blocking(self._journals.reopen)
        self._discovered_at = trio.current_time()

    async def warm(self, stopped: Callable[[], bool]) -> None:
        """Index again the newest clicks that were consumed before the restart."""
        # A click is followed by its identity record: two entries per click.
        pieces = self._journals.before(self.progress.offsets, 2 * self._most_recent)
        while not stopped():
            taken = await self._blocking(lambda: _taken(next(pieces, None)))
            if taken is None:
                break
            self._index(taken)

    async def read(self) -> Read:
        """The next piece of every journal; indexes its clicks and moves the offsets held in memory."""
        now = trio.current_time()
        if now - self._discovered_at >= self._discover:
            self._discovered_at = now
            await self._blocking(self._journals.discover)
        read = await self._blocking(self._read_pieces)
        for piece, taken in read:
            source = (piece.edge, piece.epoch)
            if piece.ended:
                self.progress.ended(source)
            elif piece.entries:
                self.progress.moved(source, taken.last, len(piece.entries), taken.newest_us)
                self._index(taken)
            else:
                self.progress.idle(source, piece.error or piece.broken)
            if piece.broken:
                self._report_broken(source, piece)
        return read

    def arrived(self) -> list[str]:
        """Clicks indexed since the last time that postbacks wait for."""
        clicks, self._arrived = self._arrived, []
        return clicks

    def expect(self, awaited: Mapping[str, int]) -> None:
        """So many postbacks wait for each click, and for no other."""
        self._awaited = Counter(awaited)

    def await_click(self, click: str, step: int) -> None:
        """One postback more (1) or less (-1) waits for this click."""
        self._awaited[click] += step
        if self._awaited[click] <= 0:
            del self._awaited[click]

    def _read_pieces(self) -> list[tuple[Piece, Taken]]:
        pieces = self._journals.read(self.progress.offsets, self._entries, self._held)
        return [(piece, take(piece.entries)) for piece in pieces]

    def _report_broken(self, key: tuple[int, int], piece: Piece) -> None:
        self._counts["entries_missing"] += piece.missing
        if key not in self._told_broken:
            self._told_broken.add(key)
            log.error("journal segment is broken", extra={"edge": key[0], "reason": piece.broken})
            self._broken(*key, piece.broken)

    def _index(self, taken: Taken) -> None:
        self.recent.put(taken.clicks)
        self._counts["clicks"] += len(taken.clicks)
        self._counts["undecodable"] += taken.broken
        if self._awaited:
            self._arrived += [click for click, _ in taken.clicks if click in self._awaited]


def postbacks(read: Read) -> list[tuple[Position, PostbackLogEvent]]:
    """All that was read, each with where it stands."""
    return [
        ((piece.edge, piece.epoch, seq), event) for piece, taken in read for seq, event in taken.postbacks
    ]


def observed(read: Read, rows: Iterable[WaitingPostback], settlement: Settlement) -> Observed:
    """What a pass came to, for whoever looks for faults in it."""
    return Observed(
        received=[event for _, taken in read for _, event in taken.postbacks],
        refused=[event for _, taken in read for event in taken.refused],
        waited=[row.event for row in rows],
        processed=[it for it in settlement.records if isinstance(it, PostbackLogEvent)],
        conversions=settlement.conversions,
        clicks=[(taken.newest_us, taken.networks) for _, taken in read if taken.networks],
    )


def _taken(entries: Sequence[tuple[int, bytes]] | None) -> Taken | None:
    return None if entries is None else take(entries)
