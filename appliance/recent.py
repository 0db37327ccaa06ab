"""The last minutes, from counters that only grow: rates and ratios. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from appliance.model.status import RecentReport, SystemStatus
from appliance.partners.platform import NO_CONSENT

SECOND = 1_000_000
RATE_US = 300 * SECOND
"""A rate is of the last five minutes, or of as many as there are."""
SHORTEST_US = 20 * SECOND
"""Of less than this no rate is said."""
MOST_SAMPLES = 120
EVENTS = "interpreted events"
POSTBACKS = "postbacks out"


class Ended(NamedTuple):
    """Of what came to an end since the start: how much failed, how much in all."""

    failed: int
    all: int


class Sample(NamedTuple):
    """Counters as they were then. `labels`: of the failed ones of each; `lost`: events, by edge;
    `unreconciled`: by account."""

    at_us: int
    conversions: int
    ended: Mapping[str, Ended]
    labels: Mapping[str, Mapping[str, int]] = {}
    lost: Mapping[str, int] = {}
    unreconciled: Mapping[str, int] = {}


class Recent:
    """Samples of `window_us`; older ones go, and never more than MOST_SAMPLES are kept."""

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        """The newest one. One that is very near to its predecessor replaces it."""
        span = max(self._window_us, RATE_US)
        if len(self._samples) > 1 and sample.at_us - self._samples[-2].at_us < span // MOST_SAMPLES:
            self._samples.pop()
        self._samples.append(sample)
        while len(self._samples) > MOST_SAMPLES + 1 or self._samples[0].at_us < sample.at_us - span:
            self._samples.popleft()

    def report(self) -> RecentReport:
        if not self._samples:
            return RecentReport()
        now = self._samples[-1]
        ratios, counts = {}, {}
        before = self._since(now.at_us - self._window_us)
        for name, (failed, ended) in now.ended.items():
            was = before.ended.get(name, Ended(0, 0))
            count = ended - was.all
            if count > 0:
                ratios[name] = min(1.0, max(0, failed - was.failed) / count)
                counts[name] = count
        labels = {name: grown(of, before.labels.get(name, {})) for name, of in now.labels.items()}
        lost: dict[str, int] = {}
        for each in self._samples:
            if each.at_us >= before.at_us:
                lost = {**each.lost, **lost}
        first = self._since(now.at_us - RATE_US)
        span_us = now.at_us - first.at_us
        rate = None
        if span_us >= SHORTEST_US:
            rate = max(0, now.conversions - first.conversions) * 60.0 * SECOND / span_us
        return RecentReport(
            conversions_per_minute=rate,
            error_ratios=ratios,
            ended=counts,
            labels={name: found for name, found in labels.items() if found},
            lost=grown(now.lost, lost),
            unreconciled=grown(now.unreconciled, before.unreconciled),
        )

    def _since(self, at_us: int) -> Sample:
        return next((each for each in self._samples if each.at_us >= at_us), self._samples[-1])


def grown(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """By how much each has grown, of those that have. One that is smaller than before has begun anew."""
    was = {name: count if count <= now.get(name, 0) else 0 for name, count in before.items()}
    return {name: more for name, count in now.items() if (more := count - was.get(name, 0)) > 0}


def sampled(status: SystemStatus) -> Sample:
    """What a status says of everything that comes to an end."""
    attempts = status.deliveries.attempts
    failed = attempts.get("failed", 0)
    ended = {POSTBACKS: Ended(failed, attempts.get("delivered", 0) + failed)}
    labels: dict[str, Mapping[str, int]] = {}
    for account in status.accounts:
        # What we chose not to send for want of consent is no failure.
        refused = account.events.get("refused", 0) - account.labels.get(NO_CONSENT, 0)
        labels[account.target] = {
            label: count for label, count in account.labels.items() if label != NO_CONSENT
        }
        ended[account.target] = Ended(refused, account.events.get("accepted", 0) + refused)
    if status.interpreter is not None:
        events = status.interpreter
        wrong = events.refused + sum(events.labels.values())
        # What was passed over because nothing has changed, or nobody subscribes, is neither.
        ended[EVENTS] = Ended(wrong, events.refused + events.passed - events.unchanged)
        labels[EVENTS] = events.labels
    lost = {
        f"edge {edge.edge}": edge.report.journal.unrecorded
        for edge in status.edges
        if edge.report is not None
    }
    made = status.conversions.outcomes.get("conversion", 0)
    unreconciled = {account.target: account.unreconciled for account in status.accounts}
    return Sample(status.at_us, made, ended, labels, lost, unreconciled)
