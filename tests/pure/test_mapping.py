"""What a conversion or an interpreted event is to a pixel: tables of cases, and what holds for all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import AdAccount, EventRow, Network, Pixel
from appliance.model.conversions import NEVER, ClickFacts, Conversion
from appliance.model.deliveries import Delivery
from appliance.partners.announcing import Announcements, deadline
from appliance.partners.consent import Defaults
from appliance.partners.interpreted import Difference, Interpreted, Totals, difference
from appliance.partners.platform import DAY, MARGIN
from appliance.partners.report import Report
from appliance.partners.roster import PLATFORMS

NOW = 1_800_000_000_000_000
HOUR = 3_600_000_000
CLICK = NOW - 2 * HOUR
_report = msgspec.msgpack.Decoder(Report)


def click(**fields: Any) -> ClickFacts:
    ids = {"fbclid": "IwAR-Abc", "country": "US", "page": "https://shop.example/x"}
    return ClickFacts(
        **{"id": "click-1", "at_us": CLICK, "campaign_id": 4, "source_id": 2, "click_ids": ids, **fields}
    )


def conversion(**fields: Any) -> Conversion:
    found: dict[str, Any] = {
        "id": "c" * 32, "revision": 1, "network_id": 1, "transaction_id": "tx1", "event_type": "",
        "at_us": NOW, "known_us": NOW, "status": "sale", "original_status": "approved", "status_stamp": NEVER,
        "payout": 12_500_000, "payout_stamp": NEVER, "currency": "EUR", "currency_stamp": NEVER,
        "click": click(),
    }  # fmt: skip
    return Conversion(**{**found, **fields})


def announcements(*pixels: Pixel, platform: Any = "meta", **account: Any) -> Announcements:
    made = Announcements()
    made.configure(
        [AdAccount(id=1, platform=platform, **account)],
        pixels or [pixel()],
        [Network(id=1, slug="acme", name="Acme Ltd"), Network(id=2, slug="tonic")],
    )
    return made


def pixel(**fields: Any) -> Pixel:
    return Pixel(**{"id": 7, "ad_account_id": 1, "code": "px", **fields})


def told(deliveries: list[Delivery]) -> list[Report]:
    return [_report.decode(each.body) for each in deliveries]


def names(deliveries: list[Delivery]) -> list[str]:
    return [each.event_name for each in told(deliveries)]


def interpreted(**fields: Any) -> Interpreted:
    return Interpreted(
        **{
            "session_id": "s1", "keyword": "used boats", "network": "tonic", "traffic_source": "facebook",
            "pixel_id": "px", "click_at_us": CLICK, "ad_click_id": "IwAR-1", "country": "US",
            "category": "boats", "conversions": 2, "revenue": 3_000_001, "domain": "boats.example", **fields,
        }
    )  # fmt: skip


def news(event: Interpreted, before: Totals | None = None) -> Difference:
    found = difference(before or Totals(), event)
    assert found is not None
    return found


# Our own conversions


def test_a_sale_is_a_purchase_with_everything_there_is_to_say() -> None:
    (made,) = announcements().post(None, conversion(), NOW)
    assert made.target == "pixel:7"
    assert (made.conversion_id, made.revision, made.campaign_id) == ("c" * 32, 1, 4)
    assert made.deadline_us == NOW + 7 * DAY - MARGIN
    (report,) = told([made])
    assert report == Report(
        event_name="Purchase", event_id=report.event_id, at_us=NOW, click_at_us=CLICK,
        click_ids={"fbclid": "IwAR-Abc"}, value=12_500_000, currency="EUR", order_id="tx1",
        page_url="https://shop.example/x", click_id="click-1", country="US",
    )  # fmt: skip
    assert len(report.event_id) == 32


def test_a_lead_is_a_lead_and_then_a_purchase() -> None:
    lead, sale = conversion(status="lead"), conversion(revision=2)
    first, second = announcements().post(None, lead, NOW), announcements().post(lead, sale, NOW)
    assert (names(first), names(second)) == (["Lead"], ["Purchase"])
    assert first[0].id != second[0].id


@pytest.mark.parametrize(
    "later",
    [
        {"payout": 20_000_000},
        {"payout": 1},
        {"currency": "USD"},
        {"transaction_id": "tx2"},
        {"status": "rejected"},
        {"status": "refund"},
    ],
)
def test_a_revised_conversion_is_told_to_nobody_again(later: dict[str, Any]) -> None:
    assert announcements().post(conversion(), conversion(revision=2, **later), NOW) == []


def test_one_that_comes_back_is_the_delivery_that_was_stored_before() -> None:
    (first,) = announcements().post(None, conversion(), NOW)
    (again,) = announcements().post(conversion(revision=2, status="hold"), conversion(revision=3), NOW)
    assert again.id == first.id


@pytest.mark.parametrize(
    ("conditions", "changes", "then"),
    [
        ({}, {}, 1),
        ({"status": "paused"}, {}, 0),
        ({"archived": True}, {}, 0),
        ({}, {"status": "hold"}, 0),
        ({}, {"void": True}, 0),
        ({}, {"attributed": False}, 0),
        ({"statuses": ("lead",)}, {}, 0),
        ({"types": ("Deposit",)}, {}, 0),
        ({"types": ("Deposit",)}, {"event_type": "deposit"}, 1),
        ({"source_ids": (2,)}, {}, 1),
        ({"source_ids": (3,)}, {}, 0),
        ({"campaign_ids": (4, 5)}, {}, 1),
        ({"campaign_ids": (5,)}, {}, 0),
        ({"network_ids": (1,)}, {}, 1),
        ({"network_ids": (2,)}, {}, 0),
        # Without conditions: only the clicks of its own platform.
        ({}, {"click": click(click_ids={"ttclid": "E.C.P"})}, 0),
        ({"campaign_ids": (4,)}, {"click": click(click_ids={"ttclid": "E.C.P"})}, 1),
        ({"network_ids": (1,)}, {"click": click(click_ids={})}, 0),
    ],
)
def test_who_is_told(conditions: dict[str, Any], changes: dict[str, Any], then: int) -> None:
    assert len(announcements(pixel(**conditions)).post(None, conversion(**changes), NOW)) == then


def test_what_an_interpreted_event_says_is_not_said_by_a_conversion_too() -> None:
    for mapping, then in (((), []), ((EventRow(event_name="Own"),), ["Own"])):
        made = Announcements()
        made.configure(
            [AdAccount(id=1, platform="meta")],
            [pixel(mapping=mapping)],
            [Network(id=1, slug="t", layout="tonic")],
        )
        assert names(made.post(None, conversion(), NOW)) == then


def test_a_click_that_is_found_later_is_told_then() -> None:
    before = conversion(attributed=False, click=ClickFacts(id="click-1", at_us=0))
    assert names(announcements().post(before, conversion(revision=2), NOW)) == ["Purchase"]


def test_every_pixel_is_told_and_a_pixel_without_an_account_is_not() -> None:
    made = announcements(pixel(), pixel(id=8, code="other"), pixel(id=9, ad_account_id=5))
    assert [each.target for each in made.post(None, conversion(), NOW)] == ["pixel:7", "pixel:8"]
    ids = {each.event_id for each in told(made.post(None, conversion(), NOW))}
    assert len(ids) == 2


NAMED = [
    ("meta", "Purchase", "Lead"),
    ("tiktok", "CompletePayment", "SubmitForm"),
    ("google", "Purchase", ""),
    ("openai", "order_created", "lead_created"),
    ("microsoft", "Purchase", "Lead"),
    ("snapchat", "PURCHASE", "SIGN_UP"),
    ("pinterest", "checkout", "lead"),
    ("taboola", "Purchase", "Lead"),
    ("outbrain", "Purchase", "Lead"),
]


def test_every_platform_has_its_names() -> None:
    assert {name for name, _, _ in NAMED} == set(PLATFORMS)


@pytest.mark.parametrize(("platform", "sale", "lead"), NAMED)
def test_each_platform_has_its_own_names(platform: str, sale: str, lead: str) -> None:
    here = announcements(pixel(campaign_ids=(4,)), platform=platform)
    assert names(here.post(None, conversion(), NOW)) == [sale]
    assert names(here.post(None, conversion(status="lead"), NOW)) == ([lead] if lead else [])


def test_what_google_is_told_is_one_conversion() -> None:
    """Its requests have no event's name and a transaction once: a lead would take its sale's place."""
    clicked = click(click_ids={"gclid": "Cj0K"})
    first, sale = conversion(status="lead", click=clicked), conversion(revision=2, click=clicked)
    by_api = announcements(platform="google")
    assert names(by_api.post(None, first, NOW)) == []
    assert names(by_api.post(first, sale, NOW)) == ["Purchase"]
    # A file names each, and a pixel of its own is a conversion action of its own.
    assert names(announcements(platform="google", feed_hash="ab" * 32).post(None, first, NOW)) == ["Lead"]
    leads = pixel(mapping=(EventRow(event_name="Lead", statuses=("lead",)),))
    assert names(announcements(leads, platform="google").post(None, first, NOW)) == ["Lead"]


def test_a_table_of_ones_own() -> None:
    table = (
        EventRow(event_name="Deposit", network="Acme ltd", value="none", custom={"a": "{event_type:ftd=b}"}),
        EventRow(event_name="Purchase", statuses=("sale",), custom={"sub": "{sub1}", "content_name": "x"}),
        EventRow(event_name="Other", network="tonic"),
    )  # fmt: skip
    clicked = click(subs={1: ""})
    made = told(
        announcements(pixel(mapping=table)).post(None, conversion(event_type="ftd", click=clicked), NOW)
    )
    assert [(it.event_name, it.value, it.currency, it.custom) for it in made] == [
        ("Deposit", None, "", {"a": "b"}),
        ("Purchase", 12_500_000, "EUR", {"content_name": "x"}),
    ]


def test_who_did_not_consent_and_who_only_a_little() -> None:
    german = click(click_ids={"fbclid": "I", "country": "DE"})
    asked = click(click_ids={"fbclid": "I", "country": "DE", "consent": "granted"})
    refused = click(click_ids={"fbclid": "I", "country": "US", "consent": "denied"})
    found = [
        told(announcements().post(None, conversion(click=each), NOW))[0].consent
        for each in (german, asked, refused)
    ]
    assert found == ["limited", "granted", "denied"]
    strict = Announcements(Defaults(denied=("US",)))
    strict.configure([AdAccount(id=1, platform="meta")], [pixel()])
    assert told(strict.post(None, conversion(), NOW))[0].consent == "denied"


def test_a_platform_with_a_longer_window_has_a_later_deadline() -> None:
    clicked = click(click_ids={"gclid": "G"})
    (made,) = announcements(platform="google").post(None, conversion(click=clicked), NOW)
    assert made.deadline_us == NOW + 90 * DAY - MARGIN


# Interpreted events


@pytest.mark.parametrize(
    ("network", "counts", "then"),
    [
        ("tonic", {}, {"PageView": 1, "ViewContent": 1, "Purchase": 2}),
        ("sedo", {}, {"PageView": 1, "ViewContent": 1, "Purchase": 2}),
        ("crossroads", {"lander_visitors": 3, "lander_searches": 4},
         {"PageView": 3, "ViewContent": 4, "Purchase": 2}),
        ("crossroads", {"conversions": 0, "revenue": 0, "lander_visitors": 1}, {"PageView": 1}),
        ("airfind", {"lander_visitors": 3}, {"Purchase": 2}),
        ("", {}, {"Purchase": 2}),
        ("tonic", {"conversions": 0, "revenue": 0}, {"PageView": 1, "ViewContent": 1}),
    ],
)  # fmt: skip
def test_the_founding_documents_fan_out(network: str, counts: dict[str, int], then: dict[str, int]) -> None:
    event = interpreted(network=network, **counts)
    made = announcements().interpreted(event, news(event), NOW, b"sealed")
    assert Counter(names(made)) == then
    assert len({each.id for each in made}) == len(made)
    for it in told(made):
        assert it.sealed == b"sealed"
        assert it.click_ids == {"fbclid": "IwAR-1"}
        assert it.page_url == "https://boats.example/"
        assert it.custom["content_category"] == "boats"


def test_shares_of_the_revenue_sum_up() -> None:
    event = interpreted()
    made = [it for it in told(announcements().interpreted(event, news(event), NOW)) if it.value is not None]
    assert [it.value for it in made] == [1_500_001, 1_500_000]
    assert {it.currency for it in made} == {"USD"}


def test_a_platform_where_each_event_is_a_conversion_hears_of_nothing_else() -> None:
    event = interpreted(traffic_source="google")
    made = announcements(platform="google").interpreted(event, news(event), NOW)
    assert names(made) == ["Purchase", "Purchase"]


def test_more_of_it_is_the_difference_and_named_anew() -> None:
    event = interpreted()
    first = announcements().interpreted(event, news(event), NOW)
    more = interpreted(conversions=3, revenue=4_500_001)
    then = difference(news(event).totals, more)
    assert then is not None
    second = announcements().interpreted(more, then, NOW + HOUR)
    assert [(it.event_name, it.value) for it in told(second)] == [("Purchase", 1_500_000)]
    assert {each.id for each in first}.isdisjoint(each.id for each in second)


def test_revenue_without_a_further_conversion_is_told_as_one_event() -> None:
    event, more = interpreted(), interpreted(revenue=3_700_001)
    then = difference(news(event).totals, more)
    assert then is not None
    made = told(announcements().interpreted(more, then, NOW))
    assert [(it.event_name, it.value) for it in made] == [("Purchase", 700_000)]


def test_what_went_down_is_told_to_nobody() -> None:
    event, less = interpreted(), interpreted(conversions=1, revenue=1_000_000)
    then = difference(news(event).totals, less)
    assert then is not None and then.lost
    assert announcements().interpreted(less, then, NOW) == []


def test_times() -> None:
    event = interpreted(hour_us=NOW - HOUR)
    at = {it.event_name: it.at_us for it in told(announcements().interpreted(event, news(event), NOW))}
    assert at == {"PageView": CLICK, "ViewContent": CLICK, "Purchase": NOW - HOUR}
    before = interpreted(hour_us=CLICK - HOUR)
    at = {it.event_name: it.at_us for it in told(announcements().interpreted(before, news(before), NOW))}
    assert at["Purchase"] == CLICK
    ahead = interpreted(hour_us=NOW + HOUR)
    at = {it.event_name: it.at_us for it in told(announcements().interpreted(ahead, news(ahead), NOW))}
    assert at["Purchase"] == NOW
    more = interpreted(conversions=3, revenue=4_000_000)
    then = difference(news(event).totals, more)
    assert then is not None
    (late,) = told(announcements().interpreted(more, then, NOW))
    assert (late.at_us, late.click_at_us) == (NOW, CLICK)


def test_the_codes_of_a_traffic_source() -> None:
    made = Announcements()
    made.configure(
        [AdAccount(id=1, platform="meta"), AdAccount(id=2, platform="tiktok")],
        [pixel(), pixel(id=8, code="tt", ad_account_id=2), pixel(id=9, code="off", status="paused")],
    )
    assert made.codes("facebook") == {"px"}
    assert made.codes("tiktok") == {"tt"}
    assert made.codes("taboola") == frozenset()
    assert made.codes("unknown") == made.codes("") == {"px", "tt"}


def test_an_event_goes_to_the_first_pixel_of_its_code_and_platform() -> None:
    made = Announcements()
    made.configure(
        [AdAccount(id=1, platform="meta"), AdAccount(id=2, platform="tiktok")],
        [pixel(id=9), pixel(id=8), pixel(id=7, ad_account_id=2), pixel(id=10, network_ids=(2,), code="t")],
        [Network(id=2, slug="tonic", name="T")],
    )
    event = interpreted()
    assert {each.target for each in made.interpreted(event, news(event), NOW)} == {"pixel:8"}
    tiktok = interpreted(traffic_source="tiktok")
    assert {each.target for each in made.interpreted(tiktok, news(tiktok), NOW)} == {"pixel:7"}
    nobody = interpreted(pixel_id="none")
    assert made.interpreted(nobody, news(nobody), NOW) == []
    ours, others = interpreted(pixel_id="t"), interpreted(pixel_id="t", network="sedo")
    assert made.interpreted(ours, news(ours), NOW) != []
    assert made.interpreted(others, news(others), NOW) == []


def test_an_event_that_came_with_a_token_goes_to_a_pixel_of_that_account() -> None:
    made = Announcements()
    made.configure(
        [AdAccount(id=1, platform="meta"), AdAccount(id=2, platform="meta")],
        [pixel(id=7), pixel(id=8, ad_account_id=2), pixel(id=9, code="other")],
    )
    for owner, code, then in ((0, "px", {"pixel:7"}), (2, "px", {"pixel:8"}), (2, "other", set())):
        event = interpreted(ad_account_id=owner, pixel_id=code)
        assert {each.target for each in made.interpreted(event, news(event), NOW)} == then


def test_a_table_of_ones_own_for_interpreted_events() -> None:
    table = (
        EventRow(event_name="Once", when="interpreted", value="whole", custom={"n": "{network}/{keyword}"}),
        EventRow(event_name="Each", when="interpreted", count="conversions", value="none", network="Tonic"),
        EventRow(event_name="Never", when="interpreted", network="sedo"),
        EventRow(event_name="Ours", when="conversion"),
    )
    here, event = announcements(pixel(mapping=table)), interpreted()
    made = told(here.interpreted(event, news(event), NOW))
    assert [(it.event_name, it.value, it.custom) for it in made] == [
        ("Once", 3_000_001, {"n": "tonic/used boats"}), ("Each", None, {}), ("Each", None, {}),
    ]  # fmt: skip
    more = interpreted(revenue=4_000_001)
    then = difference(news(event).totals, more)
    assert then is not None
    assert [(it.event_name, it.value) for it in told(here.interpreted(more, then, NOW))] == [
        ("Once", 1_000_000)
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 10**9), st.integers(0, 5), st.integers(0, 5)),
        min_size=1, max_size=6,
    ),
    st.sampled_from(["tonic", "crossroads", "airfind"]),
)  # fmt: skip
def test_whatever_comes_a_pixel_hears_of_each_thing_once(
    steps: list[tuple[int, int, int, int]], network: str
) -> None:
    """The values sum up to the highest revenue; purchases to the highest count, revenue that came alone
    apart; a repetition of any step is nothing new."""
    here, totals = announcements(), Totals()
    ids: list[str] = []
    value = purchases = alone = 0
    for conversions, revenue, visitors, searches in steps:
        event = interpreted(
            network=network, conversions=conversions, revenue=revenue, lander_visitors=visitors,
            lander_searches=searches,
        )  # fmt: skip
        then = difference(totals, event)
        if then is None:
            continue
        made = here.interpreted(event, then, NOW)
        ids += [each.id for each in made]
        value += sum(it.value or 0 for it in told(made))
        purchases += names(made).count("Purchase")
        alone += bool(then.revenue and not then.conversions)
        totals = then.totals
        assert difference(totals, event) is None or then.lost
    assert len(set(ids)) == len(ids)
    assert value == totals.revenue
    assert purchases == totals.conversions + alone


def test_deadlines_lie_together_and_never_later() -> None:
    end = NOW + 7 * DAY
    assert {deadline(end + second * 1_000_000, NOW) for second in range(600)} == {end}
    assert deadline(NOW + HOUR - 1, NOW) == NOW + HOUR - 1
    assert deadline(NOW - 1, NOW) == NOW - 1
