"""Every figure of random data, counted in Python from the raw events, over timezones whose clocks change."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import trio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.model.holds import Holds
from appliance.operations import registry
from appliance.operations.context import Caller, Context
from appliance.overview import Overview, Parts
from appliance.report_slots import ReportSlots
from appliance.reporting.rows import build
from tests.contracts.test_reports import Names
from tests.doors import NoCosts, NoWarehouse
from tests.records import click, conversion, entries

HOUR = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# (timezone, a moment near which its clocks change)
ZONES = [
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 1, 0, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # there was no midnight
    ("UTC", datetime(2026, 1, 1, 0, tzinfo=UTC)),
]
STATUSES = ("sale", "lead", "hold", "rejected", "trash", "refund", "chargeback")
# (landing page, exit, where to, why): no page, a visit sent to one, clicks out of it, one to the next page.
WAYS = ((0, 0, 9, ""), (0, 0, 9, ""), (7, 0, 7, ""), (7, 1, 9, ""), (8, 2, 9, ""), (7, 2, 8, "next_landing"))
WAY = ("landing_id", "exit_number", "destination_id", "reason")
AGENTS = ("A", "B", "C")


def micros(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(at_us):
    return EPOCH + timedelta(microseconds=at_us)


@st.composite
def worlds(draw):
    timezone, change = draw(st.sampled_from(ZONES))
    middle = micros(change)
    times = st.integers(middle - 60 * HOUR, middle + 60 * HOUR) | st.integers(
        middle - 2 * HOUR, middle + 2 * HOUR
    )
    clicks = [
        click(
            n, at_us=draw(times), campaign_id=draw(st.integers(1, 3)), stream_id=draw(st.integers(0, 2)),
            counted=draw(st.integers(0, 4)) > 0, cost=draw(st.integers(0, 3_000_000)),
            currency=draw(st.sampled_from(("USD", "USD", "EUR"))), user_agent=draw(st.sampled_from(AGENTS)),
            decision=draw(st.sampled_from(("destination", "trafficback"))),
            subs={1: draw(st.sampled_from("xyz"))},
            language=draw(st.sampled_from(("en", "de"))), referrer="", utm={},
            **dict(zip(WAY, draw(st.sampled_from(WAYS)), strict=True)),
        )
        for n in range(draw(st.integers(0, 25)))
    ]  # fmt: skip
    revisions = []
    for n, first in enumerate(draw(st.lists(st.sampled_from(clicks), max_size=12)) if clicks else ()):
        at_us, currency = draw(times), draw(st.sampled_from(("USD", "EUR")))
        made = partial(
            conversion, n, id=f"c{n}", at_us=at_us, currency=currency, click_id=first.id,
            click_at_us=first.at_us, campaign_id=first.campaign_id, stream_id=first.stream_id,
            subs=first.subs, utm={},
        )  # fmt: skip
        before, revision = None, 0
        for _ in range(draw(st.integers(1, 3))):
            status, payout = draw(st.sampled_from(STATUSES)), draw(st.integers(0, 9_000_000))
            now = {
                "hold": (1, 0, payout), "rejected": (0, 0, 0), "trash": (0, 0, 0), "chargeback": (0, 0, 0),
            }.get(status, (1, payout, 0))  # fmt: skip
            for sign, word, amounts in ((-1, *(before or ("", ()))), (1, status, now)):
                if word:
                    revision += 1
                    count, revenue, hold = (sign * each for each in amounts)
                    revisions.append(
                        made(revision=revision, status=word, count=count, revenue=revenue, hold=hold,
                             entered=sign)
                    )  # fmt: skip
            before = status, now
    return timezone, middle, clicks, revisions


def hour(at_us, zone):
    local = moment(at_us).astimezone(zone)
    offset = local.utcoffset() // timedelta(minutes=1)
    sign = "-" if offset < 0 else "+"
    return f"{local:%Y-%m-%dT%H:00}{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


def keys(zone):
    """Dimension → what an event with these values has of it."""
    local = lambda event: moment(event.at_us).astimezone(zone)  # noqa: E731
    return {
        "campaign": lambda event, _: event.campaign_id,
        "stream": lambda event, _: event.stream_id,
        "sub1": lambda event, _: event.subs.get(1, ""),
        "hour": lambda event, _: hour(event.at_us, zone),
        "day": lambda event, _: local(event).date().isoformat(),
        "week": lambda event, _: (local(event).date() - timedelta(days=local(event).weekday())).isoformat(),
        "month": lambda event, _: f"{local(event):%Y-%m}",
        "hour_of_day": lambda event, _: local(event).hour,
        "weekday": lambda event, _: local(event).isoweekday(),
        "language": lambda event, of: of.language,
        "decision": lambda event, of: of.decision,
        "landing": lambda event, of: of.landing_id,
    }


def figures(clicks, revisions, currency):
    latest = {}
    for each in revisions:
        if each.id not in latest or each.revision > latest[each.id].revision:
            latest[each.id] = each
    by_status = {word: sum(each.status == word for each in latest.values()) for word in STATUSES}
    money = [each for each in revisions if each.currency == currency]
    lp_clicks = sum(each.exit_number > 0 for each in clicks)
    next_views = sum(each.exit_number < 0 for each in clicks)
    clicks = [each for each in clicks if not each.exit_number]
    lp_views = sum(each.landing_id > 0 for each in clicks) + next_views
    n, unique = len(clicks), len({(each.campaign_id, each.address, each.user_agent) for each in clicks})
    conversions = sum(each.count for each in revisions)
    revenue = Fraction(sum(each.revenue for each in money), 10**6)
    cost = Fraction(sum(each.cost for each in clicks if each.currency == currency), 10**6)
    over = lambda part, whole, digits: round(Fraction(part) / whole, digits) if whole else None  # noqa: E731
    return {
        "clicks": n, "unique_clicks": unique, "conversions": conversions,
        "trafficbacks": sum(each.decision == "trafficback" for each in clicks),
        "sales": by_status["sale"], "leads": by_status["lead"], "holds": by_status["hold"],
        "rejected": by_status["rejected"], "trash": by_status["trash"],
        "refunds": by_status["refund"], "chargebacks": by_status["chargeback"],
        "revenue": revenue, "cost": cost, "profit": revenue - cost,
        "hold_revenue": Fraction(sum(each.hold for each in money), 10**6),
        "roi": over((revenue - cost) * 100, cost, 4), "cr": over(conversions * 100, n, 4),
        "epc": over(revenue, n, 6), "uepc": over(revenue, unique, 6), "cpc": over(cost, n, 6),
        "cpa": over(cost, conversions, 6), "ar": over(by_status["sale"] * 100, len(latest), 4),
        "lp_views": lp_views, "lp_clicks": lp_clicks, "lp_ctr": over(lp_clicks * 100, lp_views, 4),
        "mine": over(revenue - cost * 2, n + conversions, 6),
    }  # fmt: skip


def only(wanted, item):
    return {name: item[name] for name in wanted}


def exact(item):
    found = {}
    for name, value in item.items():
        found[name] = Fraction(str(value)) if isinstance(value, Decimal | int) else value
    return found


@settings(
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(world=worlds(), data=st.data())
def test_reports_equal_figures_counted_from_the_raw_events(warehouse, world, data):
    timezone, middle, clicks, revisions = world
    zone = ZoneInfo(timezone)
    for table in ("click_events", "conversion_events", "cost_adjustments"):
        warehouse.execute(f"truncate table {table}")
    rows = [build(0, 1, *entry) for entry in entries(1, *clicks, *revisions)]
    for table, partition in {row[:2] for row in rows}:
        warehouse.insert([row for row in rows if row[:2] == (table, partition)])
    known = keys(zone)
    groups = data.draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=3, unique=True))
    interval = data.draw(st.sampled_from(("hour", "day", "week", "month")))
    currency = data.draw(st.sampled_from(("USD", "EUR")))
    mine = data.draw(st.none() | st.frozensets(st.integers(1, 3)))
    begins = data.draw(st.integers(middle - 50 * HOUR, middle))
    ends = data.draw(st.integers(middle + 1, middle + 50 * HOUR))
    subs = data.draw(st.none() | st.lists(st.sampled_from("xyz"), max_size=2, unique=True))
    here = [
        each for each in (*clicks, *revisions)
        if begins <= each.at_us < ends and (mine is None or each.campaign_id in mine)
        and (subs is None or each.subs[1] in subs)
    ]  # fmt: skip
    of = {each.id: each for each in clicks}
    seen = [each for each in here if hasattr(each, "decision") and each.counted]
    # An exit that led to another page is a view of that page too.
    onward = [each for each in seen if each.reason == "next_landing"]
    seen += [replace(each, landing_id=each.destination_id, exit_number=-1) for each in onward]
    paid = [each for each in here if not hasattr(each, "decision")]
    payload = {
        "from": moment(begins).isoformat(), "to": moment(ends).isoformat(), "timezone": timezone,
        "currency": currency, "metrics": [name for name in figures([], [], "USD") if name != "mine"],
        "custom": {"mine": "(revenue - cost * 2) / (clicks + conversions)"},
        "filters": {} if subs is None else {"sub1": subs},
    }  # fmt: skip
    caller = Caller("buyer", "rest", None, 7, mine)
    slots = ReportSlots(warehouse, 2, 2, "USD")
    overview = Overview(Path(), Parts(), Holds(), NoWarehouse())

    async def ask(name, **more):
        context = Context(caller, Names(), slots, overview, NoCosts())
        answer = await registry.call(registry.load_all(), name, {**payload, **more}, context)
        return json.loads(registry.encode(answer), parse_float=Decimal)

    async def everything():
        return (
            await ask("reports.overview"),
            await ask("reports.query", group_by=groups, limit=1000),
            await ask("reports.series", interval=interval),
        )

    whole, table, series = trio.run(everything)
    want = figures(seen, paid, currency)
    assert only(want, exact({**whole, **whole["custom"]})) == want
    made = by_groups(seen, paid, of, groups, known, currency)
    got = {tuple(item[name] for name in groups): exact(item) for item in table["items"]}
    assert got.keys() == made.keys()
    assert table["total"] == len(made)
    for group, line in made.items():
        assert only(line, got[group]) == line, group
    assert only(want, exact(table["totals"])) == want
    points = by_groups(seen, paid, of, [interval], known, currency)
    ats = [item["at"] for item in series["items"]]
    assert len(ats) == len(set(ats))
    assert ats == sorted(
        ats, key=lambda at: datetime.fromisoformat(f"{at}-01" if interval == "month" else at)
    )
    by_point = {(item["at"],): exact(item) for item in series["items"]}
    assert points.keys() <= by_point.keys()
    nothing = figures([], [], currency)
    for point, line in by_point.items():
        assert only(nothing, line) == points.get(point, nothing), point


def by_groups(seen, paid, of, groups, known, currency):
    key = lambda event, origin: tuple(known[name](event, origin) for name in groups)  # noqa: E731
    found = defaultdict(lambda: ([], []))
    for each in seen:
        found[key(each, each)][0].append(each)
    for each in paid:
        found[key(each, of[each.click_id])][1].append(each)
    return {group: figures(*both, currency) for group, both in found.items()}
