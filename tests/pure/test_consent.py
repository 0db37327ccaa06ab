"""What a visitor allowed: signals in their order, countries where there is none."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.partners import consent
from appliance.partners.consent import Defaults, consent_of
from appliance.partners.report import Consent


def tcf(*purposes: int, version: int = 2) -> str:
    """The core of a TCF string with these consents; 176 bits and some."""
    bits = version << (216 - 6)
    for purpose in purposes:
        bits |= 1 << (216 - 152 - purpose)
    return base64.urlsafe_b64encode(bits.to_bytes(27)).decode().rstrip("=")


ALL, MEASURED, NOTHING = tcf(1, 2, 3, 4, 5, 7), tcf(1, 7), tcf()


@pytest.mark.parametrize(
    ("signals", "country", "then"),
    [
        ({}, "US", "granted"),
        ({}, "", "granted"),
        ({}, "DE", "limited"),
        ({}, "no", "limited"),
        ({}, "GB", "limited"),
        ({}, "uk", "limited"),
        ({}, "CH", "limited"),
        ({"consent": "granted"}, "DE", "granted"),
        ({"consent": " YES "}, "DE", "granted"),
        ({"consent": "denied"}, "US", "denied"),
        ({"consent": "0"}, "US", "denied"),
        ({"consent": "ldu"}, "US", "limited"),
        ({"consent": "what?"}, "DE", "limited"),
        ({"consent": "G111"}, "DE", "granted"),
        ({"consent": "G100"}, "US", "denied"),
        ({"consent": "G1-1"}, "DE", "limited"),
        ({"consent": ALL}, "DE", "granted"),
        ({"gdpr": "1", "gdpr_consent": ALL}, "DE", "granted"),
        ({"gdpr_consent": MEASURED}, "US", "limited"),
        ({"gdpr": "1", "gdpr_consent": NOTHING}, "US", "denied"),
        ({"gdpr": "1", "gdpr_consent": f"{ALL}.YAAAAAAAAAAA"}, "DE", "granted"),
        ({"gdpr": "1", "gdpr_consent": "torn"}, "DE", "limited"),
        ({"gdpr": "0"}, "DE", "granted"),
        ({"consent": "granted", "gdpr_consent": NOTHING}, "DE", "granted"),
        ({"us_privacy": "1YYN"}, "US", "limited"),
        ({"us_privacy": "1YNN"}, "US", "granted"),
        ({"us_privacy": "1---"}, "US", "granted"),
        ({"gpc": "1"}, "US", "limited"),
        ({"gpc": "1", "us_privacy": "1YNN"}, "US", "limited"),
        ({"gpc": "1", "consent": "granted"}, "US", "granted"),
        ({"gpc": "0"}, "US", "granted"),
    ],
)
def test_signals_and_countries(signals: dict[str, str], country: str, then: Consent) -> None:
    assert consent_of(signals, country, Defaults()) == then


def test_what_holds_without_a_signal_is_configured() -> None:
    strict = Defaults(limited=("US",), denied=("EEA", "US"), elsewhere="limited")
    assert [strict.of(code) for code in ("DE", "US", "BR", "")] == ["denied", "denied", "limited", "limited"]


def test_another_version_of_tcf_says_nothing() -> None:
    assert consent.tcf(tcf(1, 3, 4, 7, version=1)) is None


@given(st.text(max_size=200))
def test_no_signal_is_too_strange(text: str) -> None:
    for name in ("consent", "gdpr", "gdpr_consent", "us_privacy", "gpc"):
        assert consent_of({name: text}, text, Defaults()) in ("granted", "limited", "denied")
