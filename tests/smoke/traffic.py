"""The smoke test's clicks and postbacks on real sockets, and what each must have become."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.rig import Weir, wait_for
from tests.smoke.shop import SECRET, Planned
from tests.visitors import click_id_of
from tests.wire import Address, Answer, Wire, exchange, request

POSTBACKS = 200
WRONG = "smoke-wr0ng-guess"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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


Money = tuple[str, Fraction]


@dataclass(frozen=True)
class Sale:
    """What the postbacks of one claim come to in the end."""

    click: Click
    count: int
    money: Money


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
    for _ in range(3):  # of no sale that is known, and of nothing at all
        network.send("open", {"transaction_id": "tx-nobody", "payout": "5"})
        network.send("open", {"payout": "5"}, expect=400)
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
