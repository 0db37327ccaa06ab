"""decide(): pure, weighted exactly, and every verdict recorded."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.model.catalog import Campaign, Destination, Link, Source, Stream
from appliance.model.rules import Rule, Target
from appliance.model.table import (
    CampaignEntry,
    DestinationEntry,
    LinkEntry,
    SettingsEntry,
    SourceEntry,
    StreamEntry,
)
from appliance.routing.compile import Draft
from appliance.routing.decide import decide
from appliance.routing.draws import DRAW_BITS
from appliance.routing.state import State
from appliance.routing.table import RoutingTable
from appliance.routing.visit import Visit, read_query


def table(streams=(), destinations=3, draft=None, settings_entry=None, **campaign) -> RoutingTable:
    draft = draft or Draft()
    entries = [CampaignEntry(Campaign(id=1, slug="shoes", public_id="PUB", source_id=4, **campaign))]
    draft.put("campaign/1", entries + [StreamEntry(stream) for stream in streams])
    draft.put(
        "destination/1",
        [DestinationEntry(Destination(id=i, url=f"https://d{i}.example/?c={{click_id}}", network_id=i * 10))
         for i in range(1, destinations + 1)],
    )  # fmt: skip
    draft.put("source/1", [SourceEntry(Source(id=4, currency="EUR"))])
    draft.put("settings", [settings_entry or SettingsEntry()])
    made = list(draft.build(7, 70))[-1]
    assert made is not None
    return made


def stream(number: int, rules=(), targets=((1, 100),), **more) -> Stream:
    return Stream(
        id=number, campaign_id=1, position=number, rules=tuple(rules),
        targets=tuple(Target(destination_id=d, weight=w) for d, w in targets), **more,
    )  # fmt: skip


def visit(query: str = "", door: str = "c") -> Visit:
    made = Visit(door, "shoes", query, read_query(query))
    made.click_id = "CLICK"
    made.read_tracking()
    return made


def run(made: RoutingTable, query: str = "", draw: int = 0, availability=None, door: str = "c"):
    campaign, _ = made.campaign("c", "shoes")
    assert campaign is not None
    return decide(made, campaign, visit(query, door), State(availability), draw, 0)


US = Rule(param="country", operator="eq", value="US")
BIG = Rule(param="cost", operator="gt", value="1")


def test_the_first_stream_whose_rules_all_match_takes_the_click():
    made = table([stream(1, [US, BIG]), stream(2, [US], [(2, 1)]), stream(3, [], [(3, 1)])])
    assert run(made, "country=US&cost=2").destination_id == 1
    assert run(made, "country=US&cost=1").destination_id == 2
    assert run(made, "country=DE").destination_id == 3
    seen = run(made, "country=US").inputs
    assert seen.streams == ((1, "rule", 1), (2, "matched", -1))
    assert seen.destinations == ((2, "chosen", -1),)


def test_streams_are_tried_by_position_then_id():
    streams = [stream(5, targets=[(2, 1)]), stream(4, targets=[(1, 1)])]
    made = table(
        [Stream(**{f: getattr(s, f) for f in s.__struct_fields__} | {"position": 9}) for s in streams]
    )
    assert run(made).stream_id == 4


def test_a_paused_stream_is_passed_over_and_says_so():
    made = table([stream(1, status="paused"), stream(2, targets=[(2, 1)])])
    decision = run(made)
    assert (decision.stream_id, decision.inputs.streams[0]) == (2, (1, "paused", -1))


def test_no_stream_means_trafficback_of_the_campaign_then_of_the_appliance_then_a_reply():
    us_only = [stream(1, [US])]
    own = run(table(us_only, trafficback_url="https://back.example/?c={click_id}#f"), "country=DE")
    assert (own.kind, own.reason) == ("trafficback", "no_matching_stream")
    assert own.url == "https://back.example/?c=CLICK&trafficback_depth=1&trafficback_visited=43df9be9#f"
    of_all = table(us_only, settings_entry=SettingsEntry(trafficback_url="https://all.example/"))
    assert run(of_all, "country=DE").url.startswith("https://all.example/?trafficback_depth=1&")
    nothing = run(table(us_only, settings_entry=SettingsEntry(no_route_status=410)), "country=DE")
    assert (nothing.kind, nothing.status) == ("reply", 410)


def test_a_trafficback_loop_ends_at_the_allowed_depth():
    made = table([], trafficback_url="https://back.example/")
    depths = [run(made, f"trafficback_depth={d}").kind for d in (0, 1, 2, 3, 99)]
    assert depths == ["trafficback", "trafficback", "trafficback", "reply", "reply"]
    assert run(made, "trafficback_depth=9999999").kind == "trafficback"  # nonsense counts as a first visit
    assert run(made, "trafficback_depth=3").reason == "trafficback_too_deep"


def test_a_paused_campaign_and_the_trafficback_door_send_back():
    assert run(table([stream(1)], status="paused")).reason == "campaign_paused"
    assert run(table([stream(1)]), door="tb").reason == "asked"


def test_destinations_that_are_closed_take_nothing_and_say_why():
    made = table([stream(1, targets=[(1, 50), (2, 50), (3, 0)])])
    for draw in (0, 2**52, 2**53 - 1):
        decision = run(made, draw=draw, availability={1: "cap"})
        assert decision.destination_id == 2
        assert decision.inputs.destinations == ((1, "cap", -1), (2, "chosen", -1), (3, "no_weight", -1))
    none = run(made, availability={1: "cap", 2: "schedule"})
    assert (none.reason, none.stream_id) == ("no_destination_available", 1)


def test_a_paused_or_unknown_destination_takes_nothing():
    draft = Draft()
    table([stream(1, targets=[(1, 1), (2, 1)])], draft=draft)
    draft.put(
        "destination/1", [DestinationEntry(Destination(id=1, url="https://x.example/", status="paused"))]
    )
    made = list(draft.build(8, 80))[-1]
    assert run(made).inputs.destinations == ((1, "destination_disabled", -1),)


def test_who_counts():
    made = table([stream(1)])
    campaign, _ = made.campaign("c", "shoes")
    for flags, counted in (((), 1), (("head",), 0), (("prefetch",), 0), (("bot",), 1), (("head", "bot"), 0)):
        seen = visit()
        seen.flags = flags
        assert decide(made, campaign, seen, State(), 0, 0).sent_to == counted


def test_doors_and_links_lead_to_the_campaign():
    draft = Draft()
    draft.put("link/1", [LinkEntry(Link(id=1, token="TOK", campaign_id=1, params={"sub1": "x"}))])
    draft.put("link/2", [LinkEntry(Link(id=2, token="OLD", campaign_id=99))])
    made = table([stream(1)], draft=draft)
    assert made.campaign("go", "PUB")[0] is made.campaign("c", "shoes")[0]
    assert made.campaign("r", "TOK")[1].params == {"sub1": "x"}
    assert made.campaign("r", "OLD") == (None, None)
    assert made.campaign("c", "PUB") == (None, None)
    assert made.campaign("c", "shoes")[0].currency == "EUR"


def test_an_unchanged_campaign_is_taken_over_as_compiled_and_a_changed_destination_is_not():
    draft = Draft()
    first = table([stream(1)], draft=draft)
    again = list(draft.build(8, 80))[-1]
    assert again.by_slug["shoes"] is first.by_slug["shoes"]
    draft.put("destination/1", [DestinationEntry(Destination(id=1, url="https://new.example/"))])
    changed = list(draft.build(9, 90))[-1]
    assert run(changed).url == "https://new.example/"
    draft.remove("campaign/1")
    assert list(draft.build(10, 1))[-1].by_slug == {}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any), st.integers(0, 2**DRAW_BITS - 1))
def test_a_draw_lands_where_the_weights_say(weights, draw):
    made = table([stream(1, targets=[(i + 1, w) for i, w in enumerate(weights)])], destinations=len(weights))
    picked = run(made, draw=draw).destination_id
    point = draw * sum(weights) / 2**DRAW_BITS
    below = sum(weights[: picked - 1])
    assert below - 1e-6 <= point <= below + weights[picked - 1] + 1e-6
    assert weights[picked - 1] > 0
    # The way around closed destinations is the same choice.
    assert run(made, draw=draw, availability={999: "cap"}).destination_id == picked


@settings(max_examples=20)
@given(st.lists(st.integers(1, 100), min_size=2, max_size=5), st.integers(0, 2**32))
def test_shares_converge_to_the_weights(weights, seed):
    made = table([stream(1, targets=[(i + 1, w) for i, w in enumerate(weights)])], destinations=len(weights))
    n = 2_000
    counts = dict.fromkeys(range(1, len(weights) + 1), 0)
    for i in range(n):  # a low-discrepancy walk of the unit interval: no luck in this test
        draw = int(((seed + i) * 0.6180339887498949 % 1.0) * 2**DRAW_BITS)
        counts[run(made, draw=draw).destination_id] += 1
    for i, weight in enumerate(weights):
        share = weight / sum(weights)
        assert abs(counts[i + 1] / n - share) < 4 * math.log(n) / n + 0.002


@given(st.text(max_size=80), st.integers(0, 2**DRAW_BITS - 1))
def test_the_same_inputs_always_give_the_same_decision(query, draw):
    made = table([stream(1, [US]), stream(2, [], [(1, 1), (2, 3), (3, 1)])])
    one, other = run(made, query, draw), run(made, query, draw)
    assert vars(one) == vars(other)
