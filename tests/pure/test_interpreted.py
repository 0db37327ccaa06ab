"""Interpreted events: what a document says, what keeps it from being reported, and what is new in it."""

from __future__ import annotations

import json
from fractions import Fraction
from hashlib import blake2b

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import Subscription
from appliance.model.deliveries import Delivery
from appliance.model.events import ReportConversion
from appliance.model.ids import name_of
from appliance.partners.interpreted import (
    INVALID_PIXEL,
    MOST_COUNT,
    NO_CLICK,
    NOT_REPORTABLE,
    TOO_OLD,
    Interpreted,
    Totals,
    Unreadable,
    difference,
    fault,
    parsed,
    read,
    shares,
)
from appliance.partners.reckoning import Known, Unreportable, reckon
from appliance.partners.subscribing import Subscriptions

NOW = 1_738_415_000_000_000
DAY_S = 86_400
SAMPLE = {
    "date_hour": "2025-02-01T13:00:00",
    "click_timestamp": 1_738_414_800,
    "network": "Crossroads",
    "nw_account_id": 17,
    "nw_account_name": "acc",
    "nw_campaign_id": "88",
    "nw_campaign_name": "Cars",
    "category": "Autos",
    "domain_name": "cars.example",
    "pixel_id": "1234567890",
    "campaign_id": "120218982145500212",
    "campaign_name": "US cars",
    "adset_name": "set",
    "adset_id": "5",
    "ad_id": "6",
    "traffic_source": "facebook",
    "session_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "ip": "203.0.113.7",
    "country_code": "US",
    "region": "NewYork",
    "city": "New York",
    "ts_click_id": "IwAR0abc",
    "user_agent": "Mozilla/5.0",
    "keyword_clicked": "suv deals",
    "visits": 1,
    "serp": 1,
    "conversions": 2,
    "revenue": 1.23,
    "lander_visitors": 3,
    "lander_searches": 1,
    "unique_identifier": "made by the sender",
}


def event(**changed) -> Interpreted:
    found = read({**SAMPLE, **changed})
    assert isinstance(found, Interpreted), found
    return found


def test_the_founding_documents_sample_is_read_whole():
    it = event()
    assert (it.key, it.network, it.account_id) == (
        "7c9e6679-7425-40de-944b-e07fc1f90ae7-suv deals", "crossroads", "17",
    )  # fmt: skip
    assert it.click_at_us == 1_738_414_800_000_000
    assert it.hour_us == 1_738_414_800_000_000
    assert (it.conversions, it.revenue, it.lander_visitors, it.lander_searches) == (2, 1_230_000, 3, 1)
    assert (it.pixel_id, it.ad_click_id, it.address) == ("1234567890", "IwAR0abc", "203.0.113.7")
    assert (it.network_campaign_id, it.adset_name) == ("88", "set")


def test_an_id_is_of_the_key_at_its_pixel():
    assert event().id == event(conversions=9, revenue=7).id
    assert len({event().id, event(pixel_id="2").id, event(keyword_clicked="x").id}) == 3
    assert len(event().id) == 32


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("session_id", "", "session_id: missing"),
        ("session_id", None, "session_id: missing"),
        ("session_id", "{session}", "session_id: missing"),
        ("conversions", -1, "conversions: "),
        ("conversions", 1.5, "conversions: "),
        ("conversions", "many", "conversions: "),
        ("conversions", True, "conversions: "),
        ("conversions", MOST_COUNT + 1, "conversions: "),
        ("lander_visitors", [], "lander_visitors: "),
        ("lander_searches", 1e300, "lander_searches: "),
        ("revenue", "1,50", "revenue: "),
        ("revenue", {}, "revenue: "),
        ("revenue", 1e18, "revenue: "),
    ],
)
def test_what_is_no_event_says_which_field(field, value, reason):
    found = read({**SAMPLE, field: value})
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b'"x"', b"7", b"\xff\xfe", b"[" * 100_000])
def test_a_line_that_is_no_object_is_unreadable(line):
    assert isinstance(parsed(line), Unreadable)


@pytest.mark.parametrize(
    ("value", "revenue"),
    [
        (None, 0),
        ("", 0),
        ("{revenue}", 0),
        ("1.5", 1_500_000),
        (0.0000005, 0),
        (-2, -2_000_000),
        ("[rev]", 0),
    ],
)
def test_revenue(value, revenue):
    assert event(revenue=value).revenue == revenue


