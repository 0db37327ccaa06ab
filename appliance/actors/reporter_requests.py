"""One request to an ad platform: its events made, its token found, its answer understood."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import trio

from appliance.actors.reporter_accounts import Accounts
from appliance.errors import Unavailable
from appliance.model.deliveries import Attempt, Result, Standing, Stored
from appliance.partners import making, splitting
from appliance.partners.following import Next, follow
from appliance.partners.making import Made, Opened, Unmade
from appliance.partners.masking import Redactor, hidden
from appliance.partners.patience import SECOND
from appliance.partners.platform import (
    DRY_RUN,
    TEST_EVENT,
    UNANSWERED,
    UNAUTHORIZED,
    Answer,
    Send,
    Verdict,
    reconciled,
)
from appliance.partners.report import Identity
from appliance.partners.understanding import REASON, understood
from appliance.partners.ways import Way
from appliance.ports import Identities, Runner

log = logging.getLogger("weir.reporter")


class Access(Protocol):
    """What opens accounts."""

    async def token(self, way: Way) -> str | Verdict:
        """The token to send with now, or what keeps us from having one. Raises nothing of the network's."""

    def spoiled(self, way: Way, token: str) -> bool:
        """This one was refused; True when asking for another one may help."""


class Ready(NamedTuple):
    """`results`: what ends without a request; `events`: what one takes; `early`: deliveries that wait for
    their click (`away`: because nobody can be asked for it); `too_many`: those that no longer fit."""

    results: list[Result]
    events: list[Made]
    early: list[Stored]
    too_many: list[Stored]
    away: bool


class Requests:
    """`accounts` learn from each answer; the store is not asked for anything."""

    def __init__(
        self,
        *,
        send: Send,
        access: Access,
        identities: Identities,
        compute: Runner,
        accounts: Accounts,
        now_us: Callable[[], int],
        seconds: float,
    ) -> None:
        self._send = send
        self._access = access
        self._identities = identities
        self._compute = compute
        self._accounts = accounts
        self._now_us = now_us
        self._seconds = seconds

    async def prepare(self, way: Way, batch: Sequence[Stored]) -> Ready:
        """What one request takes of a batch. Raises nothing; it may be cancelled."""
        opened, wanted = await self._compute(_opened, batch)
        found: Mapping[str, Identity] | None = {}
        if wanted:
            try:
                found = await self._identities.find(wanted)
            except Unavailable as fault:
                log.warning("visitors are not found", extra={"reason": fault.message})
                found = None
        now = self._now_us()
        early, made = await self._compute(self._made, way, opened, found, now)
        results: list[Result] = []
        events: list[Made] = []
        for each in made:
            if isinstance(each, Unmade):
                results.append(self._unmade(each, now))
            else:
                events.append(each)
        sizes = [len(each.event) for each in events]
        fits = splitting.fitting(sizes, len(events), way.platform.limits.most_bytes)
        return Ready(results, events[:fits], early, [each.stored for each in events[fits:]], found is None)

    async def token(self, way: Way) -> str | Verdict:
        """What opens the account now, or what keeps us from having it; "" where nothing is sent."""
        return "" if _silent(way) else await self._access.token(way)

    def _made(
        self, way: Way, opened: Sequence[Opened], found: Mapping[str, Identity] | None, now: int
    ) -> tuple[list[Stored], list[Made | Unmade]]:
        """Those that wait for their click, and what became of the others; in a thread."""
        wait = making.early(opened, found, now)
        waiting = {stored.number for stored in wait}
        clicks, open_ = found or {}, self._identities.open
        introduced = [
            making.introduced(
                it,
                open_(it.report.sealed) if it.report.sealed else making.NOBODY,
                clicks.get(it.report.click_id, making.NOBODY),
            )
            if it.report is not None
            else it
            for it in opened
            if it.stored.number not in waiting
        ]
        return wait, making.made(way, introduced, now)

    def _unmade(self, it: Unmade, now: int) -> Result:
        if it.fault:
            log.error("event not made", extra={"delivery": it.stored.delivery.id, "fault": it.fault})
        error = f"{it.label}: {it.fault}" if it.fault else it.label
        attempt = Attempt(at_us=now, latency_us=0, request="", error=error)
        return Result(it.stored.number, it.stored.lease_us, attempt, "dead", now, it.label, sure=True)

    def _dry(self, way: Way, events: Sequence[Made]) -> list[Result]:
        now = self._now_us()
        line = _line(way, "")
        return [
            Result(
                each.stored.number,
                each.stored.lease_us,
                Attempt(at_us=now, latency_us=0, request=line + each.shown.text, error=DRY_RUN),
                "cancelled",
                now,
                DRY_RUN,
                sure=True,
            )
            for each in events
        ]

    async def ask(
        self, way: Way, events: Sequence[Made], token: str | Verdict, began: float
    ) -> tuple[list[Result], Sequence[Standing]]:
        """The request with these, at least one, and what follows from its answer for each of them, and for
        the account and the pixel. It `began`, by trio's clock, when its token was asked for."""
        if _silent(way):
            return self._dry(way, events), ()
        at_us, asked_at = self._now_us(), trio.current_time()
        opens = way.secrets
        status, text, left, line = 0, "", False, ""
        if isinstance(token, Verdict):
            verdict = token
        else:
            pixel = way.pixel._replace(token=token)
            bodies = [each.event for each in events]
            message = await self._compute(way.platform.request, pixel, bodies)
            opens += (token, *message.secrets)
            line = hidden(_line(way, message.url), opens)
            came = await self._send(message, self._seconds)
            left = came.left
            if came.answer is None:
                verdict = Verdict("retry", UNANSWERED, Redactor(opens)(came.fault, REASON))
            else:
                status = came.answer.status
                with trio.CancelScope(shield=True):  # an answer is not given up
                    verdict, text = await self._compute(_understood, way, came.answer, events, opens)
                account = verdict.outcome == "pause" and not verdict.pixel
                if account and self._access.spoiled(way, token):
                    verdict = verdict._replace(outcome="retry", label=UNAUTHORIZED)
        latency_us = int((trio.current_time() - asked_at) * SECOND)
        batch = [each.stored for each in events]
        verdict, again_us, apart, standings = self._accounts.learn(way, batch, verdict, began)
        then = follow(batch, verdict, self._now_us(), again_us, apart=apart)
        tried = Attempt(
            at_us=at_us, latency_us=latency_us, request=line, status=status, answer=text, trace=verdict.trace
        )
        with trio.CancelScope(shield=True):
            results, names = await self._compute(_results, way, events, verdict, then, tried, left)
        if verdict.outcome == "accepted":
            known = self._accounts.of(way)
            known.measured += len(events)
            known.identifiers.update(names)
        return results, standings


