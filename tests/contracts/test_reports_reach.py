"""What a caller may see, what a period is compared with, files, and reports that are ended."""

from __future__ import annotations

import csv
import io
import json
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path

import pytest
import trio

from appliance.errors import Missing, Refused, Unavailable
from appliance.model.holds import Holds
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, local_administrator
from appliance.operations.inquiries import Inquiry
from appliance.overview import Overview, Parts
from appliance.report_slots import ReportSlots
from appliance.reporting.metrics import METRICS, is_money
from appliance.reporting.writing import JsonRows
from tests.contracts.test_reports import HOUR, PERIOD, Names, call, store  # noqa: F401  a fixture
from tests.doors import NoCosts, NoWarehouse
from tests.records import NOON, click, conversion, postback, trafficback

DAY = 24 * HOUR
BUYER = Caller("buyer", "rest", None, 7, frozenset({2}))
NOBODY = Caller("new buyer", "rest", None, 8, frozenset())
BLIND = Caller("viewer", "rest", None, 9, None, False)
NIGHT = 1_792_886_400_000_000
"""2026-10-25 00:00 UTC: in Berlin the hour from 02:00 to 03:00 comes twice, at 00:00 and 01:00 UTC."""


@pytest.fixture
def files(warehouse):
    """Download → its text."""
    operations = registry.load_all()
    overview = Overview(Path(), Parts(), Holds(), NoWarehouse())
    slots = ReportSlots(warehouse, 2, 2, "USD")

    async def fetch(name, caller=local_administrator("rest"), **payload):  # noqa: B008  it is frozen
        context = Context(caller, Names(), slots, overview, NoCosts())
        made = await registry.call(operations, name, payload, context)
        async with aclosing(made.blocks) as blocks:
            text = b"".join([block async for block in blocks]).decode()
        assert slots.running() == []
        return made, text

    return fetch


async def test_the_two_hours_of_an_autumn_night_are_two(call, warehouse):  # noqa: F811
    store(warehouse, *[click(n, at_us=NIGHT + n * HOUR + 1) for n in (-1, 0, 0, 1, 1, 1, 2)])
    asked = {"from": "2026-10-25", "to": "2026-10-25", "timezone": "Europe/Berlin"}
    table = await call("reports.query", group_by=["hour"], sort="hour", descending=False, **asked)
    assert [(item["hour"][11:], item["clicks"]) for item in table["items"]] == [
        ("01:00+02:00", 1), ("02:00+02:00", 2), ("02:00+01:00", 3), ("03:00+01:00", 1),
    ]  # fmt: skip
    series = await call("reports.series", interval="hour", metrics=["clicks"], **asked)
    assert len(series["items"]) == 25
    assert [item["clicks"] for item in series["items"][:6]] == [0, 1, 2, 3, 1, 0]


async def test_a_period_is_compared_with_the_one_before_or_the_one_named(call, warehouse):  # noqa: F811
    store(
        warehouse,
        *[click(n, at_us=NOON, campaign_id=1) for n in range(3)],
        *[click(n, at_us=NOON - DAY, campaign_id=n) for n in (1, 2)],
        click(9, at_us=NOON - 3 * DAY, campaign_id=1),
    )
    day = {"from": "2026-11-17", "to": "2026-11-17", "metrics": ["clicks"]}
    whole = await call("reports.overview", compare=True, **day)
    assert (whole["clicks"], whole["previous"]["clicks"]) == (3, 2)
    assert whole["previous"]["from"] == "2026-11-16T00:00:00+00:00"
    table = await call("reports.query", group_by=["campaign", "sub1"], compare=True, sort="campaign", **day)
    assert [item["previous"]["clicks"] for item in table["items"]] == [0, 1, 0]
    table = await call("reports.query", group_by=["campaign"], compare=True, **day)
    assert [(item["clicks"], item["previous"]["clicks"]) for item in table["items"]] == [(3, 1)]
    assert table["previous"]["totals"]["clicks"] == 2
    named = await call("reports.overview", compare_from="2026-11-14", compare_to="2026-11-15", **day)
    assert named["previous"]["clicks"] == 1
    series = await call("reports.series", interval="hour", compare=True, **day)
    [noon] = [item for item in series["items"] if item["clicks"]]
    assert (noon["at"], noon["previous"]["clicks"]) == ("2026-11-17T12:00+00:00", 2)
    with pytest.raises(Refused) as caught:
        await call("reports.query", group_by=["day"], compare=True, compare_to="soon", **day)
    assert {problem.path for problem in caught.value.fields} == {"compare_from", "compare_to"}