@pytest.mark.parametrize(
    ("value", "at_us"),
    [
        (1_738_414_800, 1_738_414_800_000_000),
        ("1738414800", 1_738_414_800_000_000),
        (1_738_414_800.0, 1_738_414_800_000_000),
        (1_738_414_800.5, None),
        (1_738_414_800_000, None),
        ("yesterday", None),
        (0, None),
        (None, None),
        (True, None),
    ],
)
def test_click_timestamp_is_whole_seconds(value, at_us):
    assert event(click_timestamp=value).click_at_us == at_us


OLD = NOW // 1_000_000 - 7 * DAY_S
LABELS = [
    ({}, ""),
    ({"pixel_id": "2"}, INVALID_PIXEL),
    ({"pixel_id": "2", "click_timestamp": OLD, "ts_click_id": ""}, INVALID_PIXEL),
    ({"click_timestamp": OLD}, TOO_OLD),
    ({"click_timestamp": OLD, "ts_click_id": ""}, TOO_OLD),
    ({"click_timestamp": OLD + 1}, ""),
    ({"click_timestamp": "soon"}, TOO_OLD),
    ({"ts_click_id": ""}, NO_CLICK),
    ({"ts_click_id": None}, NO_CLICK),
    ({"ts_click_id": "undefined"}, NO_CLICK),
    ({"ts_click_id": "null"}, NO_CLICK),
    ({"ts_click_id": "{fbclid}"}, NO_CLICK),
]


@pytest.mark.parametrize(("changed", "label"), LABELS)
def test_labels_in_the_founding_documents_order(changed, label):
    assert fault(event(**changed), {"1234567890"}, NOW) == label


def test_the_words_of_the_labels():
    assert (INVALID_PIXEL, TOO_OLD, NO_CLICK) == (
        "Invalid pixel", "Conversion older than 7 days", "Missing traffic source click id",
    )  # fmt: skip


totals = st.tuples(*[st.integers(0, 50)] * 4)


@given(st.lists(totals, min_size=1, max_size=12))
def test_what_is_reported_adds_up_to_the_highest_that_was_said(said):
    """Whatever the order of totals, up, down and again: no part of a total is reported twice."""
    before, sums = Totals(), [0, 0, 0, 0]
    for conversions, revenue, visitors, searches in said:
        it = Interpreted(
            session_id="s", keyword="k", conversions=conversions, revenue=revenue,
            lander_visitors=visitors, lander_searches=searches,
        )  # fmt: skip
        change = difference(before, it)
        if change is None:
            continue
        added = (change.conversions, change.revenue, change.visitors, change.searches)
        assert min(added) >= 0
        assert change.totals.revision == before.revision + (any(added) or not before.revision)
        sums = [a + b for a, b in zip(sums, added, strict=True)]
        before = change.totals
        assert difference(before, it) is None or change.lost
    assert tuple(sums) == tuple(max(column) for column in zip(*said, strict=True))


@given(st.integers(0, 10**9), st.integers(0, 200))
def test_shares_add_up(revenue, count):
    found = shares(revenue, count)
    assert len(found) == count
    if count:
        assert sum(found) == revenue
        assert max(found) - min(found) <= 1
        assert abs(Fraction(revenue, count) - found[0]) < 1


# Reckoning


def told(it, change):
    name = f"{it.id}-{change.totals.revision}"
    return [
        Delivery(
            id=name, target="pixel:1", conversion_id=it.id, revision=change.totals.revision, campaign_id=0,
            created_us=NOW, not_before_us=NOW, deadline_us=NOW, body=b"",
        )
    ]  # fmt: skip


def reckoned(*events, known=None, codes=("1234567890",), now=NOW, announce=told):
    return reckon(events, known or {}, lambda event: codes, announce, lambda address: "cut", now, "test")


def silent(it, change):
    """Of a pixel that is told nothing of it."""
    return []


def test_a_redelivery_of_an_unchanged_event_sends_nothing():
    first = reckoned(event())
    again = reckoned(event(), known=first.known)
    assert [record.valid for record in first.records] == [True]
    assert (len(first.deliveries), len(again.deliveries), len(again.records)) == (1, 0, 0)
    assert again.unchanged == 1


def test_a_redelivery_stays_unchanged_when_it_has_become_too_old():
    first = reckoned(event())
    late = reckoned(event(), known=first.known, now=NOW + 8 * DAY_S * 1_000_000)
    assert (late.unchanged, late.records, late.labels) == (1, [], {})


def test_a_duplicate_inside_a_batch_counts_once():
    found = reckoned(event(), event(), event(conversions=3))
    assert [record.reported_conversions for record in found.records] == [2, 1]
    assert found.unchanged == 1
    assert len({delivery.id for delivery in found.deliveries}) == 2


