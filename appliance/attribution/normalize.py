"""Texts of a postback → money, currency and one of our statuses. Each refusal says what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from appliance.model import money

Status = Literal["sale", "lead", "hold", "rejected", "trash", "refund", "chargeback"]

_WORDS: Mapping[Status, str] = {
    "sale": "sale sales approved approve confirmed confirm paid 1 accepted accept success successful "
    "completed complete valid purchase deposit ftd converted conversion ok",
    "lead": "lead leads registration registered register reg signup sign_up sign-up install installed "
    "subscribe subscribed",
    "hold": "hold onhold on_hold on-hold pending wait waiting processing in_progress review unconfirmed "
    "preapproved pre_approved",
    "rejected": "rejected reject declined decline cancelled canceled cancel refused refuse denied invalid "
    "failed expired void voided reversed",
    "refund": "refund refunded",
    "chargeback": "chargeback charge_back charged_back chargedback",
    "trash": "trash fraud spam duplicate dupe double test",
}
# Numbers other than 1 are left out on purpose: 2 is "rejected" in Keitaro's transform, elsewhere "hold".
WORDS: Mapping[str, Status] = {word: status for status, words in _WORDS.items() for word in words.split()}
"""Networks' status words in lower case → ours. A word that is not here is `hold`: counted, not yet money."""


class Wrong(NamedTuple):
    """A value that cannot be used, and why."""

    reason: str


class Reading(NamedTuple):
    """A status and whether its word was known."""

    status: Status
    known: bool


def payout(text: str) -> int | Wrong | None:
    """A plain decimal amount in micro-units; None for no text. Negative amounts are refused.

    Money is taken back by a status (`rejected`), never by a negative payout: a sum of differences could
    not tell that from a second, negative sale.
    """
    if not text:
        return None
    value = money.micro(text)
    if value is None:
        return Wrong("payout: expected a plain decimal number such as 12.50")
    if value < 0 or text.startswith("-"):
        return Wrong("payout: negative; send the status rejected to take money back")
    return value


def currency(text: str) -> str | Wrong:
    """An ISO 4217 code in capitals; "" for no text."""
    if not text:
        return ""
    code = money.currency(text)
    return Wrong("currency: expected an ISO 4217 code such as USD") if code is None else code


def status(text: str) -> Reading:
    """A network's word in any case → one of ours. No word means sale, as TraffoFlex's `approved` default."""
    if not text:
        return Reading("sale", True)
    found = WORDS.get(text.casefold())
    return Reading("hold", False) if found is None else Reading(found, True)
