"""What follows for each event of a request from what the platform answered to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from appliance.model.deliveries import State, Stored
from appliance.partners.platform import HOUR, Limits, Verdict
from appliance.partners.splitting import parts

MAY_HAVE_BEEN_COUNTED = "May have been counted already"
_MARGIN = HOUR


class Next(NamedTuple):
    """What becomes of one delivery; the fields of model/deliveries.Result after its attempt."""

    state: State
    not_before_us: int
    reason: str
    part: int | None = None
    sure: bool = True


def follow(batch: Sequence[Stored], verdict: Verdict, now_us: int, again_us: int) -> list[Next]:
    """In the order of the batch. What is not refused for ever is due again at `again_us`.

    A whole batch that was refused is taken apart: each part goes with nothing but itself from then on, until
    what was refused stands alone. Where the platform names the guilty ones, only they are dead.
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
        return [
            Next("pending", now_us, f"among {len(part)} after a refusal", batch[part.start].number)
            for part in parts(len(batch))
            for _ in part
        ]
    # A platform's own word that it took nothing is sure; whoever stood before it does not know.
    sure = verdict.outcome in ("throttle", "pause")
    return [Next("pending", again_us, verdict.label, None, sure)] * len(batch)


def unsure(stored: Stored, limits: Limits, now_us: int) -> str:
    """The label of what may not be sent once more: it may have arrived, and so long ago that the platform
    would not know it for the same event. "" for what may."""
    if stored.sent_us in (0, stored.lease_us):
        return ""
    return MAY_HAVE_BEEN_COUNTED if now_us - stored.sent_us >= limits.dedupe_us - _MARGIN else ""
