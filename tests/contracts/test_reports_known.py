"""Reports as known at a moment, and conversions that move: from no click to theirs, from status to status."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.attribution import status
from appliance.attribution.claim import Statement
from appliance.attribution.revisions import records
from appliance.errors import Refused
from appliance.model.conversions import ClickFacts
from appliance.model.events import CostAdjustment
from tests.contracts.test_reports import DAY, NOON, PERIOD, call, store
from tests.records import click

__all__ = ["call"]
FACTS = ClickFacts(id=click(1).id, at_us=NOON, campaign_id=2, stream_id=3)
MONEY = ["clicks", "conversions", "sales", "holds", "refunds", "ar", "revenue", "hold_revenue", "cost"]


def said(at: int, word: Any, payout: int | None) -> Statement:
    return Statement(
        conversion_id="k", network_id=40, click_id=click(1).id, transaction_id="t", event_type="",
        status=word, original_status=word, payout=payout, currency="USD", fallback="USD",
        stamp=(NOON + at, 0, 0, 0),
    )  # fmt: skip


async def test_figures_are_told_as_they_were_known_and_follow_the_conversion_where_it_goes(
    call: Any, warehouse: Any
) -> None:
    begun = status.begin(said(1, "hold", 5_000_000), None, NOON + 1)
    found = status.attach(begun.conversion, FACTS, NOON + DAY, status.Circumstances())
    sold = status.advance(found.conversion, said(2 * DAY, "sale", None), NOON + 2 * DAY)
    back = status.advance(sold.conversion, said(3 * DAY, "refund", 2_000_000), NOON + 3 * DAY)
    events = [
        record
        for verdict in (begun, found, sold, back)
        if isinstance(verdict, status.Revised)
        for record in records(verdict.conversion, verdict.changes)
    ]
    correction = CostAdjustment(1, "c", NOON, NOON + 2 * DAY, 2, 3, 0, 0, 0, 0, 250_000, "USD", "", "")
    store(warehouse, click(1, campaign_id=2, stream_id=3, cost=1_000_000), *events, correction)

    async def known(**more: Any) -> dict[int, tuple[Any, ...]]:
        table = await call("reports.query", group_by=["campaign"], metrics=MONEY, **PERIOD, **more)
        whole = await call("reports.overview", metrics=MONEY, **PERIOD, **more)
        series = await call("reports.series", interval="month", metrics=MONEY, **PERIOD, **more)
        lines = {item["campaign"]: tuple(item[name] for name in MONEY) for item in table["items"]}
        sums = [sum(line[place] for line in lines.values()) for place in (0, 1, 2, 3, 4, 6, 7, 8)]
        for other in (table["totals"], whole, series["items"][0]):
            assert [other[name] for name in MONEY if name != "ar"] == sums
        return {campaign: line for campaign, line in lines.items() if any(line)}

    nothing = Decimal(0)
    first = await known(known_until=moment(NOON + 500_000))
    assert first == {
        0: (0, 1, 0, 1, 0, nothing, nothing, 5, nothing),
        2: (1, 0, 0, 0, 0, None, nothing, nothing, 1),
    }
    assert await known(known_until=moment(NOON + DAY + 1)) == {
        2: (1, 1, 0, 1, 0, nothing, nothing, 5, 1)
    }  # fmt: skip
    assert await known(known_until=moment(NOON + 2 * DAY + 1)) == {
        2: (1, 1, 1, 0, 0, 100, 5, nothing, Decimal("1.25"))
    }  # fmt: skip
    latest = {2: (1, 1, 0, 0, 1, nothing, 3, nothing, Decimal("1.25"))}
    assert await known(known_until=moment(NOON + 3 * DAY + 1)) == await known() == latest


def moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()


async def test_a_wrong_moment_is_refused_by_its_name(call: Any) -> None:
    with pytest.raises(Refused) as refused:
        await call("reports.overview", known_until="monday")
    assert [problem.path for problem in refused.value.fields] == ["known_until"]
