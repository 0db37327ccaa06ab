"""Landing pages: what is carried, how it is sealed, and where exits lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import Campaign
from appliance.model.ids import click_id, click_time_ms
from appliance.model.rules import Target
from appliance.model.table import DestinationEntry
from appliance.routing.carrying import LONGEST_TOKEN, token
from appliance.routing.compile import Draft, check_exits, decode_part
from appliance.routing.decide import decide
from appliance.routing.landings import LIFE_MS, LONGEST_COOKIE, carried, kept
from appliance.routing.macros import Ids
from appliance.routing.seals import opened, seal
from appliance.routing.state import State
from appliance.routing.visit import Leaving
from tests.pure.tables import CLICK, KEY, build, decided, destination, parts, stream, visit

IDS = Ids(1, "shoes", 2, 3, 4)
BORN = click_time_ms(CLICK)


def exits(*ways: tuple[tuple[int, int], ...]) -> tuple[tuple[Target, ...], ...]:
    return tuple(tuple(Target(destination_id=d, weight=w) for d, w in way) for way in ways)


def shop(*more, landing_url: str = "https://land.example/?t={lp_token}", **campaign):
    page = destination(9, landing_url, exits=exits(((1, 1), (2, 3)), ((3, 1),)))
    return build(
        Campaign(id=1, slug="shoes", public_id="PUB", **campaign),
        destination(1), destination(2), destination(3), page, stream(2, 9), *more,
    )  # fmt: skip


def out(made, number: int, draw: int = 0, stream_id: int = 2, landing_id: int = 9, availability=None):
    campaign = made.by_id[1]
    state = State(availability)
    leaving = visit(door="lp")
    leaving.leaving = Leaving(stream_id, landing_id, number)
    return decide(made, campaign, leaving, state, draw, 0)


def test_a_landing_page_is_given_what_leads_out_of_it():
    decision = decided(shop(), "sub1=a&fbclid=F")
    assert (decision.destination_id, decision.landing_id) == (9, 9)
    assert decision.url == f"https://land.example/?t={decision.landing}"
    found = carried(KEY, [decision.landing], "", BORN)
    assert (found.click_id, found.campaign_id, found.stream_id, found.landing_id) == (CLICK, 1, 2, 9)
    assert (found.source_click_id, found.subs) == ("F", {1: "a"})
    assert (
        decided(build(Campaign(id=1, slug="shoes", public_id="PUB"), destination(1), stream(2, 1))).landing
        == ""
    )


def test_an_exit_shares_its_clicks_by_weight_among_what_is_open():
    made = shop()
    assert [out(made, 1, draw).destination_id for draw in (0, 2**51 - 1, 2**51, 2**53 - 1)] == [1, 1, 2, 2]
    assert out(made, 2).destination_id == 3
    assert out(made, 1, availability={1: "offer_cap_reached"}).destination_id == 2
    decision = out(made, 2)
    assert (decision.kind, decision.stream_id, decision.sent_to) == ("destination", 2, 3)
    assert decision.inputs.destinations == ((3, "chosen", -1),)


@pytest.mark.parametrize("number", [0, 3, 999])
def test_an_exit_that_there_is_not_is_a_trafficback(number):
    made = shop(trafficback_url="https://back.example/")
    decision = out(made, number)
    assert (decision.kind, decision.reason) == ("trafficback", "no_destination_available")


def test_an_exit_that_is_closed_is_a_trafficback_that_says_why():
    made = shop(trafficback_url="https://back.example/")
    assert out(made, 2, availability={3: "offer_cap_reached"}).reason == "offer_cap_reached"
    assert out(shop(status="paused"), 1).reason == "campaign_paused"


def test_a_page_whose_stream_has_changed_still_lets_its_visitors_out():
    assert out(shop(), 2, stream_id=77).destination_id == 3
    assert out(shop(), 2, landing_id=8).kind == "reply"


def test_the_exits_of_an_alternative_are_there_too():
    page = destination(9, exits=exits(((1, 1),)))
    made = build(
        Campaign(id=1, slug="shoes", public_id="PUB"),
        destination(1),
        page,
        destination(8, alternative_id=9),
        stream(2, 8),
    )
    assert out(made, 1).destination_id == 1


def test_a_page_behind_a_page_has_exits_too_however_long_the_chain_and_however_it_turns():
    made = build(
        Campaign(id=1, slug="shoes", public_id="PUB"),
        destination(1),
        destination(7, exits=exits(((8, 1),))),
        destination(8, exits=exits(((9, 1),), ((1, 1),))),
        destination(9, exits=exits(((7, 1),))),
        stream(2, 7),
    )
    first = out(made, 1, landing_id=7)
    assert (first.destination_id, first.landing_id, bool(first.landing)) == (8, 8, True)
    assert first.reason == "next_landing"
    assert out(made, 1, landing_id=8).destination_id == 9
    assert out(made, 1, landing_id=9).destination_id == 7
    last = out(made, 2, landing_id=8)
    assert (last.destination_id, last.reason, last.landing) == (1, "", "")


def test_an_alternative_that_is_gone_stands_in_for_nobody():
    """A campaign is compiled anew when one of its alternatives goes."""
    draft = Draft()
    everything = parts(
        Campaign(id=1, slug="shoes", public_id="PUB"),
        destination(1, alternative_id=2),
        destination(2, alternative_id=3),
        destination(3),
        stream(2, 1),
    )
    for part in everything:
        draft.put(part.name, list(decode_part(part.frames)))
    state = State({1: "offer_cap_reached", 2: "offer_cap_reached"})

    def taken() -> int:
        made = list(draft.build(7, 70))[-1]
        assert made is not None
        return decide(made, made.by_id[1], visit(), state, 0, 0).destination_id

    assert taken() == 3
    for part in everything:  # an older Weir's, say, that this one leaves out
        kept = [
            e
            for e in decode_part(part.frames)
            if not (isinstance(e, DestinationEntry) and e.destination.id == 3)
        ]
        draft.put(part.name, kept)
    assert taken() == 0


@pytest.mark.parametrize(
    ("ways", "faults"),
    [
        ((), []),
        ((((1, 1),),), []),
        (((),), ["exits[0]"]),
        ((((1, 0),),), ["exits[0]"]),
        ((((1, 1), (1, 2)),), ["exits[0]"]),
        ((((1, 1),), ((2, -1), (3, 1))), ["exits[1][0].weight"]),
        ((((1, 1),),) * 51, ["exits"]),
    ],
)
def test_what_exits_may_hold(ways, faults):
    assert [fault.path for fault in check_exits(destination(9, exits=exits(*ways)))] == faults


def test_a_token_is_good_for_its_click_and_for_a_week():
    made = token(KEY, visit("sub1=a"), IDS)
    assert carried(KEY, [made], CLICK, BORN + LIFE_MS - 1) is not None
    assert carried(KEY, [made], CLICK, BORN + LIFE_MS) is None
    assert carried(KEY, [made], click_id(BORN, 1), BORN) is None
    assert carried(KEY, ["", "x", made], "", BORN).click_id == CLICK
    assert carried(b"another key" * 3, [made], "", BORN) is None
    assert carried(b"", [made], "", BORN) is None
    assert carried(KEY, [seal(KEY, b"double meta", b"x")], "", BORN) is None
    assert token(b"", visit(), IDS) == ""


@given(st.binary(max_size=300), st.data())
def test_a_sealed_text_that_was_changed_is_none(payload, data):
    made = seal(KEY, b"p", payload)
    assert opened(KEY, b"p", made) == payload
    place = data.draw(st.integers(0, len(made) - 1))
    letter = data.draw(st.sampled_from([c for c in "Aab_-9.~é" if c != made[place]]))
    changed = made[:place] + letter + made[place + 1 :]
    assert opened(KEY, b"p", changed) in (None, payload)  # the last letter has bits to spare
    assert opened(KEY, b"q", made) is None


@given(st.dictionaries(st.integers(1, 30), st.text(max_size=512), max_size=30), st.text(max_size=512))
def test_a_token_fits_into_any_url_and_keeps_what_fits(subs, source_click_id):
    seen = visit()
    seen.subs, seen.source_click_id = subs, source_click_id
    made = token(KEY, seen, IDS)
    assert len(made) <= LONGEST_TOKEN
    found = carried(KEY, [made], CLICK, BORN)
    assert found.subs.items() <= subs.items() and found.source_click_id in ("", source_click_id)
    if sum(4 * len(v) + 8 for v in [*subs.values(), source_click_id]) < 1_000:
        assert (found.subs, found.source_click_id) == (subs, source_click_id)
    assert seen.subs == subs


@given(st.lists(st.text(alphabet="abc_-", min_size=1, max_size=LONGEST_TOKEN), min_size=1, max_size=6))
def test_the_cookie_holds_the_newest_pages_and_stays_small_enough(tokens):
    cookie = ""
    for made in tokens:
        cookie = kept(made, cookie)
        assert cookie.split("~")[0] == made and len(cookie) <= LONGEST_COOKIE
        assert len(cookie.split("~")) <= 3 and len(set(cookie.split("~"))) == len(cookie.split("~"))
