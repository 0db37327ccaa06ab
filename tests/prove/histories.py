"""Random histories of clicks and postbacks through the real actor, over real journals and a real ledger: cut
into batches anywhere, killed between any two steps of a commit, and compared with model.py at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import trio
from hypothesis import strategies as st
from trio.testing import MockClock

from appliance.attribution.rates import Rate, Rates
from appliance.model.catalog import Network, Template
from appliance.model.conversions import Conversion
from appliance.model.events import ConversionEvent, PostbackLogEvent, encode
from tests.actors.conversions_rig import START_US, Rig, click, facts
from tests.prove.model import End, Group, Postback, Rules, ends, groups

POLICIES = ("edit", "ignore", "create", "repeat", "increment", "event_id")
STATUSES = ("sale", "lead", "hold", "rejected", "trash", "refund", "chargeback")
PAYOUTS = {
    "": None,
    "{payout}": None,
    "1": 1_000_000,
    "2.5": 2_500_000,
    "0.000003": 3,
    "7.000001": 7_000_001,
    "-2.5": -2_500_000,
    "-1": -1_000_000,
}
DAY_US = 86_400_000_000
TIMES = {
    "": 0,
    **{str(at): at for at in (START_US - DAY_US, START_US - 500_000, START_US + 7, START_US + 3 * DAY_US)},
}
UNITS = {1: "USD", 2: "EUR", 3: "GBP", 4: ""}
RATES = {("EUR", "USD"): Fraction(11, 10), ("USD", "EUR"): Fraction(10, 11)}
FINAL = ("conversion", "duplicate", "refused", "click_unknown")
WINDOW = 60.0
"""How long a postback waits for its click, in seconds: longer than all rounds together."""


class Clicked(NamedTuple):
    """A click becomes known: by an edge's journal, or only in the warehouse (edge -1)."""

    number: int
    edge: int


class Sent(NamedTuple):
    """A postback arrives; `number` -1 names no click, `again` repeats the last one that was sent."""

    number: int
    edge: int
    late: int
    transaction: str
    type: str
    upsell: str
    event: str
    status: str
    payout: str
    currency: str
    time: str
    again: bool


class Round(NamedTuple):
    """What happens, and then the appliance runs for a moment: killed at a step of a commit, or stopped."""

    steps: Sequence[Clicked | Sent]
    kill_at: int
    away: bool
    rotate: bool
    ship: bool


class History(NamedTuple):
    policy: str
    deposits: str
    claim_by: tuple[str, ...]
    transitions: dict[str, tuple[str, ...]]
    accept: bool
    read: int
    rounds: Sequence[Round]


_few = st.sampled_from
_clicked = st.builds(Clicked, st.integers(0, 3), _few((0, 0, 1, -1)))
_sent = st.builds(
    Sent, st.integers(-1, 3), _few((0, 0, 1)), st.integers(-40, 40), _few(("", "A", "A", "B")),
    _few(("", "", "deposit")), _few(("", "", "1")), _few(("", "x", "y")), _few(STATUSES),
    _few(tuple(PAYOUTS)), _few(("", "", "USD", "EUR", "GBP")), _few(("", "", *TIMES)),
    _few((False, False, False, True)),
)  # fmt: skip
_rounds = st.builds(
    Round, st.lists(_clicked | _sent | _sent | _sent, max_size=5), st.integers(-10, 24),
    _few((False, False, True)), _few((False, False, False, True)), _few((False, False, True)),
)  # fmt: skip
HISTORIES = st.builds(
    History, _few(POLICIES), _few(("", "", *POLICIES)),
    _few(((), (), ("event_type",), ("event_type", "upsell"))),
    _few(({}, {}, {"sale": ("refund",), "rejected": ()})), st.booleans(), _few((3, 7, 2000)),
    st.lists(_rounds, min_size=1, max_size=3),
)  # fmt: skip


