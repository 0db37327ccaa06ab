"""How each account that is reported to is doing: what it may be asked now, what its answers mean for it."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from appliance.actors.reporter_courses import Account, Course, Limits
from appliance.model.deliveries import Standing, Stored, Waiting
from appliance.model.platforms import AccountReport, AccountState, PixelReport
from appliance.partners.following import doubtful, suspected
from appliance.partners.matching import quality
from appliance.partners.patience import SECOND, Patience
from appliance.partners.platform import NOT_RECONCILED, REFUSED, Verdict
from appliance.partners.ways import ACCOUNT, PIXEL, Way, number_in, tested

log = logging.getLogger("weir.reporter")
SHOWN_SPACING = 2.0
"""Seconds: a wait that is longer is more than the pace of an account's requests."""


@dataclass(frozen=True)
class Figures:
    """What the store said at the last look, by target."""

    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    worth: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    refused: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Learned(NamedTuple):
    """What an answer comes to: its verdict, which may be another one than the platform's word alone says;
    when to try again; whether the batch is taken apart; how the account and the pixel stand if that has
    changed."""

    verdict: Verdict
    again_us: int
    apart: bool = False
    standings: Sequence[Standing] = ()


class Accounts:
    """All of them. `standings` are the accounts and the pixels that are paused, each by its target; the store
    has the same."""

    def __init__(
        self, limits: Limits, patience: Patience, now_us: Callable[[], int], draw: Callable[[], float]
    ) -> None:
        self._limits = limits
        self._patience = patience
        self._now_us = now_us
        self._draw = draw
        self._accounts: dict[str, Account] = {}
        self._courses: dict[str, Course] = {}
        self._asked: Counter[str] = Counter()
        self._recovered: set[str] = set()
        self.standings: dict[str, Standing] = {}

    def of(self, way: Way) -> Account:
        return self._accounts.setdefault(way.account, Account())

    def _course(self, name: str) -> Course:
        return self._courses.setdefault(name, Course())

    def begin(self, standings: Sequence[Standing]) -> None:
        """A new run: nothing is under way."""
        self.standings = {
            each.target: each for each in standings if each.target.startswith((f"{ACCOUNT}:", f"{PIXEL}:"))
        }
        self._asked.clear()
        for each in self._accounts.values():
            each.under_way = 0

    def forget(self, names: Collection[str]) -> Mapping[str, Standing]:
        """How these accounts and pixels failed until now says nothing any more; those that are paused."""
        for name in names:
            self._courses[name] = Course(failed_at=trio.current_time())
            if (known := self._accounts.get(name)) is not None:
                known.slow, known.reason = False, ""
        return {name: self.standings[name] for name in names if name in self.standings}

    def resumed(self, paused: Mapping[str, Standing]) -> None:
        """These are not any more, and the store knows; one that was refused again meanwhile stays."""
        for name, standing in paused.items():
            if self.standings.get(name) is standing:
                del self.standings[name]

    def room(self, target: str, way: Way) -> int:
        """How many events of a target a request may take now; 0 for no request."""
        known, most = self.of(way), self._limits.per_account
        if sum(each.under_way for each in self._accounts.values()) >= self._limits.in_all:
            return 0
        if _unasked(way):
            return way.platform.limits.batch if known.under_way < most else 0
        if way.held or self.wait(target, way) > 0:
            return 0
        own, whole = self._course(target), self._course(way.account)
        paused = [] if way.dry_run else self._paused(target, way)
        if paused:
            due = all(each.probe_us <= self._now_us() for each in paused)
            busy = self._asked[target] or (way.account in self.standings and known.under_way)
            return 1 if due and not busy else 0
        if known.slow or whole.failures >= self._limits.in_a_row:
            most = 1
        if known.under_way >= most or (own.failures >= self._limits.in_a_row and self._asked[target]):
            return 0
        return 1 if self._singly(target, way) else way.platform.limits.batch

    def wait(self, target: str, way: Way) -> float:
        """Seconds until this target may be asked for; nothing is said of what is paused."""
        not_before = max(self._course(target).not_before, self._course(way.account).not_before)
        return max(0.0, not_before - trio.current_time())

    def turn(self, target: str, way: Way) -> float:
        """Of an account's targets, the lowest is asked for first, then the nearest deadline: where single
        events ask whether it works, those of one bad pixel must not be all of them."""
        if way.account in self.standings or self._course(way.account).failures >= self._limits.singly_from:
            return self._course(target).asked_at
        return -math.inf

    def _paused(self, target: str, way: Way) -> list[Standing]:
        return [self.standings[name] for name in (target, way.account) if name in self.standings]

    def _singly(self, target: str, way: Way) -> bool:
        failures = max(self._course(target).failures, self._course(way.account).failures)
        return failures >= self._limits.singly_from

    def started(self, target: str, way: Way) -> None:
        """One of its begins: the next request keeps the pace."""
        whole, clock = self._course(way.account), trio.current_time()
        self.of(way).under_way += 1
        self._asked[target] += 1
        self._course(target).asked_at = clock
        if not _unasked(way):
            whole.not_before = max(whole.not_before, clock) + 60.0 / max(1, way.per_minute)

    def ended(self, target: str, way: Way) -> None:
        """One that was started, whatever came of it."""
        self.of(way).under_way -= 1
        self._asked[target] -= 1

    def recovered(self, ways: Mapping[str, Way]) -> list[str]:
        """Targets that have failed and work again, or whose account does, each once: what waits for them is
        due. One that fails by itself asks for itself, at once; its events keep their turns."""
        names, self._recovered = self._recovered, set()
        found = []
        for target in [each for each, way in ways.items() if each in names or way.account in names]:
            own = self._course(target)
            own.not_before = -math.inf
            if own.failures < self._limits.in_a_row:
                found.append(target)
        return found

    def learn(self, way: Way, batch: Sequence[Stored], verdict: Verdict, began: float) -> Learned:
        """What the answer to a request with these, which began then, means for their account and pixel."""
        known, now, clock = self.of(way), self._now_us(), trio.current_time()
        target, whole = batch[0].delivery.target, self._course(way.account)
        verdict = verdict._replace(seconds=min(verdict.seconds, self._patience.longest_asked))
        known.answers[verdict.outcome] += 1
        known.slow = verdict.busy >= self._limits.slow_from
        if verdict.busy:
            known.busy, known.busy_at_us = verdict.busy, now
        if verdict.busy >= self._limits.stop_from:
            whole.not_before = max(whole.not_before, clock + (verdict.seconds or self._limits.throttled))
        if verdict.label == NOT_RECONCILED:
            known.unreconciled += len(batch) - len(verdict.refused) - (verdict.received or 0)
        if verdict.outcome in ("accepted", "refused"):
            return Learned(verdict, now, standings=self._works(target, way, began))
        if verdict.outcome == "pause":
            return self._shut_out(target, way, batch, verdict, began)
        return self._fails(target, way, batch, verdict, began)

    def _works(self, target: str, way: Way, began: float) -> list[Standing]:
        """It was answered as it should be; what is not paused any more."""
        clock, found = trio.current_time(), []
        self.of(way).reason = ""
        for name in (target, way.account):
            course = self._course(name)
            if course.failures >= self._limits.in_a_row:
                self._recovered.add(name)
            course.failures, course.worked_at = 0, clock
            # An answer to what had left before it was paused says nothing of now.
            if name in self.standings and began >= course.failed_at:
                del self.standings[name]
                course.lifted_at = clock
                self._recovered.add(name)
                found.append(Standing(target=name))
                log.warning("resumed", extra={"target": name, "platform": way.platform.name})
        return found

    def _fails(
        self, target: str, way: Way, batch: Sequence[Stored], verdict: Verdict, began: float
    ) -> Learned:
        """Not now, for no reason that the platform knows."""
        known, now, clock = self.of(way), self._now_us(), trio.current_time()
        own, whole = self._course(target), self._course(way.account)
        apart = doubtful(batch, verdict, works=own.works, lifted=False)
        known_of = own.works and suspected(batch, verdict)
        counted = [not known_of and course.fails(began, clock) for course in (own, whole)]
        known.reason = f"{verdict.label}: {verdict.reason}"[:500] if verdict.reason else verdict.label
        tried = 1 + max(stored.attempts for stored in batch)
        wait = self._patience.pause(max(own.failures, whole.failures, tried), self._draw(), verdict.seconds)
        wait = max(wait, verdict.seconds)
        throttled = verdict.outcome == "throttle"
        gated = False
        for course, new in zip((own, whole), counted, strict=True):
            asked = verdict.seconds if throttled and course is whole else 0.0
            if course.failures >= self._limits.in_a_row or (throttled and course is whole):
                gated = True
                course.not_before = max(course.not_before, clock + (wait if new else asked))
        if not gated:
            return Learned(verdict, now + int(wait * SECOND), apart)
        # Another one asks next.
        later = 1.5 * wait if len(batch) == 1 and self._singly(target, way) else 0.0
        return Learned(verdict, now + int(later * SECOND), apart)

    def _shut_out(
        self, target: str, way: Way, batch: Sequence[Stored], verdict: Verdict, began: float
    ) -> Learned:
        """Nothing will be accepted, of the account or of this pixel of its."""
        known, now, clock = self.of(way), self._now_us(), trio.current_time()
        name = target if verdict.pixel else way.account
        course = self._course(name)
        if began < course.failed_at:
            return Learned(verdict, now)
        lifted = clock - course.lifted_at < self._limits.lifted
        apart = doubtful(batch, verdict, works=course.works, lifted=lifted)
        course.failed_at = clock
        if apart and len(batch) > 1:
            return Learned(verdict, now, apart)
        worked_at = self._course(target).worked_at
        alone = len(batch) == 1 and verdict.stranger
        if alone and known.shuts_out(batch[0].number, worked_at, clock):
            return Learned(verdict._replace(outcome="refused", label=REFUSED), now)
        return self._pause(name, way, verdict, apart=apart)

    def _pause(self, name: str, way: Way, verdict: Verdict, *, apart: bool) -> Learned:
        now, before = self._now_us(), self.standings.get(name)
        failures = before.failures + 1 if before else 1
        wait = min(self._limits.probe_longest, self._limits.probe_first * 2.0 ** min(failures - 1, 20))
        found = Standing(
            target=name,
            failures=failures,
            paused_us=before.paused_us if before else now,
            probe_us=now + int(wait * SECOND),
            reason=f"{verdict.label}: {verdict.reason}"[:500],
        )
        if before is None:
            log.warning(
                "paused", extra={"target": name, "platform": way.platform.name, "reason": found.reason}
            )
        self.standings[name] = found
        # Not the same event at every probe: it could be the reason.
        again_us = now + int(2 * wait * SECOND) if before or apart else now
        return Learned(verdict, again_us, apart, [found])

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
        # What a paused pixel has waiting is told by its own alert.
        asked = [each for each in queues if each.target not in self.standings]
        refused_by: Counter[str] = Counter()
        at_risk: Counter[str] = Counter()
        for target in targets:
            refused_by.update(figures.refused.get(target, {}))
            at_risk.update(figures.worth.get(target, {}))
        course = self._course(name)
        wait = max(0.0, course.not_before - trio.current_time())
        throttled = wait > SHOWN_SPACING
        pixels = tuple(
            _pixel(target, each, figures, self.standings.get(target) or Standing(target=target))
            for target, each in ways
        )
        refused = [each for each in pixels if each.paused_us]
        state = _state(
            ways, paused=bool(standing.paused_us) or len(refused) == len(pixels), throttled=throttled
        )
        reason = standing.reason or (
            f"its pixel {refused[0].code}: {refused[0].reason}" if state == "paused" else known.reason
        )
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
            oldest_us=min((each.oldest_us for each in asked), default=0),
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
            failures=standing.failures or course.failures,
            reason=missing if state == "held" else reason,
            pixels=pixels,
        )


def _unasked(way: Way) -> bool:
    """What comes to it ends without a request."""
    return way.gone or way.listed


def _state(ways: Sequence[tuple[str, Way]], *, paused: bool, throttled: bool) -> AccountState:
    if all(way.held for _, way in ways):
        return "held"
    if ways[0][1].dry_run:
        return "dry_run"
    if paused:
        return "paused"
    return "throttled" if throttled else "sending"


def _pixel(target: str, way: Way, figures: Figures, standing: Standing) -> PixelReport:
    counts, waiting = figures.counts.get(target, {}), figures.waiting.get(target)
    return PixelReport(
        target=target,
        pixel_id=number_in(target, PIXEL) or 0,
        code=way.pixel.code,
        queued=counts.get("pending", 0),
        accepted=counts.get("delivered", 0),
        refused=counts.get("dead", 0),
        not_sent=counts.get("cancelled", 0),
        warning=tested(way),
        next_deadline_us=waiting.deadline_us if waiting is not None else 0,
        at_risk={currency: micros for currency, micros in figures.worth.get(target, {}).items() if micros},
        paused_us=standing.paused_us,
        probe_us=standing.probe_us,
        reason=standing.reason,
    )
