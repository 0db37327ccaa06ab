"""How each account that is reported to is doing: what it may be asked now, what its answers mean for it."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from appliance.model.deliveries import Standing, Stored, Waiting
from appliance.model.platforms import AccountReport, AccountState, PixelReport
from appliance.partners.following import doubtful
from appliance.partners.matching import quality
from appliance.partners.patience import SECOND, Patience
from appliance.partners.platform import NOT_RECONCILED, REFUSED, Verdict
from appliance.partners.ways import ACCOUNT, PIXEL, Way, number_in, tested

log = logging.getLogger("weir.reporter")
MOST_SHUT_OUT = 1_000
SHOWN_SPACING = 2.0
"""Seconds: a wait that is longer is more than the pace of an account's requests."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds and rhythms; times in seconds."""

    per_account: int = 10
    """Requests under way of one account, so that the parts of a refused batch are in flight together."""
    in_all: int = 40
    """Requests under way. Full: the accounts whose deadlines are nearest go first."""
    timeout: float = 20.0
    lease: float = 60.0
    """Longer than a request and its storing take; what a life that was killed held is taken up after it."""
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
    """Failures with no success in between, from which on an account is asked slowly: one lost answer among
    many is that request's own matter."""
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
class Account:
    """One of them in this life of the core. `not_before` and `lifted_at` are by trio's clock."""

    under_way: int = 0
    not_before: float = -math.inf
    lifted_at: float = -math.inf
    failures: int = 0
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
    worked_at: float = -math.inf
    shut_out: dict[int, float] = field(default_factory=dict)
    """Deliveries that stood alone when the account was shut out, and when; at most MOST_SHUT_OUT, of which
    the oldest is forgotten first: then it is only asked once more."""

    def shuts_out(self, number: int, clock: float) -> bool:
        """Whether this one has the account shut out, which works for others in between."""
        before = self.shut_out.pop(number, math.inf)
        if before < self.worked_at:
            return True
        self.shut_out[number] = clock
        if len(self.shut_out) > MOST_SHUT_OUT:
            del self.shut_out[next(iter(self.shut_out))]
        return False


@dataclass(frozen=True)
class Figures:
    """What the store said at the last look, by target."""

    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    worth: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    refused: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Learned(NamedTuple):
    """What an answer comes to: its verdict, which may be another one than the platform's word alone says;
    when to try again; whether the batch is taken apart; how the account stands if that has changed."""

    verdict: Verdict
    again_us: int
    apart: bool = False
    standing: Standing | None = None


