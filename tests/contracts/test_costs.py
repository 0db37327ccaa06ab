"""Corrections of cost over a real warehouse and ledger: exact, once, and in every report."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.claim import understand
from appliance.attribution.settle import Arrival, settle
from appliance.errors import Conflict, Missing, Refused, Unavailable
from appliance.model.catalog import Campaign
from appliance.model.conversions import ClickFacts, Conversion, Settlement, Terms
from appliance.model.costs import CostOrder
from appliance.model.events import DecisionInputs, PostbackLogEvent
from appliance.model.holds import Holds
from appliance.operations import registry
from appliance.operations.context import Caller, Context, local_administrator
from appliance.overview import Overview, Parts
from appliance.reporting import costs
from appliance.reporting.costs import Clicks, added, parts, replaced
from appliance.reporting.costs import Place as At
from appliance.reporting.ranks import clicks_query
from appliance.reporting.rows import build
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.doors import NoWarehouse
from tests.records import NOON, click, entries

HOUR = 3_600_000_000
PERIOD = {"from": "2026-11-17", "to": "2026-11-17"}


class Place:
    """Operations, a warehouse, a ledger, and the shipping between them."""

    currency = "USD"

    def __init__(self, warehouse, ledger):
        self.warehouse, self.ledger = warehouse, ledger
        self.operations = registry.load_all()
        self.overview = Overview(Path(), Parts(), Holds(), NoWarehouse())

    async def call(self, name, caller=None, **payload):
        context = Context(caller or local_administrator("test"), self, self, self.overview, self)
        answer = await registry.call(self.operations, name, payload, context)
        return json.loads(registry.encode(answer), parse_float=Decimal)

    def ship(self):
        [log] = self.ledger.outboxes()
        rows = [build(-1, log.epoch, *entry) for entry in log.read(0, 1000)]
        for table in {row.table for row in rows}:
            self.warehouse.insert([row for row in rows if row.table == table])
        if rows:
            self.ledger.outbox_drop(log.epoch, rows[-1].seq)

    # The protocols behind Context

    async def rows(self, sql, params, inquiry=None):
        return self.warehouse.query(sql, params)

    async def get(self, kind_or_id, key=None):
        if key is None:
            return self.ledger.adjustment(kind_or_id)
        if key != 1:
            raise Missing(f"there is no campaign {key}")
        return Campaign(id=1, name="First", slug="first")

    async def list(self, *page, **_):
        return self.ledger.adjustments(*page) if len(page) == 2 else ([], 0)

    async def adjust(self, order, parts, count=None):
        return self.ledger.adjust(order, parts, count)


@pytest.fixture
def place(warehouse, tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db", lambda: 1_767_225_600_000)
    made = Place(warehouse, ledger)
    seq = 0
    for hours, stream, count in ((0, 7, 2), (1, 7, 3), (1, 8, 2)):
        for _ in range(count):
            seq += 1
            event = click(seq, at_us=NOON + hours * HOUR + seq, campaign_id=1, stream_id=stream, cost=100_000)
            warehouse.insert([build(0, 1, *entries(seq, event)[0])])
    for event in (
        click(90, campaign_id=1, counted=False),
        click(91, campaign_id=2, cost=0),
        click(92, campaign_id=1, at_us=NOON - 24 * HOUR, cost=0),
    ):
        seq += 1
        warehouse.insert([build(0, 1, *entries(seq, event)[0])])
    yield made
    ledger.close()


async def test_a_correction_is_spread_over_the_clicks_and_adds_up_exactly(place):
    made = await place.call("costs.adjust", campaign_id=1, amount="10.000001", note="invoice", **PERIOD)
    assert (made["amount"], made["parts"], made["clicks"]) == (Decimal("10.000001"), 7, 7)
    place.ship()
    overview = await place.call("reports.overview", **PERIOD)
    assert (overview["clicks"], overview["cost"]) == (8, Decimal("10.700001"))
    lines = (await place.call("reports.query", group_by=["stream", "hour"], sort="stream", **PERIOD))["items"]
    cost = {(line["stream"], line["hour"][11:16]): line["cost"] for line in lines if line["stream"] in (7, 8)}
    assert cost == {
        (7, "12:00"): Decimal("0.2") + Decimal("2.857143"),
        (7, "13:00"): Decimal("0.3") + Decimal("4.285714"),
        (8, "13:00"): Decimal("0.2") + Decimal("2.857144"),
    }
    listed = await place.call("costs.list")
    assert (listed["total"], listed["items"][0]["note"], listed["items"][0]["author"]) == (
        1, "invoice", "local administrator",
    )  # fmt: skip


async def test_the_same_correction_sent_again_counts_once_and_another_is_a_conflict(place):
    first = await place.call("costs.adjust", campaign_id=1, amount=-0.3, id="x", **PERIOD)
    assert await place.call("costs.adjust", campaign_id=1, amount="-0.30", id="x", **PERIOD) == first
    with pytest.raises(Conflict):
        await place.call("costs.adjust", campaign_id=1, amount=-0.4, id="x", **PERIOD)
    place.ship()
    assert (await place.call("reports.overview", **PERIOD))["cost"] == Decimal("0.4")


async def test_a_correction_in_another_currency_stands_beside_the_report(place):
    await place.call("costs.adjust", campaign_id=1, amount=5, currency="EUR", **PERIOD)
    place.ship()
    overview = await place.call("reports.overview", **PERIOD)
    assert overview["unconverted"] == {"EUR": {"cost": 5, "revenue": 0}}


async def test_what_cannot_be_spread_is_refused_and_nothing_is_stored(place):
    for path, change in (
        ("amount", {"amount": 0}), ("amount", {"amount": "1e3"}), ("amount", {"amount": 1e300}),
        ("amount", {"amount": ""}), ("to", {"to": "2026-11-16"}), ("currency", {"currency": "$"}),
        ("from", {"from": "2026-11-01", "to": "2026-11-02"}), ("id", {"id": "a b"}),
        ("timezone", {"timezone": "right/UTC"}),
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            await place.call("costs.adjust", **{"campaign_id": 1, "amount": 1, **PERIOD, **change})
        assert [problem.path for problem in caught.value.fields] == [path]
    with pytest.raises(Missing):
        await place.call("costs.adjust", campaign_id=5, amount=1, **PERIOD)
    assert (await place.call("costs.list"))["total"] == 0


def at(number: int) -> At:
    return At(number, (1, 0, 0, 0, 0, 0), (), (), "")


ORDER = CostOrder(
    id="x", campaign_id=1, from_us=0, to_us=9, amount=0, currency="USD", note="", author="", known_us=0
)
NUMBERS = st.lists(st.integers(1, 10**6), min_size=1, max_size=50)


@given(st.integers(-(10**15), 10**15), NUMBERS)
def test_parts_add_up_to_the_micro_unit(amount, numbers):
    made = parts(ORDER, added(amount, "USD", [Clicks(at(i), n, {}) for i, n in enumerate(numbers)]))
    assert sum(part.cost for part in made) == amount
    assert all(part.cost * amount > 0 for part in made)


UNITS = st.dictionaries(st.sampled_from(["USD", "EUR"]), st.integers(0, 10**9))


@given(
    st.integers(0, 10**15),
    st.lists(st.tuples(st.integers(1, 10**6), UNITS), min_size=1, max_size=20),
    st.dictionaries(
        st.tuples(st.integers(0, 30).map(at), st.sampled_from(["USD", "EUR"])), st.integers(-(10**9), 10**9)
    ),
)
def test_what_is_set_is_what_there_is_afterwards(amount, groups, known):
    clicks = [Clicks(at(number), count, own) for number, (count, own) in enumerate(groups)]
    made = parts(ORDER, replaced(amount, "USD", clicks, known))
    for unit, wanted in (("USD", amount), ("EUR", 0)):
        before = sum(own.get(unit, 0) for _, own in groups)
        before += sum(cost for (_, one), cost in known.items() if one == unit)
        assert before + sum(part.cost for part in made if part.currency == unit) == wanted
    assert len({(part.at_us, part.currency) for part in made}) == len(made)


async def cost_by(place, *names, **more):
    lines = (await place.call("reports.query", group_by=list(names), limit=1000, **PERIOD, **more))["items"]
    return {tuple(line[name] for name in names): line["cost"] for line in lines}


FILTERED = [
    ({"sub1": ["a"]}, lambda n: n % 2 == 0),
    ({"source": [31]}, lambda n: n % 3 == 1),
    ({"country": ["DE"]}, lambda n: n % 5 < 2),
    ({"utm_source": {"contains": ["face"]}}, lambda n: n % 4 == 3),
    ({"sub1": ["a"], "country": {"not_in": ["DE"]}}, lambda n: n % 2 == 0 and n % 5 >= 2),
    ({"hour_of_day": [13]}, lambda n: n >= 30),
    ({"language": ["de"]}, lambda n: n % 7 == 0),
]


def varied(n):
    return click(
        n, at_us=NOON + (n // 30) * HOUR + n, campaign_id=1 + n % 2, source_id=30 + n % 3, cost=n,
        subs={1: "ab"[n % 2], 2: f"zone{n}"}, utm={"utm_source": "facebook"} if n % 4 == 3 else {},
        language="de-AT" if n % 7 == 0 else "en", currency="EUR" if n == 12 else "USD",
        inputs=DecisionInputs(facts={"country": "DE" if n % 5 < 2 else "FR"}),
    )  # fmt: skip


@pytest.fixture
def many(warehouse, tmp_path):
    """Sixty clicks of the campaigns 1 and 2 that differ in everything; click n costs n micro-units."""
    ledger = SqliteLedger(tmp_path / "ledger.db", lambda: 1_767_225_600_000)
    made = Place(warehouse, ledger)
    warehouse.insert([build(0, 1, *entries(n + 1, varied(n))[0]) for n in range(60)])
    yield made
    ledger.close()


async def facts_of(place):
    """Cost by each click's own sub-id, which tells the clicks apart, as far as it is known."""
    return {zone: cost for (zone,), cost in (await cost_by(place, "sub2")).items()}


