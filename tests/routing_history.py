"""A catalog that keeps changing while clicks come in: for tests of what a click can be explained by.

Every feature of routing is somewhere in it, chosen by a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from appliance.model.catalog import Campaign, Destination, Link, Source, Stream
from appliance.model.rules import (
    Answer,
    Cap,
    CostModel,
    Distribution,
    Rule,
    Schedule,
    Target,
    Transparent,
    Uniqueness,
    UniquePolicy,
    Window,
)
from appliance.routing.visit import Visit, read_query

COUNTRIES = ("DE", "US", "FR", "BR")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "",
)
URLS = (
    "https://d{n}.example/?c={{click_id}}&s={{sub1}}&k={{source_click_id}}&p={{cost}}{{currency}}",
    "https://d{n}.example/{{country}}/{{sub2}}?q={{query.x}}&at={{timestamp}}&ua={{user_agent}}",
    "https://d{n}.example/?ids={{campaign_id}}.{{stream_id}}.{{destination_id}}&ip={{ip}}&l={{language}}",
    "/p/thanks?c={{click_id}}&utm={{utm_source}}&r={{referrer}}&_={{_sub1}}",
    "https://d{n}.example/?s={{sample:a,b,c}}{{sample:x,y}}&d={{date:H:i,Asia/Tokyo}}&p={{landing_name}}{{parent_campaign_id}}",
)


def _leaf(rng: random.Random) -> Rule:
    made: list[dict[str, Any]] = [
        {"param": "country", "operator": "in", "value": rng.choice([("DE",), ("US", "FR")])},
        {"param": "x", "operator": rng.choice(["exists", "not_exists"])},
        {"param": "x", "operator": "regex", "value": rng.choice(["^a", "[0-9]+", "b$"])},
        {"param": "cost", "operator": rng.choice(["gt", "lte"]), "value": "0.5"},
        {"fact": "browser", "operator": "eq", "value": "Chrome"},
        {"fact": "device_type", "operator": "in", "value": ("mobile", "tablet")},
        {"fact": "city", "operator": "neq", "value": "Berlin"},  # never known here
        {"fact": "bot", "operator": "eq", "value": "0"},
        {"fact": "ip", "operator": "cidr", "value": ("10.0.0.0/25", "192.0.2.7")},
        {"fact": "header.x-app", "operator": "contains", "value": "one"},
        {"fact": "user_agent", "operator": "mask", "value": "*iPhone*"},
        {"fact": "sub1", "operator": "starts_with", "value": "a"},
        {"fact": "unique_campaign", "operator": "eq", "value": rng.choice("01")},
        {"fact": "unique_stream", "operator": "eq", "value": "1"},
        {"fact": "link", "operator": "exists"},
        {"schedule": Schedule(timezone="Europe/Berlin", windows=(Window(begin="08:00", end="20:00"),))},
    ]  # fmt: skip
    return Rule(**rng.choice(made), negate=rng.random() < 0.2)


def _rule(rng: random.Random, depth: int = 0) -> Rule:
    if depth < 2 and rng.random() < 0.25:
        members = tuple(_rule(rng, depth + 1) for _ in range(rng.randint(1, 3)))
        negate = rng.random() < 0.3
        return Rule(all=members, negate=negate) if rng.random() < 0.5 else Rule(any=members, negate=negate)
    return _leaf(rng)


def stream_values(
    rng: random.Random, destinations: Sequence[int], campaigns: Sequence[int]
) -> dict[str, Any]:
    """The fields of a stream but for its campaign."""
    chosen = rng.sample(list(destinations), min(len(destinations), rng.randint(1, 4)))
    weights = [rng.choice([0, 1, 50, 100]) for _ in chosen]
    weights[0] = weights[0] or 10
    answer = Answer()
    if rng.random() < 0.2:
        answer = rng.choice(
            [
                Answer(kind="text", body="hello {click_id}"),
                Answer(kind="status", status=204),
                Answer(kind="meta"),
                Answer(kind="campaign", campaign_id=rng.choice(campaigns)) if campaigns else Answer(),
            ]
        )
    policy = None
    if rng.random() < 0.5:
        policy = UniquePolicy(
            user_key=rng.choice(["sub1", "address", "visitor", "source_click_id", "query.x"]),
            exhausted_mode=rng.choice(["allow_repeat", "no_destination"]),
            skip_converted=rng.random() < 0.6,
        )
    return {
        "position": rng.randint(0, 20),
        "status": "paused" if rng.random() < 0.1 else "active",
        "rules": tuple(_rule(rng) for _ in range(rng.choice([0, 0, 1, 1, 2]))),
        "targets": tuple(Target(destination_id=d, weight=w) for d, w in zip(chosen, weights, strict=True)),
        "kind": rng.choice(["regular", "regular", "regular", "forced", "default"]),
        "weight": rng.choice([0, 10, 100]),
        "distribution": Distribution(
            strategy=rng.choice(["weighted", "weighted", "waterfall", "round_robin", "best_roi", "adaptive"])
        ),
        "unique_policy": policy,
        "answer": answer,
        "trafficback_url": "https://back.example/?s={stream_id}" if rng.random() < 0.2 else "",
    }


def destination_values(rng: random.Random, n: int, others: Sequence[int]) -> dict[str, Any]:
    exits: tuple[tuple[Target, ...], ...] = ()
    if others and rng.random() < 0.4:
        exits = ((Target(destination_id=rng.choice(others)),), (Target(destination_id=rng.choice(others)),))
    return {
        "url": rng.choice(URLS).format(n=n),
        "status": "paused" if rng.random() < 0.1 else "active",
        "schedule": Schedule(windows=(Window(begin="06:00", end="18:00"),)) if rng.random() < 0.4 else None,
        "caps": (Cap(metric="conversions", limit="5"),) if rng.random() < 0.1 else (),
        "alternative_id": rng.choice(others) if others and rng.random() < 0.3 else None,
        "exits": exits,
    }


def campaign_values(rng: random.Random, sources: Sequence[int]) -> dict[str, Any]:
    return {
        "status": "paused" if rng.random() < 0.05 else "active",
        "source_id": rng.choice([None, *sources]),
        "currency": rng.choice(["", "EUR"]),
        "trafficback_url": rng.choice(["", "https://tb.example/{sub1}?c={click_id}", "/c/c1"]),
        "rotation": rng.choice(["position", "weight"]),
        "sticky": rng.choice(["none", "stream", "destination", "destination"]),
        "uniqueness": Uniqueness(by=rng.choice(["address", "address_agent", "cookie"])),
    }


def source_values(rng: random.Random) -> dict[str, Any]:
    params, model = rng.choice(
        [
            ({}, CostModel()),
            ({"sub1": "zone", "source_click_id": "rid", "cost": "bidprice"}, CostModel()),
            ({"utm_source": "src"}, CostModel(kind="cpc", amount="0.02")),
        ]
    )
    hop = Transparent(hosts=("shop.example",)) if rng.random() < 0.3 else None
    return {"params": params, "cost_model": model, "currency": "USD", "transparent": hop}


def request(rng: random.Random, slugs: Sequence[str], public: Sequence[str], tokens: Sequence[str]) -> Visit:
    """A visit as the public port hands it to the router."""
    door = rng.choice(["c", "c", "c", "go", "r", "tb"])
    keys = {"c": slugs, "tb": slugs, "go": public, "r": tokens}[door]
    if not keys:
        door, keys = "c", slugs
    given = {
        "country": rng.choice([*COUNTRIES, ""]),
        "x": rng.choice(["a1", "b", "%D1%84", "a+b", "{X}"]),
        "cost": rng.choice(["0.1", "2", "bad", "{COST}"]),
        "bidprice": "0.7",
        "sub1": rng.choice(["alpha", "beta", "a%26b"]),
        "zone": rng.choice(["z1", "[ZONE]"]),
        "clickid": f"k{rng.randint(0, 20)}",
        "rid": f"r{rng.randint(0, 20)}",
        "currency": "USD",
        "utm_source": "push",
        "lpurl": rng.choice(["https%3A%2F%2Fshop.example%2Fp", "https%3A%2F%2Fevil.example%2F"]),
        "trafficback_depth": str(rng.randint(0, 4)),
    }
    names = rng.sample(list(given), rng.randint(0, 7))
    query = "&".join(f"{name}={given[name]}" for name in names)
    visit = Visit(door, rng.choice(keys), query, read_query(query))
    visit.user_agent = rng.choice(AGENTS)
    visit.headers = {b"x-app": rng.choice([b"one", b"two"])} if rng.random() < 0.5 else {}
    visit.referrer = rng.choice(["", "https://www.google.com/search?q=x", "https://blog.example/post"])
    visit.language = rng.choice(["", "de-DE,de;q=0.9", "en"])
    visit.host = "go.example"
    visit.address = rng.choice(["10.0.0.5", "10.0.0.200", "192.0.2.7", "2001:db8::1"])
    flags = [(), (), (), (), ("bot",), ("head",), ("prefetch",)]
    visit.flags = rng.choice(flags)
    return visit


SHOP = Campaign(slug="shop", name="Shop", rotation="weight", sticky="destination")
"""One that stays as it is, with a stream for everything that a seed might miss."""
SHOP_SOURCE = Source(name="Shop", transparent=Transparent(hosts=("shop.example",)))
WANTED = ("policy", "onward", "turns", "ranks", "land", "city", "drawn", "hours", "net", "nothing")


def landing(destinations: Sequence[int]) -> Destination:
    one, other = (Target(destination_id=number) for number in destinations[:2])
    return Destination(url="https://page.example/?t={lp_token}", exits=((one, other), (other,)))


def shop_streams(of: int, onward: int, destinations: Sequence[int], page: int) -> list[Stream]:
    def asked(want: str, *more: Rule) -> tuple[Rule, ...]:
        return (*more, Rule(param="want", operator="eq", value=want))

    every = tuple(Target(destination_id=number) for number in destinations)
    policy = UniquePolicy(user_key="sub1", skip_converted=True)
    night = Schedule(windows=(Window(begin="22:00", end="03:00"),))
    special: list[tuple[str, dict[str, Any]]] = [
        ("policy", {"unique_policy": policy}),
        ("onward", {"answer": Answer(kind="campaign", campaign_id=onward)}),
        ("turns", {"distribution": Distribution(strategy="round_robin")}),
        ("ranks", {"distribution": Distribution(strategy="adaptive")}),
        ("land", {"targets": (Target(destination_id=page),)}),
        ("city", {"rules": asked("city", Rule(fact="city", operator="exists"))}),
        ("hours", {"rules": asked("hours", Rule(schedule=night))}),
        ("net", {"rules": asked("net", Rule(fact="ip", operator="cidr", value=("192.0.2.0/28",)))}),
        ("drawn", {}),
        ("drawn", {}),
    ]
    made = [{"rules": asked(want), "targets": every, **values} for want, values in special]
    return [Stream(campaign_id=of, name="shop", **values) for values in made]


def shopper(rng: random.Random) -> Visit:
    query = f"want={rng.choice(WANTED)}&sub1={rng.choice('abc')}"
    if rng.random() < 0.1:
        query += "&lpurl=https%3A%2F%2Fshop.example%2Fp"
    if rng.random() < 0.3:
        query += f"&fbclid=IwAR{rng.randint(0, 99)}&consent={rng.choice(('granted', 'denied'))}"
    visit = Visit("c", "shop", query, read_query(query))
    visit.headers = {b"sec-gpc": b"1"} if rng.random() < 0.1 else {}
    visit.address, visit.user_agent = "192.0.2.7", AGENTS[0]
    return visit


def campaign(rng: random.Random, n: int, sources: Sequence[int]) -> Campaign:
    return Campaign(slug=f"c{n}", public_id=f"pub{n}", name=f"Campaign {n}", **campaign_values(rng, sources))


def stream(rng: random.Random, of: int, destinations: Sequence[int], campaigns: Sequence[int]) -> Stream:
    values = stream_values(rng, destinations, [c for c in campaigns if c != of])
    return Stream(campaign_id=of, name="s", **values)


def destination(rng: random.Random, n: int, others: Sequence[int]) -> Destination:
    return Destination(name=f"D{n}", **destination_values(rng, n, others))


def source(rng: random.Random, n: int) -> Source:
    return Source(name=f"S{n}", secret="s" * 20, **source_values(rng))


def link(rng: random.Random, n: int, of: int) -> Link:
    params = {"sub1": "preset", "x": "a"} if rng.random() < 0.7 else {}
    return Link(token=f"tok{n}", campaign_id=of, params=params, facts_from_query=rng.random() < 0.5)
