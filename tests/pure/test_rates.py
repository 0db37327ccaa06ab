"""Rates of currencies: which one holds on a day, and what conversions make of it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from appliance.attribution import revisions, status
from appliance.attribution.claim import Statement
from appliance.attribution.rates import Exchange, Rate, Rates, day_of, times
from appliance.model.conversions import ClickFacts, Stamp

DAY_US = 86_400_000_000
KNOWN = Rates(
    [
        Rate("2026-11-01", "EUR", "USD", "1.25"),
        Rate("2026-11-10", "EUR", "USD", "1.5"),
        Rate("2026-11-10", "EUR", "GBP", "0.75"),
        Rate("2026-11-12", "USD", "EUR", "0.5"),
    ]
)


@pytest.mark.parametrize(
    ("day", "base", "quote", "expected"),
    [
        ("2026-11-01", "EUR", "USD", "1.25"),
        ("2026-11-09", "EUR", "USD", "1.25"),
        ("2026-11-10", "EUR", "USD", "1.5"),
        ("2026-11-12", "EUR", "USD", "2"),  # the way back was entered later
        ("2026-11-11", "USD", "EUR", "2/3"),
        ("2026-11-11", "USD", "GBP", "1/2"),  # by way of EUR
        ("2026-11-09", "USD", "GBP", ""),  # half of the way is none
        ("2026-10-31", "EUR", "USD", ""),
        ("2026-12-11", "EUR", "GBP", "0.75"),
        ("2026-12-12", "EUR", "GBP", ""),  # 31 days are the longest that one holds
        ("2026-11-11", "EUR", "JPY", ""),
    ],
)
def test_the_rate_of_a_day_is_the_newest_before_it(day: str, base: str, quote: str, expected: str) -> None:
    assert KNOWN.find(day, base, quote) == expected


def test_an_amount_is_rounded_half_to_even_to_a_micro_unit() -> None:
    assert [times(5, "0.5"), times(3, "0.5"), times(10**15, "1/3")] == [2, 2, 333_333_333_333_333]


def test_a_rate_is_looked_up_once_and_kept_even_when_there_was_none() -> None:
    exchange = Exchange({}, KNOWN.find)
    assert exchange.convert(100, "2026-11-11", "EUR", "USD") == 150
    assert exchange.convert(100, "2026-11-11", "EUR", "JPY") is None
    later = Exchange(exchange.used, lambda *asked: "9")
    assert later.convert(100, "2026-11-11", "EUR", "USD") == 150
    assert later.convert(100, "2026-11-11", "EUR", "JPY") is None


def test_a_moment_that_no_calendar_has_has_the_last_day() -> None:
    assert (day_of(0), day_of(1 << 62)) == ("1970-01-01", "9999-12-31")


def said(at: int, payout: int, currency: str, word: str = "sale") -> Statement:
    stamp: Stamp = (at, 0, 0, at)
    return Statement(
        conversion_id="k", network_id=1, click_id="c", transaction_id="t", event_type="", status=word,
        original_status=word, payout=payout, currency=currency, fallback="USD", stamp=stamp,
    )  # type: ignore[arg-type]  # fmt: skip


def test_a_conversion_counts_in_its_campaigns_currency_and_keeps_the_networks_word() -> None:
    at = 20_768 * DAY_US  # 2026-11-11
    begun = status.begin(
        said(at, 100, "EUR"), ClickFacts(id="c", at_us=1), 9, status.Circumstances("USD", None, KNOWN.find)
    )
    it = begun.conversion
    assert (it.payout, it.currency, it.rate) == (150, "USD", "1.5")
    assert (it.original_payout, it.original_currency) == (100, "EUR")
    back = status.advance(it, said(at + 1, 40, "EUR", "refund"), 9, KNOWN.find)
    assert revisions.figures(back.conversion) == (1, 90, 0)
    (record,) = revisions.records(it, begun.changes)
    assert (record.revenue, record.original_payout, record.original_currency, record.rate) == (
        150, 100, "EUR", "1.5"
    )  # fmt: skip


def test_without_a_rate_it_counts_in_its_own_currency_until_it_is_told_anew() -> None:
    at = 20_768 * DAY_US
    begun = status.begin(
        said(at, 100, "EUR"), ClickFacts(id="c", at_us=1), 9, status.Circumstances("JPY", None, KNOWN.find)
    ).conversion
    assert (begun.payout, begun.currency, begun.rate) == (100, "EUR", "")
    more = Rates([Rate("2026-11-11", "EUR", "JPY", "160")]).find
    again = status.advance(begun, said(at + 1, 200, "EUR"), 9, more).conversion
    assert (again.payout, again.currency) == (200, "EUR")
    anew = status.retell(again, [said(at, 100, "EUR")], 9, more)
    assert (anew.conversion.payout, anew.conversion.currency) == (16_000, "JPY")
    assert Fraction(anew.conversion.rate) == 160
