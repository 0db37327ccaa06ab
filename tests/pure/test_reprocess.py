"""Reprocessing ends where everything would be if the rules of now had been there from the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.attribution.claim import understand
from appliance.attribution.rates import Rate, Rates
from appliance.attribution.reprocess import (
    NOT_AGREED,
    NOT_STORED,
    TOO_OLD,
    Known,
    Reprocessed,
    reprocess,
)
from appliance.attribution.revisions import figures
from appliance.attribution.settle import Arrival, Batch, Circles, settle
from appliance.model.catalog import Network, Template
from appliance.model.conversions import ClickFacts, Conversion, Position, Terms
from appliance.model.events import ConversionEvent, CostAdjustment, PostbackLogEvent
from appliance.model.ids import click_id
from appliance.model.inbox import Fate, Raw

BASE = 1_767_225_600_000
CLICKS = [click_id(BASE, number) for number in range(4)]
KNOWN = {
    id_: ClickFacts(id=id_, at_us=BASE * 1000, campaign_id=number + 1, source_id=number, subs={7: "z"})
    for number, id_ in enumerate(CLICKS[:3])
}
FOREVER = 10**15


def terms(source_id: int) -> Terms | None:
    return Terms(kind="cpa", amount=500_000, currency="USD") if source_id == 1 else None


CIRCLES = Circles(
    terms=terms,
    unit=lambda campaign: {1: "", 2: "EUR", 3: "USD"}.get(campaign, ""),
    rate=Rates([Rate("2025-12-31", "EUR", "USD", "1.1")]).find,
)


@dataclass(frozen=True)
class Way:
    """By what postbacks are understood."""

    network: Network
    template: Template

    def __call__(self, position: Position, event: PostbackLogEvent) -> Any:
        return understand(event, position, self.network, self.template, "USD")


@dataclass
class World:
    """A ledger, what was logged, and what arrived."""

    way: Way
    conversions: dict[str, Conversion] = field(default_factory=dict)
    firsts: dict[str, str] = field(default_factory=dict)
    fates: dict[str, Fate] = field(default_factory=dict)
    waiting: dict[Position, PostbackLogEvent] = field(default_factory=dict)
    sums: Counter[Any] = field(default_factory=Counter)
    received: list[tuple[Position, PostbackLogEvent]] = field(default_factory=list)

    def arrive(self, event: PostbackLogEvent, number: int) -> None:
        position = (0, 1, number)
        self.received.append((position, event))
        arrivals = [
            Arrival(at, it, self.way(at, it)) for at, it in [*self.waiting.items(), (position, event)]
        ]
        batch = settle(
            arrivals, self.conversions, KNOWN.get, BASE * 1000 + number, CIRCLES.terms,
            unit=CIRCLES.unit, rate=CIRCLES.rate, firsts=self.firsts, tried=[it.position for it in arrivals],
        )  # fmt: skip
        unresolved = {it.position: it.event for it in batch.unresolved if it.position not in batch.recorded}
        self.waiting = unresolved
        self.take(batch)

    def give_up(self) -> None:
        """The window is over for all that wait."""
        for position, event in self.waiting.items():
            said = self.way(position, event)
            self.fates[event.id] = Fate("click_unknown", "no", "", said.click_id, said.transaction_id)
        self.waiting = {}

    def take(self, batch: Batch) -> None:
        self.conversions |= batch.changed
        for claim, id_ in batch.changed_firsts.items():
            self.firsts[claim] = id_
            if not id_:
                del self.firsts[claim]
        for record in batch.records:
            match record:
                case PostbackLogEvent():
                    self.fates[record.id] = Fate(
                        record.outcome,
                        record.reason,
                        record.conversion_id,
                        record.click_id,
                        record.transaction_id,
                    )
                case ConversionEvent():
                    it = record
                    where = (it.id, it.at_us, it.status, it.currency, it.click_id, it.event_type, it.repeated)
                    for name in ("count", "revenue", "hold", "entered", "original_payout"):
                        self.sums[(*where, name)] += getattr(record, name)
                case CostAdjustment():
                    self.sums[("cost", record.campaign_id, record.currency)] += record.cost

    def raws(self) -> list[Raw]:
        return [Raw(at, event, self.fates.get(event.id, Fate())) for at, event in self.received]

    def again(self, way: Way, circles: Circles = CIRCLES, wait_us: int = FOREVER) -> Reprocessed:
        raws = self.raws()
        meanings = {raw.position: way(raw.position, raw.event) for raw in raws}
        known = Known(self.conversions, KNOWN.get, self.firsts, wait_us)
        return reprocess(raws, meanings, known, BASE * 1000 + 999, circles)

    def state(self) -> tuple[Any, Any, Any]:
        alive = {
            id_: msgspec.structs.replace(it, revision=0, known_us=0, rates={})
            for id_, it in self.conversions.items()
            if not it.void
        }
        sums = {key: value for key, value in self.sums.items() if value}
        return alive, self.firsts, sums


def lived(way: Way, events: Sequence[PostbackLogEvent]) -> World:
    world = World(way)
    for number, event in enumerate(events):
        world.arrive(event, number)
    world.give_up()
    return world


def as_open(old: Way, new: Way) -> Way:
    """`new`, of a network that takes unknown clicks as `old` does: what was accepted stays in."""
    network = msgspec.structs.replace(new.network, unknown_click=old.network.unknown_click)
    return Way(network, new.template)


_few = st.sampled_from
_ways = st.builds(
    Way,
    st.builds(
        Network,
        slug=st.just("n"),
        duplicates=_few(("edit", "ignore", "increment", "create", "repeat", "event_id")),
        claim_by=_few(((), ("event_type",))),
        unknown_click=_few(("wait", "accept")),
        status_words=_few(({}, {"x": "sale"}, {"sale": "rejected"})),
        currency=_few(("", "EUR")),
        transitions=_few(({}, {"sale": ("rejected",)})),
    ),
    st.builds(
        Template,
        mapping=_few(
            (
                {},
                {"transaction_id": ("other",)},
                {"click_id": ("other_click",)},
                {"payout": ("sum2",)},
                {"event_type": ("status",)},
            )
        ),
    ),
)
_params = st.fixed_dictionaries(
    {},
    optional={
        "cid": _few((*CLICKS, "broken")),
        "other_click": _few(CLICKS),
        "tid": _few(("A", "B")),
        "other": _few(("A", "B", "C")),
        "payout": _few(("1", "2.5", "many")),
        "sum2": _few(("3", "4")),
        "status": _few(("sale", "hold", "x", "refund", "rejected")),
        "event": _few(("deposit", "")),
        "event_id": _few(("e", "f")),
        "currency": _few(("", "EUR", "GBP")),
    },
)
_events = st.lists(st.tuples(_params, _few((b"", b"who", b"other"))), min_size=1, max_size=7).map(
    lambda many: [
        PostbackLogEvent(
            1,
            f"p{number}",
            BASE * 1000 + number,
            "received",
            "",
            "",
            7,
            "GET",
            params,
            "a",
            "",
            sealed=sealed,
        )
        for number, (params, sealed) in enumerate(many)
    ]
)


@given(_ways, _events)
@settings(max_examples=200, deadline=None)
def test_by_the_same_rules_nothing_changes(way: Way, events: list[PostbackLogEvent]) -> None:
    world = lived(way, events)
    found = world.again(way)
    assert found.differences == []
    assert found.moved == []
    assert (found.batch.changed, found.batch.records, found.batch.changed_firsts) == ({}, [], {})
    assert found.left == []


@given(_ways, _ways, _events)
@settings(max_examples=600, deadline=None)
def test_by_other_rules_it_ends_as_if_they_had_been_there_from_the_start(
    old: Way, new: Way, events: list[PostbackLogEvent]
) -> None:
    new = as_open(old, new)
    world, wanted = lived(old, events), lived(new, events)
    world.take(world.again(new).batch)
    assert world.state() == wanted.state()


@given(_ways, _ways, _events)
@settings(max_examples=200, deadline=None)
def test_twice_is_once_and_back_again_is_where_it_was(
    old: Way, new: Way, events: list[PostbackLogEvent]
) -> None:
    new = as_open(old, new)
    world, before = lived(old, events), lived(old, events).state()
    world.take(world.again(new).batch)
    assert world.again(new).differences == []
    world.take(world.again(old).batch)
    assert world.state() == before


@given(_ways, _ways, _events, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_read_in_any_order_everything_adds_up_and_twice_is_once(
    old: Way, new: Way, events: list[PostbackLogEvent], random: Random
) -> None:
    """Edges' journals are read late: the order of arrival is not that in which the ledger heard of them."""
    world = World(old)
    for number in random.sample(range(len(events)), len(events)):
        world.arrive(events[number], number)
    world.give_up()
    for way in (old, new):
        world.take(world.again(way).batch)
        held = [said.stamp for it in world.conversions.values() for said in it.history]
        assert len(held) == len(set(held))
        for name, index in (("count", 0), ("revenue", 1), ("hold", 2)):
            total = sum(value for key, value in world.sums.items() if key[-1] == name)
            assert total == sum(figures(it)[index] for it in world.conversions.values())
        assert world.again(way).differences == []