class Play:
    """One history at work, and what the model is told of it."""

    def __init__(self, data: Path, history: History) -> None:
        self.history = history
        self.rig = Rig(
            data, hours=WINDOW / 3600, poll=WINDOW, discover=WINDOW, read=history.read, retry_first=6.0,
            retry_longest=WINDOW, away_longest=0.2,
        )  # fmt: skip
        by_type: dict[str, Any] = {"deposit": history.deposits} if history.deposits else {}
        network: dict[str, Any] = {"duplicates": history.policy, "claim_by": history.claim_by}
        self.rig.networks[7] = Network(
            id=7, slug="net", currency="USD", duplicates_by_type=by_type, transitions=history.transitions,
            unknown_click="accept" if history.accept else "wait", template_id=1, **network,
        )  # fmt: skip
        self.rig.templates[1] = Template(id=1, mapping={"time": ("time",)})
        self.rig.units = UNITS
        self.rig.rates = Rates(
            [Rate("2020-01-01", "EUR", "USD", "1"), Rate("2025-12-20", "EUR", "USD", "1.1")]
        )
        self.rules = Rules(
            {"": history.policy, **by_type}, history.claim_by, history.transitions, history.accept, "USD"
        )
        self.clicks: set[str] = set()
        self.sent: list[Postback] = []

    async def run(self) -> None:
        rig = self.rig
        for number, each in enumerate(self.history.rounds):
            last: Sent | None = None
            for step in each.steps:
                if isinstance(step, Clicked):
                    self._click(step)
                else:
                    last = last if step.again and last is not None else step
                    self._send(last)
            if each.rotate:
                rig.rotate(rig.appending()[0])
            rig.away = each.away
            rig.kill_at = each.kill_at if each.kill_at >= 0 else None
            await rig.live(0.5, reopen=each.ship)
            rig.kill_at = None
            if each.ship:
                rig.ship_outbox(number % 2 == 0)
        rig.away = False
        await rig.live(0.5, reopen=False)
        if rig.ledger.sizes().waiting:
            await rig.live(3 * WINDOW, reopen=False)

    def _click(self, step: Clicked) -> None:
        name = click(step.number)
        if name not in self.clicks:
            self.clicks.add(name)
            if step.edge < 0:
                self.rig.warehouse[name] = facts(step.number)
            else:
                self.rig.click(step.number, step.edge)

    def _send(self, step: Sent) -> None:
        rig = self.rig
        # Under `wait` a postback that names no click may come before the one that does: it is refused, and
        # another order would not refuse it. That is so on purpose, and no matter of this proof.
        number = None if step.number < 0 and step.transaction and self.history.accept else max(step.number, 0)
        params = {
            "tid": step.transaction, "event": step.type, "upsell": step.upsell, "event_id": step.event,
            "status": step.status, "payout": step.payout, "currency": step.currency, "time": step.time,
        }  # fmt: skip
        event = rig.received(number, START_US + rig.sent * 10 + step.late, **params)
        segment = rig.edge(step.edge)
        seq = segment.append([encode(event)])
        self.sent.append(
            Postback(
                (event.at_us, step.edge, segment.epoch, seq), "" if number is None else click(number),
                step.transaction, step.type, step.upsell, step.event, step.status, PAYOUTS[step.payout],
                step.currency, TIMES[step.time],
            )
        )  # fmt: skip

    # What must hold at the end

    def check(self) -> None:
        expected: dict[tuple[int, ...], Group] = {}
        for group in groups(self.sent, self.rules):
            if self.rules.accept or group.clicks(self.clicks):
                expected[group.said[0].stamp] = group
        stored = {it.history[0].stamp: it for it in self._stored()}
        assert stored.keys() == expected.keys()
        repeated = self._repeated(expected)
        for stamp, group in expected.items():
            self._check_one(stored[stamp], group, stamp in repeated)
        self._check_records(stored.values())
        assert self.rig.ledger.sizes().waiting == 0

    def _stored(self) -> Sequence[Conversion]:
        ledger = self.rig.ledger
        ids = [each.id for page in ledger.counted(0) for each in page]
        return list(ledger.conversions(ids).values())

    def _repeated(self, expected: dict[tuple[int, ...], Group]) -> set[tuple[int, ...]]:
        seen: set[tuple[object, ...]] = set()
        found = set()
        for stamp in sorted(expected):
            group = expected[stamp]
            if group.policy == "repeat":
                if group.claim in seen:
                    found.add(stamp)
                seen.add(group.claim)
        return found

    def _check_one(self, stored: Conversion, group: Group, repeated: bool) -> None:
        assert [said.stamp for said in stored.history] == [it.stamp for it in group.said]
        allowed = group.clicks(self.clicks)
        assert stored.attributed == bool(allowed)
        assert not allowed or stored.click.id in allowed
        unit = UNITS.get(stored.click.campaign_id, "")
        since = START_US if stored.attributed or group.said[0].click else 0
        end = ends(group, self.rules, unit, RATES, since)._replace(repeated=repeated)
        (amounts,) = amounts_of([stored]).values()
        assert end == End(
            stored.at_us, stored.status, stored.currency, stored.event_type, stored.upsell, stored.repeated,
            *amounts[1:],
        )  # fmt: skip

    def _check_records(self, stored: Any) -> None:
        """The revisions add up to the ledger, in every place of a report; each postback ended once."""
        sums: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        revisions: dict[str, list[int]] = defaultdict(list)
        ended: dict[str, int] = defaultdict(int)
        for record in self.rig.shipped + self.rig.records():
            if isinstance(record, ConversionEvent):
                place = (
                    record.id, record.at_us, record.status, record.currency, record.event_type,
                    record.upsell, record.repeated, record.campaign_id, record.click_id,
                    record.subs.get(1, ""),
                )  # fmt: skip
                for index, change in enumerate((record.entered, record.count, record.revenue, record.hold)):
                    sums[place][index] += change
                revisions[record.id].append(record.revision)
            elif isinstance(record, PostbackLogEvent) and record.outcome in FINAL:
                ended[record.id] += 1
        assert {place: total for place, total in sums.items() if any(total)} == amounts_of(stored)
        assert all(sorted(own) == list(range(1, len(own) + 1)) for own in revisions.values())
        assert {it.id: it.revision for it in stored} == {id_: max(own) for id_, own in revisions.items()}
        assert ended == {f"p{number}": 1 for number in range(1, self.rig.sent + 1)}
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for place, (_, *figures) in amounts_of(stored).items():
            totals[str(place[3])] = [a + b for a, b in zip(totals[str(place[3])], figures, strict=True)]
        assert {unit: list(total) for unit, total in self.rig.ledger.totals().items()} == totals


