"""Amounts as networks write them: never read as a hundred or a thousand times what they are."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution import amounts
from appliance.attribution.amounts import SYMBOLS, Amount, currency, read
from appliance.attribution.normalize import Wrong
from appliance.model.money import MICRO


def micro(text: str) -> int:
    return int(Decimal(text) * MICRO)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # What has always been read
        ("0", "0"), ("1", "1"), ("12.50", "12.5"), ("0.0000019", "0.000001"), ("999999999", "999999999"),
        ("1234.5", "1234.5"), ("007", "7"), ("1.5", "1.5"), ("0.123", "0.123"), ("1234.567", "1234.567"),
        # Both marks: the last one is the decimal mark
        ("1,234.56", "1234.56"), ("1.234,56", "1234.56"), ("12,345,678.9", "12345678.9"),
        ("12.345.678,9", "12345678.9"), ("1,234.567", "1234.567"), ("1.234,567", "1234.567"),
        # One mark twice: thousands
        ("1,234,567", "1234567"), ("1.234.567", "1234567"), ("12,34,567.50", "1234567.5"),
        ("1,23,456", "123456"),
        # One comma that cannot be a thousands mark
        ("1,5", "1.5"), ("12,50", "12.5"), ("0,123", "0.123"), ("1234,567", "1234.567"), (",5", "0.5"),
        (".5", "0.5"), ("1,2345", "1.2345"),
        # Spaces and apostrophes are thousands marks and nothing else
        ("1 234,56", "1234.56"), ("1 234.56", "1234.56"), ("1 234", "1234"), ("1 234 567,8", "1234567.8"),
        ("1\u00a0234,56", "1234.56"), ("1\u202f234,56", "1234.56"), ("1'234.56", "1234.56"),
        ("1’234.56", "1234.56"), ("1 234,567", "1234.567"),
        # Below zero, above it
        ("-1", "-1"), ("-0", "0"), ("−12.50", "-12.5"), ("+3", "3"), ("- 5", "-5"), ("-1.234,56", "-1234.56"),
    ],
)  # fmt: skip
def test_every_notation_is_read_exactly(text: str, value: str) -> None:
    amount = read(text)
    assert amount == Amount(micro(value))


@pytest.mark.parametrize(
    ("text", "value", "units"),
    [
        ("USD 12", "12", ("USD",)), ("12 USD", "12", ("USD",)), ("12usd", "12", ("USD",)),
        ("eur 1.234,50", "1234.5", ("EUR",)), ("12 €", "12", ("EUR",)), ("€12.50", "12.5", ("EUR",)),
        ("R$ 1.234,56", "1234.56", ("BRL",)), ("US$5", "5", ("USD",)), ("-$5", "-5", SYMBOLS["$"]),
        ("$-5", "-5", SYMBOLS["$"]), ("- $ 5", "-5", SYMBOLS["$"]), ("12,50 zł", "12.5", ("PLN",)),
        ("1 234,56 ₽", "1234.56", ("RUB",)), ("USD -3", "-3", ("USD",)),
    ],
)  # fmt: skip
def test_a_currency_may_stand_before_or_after(text: str, value: str, units: tuple[str, ...]) -> None:
    assert read(text) == Amount(micro(value), units)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,234", "may be thousands or not"), ("123,456", "may be thousands or not"),
        ("-1,234", "may be thousands or not"), ("USD 1,234", "may be thousands or not"),
        ("1.234 €", "may be thousands or not"), ("USD 1.234", "may be thousands or not"),
        ("1e3", "exponent"), ("1.5E-7", "exponent"), ("-2e+10", "exponent"),
        ("1234567890", "below 1,000,000,000"), ("1,234,567,890", "below 1,000,000,000"),
        ("1.", "expected"), (".", "expected"), (",", "expected"), ("-", "expected"), ("1,23.4", "expected"),
        ("12,34,56", "expected"), ("1.23.456", "expected"), ("12 34", "expected"), ("1..5", "expected"),
        ("1 234,5,6", "expected"), ("0 123", "expected"), ("--5", "expected"), ("-$-5", "expected"),
        ("USD 5 EUR", "expected"), ("5 dollars", "expected"), ("50%", "expected"), ("NaN", "expected"),
        ("inf", "expected"), ("0x10", "expected"), ("٣", "expected"), ("１２", "expected"),
        ("1 234'567", "expected"), ("12 {payout}", "expected"), ("9" * 70, "expected"), ("5\x00", "expected"),
    ],
)  # fmt: skip
def test_what_is_no_amount_or_may_be_two_is_refused_with_a_reason(text: str, reason: str) -> None:
    wrong = read(text)
    assert isinstance(wrong, Wrong), wrong
    assert wrong.reason.startswith("payout: ")
    assert reason in wrong.reason


def test_no_text_is_no_amount() -> None:
    assert read("") is None


def test_a_point_before_three_digits_is_a_decimal_mark_and_says_so() -> None:
    assert read("1.234") == Amount(1_234_000, (), "payout: 1.234 is read as a decimal number")
    assert read("1.234", ".") == Amount(1_234_000)
    assert read("0.234") == Amount(234_000)
    assert read("-1.234") == Amount(-1_234_000, (), "payout: -1.234 is read as a decimal number")


@pytest.mark.parametrize(
    ("text", "notation", "value"),
    [
        ("1,234", ".", "1234"), ("1,234", ",", "1.234"), ("1.234", ",", "1234"), ("1.234", ".", "1.234"),
        ("1.234,5", ",", "1234.5"), ("1,234.5", ".", "1234.5"), ("12.50", ".", "12.5"),
        ("12,50", ",", "12.5"),
        ("1 234,5", ",", "1234.5"), ("5073", "cents", "50.73"), ("-5073", "cents", "-50.73"),
        ("BRL 7", "cents", "0.07"), ("7", ",", "7"),
    ],
)  # fmt: skip
def test_a_templates_notation_decides(text: str, notation: str, value: str) -> None:
    amount = read(text, notation)
    assert isinstance(amount, Amount)
    assert amount.value == micro(value)


@pytest.mark.parametrize(
    ("text", "notation"), [("12,50", "."), ("12.50", ","), ("50.73", "cents"), ("1,5", ".")]
)
def test_what_contradicts_the_notation_is_refused(text: str, notation: str) -> None:
    assert isinstance(read(text, notation), Wrong)


@pytest.mark.parametrize(
    ("text", "named", "usual", "unit"),
    [
        ("12", "", "USD", ""), ("12", "EUR", "USD", "EUR"), ("12 EUR", "", "USD", "EUR"),
        ("12 EUR", "EUR", "USD", "EUR"), ("$12", "", "CAD", "CAD"), ("$12", "", "EUR", "USD"),
        ("$12", "AUD", "USD", "AUD"), ("€12", "", "USD", "EUR"),
    ],
)  # fmt: skip
def test_the_currency_is_what_is_named_beside_the_amount_or_in_it(
    text: str, named: str, usual: str, unit: str
) -> None:
    amount = read(text)
    assert isinstance(amount, Amount)
    assert currency(amount, named, usual) == unit


def test_two_currencies_of_one_amount_are_refused() -> None:
    amount = read("€12")
    assert isinstance(amount, Amount)
    assert currency(amount, "USD", "EUR") == Wrong("currency: USD, but the payout says EUR")


NUMBERS = st.decimals(min_value=-999_999_999, max_value=999_999_999, places=2)
MARKS = st.sampled_from([(",", "."), (".", ","), (" ", ","), (" ", "."), ("\u00a0", ","), ("'", ".")])


@given(NUMBERS, MARKS, st.sampled_from(["{}", "USD {}", "{} €", "${}", "{}eur"]))
def test_what_a_network_writes_with_two_decimals_is_what_it_meant(
    number: Decimal, marks: tuple[str, str], around: str
) -> None:
    group, decimal = marks
    text = f"{number:,.2f}".replace(",", "\x00").replace(".", decimal).replace("\x00", group)
    amount = read(around.format(text))
    assert isinstance(amount, Amount)
    assert amount.value == micro(str(number))


@given(st.integers(0, 999_999_999), MARKS)
def test_whole_numbers_in_groups_are_read_or_refused_and_never_a_thousandth(
    number: int, marks: tuple[str, str]
) -> None:
    amount = read(f"{number:,}".replace(",", marks[0]))
    if isinstance(amount, Wrong):
        assert marks[0] == "," and 1_000 <= number < 1_000_000
    else:
        assert amount is not None
        assert amount.value == number * MICRO or (amount.note and marks[0] == ".")


@given(st.decimals(min_value=0, max_value=99_999, places=6), st.sampled_from([".", ","]))
def test_the_notation_makes_every_number_of_decimals_certain(number: Decimal, mark: str) -> None:
    amount = read(f"{number:f}".replace(".", mark), mark)
    assert amount == Amount(micro(str(number)))


@given(st.text(max_size=40) | st.from_regex(r"[-+$€ ]{0,3}[\d., ']{1,16}[A-Z€ ]{0,4}", fullmatch=True))
def test_no_text_raises_and_what_is_read_has_its_own_digits(text: str) -> None:
    for notation in ("", ".", ",", "cents"):
        amount = read(text, notation)
        if isinstance(amount, Amount):
            own = "".join(each for each in text if each.isdigit()).strip("0")
            digits = str(abs(amount.value)).strip("0")
            assert own.startswith(digits) or digits == own
            assert set(amount.units) <= {*sum(SYMBOLS.values(), ()), text.strip()[:3].upper(), *_ends(text)}


def _ends(text: str) -> set[str]:
    kept = "".join(each for each in text if each.isalpha())
    return {kept.upper()[:3], kept.upper()[-3:]}


def test_a_symbol_names_currencies_by_their_codes() -> None:
    assert all(len(code) == 3 and code.isupper() for codes in amounts.SYMBOLS.values() for code in codes)
