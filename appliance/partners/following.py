"""What follows for each event of a request from what the platform answered to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from appliance.model.deliveries import State, Stored
from appliance.partners.platform import HOUR, MAY_HAVE_BEEN_COUNTED, UNANSWERED, Limits, Verdict
from appliance.partners.splitting import parts

_MARGIN = HOUR
SUSPECT_AFTER = 5
"""Attempts after which events that the platform only ever asks to repeat are taken apart: one of them may be
the reason, and would hold up the others until their window ends."""
_FIRST = 60_000_000
_LONGEST = 6 * HOUR
_TRIES_LEFT = 4
"""One alone waits for no more than this part of the time that it has: it is tried again before its end."""


class Next(NamedTuple):
    """What becomes of one delivery; the fields of model/deliveries.Result after its attempt."""

    state: State
    not_before_us: int
    reason: str
    part: int | None = None
    sure: bool = True


def follow(
    batch: Sequence[Stored], verdict: Verdict, now_us: int, again_us: int, *, apart: bool = False
) -> list[Next]:
    """In the order of the batch. What is not refused for ever is due again at `again_us`.

    A whole batch that was refused is taken apart: each part goes with nothing but itself from then on, until
    what was refused stands alone. Where the platform names the guilty ones, only they are dead. `apart`: it
    is taken apart although it was not refused, see `doubtful`. One that stands alone after that waits longer
    each time, and is tried several times more before its deadline.
    """
    if verdict.outcome == "accepted":
        return [
            Next("dead", now_us, verdict.refused[place])
            if place in verdict.refused
            else Next("delivered", now_us, verdict.label)
            for place in range(len(batch))
        ]
    if verdict.outcome == "refused":
        if verdict.refused:
            return [
                Next("dead", now_us, verdict.refused[place])
                if place in verdict.refused
                else Next("pending", now_us, "")
                for place in range(len(batch))
            ]
        if len(batch) == 1:
            return [Next("dead", now_us, verdict.label)]
        return _apart(batch, now_us, "after a refusal", sure=True)
    # A platform's own word that it took nothing is sure; whoever stood before it does not know.
    sure = verdict.outcome in ("throttle", "pause")
    if apart and len(batch) > 1:
        return _apart(batch, now_us, f"after: {verdict.label}", sure=sure)
    if apart or suspected(batch, verdict):
        longer = _FIRST * 2 ** min(max(batch[0].attempts - SUSPECT_AFTER, 0), 20)
        again_us = max(again_us, now_us + min(longer, _LONGEST))
    if len(batch) == 1:
        soon = (batch[0].deadline_us - now_us) // _TRIES_LEFT
        again_us = min(again_us, now_us + max(_FIRST, soon))
    return [Next("pending", again_us, verdict.label, None, sure)] * len(batch)


def suspected(batch: Sequence[Stored], verdict: Verdict) -> bool:
    """It stands alone after others of its request were taken, and still is not answered: that it fails again
    says nothing of anybody else."""
    one = batch[0]
    return len(batch) == 1 and one.part == one.number and _asks_again(verdict) and _tried(batch)


def _apart(batch: Sequence[Stored], now_us: int, why: str, *, sure: bool) -> list[Next]:
    return [
        Next("pending", now_us, f"among {len(part)} {why}", batch[part.start].number, sure)
        for part in parts(len(batch))
        for _ in part
    ]


def doubtful(batch: Sequence[Stored], verdict: Verdict, *, works: bool, lifted: bool) -> bool:
    """Whether one of these events may be the reason for an answer that does not say so: the platform asks to
    repeat them again and again, or somebody before it shuts out an account of which it took a single event
    just now (`lifted`).
    `works`: it has taken others since it last failed. While it takes nothing at all, nobody is in doubt."""
    if verdict.outcome == "pause":
        return works and lifted and verdict.stranger
    return works and _asks_again(verdict) and _tried(batch)


def _asks_again(verdict: Verdict) -> bool:
    """By the platform's own word, and not by a proxy's, or silence."""
    return verdict.outcome == "retry" and verdict.label != UNANSWERED


def _tried(batch: Sequence[Stored]) -> bool:
    return max(stored.attempts for stored in batch) >= SUSPECT_AFTER


def unsure(stored: Stored, limits: Limits, now_us: int) -> str:
    """The label of what may not be sent once more: it may have arrived, and so long ago that the platform
    would not know it for the same event. "" for what may."""
    if stored.sent_us in (0, stored.lease_us):
        return ""
    return MAY_HAVE_BEEN_COUNTED if now_us - stored.sent_us >= limits.dedupe_us - _MARGIN else ""