WAY = Way(Network(slug="n"), Template())


def received(number: int, **params: str) -> PostbackLogEvent:
    return PostbackLogEvent(
        1, f"p{number}", BASE * 1000 + number, "received", "", "", 7, "GET", params, "a", ""
    )


def test_what_is_not_stored_leaves_its_conversion_and_all_that_hang_together_with_it_alone() -> None:
    params = {"cid": CLICKS[0], "payout": "1"}
    world = lived(WAY, [received(0, tid="A", **params), received(1, tid="A", other="B", **params)])
    other = Way(WAY.network, Template(mapping={"transaction_id": ("other", "tid")}))
    world.received = world.received[1:]
    found = world.again(other)
    assert found.batch.changed == {}
    assert {it.reason for it in found.left} == {NOT_STORED}
    assert len(found.left) == 2  # the one that is there, and the one that would begin


def test_what_has_more_history_than_is_kept_is_left_alone() -> None:
    many = [received(number, cid=CLICKS[0], tid="A", payout=str(number + 1)) for number in range(70)]
    world = lived(WAY, many)
    found = world.again(Way(Network(slug="n", status_words={"": "hold"}), Template()))
    assert found.batch.changed == {}
    assert [it.reason for it in found.left] == [TOO_OLD]


def test_what_was_logged_elsewhere_than_it_is_leaves_alone() -> None:
    world = lived(WAY, [received(0, cid=CLICKS[0], tid="A")])
    world.fates["p0"] = world.fates["p0"]._replace(conversion_id="f" * 32)
    world.conversions = {}
    found = world.again(WAY)
    assert [it.reason for it in found.left] == [NOT_AGREED, NOT_AGREED]
    assert found.batch.changed == {}


