"""Texts of a postback → currency and one of our statuses. Each refusal says what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from appliance.model import money

Status = Literal["sale", "lead", "hold", "rejected", "trash", "refund", "chargeback"]

_WORDS: Mapping[Status, str] = {
    "sale": "sale sales approved approve confirmed confirm paid 1 accepted accept success successful "
    "completed complete valid purchase deposit ftd converted conversion ok rebill upsell",
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

STATUSES: Mapping[str, Status] = {status: status for status in _WORDS}
_TYPES = {"rebill": "rebill", "upsell": "upsell"}
"""A word that says both: money again, and what for. A type that the postback names goes before."""


class Wrong(NamedTuple):
    """A value that cannot be used, and why."""

    reason: str


class Reading(NamedTuple):
    """A status, whether its word was known, and the type of conversion that the word names too."""

    status: Status
    known: bool
    event_type: str = ""


def currency(text: str) -> str | Wrong:
    """An ISO 4217 code in capitals; "" for no text."""
    plain = text.strip()
    if not plain:
        return ""
    code = money.currency(plain)
    return Wrong("currency: expected an ISO 4217 code such as USD") if code is None else code


@lru_cache(maxsize=1024)
def _folded(words: tuple[tuple[str, str], ...]) -> dict[str, Status]:
    """A network's words as they are looked for; the first of two that differ in case."""
    return {word.casefold(): STATUSES[ours] for word, ours in reversed(words) if ours in STATUSES}


def status(text: str, lists: Mapping[str, str] = {}, words: Mapping[str, str] = {}) -> Reading:
    """A network's word in any case → one of ours. No word means sale, as TraffoFlex's `approved` default.

    First the `lists` that came with the postback (our status → words with commas), then the network's own
    `words` (word → our status), then ours.
    """
    if not text:
        return Reading("sale", True)
    word = text.casefold()
    for ours, listed in lists.items():
        if ours in STATUSES and word in (each.strip() for each in listed.casefold().split(",")):
            return Reading(STATUSES[ours], True)
    found = _folded(tuple(words.items())).get(word) if words else None
    found = found or WORDS.get(word)
    return Reading("hold", False) if found is None else Reading(found, True, _TYPES.get(word, ""))