def amounts_of(stored: Any) -> dict[tuple[object, ...], list[int]]:
    """Where each conversion of the ledger stands in reports, and with what."""
    found = {}
    for it in stored:
        place = (
            it.id, it.at_us, it.status, it.currency, it.event_type, it.upsell, it.repeated,
            it.click.campaign_id, it.click.id, it.click.subs.get(1, ""),
        )  # fmt: skip
        payout, returned = it.payout or 0, it.returned
        left = max(payout - returned, 0) if returned is not None else 0
        found[place] = {
            "sale": [1, 1, payout, 0], "lead": [1, 1, payout, 0], "hold": [1, 1, 0, payout],
            "refund": [1, int(left > 0), left, 0], "chargeback": [1, int(left > 0), left, 0],
        }.get(it.status, [1, 0, 0, 0])  # fmt: skip
    return found


def prove(history: History) -> None:
    """Play it and compare. Raises AssertionError where the ledger and the model differ."""
    memory = Path("/dev/shm")
    data = Path(tempfile.mkdtemp(prefix="weir-prove-", dir=memory if memory.is_dir() else None))
    play = Play(data, history)
    try:
        trio.run(play.run, clock=MockClock(autojump_threshold=0))
        play.check()
    finally:
        play.rig.close()
        shutil.rmtree(data, ignore_errors=True)
