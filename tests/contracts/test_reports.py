"""The reports' operations over a real warehouse: every figure exact."""

from __future__ import annotations

import json
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from appliance.errors import Refused
from appliance.model.catalog import Campaign
from appliance.model.holds import Holds
from appliance.operations import registry
from appliance.operations.context import Context, local_administrator
from appliance.overview import Overview, Parts
from appliance.report_slots import ReportSlots
from appliance.reporting.rows import build
from tests.doors import NoCosts, NoWarehouse
from tests.records import NOON, click, conversion, entries

DAY = 86_400_000_000
HOUR = 3_600_000_000
PERIOD = {"from": "2026-11-01", "to": "2026-11-30"}


class Names:
    """A catalog that knows campaign 1, and campaign 2 as archived."""

    async def list(self, kind, limit, offset, where, archived):
        known = {("campaign", False): (1, "First"), ("campaign", True): (2, "Gone")}
        found = known.get((kind, archived))
        return ([Campaign(id=found[0], name=found[1], slug="s")] if found else [], 1 if found else 0)


@pytest.fixture
def call(warehouse):
    operations = registry.load_all()
    overview = Overview(Path(), Parts(), Holds(), NoWarehouse())
    slots = ReportSlots(warehouse, 2, 2, "USD")

    async def ask(name, caller=local_administrator("test"), **payload):  # noqa: B008  it is frozen
        context = Context(caller, Names(), slots, overview, NoCosts())
        return json.loads(
            registry.encode(await registry.call(operations, name, payload, context)), parse_float=Decimal
        )

    return ask


def store(warehouse, *events):
    for seq, event in enumerate(events, 1):
        [entry] = entries(seq, event)
        warehouse.insert([build(0, 1, *entry)])


async def test_a_report_of_nothing_is_zeros_and_nulls(call):
    answer = await call("reports.overview")
    assert {
        key: answer[key] for key in ("clicks", "conversions", "revenue", "cost", "profit")
    } == dict.fromkeys(("clicks", "conversions", "revenue", "cost", "profit"), 0)
    assert (answer["roi"], answer["cr"], answer["epc"], answer["unconverted"]) == (None, None, None, {})
    table = await call("reports.query", group_by=["campaign"])
    assert (table["items"], table["total"], table["totals"]["clicks"]) == ([], 0, 0)


async def test_what_just_happened_is_in_the_report_that_asks_for_nothing(call, warehouse):
    now = time.time_ns() // 1000
    store(warehouse, click(1, at_us=now), conversion(1, at_us=now))
    answer = await call("reports.overview")
    assert (answer["clicks"], answer["conversions"], answer["revenue"]) == (1, 1, Decimal("2.5"))
    assert datetime.fromisoformat(answer["from"]).timestamp() < now / 1e6
    assert datetime.fromisoformat(answer["to"]).timestamp() > now / 1e6


async def test_the_overview_adds_up_to_the_micro_unit(call, warehouse):
    store(
        warehouse,
        *[click(n, cost=333_333) for n in range(1, 4)],
        click(4, counted=False, cost=9_000_000),
        click(5, at_us=NOON - 60 * DAY),
        conversion(1, revenue=1_234_567),
        conversion(1, revision=2, count=0, revenue=-234_567),
        conversion(2, revenue=1),
        conversion(2, revision=2, count=-1, revenue=-1, status="rejected"),
    )
    answer = await call("reports.overview", **PERIOD)
    assert (answer["clicks"], answer["conversions"]) == (3, 1)
    assert (answer["revenue"], answer["cost"], answer["profit"]) == (
        1,
        Decimal("0.999999"),
        Decimal("0.000001"),
    )
    assert (answer["cr"], answer["epc"]) == (Decimal("33.3333"), Decimal("0.333333"))
    assert answer["roi"] == Decimal("0.0001")
    assert (answer["from"], answer["to"]) == ("2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00")


async def test_corrected_cost_counts_like_cost(call, warehouse):
    store(warehouse, click(1, cost=1_000_000, campaign_id=1))
    warehouse.execute(
        "insert into cost_adjustments (id, at, campaign_id, cost, currency) "
        f"values ('a', fromUnixTimestamp64Micro({NOON}, 'UTC'), 1, -250000, 'USD')"
    )
    assert (await call("reports.overview", **PERIOD))["cost"] == Decimal("0.75")
    [line] = (await call("reports.query", group_by=["campaign"], **PERIOD))["items"]
    assert (line["clicks"], line["cost"]) == (1, Decimal("0.75"))


async def test_one_report_has_one_currency(call, warehouse):
    store(
        warehouse,
        click(1, cost=1_000_000),
        click(2, cost=2_000_000, currency="EUR"),
        conversion(1, revenue=3_000_000, currency="EUR"),
        conversion(2, revenue=5_000_000, currency="GBP"),
    )
    answer = await call("reports.overview", **PERIOD)
    assert (answer["clicks"], answer["conversions"], answer["cost"], answer["revenue"]) == (2, 2, 1, 0)
    assert answer["unconverted"] == {"EUR": {"cost": 2, "revenue": 3}, "GBP": {"cost": 0, "revenue": 5}}
    euros = await call("reports.overview", currency="eur", **PERIOD)
    assert (euros["currency"], euros["cost"], euros["revenue"], euros["roi"]) == ("EUR", 2, 3, 50)
    assert set(euros["unconverted"]) == {"USD", "GBP"}


