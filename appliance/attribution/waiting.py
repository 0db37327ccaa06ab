"""What becomes of postbacks whose click is not known: they wait, are looked up, are tried again, or end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from appliance.attribution.claim import Statement
from appliance.attribution.settle import Batch
from appliance.model.conversions import Position, WaitingPostback


class Patience(NamedTuple):
    """How long a postback waits for its click, and the first and the longest pause between lookups."""

    window_us: int
    first_us: int
    longest_us: int

    def pause_us(self, attempts: int) -> int:
        """The pause after so many lookups in vain: doubling, up to the longest."""
        return min(self.first_us << min(attempts, 40), self.longest_us)


def postpone(
    batch: Batch,
    tried: Mapping[Position, bool],
    given_up: Collection[Position],
    patience: Patience,
) -> list[WaitingPostback]:
    """Go through a batch's unresolved postbacks; returns the rows to store, new or changed.

    `tried` are those that a lookup was made for: True when the warehouse answered, False when it was away.
    What was recorded without its click waits on without a word. An outcome `waiting` is logged once, after
    the first try. Being away counts as no attempt, and the
    deadline ends only what the warehouse has said no to.
    """
    waiting: list[WaitingPostback] = []
    now = batch.now_us
    for arrival in batch.unresolved:
        row, said = arrival.row, arrival.meaning
        assert isinstance(said, Statement)  # what is unusable waits for nothing
        click, recorded = said.click_id, arrival.position in batch.recorded
        if row is None:
            row = WaitingPostback(
                position=arrival.position,
                click_id=click,
                due_us=now,
                deadline_us=now + (patience.window_us if said.wait_us is None else said.wait_us),
                event=arrival.event,
                told=recorded,
                recorded=recorded,
            )
            waiting.append(row)
        elif recorded or row.recorded:
            if arrival.position in given_up or (tried.get(arrival.position) and now >= row.deadline_us):
                batch.end(arrival)  # it stays recorded without its click
                continue
            answered = tried.get(arrival.position, False)
            changes: dict[str, object] = {"told": True, "recorded": True, "click_id": click}
            if answered:
                changes |= {"attempts": row.attempts + 1, "due_us": now + patience.pause_us(row.attempts)}
            if answered or not row.recorded:
                waiting.append(msgspec.structs.replace(row, **changes))
        elif arrival.position in given_up:
            batch.close(arrival, "click_unknown", "given up early: too many postbacks wait for their clicks")
        elif tried.get(arrival.position):
            if now >= row.deadline_us:
                batch.close(arrival, "click_unknown", "no such click came in time")
                continue
            if not row.told:
                batch.say(arrival, "waiting", "its click is not known yet")
            waiting.append(
                msgspec.structs.replace(
                    row,
                    told=True,
                    click_id=click,
                    attempts=row.attempts + 1,
                    due_us=now + patience.pause_us(row.attempts),
                )
            )
        elif arrival.position in tried and not row.told:
            batch.say(arrival, "waiting", "the warehouse is away")
            waiting.append(msgspec.structs.replace(row, told=True))
    return waiting
