"""Money is an integer of micro-units (1 USD = 1,000,000) beside an ISO 4217 currency. Never a float."""

from __future__ import annotations

import re
from decimal import Decimal

MICRO = 1_000_000
NOTATIONS = (".", ",", "cents")
"""How a network's amounts can be written: the decimal mark, or that they are whole hundredths."""
# Nine digits before the point keep every sum of 9 x 10^3 such amounts inside a signed 64-bit integer.
_AMOUNT = re.compile(r"(-?)(\d{1,9})(?:\.(\d{1,18}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def micro(text: str) -> int | None:
    """`"1.5"` → 1_500_000; what is finer than a micro-unit is cut off. None when it is no plain amount."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction = match.groups()
    value = int(whole) * MICRO + int(((fraction or "") + "000000")[:6])
    return -value if sign else value


def currency(text: str) -> str | None:
    """An ISO code in capitals, or None. Only the shape is checked: new codes appear without our release."""
    upper = text.upper()
    return upper if _CURRENCY.fullmatch(upper) else None


def amount(value: int) -> Decimal:
    """Micro-units as the exact decimal number people read: 1_500_000 → 1.5."""
    exact = Decimal(value) / MICRO
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()


_MINOR = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS = {code: digits for digits, codes in _MINOR.items() for code in codes.split()}


def minor_digits(code: str) -> int:
    """Digits after the point that a currency has (ISO 4217): USD 2, JPY 0, KWD 3."""
    return _DIGITS.get(code, 2)