async def test_groups_carry_names_totals_and_every_metric(call, warehouse):
    store(
        warehouse,
        *[click(n, campaign_id=1 + n % 2, stream_id=7) for n in range(5)],
        conversion(1, campaign_id=2, stream_id=7),
        conversion(2, campaign_id=9, stream_id=0),
    )
    table = await call("reports.query", group_by=["campaign", "stream"], sort="clicks", **PERIOD)
    lines = [
        (i["campaign"], i["campaign_name"], i["stream"], i["clicks"], i["conversions"])
        for i in table["items"]
    ]
    assert lines == [(1, "First", 7, 3, 0), (2, "Gone", 7, 2, 1), (9, "", 0, 0, 1)]
    assert (table["total"], table["totals"]["clicks"], table["totals"]["revenue"]) == (3, 5, 5)
    assert {"roi", "cr", "epc", "profit", "unconverted"} <= table["items"][0].keys()


async def test_a_day_is_a_day_of_the_timezone_asked_for(call, warehouse):
    store(warehouse, click(1, at_us=NOON + 11 * HOUR + HOUR // 2), conversion(1, at_us=NOON))
    utc = await call("reports.query", group_by=["day"], sort="day", descending=False, **PERIOD)
    assert [(i["day"], i["clicks"]) for i in utc["items"]] == [("2026-11-17", 1)]
    berlin = await call(
        "reports.query",
        group_by=["day", "hour"],
        sort="hour",
        descending=False,
        timezone="Europe/Berlin",
        **PERIOD,
    )
    assert [(i["day"], i["hour"], i["clicks"]) for i in berlin["items"]] == [
        ("2026-11-17", "2026-11-17T13:00+01:00", 0), ("2026-11-18", "2026-11-18T00:00+01:00", 1),
    ]  # fmt: skip
    only = await call(
        "reports.overview", **{"from": "2026-11-18", "to": "2026-11-18"}, timezone="Europe/Berlin"
    )
    assert (only["clicks"], only["conversions"]) == (1, 0)


async def test_every_dimension_can_be_grouped_filtered_and_sorted(call, warehouse):
    from appliance.reporting.catalogue import DIMENSIONS
    from appliance.reporting.metrics import METRICS

    store(warehouse, click(1), conversion(1, subs=click(1).subs, utm=click(1).utm))
    for name, dimension in DIMENSIONS.items():
        table = await call("reports.query", group_by=[name], sort=name, **PERIOD)
        [line] = [item for item in table["items"] if item["clicks"]]
        assert (table["total"], line["clicks"]) == (2 if name in ("status", "event_type") else 1, 1), name
        if dimension.filterable:
            value = line[name]
            again = await call("reports.query", group_by=["day"], filters={name: [value]}, **PERIOD)
            assert again["totals"]["clicks"] == 1, name
    for metric in METRICS:
        for descending in (False, True):
            await call("reports.query", group_by=["campaign"], sort=metric, descending=descending, **PERIOD)


async def test_pages_have_a_total_beyond_the_last_one_too(call, warehouse):
    store(warehouse, *[click(n, campaign_id=n + 1) for n in range(7)])
    first = await call(
        "reports.query", group_by=["campaign"], limit=3, sort="campaign", descending=False, **PERIOD
    )
    assert [i["campaign"] for i in first["items"]] == [1, 2, 3]
    last = await call("reports.query", group_by=["campaign"], limit=3, offset=6, sort="campaign", **PERIOD)
    assert ([i["campaign"] for i in last["items"]], last["total"]) == ([1], 7)
    assert (await call("reports.query", group_by=["campaign"], offset=50, **PERIOD))["total"] == 7


async def test_filters_narrow_every_table(call, warehouse):
    store(
        warehouse, click(1, campaign_id=1, subs={1: "a'b"}), click(2, campaign_id=2, subs={}),
        conversion(1, campaign_id=1, subs={1: "a'b"}), conversion(2, campaign_id=2, subs={}),
    )  # fmt: skip
    one = await call("reports.overview", campaign_id=1, **PERIOD)
    assert (one["clicks"], one["conversions"]) == (1, 1)
    table = await call(
        "reports.query", group_by=["sub1"], filters={"sub1": ["a'b"], "campaign": [1, 2]}, **PERIOD
    )
    assert [(i["sub1"], i["clicks"], i["conversions"]) for i in table["items"]] == [("a'b", 1, 1)]


async def test_every_wrong_field_is_named_at_once(call):
    with pytest.raises(Refused) as caught:
        await call(
            "reports.query", group_by=["campaign", "planet", "campaign"], sort="luck", timezone="Mars",
            filters={"day": ["x"], "campaign": ["one"], "sub1": [1], "evil": []}, currency="dollars",
            to="soon",
        )  # fmt: skip
    assert {problem.path for problem in caught.value.fields} == {
        "group_by[1]", "group_by[2]", "sort", "timezone", "filters.day", "filters.campaign[0]",
        "filters.sub1[0]", "filters.evil", "currency", "to",
    }  # fmt: skip
    planet = next(problem for problem in caught.value.fields if problem.path == "group_by[1]")
    assert "destination" in planet.message
    with pytest.raises(Refused):
        await call("reports.query", group_by=[])
    with pytest.raises(Refused):
        await call("reports.query", group_by=["day", "hour", "campaign", "stream", "link", "source"])
    with pytest.raises(Refused, match="not after"):
        await call("reports.overview", **{"from": "2026-11-18", "to": "2026-11-17"})


@pytest.mark.parametrize(
    ("field", "value"),
    [("from", "2026-W10"), ("from", "20261101"), ("to", "2026-11-17T"), ("timezone", "right/UTC")],
)
async def test_a_period_that_could_be_misread_is_refused_by_its_field(call, field, value):
    with pytest.raises(Refused) as caught:
        await call("reports.query", group_by=["hour"], **{field: value})
    assert [problem.path for problem in caught.value.fields] == [field]
