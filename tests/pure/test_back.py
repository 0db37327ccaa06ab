"""Trafficback: which one, for what reason, and how every chain of them ends."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import Campaign
from appliance.model.rules import Rule
from appliance.model.table import SettingsEntry
from appliance.routing import verdicts
from appliance.routing.back import DEPTH, VISITED, back
from appliance.routing.table import RoutingTable
from tests.pure.tables import KEY, build, decided, destination, stream, visit

GERMANS = Rule(fact="country", operator="eq", value="DE")
PHONES = Rule(fact="device_type", operator="eq", value="mobile")
PEOPLE = Rule(fact="bot", operator="eq", value="0")
PAID = Rule(param="paid", operator="eq", value="1")


def shop(*streams, back_url: str = "https://back.example/", everyone: str = "", **more) -> RoutingTable:
    campaign = Campaign(id=1, slug="shoes", public_id="PUB", trafficback_url=back_url, **more)
    settings = SettingsEntry(seal=KEY, trafficback_url=everyone)
    off = destination(2, status="paused")
    return build(campaign, destination(1), off, destination(3, status="paused"), *streams, settings=settings)


@pytest.mark.parametrize(
    ("rules", "facts", "reason"),
    [
        ([[GERMANS]], {"country": "FR"}, "geo_not_allowed"),
        ([[GERMANS], [GERMANS]], {"country": "FR"}, "geo_not_allowed"),
        ([[PHONES]], {"device_type": "tv"}, "device_not_allowed"),
        ([[PEOPLE]], {"bot": "1"}, "bot_or_low_quality"),
        ([[GERMANS], [PHONES]], {"country": "FR", "device_type": "tv"}, "no_matching_stream"),
        ([[PAID]], {}, "no_matching_stream"),
        ([[PAID], [GERMANS]], {"country": "FR"}, "no_matching_stream"),
        ([[GERMANS, PHONES]], {"country": "DE", "device_type": "tv"}, "device_not_allowed"),
        ([], {}, "no_matching_stream"),
    ],
)
def test_why_no_stream_took_a_click(rules, facts, reason):
    made = shop(*(stream(n, 1, rules=tuple(own)) for n, own in enumerate(rules, 1)))
    decision = decided(made, **facts)
    assert (decision.kind, decision.reason) == ("trafficback", reason)


def test_why_no_destination_took_a_click():
    assert decided(shop(stream(1, 2, 3))).reason == "destination_disabled"
    assert decided(shop(stream(1))).reason == "no_destination_available"
    made = shop(stream(1, 1, 2))
    mixed = ((1, "offer_cap_reached", -1), (2, verdicts.DISABLED, -1))
    same = ((1, "offer_cap_reached", -1), (2, "offer_cap_reached", -1))
    for destinations, reason in ((mixed, "no_destination_available"), (same, "offer_cap_reached")):
        campaign = made.by_slug["shoes"]
        found = back(made, campaign, visit(), verdicts.NO_DESTINATION, 0, (), destinations, 1)
        assert found.reason == reason


def test_the_stream_s_own_goes_before_the_campaign_s_and_that_before_everybody_s():
    own = stream(1, 2, trafficback_url="https://own.example/?a=1#x")
    everyone = "https://all.example/"

    def host(made):
        return urlsplit(decided(made).url).hostname

    assert host(shop(own, everyone=everyone)) == "own.example"
    assert host(shop(stream(1, 2), everyone=everyone)) == "back.example"
    assert host(shop(stream(1, 2), back_url="", everyone=everyone)) == "all.example"
    none = decided(shop(stream(1, 2), back_url=""))
    assert (none.kind, none.reason, none.url) == ("reply", "destination_disabled", "")


def test_a_trafficback_that_was_passed_is_not_taken_again_but_the_next_one_is():
    made = shop(everyone="https://all.example/")
    first = decided(made)
    second = decided(made, urlsplit(first.url).query)
    third = decided(made, urlsplit(second.url).query)
    assert [urlsplit(d.url).hostname for d in (first, second)] == ["back.example", "all.example"]
    assert (third.kind, third.reason, third.depth) == ("reply", "trafficback_loop", 2)


def test_a_chain_that_keeps_no_marks_ends_at_the_depth():
    made = shop()
    kinds = [decided(made, f"{DEPTH}={depth}").kind for depth in range(5)]
    assert kinds == ["trafficback"] * 3 + ["reply"] * 2
    assert decided(made, f"{DEPTH}=3").reason == "trafficback_too_deep"


def test_a_url_that_repeats_what_it_was_given_does_not_hide_how_deep_it_is():
    """A trafficback may hold `trafficback_depth={query.trafficback_depth}`: the first of a name wins."""
    made = shop()
    assert decided(made, f"{DEPTH}=0&{DEPTH}=3").reason == "trafficback_too_deep"
    mark = dict(parse_qsl(urlsplit(decided(made).url).query))[VISITED]
    assert decided(made, f"{VISITED}=&x=1&{VISITED}={mark}").reason == "trafficback_loop"


@pytest.mark.parametrize("everyone", ["", "https://all.example/"])
def test_two_weirs_that_point_at_each_other_stop(everyone):
    """Each is an installation of its own: other ids, other secrets; only the URL travels."""
    one = shop(back_url="https://two.example/c/shoes", everyone=everyone)
    other = shop(back_url="https://one.example/c/shoes?sub1={sub1}", everyone=everyone)
    query, hops = "sub1=x", []
    for turn in range(20):
        decision = decided((one, other)[turn % 2], query)
        hops.append(decision.kind)
        if decision.kind == "reply" or "all.example" in decision.url:
            break
        query = urlsplit(decision.url).query
    assert len(hops) <= 4 and decision.depth <= 3
    assert everyone or decision.reason == "trafficback_loop"


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_a_visitor_sends_chooses_where_he_is_sent_back(depth, visited):
    made = shop(everyone="https://all.example/")
    seen = visit()
    seen.params |= {DEPTH: depth, VISITED: visited}
    decision = back(made, made.by_slug["shoes"], seen, verdicts.ASKED, 0, (), (), 0)
    if decision.kind == "reply":
        assert decision.url == ""
        return
    split = urlsplit(decision.url)
    assert (split.hostname, split.path) in {("back.example", "/"), ("all.example", "/")}
    assert [name for name, _ in parse_qsl(split.query, keep_blank_values=True)] == [DEPTH, VISITED]
