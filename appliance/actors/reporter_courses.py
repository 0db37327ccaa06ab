"""What is kept of each account that is reported to and of each of its pixels, and the reporter's bounds."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

MOST_SHUT_OUT = 1_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms; times in seconds."""

    per_account: int = 10
    """Requests under way of one account, so that the parts of a refused batch are in flight together."""
    in_all: int = 40
    """Requests under way. Full: the accounts whose deadlines are nearest go first."""
    timeout: float = 20.0
    lease: float = 60.0
    """Longer than a token, a request and its storing take: one whose answer could come after it is not made.
    What a life that was killed held is taken up after it."""
    early: float = 15.0
    """Between two looks for a click that is not in the warehouse yet."""
    away: float = 120.0
    """The same while the warehouse is away."""
    poll: float = 1.0
    stored_again: float = 1.0
    expire: float = 60.0
    expire_at_once: int = 5_000
    hurry_at_once: int = 1_000
    throttled: float = 60.0
    in_a_row: int = 3
    """Failures with no success in between, from which on an account or a pixel is asked slowly: one lost
    answer among many is that request's own matter."""
    singly_from: int = 5
    """Failures in a row from which on it is asked with single events, each time with another one: what is
    taken tells a platform that is away from an event that it cannot answer."""
    slow_from: float = 75.0
    stop_from: float = 95.0
    """Per cent of an account's allowance from which requests go one by one, and from which they wait."""
    probe_first: float = 300.0
    probe_longest: float = 3_600.0
    """A paused account is asked with a single event: permissions come back without anybody telling us."""
    lifted: float = 60.0
    """For so long after such an event was taken, a batch that is shut out is itself the reason."""
    leave: float = 2.0


@dataclass
class Course:
    """How requests of an account, or of one of its pixels, have been going in this life of the core; moments
    by trio's clock. `failed_at`: when a failure was counted, or somebody changed something."""

    failures: int = 0
    failed_at: float = -math.inf
    worked_at: float = -math.inf
    lifted_at: float = -math.inf
    not_before: float = -math.inf
    asked_at: float = -math.inf

    @property
    def works(self) -> bool:
        """The last that is known of it is that something was taken."""
        return self.worked_at > self.failed_at

    def fails(self, began: float, clock: float) -> bool:
        """Whether that is one more failure: requests that were under way together are one."""
        if began < self.failed_at:
            return False
        self.failures += 1
        self.failed_at = clock
        return True


@dataclass
class Account:
    """One of them in this life of the core."""

    under_way: int = 0
    slow: bool = False
    busy: float = 0.0
    busy_at_us: int = 0
    unreconciled: int = 0
    measured: int = 0
    reason: str = ""
    answers: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    shut_out: dict[int, float] = field(default_factory=dict)
    """Deliveries that stood alone when the account was shut out, and when; at most MOST_SHUT_OUT, of which
    the oldest is forgotten first: then it is only asked once more."""

    def shuts_out(self, number: int, worked_at: float, clock: float) -> bool:
        """Whether this one has the account shut out, which works for others of its pixel in between."""
        before = self.shut_out.pop(number, math.inf)
        if before < worked_at:
            return True
        self.shut_out[number] = clock
        if len(self.shut_out) > MOST_SHUT_OUT:
            del self.shut_out[next(iter(self.shut_out))]
        return False
