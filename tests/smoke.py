"""`make smoke`: the whole main job once, on the real executable with two edges, every figure checked.

1,000 mixed clicks and 200 postbacks go through real sockets; what every report must then say is computed
here from what was sent and from the redirects, with none of Weir's code. Exit code 1 on any difference.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.rig import Weir, start_weir, wait_for
from tests.visitors import click_id_of
from tests.wire import Address, Answer, Wire, address_of, exchange, request

CLICKS, POSTBACKS, EARLY = 1_000, 200, 20
SECRET, WRONG = "smoke-s3cret-of-acme", "smoke-wr0ng-guess"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MONEY = ("revenue", "cost", "profit")


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


@dataclass(frozen=True)
class Click:
    """One click as it should be recorded."""

    id: str
    campaign: str
    stream: str
    destination: str
    source: str
    counted: bool
    cost: Fraction
    currency: str


@dataclass
class Sums:
    """What a line of a report is made of; money by currency."""

    clicks: int = 0
    conversions: int = 0
    cost: Counter[str] = field(default_factory=Counter)
    revenue: Counter[str] = field(default_factory=Counter)


Money = tuple[str, Fraction]


@dataclass(frozen=True)
class Sale:
    """What the postbacks of one claim come to in the end."""

    click: Click
    count: int
    money: Money


# -- the catalog -----------------------------------------------------------------------------------------


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
            url=f"https://{name}.example/l?cid={{click_id}}&s={{sub1}}&none={{no_such_macro}}",
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


# -- clicks ----------------------------------------------------------------------------------------------

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


def settle(planned: Planned, answer: Answer) -> Click:
    """What must have been recorded, now that the answer is here. SystemExit when the answer is wrong."""
    host = (urlsplit(answer.location).hostname or "").removesuffix(".example")
    right = (answer.status, host) == (404, "") if not planned.allowed else (
        answer.status == 302 and host in planned.allowed and click_id_of(answer.location) != ""
    )  # fmt: skip
    if not right:
        raise SystemExit(f"smoke: {planned} was answered {answer}")
    source = {"shoes": "push", "hats": "native"}.get(planned.campaign, "")
    return Click(
        click_id_of(answer.location), planned.campaign, planned.stream, host if host[:1] == "d" else "",
        source, planned.counted, planned.cost, planned.currency,
    )  # fmt: skip


def send_clicks(address: Address, plans: Iterable[Planned]) -> Iterator[Click]:
    """Most on a connection of their own, so that both edges get some; some on kept ones, some pipelined."""
    waiting: list[Planned] = []
    kept: Wire | None = None
    for number, planned in enumerate(plans):
        if number % 10 < 7:
            yield settle(planned, exchange(address, planned.target, planned.method, planned.headers))
        elif number % 10 < 9:
            if kept is None or number % 100 == 7:
                if kept is not None:
                    kept.close()
                kept = Wire(address)
            yield settle(planned, kept.ask(planned.target, planned.method, planned.headers))
        else:
            waiting.append(planned)
            if len(waiting) == 10:
                yield from _pipeline(address, waiting)
                waiting.clear()
    yield from _pipeline(address, waiting)
    if kept is not None:
        kept.close()


def _pipeline(address: Address, plans: list[Planned]) -> Iterator[Click]:
    with Wire(address) as wire:
        wire.send(b"".join(request(each.target, each.method, each.headers) for each in plans))
        for each in plans:
            yield settle(each, wire.answer(each.method == "HEAD"))


# -- postbacks -------------------------------------------------------------------------------------------


class Network:
    """Sends postbacks in every way a network does, and counts them; a wrong answer ends the program."""

    def __init__(self, address: Address, dice: random.Random) -> None:
        self._address = address
        self._dice = dice
        self.sent = 0
        self.statuses: Counter[int] = Counter()

    def send(self, slug: str, params: Mapping[str, str], expect: int = 200, wire: Wire | None = None) -> None:
        params = dict(params)
        if slug == "acme" and "secret" not in params:
            params["secret"] = SECRET
        way = self._dice.randrange(4)
        target, method, headers, body = f"/pb/{slug}?{urlencode(params)}", "GET", {}, b""
        if way == 1:
            target, method, headers, body = f"/pb/{slug}", "POST", FORM, urlencode(params).encode()
        elif way == 2:
            target, method, headers = f"/pb/{slug}", "POST", {"Content-Type": "application/json"}
            body = json.dumps(params).encode()
        elif way == 3:
            target, method, headers = "/api/postbacks", "POST", {"Content-Type": "application/json"}
            body = json.dumps({**params, "network": slug}).encode()
        if wire is not None:
            answer = wire.ask(target, method, headers, body)
        else:
            answer = exchange(self._address, target, method, headers, body)
        self.sent += 1
        self.statuses[answer.status] += 1
        if answer.status != expect or (expect == 200) != answer.body.startswith(b"OK"):
            raise SystemExit(f"smoke: {method} {target} {body!r} was answered {answer}, expected {expect}")


def micro(dice: random.Random) -> tuple[str, Fraction]:
    """A payout as text, and its value: networks send up to eight digits, what is finer than 1e-6 is cut."""
    whole, fraction = dice.randrange(0, 200), dice.choice(["", "5", "25", "000001", "12345678", "10"])
    value = whole + Fraction(int((fraction + "000000")[:6]), 1_000_000)
    return f"{whole}.{fraction}" if fraction else str(whole), value


def send_postbacks(network: Network, clicks: list[Click], dice: random.Random) -> Iterator[Sale]:
    """The 180 that are not early; yields what each claim comes to."""
    known = [click for click in clicks if click.id and click.counted]
    serial = iter(range(1_000_000))

    def claim() -> tuple[Click, dict[str, str]]:
        click = dice.choice(known)
        identifier = click.id.upper() if dice.random() < 0.1 else click.id
        return click, {"click_id": identifier, "transaction_id": f"tx-{next(serial)}"}

    for number in range(70):  # plain sales; every third is repeated word for word
        click, params = claim()
        text, value = micro(dice)
        slug, currency = dice.choice(
            [("acme", ""), ("acme", "usd"), ("open", ""), ("open", "EUR"), ("euro", "")]
        )
        if slug == "euro":
            params = {
                "aff": params["click_id"],
                "transaction_id": params["transaction_id"],
                "commission": text,
            }
        else:
            params |= {"payout": text, "status": dice.choice(["sale", "Approved", "", "lead"])}
        if currency:
            params["currency"] = currency
        network.send(slug, params)
        if number % 3 == 0:
            network.send(slug, params)
        yield Sale(click, 1, (currency.upper() or ("EUR" if slug == "euro" else "USD"), value))
    for _ in range(10):  # held, then approved with another amount
        click, params = claim()
        text, value = micro(dice)
        network.send("acme", {**params, "payout": "999", "status": "pending"})
        network.send("acme", {**params, "payout": text, "status": "approved"})
        yield Sale(click, 1, ("USD", value))
    for _ in range(10):  # sold, then taken back
        click, params = claim()
        network.send("open", {**params, "payout": "7.77"})
        network.send("open", {**params, "status": "rejected"})
        yield Sale(click, 0, ("USD", Fraction(0)))
    for number in range(6):  # nothing paid: no payout, or a macro that nobody replaced
        click, params = claim()
        network.send("acme", {**params, "payout": "{payout}"} if number % 2 else params)
        yield Sale(click, 1, ("USD", Fraction(0)))
    click, params = claim()  # one transaction id, two networks: two sales
    for slug in ("acme", "open"):
        network.send(slug, {**params, "payout": "1"})
        yield Sale(click, 1, ("USD", Fraction(1)))
    for _ in range(10):  # well-formed ids of clicks that never were
        unknown = f"01900000-0000-7000-8000-{dice.randrange(1 << 48):012x}"
        network.send("open", {"click_id": unknown, "transaction_id": f"tx-{next(serial)}", "payout": "5"})
    for _ in range(5):
        network.send("open", {"click_id": "not-an-id", "payout": "5"})
    for _ in range(10):
        _, params = claim()
        network.send("acme", {**params, "payout": "5", "secret": WRONG}, expect=403)
    for _ in range(6):
        network.send("open", {"transaction_id": "tx-nobody", "payout": "5"}, expect=400)
    while network.sent < POSTBACKS:
        network.send("nobody", {"click_id": dice.choice(known).id}, expect=404)


# -- the early ones --------------------------------------------------------------------------------------


def edge_of(weir: Weir, wire: Wire) -> int:
    """Which edge serves a connection: the kernel's table says which socket, /proc whose it is."""
    host, port = wire.sock.getsockname()[:2]
    near = f"{int.from_bytes(bytes(map(int, host.split('.'))), 'little'):08X}:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[2] == near and row[9] != "0"}
    for role, pid in weir.children().items():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if role != "core" and str(link.readlink()) in inodes:
                    return int(role.removeprefix("edge-"))
            except OSError:
                continue
    raise AssertionError(f"no edge holds the connection from {near}")


