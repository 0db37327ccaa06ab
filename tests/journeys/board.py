"""One running Weir as the tests of the seed's table use it: its catalog by the call socket, its public port.

board = Board(weir)
slug = board.campaign({"rules": [...], "to": ["a"]}, {"to": ["b"]})
board.visit(f"/c/{slug}?sub1=x").host == "a.example"
"""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from appliance import unix
from tests import mmdb
from tests.rig import PATIENCE, Weir, start_weir, wait_for

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36"
)


BERLIN, PARIS = "203.0.113.9", "198.51.100.9"
"""Addresses that the databases of `running` know."""
_PLACES = {
    "203.0.113.0/24": {
        "country": {"iso_code": "DE"},
        "subdivisions": [{"iso_code": "BE", "names": {"en": "State of Berlin"}}],
        "city": {"names": {"en": "Berlin"}},
    },
    "198.51.100.0/24": {
        "country": {"iso_code": "FR"},
        "subdivisions": [{"iso_code": "IDF", "names": {"en": "Île-de-France"}}],
        "city": {"names": {"en": "Paris"}},
    },
}
_PROVIDERS = {
    "203.0.113.0/24": {"autonomous_system_number": 3320, "isp": "Telekom"},
    "198.51.100.0/24": {"autonomous_system_number": 3215, "isp": "Orange"},
}


class Answer(NamedTuple):
    """What a visitor got; `host` is the first label of where he was sent."""

    status: int
    location: str
    body: str
    headers: Mapping[str, str]

    @property
    def host(self) -> str:
        return (urlsplit(self.location).hostname or "").partition(".")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters he arrives with, the first of each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query, True).items()}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Stay)


class Board:
    """Names are given out in order, so that every test has a campaign and destinations of its own."""

    def __init__(self, weir: Weir) -> None:
        self.weir = weir
        self._made = 0
        self.destinations: dict[str, int] = {}
        self.public = weir.public

    def call(self, operation: str, /, **payload: Any) -> Any:
        """One operation. AssertionError with what was answered when it is refused."""
        with unix.connect(self.weir.data / "run" / "call.sock", PATIENCE) as connection:
            connection.sendall(json.dumps({"name": operation, "payload": payload}).encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        answer = json.loads(received)
        assert not (isinstance(answer, dict) and set(answer) == {"error"}), (operation, payload, answer)
        return answer

    def settle(self) -> None:
        """Wait until every edge decides by the newest revision."""

        def everywhere() -> bool:
            stats = self.call("routing.stats")
            return {edge["revision"] for edge in stats["edges"]} == {stats["revision"]}

        wait_for("the newest revision on the edges", everywhere)

    def shipped(self) -> None:
        """Wait until the warehouse has all that was taken up to now.

        Every journal is shipped by itself: what the core made of an event may be there before the event is.
        """
        asked_us = time.time_ns() // 1_000 + 300_000  # an edge gathers events for some milliseconds

        def everything() -> bool:
            logs = [it for it in self.call("system.status")["consumers"] if it["consumer"] == "publisher"]
            return bool(logs) and all(it["caught_up_us"] > asked_us for it in logs)

        wait_for("everything in the warehouse", everything)

    def linked(self) -> bool:
        """Whether the core answers and every edge has its newest revision, after one of them was killed."""
        try:
            self.settle()
        except (OSError, ValueError):
            return False
        return True

    def name(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made}"

    def destination(self, name: str, /, **fields: Any) -> int:
        """A destination at https://NAME.example/ with the click's id; its number."""
        fields.setdefault("url", f"https://{name}.example/?c={{click_id}}")
        made = self.call("destinations.create", name=name, **fields)
        return int(made["id"])

    def campaign(self, *streams: dict[str, Any], **fields: Any) -> str:
        """A campaign with these streams, `to` being names of destinations, or (number, weight); its slug."""
        slug = fields.pop("slug", "") or self.name("seed-")
        made = self.call("campaigns.create", name=slug, slug=slug, **fields)
        for position, stream in enumerate(streams):
            wanted = dict(stream)
            targets = [self._target(each) for each in wanted.pop("to", ())]
            self.call(
                "streams.create", name=f"{slug} {position}", campaign_id=made["id"], position=position,
                targets=targets, **wanted,
            )  # fmt: skip
        self.settle()
        return slug

    def id_of(self, slug: str) -> int:
        return int(self.call("campaigns.get", slug=slug)["id"])

    def _target(self, each: Any) -> dict[str, int]:
        if isinstance(each, str):
            if each not in self.destinations:
                self.destinations[each] = self.destination(each)
            each = self.destinations[each]
        number, weight = each if isinstance(each, tuple) else (each, 100)
        return {"destination_id": number, "weight": weight}

    def visit(self, path: str, address: str = "198.51.100.1", agent: str = BROWSER, **headers: str) -> Answer:
        """One request of the public port, from `address` as its proxy says. Redirects are not followed."""
        sent = {"User-Agent": agent, "X-Forwarded-For": address}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(self.public + path, headers=sent)
        try:
            with _opener.open(asked, timeout=PATIENCE) as answer:
                status, found, body = answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as fault:
            with fault:
                status, found, body = fault.code, fault.headers, fault.read().decode()
        low = {name.lower(): value for name, value in found.items()}
        return Answer(status, low.get("location", ""), body, low)

    def hosts(self, path: str, times: int, **more: Any) -> Counter[str]:
        """Where so many visitors went; "{n}" in the path is the visitor's number."""
        return Counter(self.visit(path.replace("{n}", str(n)), **more).host for n in range(times))

    def click(self, answer: Answer) -> dict[str, Any]:
        """What the warehouse has of a click whose id the visitor was sent on with."""
        return self.record("clicks.list", lambda row: row["id"] == answer.query["c"])

    def record(self, operation: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The record of a log that is wanted, once it is there."""

        def look() -> dict[str, Any] | None:
            items = self.call(operation, limit=200)["items"]
            return next((item for item in items if wanted(item)), None)

        found: dict[str, Any] = wait_for(f"a record of {operation}", look)
        return found


@contextmanager
def running(home: Path, *args: str, **env: str) -> Iterator[Board]:
    """A Weir in `home` that believes its visitors' X-Forwarded-For and knows BERLIN and PARIS."""
    city = mmdb.write(home / "city.mmdb", _PLACES, type="GeoLite2-City")
    isp = mmdb.write(home / "isp.mmdb", _PROVIDERS, type="GeoIP2-ISP")
    settings = {
        "WEIR_PUBLIC__TRUSTED_PROXIES": "127.0.0.1",
        "WEIR_GEO__DATABASES": f"{city},{isp}",
        "WEIR_ROUTING__TRAFFICBACK_URL": "https://global.example/?why=back",
        **env,
    }
    with start_weir(home / "data", *args, env=settings) as weir:
        wait_for("the edge linked", lambda: weir.call("routing.stats")["edges"])
        yield Board(weir)


def rule(name: str, operator: str = "eq", value: Any = "", **more: Any) -> dict[str, Any]:
    """A rule about a fact."""
    return {"fact": name, "operator": operator, "value": value, **more}
