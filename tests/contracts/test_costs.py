"""Corrections of cost over a real warehouse and ledger: exact, once, and in every report."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.claim import understand
from appliance.attribution.settle import Arrival, settle
from appliance.errors import Conflict, Missing, Refused
from appliance.model.catalog import Campaign
from appliance.model.conversions import ClickFacts, Conversion, Settlement, Terms
from appliance.model.costs import CostOrder
from appliance.model.events import PostbackLogEvent
from appliance.model.holds import Holds
from appliance.operations import registry
from appliance.operations.context import Context, local_administrator
from appliance.overview import Overview, Parts
from appliance.reporting.costs import spread
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
        self.warehouse, self.ledger, self.shipped = warehouse, ledger, 0
        self.operations = registry.load_all()
        self.overview = Overview(Path(), Parts(), Holds(), NoWarehouse())

    async def call(self, name, **payload):
        context = Context(local_administrator("test"), self, self, self.overview, self)
        answer = await registry.call(self.operations, name, payload, context)
        return json.loads(registry.encode(answer), parse_float=Decimal)

    def ship(self):
        [log] = self.ledger.outboxes()
        for entry in log.read(0, 1000):
            self.warehouse.insert([build(-1, log.epoch, *entry)])
            self.ledger.outbox_drop(log.epoch, entry.seq)
            self.shipped += 1

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

    async def adjust(self, order, parts):
        return self.ledger.adjust(order, parts)


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
    assert (made["amount"], made["parts"], made["clicks"]) == (Decimal("10.000001"), 3, 7)
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


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(1, 10**6), min_size=1, max_size=50))
def test_parts_add_up_to_the_micro_unit(amount, clicks):
    order = CostOrder(
        id="x",
        campaign_id=1,
        from_us=0,
        to_us=9,
        amount=amount,
        currency="USD",
        note="",
        author="",
        known_us=0,
    )
    ids = dict.fromkeys(("stream_id", "destination_id", "source_id", "network_id", "link_id"), 0)
    parts = spread(order, [{"at_us": 1, "clicks": each, **ids} for each in clicks])
    assert sum(part.cost for part in parts) == amount
    assert all(part.cost * amount > 0 for part in parts)


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
