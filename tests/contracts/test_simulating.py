"""Simulate and replay beyond one link: landing pages, the tracking script, drafts that change the choice."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import Missing, Refused
from appliance.model.messages import Weights
from appliance.routing.landings import carried
from appliance.routing.visit import Visit
from tests.contracts.test_explaining import SEAL, World, world  # noqa: F401  a fixture

PAGE = "https://page.example/?lang=de&country=DE&cost=2"


@pytest.fixture
async def pages(world: World) -> World:  # noqa: F811
    """The campaign leads to a landing page, whose second exit leads to another one."""
    one, other = (
        [{"destination_id": 1}],
        [{"destination_id": 2, "weight": 1}, {"destination_id": 3, "weight": 3}],
    )
    await world.ask(
        "destinations.create", name="Second", url="https://second.example/?t={lp_token}", exits=[one]
    )
    await world.ask(
        "destinations.create", name="First", url="https://first.example/?s={sub1}",
        exits=[other, [{"destination_id": 4}]],
    )  # fmt: skip
    for number, url in ((1, "{landing_name}/{sub1}?p={landing_id}"), (2, "?p={landing_id}")):
        await world.ask("destinations.change", id=number, url=f"https://d{number}.example/{url}")
    await world.ask("streams.change", id=2, targets=[{"destination_id": 5}])
    await world.publish()
    return world


async def test_a_visitor_follows_the_exits_of_the_pages_he_is_sent_to(pages: World) -> None:
    told = await pages.ask("routing.simulate", url="/c/shoes?sub1=a", exits=[2, 1, 1])
    assert [(t["destination_id"], t["reason"]) for t in told["traces"]] == [
        (5, ""),
        (4, "next_landing"),
        (1, ""),
    ]
    assert [(t["landing_id"], t["exit_number"]) for t in told["traces"]] == [(0, 0), (5, 2), (4, 1)]
    assert told["traces"][2]["url"] == "https://d1.example/Second/a?p=4"
    assert told["outcomes"][0]["destination"] == "D1"
    one = await pages.ask("routing.simulate", url="/c/shoes", exits=[1])
    seen = {each["name"]: each["weight"] for each in one["traces"][1]["destinations"]}
    assert seen == {"D2": 1, "D3": 3}
    many = await pages.ask("routing.simulate", url="/c/shoes", exits=[1], clicks=4_000)
    shares = {each["destination"]: each["share"] for each in many["outcomes"]}
    assert shares.keys() == {"D2", "D3"} and abs(shares["D3"] - 0.75) < 0.03
    none = await pages.ask("routing.simulate", url="/c/shoes", exits=[7])
    assert [(t["decision"], t["reason"]) for t in none["traces"]][1:] == [
        ("reply", "no_destination_available")
    ]
    assert len((await pages.ask("routing.simulate", url="/c/other", exits=[1]))["traces"]) == 1


async def test_the_way_through_two_pages_is_explained_click_by_click(pages: World) -> None:
    visit = Visit("c", "shoes", "sub1=a", {"sub1": "a"})
    decision = pages.router.click(visit)
    for number in (2, 1):
        assert decision is not None
        found = carried(SEAL, [decision.landing], "", pages.now_us // 1_000)
        assert found is not None
        decision = pages.router.exit(Visit("lp", "", "", {}), found, number)
    assert decision is not None and decision.url == "https://d1.example/Second/a?p=4"
    clicks = pages.clicks[-3:]
    assert [(c.landing_id, c.exit_number, c.destination_id) for c in clicks] == [
        (5, 0, 5),
        (5, 2, 4),
        (4, 1, 1),
    ]
    for click in clicks:
        told = await pages.ask("routing.explain", click_id=click.id)
        assert told["exact"] and told["url_proven"], told["differences"]


async def test_the_tracking_scripts_visits_are_read_from_their_page(pages: World) -> None:
    asked: dict[str, Any] = {
        "url": "https://go.example/t.js?c=shoes",
        "page": PAGE,
        "referrer": "https://a.example/x",
    }
    told = await pages.ask("routing.simulate", **asked)
    assert (told["traces"][0]["stream_id"], told["traces"][0]["destination_id"]) == (1, 1)
    assert told["traces"][0]["facts"]["referrer_host"] == "a.example"
    for url in ("/t.js?go=PUB", "/t.js?go=PUB&c=shoes"):
        assert (await pages.ask("routing.simulate", url=url, page=PAGE))["traces"][0]["stream_id"] == 1
    named = await pages.ask(
        "routing.simulate", campaign_id=1, page="https://page.example/?lang=de", exits=[2]
    )
    assert [t["destination_id"] for t in named["traces"]] == [5, 4]
    with pytest.raises(Missing):
        await pages.ask("routing.simulate", url="/t.js?c=nobody", page=PAGE)


SCRIPT = "/t.js?c=shoes"


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"url": SCRIPT}, "page"),
        ({"url": "/t.js", "page": PAGE}, "url"),
        ({"url": "/c/shoes", "page": PAGE}, "page"),
        ({"url": SCRIPT, "page": "ftp://x/"}, "page"),
        ({"url": SCRIPT, "page": "http://[x"}, "page"),
        ({"url": "/c/shoes", "exits": [0]}, "exits[0]"),
        ({"url": "/c/shoes", "exits": [1] * 11}, "exits"),
        ({"url": "/c/shoes", "address": "nowhere"}, "address"),
    ],
)
async def test_what_no_visitor_could_do_is_refused(world: World, payload: dict[str, Any], path: str) -> None:  # noqa: F811
    with pytest.raises(Refused) as caught:
        await world.ask("routing.simulate", **payload)
    assert [fault.path for fault in caught.value.fields] == [path]


async def test_an_address_that_was_not_said_has_no_version(world: World) -> None:  # noqa: F811
    for address, facts in (
        ("", {}),
        ("192.0.2.1", {"ip_version": "4"}),
        ("2001:db8::1", {"ip_version": "6"}),
    ):
        told = await world.ask("routing.simulate", url="/c/shoes", address=address)
        assert {n: v for n, v in told["traces"][0]["facts"].items() if n == "ip_version"} == facts


async def test_half_a_character_reaches_no_rule(world: World) -> None:  # noqa: F811
    tests = [
        {"param": "x", "operator": "regex", "value": "b"},
        {"fact": "city", "operator": "regex", "value": "b"},
        {"fact": "sub1", "operator": "mask", "value": ["*b", "b*"]},
        {"fact": "ip", "operator": "cidr", "value": ["::/0"]},
    ]
    rules = [{"any": tests}]
    await world.ask("streams.change", id=1, rules=rules)
    half = "\ud800"
    told = await world.ask(
        "routing.simulate",
        url="/c/shoes",
        query=f"x={half}&sub1={half}",
        facts={"city": half},
        vary={"y": [half]},
    )
    assert told["traces"][0]["streams"][0]["verdict"] == "rule"


async def test_a_draft_that_moves_targets_keeps_each_ones_own_rank(world: World) -> None:  # noqa: F811
    """The record has the ranks in the order of the targets then."""
    await world.ask("streams.change", id=2, distribution={"strategy": "adaptive"})
    await world.publish()
    world.router.take_weights(Weights({2: {2: 1, 3: 1_000_000}}))
    for _ in range(20):
        await world.click("")
    assert {click.destination_id for click in world.clicks} == {3}
    targets = [{"destination_id": 3, "weight": 25}, {"destination_id": 2, "weight": 75}]
    steps = [{"kind": "stream", "id": 2, "values": {"targets": targets}}]
    told = await world.ask("routing.replay", campaign_id=1, changes=steps)
    assert (told["clicks"], told["moved"]) == (20, 0), told["moves"]


async def test_a_draft_with_a_round_robin_takes_turns(world: World) -> None:  # noqa: F811
    for _ in range(20):
        await world.click("")
    steps = [{"kind": "stream", "id": 2, "values": {"distribution": {"strategy": "round_robin"}}}]
    told = await world.ask("routing.replay", campaign_id=1, changes=steps)
    went = {2: 0, 3: 0}
    for click in world.clicks:
        went[click.destination_id] += 1
    for move in told["moves"]:
        went[move["before"]["destination_id"]] -= move["clicks"]
        went[move["after"]["destination_id"]] += move["clicks"]
    assert went == {2: 10, 3: 10}