def test_only_the_difference_is_reported_and_the_revision_is_its_own():
    first = reckoned(event(conversions=1, revenue=1))
    more = reckoned(event(conversions=3, revenue=2.5), known=first.known)
    [record] = more.records
    assert (record.reported_conversions, record.reported_amount, record.revision) == (2, 1_500_000, 2)
    assert [delivery.revision for delivery in more.deliveries] == [2]


def test_less_than_before_is_not_reportable_and_its_way_up_is_not_reported_again():
    known = dict(reckoned(event(revenue=10)).known)
    down = reckoned(event(revenue=4), known=known)
    assert [(it.invalid_reason, it.lost, it.valid) for it in down.records] == [
        (NOT_REPORTABLE, "revenue", False)
    ]
    assert (down.deliveries, down.labels) == ([], {NOT_REPORTABLE: 1})
    known |= down.known
    assert reckoned(event(revenue=4), known=known).unchanged == 1
    up = reckoned(event(revenue=11), known=known)
    assert [it.reported_amount for it in up.records] == [1_000_000]


def test_what_was_invalid_is_reported_once_it_is_valid():
    """The founding document's reporter never sent, nor recorded, what had failed once."""
    known = dict(reckoned(event(), codes=()).known)
    again = reckoned(event(), known=known, codes=())
    assert (again.unchanged, again.records) == (1, [])
    now_valid = reckoned(event(), known=known)
    assert (len(now_valid.deliveries), now_valid.records[0].reported_conversions) == (1, 2)


def test_what_nobody_was_told_is_told_whole_once_somebody_is():
    known = dict(reckoned(event(conversions=1, revenue=1), announce=silent).known)
    more = reckoned(event(conversions=2, revenue=3), known=known, announce=silent)
    [record] = more.records
    assert (record.valid, record.reports, record.reported_amount, more.labels) == (True, 0, 0, {})
    known |= more.known
    again = reckoned(event(conversions=2, revenue=3), known=known, announce=silent)
    assert (again.unchanged, again.records, again.known) == (1, [], {})
    now_told = reckoned(event(conversions=2, revenue=3), known=known)  # the same words, its pixel is mended
    [record] = now_told.records
    assert (record.reported_conversions, record.reported_amount, record.revision) == (2, 3_000_000, 1)
    known |= now_told.known
    assert reckoned(event(conversions=2, revenue=3), known=known, announce=silent).unchanged == 1


def test_what_cannot_be_made_is_recorded_once():
    def broken(it, change):
        raise Unreportable("The event cannot be made: KeyError")

    first = reckoned(event(), announce=broken)
    again = reckoned(event(), known=first.known, announce=broken)
    assert (len(first.records), again.unchanged, again.records, again.labels) == (1, 1, [], {})


def test_a_visit_without_conversions_is_told_once():
    nothing = {"conversions": 0, "revenue": 0, "lander_visitors": 0, "lander_searches": 0}
    first = reckoned(event(**nothing))
    assert len(first.deliveries) == 1
    assert reckoned(event(**nothing), known=first.known).unchanged == 1


@pytest.mark.parametrize("code", ["XX", "zz", "T1", " A1 ", "A2", "O1"])
def test_a_code_that_is_no_country_is_none(code):
    assert event(country_code=code).country == ""
    line = json.dumps({**SAMPLE, "country_code": code.strip()}).encode()
    assert parsed(line) == event(country_code="")


def test_a_record_keeps_no_full_address():
    [record] = reckoned(event()).records
    assert record.address == "cut"
    assert "203.0.113.7" not in json.dumps({f: str(getattr(record, f)) for f in record.__struct_fields__})


def test_a_record_has_each_field_of_its_event_in_its_own_place():
    called = {
        "nw_account_id": "account_id", "nw_account_name": "account_name",
        "nw_campaign_id": "network_campaign_id", "nw_campaign_name": "network_campaign_name",
        "keyword_clicked": "keyword", "ts_click_id": "ad_click_id", "country_code": "country",
        "domain_name": "domain", "id": "id", "intake": "intake",
    }  # fmt: skip
    texts = {
        field: f"its {field}" for field in ReportConversion.__struct_fields__
        if hasattr(Interpreted, called.get(field, field)) and field != "id"
    }  # fmt: skip
    numbers = {"conversions": 3, "revenue": 5_000_000, "lander_visitors": 7, "lander_searches": 11}
    given = {called.get(field, field): text for field, text in (texts | numbers).items()}
    it = Interpreted(**given, click_at_us=NOW - 1, ad_account_id=13, sealed=b"s", sealed_us=17)
    record = reckoned(it, codes=(it.pixel_id,)).records[0]
    found = msgspec.structs.asdict(record)
    assert found == texts | numbers | {
        "v": 1, "id": it.id, "revision": 1, "at_us": NOW - 1, "known_us": NOW, "address": "cut",
        "reported_conversions": 3, "reported_amount": 5_000_000, "reports": 1, "valid": True,
        "invalid_reason": "", "lost": "",
    }  # fmt: skip