@pytest.mark.parametrize("coarse", [None, 12])
@pytest.mark.parametrize(("filters", "meant"), FILTERED, ids=lambda it: "" if callable(it) else str(it)[:40])
async def test_exactly_what_the_filter_lets_through_changes(many, monkeypatch, filters, meant, coarse):
    wanted = sum(meant(n) for n in range(60))
    if coarse is not None:  # so few parts are allowed that clicks are put together
        monkeypatch.setattr(costs, "MOST_PARTS", coarse)
        monkeypatch.setattr("appliance.operations.costs.MOST_PARTS", coarse)
    names = tuple(filters)
    before, known = await cost_by(many, *names), await cost_by(many, "campaign", "source", "hour")
    made = await many.call("costs.adjust", filters=filters, amount="1.000003", **PERIOD)
    assert (made["clicks"], made["campaign_id"], made["added"]) == (wanted, 0, Decimal("1.000003"))
    many.ship()
    of_filter = await many.call("reports.overview", filters=filters, **PERIOD)
    whole = await many.call("reports.overview", **PERIOD)
    assert whole["cost"] == Decimal(sum(range(60)) - 12 + 1_000_003) / 1_000_000
    own = sum(n for n in range(60) if meant(n) and n != 12)
    assert of_filter["cost"] == Decimal(own + 1_000_003) / 1_000_000
    assert of_filter["clicks"] == wanted
    after = await cost_by(many, *names)
    assert after.keys() == before.keys()  # no line that no click stands in
    finer = await cost_by(many, "campaign", "source", "hour")
    assert finer.keys() == known.keys()
    if coarse is None:
        zones = await facts_of(many)
        assert {n for n in range(60) if zones[f"zone{n}"] * 1_000_000 > n} == set(filter(meant, range(60)))