def wires_to_both(weir: Weir, address: Address) -> tuple[Wire, Wire]:
    """A connection to edge 0 and one to edge 1."""
    found: dict[int, Wire] = {}
    spare: list[Wire] = []
    while len(found) < 2:
        wire = Wire(address)
        assert wire.ask("/healthz").status == 200
        spare.append(wire)
        found.setdefault(edge_of(weir, wire), wire)
        if len(spare) > 100:
            raise AssertionError("a hundred connections all went to one edge")
    for wire in spare:
        if wire not in found.values():
            wire.close()
    return found[0], found[1]


def send_early(
    weir: Weir, address: Address, plans: list[Planned], network: Network
) -> tuple[list[Click], list[Sale]]:
    """Clicks whose edge's journal is withheld until the postback for each was tried in vain."""
    first, second = wires_to_both(weir, address)
    weir.call("journal.hold", {"edge": 0, "consumer": "all"})
    clicks = [settle(each, first.ask(each.target, each.method, each.headers)) for each in plans]
    sales = []
    for number, click in enumerate(clicks):
        params = {"click_id": click.id, "transaction_id": f"early-{number}", "payout": f"{number}.01"}
        network.send("acme", params, wire=second)
        sales.append(Sale(click, 1, ("USD", number + Fraction(1, 100))))
    tried = wait_for("every early postback tried once", lambda: _waiting(weir, len(sales)))
    overview = weir.call("reports.overview")
    if (overview["clicks"], overview["conversions"]) != (0, 0):
        raise SystemExit(f"smoke: the journal was held, and yet the report says {overview}")
    weir.call("journal.release", {"edge": 0, "consumer": "all"})
    print(f"early: {len(sales)} postbacks tried before their clicks were there ({tried} waiting)", flush=True)
    first.close()
    second.close()
    return clicks, sales


