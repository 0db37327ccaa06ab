"""A correction of cost → the rows that reports add up, one for each click or for groups of alike clicks.

A row that names a click stands in every line of a report in which the click does. Of more clicks than there
may be rows those of an hour are put together, and of what they have in common only that is kept which can be
seen in a report: first the sub-ids and utm values too, then those alone that the correction's filters name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from appliance.model.costs import CostOrder
from appliance.model.events import CostAdjustment
from appliance.reporting.catalogue import DIMENSIONS, FILTERS, click_facts
from appliance.reporting.sql import PERIOD, Query, Question, rows

_IDS = ("campaign_id", "stream_id", "destination_id", "source_id", "network_id", "link_id")
_OF_CONVERSIONS = ("status", "event_type", "upsell", "repeated", "landing")
COST_FILTERS = tuple(name for name in FILTERS if name not in _OF_CONVERSIONS)
"""What a click can be chosen by whose cost is corrected: the others tell of conversions and of pages."""
MOST_PARTS = 20_000
"""A month of hours for 27 ways through a campaign; more are refused rather than made coarser unseen."""


class Place(NamedTuple):
    """Where a part of a correction stands in reports."""

    at_us: int
    ids: tuple[int, ...]
    subs: tuple[tuple[int, str], ...]
    utm: tuple[tuple[str, str], ...]
    click_id: str


class Clicks(NamedTuple):
    """Alike clicks at one place: how many, and what they cost by currency in their own words."""

    place: Place
    clicks: int
    costs: Mapping[str, int]


Amounts = dict[tuple[Place, str], int]
"""(place, currency) → what is added there, in micro-units."""


def by_click(question: Question) -> Query:
    """Every click by itself, at most one more than MOST_PARTS."""
    found = rows(question, "clicks")
    columns = f"{', '.join(_IDS)}, subs, utm, id as click_id, toUnixTimestamp64Micro(at) as at_us"
    sql = (
        f"select {columns}, 1 as clicks, map(currency, cost) as costs {found.sql} "
        "order by at, id limit {limit:UInt32}"
    )
    return Query(sql, found.parameters | {"limit": MOST_PARTS + 1})


def by_hour(question: Question, *, fine: bool) -> Query:
    """Alike clicks of an hour together. `fine`: alike in all sub-ids and utm values, too."""
    found = rows(question, "clicks")
    named = [each.dimension for each in question.filters]
    facts = [name for name in named if click_facts(DIMENSIONS[name].clicks)]
    groups = ["toStartOfHour(at, {timezone:String})", *_IDS, *(DIMENSIONS[name].clicks for name in facts)]
    if fine:
        groups += ["subs", "utm"]
        shown = "subs, utm"
    else:
        subs = [name for name in named if name[3:].isdigit()]
        utm = [name for name in named if name.startswith("utm_")]
        groups += [DIMENSIONS[name].clicks for name in (*subs, *utm)]
        numbers = _map("UInt8", [(name[3:], f"any(subs[{name[3:]}])") for name in subs])
        shown = f"{numbers} as subs_of, {_map('String', [_utm(name) for name in utm])} as utm_of"
    click = "any(id)" if facts else "''"
    sql = (
        f"select {', '.join(_IDS)}, {shown}, {click} as click_id, toUnixTimestamp64Micro(min(at)) as at_us, "
        f"count() as clicks, sumMap(map(currency, cost)) as costs {found.sql} "
        f"group by {', '.join(groups)} order by at_us, {', '.join(_IDS)} limit {{limit:UInt32}}"
    )
    return Query(sql, found.parameters | {"timezone": question.timezone, "limit": MOST_PARTS + 1})


def _map(key: str, values: Sequence[tuple[str, str]]) -> str:
    """A map from keys to expressions, of which there may be none."""
    pairs = ", ".join(f"{name}, {sql}" for name, sql in values)
    return f"CAST(map({pairs}), 'Map({key}, String)')"


def _utm(name: str) -> tuple[str, str]:
    return f"'{name}'", f"any(utm['{name}'])"


def corrections(question: Question) -> Query:
    """What the clicks cost beside their own words: earlier corrections, and what conversions cost."""
    found = rows(question, "adjustments")
    columns = f"{', '.join(_IDS)}, subs, utm, click_id, currency"
    sql = (
        f"select {columns}, toUnixTimestamp64Micro(at) as at_us, sum(cost) as changed {found.sql} "
        f"group by at, {columns} having changed != 0 order by at_us limit {{limit:UInt32}}"
    )
    return Query(sql, found.parameters | {"limit": 3 * MOST_PARTS + 1})


def arrived(orders: Iterable[CostOrder]) -> Query:
    """How many parts of each order reports know."""
    them = list(orders)
    within = f"id in {{ids:Array(String)}} and {PERIOD}"
    sql = f"select id, count() as parts from cost_adjustments where {within} group by id"  # noqa: S608  our words
    from_us, to_us = min(each.from_us for each in them), max(each.to_us for each in them)
    return Query(sql, {"ids": [each.id for each in them], "from_us": from_us, "to_us": to_us})


def clicks_in(answer: Sequence[Mapping[str, Any]]) -> list[Clicks]:
    """What `by_click` and `by_hour` answer."""
    return [
        Clicks(_place(row), int(row["clicks"]), {unit: int(cost) for unit, cost in row["costs"].items()})
        for row in answer
    ]


def corrected(answer: Sequence[Mapping[str, Any]]) -> Amounts:
    """What `corrections` answers."""
    return {(_place(row), str(row["currency"])): int(row["changed"]) for row in answer}


def _place(row: Mapping[str, Any]) -> Place:
    subs: Mapping[str | int, str] = row["subs"] if "subs" in row else row["subs_of"]
    utm: Mapping[str, str] = row["utm"] if "utm" in row else row["utm_of"]
    return Place(
        int(row["at_us"]),
        tuple(int(row[name]) for name in _IDS),
        tuple(sorted((int(number), text) for number, text in subs.items() if text)),
        tuple(sorted((name, text) for name, text in utm.items() if text)),
        str(row["click_id"]),
    )


def shares(amount: int, clicks: Sequence[Clicks]) -> Iterator[tuple[Clicks, int]]:
    """`amount` among all clicks, to the micro-unit: the shares add up to it exactly."""
    whole = sum(each.clicks for each in clicks)
    before = given = 0
    for each in clicks:
        before += each.clicks
        until = amount * before // whole
        yield each, until - given
        given = until


def added(amount: int, currency: str, clicks: Sequence[Clicks]) -> Amounts:
    """So much more (or less) for all of them together."""
    found: Amounts = {}
    for each, share in shares(amount, clicks):
        _add(found, each.place, currency, share)
    return found


def replaced(amount: int, currency: str, clicks: Sequence[Clicks], known: Amounts) -> Amounts:
    """So much for all of them together, in place of their own words and of what is `known` beside these."""
    found = added(amount, currency, clicks)
    for each in clicks:
        for unit, cost in each.costs.items():
            _add(found, each.place, unit, -cost)
    for (place, unit), cost in known.items():
        _add(found, place, unit, -cost)
    return found


def _add(found: Amounts, place: Place, currency: str, amount: int) -> None:
    found[place, currency] = found.get((place, currency), 0) + amount


def parts(order: CostOrder, amounts: Amounts) -> list[CostAdjustment]:
    """The rows of a correction."""
    return [
        CostAdjustment(
            v=1,
            id=order.id,
            at_us=place.at_us,
            known_us=order.known_us,
            **dict(zip(_IDS, place.ids, strict=True)),
            cost=amount,
            currency=currency,
            author=order.author,
            note=order.note,
            subs=dict(place.subs),
            utm=dict(place.utm),
            click_id=place.click_id,
        )
        for (place, currency), amount in amounts.items()
        if amount
    ]
