"""What ad platforms are told of a click: their ids, consent, the page; carried to its conversion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.recent import RecentClicks, take
from appliance.model.events import ClickEvent, encode
from appliance.partners.roster import PLATFORMS
from appliance.routing.landings import carried
from appliance.routing.platform_clicks import IDS, LONGEST_CONSENT, click_ids, observed, told
from appliance.routing.visit import Visit, read_query
from tests.pure.tables import KEY
from tests.pure.test_landings import BORN, decided, shop
from tests.records import click


def of(query: str, signals: dict[str, str] | None = None, gpc: bool = False) -> dict[str, str]:
    visit = Visit("c", "shoes", query, read_query(query))
    visit.host = "track.example"
    visit.signals = signals or {}
    visit.headers = {b"sec-gpc": b"1"} if gpc else {}
    return dict(click_ids(visit))


PAGE = "https://track.example/c/shoes"


@pytest.mark.parametrize(
    ("query", "then"),
    [
        ("", {}),
        ("sub1=fbclid&consent=granted&gclid=", {}),
        ("fbclid=IwAR_x.Y", {"fbclid": "IwAR_x.Y", "page": PAGE}),
        ("ttclid=E.C.P.x&gclid=G&sub1=a", {"ttclid": "E.C.P.x", "gclid": "G", "page": PAGE}),
        ("wbraid=W&gbraid=B", {"wbraid": "W", "gbraid": "B", "page": PAGE}),
        ("FBCLID=x", {}),
        ("fbclid=" + "x" * 513, {}),
        ("fbclid=x&gdpr=1&gdpr_consent=CPx&us_privacy=1YNN&gpp=D&gpp_sid=7&consent=G111",
         {"fbclid": "x", "gdpr": "1", "gdpr_consent": "CPx", "us_privacy": "1YNN", "gpp": "D",
          "gpp_sid": "7", "consent": "G111", "page": PAGE}),
    ],
)  # fmt: skip
def test_ids_and_consent_are_taken_from_the_query(query: str, then: dict[str, str]) -> None:
    assert of(query) == then


def test_a_long_consent_string_keeps_its_beginning() -> None:
    assert of("fbclid=x&gdpr_consent=" + "C" * 4_000)["gdpr_consent"] == "C" * LONGEST_CONSENT


def test_the_page_speaks_before_the_link() -> None:
    signals = {"consent": "denied", "page": "https://land.example/a?email=me%40x.yz#top"}
    found = of("fbclid=x&consent=granted", signals, gpc=True)
    assert found == {"fbclid": "x", "consent": "denied", "gpc": "1", "page": "https://land.example/a"}


def test_every_platform_s_parameter_is_known() -> None:
    assert {name for each in PLATFORMS.values() for name in each.click_parameters} <= IDS


def test_the_country_is_recorded_beside_an_id_only() -> None:
    visit = Visit("c", "shoes", "", {})
    visit.click_ids = {"fbclid": "x"}
    assert told(visit, {"country": "DE"}) == {"fbclid": "x", "country": "DE"}
    assert told(visit, {}) == {"fbclid": "x"}


def test_only_platforms_cookies_are_observed() -> None:
    assert observed({"_fbp": "fb.1.2.3", "weir_lp": "x", "_ttp": ""}) == {"_fbp": "fb.1.2.3"}


def test_what_a_source_had_not_filled_in_is_no_id() -> None:
    decision = decided(shop(), "fbclid={{fbclid}}&ttclid=T")
    found = carried(KEY, [decision.landing], "", BORN)
    assert found is not None and "fbclid" not in found.click_ids


def test_the_exits_of_a_landing_page_keep_the_ids() -> None:
    decision = decided(shop(), "fbclid=F&sub1=" + "x" * 500)
    found = carried(KEY, [decision.landing], "", BORN)
    assert found is not None
    assert found.click_ids["fbclid"] == "F" and found.source_click_id == "F"


NAMES = st.sampled_from([*sorted(IDS), "consent", "page"])


@given(st.dictionaries(NAMES, st.text(min_size=1, max_size=9)), st.text(max_size=9))
def test_a_conversion_s_recent_click_has_them_as_they_were(ids: dict[str, str], source: str) -> None:
    event = click(1, click_ids=ids, source_click_id=source)
    taken = take([(1, encode(event))])
    clicks = RecentClicks(10)
    clicks.put(taken.clicks)
    found = clicks.get(event.id)
    assert found is not None and (found.click_ids, found.currency) == (ids or {}, event.currency)
    assert isinstance(event, ClickEvent)
