"""Questions about interpreted events: single ones, and what they came to."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.reporting.lists import Table, columns
from appliance.reporting.sql import PERIOD, Query

_TEXTS = (
    "intake network nw_account_id nw_account_name nw_campaign_id nw_campaign_name traffic_source pixel_id "
    "campaign_id campaign_name adset_id adset_name ad_id ad_name session_id keyword_clicked ts_click_id "
    "user_agent address country_code region city domain_name category vertical"
)
EVENTS = Table(
    "report_conversions",
    {"at": "time", "known_at": "time", "id": "text", "revision": "number", **columns("", _TEXTS),
     "conversions": "number", "revenue": "money", **columns("lander_visitors lander_searches"),
     "reported_conversions": "number", "reported_amount": "money",
     **columns("reports valid", "invalid_reason lost")},
    "at desc, id, known_at desc",
    "at, id, known_at",
    money=("revenue", "reported_amount"),
    reachable=False,
)  # fmt: skip

GROUPS: Mapping[str, str] = {
    "day": "formatDateTime(at, '%Y-%m-%d', 'UTC')",
    **{
        name: name
        for name in ("network", "traffic_source", "pixel_id", "campaign_id", "invalid_reason", "intake")
    },
}
"""What a summary can be made by → SQL."""


def summary(from_us: int, to_us: int, group_by: str, campaign_id: str, limit: int) -> Query:
    """Per value of the group, the greatest amount first: how many were heard of, reported, and left out."""
    parameters: dict[str, object] = {"from_us": from_us, "to_us": to_us, "limit": limit}
    where = PERIOD
    if campaign_id:
        where += " and campaign_id = {campaign:String}"
        parameters["campaign"] = campaign_id
    return Query(
        f"select {GROUPS[group_by]} as value, count() as rows, uniqExact(id) as events, "  # noqa: S608  ours
        "countIf(valid = 0) as invalid, sum(reports) as reports, "
        "sum(reported_conversions) as conversions, sum(reported_amount) as amount "
        f"from report_conversions where {where} group by value order by amount desc, events desc, value "
        "limit {limit:UInt32}",
        parameters,
    )


def one(id: str, *, sees_money: bool = True) -> Query:
    """Everything that was said of the key of this id, the oldest first."""
    shown = ", ".join(
        f"toUnixTimestamp64Micro({name}) as {name}_us"
        if what == "time"
        else f"null as {name}"
        if name in EVENTS.money and not sees_money
        else name
        for name, what in EVENTS.columns.items()
    )
    return Query(
        f"select {shown} from report_conversions where id = {{id:String}} order by known_at, seq limit 200",  # noqa: S608
        {"id": id},
    )