async def test_a_price_for_each_click_and_a_total_stand_in_place_of_what_was_known(many):
    filters = {"sub1": ["a"]}
    await many.call("costs.adjust", campaign_id=1, amount=5, currency="EUR", **PERIOD)
    many.ship()
    made = await many.call("costs.set", filters=filters, per_click="0.002", **PERIOD)
    assert (made["kind"], made["clicks"]) == ("per_click", 30)
    many.ship()
    of_filter = await many.call("reports.overview", filters=filters, **PERIOD)
    assert (of_filter["cost"], of_filter["unconverted"]) == (Decimal("0.06"), {})
    by_zone = await facts_of(many)
    assert {by_zone[f"zone{n}"] for n in range(0, 60, 2)} == {Decimal("0.002")}
    assert [by_zone[f"zone{n}"] for n in (1, 3, 59)] == [Decimal(n) / 1_000_000 for n in (1, 3, 59)]
    again = await many.call("costs.set", filters=filters, amount="0.000001", **PERIOD)
    assert again["added"] == Decimal("0.000001") - Decimal("0.06")
    many.ship()
    of_filter = await many.call("reports.overview", filters=filters, **PERIOD)
    assert of_filter["cost"] == Decimal("0.000001")
    nothing = await many.call("costs.set", filters=filters, amount="0.000001", **PERIOD)
    assert (nothing["parts"], nothing["added"]) == (0, 0)


