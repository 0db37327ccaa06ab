"""A correction of cost → the rows that reports add up: in proportion to the clicks it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.model.costs import CostOrder
from appliance.model.events import CostAdjustment
from appliance.reporting.sql import Query

_IDS = ("stream_id", "destination_id", "source_id", "network_id", "link_id")
MOST_PARTS = 20_000
"""A month of hours for 27 ways through a campaign; more are refused rather than made coarser unseen."""


def clicks_by_hour(campaign_id: int, from_us: int, to_us: int, timezone: str) -> Query:
    """The campaign's counted clicks by hour of `timezone` and by every id a report may group by."""
    ids = ", ".join(_IDS)
    sql = (
        f"select {ids}, toUnixTimestamp64Micro(min(at)) as at_us, count() as clicks from click_events "  # noqa: S608
        "where campaign_id = {campaign:Int64} and counted = 1 and exit_number = 0"
        " and at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
        " and at < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
        f" group by toStartOfHour(at, {{timezone:String}}), {ids} order by at_us, {ids} "
        "limit {limit:UInt32}"
    )
    parameters: dict[str, object] = {
        "campaign": campaign_id, "from_us": from_us, "to_us": to_us, "timezone": timezone,
        "limit": MOST_PARTS + 1,
    }  # fmt: skip
    return Query(sql, parameters)


def spread(order: CostOrder, groups: Sequence[Mapping[str, Any]]) -> list[CostAdjustment]:
    """`order.amount` among `groups` by their clicks, to the micro-unit: the parts add up to it exactly."""
    whole = sum(group["clicks"] for group in groups)
    parts: list[CostAdjustment] = []
    clicks = given = 0
    for group in groups:
        clicks += group["clicks"]
        until = order.amount * clicks // whole
        if until != given:
            parts.append(
                CostAdjustment(
                    v=1,
                    id=order.id,
                    at_us=group["at_us"],
                    known_us=order.known_us,
                    campaign_id=order.campaign_id,
                    **{name: group[name] for name in _IDS},
                    cost=until - given,
                    currency=order.currency,
                    author=order.author,
                    note=order.note,
                )
            )
        given = until
    return parts