@given(st.lists(st.text(max_size=140), max_size=5))
def test_a_name_is_that_of_its_texts_with_their_lengths(parts):
    whole = b"".join(len(raw := part.encode()).to_bytes(4, "big") + raw for part in parts)
    assert name_of(*parts) == blake2b(whole, digest_size=16).hexdigest()


def test_a_record_is_dated_by_its_click_unless_that_is_no_time():
    assert reckoned(event()).records[0].at_us == 1_738_414_800_000_000
    assert reckoned(event(click_timestamp="x", date_hour="")).records[0].at_us == NOW
    assert reckoned(event(click_timestamp=5)).records[0].at_us == NOW


@given(st.lists(st.tuples(st.integers(0, 2), totals), max_size=20), st.integers(0, 20))
def test_batches_cut_anywhere_come_to_the_same(said, cut):
    events = [
        event(
            session_id=str(who), conversions=c, revenue=r, lander_visitors=v, lander_searches=s
        )
        for who, (c, r, v, s) in said
    ]  # fmt: skip
    whole = reckoned(*events)
    first = reckoned(*events[:cut])
    rest = reckoned(*events[cut:], known=first.known)
    ids = [delivery.id for delivery in (*first.deliveries, *rest.deliveries)]
    assert ids == [delivery.id for delivery in whole.deliveries]
    assert {**first.known, **rest.known} == whole.known
    assert all(isinstance(known, Known) for known in whole.known.values())


# Subscriptions


def subscription(campaign="120218982145500212", **narrow) -> Subscription:
    return Subscription(id=1, name="s", campaign_id=campaign, **narrow)


@pytest.mark.parametrize(
    ("it", "wanted"),
    [
        (subscription(), True),
        (subscription("1"), False),
        (subscription(network="crossroads"), True),
        (subscription(network="CrossRoads"), True),
        (subscription(network="tonic"), False),
        (subscription(account="17"), True),
        (subscription(account="18"), False),
        (subscription(traffic_source="Facebook"), True),
        (subscription(traffic_source="tiktok"), False),
        (subscription(network="crossroads", account="17", traffic_source="facebook"), True),
        (subscription(network="crossroads", account="18", traffic_source="facebook"), False),
        (subscription(status="paused"), False),
        (subscription(archived=True), False),
    ],
)
def test_a_subscription_is_by_campaign_and_narrowed(it, wanted):
    assert Subscriptions([it]).wants(event()) is wanted
    assert Subscriptions([subscription("other"), it]).wants(event()) is wanted


_ODD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "{zoneid}",
            " a ",
            "a\t",
            "\u00a0",
            "__AID__",
            "xxc1xx",
            "%id%",
            "a|b",
            "x|",
            "[cid]",
            "",
            "null",
            "1.25",
        ]
    ),
    st.none(),
    st.booleans(),
    st.integers(-2, 10**20),
    st.floats(),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


@given(st.dictionaries(st.sampled_from([*SAMPLE, "unknown"]), _ODD))
def test_the_short_way_says_what_the_long_one_does(changes: dict[str, object]) -> None:
    """`parsed` decodes what is as it should be at once; what it says is what `read` says."""
    line = json.dumps(SAMPLE | changes, allow_nan=False, default=str).encode() if _finite(changes) else b"{}"
    assert parsed(line) == read(json.loads(line))


def _finite(changes: dict[str, object]) -> bool:
    return all(not isinstance(each, float) or abs(each) < 1e300 for each in changes.values())


@given(st.floats(-2e6, 2e6) | st.integers(-(10**9), 10**9).map(lambda micros: micros / 1_000_000))
def test_revenue_is_what_its_digits_say(value: float) -> None:
    found = parsed(json.dumps(SAMPLE | {"revenue": value}).encode())
    exact = read(SAMPLE | {"revenue": str(value)})
    assert isinstance(found, Interpreted) and isinstance(exact, Interpreted)
    assert found.revenue == exact.revenue


def test_what_came_with_an_event_is_with_it_either_way() -> None:
    for document in (SAMPLE, SAMPLE | {"city": " Ulm "}):
        found = parsed(json.dumps(document).encode(), b"sealed", 5, "events", 7)
        assert isinstance(found, Interpreted)
        assert (found.sealed, found.sealed_us, found.intake, found.ad_account_id) == (
            b"sealed",
            5,
            "events",
            7,
        )
