"""What every report must say, from what was sent, and its comparison with what Weir says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.rig import Weir, wait_for
from tests.smoke.shop import Shop
from tests.smoke.traffic import Click, Sale

MONEY = ("revenue", "cost", "profit")


@dataclass
class Sums:
    """What a line of a report is made of; money by currency."""

    clicks: int = 0
    conversions: int = 0
    cost: Counter[str] = field(default_factory=Counter)
    revenue: Counter[str] = field(default_factory=Counter)


def expected(
    clicks: list[Click], sales: list[Sale], key: Callable[[Click], tuple[int, ...]]
) -> dict[tuple[int, ...], Sums]:
    """Sums by group, from what was sent."""
    groups: dict[tuple[int, ...], Sums] = defaultdict(Sums)
    for click in clicks:
        if click.counted:
            sums = groups[key(click)]
            sums.clicks += 1
            sums.cost[click.currency] += click.cost  # type: ignore[assignment]
    for sale in sales:
        sums = groups[key(sale.click)]
        sums.conversions += sale.count
        sums.revenue[sale.money[0]] += sale.money[1]  # type: ignore[assignment]
    return groups


def as_line(sums: Sums, currency: str) -> dict[str, Any]:
    """A report's line, exact."""
    cost, revenue = Fraction(sums.cost[currency]), Fraction(sums.revenue[currency])
    profit = revenue - cost
    others = {
        unit: {"cost": Fraction(sums.cost[unit]), "revenue": Fraction(sums.revenue[unit])}
        for unit in sorted({*sums.cost, *sums.revenue} - {currency})
        if sums.cost[unit] or sums.revenue[unit]
    }
    return {
        "clicks": sums.clicks, "conversions": sums.conversions,
        "revenue": revenue, "cost": cost, "profit": profit,
        "roi": round(profit / cost * 100, 4) if cost else None,
        "cr": round(Fraction(sums.conversions * 100, sums.clicks), 4) if sums.clicks else None,
        "epc": round(revenue / sums.clicks, 6) if sums.clicks else None,
        "unconverted": others,
    }  # fmt: skip


def exact(value: Any) -> Any:
    """Numbers of a decoded answer as fractions of what its text said."""
    if isinstance(value, dict):
        return {name: exact(each) for name, each in value.items()}
    return Fraction(str(value)) if isinstance(value, float | int) else value


@dataclass
class Comparison:
    """Counts the figures that were compared, prints those that differ."""

    figures: int = 0
    wrong: int = 0

    def line(self, where: str, want: Mapping[str, Any], got: Mapping[str, Any]) -> None:
        for name, value in want.items():
            self.figures += 1
            if exact(value) != exact(got.get(name)):
                self.wrong += 1
                print(f"DIFFERENT {where} {name}: expected {value}, got {got.get(name)}", flush=True)

    def table(self, where: str, want: dict[tuple[int, ...], dict[str, Any]], answer: dict[str, Any]) -> None:
        groups = answer["group_by"]
        got = {tuple(item[name] for name in groups): item for item in answer["items"]}
        self.line(where, {"groups": sorted(want), "total": len(want)},
                  {"groups": sorted(got), "total": answer["total"]})  # fmt: skip
        for key, line in want.items():
            self.line(f"{where} {key}", line, got.get(key, {}))


def compare(weir: Weir, shop: Shop, clicks: list[Click], sales: list[Sale]) -> Comparison:
    """Every report in every grouping, in the default currency and in euros."""
    keys: dict[str, Callable[[Click], int]] = {
        "campaign": lambda click: shop.campaigns[click.campaign],
        "stream": lambda click: shop.streams.get(click.stream, 0),
        "destination": lambda click: shop.destinations.get(click.destination, 0),
        "source": lambda click: shop.sources.get(click.source, 0),
    }
    found = Comparison()
    for currency in ("USD", "EUR"):
        asked = {} if currency == "USD" else {"currency": currency}
        whole = as_line(expected(clicks, sales, lambda click: ())[()], currency)
        found.line(f"overview {currency}", whole, weir.call("reports.overview", asked))
        for groups in (["campaign"], ["stream"], ["destination"], ["source"], ["campaign", "destination"]):
            sums = expected(clicks, sales, lambda click, groups=groups: tuple(keys[g](click) for g in groups))
            answer = weir.call("reports.query", {**asked, "group_by": groups, "limit": 1000})
            lines = {key: as_line(each, currency) for key, each in sums.items()}
            found.table(f"by {'+'.join(groups)} {currency}", lines, answer)
            found.line(f"totals by {'+'.join(groups)} {currency}", whole, answer["totals"])
    for name, number in shop.campaigns.items():
        mine = [click for click in clicks if click.campaign == name]
        own = [sale for sale in sales if sale.click.campaign == name]
        line = as_line(expected(mine, own, lambda click: ())[()], "USD")
        found.line(f"overview of {name}", line, weir.call("reports.overview", {"campaign_id": number}))
    return found


def wait_for_reports(weir: Weir, clicks: list[Click], sales: list[Sale]) -> None:
    """Until the overview has as many as were sent, or a minute has passed: `compare` says what is missing."""
    whole = as_line(expected(clicks, sales, lambda click: ())[()], "USD")

    def there() -> bool:
        got = weir.call("reports.overview")
        return all(exact(got[name]) == exact(whole[name]) for name in ("clicks", "conversions", *MONEY))

    try:
        wait_for("the figures", there, seconds=60)
    except AssertionError:
        print("the reports did not become what they should within a minute", flush=True)