async def test_a_total_is_not_set_while_reports_do_not_know_the_last_correction(many):
    await many.call("costs.adjust", campaign_id=1, amount=5, **PERIOD)
    with pytest.raises(Unavailable):
        await many.call("costs.set", campaign_id=1, amount=7, **PERIOD)
    many.ship()
    await many.call("costs.set", campaign_id=1, amount=7, **PERIOD)
    many.ship()
    assert (await cost_by(many, "campaign"))[(1,)] == 7


async def test_two_totals_at_once_are_not_both_set(many):
    count = (await many.list(1, 0))[1]
    order = CostOrder(
        id="a", campaign_id=1, from_us=0, to_us=9, amount=1, currency="USD", note="", author="", known_us=0
    )
    many.ledger.adjust(order, [], count)
    with pytest.raises(Conflict):
        many.ledger.adjust(msgspec.structs.replace(order, id="b"), [], count)
    assert many.ledger.adjust(order, [], count) == order  # but the same one again


async def test_a_preview_stores_nothing(many):
    made = await many.call("costs.adjust", filters={"country": ["DE"]}, amount=1, preview=True, **PERIOD)
    assert (made["id"], made["clicks"], made["added"]) == ("", 24, 1)
    assert (await many.call("costs.list"))["total"] == 0


async def test_one_id_is_one_correction_with_all_it_says(many):
    say = {"filters": {"sub1": {"in": ["a"]}}, "id": "y", **PERIOD}
    first = await many.call("costs.set", amount=1, **say)
    assert await many.call("costs.set", amount="1.0", **say) == first
    for name, other in (
        ("costs.adjust", {"amount": 1, **say}),
        ("costs.set", {"per_click": 1, **say}),
        ("costs.set", {"amount": 1, **say, "filters": {"sub1": {"not_in": ["a"]}}}),
    ):
        with pytest.raises(Conflict):
            await many.call(name, **other)


async def test_a_buyer_corrects_his_own_campaigns_alone(many):
    buyer = Caller("b", "test", frozenset({"costs.write", "costs.read"}), 2, frozenset({1}))
    made = await many.call("costs.adjust", caller=buyer, filters={"country": ["DE"]}, amount=1, **PERIOD)
    assert made["clicks"] == 12
    await many.call("costs.adjust", filters={"country": ["DE"]}, amount=1, **PERIOD)
    assert [each.clicks for each in many.ledger.adjustments(9, 0, {1})[0]] == [12]
    many.ship()
    assert (await cost_by(many, "campaign"))[(2,)] < 1


