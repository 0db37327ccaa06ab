"""Asks the warehouse how the destinations of best_roi and adaptive streams do, and tells the edges.

What is told is plain numbers (model/messages.Weights); an edge that was told nothing yet falls back. While
the warehouse is away the last ones stay.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio

from appliance.errors import Refused, Unavailable
from appliance.model.catalog import Stream
from appliance.model.messages import Weights
from appliance.ports import Runner
from appliance.reporting import ranks
from appliance.reporting.ranks import Figures, Sampler
from appliance.reporting.sql import Query

log = logging.getLogger("weir.ranks")
EVERY = 5.0
MOST_STREAMS = 2_000
"""Ranked; beyond it streams stay with their fallback, and a line in the log says so."""
_HOUR_US = 3_600_000_000

Ask = Callable[[Query], Awaitable[Sequence[Mapping[str, int]]]]


class Ranks:
    """`streams` are all that are not archived; `ask` raises Unavailable; `say` is CoreLink.say."""

    def __init__(
        self,
        streams: Callable[[], Sequence[Stream]],
        ask: Ask,
        say: Callable[[Weights], None],
        run_blocking: Runner,
        sampler: Sampler,
        currency: str,
        now_us: Callable[[], int],
    ) -> None:
        self._streams = streams
        self._ask = ask
        self._say = say
        self._blocking = run_blocking
        self._sampler = sampler
        self._currency = currency
        self._now_us = now_us
        self._said: dict[int, dict[int, int]] | None = None
        """None: edges may still hold what another core said."""
        self._shares: dict[int, tuple[object, dict[int, int]]] = {}
        """Stream → what its shares were drawn from, and they: the same figures are not drawn from again."""
        self._too_many = False
        self.last_error = ""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look every five seconds until cancelled."""
        task_status.started()
        while True:
            try:
                await self._look()
            except (Unavailable, Refused) as fault:  # refused: more rows than an answer may have
                if not self.last_error:
                    log.warning("ranks stay as they are", extra={"reason": str(fault)})
                self.last_error = str(fault)
            else:
                self.last_error = ""
            await trio.sleep(EVERY)

    async def _look(self) -> None:
        wanted = [
            stream
            for stream in self._streams()
            if stream.distribution.strategy in ("best_roi", "adaptive") and stream.status == "active"
        ]
        if (len(wanted) > MOST_STREAMS) is not self._too_many:
            self._too_many = not self._too_many
            if self._too_many:
                log.warning(
                    "more streams than are ranked", extra={"streams": len(wanted), "limit": MOST_STREAMS}
                )
        wanted = wanted[:MOST_STREAMS]
        windows: dict[int, list[Stream]] = {}
        for stream in wanted:
            windows.setdefault(stream.distribution.window_hours, []).append(stream)
        weights: dict[int, dict[int, int]] = {}
        for hours, streams in windows.items():
            known = await self._figures([stream.id for stream in streams], hours)
            for stream in streams:
                found = await self._blocking(self._weigh, stream, known.get(stream.id, {}))
                if found:
                    weights[stream.id] = found
        for gone in self._shares.keys() - {stream.id for stream in wanted}:
            del self._shares[gone]
        if weights != self._said:
            self._said = weights
            self._say(Weights(weights))

    async def _figures(self, streams: Sequence[int], hours: int) -> dict[int, dict[int, Figures]]:
        from_us = self._now_us() - hours * _HOUR_US
        clicks = await self._ask(ranks.clicks_query(streams, from_us, self._currency))
        conversions = await self._ask(ranks.conversions_query(streams, from_us, self._currency))
        return ranks.figures(clicks, conversions)

    def _weigh(self, stream: Stream, known: Mapping[int, Figures]) -> dict[int, int]:
        """Blocking: up to 0.1 s of draws for many destinations."""
        how = stream.distribution
        targets = [target.destination_id for target in stream.targets if target.weight > 0]
        if how.strategy == "best_roi":
            return ranks.roi_ranks(known, targets, how.min_clicks)
        drawn_from = (how, targets, [known.get(target) for target in targets])
        before = self._shares.get(stream.id)
        if before is not None and before[0] == drawn_from:
            return before[1]
        shares = ranks.adaptive_shares(known, targets, how.goal, how.floor_percent, self._sampler)
        self._shares[stream.id] = (drawn_from, shares)
        return shares
