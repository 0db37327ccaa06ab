"""What a report can be asked for: one catalogue of dimensions and metrics, for SQL, answers and help."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from appliance.model.catalog import Kind
from appliance.model.money import amount


class Dimension(NamedTuple):
    """`sql` is an expression over columns that clicks, conversions and cost adjustments share.

    `kind` names the catalog entity behind an id; `filterable` values are numbers or texts (`number`).
    """

    sql: str
    kind: Kind | None = None
    number: bool = False
    filterable: bool = True


DIMENSIONS: dict[str, Dimension] = {
    "campaign": Dimension("campaign_id", "campaign", number=True),
    "stream": Dimension("stream_id", "stream", number=True),
    "destination": Dimension("destination_id", "destination", number=True),
    "source": Dimension("source_id", "source", number=True),
    "network": Dimension("network_id", "network", number=True),
    "link": Dimension("link_id", "link", number=True),
    "month": Dimension("formatDateTime(at, '%Y-%m', {timezone:String})", filterable=False),
    "day": Dimension("toString(toDate(at, {timezone:String}))", filterable=False),
    "hour": Dimension("formatDateTime(at, '%Y-%m-%d %H:00', {timezone:String})", filterable=False),
    **{
        f"utm_{name}": Dimension(f"utm['utm_{name}']")
        for name in ("source", "medium", "campaign", "term", "content")
    },
    **{f"sub{number}": Dimension(f"subs[{number}]") for number in range(1, 31)},
}

METRICS: dict[str, str] = {
    "clicks": "clicks that count: no HEAD, no prefetch, no bots where the settings say so",
    "conversions": "sum of the changes in count of all revisions",
    "revenue": "sum of the changes in approved payout, in the report's currency",
    "cost": "cost of counted clicks plus cost adjustments, in the report's currency",
    "profit": "revenue - cost",
    "roi": "profit / cost x 100, in percent; null without cost",
    "cr": "conversions / clicks x 100, in percent; null without clicks",
    "epc": "revenue / clicks, in the report's currency; null without clicks",
}

SORTS: dict[str, str] = {
    "clicks": "m_clicks",
    "conversions": "m_conversions",
    "revenue": "m_revenue",
    "cost": "m_cost",
    "profit": "m_revenue - m_cost",
    "roi": "if(m_cost = 0, null, (m_revenue - m_cost) / m_cost)",
    "cr": "if(m_clicks = 0, null, m_conversions / m_clicks)",
    "epc": "if(m_clicks = 0, null, m_revenue / m_clicks)",
}
"""Metric → what to order by, over the sums of reporting/sql.py."""


class Figures(NamedTuple):
    """The sums behind a report's line; money in micro-units of its one currency."""

    clicks: int = 0
    conversions: int = 0
    revenue: int = 0
    cost: int = 0

    def metrics(self) -> dict[str, int | Decimal | None]:
        """Every metric of METRICS; money and ratios are exact decimals, ratios cut to 4 digits (epc to 6)."""
        clicks, conversions, revenue, cost = self
        return {
            "clicks": clicks,
            "conversions": conversions,
            "revenue": amount(revenue),
            "cost": amount(cost),
            "profit": amount(revenue - cost),
            "roi": ratio((revenue - cost) * 100, cost, 4),
            "cr": ratio(conversions * 100, clicks, 4),
            "epc": ratio(revenue, clicks * 1_000_000, 6),
        }


def ratio(part: int, whole: int, digits: int) -> Decimal | None:
    """part / whole rounded half to even; None when there is nothing to divide by."""
    if whole == 0:
        return None
    exact = (Decimal(part) / Decimal(whole)).quantize(Decimal(1).scaleb(-digits)).normalize()
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact


def unconverted(amounts: dict[str, tuple[int, int]]) -> dict[str, dict[str, Decimal]]:
    """{currency: (cost, revenue)} in micro-units → what is shown beside a report but not added to it."""
    return {
        currency: {"cost": amount(cost), "revenue": amount(revenue)}
        for currency, (cost, revenue) in sorted(amounts.items())
        if cost or revenue
    }
