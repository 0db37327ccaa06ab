"""What a visitor allowed, from what his click said of it and, where it said nothing, from his country.

The signals are those that pages and sources put into a click: a word, IAB TCF 2 (`gdpr`, `gdpr_consent`),
Google's consent mode (`G111`), IAB US Privacy (`us_privacy`) and Global Privacy Control (`gpc`). GPP strings
are kept with the click and not read yet.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from appliance.partners.report import Consent

_EEA = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IS IT LV LI LT LU MT NL NO PL PT RO SK SI ES SE"
EEA = frozenset(_EEA.split())
"""The European Union with Iceland, Liechtenstein and Norway."""
GROUPS: Mapping[str, frozenset[str]] = {"EEA": EEA}
"""Names that stand for several countries."""

_SAID: Mapping[Consent, str] = {
    "granted": "granted grant yes true 1 allow allowed accept accepted all",
    "limited": "limited ldu opt_out optout opt-out gpc necessary",
    "denied": "denied deny no false 0 none reject rejected refused",
}
_WORDS: Mapping[str, Consent] = {each: found for found, said in _SAID.items() for each in said.split()}
_MODES: Mapping[str, Consent] = {"1": "granted", "0": "denied"}
"""The third character of Google's consent mode: storage for advertising."""
_SALES: Mapping[str, Consent] = {"Y": "limited", "N": "granted"}
_STORE, _CREATE_PROFILE, _USE_PROFILE, _MEASURE = 1, 3, 4, 7
"""Purposes of TCF 2: store information on a device, profiles for advertising, their use, measuring ads."""
_PURPOSES_AT = 152
"""Bit at which the consents to the purposes begin."""


class Defaults(Struct, frozen=True, kw_only=True):
    """What holds for a country without any signal; `elsewhere` for those not named, and for an unknown one.
    Codes are ISO 3166-1 alpha-2 in capitals, or EEA."""

    limited: tuple[str, ...] = ("EEA", "GB", "CH")
    denied: tuple[str, ...] = ()
    elsewhere: Consent = "granted"

    def of(self, country: str) -> Consent:
        """`denied` wins where a country is in both."""
        code = country.strip().upper()
        if code == "UK":
            code = "GB"
        if code in countries(self.denied):
            return "denied"
        return "limited" if code in countries(self.limited) else self.elsewhere

    @property
    def least(self) -> Consent:
        """What holds where nothing at all is known."""
        if self.denied or self.elsewhere == "denied":
            return "denied"
        return "limited" if self.limited else self.elsewhere


@cache
def countries(codes: tuple[str, ...]) -> frozenset[str]:
    """Codes with the groups among them taken apart."""
    return frozenset(each for code in codes for each in GROUPS.get(code, (code,)))


def consent_of(signals: Mapping[str, str], country: str, defaults: Defaults) -> Consent:
    """What may be done with an event. What the page says comes first, then TCF, then what the visitor's
    browser or state law says, then the country. A signal that nobody can read is none."""
    if not signals:
        return defaults.of(country)
    found = word(signals.get("consent", "")) or _european(signals)
    if found:
        return found
    if signals.get("gpc", "").strip() in ("1", "true"):
        return "limited"
    return _american(signals.get("us_privacy", "")) or defaults.of(country)


def word(text: str) -> Consent | None:
    """One of the words, a consent mode of Google's, or a TCF string."""
    plain = text.strip()
    if found := _WORDS.get(plain.lower()):
        return found
    if len(plain) == 4 and plain.startswith("G1") and set(plain[2:]) <= {"0", "1", "-"}:
        return _MODES.get(plain[2])
    return tcf(plain)


def tcf(text: str) -> Consent | None:
    """By the purposes of a TCF 2 string: granted with storing, profiles and measuring; limited with storing
    and measuring; else denied. None for what is no such string."""
    core = text.strip().partition(".")[0]
    if not 30 <= len(core) <= 4_096:
        return None
    try:
        raw = base64.b64decode(core + "=" * (-len(core) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    bits = int.from_bytes(raw)
    length = 8 * len(raw)
    if length < _PURPOSES_AT + 24 or bits >> (length - 6) != 2:
        return None
    given = {
        purpose
        for purpose in (_STORE, _CREATE_PROFILE, _USE_PROFILE, _MEASURE)
        if bits >> (length - _PURPOSES_AT - purpose) & 1
    }
    if len(given) == 4:
        return "granted"
    return "limited" if {_STORE, _MEASURE} <= given else "denied"


def _european(signals: Mapping[str, str]) -> Consent | None:
    found = tcf(signals.get("gdpr_consent", ""))
    if found is None and signals.get("gdpr", "").strip() == "0":
        return "granted"
    return found


def _american(text: str) -> Consent | None:
    """`1YNN`: the third character says whether he opted out of the sale of his data."""
    plain = text.strip().upper()
    if len(plain) != 4 or plain[0] != "1":
        return None
    return _SALES.get(plain[2])