def test_what_was_not_processed_yet_is_not_processed_here() -> None:
    world = World(WAY)
    world.received = [((0, 1, 5), received(5, cid=CLICKS[0]))]
    found = world.again(WAY)
    assert (found.pending, found.batch.changed) == (1, {})


def test_the_fingerprint_names_what_would_be_stored_and_not_when() -> None:
    world = lived(WAY, [received(0, cid=CLICKS[0], tid="A", payout="1")])
    other = Way(WAY.network, Template(mapping={"transaction_id": ("cid",)}))
    first = world.again(other)
    raws = world.raws()
    meanings = {raw.position: other(raw.position, raw.event) for raw in raws}
    known = Known(world.conversions, KNOWN.get, world.firsts, FOREVER)
    later = reprocess(raws, meanings, known, BASE * 5000, CIRCLES)
    assert first.fingerprint() == later.fingerprint()
    assert first.fingerprint() != world.again(WAY).fingerprint()


def test_those_who_are_told_of_revisions_are_told_only_when_it_is_asked_for() -> None:
    world = lived(WAY, [received(0, cid=CLICKS[0], tid="A", payout="1")])
    told: list[tuple[Conversion | None, Conversion]] = []

    def post(before: Conversion | None, after: Conversion, now_us: int) -> tuple[()]:
        told.append((before, after))
        return ()

    raws = world.raws()
    other = Way(Network(slug="n", currency="EUR"), Template())
    meanings = {raw.position: other(raw.position, raw.event) for raw in raws}
    known = Known(world.conversions, KNOWN.get, world.firsts, FOREVER)
    circles = CIRCLES._replace(post=post)
    reprocess(raws, meanings, known, 1, circles)
    assert told == []
    found = reprocess(raws, meanings, known, 1, circles, report=True)
    assert [(before, after) for before, after in told] == [tuple(it) for it in found.differences]


