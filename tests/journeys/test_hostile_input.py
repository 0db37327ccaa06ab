"""The real executable is asked nonsense at every public route: clear refusals, no deaths, no losses."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.journeys.test_answers import made
from tests.rig import Weir, start_weir, wait_for
from tests.wire import Address, Answer, Wire, address_of

pytestmark = pytest.mark.slow
ASKED = 2_500
SECRET = "the secret of the campaign"
HOSTS = {"offer.example", "land.example", "back.example"}
"""All that the catalog knows."""
PIECES = (
    "", "a", "A" * 600, "A" * 6_000, "\x00", "%00", "%", "%zz", "%FF%FE", "é", "😀", "\u202e", "\u0663",
    "{click_id}", "{{campaign.id}}", "${SUBID}", "{lp_token}", "../..", '"><script>alert(1)</script>',
    "' or 1=1 --", "\\", "NaN", "1e400", "-1", "9" * 40, "1.5", "null", "https://evil.example/",
    "//evil.example", "javascript:alert(1)", "a;b", "a|b", "\r\nLocation: https://evil.example/", "page",
    "P-hostile", "shoes", "0", "1", "999",
)  # fmt: skip
NAMES = (
    "sub1", "sub31", "cost", "currency", "clickid", "cid", "n", "url", "redirect_url", "lpurl", "k",
    "x y", "é", "click_id", "lp_token", "_token", "trafficback_depth", "trafficback_visited",
    "utm_source", "country", "network",
)  # fmt: skip
FIELDS = (
    "token", "secret", "campaign", "ip", "ua", "user_agent", "language", "referrer", "host", "method",
    "headers", "original_headers", "cookies", "params", "uri", "prefetch", "info", "kversion", "format",
    "log", "request_id", "c", "go", "r", "page", "fbp", "fbc", "consent", *NAMES,
)  # fmt: skip
BODIES = (
    b"", b"{", b"[]", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 9_000 + b"1", b'{"token":"\\ud800"}',
    b'{"sub1":1e400}', b"x" * 70_000,
)  # fmt: skip
NOBODY = (
    str(len("There is nothing at this address.\n")),
    str(len("The visit of the landing page that this leads out of is not known here.\n")),
)
"""Lengths of answers that no click is recorded for."""


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with start_weir(tmp_path_factory.mktemp("hostile") / "data") as weir:
        offer = made(weir, "destinations", name="o", url="https://offer.example/?c={click_id}&k={query.k}")
        land = "https://land.example/?t={lp_token}&c={click_id}&s={sub1}"
        page = made(weir, "destinations", name="l", url=land, exits=[[{"destination_id": offer}]])
        back = "https://back.example/"
        shoes = made(weir, "campaigns", name="S", slug="shoes", secret=SECRET, trafficback_url=back)
        rules = [{"param": "k", "operator": "eq", "value": "page"}]
        made(weir, "streams", campaign_id=shoes, rules=rules, targets=[{"destination_id": page}])
        rules = [{"param": "k", "operator": "not_exists"}]
        made(weir, "streams", campaign_id=shoes, rules=rules, targets=[{"destination_id": offer}],
             answer={"kind": "double_meta"}, position=1)  # fmt: skip
        made(weir, "networks", name="N", slug="net")
        body = "<p>{query.sub1} {origin} {encoded.k}</p>"
        made(weir, "pages", name="P", slug="page", body=body)
        wait_for("the table", lambda: ask(weir, Wire(address_of(weir.public))).status == 302)
        yield weir


def ask(weir: Weir, wire: Wire) -> Answer:
    with wire:
        return wire.ask("/c/shoes?k=page")


class Nonsense:
    """What a dice makes of requests that mean something."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.known: list[str] = []
        """Click ids, tokens and sealed texts that were given out."""

    def text(self) -> str:
        if self.known and self.dice.random() < 0.3:
            whole = self.dice.choice(self.known)
            at = self.dice.randrange(len(whole))
            other = self.dice.choice("A~._-é")
            return self.dice.choice((whole, whole[:at], whole[:at] + other + whole[at + 1 :], whole * 2))
        return "".join(self.dice.choices(PIECES, k=self.dice.randrange(1, 3)))

    def value(self, depth: int = 0) -> Any:
        kind = self.dice.randrange(9)
        if kind == 0 and depth < 4:
            return {self.text(): self.value(depth + 1) for _ in range(self.dice.randrange(4))}
        if kind == 1 and depth < 4:
            return [self.value(depth + 1) for _ in range(self.dice.randrange(4))]
        if kind == 2:
            return self.dice.choice((None, True, False, 0, -1, 2**63, 10**30, 1.5, 1e-9))
        return self.text()

    def query(self) -> str:
        pairs = [(self.dice.choice(NAMES), self.text()) for _ in range(self.dice.randrange(5))]
        return "&".join(f"{quote(name)}={self.escaped(text)}" for name, text in pairs)

    def escaped(self, text: str) -> str:
        if self.dice.random() < 0.2:  # as it is, but for what would end the line
            return text.translate(dict.fromkeys(map(ord, "\x00\r\n "), "+"))
        return quote(text, safe="")

    def headers(self) -> dict[str, str]:
        found = {}
        if self.dice.random() < 0.4:
            cookies = [
                f"{self.dice.choice(('weir_lp', 'weir_visitor', 'weir_s1', 'x'))}={self.line()}"
                for _ in range(3)
            ]
            found["Cookie"] = "; ".join(cookies)
        if self.dice.random() < 0.1:
            found["Cookie"] = "weir_lp=" + self.dice.choice("~A.;=") * 8_000
        for name in ("User-Agent", "Referer", "Accept-Language", "X-Forwarded-For", "X-Request-Id", "Origin"):
            if self.dice.random() < 0.2:
                found[name] = self.line()
        return found

    def line(self) -> str:
        return self.text().translate(dict.fromkeys(range(32), " "))

    def body(self) -> tuple[bytes, str]:
        dice = self.dice.random()
        if dice < 0.1:
            return self.dice.choice(BODIES), "application/json"
        if dice < 0.3:
            return self.query().encode(), "application/x-www-form-urlencoded"
        fields = {self.dice.choice(FIELDS): self.value() for _ in range(self.dice.randrange(6))}
        if self.dice.random() < 0.7:
            fields |= {"token": SECRET, "c": "shoes", "k": self.dice.choice(("page", "x"))}
        return json.dumps(fields).encode(), self.dice.choice(("application/json", "text/plain", "a/b"))