async def test_what_is_not_said_or_not_there_is_refused(many):
    for path, name, request in (
        ("campaign_id", "costs.adjust", {"amount": 1}),
        ("amount", "costs.set", {"campaign_id": 1}),
        ("amount", "costs.set", {"campaign_id": 1, "amount": 1, "per_click": 1}),
        ("per_click", "costs.set", {"campaign_id": 1, "per_click": -1}),
        ("per_click", "costs.set", {"campaign_id": 1, "per_click": "99999999.5"}),
        ("filters.status", "costs.adjust", {"amount": 1, "filters": {"status": ["sale"]}}),
        ("from", "costs.set", {"amount": 1, "filters": {"country": ["XX"]}}),
    ):
        with pytest.raises(Refused) as caught:
            await many.call(name, **request, **PERIOD)
        assert [problem.path for problem in caught.value.fields] == [path]


async def test_more_places_than_there_may_be_parts_are_refused(many, monkeypatch):
    monkeypatch.setattr(costs, "MOST_PARTS", 5)
    monkeypatch.setattr("appliance.operations.costs.MOST_PARTS", 5)
    with pytest.raises(Refused) as caught:
        await many.call("costs.adjust", filters={"sub2": {"contains": ["zone"]}}, amount=1, **PERIOD)
    assert [problem.path for problem in caught.value.fields] == ["to"]


async def test_what_conversions_cost_is_in_the_lines_of_their_clicks(place):
    event = click(
        500, campaign_id=1, stream_id=7, source_id=4, cost=0, host="h.example", subs={1: "z"}, utm={},
        network_id=5, link_id=0,
    )  # fmt: skip
    place.warehouse.insert([build(0, 1, *entries(500, event)[0])])
    found = ClickFacts(
        id=event.id, at_us=event.at_us, campaign_id=1, stream_id=7, destination_id=event.destination_id,
        source_id=4, network_id=5, subs={1: "z"},
    )  # fmt: skip
    known: dict[str, Conversion] = {}

    def postback(seq: int, **params: str) -> None:
        said = PostbackLogEvent(
            1, f"p{seq}", NOON + seq, "received", "", "", 5, "GET", {"cid": event.id, **params}, "", ""
        )
        position = (0, 1, seq)
        arrived = Arrival(position, said, understand(said, position, None, None, "USD"))
        terms = Terms(kind="cpa", amount=2_500_000, currency="USD")
        batch = settle([arrived], known, {event.id: found}.get, NOON + seq, lambda source: terms)
        known.update(batch.changed)
        records, changed = batch.records, list(batch.changed.values())
        place.ledger.commit(Settlement(conversions=changed, records=records))
        place.ship()

    async def lines(by: str) -> dict[object, tuple[Decimal, int, Decimal]]:
        items = (await place.call("reports.query", group_by=[by], **PERIOD))["items"]
        return {line[by]: (line["cost"], line["conversions"], line["revenue"]) for line in items}

    postback(1, payout="9", tid="T")
    expected = (Decimal("2.5"), 1, Decimal(9))
    assert (
        (await lines("host"))["h.example"]
        == (await lines("sub1"))["z"]
        == (await lines("source"))[4]
        == expected
    )
    assert (await place.call("reports.overview", **PERIOD))["cost"] == Decimal("0.7") + Decimal("2.5")
    query = clicks_query([7], NOON - HOUR, "USD")
    ranked = {row["destination_id"]: row for row in place.warehouse.query(*query)}
    paid = sum(row["cost"] for row in ranked.values())
    assert (paid, sum(row["clicks"] for row in ranked.values())) == (500_000 + 2_500_000, 6)
    postback(2, status="rejected", tid="T")
    assert sum(row["cost"] for row in place.warehouse.query(*query)) == 500_000
    assert (await lines("host"))["h.example"] == (await lines("sub1"))["z"] == (Decimal(0), 0, Decimal(0))
