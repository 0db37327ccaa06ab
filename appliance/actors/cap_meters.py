"""What counted against every cap, and what that leaves: the meters of the cap_poller. Nothing here waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from appliance.model.conversions import Counted
from appliance.model.rules import Cap
from appliance.model.usage import CapReport, Took
from appliance.routing import verdicts
from appliance.routing.budgets import Lending
from appliance.routing.caps import Meter

SECOND = 1_000_000


class CapMeters:
    """`currency` is the appliance's own: that of a cap which names none."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._of: dict[int, list[Meter]] = {}
        self._revisions: dict[str, int] = {}
        """Conversions that were counted from the ledger, and may still come from its outbox."""

    def changed(self, wanted: Mapping[int, tuple[Cap, ...]]) -> dict[int, tuple[Cap, ...]]:
        """What of `wanted` is not metered like that yet."""
        return {d: caps for d, caps in wanted.items() if tuple(m.cap for m in self._of.get(d, ())) != caps}

    def keep(self, destinations: Iterable[int]) -> None:
        """Drop the meters of all others."""
        for gone in self._of.keys() - set(destinations):
            del self._of[gone]

    def begin(self, destination: int, caps: Iterable[Cap], took: Iterable[Took]) -> bool:
        """Meter a destination anew, with the clicks and cost that it took before.

        True when `before` should be told its conversions as well.
        """
        meters = self._of[destination] = [Meter(cap) for cap in caps]
        for each in took:
            self.took(each)
        return any(meter.cap.metric in ("conversions", "revenue") for meter in meters)

    def before(self, counted: Iterable[Counted], destinations: Iterable[int]) -> None:
        """Conversions as the ledger has them, those of `destinations` not counted yet."""
        fresh = set(destinations)
        for each in counted:
            if each.destination_id in fresh:
                self._revisions[each.id] = each.revision
                self._convert(each)

    def took(self, took: Took) -> None:
        """Clicks and their cost, or cost alone."""
        begin, width = took.start_s * SECOND, took.width_s * SECOND
        for meter in self._of.get(took.destination_id, ()):
            if meter.cap.metric == "clicks":
                meter.add(begin, took.clicks, width)
            elif meter.cap.metric == "cost" and took.currency == (meter.cap.currency or self._currency):
                meter.add(begin, took.cost, width)

    def converted(self, change: Counted) -> None:
        """What one revision of a conversion adds; nothing when `before` had it."""
        if change.revision > self._revisions.get(change.id, 0):
            self._convert(change)

    def all_converted(self) -> None:
        """The outbox was read beyond what `before` told: nothing comes a second time."""
        self._revisions.clear()

    def _convert(self, counted: Counted) -> None:
        for meter in self._of.get(counted.destination_id, ()):
            if meter.cap.metric == "conversions":
                meter.add(counted.at_us, counted.conversions)
            elif meter.cap.metric == "revenue" and counted.currency == (meter.cap.currency or self._currency):
                meter.add(counted.at_us, counted.revenue)

    # What follows from it

    def limited(self, now_us: int) -> dict[int, Callable[[], int]]:
        """Destinations with caps on clicks → what these leave now."""
        found: dict[int, Callable[[], int]] = {}
        for destination, meters in self._of.items():
            clicks = [meter for meter in meters if meter.cap.metric == "clicks"]
            if clicks:
                found[destination] = partial(_left, clicks, now_us)
        return found

    def fine(self) -> list[int]:
        """Destinations whose clicks and cost count by the second."""
        return [d for d, ms in self._of.items() if any(m.cap.metric in ("clicks", "cost") for m in ms)]

    def closed(self, now_us: int) -> dict[int, str]:
        """The destinations whose caps on money or conversions are reached."""
        return {
            destination: verdicts.CAP
            for destination, meters in self._of.items()
            if any(m.cap.metric != "clicks" and m.used(now_us) >= m.limit for m in meters)
        }

    def report(self, now_us: int, lending: Lending) -> tuple[CapReport, ...]:
        """Every cap now."""
        return tuple(
            self._report(destination, meter, now_us, lending)
            for destination, meters in sorted(self._of.items())
            for meter in meters
        )

    def _report(self, destination: int, meter: Meter, now_us: int, lending: Lending) -> CapReport:
        cap, used = meter.cap, meter.used(now_us)
        clicks = cap.metric == "clicks"
        return CapReport(
            destination_id=destination,
            metric=cap.metric,
            window_hours=cap.window_hours,
            timezone=cap.timezone,
            currency=(cap.currency or self._currency) if cap.metric in ("cost", "revenue") else "",
            limit=meter.limit,
            used=used,
            lent=lending.outstanding(destination) if clicks else 0,
            reached=used >= meter.limit,
            exceeded=used > meter.limit,
            holders=lending.holders(destination) if clicks else (),
        )


def _left(meters: Sequence[Meter], now_us: int) -> int:
    return min(meter.left(now_us) for meter in meters)