def _waiting(weir: Weir, wanted: int) -> int:
    told = weir.call("system.status")["conversions"]["outcomes"].get("waiting", 0)
    return int(told) if told >= wanted else 0


# -- the reports -----------------------------------------------------------------------------------------


def expected(
    clicks: list[Click], sales: list[Sale], key: Callable[[Click], tuple[int, ...]]
) -> dict[tuple[int, ...], Sums]:
    """Sums by group, from what was sent."""
    groups: dict[tuple[int, ...], Sums] = defaultdict(Sums)
    for click in clicks:
        if click.counted:
            sums = groups[key(click)]
            sums.clicks += 1
            sums.cost[click.currency] += click.cost  # type: ignore[assignment]
    for sale in sales:
        sums = groups[key(sale.click)]
        sums.conversions += sale.count
        sums.revenue[sale.money[0]] += sale.money[1]  # type: ignore[assignment]
    return groups


def as_line(sums: Sums, currency: str) -> dict[str, Any]:
    """A report's line, exact."""
    cost, revenue = Fraction(sums.cost[currency]), Fraction(sums.revenue[currency])
    profit = revenue - cost
    others = {
        unit: {"cost": Fraction(sums.cost[unit]), "revenue": Fraction(sums.revenue[unit])}
        for unit in sorted({*sums.cost, *sums.revenue} - {currency})
        if sums.cost[unit] or sums.revenue[unit]
    }
    return {
        "clicks": sums.clicks, "conversions": sums.conversions,
        "revenue": revenue, "cost": cost, "profit": profit,
        "roi": round(profit / cost * 100, 4) if cost else None,
        "cr": round(Fraction(sums.conversions * 100, sums.clicks), 4) if sums.clicks else None,
        "epc": round(revenue / sums.clicks, 6) if sums.clicks else None,
        "unconverted": others,
    }  # fmt: skip


