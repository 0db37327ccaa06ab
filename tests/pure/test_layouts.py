"""Postbacks of Tonic, Crossroads and Sedo as interpreted events (reference: conversion-apis.md §5.7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.partners.interpreted import Interpreted, Totals, Unreadable, difference
from appliance.partners.layouts import LAYOUTS, laid_out

NOW_S = 1_738_415_000
NOW = NOW_S * 1_000_000
TONIC = {
    "subid1": "Mozilla/5.0 (iPhone)",
    "subid2": "123_|_120218982145500212_|_77_|_88_|_facebook_|_7c9e6679-7425",
    "subid3": "IwAR0abc",
    "subid4": "203.0.113.7_|_US_|_NewYork_|_New York_|_1738414800_|_Cars US",
    "timestamp": "1738414999",
    "revenue": "1.25",
    "kwp": "suv deals",
    "type": "click",
}
CROSSROADS = {
    "tg1": "Cars US", "tg2": "120218982145500212", "tg3": "7c9e6679-7425", "tg4": "203.0.113.7", "tg5": "77",
    "tg6": "88", "tg7": "facebook-US-NewYork-New York", "tg8": "Mozilla/5.0", "tg9": "123-1738414800",
    "tg10": "IwAR0abc", "kwp": "suv deals", "src": "fbk", "eventType": "Purchase", "value": "1.25",
}  # fmt: skip
SEDO = {
    "sub1": "IwAR0abc|7c9e6679-7425|fb|203.0.113.7|US", "sub2": "120218982145500212|77|88|123",
    "sub3": "Cars US|1738414800|NewYork|New York", "revenue": "1.25", "domain": "cars.example", "txid": "9",
    "kwp": "suv deals",
}  # fmt: skip
OF = {"tonic": TONIC, "crossroads": CROSSROADS, "sedo": SEDO}


def made(layout, **changed) -> Interpreted:
    found = laid_out(layout, {**OF[layout], **changed}, NOW)
    assert isinstance(found, Interpreted), found
    return found


def test_every_layout_has_its_sample():
    assert set(OF) == set(LAYOUTS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_postback_is_read_whole(layout):
    it = made(layout)
    assert (it.network, it.key) == (layout, "7c9e6679-7425-suv deals")
    assert (it.pixel_id, it.campaign_id, it.adset_id, it.ad_id) == ("123", "120218982145500212", "77", "88")
    assert (it.traffic_source, it.ad_click_id, it.address) == ("facebook", "IwAR0abc", "203.0.113.7")
    assert (it.country, it.region, it.city, it.campaign_name) == ("US", "NewYork", "New York", "Cars US")
    assert (it.conversions, it.revenue, it.click_at_us) == (1, 1_250_000, 1_738_414_800_000_000)


@pytest.mark.parametrize("name", ["revenue", "kwp", "subid3"])
def test_tonics_unexpanded_macros_are_empty(name):
    it = made("tonic", **{name: "{revenue}"})
    assert {"revenue": it.revenue, "kwp": it.keyword, "subid3": it.ad_click_id}[name] in (0, "")


@pytest.mark.parametrize(("type_", "conversions"), [("click", 1), ("view", 0), ("estimated_revenue_5h", 1)])
def test_tonics_types(type_, conversions):
    assert made("tonic", type=type_).conversions == conversions


def test_tonics_later_revenue_replaces_and_does_not_add():
    totals = Totals()
    reported = []
    for type_, revenue in [("view", ""), ("click", "{revenue}"), ("preestimated_revenue", "0.8"),
                           ("estimated_revenue", "1.1"), ("estimated_revenue_5h", "1.1")]:  # fmt: skip
        change = difference(totals, made("tonic", type=type_, revenue=revenue))
        if change is not None:
            totals = change.totals
            reported.append((change.conversions, change.revenue))
    assert sum(count for count, _ in reported) == 1
    assert sum(revenue for _, revenue in reported) == 1_100_000


def test_tonics_garbage_ids_are_no_ids():
    it = made("tonic", subid2="{dgianma}_|_abc_|_7x_|_88_|_facebook_|_s1")
    assert (it.pixel_id, it.campaign_id, it.adset_id, it.ad_id) == ("", "", "", "88")


@pytest.mark.parametrize("name", ["tg2", "tg5", "tg6"])
def test_a_crossroads_id_that_is_no_number_makes_its_source_unknown(name):
    it = made("crossroads", **{name: "abc"})
    assert it.traffic_source == "unknown"
    assert "Unknown" in (it.campaign_id, it.adset_id, it.ad_id)


@pytest.mark.parametrize("session", ["", "a b", "x;y", "{session}"])
def test_a_crossroads_session_has_a_shape(session):
    assert isinstance(laid_out("crossroads", {**CROSSROADS, "tg3": session}, NOW), Unreadable)


@pytest.mark.parametrize(
    ("tg9", "pixel", "at_us"),
    [
        ("123-1738414800", "123", 1_738_414_800_000_000),
        ("123-1738414800123", "123", 1_738_414_800_000_000),
        ("123-never", "123", NOW),
        ("123", "123", NOW),
    ],
)
def test_crossroads_time_else_the_requests(tg9, pixel, at_us):
    it = made("crossroads", tg9=tg9)
    assert (it.pixel_id, it.click_at_us) == (pixel, at_us)


def test_crossroads_of_taboola_brings_a_time_alone():
    it = made("crossroads", tg7="taboola", tg9="1738414800")
    assert (it.pixel_id, it.click_at_us, it.country) == ("", 1_738_414_800_000_000, "")


def test_crossroads_other_events_are_no_conversions():
    assert made("crossroads", eventType="PageView").conversions == 0


@pytest.mark.parametrize(("word", "source"), [("fb", "facebook"), ("tt", "tiktok"), ("xx", "xx")])
def test_sedos_sources(word, source):
    assert made("sedo", sub1=f"c|s|{word}|1.2.3.4|US").traffic_source == source


def test_a_sedo_click_of_more_than_two_days_ago_is_dated_by_its_arrival():
    late = NOW_S - 2 * 86_400 - 1
    assert made("sedo", sub3=f"n|{late}|r|c").click_at_us == NOW
    assert made("sedo", sub3=f"n|{late + 1}|r|c").click_at_us == (late + 1) * 1_000_000


@given(
    st.sampled_from(LAYOUTS),
    st.dictionaries(st.sampled_from([*TONIC, *CROSSROADS, *SEDO]), st.text(max_size=60)),
)
def test_whatever_comes_is_an_event_or_says_why_not(layout, params):
    found = laid_out(layout, params, NOW)
    assert isinstance(found, Interpreted) or found.reason