class Accounts:
    """All of them. `standings` are those that are paused; the store has the same."""

    def __init__(
        self, limits: Limits, patience: Patience, now_us: Callable[[], int], draw: Callable[[], float]
    ) -> None:
        self._limits = limits
        self._patience = patience
        self._now_us = now_us
        self._draw = draw
        self._accounts: dict[str, Account] = {}
        self.standings: dict[str, Standing] = {}

    def of(self, way: Way) -> Account:
        return self._accounts.setdefault(way.account, Account())

    def begin(self, standings: Sequence[Standing]) -> None:
        """A new run: nothing is under way."""
        self.standings = {each.target: each for each in standings if number_in(each.target, ACCOUNT)}
        for each in self._accounts.values():
            each.under_way = 0

    def forget(self, names: Collection[str]) -> list[str]:
        """They may be asked at once; those of them that were paused."""
        for name in names:
            if (known := self._accounts.get(name)) is not None:
                known.not_before, known.failures, known.slow, known.reason = -math.inf, 0, False, ""
        return [name for name in names if self.standings.pop(name, None) is not None]

    def room(self, way: Way) -> int:
        """How many events a request of this account may take now; 0 for no request."""
        known = self.of(way)
        if way.held or sum(each.under_way for each in self._accounts.values()) >= self._limits.in_all:
            return 0
        if known.not_before > trio.current_time() and not way.gone:
            return 0
        paused = self.standings.get(way.account)
        if paused is not None and not way.gone and not way.dry_run:
            return 1 if paused.probe_us <= self._now_us() and not known.under_way else 0
        slow = known.slow or known.failures >= self._limits.in_a_row
        most = 1 if slow else self._limits.per_account
        return way.platform.limits.batch if known.under_way < most else 0

    def started(self, way: Way) -> None:
        """A request of its begins: the next one keeps the pace."""
        known = self.of(way)
        known.under_way += 1
        known.not_before = max(known.not_before, trio.current_time()) + 60.0 / max(1, way.per_minute)

    def learn(self, way: Way, batch: Sequence[Stored], verdict: Verdict) -> Learned:
        """What an answer to these means for their account."""
        known, now, clock = self.of(way), self._now_us(), trio.current_time()
        known.answers[verdict.outcome] += 1
        known.slow = verdict.busy >= self._limits.slow_from
        if verdict.busy:
            known.busy, known.busy_at_us = verdict.busy, now
        if verdict.busy >= self._limits.stop_from:
            known.not_before = max(known.not_before, clock + max(verdict.seconds, self._limits.throttled))
        if verdict.label == NOT_RECONCILED:
            known.unreconciled += len(batch) - len(verdict.refused) - (verdict.received or 0)
        if verdict.outcome in ("accepted", "refused"):
            return Learned(verdict, now, standing=self._works(way))
        lifted = clock - known.lifted_at < self._limits.lifted
        apart = doubtful(batch, verdict, lifted=lifted)
        if apart and len(batch) > 1:
            return Learned(verdict, now, apart)
        if verdict.outcome == "pause":
            if len(batch) == 1 and known.shuts_out(batch[0].number, clock):
                return Learned(verdict._replace(outcome="refused", label=REFUSED), now)
            return self._pause(way, verdict, apart=apart)
        known.reason = f"{verdict.label}: {verdict.reason}"[:500] if verdict.reason else verdict.label
        if not apart:
            known.failures += 1
            wait = max(verdict.seconds, self._patience.pause(known.failures, self._draw(), verdict.seconds))
            if verdict.outcome == "retry" and known.failures < self._limits.in_a_row:
                return Learned(verdict, now + int(wait * SECOND))
            known.not_before = max(known.not_before, clock + wait)
        return Learned(verdict, now, apart)

    def _works(self, way: Way) -> Standing | None:
        """It was answered as it should be; its standing, if it was paused."""
        known = self.of(way)
        known.failures, known.reason, known.worked_at = 0, "", trio.current_time()
        if self.standings.pop(way.account, None) is None:
            return None
        known.lifted_at = known.worked_at
        log.warning("account resumed", extra={"account": way.account, "platform": way.platform.name})
        return Standing(target=way.account)

    def _pause(self, way: Way, verdict: Verdict, *, apart: bool) -> Learned:
        now, before = self._now_us(), self.standings.get(way.account)
        failures = before.failures + 1 if before else 1
        wait = min(self._limits.probe_longest, self._limits.probe_first * 2.0 ** min(failures - 1, 20))
        found = Standing(
            target=way.account,
            failures=failures,
            paused_us=before.paused_us if before else now,
            probe_us=now + int(wait * SECOND),
            reason=f"{verdict.label}: {verdict.reason}"[:500],
        )
        if before is None:
            log.warning(
                "account paused",
                extra={"account": way.account, "platform": way.platform.name, "reason": found.reason},
            )
        self.standings[way.account] = found
        # Not the same event at every probe: it could be the reason.
        again_us = now + int(2 * wait * SECOND) if before or apart else now
        return Learned(verdict, again_us, apart, found)

    # What is said of them

    def report(self, ways: Mapping[str, Way], figures: Figures) -> tuple[AccountReport, ...]:
        """Every account of these ways, by its number."""
        mine: dict[str, list[tuple[str, Way]]] = {}
        for target, way in ways.items():
            mine.setdefault(way.account, []).append((target, way))
        return tuple(
            self._one(name, mine[name], figures)
            for name in sorted(mine, key=lambda each: number_in(each, ACCOUNT) or 0)
        )

    def _one(self, name: str, ways: Sequence[tuple[str, Way]], figures: Figures) -> AccountReport:
        known, way = self._accounts.get(name) or Account(), ways[0][1]
        standing = self.standings.get(name) or Standing(target=name)
        targets = [target for target, _ in ways]
        queues = [figures.waiting[target] for target in targets if target in figures.waiting]
        pixels = tuple(_pixel(target, each, figures) for target, each in ways)
        refused_by: Counter[str] = Counter()
        at_risk: Counter[str] = Counter()
        for target in targets:
            refused_by.update(figures.refused.get(target, {}))
            at_risk.update(figures.worth.get(target, {}))
        wait = max(0.0, known.not_before - trio.current_time())
        throttled = wait > SHOWN_SPACING
        state = _state(ways, paused=bool(standing.paused_us), throttled=throttled)
        missing = next((each.missing for _, each in ways if each.missing), "")
        return AccountReport(
            account_id=number_in(name, ACCOUNT) or 0,
            name=way.name,
            platform=way.platform.name,
            target=name,
            state=state,
            experimental=way.platform.experimental,
            dry_run=way.dry_run,
            queued=sum(each.pending for each in queues),
            oldest_us=min((each.oldest_us for each in queues), default=0),
            next_deadline_us=min((each.deadline_us for each in queues), default=0),
            accepted=sum(each.accepted for each in pixels),
            refused=sum(each.refused for each in pixels),
            not_sent=sum(each.not_sent for each in pixels),
            refused_by=dict(refused_by.most_common(50)),
            at_risk={currency: micros for currency, micros in at_risk.items() if micros},
            in_flight=known.under_way,
            answers=dict(known.answers),
            events=dict(known.events),
            labels=dict(known.labels),
            unreconciled=known.unreconciled,
            measured=known.measured,
            identifiers=dict(known.identifiers),
            match_quality=quality(known.identifiers, known.measured),
            busy=known.busy,
            busy_at_us=known.busy_at_us,
            not_before_us=self._now_us() + int(wait * SECOND) if throttled else 0,
            paused_us=standing.paused_us,
            probe_us=standing.probe_us,
            failures=standing.failures or known.failures,
            reason=missing if state == "held" else standing.reason or known.reason,
            pixels=pixels,
        )


def _state(ways: Sequence[tuple[str, Way]], *, paused: bool, throttled: bool) -> AccountState:
    if all(way.held for _, way in ways):
        return "held"
    if ways[0][1].dry_run:
        return "dry_run"
    if paused:
        return "paused"
    return "throttled" if throttled else "sending"


def _pixel(target: str, way: Way, figures: Figures) -> PixelReport:
    counts = figures.counts.get(target, {})
    return PixelReport(
        target=target,
        pixel_id=number_in(target, PIXEL) or 0,
        code=way.pixel.code,
        queued=counts.get("pending", 0),
        accepted=counts.get("delivered", 0),
        refused=counts.get("dead", 0),
        not_sent=counts.get("cancelled", 0),
        warning=tested(way),
    )
