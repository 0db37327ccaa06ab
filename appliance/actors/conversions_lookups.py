"""The conversions actor's second task: looks clicks up in the warehouse for postbacks that wait.

One batch at a time is at the warehouse; its answer waits until the next pass takes it. While the warehouse
is away nothing is asked, for a time that doubles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import trio

from appliance.errors import Unavailable
from appliance.model.conversions import ClickFacts, Position, WaitingPostback
from appliance.ports import Ledger, Runner

Lookup = Callable[[Sequence[str]], Awaitable[Mapping[str, ClickFacts]]]
SECOND = 1_000_000


class Answered(NamedTuple):
    """Lookups that came back: rows that still wait, what was found, and whether each had an answer."""

    rows: dict[Position, WaitingPostback]
    facts: dict[str, ClickFacts]
    tried: dict[Position, bool]


@dataclass(frozen=True)
class _Answer:
    """What a lookup brought; `facts` is None when the warehouse was away."""

    rows: tuple[WaitingPostback, ...]
    facts: Mapping[str, ClickFacts] | None


class ClickLookups:
    """Of one life of the actor. `first` and `again` bound a batch, `retry_first` and `away_longest` (seconds)
    the pause while the warehouse is away; `came` is told of an answer, `failed` of what kept one away."""

    def __init__(
        self,
        lookup: Lookup,
        ledger: Ledger,
        run_blocking: Runner,
        *,
        first: int,
        again: int,
        retry_first: float,
        away_longest: float,
        counts: Counter[str],
        came: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self._lookup = lookup
        self._ledger = ledger
        self._blocking = run_blocking
        self._first = first
        self._again = again
        self._retry_first = retry_first
        self._away_longest = away_longest
        self._counts = counts
        self._came = came
        self._failed = failed
        self._send, self._receive = trio.open_memory_channel[tuple[WaitingPostback, ...]](1)
        self._seeking = False
        self._in_flight: set[Position] = set()
        self._answers: list[_Answer] = []
        self._away_until = 0
        self._away_delay = 0.0

    async def run(self) -> None:
        """Look up clicks, one batch after another, until cancelled."""
        async for rows in self._receive:
            facts: Mapping[str, ClickFacts] | None
            try:
                facts = await self._lookup(list({row.click_id for row in rows}))
            except Unavailable as fault:
                self._counts["lookups_away"] += 1
                self._failed(str(fault))
                facts = None
            self._counts["lookups"] += len(rows)
            self._seeking = False
            self._answers.append(_Answer(rows, facts))
            self._came()

    def forget(self) -> None:
        """What is stored is read again: no answer to an earlier question counts."""
        self._in_flight.clear()
        self._answers.clear()

    def away(self, now_us: int) -> bool:
        """Whether the warehouse is left in peace for now."""
        return now_us < self._away_until

    def next_at(self, next_due: int | None) -> int | None:
        """When a batch may go out, of rows that are due then; None while one is out or nothing waits."""
        return None if self._seeking or next_due is None else max(next_due, self._away_until)

    def take(self, now_us: int) -> Answered:
        """What came back since the last time."""
        answers, self._answers = self._answers, []
        found = Answered({}, {}, {})
        for answer in answers:
            still = [row for row in answer.rows if row.position in self._in_flight]
            self._in_flight.clear()
            found.rows.update({row.position: row for row in still})
            found.tried.update({row.position: answer.facts is not None for row in still})
            if answer.facts is None:
                self._away_delay = min(max(self._away_delay * 2, self._retry_first), self._away_longest)
                self._away_until = now_us + int(self._away_delay * SECOND)
            else:
                found.facts.update(answer.facts)
                self._away_delay = 0.0
                self._away_until = 0
        return found

    async def ask(self, next_due: int | None, now_us: int, answered: Mapping[Position, bool]) -> None:
        """Have the clicks of those looked up that are due, unless the warehouse is busy with us or away.

        The `answered` still look due, because what became of them is stored at the end of this pass.
        """
        at = self.next_at(next_due)
        if at is None or at > now_us:
            return
        known = len(answered)
        found = await self._blocking(self._ledger.due, now_us, self._first + known, self._again + known)
        due = [row for row in found if row.position not in answered][: self._first + self._again]
        if due:
            self._seeking = True
            self._in_flight = {row.position for row in due}
            self._send.send_nowait(tuple(due))  # room for one: the last one has been answered

    def settled(self, position: Position) -> None:
        """An answer for it is of no use any more."""
        self._in_flight.discard(position)
