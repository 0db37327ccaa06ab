"""Periods, figures and the shape of the SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.model.events import DestinationHealthEvent, encode
from appliance.reporting import periods
from appliance.reporting.batches import Hole, Item, damage_report, inserts, make_batch
from appliance.reporting.catalogue import DIMENSIONS, METRICS, SORTS, Figures, ratio, unconverted
from appliance.reporting.rows import COLUMNS, Unfit, build, set_aside
from appliance.reporting.sql import Question, grouped, totals
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


@pytest.mark.parametrize("name", ["Mars/Base", "../../etc/passwd", "", "UTC; drop", "Europe/", "Europe"])
def test_what_is_no_timezone_is_refused(name):
    with pytest.raises(ValueError, match="IANA"):
        periods.zone(name)


def test_the_default_period_holds_what_just_happened():
    now = datetime(2026, 11, 17, 23, 59, 59, 999_999, tzinfo=UTC)
    for where in (UTC, periods.zone("Asia/Tokyo"), periods.zone("America/Los_Angeles")):
        begins, ends = periods.default(now, where)
        assert begins < now < ends
        assert (ends - begins).days in (29, 30)


def test_the_metrics_are_what_their_formulas_say():
    line = Figures(clicks=3, conversions=1, revenue=2_500_000, cost=900_000).metrics()
    assert line == {
        "clicks": 3, "conversions": 1, "revenue": Decimal("2.5"), "cost": Decimal("0.9"),
        "profit": Decimal("1.6"), "roi": Decimal("177.7778"), "cr": Decimal("33.3333"),
        "epc": Decimal("0.833333"),
    }  # fmt: skip
    assert list(line) == list(METRICS) == list(SORTS)


def test_nothing_to_divide_by_is_null():
    line = Figures().metrics()
    assert (line["roi"], line["cr"], line["epc"]) == (None, None, None)
    assert ratio(-5, 10, 2) == Decimal("-0.5")
    assert str(ratio(100, 1, 4)) == "100"


def test_other_currencies_are_shown_only_where_there_is_something():
    assert unconverted({"EUR": (10_000, 0), "": (0, 0)}) == {
        "EUR": {"cost": Decimal("0.01"), "revenue": Decimal(0)}
    }


def ask(**changes):
    return Question(from_us=1, to_us=2, timezone="UTC", currency="USD", **changes)


def test_values_never_get_into_the_sql():
    evil = "x'; drop table click_events --"
    for name, dimension in DIMENSIONS.items():
        if dimension.filterable:
            values = (123_456_789,) if dimension.number else (evil,)
            query = grouped(ask(group_by=(name,), filters={name: values}, sort=name))
            assert evil not in query.sql
            assert "123456789" not in query.sql
            assert list(values) in query.parameters.values()
    assert totals(ask()).parameters["currency"] == "USD"


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
