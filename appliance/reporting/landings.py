"""How often landing pages were seen and left through their exits: what tells that nobody clicks through."""

from __future__ import annotations

from appliance.reporting.sql import Query

MOST = 5_000
"""Pairs of campaign and page, those with the most views."""
_VIEWS = """
select campaign_id, page as landing_id, sum(view) as views, sum(out) as exits
from (
    select campaign_id, toInt64(landing_id) as page, toInt64(exit_number = 0) as view,
    toInt64(exit_number != 0) as out from click_events
    where at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC') and landing_id != 0
    and (counted = 1 or exit_number != 0)
    union all
    select campaign_id, toInt64(destination_id) as page, toInt64(1) as view, toInt64(0) as out
    from click_events
    where at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC') and reason = 'next_landing' and counted = 1
)
group by campaign_id, page order by views desc limit {most:Int64}
"""


def views_query(from_us: int) -> Query:
    """(campaign_id, landing_id, views, exits) since then. A click out counts even where its visit does not:
    it shows that the way is open."""
    return Query(_VIEWS, {"from_us": from_us, "most": MOST})
