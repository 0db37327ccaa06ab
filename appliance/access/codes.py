"""One-time codes: when there may be one, and which one fits. Pure.

Somebody who guesses has ATTEMPTS tries per code and PER_DAY codes a day for one mail address: 50 in a
million a day, while the address's owner gets ten mails he did not ask for.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import msgspec

from appliance.model.identity import Code

DIGITS = 6
LIFE_US = 10 * 60 * 1_000_000
ATTEMPTS = 5
PER_HOUR = 5
PER_DAY = 10
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
STRANGERS_PER_HOUR = 60
"""Codes for addresses without a user, all together: Weir shall not be anybody's way to send mail."""
MOST_WAITING = 200
"""Users in pending_approval; further strangers wait until an administrator has looked at these."""


def digest(key: bytes, email: str, code: str) -> str:
    return hmac.new(key, f"{email}\n{code}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def alive(codes: Sequence[Code], now_us: int) -> Code | None:
    """The code of an address that may still be used."""
    for code in codes:
        if not code.spent and code.attempts < ATTEMPTS and code.issued_us <= now_us < code.expires_us:
            return code
    return None


def wait_us(codes: Sequence[Code], now_us: int) -> int:
    """How long an address has to wait for its next code; 0 when it may have one now."""
    present = alive(codes, now_us)
    if present is not None:
        return present.expires_us - now_us
    ages = sorted(now_us - code.issued_us for code in codes)
    bounds = ((PER_HOUR, HOUR_US), (PER_DAY, DAY_US))
    return max(0, *(span - ages[most - 1] for most, span in bounds if len(ages) >= most), 0)


def fits(code: Code, wanted: str) -> bool:
    """Whether `wanted` is the code's digest; takes the same time for every other one."""
    return hmac.compare_digest(code.digest.encode(), wanted.encode())


def missed(code: Code) -> Code:
    """After a wrong guess."""
    return msgspec.structs.replace(code, attempts=code.attempts + 1)


def spent(code: Code) -> Code:
    return msgspec.structs.replace(code, spent=True)