def test_nonsense_at_every_route(weir: Weir) -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"\nseed {seed}")
    nonsense, before = Nonsense(seed), weir.children()
    dice, statuses = nonsense.dice, Counter[tuple[str, int]]()
    log_from, clicked = len(weir.log_lines()), 0
    events = produced(weir)
    address = address_of(weir.public)

    def reading(path: Callable[[], str], *allowed: int) -> None:
        """A visitor's request; what it leads to is the catalog's."""
        method = "HEAD" if dice.random() < 0.1 else "GET"
        target = f"{path()}?{nonsense.query()}{dice.choice(('', '&k=page'))}"
        answer = sent(address, dice, target, method, nonsense.headers())
        long = len(target.encode()) > 8_000
        assert answer.status in (*allowed, *((414,) if long else ())), (target, answer)
        seen(target.split("/")[1].partition("?")[0], answer)

    def calling(path: str, *allowed: int) -> None:
        body, kind = nonsense.body()
        answer = sent(address, dice, path, "POST", {**nonsense.headers(), "Content-Type": kind}, body)
        assert answer.status in allowed, (path, body[:2_000], answer)
        if path in ("/api/click", "/api/track") and answer.status != 200:
            assert json.loads(answer.body)["error"], (path, body[:2_000])
        seen(path, answer)

    def seen(what: str, answer: Answer) -> None:
        nonlocal clicked
        statuses[what, answer.status] += 1
        if answer.location:
            assert urlsplit(answer.location).hostname in HOSTS, answer
            parts = dict(
                pair.split("=", 1) for pair in urlsplit(answer.location).query.split("&") if "=" in pair
            )
            nonsense.known += [parts[name] for name in ("c", "t") if parts.get(name)]
        if what in ("c", "r", "go", "tb", "lp") and answer.status in (200, 302, 404):
            clicked += answer.headers["content-length"] not in NOBODY
        if what in ("/api/click", "/api/track") and answer.status == 200:
            clicked += 1
        if b'href="/m/' in answer.body:
            nonsense.known.append(answer.body.partition(b'href="/m/')[2].partition(b'"')[0].decode())
        del nonsense.known[:-50]

    def part() -> str:
        return nonsense.escaped(nonsense.text())

    def campaign() -> str:
        return dice.choice(("shoes", part()))

    routes: tuple[Callable[[], None], ...] = (
        lambda: reading(lambda: f"/c/{campaign()}", 200, 302, 404),
        lambda: reading(lambda: f"/tb/{campaign()}", 302, 404),
        lambda: reading(lambda: f"/{dice.choice(('r', 'go'))}/{part()}", 200, 302, 404),
        lambda: reading(lambda: "/lp", 302, 404),
        lambda: reading(lambda: f"/lp/{part()}/{dice.choice(PIECES[-3:])}", 302, 404),
        lambda: reading(lambda: f"/m/{part()}", 200, 404),
        lambda: reading(lambda: "/p/page", 200),
        lambda: reading(lambda: "/t.js", 200),
        lambda: calling("/api/click", 200, 400, 403, 413, 429),
        lambda: calling("/api/track", 200, 400, 404),
        lambda: calling("/pb/net", 200, 400),
        lambda: calling("/api/postbacks", 200, 400, 404),
    )
    for _ in range(ASKED):
        dice.choice(routes)()
    for (what, status), count in sorted(statuses.items()):
        print(f"  {what:16} {status} {count:5}")
    assert {200, 302} <= {status for _, status in statuses} and statuses["lp", 302]
    assert weir.children() == before, "nobody died"
    edge = weir.call("system.status")["edges"][0]["report"]
    assert edge["undecided"] == 0
    assert produced(weir) - events == clicked
    wait_for("all in the warehouse", lambda: in_warehouse(weir) == produced(weir))
    faults = [
        line
        for line in weir.log_lines()[log_from:]
        if line["level"] in ("error", "critical") or "exception" in line
    ]
    assert faults == []


def sent(
    address: Address,
    dice: random.Random,
    target: str,
    method: str,
    headers: dict[str, str],
    body: bytes = b"",
) -> Answer:
    """Each from one of many addresses: whoever guesses secrets is not heard for a while."""
    with Wire(address, source=f"127.0.{dice.randrange(1, 250)}.{dice.randrange(1, 250)}") as wire:
        return wire.ask(target, method, headers, body)


def produced(weir: Weir) -> int:
    """Clicks that the edge has handed to its journal, as of a report made from now on."""

    def report() -> dict[str, Any]:
        found: dict[str, Any] = weir.call("system.status")["edges"][0]["report"]
        return found

    first = report()["at_us"]
    newer = wait_for("a newer report", lambda: (found := report())["at_us"] > first and found)
    (clicks,) = (each["published"] for each in newer["producers"] if each["topic"] == "click_events")
    return int(clicks)


def in_warehouse(weir: Weir) -> int:
    return int(weir.call("clicks.list", {"limit": 1})["total"])
