"""Vectors of Meta's page "Customer information parameters", and the cases of its parameter builder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import PlatformName
from appliance.partners import cookies, identity
from appliance.partners.report import Identity, Report
from appliance.partners.roster import PLATFORMS

META_PHONE = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
"""Of `(650)555-1212` in the USA, on Meta's page."""
REPORT: dict[str, Any] = {
    "event_name": "Purchase",
    "event_id": "e1",
    "at_us": 1_790_000_000_000_000,
    "click_at_us": 1_790_000_000_000_000,
}
HASHES: list[tuple[Callable[[str], str], str, str]] = [
    (
        identity.email,
        "John_Smith@gmail.com",
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
    ),
    (identity.phone, "16505551212", META_PHONE),
    (identity.phone_in("US"), "(650)555-1212", META_PHONE),
    (identity.e164, "16505551212", "1e231c66011e7a2d867a9cfae267a6aff103cf4913640b6e71a99850fc0ffbc8"),
    (identity.e164, "+1 800-555-0100", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    (identity.phone, "+44 844 412 4653", "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"),
    (identity.name, "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    (identity.name, "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    (identity.name, "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    (identity.gender, "m", "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"),
    (identity.gender, "f", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"),
    (identity.country, "us", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    (identity.state, "ca", "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"),
    (identity.city, "newyork", "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5"),
]


@pytest.mark.parametrize(("normalise", "given_", "hash_"), HASHES)
def test_the_platforms_own_vectors(normalise: Callable[[str], str], given_: str, hash_: str) -> None:
    assert identity.hashed([given_], normalise) == [hash_]


CASES: list[tuple[Callable[[str], str], str, str]] = [
    (identity.email, "     John_Smith@gmail.com    ", "john_smith@gmail.com"),
    (identity.email, "\tTEST@EXAMPLE.COM\n", "test@example.com"),
    (identity.email, "user.name+tag@domain.co.uk", "user.name+tag@domain.co.uk"),
    *((identity.email, bad, "") for bad in (
        "a", "a@b", "@b.c", "a..b@c.de", "a b@c.de", ".a@b.de", "a.@b.de", "", "   ", "a@b..de", "a@-b.de",
    )),
    (identity.google_email, "Jefferson.Loves.hiking@gmail.com", "jeffersonloveshiking@gmail.com"),
    (identity.google_email, "J.L@googlemail.com", "jl@googlemail.com"),
    (identity.google_email, "j.l@example.com", "j.l@example.com"),
    (identity.phone, "+1 (616) 954-78 88", "16169547888"),
    (identity.phone, "1(650)123-4567", "16501234567"),
    (identity.phone, "01(650)123-4567", "16501234567"),
    (identity.phone, "+001 (616) 954-78 88", "16169547888"),
    (identity.phone, "+44 20 7946 0958", "442079460958"),
    (identity.phone, "4792813113", "4792813113"),
    (identity.phone, " +A BCD EFG ", ""),
    (identity.e164, "1 800 555 0100", "+18005550100"),
    (identity.e164, "+44-113-496-0987", "+441134960987"),
    (identity.e164, "18005550100", "+18005550100"),
    (identity.e164, " +A BCD EFG ", ""),
    (identity.e164, "none", ""),
    (identity.name, "  John   Smith  ", "johnsmith"),
    (identity.name, "O'Connor", "oconnor"),
    (identity.name, "Smith-Jones", "smithjones"),
    (identity.birth_date, "2/16/1997", "19970216"),
    (identity.birth_date, "16–2–1997", "19970216"),
    (identity.birth_date, "1997-02-16", "19970216"),
    (identity.birth_date, "1990|12|31", "19901231"),
    (identity.birth_date, "1990_12.31", "19901231"),
    (identity.birth_date, "05-03-1995", "19950503"),
    (identity.birth_date, "19901231", "19901231"),
    *((identity.birth_date, bad, "") for bad in ("13/13/1990", "1/1/1799", "1/1/19999", "soon", "", "0a")),
    *((identity.gender, word, "m") for word in ("Male", "Boy", "M", " mr ")),
    *((identity.gender, word, "f") for word in ("Girl", "        Woman         ", "F")),
    (identity.gender, "other", ""),
    (identity.gender, "", ""),
    (identity.city, "Menlo Park", "menlopark"),
    (identity.city, "    Menlo-Park  ", "menlopark"),
    (identity.city, "St. Louis", "stlouis"),
    (identity.city, "O'Fallon", "ofallon"),
    (identity.city, "123", ""),
    (identity.state, "    California.   ", "ca"),
    (identity.state, "C/a/lifo,rnia.", "ca"),
    (identity.state, "CA", "ca"),
    (identity.state, "New-York", "ny"),
    (identity.state, "North   Carolina", "nc"),
    (identity.state, "Ontario", "on"),
    (identity.state, "  TE", "te"),
    (identity.state, "123", ""),
    (identity.postal_code, "37221-3312", "37221"),
    (identity.postal_code, "    37221", "37221"),
    (identity.postal_code, "K1A0A6", "k1a0a6"),
    (identity.postal_code, "SW1A 1AA", "sw1a1aa"),
    (identity.postal_code, "1", ""),
    *((identity.country, text, "us") for text in ("United States", "USA", "       US       ")),
    (identity.country, "United Kingdom", "gb"),
    (identity.country, "South-Korea", "kr"),
    (identity.country, "New Zealand", "nz"),
    (identity.country, "123", ""),
    *((identity.country, text, "") for text in ("XX", " zz ", "T1", "a1", "A2", "O1", "EU", "AP")),
    (identity.country, "XK", "xk"),
    (identity.external_id, "UsEr-Id-456", "user-id-456"),
    (identity.external_id, "  a b ", "ab"),
]  # fmt: skip


@pytest.mark.parametrize(("normalise", "text", "plain"), CASES)
def test_what_is_hashed(normalise: Callable[[str], str], text: str, plain: str) -> None:
    assert normalise(text) == plain


@pytest.mark.parametrize(
    ("country", "text", "digits"),
    [
        # Meta's own vector: its hash is e323ec…3176.
        ("US", "(650)555-1212", "16505551212"),
        ("CA", "650 555 1212", "16505551212"),
        ("us", "1(650)123-4567", "16501234567"),
        ("US", "+47 92 81 31 13", "4792813113"),
        ("US", "0047 92813113", "4792813113"),
        ("US", "150 555 1212", "1505551212"),  # no area begins with a 1
        ("", "(650)555-1212", "6505551212"),
        ("FR", "(650)555-1212", "6505551212"),
        # Nobody's country code begins with a 0: it stands for the visitor's own.
        ("DE", "0171 1234567", "491711234567"),
        ("GB", "020 7946 0958", "442079460958"),
        ("GB", "0044 20 7946 0958", "442079460958"),
        ("JP", "090-1234-5678", "819012345678"),
        ("US", "01(650)123-4567", "16501234567"),
        # There it belongs to the number, or is not dialled at all: what it would be nobody knows.
        ("IT", "06 1234 5678", "612345678"),
        ("ES", "612 345 678", "612345678"),
        ("nowhere", "0171 1234567", "1711234567"),
    ],
)
def test_a_phone_without_its_country_is_of_the_visitors(country: str, text: str, digits: str) -> None:
    assert identity.phone(text, country) == digits
    assert identity.hashed([text], identity.phone_in(country)) == [identity.digest(digits)]
    assert identity.hashed([text], identity.e164_in(country)) == [identity.digest(f"+{digits}")]


@pytest.mark.parametrize("platform", ["meta", "tiktok", "google", "snapchat", "pinterest", "microsoft"])
def test_every_platform_hashes_the_phone_of_the_visitors_country(platform: PlatformName) -> None:
    who = Identity(phones=("(650)555-1212",), country="US", address="198.51.100.7", user_agent="x")
    body = PLATFORMS[platform].encode(Report(identity=who, **REPORT))
    plus = platform in ("tiktok", "google")
    vector = "1e231c66011e7a2d867a9cfae267a6aff103cf4913640b6e71a99850fc0ffbc8" if plus else META_PHONE
    assert vector.encode() in body


def test_a_year_is_not_in_the_future() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert identity.birth_date("1/1/2027", now) == "20270101"
    assert identity.birth_date("1/1/2028", now) == ""


def test_what_is_hashed_already_passes_and_the_same_is_said_once() -> None:
    known = identity.digest("a@x.com")
    assert identity.hashed([f"  {known.upper()} ", "a@x.com", "A@x.com", "nobody"], identity.email) == [known]


@given(st.text(max_size=200))
def test_nothing_is_sent_as_it_was(text: str) -> None:
    for normalise in {case[0] for case in CASES}:
        for each in identity.hashed([text], normalise):
            assert len(each) == 64
            assert set(each) <= set("0123456789abcdef")


def test_the_click_of_an_ad() -> None:
    assert cookies.fbc("123456", 1_700_000_000_000) == "fb.1.1700000000000.123456"
    assert cookies.fbc("AbC", 5, "fb.2.3.AbC") == "fb.2.3.AbC"
    assert cookies.fbc("AbC", 5, "fb.2.3.abc") == "fb.1.5.AbC"
    assert cookies.fbc("", 5, "fb.2.3.abc.AQ") == "fb.2.3.abc"
    assert cookies.fbc("", 5) == ""
    assert cookies.fbp("") == ""
    assert cookies.fbp("fb.1.1.2.Bg") == "fb.1.1.2"


@pytest.mark.parametrize(
    "text", ["fb.1.123", "xx.1.1.a", "fb.a.1.b", "fb.1.b.c", "fb.1.1.", "a.b.c.d.e.f", ""]
)
def test_what_is_no_cookie(text: str) -> None:
    assert cookies.read(text) is None
