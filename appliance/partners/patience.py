"""What follows from an attempt: delivered, again later, or given up; and when a target is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from appliance.model.deliveries import Standing, State, Stored

SECOND = 1_000_000
GONE = 410
"""The only answer that ends a delivery at once (Standard Webhooks): its receiver wants no more."""


class Patience(NamedTuple):
    """Seconds, and after how many failures in a row a target is paused."""

    first: float = 5.0
    longest: float = 3_600.0
    longest_asked: float = 86_400.0
    """The most that a Retry-After may ask for."""
    pause_after: int = 10
    probe_first: float = 30.0
    probe_longest: float = 900.0

    def pause(self, attempts: int, draw: float, asked: float = 0.0) -> float:
        """Seconds until the next try after so many: full jitter, `draw` from 0 to 1; never before `asked`."""
        most = min(self.longest, self.first * 2.0 ** min(attempts - 1, 40))
        return max(draw * most, min(asked, self.longest_asked))

    def probe(self, failures: int, draw: float) -> float:
        """Seconds until a paused target is tried: doubling, with a half of it drawn."""
        most = min(self.probe_longest, self.probe_first * 2.0 ** min(failures - self.pause_after, 40))
        return most * (1 + draw) / 2


class Outcome(NamedTuple):
    """What an attempt ended with. `final`: trying again can change nothing; `asked`: Retry-After, seconds."""

    delivered: bool
    reason: str = ""
    final: bool = False
    asked: float = 0.0


class Next(NamedTuple):
    """What becomes of a delivery; `not_before_us` counts while it is pending."""

    state: State
    not_before_us: int
    reason: str


def of_status(status: int, retry_after: str, now_us: int) -> Outcome:
    """What a receiver's answer means. Only 2xx is an acknowledgement; a redirect is none."""
    if 200 <= status < 300:
        return Outcome(True)
    if status == GONE:
        return Outcome(False, "answered 410: its receiver wants no more", final=True)
    redirect = ", a redirect, which is not followed" if 300 <= status < 400 else ""
    return Outcome(False, f"answered {status}{redirect}", asked=seconds_of(retry_after, now_us))


def seconds_of(retry_after: str, now_us: int) -> float:
    """A Retry-After header, in seconds or as a date; 0 for none that can be read."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.fromtimestamp(now_us / SECOND, UTC)).total_seconds())


def after(stored: Stored, outcome: Outcome, patience: Patience, draw: float, now_us: int) -> Next:
    """What becomes of a delivery after this attempt. A failure past its deadline is the last one."""
    if outcome.delivered:
        return Next("delivered", now_us, "")
    if outcome.final:
        return Next("dead", now_us, outcome.reason)
    if now_us >= stored.deadline_us:
        return Next("dead", now_us, f"deadline passed: {outcome.reason}")
    pause = patience.pause(stored.attempts + 1, draw, outcome.asked)
    # A last try at the deadline itself, rather than none after a long pause.
    return Next("pending", min(now_us + int(pause * SECOND), stored.deadline_us), outcome.reason)


def standing(before: Standing, outcome: Outcome, patience: Patience, draw: float, now_us: int) -> Standing:
    """How a target is doing after one more attempt."""
    if outcome.delivered:
        return Standing(target=before.target)
    failures = before.failures + 1
    if failures < patience.pause_after:
        return Standing(target=before.target, failures=failures, reason=outcome.reason)
    return Standing(
        target=before.target,
        failures=failures,
        paused_us=before.paused_us or now_us,
        probe_us=now_us + int(patience.probe(failures, draw) * SECOND),
        reason=outcome.reason,
    )