def exact(value: Any) -> Any:
    """Numbers of a decoded answer as fractions of what its text said."""
    if isinstance(value, dict):
        return {name: exact(each) for name, each in value.items()}
    return Fraction(str(value)) if isinstance(value, float | int) else value


@dataclass
class Comparison:
    """Counts the figures that were compared, prints those that differ."""

    figures: int = 0
    wrong: int = 0

    def line(self, where: str, want: Mapping[str, Any], got: Mapping[str, Any]) -> None:
        for name, value in want.items():
            self.figures += 1
            if exact(value) != exact(got.get(name)):
                self.wrong += 1
                print(f"DIFFERENT {where} {name}: expected {value}, got {got.get(name)}", flush=True)

    def table(self, where: str, want: dict[tuple[int, ...], dict[str, Any]], answer: dict[str, Any]) -> None:
        groups = answer["group_by"]
        got = {tuple(item[name] for name in groups): item for item in answer["items"]}
        self.line(where, {"groups": sorted(want), "total": len(want)},
                  {"groups": sorted(got), "total": answer["total"]})  # fmt: skip
        for key, line in want.items():
            self.line(f"{where} {key}", line, got.get(key, {}))


def compare(weir: Weir, shop: Shop, clicks: list[Click], sales: list[Sale]) -> Comparison:
    """Every report in every grouping, in the default currency and in euros."""
    keys: dict[str, Callable[[Click], int]] = {
        "campaign": lambda click: shop.campaigns[click.campaign],
        "stream": lambda click: shop.streams.get(click.stream, 0),
        "destination": lambda click: shop.destinations.get(click.destination, 0),
        "source": lambda click: shop.sources.get(click.source, 0),
    }
    found = Comparison()
    for currency in ("USD", "EUR"):
        asked = {} if currency == "USD" else {"currency": currency}
        whole = as_line(expected(clicks, sales, lambda click: ())[()], currency)
        found.line(f"overview {currency}", whole, weir.call("reports.overview", asked))
        for groups in (["campaign"], ["stream"], ["destination"], ["source"], ["campaign", "destination"]):
            sums = expected(clicks, sales, lambda click, groups=groups: tuple(keys[g](click) for g in groups))
            answer = weir.call("reports.query", {**asked, "group_by": groups, "limit": 1000})
            lines = {key: as_line(each, currency) for key, each in sums.items()}
            found.table(f"by {'+'.join(groups)} {currency}", lines, answer)
            found.line(f"totals by {'+'.join(groups)} {currency}", whole, answer["totals"])
    for name, number in shop.campaigns.items():
        mine = [click for click in clicks if click.campaign == name]
        own = [sale for sale in sales if sale.click.campaign == name]
        line = as_line(expected(mine, own, lambda click: ())[()], "USD")
        found.line(f"overview of {name}", line, weir.call("reports.overview", {"campaign_id": number}))
    return found