async def test_lines_can_be_let_through_left_out_and_searched_for(call, warehouse):  # noqa: F811
    for_each = ("Push-1", "push_2", "50%'\\", "")
    store(
        warehouse,
        *[click(n, subs={1: text} if text else {}, campaign_id=n + 1) for n, text in enumerate(for_each)],
    )

    async def left(**condition):
        table = await call(
            "reports.query", group_by=["sub1"], filters={"sub1": condition}, sort="sub1", **PERIOD
        )
        return {item["sub1"] for item in table["items"]}

    assert await left(contains=["PUSH"]) == {"Push-1", "push_2"}
    assert await left(contains=["_", "%'\\"]) == {"push_2", "50%'\\"}
    assert await left(not_contains=["push"], not_in=[""]) == {"50%'\\"}
    assert await left(**{"in": ["", "Push-1"]}) == {"", "Push-1"}
    others = await call("reports.overview", filters={"campaign": {"not_in": [1, 2]}}, **PERIOD)
    assert others["clicks"] == 2
    with pytest.raises(Refused) as caught:
        await call("reports.overview", filters={"campaign": {"contains": ["1"]}, "sub1": {}, "day": ["x"]})
    assert {problem.path for problem in caught.value.fields} == {
        "filters.campaign",
        "filters.sub1",
        "filters.day",
    }


