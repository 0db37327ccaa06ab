"""What is measured: sums that the warehouse makes, and formulas over them. docs/reference/reports.md is held
to this catalogue by a test.

Money is exact: sums are micro-units, formulas are fractions, and what is answered is a decimal number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from appliance.model.money import MICRO, amount
from appliance.reporting import formulas
from appliance.reporting.formulas import Formula


class Metric(NamedTuple):
    """`formula` "" is a sum of the warehouse's own. `digits` are those after the point of a formula's result.

    `money` is nothing for a caller who may not see money; `dear` is answered only when it is asked for.
    """

    text: str
    formula: str = ""
    digits: int = 6
    money: bool = False
    dear: bool = False


METRICS: dict[str, Metric] = {
    "clicks": Metric("clicks that count: no HEAD, no prefetch, no bots where the settings say so"),
    "unique_clicks": Metric(
        "among them, how many differ in campaign, cut address (/24, /48) or user agent", dear=True
    ),
    "trafficbacks": Metric("among them, how many went to a trafficback", dear=True),
    "lp_views": Metric(
        "how often visitors were sent to a landing page with exits, from another one too", dear=True
    ),
    "lp_clicks": Metric("clicks that led out of a landing page, through one of its exits", dear=True),
    "conversions": Metric("conversions that are neither rejected nor trash"),
    "sales": Metric("conversions whose latest status is sale", dear=True),
    "leads": Metric("conversions whose latest status is lead", dear=True),
    "holds": Metric("conversions whose latest status is hold", dear=True),
    "rejected": Metric("conversions whose latest status is rejected", dear=True),
    "trash": Metric("conversions whose latest status is trash", dear=True),
    "refunds": Metric("conversions whose latest status is refund, wholly or in part", dear=True),
    "chargebacks": Metric("conversions whose latest status is chargeback, wholly or in part", dear=True),
    "revenue": Metric("payouts of sales and leads, in the report's currency", money=True),
    "hold_revenue": Metric("payouts of conversions on hold, in the report's currency", money=True),
    "cost": Metric("cost of counted clicks plus corrections, in the report's currency", money=True),
    "profit": Metric("what is left", "revenue - cost", money=True),
    "roi": Metric("return on investment, percent", "(revenue - cost) / cost * 100", 4, money=True),
    "cr": Metric("conversion rate, percent", "conversions / clicks * 100", 4),
    "lp_ctr": Metric("click rate of landing pages, percent", "lp_clicks / lp_views * 100", 4, dear=True),
    "epc": Metric("earnings per click", "revenue / clicks", money=True),
    "uepc": Metric("earnings per unique click", "revenue / unique_clicks", money=True, dear=True),
    "cpc": Metric("cost per click", "cost / clicks", money=True),
    "cpa": Metric("cost per conversion", "cost / conversions", money=True),
    "ar": Metric(
        "approval rate, percent",
        "sales / (sales + leads + holds + rejected + trash + refunds + chargebacks) * 100",
        4,
        dear=True,
    ),
}

SUMS: tuple[str, ...] = tuple(name for name, metric in METRICS.items() if not metric.formula)
"""What the warehouse adds up."""
MONEY = frozenset(name for name in SUMS if METRICS[name].money)
"""Sums in micro-units of the report's currency."""
USUAL: tuple[str, ...] = tuple(name for name, metric in METRICS.items() if not metric.dear)
"""What is answered when no metric is named: all that one look at each table gives."""
STATUSES = {
    "sales": "sale", "leads": "lead", "holds": "hold", "rejected": "rejected", "trash": "trash",
    "refunds": "refund", "chargebacks": "chargeback",
}  # fmt: skip
"""Sum → the status that it counts."""
_FORMULAS: dict[str, Formula] = {
    name: formulas.parse(metric.formula, SUMS) for name, metric in METRICS.items() if metric.formula
}


def custom(text: str) -> Formula:
    """A caller's own metric, over all of METRICS. Raises ValueError saying what is wrong."""
    return formulas.put(formulas.parse(text, tuple(METRICS)), _FORMULAS)


def formula(name: str, customs: Mapping[str, Formula]) -> Formula:
    """A metric as a formula over SUMS."""
    return customs.get(name) or _FORMULAS.get(name) or formulas.Name(name)


def needed(metrics: Iterable[str], customs: Mapping[str, Formula]) -> set[str]:
    """The sums that these metrics are made of."""
    return {sum_ for name in metrics for sum_ in formulas.names(formula(name, customs))}


def is_money(name: str, customs: Mapping[str, Formula]) -> bool:
    """Whether a metric tells anything of money."""
    return bool(formulas.names(formula(name, customs)) & MONEY)


def line(
    sums: Mapping[str, Any], metrics: Iterable[str], customs: Mapping[str, Formula], sees_money: bool
) -> dict[str, int | Decimal | None]:
    """The metrics of one line, from its sums: counts are ints, money and ratios exact decimals or None."""
    found: dict[str, int | Decimal | None] = {}
    exact: dict[str, Fraction] = {}
    for name in metrics:
        made = formula(name, customs)
        if not sees_money and is_money(name, customs):
            found[name] = None
        elif isinstance(made, formulas.Name):
            number = int(sums[made.name])
            found[name] = amount(number) if made.name in MONEY else number
        else:
            exact = exact or {
                each: Fraction(int(sums[each]), MICRO if each in MONEY else 1)
                for each in SUMS
                if each in sums
            }
            result = formulas.value(made, exact)
            digits = METRICS[name].digits if name in METRICS else 6
            found[name] = None if result is None else decimal(result, digits)
    return found


def decimal(exact: Fraction, digits: int) -> Decimal:
    """The fraction rounded half to even to so many digits, and no zeros at its end."""
    scaled = round(exact * 10**digits)
    while digits and scaled % 10 == 0:
        scaled //= 10
        digits -= 1
    sign, magnitude = int(scaled < 0), str(abs(scaled))
    return Decimal((sign, tuple(map(int, magnitude)), -digits))


def unconverted(amounts: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, Decimal]]:
    """{currency: (cost, revenue)} in micro-units → what is shown beside a report but not added to it."""
    return {
        currency: {"cost": amount(cost), "revenue": amount(revenue)}
        for currency, (cost, revenue) in sorted(amounts.items())
        if cost or revenue
    }
