"""Periods, figures and the shape of the SQL."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.model.events import DestinationHealthEvent, encode
from appliance.reporting import buckets, formulas, lists, metrics, periods, writing
from appliance.reporting.batches import Hole, Item, damage_report, inserts, make_batch
from appliance.reporting.catalogue import DIMENSIONS
from appliance.reporting.rows import COLUMNS, Unfit, build, set_aside
from appliance.reporting.sql import Filter, Question, every_group, grouped, totals
from tests.records import NOON, click, conversion, entries, identity, postback, trafficback

DAY = 86_400_000_000


def test_a_date_is_meant_whole_and_in_its_timezone():
    berlin = periods.zone("Europe/Berlin")
    assert periods.begin("2026-11-17", berlin).isoformat() == "2026-11-17T00:00:00+01:00"
    assert periods.end("2026-11-17", berlin).isoformat() == "2026-11-18T00:00:00+01:00"
    assert periods.begin("2026-11-17T10:00:00Z", berlin) == datetime(2026, 11, 17, 10, tzinfo=UTC)
    assert periods.begin("2026-11-17T10:00", berlin).isoformat() == "2026-11-17T10:00:00+01:00"


def test_a_day_of_25_hours_has_25_hours():
    berlin = periods.zone("Europe/Berlin")
    length = periods.micros(periods.end("2026-10-25", berlin)) - periods.micros(
        periods.begin("2026-10-25", berlin)
    )
    assert length == 25 * 3_600_000_000


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC)))
def test_microseconds_are_exact(moment):
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=periods.micros(moment)) == moment


@pytest.mark.parametrize(
    "text", ["17.11.2026", "2026-13-01", "tomorrow", "1999-01-01", "2026-11-17T99", "9999-12-31"]
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        periods.begin(text, UTC)


@pytest.mark.parametrize(
    "name", ["Mars/Base", "../../etc/passwd", "", "UTC; drop", "Europe/", "Europe", "right/UTC"]
)
def test_what_is_no_timezone_is_refused(name):
    with pytest.raises(ValueError, match="IANA"):
        periods.zone(name)


def test_the_default_period_holds_what_just_happened():
    now = datetime(2026, 11, 17, 23, 59, 59, 999_999, tzinfo=UTC)
    for where in (UTC, periods.zone("Asia/Tokyo"), periods.zone("America/Los_Angeles")):
        begins, ends = periods.default(now, where)
        assert begins < now < ends
        assert (ends - begins).days in (29, 30)


SUMS = dict.fromkeys(metrics.SUMS, 0)


def test_the_metrics_are_what_their_formulas_say():
    sums = {
        **SUMS, "clicks": 3, "unique_clicks": 2, "conversions": 1, "sales": 1, "trash": 2, "lp_views": 3,
        "lp_clicks": 2,
        "revenue": 2_500_000, "cost": 900_000,
    }  # fmt: skip
    line = metrics.line(sums, metrics.METRICS, {}, sees_money=True)
    assert line == {
        "lp_views": 3, "lp_clicks": 2, "lp_ctr": Decimal("66.6667"),
        "clicks": 3, "unique_clicks": 2, "trafficbacks": 0, "conversions": 1, "sales": 1, "leads": 0,
        "holds": 0, "rejected": 0, "trash": 2, "refunds": 0, "chargebacks": 0,
        "revenue": Decimal("2.5"), "hold_revenue": 0,
        "cost": Decimal("0.9"), "profit": Decimal("1.6"), "roi": Decimal("177.7778"),
        "cr": Decimal("33.3333"), "epc": Decimal("0.833333"), "uepc": Decimal("1.25"),
        "cpc": Decimal("0.3"), "cpa": Decimal("0.9"), "ar": Decimal("33.3333"),
    }  # fmt: skip


def test_nothing_to_divide_by_is_null():
    line = metrics.line(SUMS, metrics.METRICS, {}, sees_money=True)
    assert {name for name, value in line.items() if value is None} == {
        "roi", "cr", "epc", "uepc", "cpc", "cpa", "ar", "lp_ctr",
    }  # fmt: skip
    assert metrics.decimal(Fraction(-1, 2), 2) == Decimal("-0.5")
    assert str(metrics.decimal(Fraction(100), 4)) == "100"
    assert str(metrics.decimal(Fraction(1, 3), 4)) == "0.3333"


def test_whoever_may_not_see_money_sees_none_and_all_counts():
    customs = {"margin": metrics.custom("profit / clicks"), "share": metrics.custom("sales / conversions")}
    sums = {**SUMS, "clicks": 1, "conversions": 2, "sales": 1, "cost": 5}
    line = metrics.line(sums, (*metrics.METRICS, *customs), customs, sees_money=False)
    assert {name for name, value in line.items() if value is None} >= {
        "revenue", "hold_revenue", "cost", "profit", "roi", "epc", "uepc", "cpc", "cpa", "margin",
    }  # fmt: skip
    assert (line["clicks"], line["cr"], line["share"]) == (1, 200, Decimal("0.5"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("8 / 4 / 2", 1), ("2 - 3 - 4", -5), ("-2 * -(1.5)", 3),
        ("0.1 + 0.2", Fraction(3, 10)), ("clicks / (sales - sales)", None), ("1 / (1 / leads)", None),
        ("profit / revenue * 100", 60), ("(roi)", 150),
    ],
)  # fmt: skip
def test_a_formula_is_counted_exactly(text, wanted):
    values = {**dict.fromkeys(metrics.SUMS, Fraction(0)), "revenue": Fraction(5), "cost": Fraction(2)}
    assert formulas.value(metrics.custom(text), values) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 +", "(1", "1)", "()", "clicks clicks", "1 2", "** 2", "clicks ** 2", "clicks // 2",
        "__import__('os')", "clicks.real", "clicks; drop table click_events", "clicks -- x", "planet / 2",
        "1e5", "0x10", "clicks[0]", "lambda: 1", "(" * 21 + "1" + ")" * 21, "-" * 22 + "1", "1+" * 150 + "1",
        "1" * 13, "clіcks",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        metrics.custom(text)


@given(st.text(alphabet="()+-*/ .1290clickst_"))
def test_any_text_is_a_formula_or_a_plain_refusal(text):
    try:
        made = metrics.custom(text)
    except ValueError:
        return
    formulas.value(made, dict.fromkeys(metrics.SUMS, Fraction(3)))


def test_other_currencies_are_shown_only_where_there_is_something():
    assert metrics.unconverted({"EUR": (10_000, 0), "": (0, 0)}) == {
        "EUR": {"cost": Decimal("0.01"), "revenue": Decimal(0)}
    }


def ask(**changes):
    return Question(from_us=1, to_us=2, timezone="UTC", currency="USD", **changes)


def test_values_never_get_into_the_sql():
    evil = "x'; drop table click_events --"
    for name, dimension in DIMENSIONS.items():
        for operator in (
            ("in", "not_in") if dimension.number else ("in", "not_in", "contains", "not_contains")
        ):
            if dimension.filterable:
                values = (123_456_789,) if dimension.number else (evil,)
                query = grouped(ask(group_by=(name,), filters=(Filter(name, operator, values),), sort=name))
                assert evil not in query.sql
                assert "123456789" not in query.sql
                assert list(values) in query.parameters.values()
    assert totals(ask()).parameters["currency"] == "USD"
    customs = {"x": metrics.custom("clicks * 123456789 / 987654321")}
    query = grouped(ask(group_by=("campaign",), customs=customs, metrics=("x",), sort="x"))
    assert "123456789" not in query.sql
    assert {123456789.0, 987654321.0} <= set(query.parameters.values())


def test_nobody_reaches_beyond_his_campaigns():
    for name in DIMENSIONS:
        for campaigns in ((), (7,)):
            question = ask(group_by=(name,), campaigns=campaigns, metrics=tuple(metrics.METRICS), sort=name)
            for query in (grouped(question), every_group(question), totals(question)):
                tables = re.findall(r"from (click_events|conversion_events|cost_adjustments)\b", query.sql)
                assert query.sql.count("campaign_id in {campaigns:Array(Int64)}") >= len(tables) - 1 > 1
                assert query.parameters["campaigns"] == list(campaigns)
    for table in (lists.CLICKS, lists.CONVERSIONS, lists.TRAFFICBACKS, lists.POSTBACKS, lists.ERRORS):
        selection = lists.Selection(from_us=1, to_us=2, campaigns=(7,))
        for query in (*lists.page(table, selection, 1, 0), lists.export(table, selection, csv=True)):
            assert (
                "campaign_id in {campaigns:Array(Int64)}" if table.reachable else "and false"
            ) in query.sql


@pytest.mark.parametrize(
    ("day", "timezone", "hours"),
    [
        ("2026-10-25", "Europe/Berlin", ["T01:00+02:00", "T02:00+02:00", "T02:00+01:00", "T03:00+01:00"]),
        ("2026-03-29", "Europe/Berlin", ["T00:00+01:00", "T01:00+01:00", "T03:00+02:00", "T04:00+02:00"]),
        ("2026-04-05", "Australia/Lord_Howe", ["T01:00+11:00", "T01:00+10:30", "T02:00+10:30"]),
        ("2026-11-17", "Asia/Kathmandu", ["T00:00+05:45", "T01:00+05:45"]),
    ],
)  # fmt: skip
def test_every_hour_of_a_day_is_there_once_and_the_hour_that_comes_twice_is_two(day, timezone, hours):
    where = periods.zone(timezone)
    span = periods.micros(periods.begin(day, where)), periods.micros(periods.end(day, where))
    found = [buckets.label("hour", number) for number in buckets.every("hour", timezone, *span)]
    assert len(found) == len(set(found)) == -(-(span[1] - span[0]) // 3_600_000_000)
    start = found.index(day + hours[0])
    assert found[start : start + len(hours)] == [day + hour for hour in hours]
    assert list(buckets.every("day", timezone, *span)) == [buckets_day(day)]


def buckets_day(day):
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def test_minutes_follow_each_other_over_a_change_of_the_clocks():
    span = tuple(periods.micros(datetime(2026, 10, 25, hour, 58, tzinfo=UTC)) for hour in (0, 1))
    found = [buckets.label("minute", number) for number in buckets.every("minute", "Europe/Berlin", *span)]
    assert len(found) == len(set(found)) == 60
    assert found[:3] == ["2026-10-25T02:58+02:00", "2026-10-25T02:59+02:00", "2026-10-25T02:00+01:00"]


def test_weeks_begin_on_monday_and_months_on_their_first():
    span = periods.micros(periods.begin("2025-12-30", UTC)), periods.micros(periods.end("2026-02-01", UTC))
    weeks = [buckets.label("week", number) for number in buckets.every("week", "UTC", *span)]
    assert weeks == ["2025-12-29", "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"]
    months = [buckets.label("month", number) for number in buckets.every("month", "UTC", *span)]
    assert months == ["2025-12", "2026-01", "2026-02"]


def test_the_period_before_is_as_many_days_long_whatever_the_clocks_did():
    berlin = periods.zone("Europe/Berlin")
    begins, ends = periods.begin("2026-10-25", berlin), periods.end("2026-10-31", berlin)
    before = periods.before(periods.micros(begins), periods.micros(ends), berlin)
    assert before == periods.micros(periods.begin("2026-10-18", berlin))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\n@", "＝1", "\rx"])
def test_no_text_of_a_file_is_a_formula(text):
    assert writing.harmless(text) == "'" + text


@given(st.lists(st.dictionaries(st.text(min_size=1), st.text() | st.integers())), st.integers(1, 50))
def test_lines_become_one_array_wherever_the_blocks_are_cut(rows, size):
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    for writer in (writing.JsonRows(), writing.Lines(lambda row: row, (), as_csv=False)):
        blocks = [writer.turn(body[start : start + size]) for start in range(0, len(body), size)]
        assert json.loads(b"".join([writer.begin(), *blocks, writer.end()])) == rows


def test_every_topic_becomes_a_row_in_the_order_of_its_columns():
    health = DestinationHealthEvent(1, NOON, 5, "up", "down", 500, 1000, "refused")
    for event in (click(1), identity(1), conversion(1), postback(1), trafficback(1), health):
        row = build(3, 4, 5, encode(event))
        assert len(row.values) == len(COLUMNS[row.table])
        assert row.values[:4] == (3, 4, 5, f"{event.at_us // 1_000_000}.{event.at_us % 1_000_000:06d}")
    assert len(set_aside(1, 2, 3, "", "x", b"", NOON).values) == len(COLUMNS["ingestion_errors"])


@pytest.mark.parametrize(
    "event",
    [
        click(1, at_us=-1), click(1, at_us=1 << 62), click(1, cost=1 << 63), click(1, subs={31: "x"}),
        click(1, subs={0: "x"}), click(1, v=1 << 40), conversion(1, known_us=1 << 63),
    ],
)  # fmt: skip
def test_what_no_column_can_hold_is_unfit(event):
    with pytest.raises(Unfit):
        build(0, 1, 2, encode(event))


@given(st.binary(max_size=300))
@example(b"\x91\xa2\x00\x80")  # a tag that is no UTF-8: msgspec lets it out as UnicodeDecodeError
def test_any_bytes_become_a_row_or_are_set_aside(body):
    batch = make_batch(0, 1, [Item(7, body)], NOON)
    assert (batch.cut.first, batch.cut.last, len(batch.rows)) == (7, 7, 1)


def test_a_batch_is_cut_by_table_and_month():
    items = [Item(*entry) for entry in entries(
        1, click(1), click(2, at_us=NOON + 30 * DAY), identity(1), click(3), b"\xc1",
    )]  # fmt: skip
    batch = make_batch(0, 1, items, NOON)
    groups = inserts(batch.rows, 10)
    assert [[row.seq for row in group] for group in groups] == [[1, 4], [2], [3], [5]]
    assert [len(group) for group in inserts(batch.rows * 6, 10)] == [10, 2, 6, 6, 6]
    assert batch.cut.bounds["click_events"].rows == 3


def test_a_full_address_is_not_kept_in_an_error():
    [entry] = entries(1, identity(9, at_us=1 << 62))
    [row] = make_batch(0, 1, [Item(*entry)], NOON).rows
    assert row.table == "ingestion_errors"
    assert "203.0.113" not in str(row.values)
    assert row.values[-1] == ""


def test_a_mad_clock_cannot_keep_an_error_from_being_stored():
    for now in (0, 1 << 61):
        [row] = make_batch(0, 1, [Item(1, b"\xc1")], now).rows
        assert 946_684_800 <= float(str(row.values[3])) < 4_102_444_800


def test_a_damaged_log_reports_its_holes_and_a_last_word():
    items = damage_report(0, 9, 10, entries(8, *[click(n) for n in range(6)]), [(11, 11), (5, 7)], "broken")
    assert [(item.seq, isinstance(item.body, Hole)) for item in items] == [
        (11, False), (11, True), (12, False), (13, False), (14, True),
    ]  # fmt: skip
    assert damage_report(0, 9, 14, entries(8, *[click(n) for n in range(6)]), [], "broken") == []
    assert [item.seq for item in damage_report(0, 9, 0, [], [], "broken")] == [1]
