"""The smoke test's catalog, made through `weir call`, and random clicks on it worked out by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import quote, urlencode

from tests.rig import Weir, wait_for

SECRET = "smoke-s3cret-of-acme"


@dataclass(frozen=True)
class Shop:
    """Ids of what was created, by short name."""

    campaigns: dict[str, int]
    streams: dict[str, int]
    destinations: dict[str, int]
    sources: dict[str, int]
    networks: dict[str, int]
    go: str
    token: str


def stock(weir: Weir) -> Shop:
    """Create sources, networks, destinations, campaigns with streams and a link, as an operator would."""

    def made(kind: str, **values: Any) -> dict[str, Any]:
        answer: dict[str, Any] = weir.call(f"{kind}.create", values)
        return answer

    sources = {"push": made("sources", name="Push", currency="USD")["id"],
               "native": made("sources", name="Native", currency="EUR")["id"]}  # fmt: skip
    template = made("templates", name="Euro words", mapping={"payout": ["commission"], "click_id": ["aff"]})
    networks = {
        "acme": made("networks", name="Acme", slug="acme", secret=SECRET, currency="USD")["id"],
        "open": made("networks", name="Open", slug="open")["id"],
        "euro": made("networks", name="Euro", slug="euro", currency="EUR", template_id=template["id"])["id"],
    }
    destinations = {
        name: made(
            "destinations",
            name=f"Offer {name}",
            url=f"https://{name}.example/l?cid={{click_id}}&s={{sub1}}&none={{sub30}}",
            network_id=networks["acme"] if name in ("d1", "d2") else None,
        )["id"]
        for name in ("d1", "d2", "d3", "d4", "d5")
    }
    back = "https://back.example/t?cid={click_id}"
    shoes = made("campaigns", name="Shoes", slug="shoes", source_id=sources["push"])
    hats = made("campaigns", name="Hats", slug="hats", source_id=sources["native"], trafficback_url=back)
    bags = made("campaigns", name="Bags", slug="bags")
    rest = made("campaigns", name="Rest", slug="rest", status="paused", trafficback_url=back, currency="GBP")

    def stream(campaign: dict[str, Any], position: int, rules: list[dict[str, Any]], **weights: int) -> int:
        targets = [
            {"destination_id": destinations[name], "weight": weight} for name, weight in weights.items()
        ]
        answer = made("streams", campaign_id=campaign["id"], position=position, rules=rules, targets=targets)
        return int(answer["id"])

    streams = {
        "german": stream(
            shoes, 10, [{"param": "country", "operator": "in", "value": ["DE", "AT"]}], d1=70, d2=30
        ),
        "tagged": stream(shoes, 20, [{"param": "sub2", "operator": "exists"}], d3=1),
        "others": stream(shoes, 1000, [], d1=100),
        "cheap": stream(hats, 10, [{"param": "bid", "operator": "lt", "value": "0.5"}], d4=50, d2=50),
        "cyrillic": stream(bags, 10, [{"param": "lang", "operator": "eq", "value": "ру"}], d5=9),
    }
    link = made("links", campaign_id=shoes["id"], name="Preset", params={"sub2": "preset"})
    named = {"shoes": shoes, "hats": hats, "bags": bags, "rest": rest}
    campaigns = {name: int(each["id"]) for name, each in named.items()}
    return Shop(campaigns, streams, destinations, sources, networks, shoes["public_id"], link["token"])


def wait_for_table(weir: Weir) -> None:
    """Until both edges decide with the newest revision."""

    def current() -> bool:
        stats = weir.call("routing.stats")
        edges = [edge["revision"] for edge in stats["edges"] if edge["connected"]]
        return edges == [stats["revision"]] * 2

    wait_for("both edges on the newest catalog", current)


COSTS = {"": 0, "0.01": 10_000, "0.0123456789": 12_345, "1.5": 1_500_000, "0.000001": 1, "2": 2_000_000,
         "-1": 0, "abc": 0, "1e3": 0, "0,5": 0, "NaN": 0, "12345678.9": 12_345_678_900_000}  # fmt: skip
"""What is sent as the cost → what is recorded, in micro-units: a bad parameter is lost, its click is not."""


@dataclass(frozen=True)
class Planned:
    """A click about to be sent, and all that can be said of it before its redirect is seen."""

    target: str
    method: str
    headers: dict[str, str]
    campaign: str
    stream: str
    allowed: tuple[str, ...]
    """Hosts a redirect may lead to; empty when the visitor gets a plain reply."""
    counted: bool
    cost: Fraction
    currency: str


def plan(shop: Shop, dice: random.Random) -> Planned:
    """One random click, with what it must become worked out by hand."""
    campaign = dice.choices(["shoes", "hats", "bags", "rest"], [55, 25, 14, 6])[0]
    door = dice.choices(["c", "go", "r", "tb"], [70, 15, 10, 5])[0] if campaign == "shoes" else "c"
    if campaign == "hats" and dice.random() < 0.15:
        door = "tb"
    params: list[tuple[str, str]] = [("sub1", dice.choice(["a b", "ключ", "x&y=z", "1", "%", "emoji 🙂"]))]
    country = dice.choice(["DE", "AT", "US", ""])
    if country:
        params.append(("country", country))
    sub2 = dice.random() < 0.3
    if sub2:
        params.append(("sub2", "zone"))
    lang = dice.choice(["ру", "en"])
    if campaign == "bags":
        params.append(("lang", lang))
    bid = dice.choice(list(COSTS))
    params.append(("bid", bid))
    currency = dice.choice(["", "", "", "USD", "eur", "JPY", "dollars"])
    if currency:
        params.append(("currency", currency))
    if dice.random() < 0.1:
        params.append(("clickid", "x" * 600))
    method, headers, counted = "GET", {}, True
    kind = dice.random()
    if kind < 0.06:
        method, counted = "HEAD", False
    elif kind < 0.10:
        headers, counted = {dice.choice(["Sec-Purpose", "Purpose", "X-Moz"]): "prefetch"}, False
    elif kind < 0.13:
        headers = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}
    key = {"go": shop.go, "r": shop.token}.get(door, campaign)
    query = urlencode(params, quote_via=quote) + dice.choice(["", "&&=&%", "&url=https://evil.example/"])
    stream, allowed = _route(campaign, door, country, sub2 or door == "r", lang, bid)
    default = {"shoes": "USD", "hats": "EUR", "bags": "USD", "rest": "GBP"}[campaign]
    told = currency.upper() if currency in ("USD", "eur", "JPY") else ""
    cost = Fraction(COSTS[bid], 1_000_000)
    target = f"/{door}/{key}?{query}"
    return Planned(target, method, headers, campaign, stream, allowed, counted, cost, told or default)


def _route(
    campaign: str, door: str, country: str, tagged: bool, lang: str, bid: str
) -> tuple[str, tuple[str, ...]]:
    """(stream, the hosts that may follow) of a click, from the catalog above as a person would read it."""
    if campaign == "rest" or (door == "tb" and campaign == "hats"):
        return "", ("back",)
    if campaign == "shoes":
        if door == "tb":
            return "", ()  # neither the campaign nor the appliance has a trafficback
        if country in ("DE", "AT"):
            return "german", ("d1", "d2")
        return ("tagged", ("d3",)) if tagged else ("others", ("d1",))
    if campaign == "hats":
        below = bid in ("0.01", "0.0123456789", "0.000001", "-1")
        return ("cheap", ("d4", "d2")) if below else ("", ("back",))
    return ("cyrillic", ("d5",)) if lang == "ру" else ("", ())


def plans_with_id(shop: Shop, dice: random.Random, count: int) -> list[Planned]:
    """Clicks that count and get an id: what an early postback needs."""
    found: list[Planned] = []
    while len(found) < count:
        planned = plan(shop, dice)
        if planned.allowed and planned.counted:
            found.append(planned)
    return found