def test_a_rate_that_was_entered_later_counts() -> None:
    world = lived(WAY, [received(0, cid=CLICKS[1], tid="A", payout="10", currency="GBP")])
    (before,) = world.conversions.values()
    assert (before.currency, before.rate) == ("GBP", "")
    rates = Rates([Rate("2025-12-31", "GBP", "EUR", "1.2")])
    (difference,) = world.again(WAY, CIRCLES._replace(rate=rates.find)).differences
    assert (difference.after.currency, difference.after.payout) == ("EUR", 12_000_000)
    assert (difference.after.original_payout, difference.after.original_currency) == (10_000_000, "GBP")


def test_one_whose_click_nobody_knows_joins_what_begins_while_it_would_wait() -> None:
    lost, begins = received(0, cid=CLICKS[3], tid="A"), received(100, cid=CLICKS[0], other="A", tid="B")
    world = lived(WAY, [lost, begins])
    other = Way(WAY.network, Template(mapping={"transaction_id": ("other", "tid")}))
    assert {raw.event.id: fate.outcome for raw, fate in world.again(other, wait_us=100).moved} == {
        "p0": "conversion", "p100": "conversion",
    }  # fmt: skip
    assert [raw.event.id for raw, _ in world.again(other, wait_us=99).moved] == ["p100"]
    patient = Way(Network(slug="n", click_wait_hours=1.0), other.template)
    assert len(world.again(patient, wait_us=99).moved) == 2


def test_one_that_waits_ends_when_it_can_never_be_understood_and_else_goes_on_waiting() -> None:
    world = World(WAY)
    world.arrive(received(0, cid=CLICKS[3], payout="1", wrong="x"), 0)
    world.fates["p0"] = Fate("waiting", "its click is not known yet", "", CLICKS[3], "")
    assert world.again(WAY).moved == []
    other = Way(WAY.network, Template(mapping={"payout": ("wrong",)}))
    found = world.again(other)
    assert [fate.outcome for _, fate in found.moved] == ["refused"]
    assert found.batch.settled == [(0, 1, 0)]


def test_a_conversion_without_its_postbacks_is_void_and_its_cost_is_given_back() -> None:
    world = lived(WAY, [received(0, cid=CLICKS[1], tid="A", payout="1", wrong="x")])
    assert world.sums[("cost", 2, "USD")] == 500_000
    found = world.again(Way(WAY.network, Template(mapping={"payout": ("wrong",)})))
    (difference,) = found.differences
    assert difference.after.void
    world.take(found.batch)
    assert {key: value for key, value in world.sums.items() if value} == {}


def test_who_says_the_same_as_ever_of_one_that_was_refused_says_nothing() -> None:
    world = lived(WAY, [received(0, tid="A"), received(1, cid="nonsense")])
    world.fates["p0"] = Fate("refused", "The click id is missing: expected one of cid.")
    assert world.again(WAY).moved == []
