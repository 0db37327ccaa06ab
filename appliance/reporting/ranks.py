"""What best_roi and adaptive go by: figures of each stream's destinations, and what weights they make.

best_roi gets ranks: 1 for the worst of those with enough clicks. adaptive gets shares of 10,000: how often a
destination is the best when what it may really be worth is drawn again and again from what is known of it
(Thompson sampling), above a floor that every destination keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from appliance.reporting.sql import Query

SHARES = 10_000
ROUNDS = 1_000
"""Draws per stream: a share is within 1.6 % of its value, 19 times of 20."""
_OUT = (
    "select id, parent_id, landing_id from click_events"
    " where at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC') and stream_id in {streams:Array(Int64)}"
    " and exit_number != 0"
)
_ON = f"{_OUT} and reason = 'next_landing'"
_EXITS = f"""with exits as (
    select e.id as id,
    multiIf(m.landing_id != 0, m.landing_id, n.landing_id != 0, n.landing_id, e.landing_id) as landing_id
    from ({_OUT}) as e
    left join ({_ON}) as n on n.id = e.parent_id
    left join ({_ON}) as m on m.id = n.parent_id
)"""  # noqa: S608  all bound
"""The clicks out of landing pages, each with the first page of its chain: of three pages at most."""
_CLICKS = """
select stream_id, destination_id, toInt64(sum(click)) as clicks,
sumIf(spent, unit = {currency:String}) as cost
from (
    select stream_id, destination_id, 1 as click, cost as spent, currency as unit from click_events
    where at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC') and stream_id in {streams:Array(Int64)}
    and counted = 1 and exit_number = 0 and destination_id != 0
    union all
    select a.stream_id as stream_id,
    if(x.landing_id != 0, toInt64(x.landing_id), a.destination_id) as destination_id,
    0 as click, a.cost as spent, a.currency as unit
    from (
        select stream_id, destination_id, click_id, cost, currency from cost_adjustments
        where at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC') and stream_id in {streams:Array(Int64)}
        and destination_id != 0
    ) as a
    left join exits as x on x.id = a.click_id
)
group by stream_id, destination_id
"""
_CONVERSIONS = """
select c.stream_id as stream_id,
if(x.landing_id != 0, toInt64(x.landing_id), c.destination_id) as destination_id,
sum(c.count) as conversions, sumIf(c.revenue, c.currency = {currency:String}) as revenue
from (
    select stream_id, destination_id, click_id, count, revenue, currency from conversion_events
    where at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    and click_at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    and stream_id in {streams:Array(Int64)}
) as c
left join exits as x on x.id = c.click_id
group by stream_id, destination_id
"""


class Figures(NamedTuple):
    """Of one destination in one stream, in a window. Money is micro-units of the appliance's currency."""

    clicks: int = 0
    cost: int = 0
    conversions: int = 0
    revenue: int = 0


class Sampler(Protocol):
    """random.Random."""

    def betavariate(self, alpha: float, beta: float) -> float: ...
    def gammavariate(self, alpha: float, beta: float) -> float: ...


def clicks_query(streams: Sequence[int], from_us: int, currency: str) -> Query:
    """(stream_id, destination_id, clicks, cost) since then. What was paid in other currencies is left out.

    Corrections of cost are cost too, and so is what conversions cost; of a click that came through a landing
    page it is the page's, as its revenue is.
    """
    return Query(_EXITS + _CLICKS, {"streams": list(streams), "from_us": from_us, "currency": currency})


def conversions_query(streams: Sequence[int], from_us: int, currency: str) -> Query:
    """(stream_id, destination_id, conversions, revenue) of clicks since then.

    What came through landing pages counts for the first of them: that is what the stream chose.
    """
    return Query(
        _EXITS + _CONVERSIONS,
        {"streams": list(streams), "from_us": from_us, "currency": currency},
    )


def figures(
    clicks: Sequence[Mapping[str, int]], conversions: Sequence[Mapping[str, int]]
) -> dict[int, dict[int, Figures]]:
    """Both answers together: stream → destination → figures."""
    found: dict[int, dict[int, Figures]] = {}
    for row in clicks:
        own = found.setdefault(row["stream_id"], {})
        own[row["destination_id"]] = Figures(row["clicks"], row["cost"])
    for row in conversions:
        own = found.setdefault(row["stream_id"], {})
        before = own.get(row["destination_id"], Figures())
        own[row["destination_id"]] = before._replace(
            conversions=max(0, row["conversions"]), revenue=max(0, row["revenue"])
        )
    return found


def roi_ranks(known: Mapping[int, Figures], targets: Sequence[int], min_clicks: int) -> dict[int, int]:
    """Destination → rank, the higher the better; equals share one, and those with too few clicks have none.

    By return on cost; where nothing was paid, by revenue for a click.
    """
    worth: dict[int, tuple[float, float]] = {}
    for target in targets:
        its = known.get(target, Figures())
        if its.clicks >= min_clicks:
            free = float("inf") if its.revenue else 0.0
            roi = (its.revenue - its.cost) / its.cost if its.cost else free
            worth[target] = (roi, its.revenue / its.clicks if its.clicks else 0.0)
    order = sorted(set(worth.values()))
    return {target: order.index(value) + 1 for target, value in worth.items()}


def adaptive_shares(
    known: Mapping[int, Figures],
    targets: Sequence[int],
    goal: Literal["conversions", "revenue"],
    floor_percent: int,
    sampler: Sampler,
    rounds: int = ROUNDS,
) -> dict[int, int]:
    """Destination → share of about 10,000: the floor, and beyond it how often it was the best of a draw.

    A click's conversion is a coin with a uniform prior. A payout is exponential, its rate with a gamma prior
    that counts as one conversion at the stream's mean.
    """
    if not targets:
        return {}
    of = [known.get(target, Figures()) for target in targets]
    conversions = sum(each.conversions for each in of)
    mean = sum(each.revenue for each in of) / conversions if conversions else 1.0
    mean = mean or 1.0
    wins = [0] * len(targets)
    for _ in range(rounds):
        best, most = 0, -1.0
        for place, its in enumerate(of):
            converted = min(its.conversions, its.clicks)
            drawn = sampler.betavariate(1 + converted, 1 + its.clicks - converted)
            if goal == "revenue":
                drawn /= sampler.gammavariate(2 + its.conversions, 1 / (mean + its.revenue))
            if drawn > most:
                best, most = place, drawn
        wins[best] += 1
    floor = min(floor_percent * SHARES // 100, SHARES // len(targets))
    free = SHARES - floor * len(targets)
    return {target: floor + free * won // rounds for target, won in zip(targets, wins, strict=True)}