def _opened(batch: Sequence[Stored]) -> tuple[list[Opened], list[str]]:
    """A batch's reports, and whose visitors are to be found."""
    opened = making.opened(batch)
    return opened, making.clicks(opened)


def _results(
    way: Way, events: Sequence[Made], verdict: Verdict, then: Sequence[Next], tried: Attempt, left: bool
) -> tuple[list[Result], Counter[str]]:
    """What an attempt at all of them was for each, and how often each identifier was sent."""
    results = []
    for place, (each, follows) in enumerate(zip(events, then, strict=True)):
        attempt = Attempt(  # by place, in the order of the fields: by name it takes four times as long
            tried.at_us,
            tried.latency_us,
            tried.request + each.shown.text,
            tried.status,
            tried.answer,
            _words(verdict, follows, place),
            tried.trace,
        )
        results.append(_result(way, each.stored, attempt, follows, left=left))
    names: Counter[str] = Counter()
    for together, count in Counter(each.shown.names for each in events).items():
        names.update(dict.fromkeys(together, count))
    return results, names


def _understood(
    way: Way, answer: Answer, events: Sequence[Made], opens: Sequence[str]
) -> tuple[Verdict, str]:
    """What an answer means, and its text: without a person, and without what opens the account."""
    private = {each for made in events for each in made.shown.private}
    verdict, text = understood(way.platform, answer, len(events), opens, private)
    return reconciled(verdict, len(events)), text


def _silent(way: Way) -> bool:
    """Nothing is sent this way: a dry run, or tests at a platform that knows no test events."""
    return way.dry_run or bool(way.pixel.test_code and way.platform.tests == "none")


def _line(way: Way, url: str) -> str:
    """Where an event went, as the first line of its request."""
    return f"{way.platform.name} {way.pixel.code}{' ' + url if url else ''}\n"


def _words(verdict: Verdict, then: Next, place: int) -> str:
    """What an attempt says of its event."""
    if verdict.outcome == "accepted" and place not in verdict.refused:
        return f"{verdict.label}: {verdict.reason}" if verdict.label else ""
    label = verdict.refused.get(place) or verdict.label
    words = verdict.details.get(place) or verdict.reason
    if verdict.outcome == "refused" and then.state == "pending" and not verdict.refused:
        label = f"{label} (one of the request's events)"
    return f"{label}: {words}" if words else label


def _result(way: Way, stored: Stored, attempt: Attempt, then: Next, *, left: bool) -> Result:
    reason = then.reason
    if then.state == "delivered" and way.pixel.test_code:
        reason = TEST_EVENT
    return Result(
        stored.number,
        stored.lease_us,
        attempt,
        then.state,
        then.not_before_us,
        reason,
        then.part,
        then.sure or not left,
    )
