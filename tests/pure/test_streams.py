"""Which stream takes a click: forced before regular before default, in order or drawn by weight."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import NamedList
from appliance.model.rules import Rule, Schedule, Window
from appliance.model.table import ListEntry
from appliance.routing.compile import Draft, check_stream
from appliance.routing.decide import decide
from appliance.routing.draws import DRAW_BITS, nth
from appliance.routing.holdings import Holdings
from appliance.routing.parts import compile_part
from appliance.routing.state import State
from tests.pure.test_decide import stream, table, visit
from tests.pure.test_list_entries import made as list_file

US = Rule(param="country", operator="eq", value="US")
NEVER = Rule(param="nobody", operator="exists")


def run(made, query="", draw=0, now_us=0, facts=None, recorded=None, **visit_fields):
    seen = visit(query)
    seen.facts = facts or {}
    seen.recorded = recorded
    for name, value in visit_fields.items():
        setattr(seen, name, value)
    campaign, _ = made.campaign("c", "shoes")
    return decide(made, campaign, seen, State(), draw, now_us)


def test_forced_streams_come_first_and_default_ones_last_whatever_their_position():
    streams = [
        stream(1, kind="default"), stream(2, [US]), stream(3, [US], kind="forced"),
        stream(4, [NEVER], kind="forced"), stream(5, kind="default"),
    ]  # fmt: skip
    made = table(streams)
    assert run(made, "country=US").inputs.streams == ((3, "matched", -1),)
    assert run(made, "country=DE").inputs.streams == (
        (3, "rule", 0), (4, "rule", 0), (2, "rule", 0), (1, "matched", -1),
    )  # fmt: skip


def test_an_unknown_fact_is_told_and_the_next_stream_tried():
    berlin = Rule(fact="city", operator="eq", value="Berlin")
    others = Rule(fact="city", operator="neq", value="Berlin")
    made = table([stream(1, [US, berlin]), stream(2, [others]), stream(3, kind="default")])
    assert run(made, "country=US").inputs.streams == (
        (1, "unknown", 1),
        (2, "unknown", 0),
        (3, "matched", -1),
    )
    assert run(made, "country=DE").inputs.streams[0] == (1, "rule", 0)
    assert run(made, "country=US", facts={"city": "Berlin"}).stream_id == 1
    assert run(made, facts={"city": "Bonn"}).stream_id == 2
    assert run(made, facts={"city": ""}).stream_id == 2


def test_hours_open_and_close_a_stream():
    hours = Rule(schedule=Schedule(windows=(Window(begin="08:00", end="20:00"),)))
    made = table([stream(1, [hours]), stream(2, [Rule(schedule=hours.schedule, negate=True)])])
    assert [run(made, now_us=hour * 3_600_000_000).stream_id for hour in (7, 8, 19, 20)] == [2, 1, 1, 2]


def test_a_test_of_the_address_is_recorded_and_gives_the_same_decision_without_it():
    office = Rule(any=(Rule(fact="ip", operator="cidr", value=("10.0.0.0/29",)), US))
    shop = Rule(fact="header.x-app", operator="eq", value="shop")
    made = table([stream(1, [office, shop]), stream(2, [office], [(2, 1)]), stream(3)])
    for address, app in (("10.0.0.7", b"shop"), ("10.0.0.7", b"other"), ("10.0.0.9", b"shop")):
        first = run(made, address=address, headers={b"x-app": app})
        assert first.inputs.tests
        again = run(made, address="10.0.0.0", recorded=first.inputs.tests)
        assert vars(again) == vars(first)
    assert run(made, "country=DE").inputs.tests != {} and run(table([stream(1, [US])])).inputs.tests == {}


def test_a_stream_is_drawn_by_weight_among_those_that_match():
    streams = [
        stream(1, [NEVER], kind="forced"), stream(2, weight=30), stream(3, [US], weight=1000),
        stream(4, weight=70), stream(5, weight=0), stream(6, status="paused"), stream(7, kind="default"),
    ]  # fmt: skip
    made = table(streams, rotation="weight")
    n, counts = 4_000, {2: 0, 4: 0}
    for i in range(n):
        draw = int(i / n * 2**DRAW_BITS)
        decision = run(made, draw=draw)
        counts[decision.stream_id] += 1
        other = 6 - decision.stream_id
        assert set(decision.inputs.streams) == {
            (1, "rule", 0), (3, "rule", 0), (5, "no_weight", -1), (6, "paused", -1),
            (decision.stream_id, "matched", -1), (other, "not_drawn", -1),
        }  # fmt: skip
        assert (decision.stream_id == 2) is (nth(draw, 1) * 100 >> DRAW_BITS < 30)
    assert abs(counts[2] - 0.3 * n) < 4 * sqrt(n * 0.3 * 0.7)


def test_forced_and_default_streams_are_not_drawn():
    streams = [
        stream(1, [US], kind="forced", weight=0),
        stream(2, [NEVER], weight=5),
        stream(3, kind="default"),
    ]
    made = table(streams, rotation="weight")
    assert run(made, "country=US").stream_id == 1
    assert run(made).inputs.streams == ((1, "rule", 0), (2, "rule", 0), (3, "matched", -1))
    nothing = run(table([stream(1, weight=0)], rotation="weight"))
    assert (nothing.reason, nothing.inputs.streams) == ("no_matching_stream", ((1, "no_weight", -1),))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 2**DRAW_BITS - 1))
def test_a_drawn_stream_has_the_share_of_its_weight(weights, draw):
    made = table([stream(i + 1, weight=w) for i, w in enumerate(weights)], rotation="weight")
    decision = run(made, draw=draw)
    point = nth(draw, 1) * sum(weights) >> DRAW_BITS
    for number, weight in enumerate(weights, 1):
        if point < weight:
            assert decision.stream_id == number
            return
        point -= weight
    assert decision.reason == "no_matching_stream"


def test_a_named_list_is_a_part_and_what_changes_in_it_changes_the_campaigns_that_ask():
    in_list = Rule(param="p", operator="in_list", list_id=1)
    draft = Draft()
    draft.put("list/01", [ListEntry(1, "text", "one")])
    draft.contents_of = {"one": list_file("text", "a").contents()}
    first = table([stream(1, [in_list]), stream(2)], draft=draft)
    assert draft.lists() == {"one": "text"}
    assert [run(first, f"p={p}").stream_id for p in "ab"] == [1, 2]
    assert table([stream(1, [in_list]), stream(2)], draft=draft).by_slug["shoes"] is first.by_slug["shoes"]
    draft.put("list/01", [ListEntry(1, "text", "two")])
    draft.contents_of = {"two": list_file("text", "b").contents()}
    second = list(draft.build(8, 80))[-1]
    assert [run(second, f"p={p}").stream_id for p in "ab"] == [2, 1]
    # Its file cannot be read, or it is not there at all: unknown, and the others go on.
    draft.contents_of = {"two": None}
    assert run(list(draft.build(9, 90))[-1], "p=b").inputs.streams[0] == (1, "unknown", 0)
    draft.remove("list/01")
    assert run(list(draft.build(10, 90))[-1], "p=b").inputs.streams[0] == (1, "unknown", 0)


def test_a_named_list_is_compiled_into_its_part():
    holdings = Holdings()
    holdings.put("list", NamedList(id=65, name="l", of="mask", digest="d" * 32, entries=3))
    part, left_out = compile_part("list/01", holdings, lambda *_: ())
    assert part is not None and not left_out and b"d" * 32 in part.frames[0]


@pytest.mark.parametrize(("groups", "fine"), [(4, True), (5, False)])
def test_rules_are_counted_with_those_in_groups(groups, fine):
    group = Rule(any=(US,) * 99)
    assert (check_stream(stream(1, [group] * groups + [US] * (10 if fine else 1))) == []) is fine
