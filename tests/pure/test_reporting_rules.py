"""What reports show, what answers come to, and what a visitor is made of: rules of reporting to platforms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.deliveries import Delivery, Stored
from appliance.partners.following import SUSPECT_AFTER, doubtful, follow, unsure
from appliance.partners.making import YOUNG, Opened, clicks, early, introduced, together
from appliance.partners.masking import MASK, hidden, scrubbed, shown, shown_of_any
from appliance.partners.matching import MOST, quality
from appliance.partners.platform import (
    DAY,
    MAY_HAVE_BEEN_COUNTED,
    NOT_RECONCILED,
    UNANSWERED,
    UNAVAILABLE,
    Limits,
    Verdict,
    reconciled,
)
from appliance.partners.platforms.google import Google
from appliance.partners.platforms.meta import Meta
from appliance.partners.platforms.outbrain import Outbrain
from appliance.partners.report import Identity, Report
from appliance.partners.roster import PLATFORMS

NOW = 1_790_000_000_000_000
WHO = Identity(
    address="198.51.100.7", user_agent="Mozilla/5.0 (X11)", emails=("a@example.com",), city="Berlin",
    seen={"_fbp": "fb.1.1700000000000.123456"},
)  # fmt: skip


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "event_name": "Purchase", "event_id": "e1", "at_us": NOW, "click_at_us": NOW - 60_000_000,
        "click_ids": {"fbclid": "IwAR"}, "value": 1_500_000, "currency": "USD", "identity": WHO,
    }  # fmt: skip
    return Report(**{**fields, **changes})


def stored(number: int = 1, *, attempts: int = 0, sent_us: int = 0, lease_us: int = 9) -> Stored:
    it = Delivery(
        id=str(number), target="pixel:1", conversion_id="c", revision=1, campaign_id=0, created_us=NOW,
        not_before_us=NOW, deadline_us=NOW + DAY, body=b"",
    )  # fmt: skip
    return Stored(
        number=number, delivery=it, state="pending", not_before_us=NOW, deadline_us=NOW + DAY,
        attempts=attempts, sent_us=sent_us, lease_us=lease_us,
    )  # fmt: skip


# What an attempt shows


def test_a_shown_event_names_what_it_knows_of_a_person_and_does_not_say_it() -> None:
    found = shown(Meta().encode(report()))
    document = json.loads(found.text)
    assert set(document["user_data"]) == {"em", "ct", "client_ip_address", "client_user_agent", "fbc", "fbp"}
    assert {json.dumps(each) for each in document["user_data"].values()} == {f'"{MASK}"', f'["{MASK}"]'}
    assert document["custom_data"] == {"value": 1.5, "currency": "USD"}
    assert set(found.names) == set(document["user_data"])
    assert WHO.address in found.private
    assert WHO.user_agent in found.private


def test_a_clicks_own_id_is_shown_where_it_is_no_persons() -> None:
    found = shown(Google().encode(report(click_ids={"gclid": "Cj0K"})))
    assert '"gclid": "Cj0K"' in found.text
    assert WHO.address not in found.text
    assert set(found.names) == {"gclid", "userAgent", "ipAddress", "emailAddress"}
    query = shown(Outbrain().encode(report(click_ids={"ob_click_id": "ob1"})))
    assert "ob_click_id=ob1" in query.text
    assert query.names == ("ob_click_id",)


HOSTILE = st.sampled_from(
    (
        "user_data",
        "user",
        'x,"user_data',
        ',"user_data":{',
        "oppref",
        "\\",
        'a"b',
        "\N{SNOWMAN}",
        "user\\u005fdata",
    )
)
SAID = st.text(max_size=12) | HOSTILE
PEOPLE = st.builds(
    Identity,
    address=SAID,
    user_agent=SAID,
    seen=st.dictionaries(st.sampled_from(("_fbp", "_fbc", "_ttp", "_scid")), SAID, max_size=2),
    emails=st.sampled_from(((), ("a@example.com",), ("a@example.com", "b@example.com"))),
    first_name=SAID,
    city=SAID,
    country=SAID,
)


@given(
    st.sampled_from(sorted(PLATFORMS)),
    PEOPLE,
    st.dictionaries(st.sampled_from(("content_name", "price")) | HOSTILE, SAID, max_size=3),
    SAID,
)
def test_the_fast_way_to_show_an_event_says_what_the_careful_one_does(
    name: str, who: Identity, custom: dict[str, str], text: str
) -> None:
    platform = PLATFORMS[name]
    ids = dict.fromkeys(platform.click_parameters, text)
    event = platform.encode(report(identity=who, custom=custom, page_url=text, click_ids=ids))
    assert shown(event) == shown_of_any(event)


@pytest.mark.parametrize(
    "event",
    (
        b'{"a":1,"user_data":{"em":["x@example.com"]},"custom_data":{"user_data":"secret"}}',
        b'{"a":1,"custom_data":{"b":1,"user_data":{"em":"other1"}},"user_data":{"em":"secret"}}',
        b'{"a":1,"user_data":{"em":"secret"},"deep":[{"user":{"ph":"other1"}}]}',
        b'{"a":1,"user_data":{"em":"secret"},"oppref":"x"}',
        b'{"a":1,"user_data":{"em":"secret"},"us\\u0065r":{"ph":"other1"}}',
        b'{"a":1,"user_data":{"em":"secret","fbp":"","n":5},"value":1.0}',
        b'{"a":1,"user_data":{"em":"secret","user_data":"other1"}}',
        b'{"a":1,"user_data":{},"b":2}',
        b'{"user_data":{"em":"secret"}}',
        b'{"a":1, "user_data": {"em":"secret"}}',
        b'{"a,\\"user_data":{"em":"secret"},"user_data":{"em":"other1"}}',
        b'{"a":1,"user_data":{"em":"secret"}} ',
        b"user_data",
    ),
)
def test_an_event_that_is_not_as_usual_is_shown_with_care(event: bytes) -> None:
    assert shown(event) == shown_of_any(event)


@pytest.mark.parametrize(
    "text",
    (
        "198.51.100.7", "2001:db8:85a3::8a2e:370:7334", "2001:db8:1:2:3:4:5:6", "a.b+c@mail.example.co.uk",
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
    ),
)  # fmt: skip
def test_what_says_who_somebody_is_leaves_no_trace_in_an_answer(text: str) -> None:
    for answer in (text, f'{{"message": "value {text} is wrong"}}', f"({text})", f"x={text}&y=1"):
        assert text not in scrubbed(answer)
        assert MASK in scrubbed(answer)


@pytest.mark.parametrize(
    "text",
    (
        '{"events_received": 3, "fbtrace_id": "AbCdEf123"}', "v25.0", "Batch.0.contents.0.content_id",
        "2026-11-22T10:11:12Z", "10:11:12", "100/2804003: Invalid parameter", "1.2.3",
    ),
)  # fmt: skip
def test_what_says_nothing_of_anybody_stays(text: str) -> None:
    assert scrubbed(text) == text


@given(st.text(min_size=6, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_private_text_is_taken_out_wherever_it_stands(private: str, before: str, after: str) -> None:
    assert private not in scrubbed(before + private + after, [private]) or private in MASK * 20


def test_secrets_are_hidden_and_an_empty_one_is_none() -> None:
    assert hidden("token abc, again abc", ("abc", "")) == f"token {MASK}, again {MASK}"


# How well people can be found


@pytest.mark.parametrize(
    ("identifiers", "measured", "expected"),
    (
        ({}, 0, None),
        ({}, 10, 0.0),
        ({"em": 10}, 10, 3.0),
        ({"em": 5}, 10, 1.5),
        ({"em": 10, "ph": 10, "fbc": 10, "fbp": 10, "external_id": 10, "client_ip_address": 10}, 10, MOST),
        ({"fn": 10, "ln": 10}, 10, 0.5),
        ({"something": 10}, 10, 0.0),
        ({"client_ip_address": 10, "client_user_agent": 10, "fbc": 10}, 10, 4.0),
    ),
)
def test_match_quality(identifiers: dict[str, int], measured: int, expected: float | None) -> None:
    assert quality(identifiers, measured) == expected


# What follows from an answer


def test_only_what_the_platform_itself_asks_to_repeat_for_long_is_in_doubt() -> None:
    tried = [stored(number, attempts=SUSPECT_AFTER) for number in range(3)]
    assert doubtful(tried, Verdict("retry", UNAVAILABLE), works=True, lifted=False)
    assert not doubtful(tried, Verdict("retry", UNANSWERED), works=True, lifted=False), (
        "a proxy's page is nobody's fault"
    )
    assert not doubtful(tried, Verdict("retry", UNAVAILABLE), works=False, lifted=False), "it takes nothing"
    joined = [*tried, stored(9, attempts=1)]
    assert doubtful(joined, Verdict("retry", UNAVAILABLE), works=True, lifted=False), "new ones come always"
    fresh = [stored(number, attempts=SUSPECT_AFTER - 1) for number in range(3)]
    assert not doubtful(fresh, Verdict("retry", UNAVAILABLE), works=True, lifted=False)
    assert not doubtful(tried, Verdict("throttle", "Too many requests"), works=True, lifted=True)
    shut_out = Verdict("pause", "no", stranger=True)
    assert doubtful(tried, shut_out, works=True, lifted=True)
    assert not doubtful(tried, shut_out, works=True, lifted=False)
    assert not doubtful(tried, shut_out, works=False, lifted=True)
    assert not doubtful(tried, Verdict("pause", "no"), works=True, lifted=True), "the platform says of whom"


def test_what_is_in_doubt_is_taken_apart_and_stays_unsure() -> None:
    batch = [stored(number, attempts=SUSPECT_AFTER) for number in range(1, 26)]
    found = follow(batch, Verdict("retry", UNAVAILABLE), NOW, NOW, apart=True)
    assert [each.part for each in found] == [1] * 10 + [11] * 10 + [21] * 5
    assert {each.state for each in found} == {"pending"}
    assert not any(each.sure for each in found), "some of it may have been taken"
    shut_out = follow(batch, Verdict("pause", "no"), NOW, NOW, apart=True)
    assert all(each.sure for each in shut_out)


def test_one_in_doubt_waits_longer_each_time() -> None:
    waits = [
        follow([stored(attempts=tried)], Verdict("retry", UNAVAILABLE), NOW, NOW, apart=True)[0].not_before_us
        for tried in range(SUSPECT_AFTER, SUSPECT_AFTER + 20)
    ]
    assert waits == sorted(waits)
    assert waits[0] - NOW == 60_000_000
    assert waits[-1] - NOW == 6 * 3_600_000_000


def test_what_was_sent_so_long_ago_that_it_is_forgotten_is_not_sent_again() -> None:
    limits = Limits(batch=1, window_us=7 * DAY, ahead_us=0, dedupe_us=2 * DAY)
    assert unsure(stored(), limits, NOW) == ""
    assert unsure(stored(sent_us=9, lease_us=9), limits, NOW) == "", "this very attempt"
    assert unsure(stored(sent_us=NOW - DAY), limits, NOW) == ""
    assert unsure(stored(sent_us=NOW - 2 * DAY), limits, NOW) == MAY_HAVE_BEEN_COUNTED
    forgets = Limits(batch=1, window_us=7 * DAY, ahead_us=0, dedupe_us=0)
    assert unsure(stored(sent_us=NOW), forgets, NOW) == MAY_HAVE_BEEN_COUNTED


@pytest.mark.parametrize(
    ("verdict", "sent", "label"),
    (
        (Verdict("accepted", received=10), 10, ""),
        (Verdict("accepted", received=None), 10, ""),
        (Verdict("accepted", received=9), 10, NOT_RECONCILED),
        (Verdict("accepted", received=9, refused={3: "no"}), 10, ""),
        (Verdict("accepted", received=11), 10, ""),
        (Verdict("refused", "no", received=0), 10, "no"),
    ),
)
def test_what_was_received_is_compared_with_what_was_sent(verdict: Verdict, sent: int, label: str) -> None:
    assert reconciled(verdict, sent).label == label


# Who the visitor was


def test_what_came_with_an_event_wins_over_what_was_seen_at_the_click() -> None:
    click = Identity(address="198.51.100.7", user_agent="seen", country="de", seen={"_fbp": "a", "_fbc": "b"})
    own = Identity(user_agent="told", emails=("a@example.com",), seen={"_fbc": "c"})
    assert together(own, click) == Identity(
        address="198.51.100.7", user_agent="told", country="de", emails=("a@example.com",),
        seen={"_fbp": "a", "_fbc": "c"},
    )  # fmt: skip
    assert together(Identity(), click) == click
    assert together(own, Identity()) == own


def test_only_those_whose_click_may_still_come_wait() -> None:
    there, missing, none = (
        Opened(stored(number), report(click_id=click))
        for number, click in ((1, "there"), (2, "missing"), (3, ""))
    )
    every = [there, missing, none, Opened(stored(4), None)]
    assert clicks(every) == ["there", "missing"]
    found = {"there": Identity()}
    assert [each.number for each in early(every, found, NOW)] == [2]
    assert early(every, found, NOW + YOUNG) == []
    assert [each.number for each in early(every, None, NOW + YOUNG)] == [1, 2]
    assert introduced(every[3], WHO, WHO) == every[3]