def wait_for_reports(weir: Weir, clicks: list[Click], sales: list[Sale]) -> None:
    """Until the overview has as many as were sent, or a minute has passed: `compare` says what is missing."""
    whole = as_line(expected(clicks, sales, lambda click: ())[()], "USD")

    def there() -> bool:
        got = weir.call("reports.overview")
        return all(exact(got[name]) == exact(whole[name]) for name in ("clicks", "conversions", *MONEY))

    try:
        wait_for("the figures", there, seconds=60)
    except AssertionError:
        print("the reports did not become what they should within a minute", flush=True)


def check_inside(weir: Weir, found: Comparison, recorded: int, network: Network) -> None:
    """What the appliance says of itself: nothing lost, nothing set aside, no secret in its log."""
    status = weir.call("system.status")
    by_edge = [
        {topic["topic"]: topic["published"] for topic in edge["topics"]}["click_events"]
        for edge in weir.call("system.event_producers")["edges"]
    ]
    journals = [edge["report"]["journal"] for edge in status["edges"]]
    outcomes = status["conversions"]["outcomes"]
    log = weir.log.read_text("utf-8", "replace")
    found.line(
        "the appliance",
        {"clicks published": recorded, "unrecorded": 0, "set aside": 0, "problems": [], "secrets in log": 0,
         "answers 200/400/403/404": [177, 6, 10, 7]},
        {"clicks published": sum(by_edge), "unrecorded": sum(j["unrecorded"] for j in journals),
         "set aside": status["warehouse"]["rows_set_aside"], "problems": status["problems"],
         "secrets in log": log.count(SECRET) + log.count(WRONG),
         "answers 200/400/403/404": [network.statuses[code] for code in (200, 400, 403, 404)]},
    )  # fmt: skip
    print(f"clicks by edge {by_edge}; postbacks became {dict(sorted(outcomes.items()))}", flush=True)


def main() -> int:
    began = time.monotonic()
    dice = random.Random(20261122)
    with tempfile.TemporaryDirectory(prefix="weir-smoke-") as folder:
        settings = {"WEIR_DEMO": "false"}
        with start_weir(Path(folder) / "data", "--edges", "2", env=settings) as weir:
            print(f"started after {time.monotonic() - began:.1f} s", flush=True)
            shop = stock(weir)
            wait_for_table(weir)
            print(f"catalog ready after {time.monotonic() - began:.1f} s", flush=True)
            address = address_of(weir.public)
            network = Network(address, dice)
            clicks, sales = send_early(weir, address, _plans(shop, dice, EARLY), network)
            clicks += send_clicks(address, (plan(shop, dice) for _ in range(CLICKS - EARLY)))
            for door in ("/c/nobody", "/go/nobody", "/r/nobody", "/tb/nobody"):
                assert exchange(address, door).status == 404, "no campaign: no click"
            sales += send_postbacks(network, clicks, dice)
            print(f"sent {len(clicks)} clicks and {network.sent} postbacks after "
                  f"{time.monotonic() - began:.1f} s", flush=True)  # fmt: skip
            wait_for_reports(weir, clicks, sales)
            found = compare(weir, shop, clicks, sales)
            check_inside(weir, found, len(clicks), network)
            code = weir.stop()
            found.line("stop", {"exit code": 0, "processes left": 0},
                       {"exit code": code, "processes left": len(weir.family())})  # fmt: skip
    counted = sum(click.counted for click in clicks)
    print(
        f"smoke: {len(clicks)} clicks ({counted} counted), {network.sent} postbacks, "
        f"{sum(sale.count for sale in sales)} conversions; {found.figures} figures compared, "
        f"{found.wrong} wrong; {time.monotonic() - began:.0f} s"
    )
    return 1 if found.wrong else 0


def _plans(shop: Shop, dice: random.Random, count: int) -> list[Planned]:
    """Clicks that count and get an id: what an early postback needs."""
    found: list[Planned] = []
    while len(found) < count:
        planned = plan(shop, dice)
        if planned.allowed and planned.counted:
            found.append(planned)
    return found


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, subprocess.TimeoutExpired) as fault:
        print(f"smoke: failed: {fault}")
        sys.exit(1)
