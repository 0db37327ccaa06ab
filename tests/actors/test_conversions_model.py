"""Random interleavings of clicks, postbacks, restarts and kills end in the state of a small model."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from pathlib import Path

import pytest
from trio.testing import MockClock

from appliance.attribution.claim import Statement, understand
from appliance.attribution.revisions import figures
from appliance.model.events import ConversionEvent, PostbackLogEvent
from tests.actors.conversions_rig import START_US, Rig, click, facts

EXAMPLES = int(os.environ.get("WEIR_EXAMPLES", "40"))
STATUSES = ("", "approved", "lead", "pending", "rejected", "trash", "odd")


class Model:
    """A list of what was said; the end state is the last word on each matter, ordered by arrival."""

    def __init__(self) -> None:
        self.said: dict[str, list[Statement]] = defaultdict(list)
        self.clicks: set[str] = set()

    def note(self, event: PostbackLogEvent, edge: int, sequence: int) -> None:
        meaning = understand(event, (edge, 0, sequence), None, None, "USD")
        if isinstance(meaning, Statement):
            self.said[meaning.conversion_id].append(meaning)

    def end(self) -> dict[str, tuple[str, str, int, int, int]]:
        """Conversion id → (status, currency, count, revenue, hold)."""
        found = {}
        for claim, statements in self.said.items():
            if not any(it.click_id in self.clicks for it in statements):
                continue
            ordered = sorted(statements, key=lambda it: it.stamp)
            word = ordered[-1].status
            paid = [it.payout for it in ordered if it.payout is not None] or [0]
            named = [it.currency for it in ordered if it.currency] or ["USD"]
            counts = {"sale": (1, paid[-1], 0), "lead": (1, paid[-1], 0), "hold": (1, 0, paid[-1])}
            found[claim] = (word, named[-1], *counts.get(word, (0, 0, 0)))
        return found


async def play(rig: Rig, dice: random.Random) -> Model:
    """One random history, then calm until every wait is over."""
    model = Model()
    sequence = 0
    for _ in range(dice.randint(3, 12)):
        for _ in range(dice.randint(0, 6)):
            edge = dice.randint(0, 1)
            number = dice.randint(0, 5)
            if dice.random() < 0.3:
                if click(number) not in model.clicks:
                    model.clicks.add(click(number))
                    rig.click(number, edge)
            elif dice.random() < 0.1:
                model.clicks.add(click(number))
                rig.warehouse[click(number)] = facts(number)
            else:
                sequence += 1
                params = {"tid": dice.choice(["", "A", "B", "C"]), "status": dice.choice(STATUSES)}
                params |= {"payout": dice.choice(["", "1", "2.5", "{payout}"])}
                params |= {"currency": dice.choice(["", "", "USD", "EUR"])}
                at = START_US + sequence * 10 + dice.randint(-30, 30)
                event = rig.received(number, at, **params)
                rig.send(event, edge)
                # Numbers within a segment grow with `sequence`, epochs with the rotations: same order.
                model.note(event, edge, sequence)
        if dice.random() < 0.2:
            rig.rotate(dice.choice(rig.appending()))
        rig.away = dice.random() < 0.3
        rig.held = {edge for edge in (0, 1) if dice.random() < 0.2}
        if dice.random() < 0.6:
            rig.kill_at = dice.randint(0, 25)
        await rig.live(dice.choice([0.05, 0.3, 1.0, 4.0]))
        rig.kill_at = None
        if dice.random() < 0.3:
            rig.ship_outbox(dice.random() < 0.5)
    rig.away = False
    rig.held = set()
    await rig.live(10)
    await rig.live(40)
    return model


def check(rig: Rig, model: Model) -> None:
    expected = model.end()
    stored = rig.ledger.conversions(list(model.said))
    actual = {
        id_: (
            it.status,
            it.currency,
            *figures(it),
        )
        for id_, it in stored.items()
    }
    assert actual == expected
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    revisions: dict[str, list[int]] = defaultdict(list)
    finals: dict[str, int] = defaultdict(int)
    for record in rig.shipped + rig.records():
        if isinstance(record, ConversionEvent):
            total = sums[record.id][record.currency]
            for index, change in enumerate((record.count, record.revenue, record.hold)):
                total[index] += change
            revisions[record.id].append(record.revision)
        elif record.outcome != "waiting":
            finals[record.id] += 1
    for id_, (_, currency, *counts) in expected.items():
        left = {code: total for code, total in sums[id_].items() if any(total)}
        assert left == ({currency: counts} if any(counts) else {})
        assert sorted(revisions[id_]) == list(range(1, len(revisions[id_]) + 1))
    assert sums.keys() <= expected.keys()
    assert finals == {f"p{number}": 1 for number in range(1, rig.sent + 1)}
    assert rig.ledger.sizes().waiting == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
async def test_every_history_ends_in_the_state_of_the_model(
    part: int, tmp_path: Path, autojump_clock: MockClock
) -> None:
    for seed in range(part, EXAMPLES, 4):
        rig = Rig(tmp_path / str(seed), hours=0.005, poll=1.0, discover=0.0)
        try:
            model = await play(rig, random.Random(seed))
            check(rig, model)
        except AssertionError as fault:
            raise AssertionError(f"seed {seed}") from fault
        finally:
            rig.close()