async def test_a_report_has_metrics_of_its_callers_own_and_can_be_sorted_by_them(call, warehouse):  # noqa: F811
    store(warehouse, *[click(n, campaign_id=1 + n // 3) for n in range(4)], conversion(1, campaign_id=2))
    table = await call(
        "reports.query", group_by=["campaign"], metrics=["unique_clicks"], sort="worth",
        custom={"worth": "revenue / clicks + 0.1", "never": "1 / (clicks - clicks)"}, **PERIOD,
    )  # fmt: skip
    lines = [
        (item["campaign"], item["unique_clicks"], item["worth"], item["never"]) for item in table["items"]
    ]
    assert lines == [(2, 1, Decimal("2.6"), None), (1, 1, Decimal("0.1"), None)]
    assert (table["totals"]["unique_clicks"], table["totals"]["worth"]) == (2, Decimal("0.725"))
    with pytest.raises(Refused) as caught:
        await call("reports.overview", custom={"clicks": "1", "A b": "1", "x": "sleep(9)"}, metrics=["luck"])
    assert {problem.path for problem in caught.value.fields} == {
        "custom.clicks",
        "custom.A b",
        "custom.x",
        "metrics[0]",
    }


@pytest.mark.parametrize(
    "evil", ["clicks; drop table click_events", "d0", "unit", "campaign_id", "`", "'", "-- x"]
)
async def test_what_is_no_field_never_gets_near_the_warehouse(call, evil):  # noqa: F811
    with pytest.raises(Refused) as caught:
        await call(
            "reports.query", group_by=[evil], sort=evil, metrics=[evil], custom={evil: evil}, timezone=evil,
            filters={evil: ["x"]}, currency=evil,
        )  # fmt: skip
    assert {problem.path.split(".")[0].split("[")[0] for problem in caught.value.fields} == {
        "group_by", "sort", "metrics", "custom", "timezone", "filters", "currency",
    }  # fmt: skip


async def test_a_buyer_sees_his_campaigns_only(call, warehouse, files):  # noqa: F811
    store(
        warehouse, *[click(n, campaign_id=1 + n % 2) for n in range(5)], conversion(1, campaign_id=1),
        conversion(2, campaign_id=2), trafficback(1), postback(1),
    )  # fmt: skip
    for caller, clicks, conversions in ((BUYER, 2, 1), (NOBODY, 0, 0)):
        whole = await call("reports.overview", caller, metrics=list(METRICS), **PERIOD)
        assert (whole["clicks"], whole["unique_clicks"], whole["conversions"]) == (
            clicks,
            bool(clicks),
            conversions,
        )
        table = await call("reports.query", caller, group_by=["language", "campaign"], **PERIOD)
        assert {item["campaign"] for item in table["items"]} == ({2} if clicks else set())
        asked = await call("reports.overview", caller, campaign_id=1, **PERIOD)
        assert (asked["clicks"], asked["revenue"]) == (0, 0)
        assert (await call("clicks.list", caller, **PERIOD))["total"] == clicks
        assert (await call("conversions.list", caller, **PERIOD))["total"] == conversions
        assert (await call("trafficbacks.list", caller, **PERIOD))["total"] == 0
        for name, lines in (("clicks", clicks), ("conversions", conversions), ("trafficbacks", 0)):
            text = (await files(f"exports.{name}", caller, **PERIOD))[1]
            assert len(list(csv.DictReader(io.StringIO(text, newline="")))) == lines
        for name in ("postbacks.list", "ingestion_errors.list"):
            with pytest.raises(Forbidden):
                await call(name, caller, **PERIOD)
        for name in ("exports.postbacks", "exports.ingestion_errors"):
            with pytest.raises(Forbidden):
                await files(name, caller, **PERIOD)
    assert (await call("clicks.get", BUYER, id=click(1).id))["click"]["campaign_id"] == 2
    with pytest.raises(Missing):
        await call("clicks.get", BUYER, id=click(0).id)


async def test_whoever_may_not_see_money_sees_none_anywhere(call, warehouse, files):  # noqa: F811
    store(
        warehouse, click(1, cost=777_000, query="cost=0.777"), click(2, cost=777_000, currency="EUR"),
        conversion(1, revenue=777_000, hold=777_000), postback(1, params={"payout": "0.777"}), trafficback(1),
    )  # fmt: skip
    asked = {**PERIOD, "metrics": list(METRICS)}
    answers = [
        await call("reports.overview", BLIND, compare=True, **asked),
        await call("reports.query", BLIND, group_by=["campaign"], compare=True, **asked),
        await call("reports.series", BLIND, **asked),
        *[await call(f"{name}.list", BLIND, **PERIOD)
          for name in ("clicks", "conversions", "postbacks", "trafficbacks", "ingestion_errors")],
        await call("clicks.get", BLIND, id=click(1).id),
        (await files("exports.report", BLIND, group_by=["campaign"], **asked))[1],
        *[(await files(f"exports.{name}", BLIND, format=form, **PERIOD))[1]
          for name in ("clicks", "conversions", "postbacks", "trafficbacks") for form in ("csv", "json")],
    ]  # fmt: skip
    assert [each for each in answers if "777" in json.dumps(each, default=str)] == []
    assert {name for name, value in answers[0].items() if name in METRICS and value is None} >= {
        name for name in METRICS if is_money(name, {})
    }
    assert answers[0]["clicks"] == 2
    with pytest.raises(Refused) as caught:
        await call(
            "reports.query", BLIND, group_by=["campaign"], sort="profit", custom={"x": "roi * 0 + clicks"}
        )
    assert {problem.path for problem in caught.value.fields} == {"sort", "custom.x"}


NASTY = ("=1+1", "+1", "-1", "@x", "\t=x", 'a"b,c\nd', " =x", "plain", "é💩")


async def test_a_file_has_every_row_and_no_formula(warehouse, files):
    store(warehouse, *[click(n, subs={1: text}, user_agent=text) for n, text in enumerate(NASTY)])
    made, text = await files("exports.clicks", **PERIOD)
    assert (made.media_type, made.filename) == (
        "text/csv; charset=utf-8", "weir-clicks-2026-11-01-2026-11-30.csv",
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["user_agent"].lstrip("'") for row in rows] == list(reversed(NASTY))
    assert all(cell[:1] not in set("=+-@\t\r\n") for row in rows for cell in row.values())
    assert rows[0]["cost"] == "0.01" and rows[0]["at"].startswith("2026-11-17T12:00:00.0")
    assert json.loads(rows[0]["subs"]) == {"1": NASTY[-1]}
    _, text = await files("exports.clicks", format="json", oldest_first=True, **PERIOD)
    objects = json.loads(text, parse_float=Decimal)
    assert [each["user_agent"] for each in objects] == list(NASTY)
    assert objects[0]["cost"] == Decimal("0.01")
    _, text = await files("exports.report", group_by=["sub1", "campaign"], sort="sub1", **PERIOD)
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {line["sub1"].lstrip("'") for line in lines} == set(NASTY)
    assert all(line["sub1"][:1] not in set("=+-@\t\r\n") for line in lines)
    assert {line["campaign_name"] for line in lines} == {"First", "Gone", ""}
    _, text = await files("exports.report", group_by=["day"], format="json", **PERIOD)
    assert [(each["day"], each["clicks"]) for each in json.loads(text)] == [("2026-11-17", len(NASTY))]
    assert json.loads((await files("exports.postbacks", format="json", **PERIOD))[1]) == []


async def test_a_file_that_nobody_reads_gives_its_slot_back(warehouse):
    slots = ReportSlots(warehouse, 1, 1, "USD")
    store(warehouse, click(1))
    overview = Overview(Path(), Parts(), Holds(), NoWarehouse())
    context = Context(local_administrator("rest"), Names(), slots, overview, NoCosts())
    with trio.fail_after(20):
        for _ in range(3):
            made = await registry.call(registry.load_all(), "exports.clicks", PERIOD, context)
            async with aclosing(made.blocks):
                assert [each.inquiry.operation for each in slots.running()] == ["exports.clicks"]
    assert slots.running() == []


async def test_a_file_of_any_size_is_read_in_blocks(warehouse):
    slots = ReportSlots(warehouse, 1, 1, "USD")
    blocks = slots.stream(
        "select number, repeat('x', 100) as t from numbers(100000)", {}, "JSONEachRow", JsonRows()
    )
    sizes = [len(block) async for block in blocks]
    assert sum(sizes) > 10_000_000
    assert max(sizes) < 1_000_000


FOREVER = "select count() from numbers(1000000000000) where sipHash64(number) = 0"


async def test_a_report_whose_caller_leaves_is_ended_in_the_warehouse(warehouse):
    slots = ReportSlots(warehouse, 1, 1, "USD")
    with trio.fail_after(20):
        with trio.move_on_after(1) as left:
            await slots.rows(FOREVER, {})
        assert left.cancelled_caught
        assert slots.running() == []
        assert await slots.rows("select 1 as a", {}) == [{"a": 1}]
        with trio.move_on_after(1):
            async with aclosing(slots.stream(FOREVER, {}, "JSONEachRow", JsonRows())) as blocks:
                await anext(blocks)
        endless = slots.stream("select number from numbers(1000000000000)", {}, "JSONEachRow", JsonRows())
        async with aclosing(endless) as blocks:
            await anext(blocks)
        assert slots.running() == []
        [found] = await slots.rows(
            "select count() as n from system.processes where position(query, '000000') > 0", {}
        )
        assert found["n"] <= 1


async def test_a_report_can_be_ended_by_whoever_asked_and_by_an_administrator(call, warehouse):  # noqa: F811
    slots = ReportSlots(warehouse, 1, 1, "USD")
    overview = Overview(Path(), Parts(), Holds(), NoWarehouse())
    outcomes = []

    async def ask(name, caller, **payload):
        context = Context(caller, Names(), slots, overview, NoCosts())
        return await registry.call(registry.load_all(), name, payload, context)

    async def long():
        try:
            await slots.rows(FOREVER, {}, Inquiry(7, "buyer", "reports.query", "mine"))
        except Unavailable as fault:
            outcomes.append(fault.message)

    mine = Caller("buyer", "rest", frozenset({"reports.read"}), 7)
    other = Caller("other", "rest", frozenset({"reports.read"}), 8)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(long)
            await trio.sleep(0.5)
            assert (await ask("reports.running", other)).items == ()
            with pytest.raises(Missing):
                await ask("reports.cancel", other, tag="mine")
            [running] = (await ask("reports.running", mine)).items
            assert (running.operation, running.tag, running.waiting) == ("reports.query", "mine", False)
            assert (await ask("reports.cancel", mine, tag="mine")).cancelled == 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(long)
            await trio.sleep(0.5)
            [running] = (await ask("reports.running", local_administrator("call"))).items
            await ask("reports.cancel", local_administrator("call"), id=running.id)
    assert outcomes == ["this report was cancelled"] * 2
