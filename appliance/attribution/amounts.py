"""Amounts of money as networks write them: 1,234.56, 1.234,56 and 1 234,56, USD 12 and 12 €, and below zero.

Never a guess between a decimal mark and a thousands mark: what can be both is refused, and the template's
`notation` says which it is. One exception, because it has always been read so: 1.234 alone is one and 234
thousandths, with a note. docs/reference/networks.md has the rules; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from appliance.attribution.normalize import Wrong
from appliance.model import money

SYMBOLS: Mapping[str, tuple[str, ...]] = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP"),
    "US$": ("USD",), "CA$": ("CAD",), "C$": ("CAD",), "A$": ("AUD",), "AU$": ("AUD",), "NZ$": ("NZD",),
    "S$": ("SGD",), "HK$": ("HKD",), "MX$": ("MXN",), "R$": ("BRL",), "€": ("EUR",), "£": ("GBP", "EGP"),
    "¥": ("JPY", "CNY"), "₽": ("RUB",), "₴": ("UAH",), "₹": ("INR",), "₺": ("TRY",), "₸": ("KZT",),
    "₫": ("VND",), "₩": ("KRW",), "₪": ("ILS",), "₱": ("PHP",), "฿": ("THB",), "₦": ("NGN",),
    "zł": ("PLN",), "Kč": ("CZK",),
}  # fmt: skip
"""Symbol → the currencies it may stand for; the first where nothing else tells."""

LONGEST = 64
_UNIT = "|".join([*(re.escape(it) for it in sorted(SYMBOLS, key=len, reverse=True)), "[A-Za-z]{3}"])
_AMOUNT = re.compile(
    rf"([+-]?) ?(?:({_UNIT}) ?)?([+-]?) ?([\d.,](?:[\d., '’]*\d)?)(?: ?({_UNIT}))?", re.ASCII
)
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_MINUS = str.maketrans({"−": "-", "–": "-", "’": "'"})
_EXPONENT = re.compile(r"[+-]?[\d.,]+e[+-]?\d+", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([,. '])\d{3})(?:\1\d{3})*|[1-9]\d?(?:,\d\d)+,\d{3}", re.ASCII)
"""1,234,567, and the Indian 12,34,567. No number in groups begins with 0."""
_EXPECTED = "payout: expected an amount such as 12.50, 1,234.50 or 12.50 USD"


class Amount(NamedTuple):
    """Micro-units, the currencies that stood beside it (the likeliest first, () for none), and a note."""

    value: int
    units: tuple[str, ...] = ()
    note: str = ""


def read(text: str, notation: str = "") -> Amount | Wrong | None:
    """An amount in any notation; None for no text. `notation` is one of money.NOTATIONS, or ""."""
    if not text:
        return None
    if not notation and (usual := money.micro(text)) is not None:
        return Amount(usual, (), _note(text))
    if len(text) > LONGEST:
        return Wrong(_EXPECTED)
    if _EXPONENT.fullmatch(text):
        return Wrong("payout: written with an exponent; expected 12.50")
    match = _AMOUNT.fullmatch(_SPACES.sub(" ", text.translate(_MINUS)).strip())
    if match is None:
        return Wrong(_EXPECTED)
    sign, before, inner, number, after = match.groups()
    if (sign and inner) or (before and after):
        return Wrong(_EXPECTED)
    plain = _plain(number, notation, has_unit=bool(before or after))
    if isinstance(plain, Wrong):
        return plain
    value = money.micro(plain)
    if value is None:
        return Wrong("payout: expected an amount below 1,000,000,000")
    if notation == "cents":
        value //= 100
    unit = before or after or ""
    units = SYMBOLS.get(unit) or ((unit.upper(),) if unit else ())
    note = "" if notation else _note(number)
    return Amount(-value if "-" in (sign, inner) else value, units, note)


def currency(amount: Amount | None, named: str, usual: str) -> str | Wrong:
    """The currency of what was sent: `named` beside it, or in it; "" where neither says. `usual` is the one
    that counts where nobody says, and decides what $ stands for."""
    units = amount.units if amount is not None else ()
    if not units:
        return named
    if not named:
        return usual if usual in units else units[0]
    return named if named in units else Wrong(f"currency: {named}, but the payout says {units[0]}")


def _plain(number: str, notation: str, *, has_unit: bool) -> str | Wrong:
    """The digits with a point at most."""
    if notation == "cents":
        return number if number.isdigit() else Wrong("payout: expected whole cents, as the template says")
    spaced = next((mark for mark in " '" if mark in number), "")
    if notation in (".", ","):
        decimal, mark = notation, spaced or {".": ",", ",": "."}[notation]
    elif spaced:
        decimal, mark = ("," if "," in number else "."), spaced
    elif "." in number and "," in number:
        decimal, mark = (".", ",") if number.rindex(".") > number.rindex(",") else (",", ".")
    elif number.count(".") > 1 or number.count(",") > 1:
        decimal, mark = "", ("." if "." in number else ",")
    else:
        decimal, mark = (".", "") if "." in number else (",", "")
        if (decimal == "," or has_unit) and _is_grouped(number):
            return Wrong(f"payout: {number} may be thousands or not; the template's notation says which")
    whole, point, fraction = number.partition(decimal) if decimal else (number, "", "")
    if point and not fraction.isdigit():
        return Wrong(_EXPECTED)
    if mark and mark in whole:
        if not _is_grouped(whole):
            return Wrong(_EXPECTED)
        whole = whole.replace(mark, "")
    if not (whole.isdigit() if whole else point):
        return Wrong(_EXPECTED)
    return f"{whole or '0'}.{fraction}" if point else whole


def _is_grouped(whole: str) -> bool:
    """Whether the marks in it can be thousands marks."""
    return _GROUPED.fullmatch(whole) is not None


def _note(number: str) -> str:
    """Of 1.234, which elsewhere is written for a thousand and more."""
    if number[-4:-3] != "." or number.count(".") > 1 or not _is_grouped(number.lstrip("-")):
        return ""
    return f"payout: {number} is read as a decimal number"
