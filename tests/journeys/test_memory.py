"""Visitors who come back: two edges, kills, a cookie, a postback; through the public port."""

from __future__ import annotations

import functools
import http.client
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import PATIENCE, CallFailed, Weir, start_weir, wait_for


@pytest.fixture
def weir(tmp_path: Path) -> Iterator[Weir]:
    with start_weir(tmp_path / "data", "--edges", "2") as weir:
        yield weir.wait_ready()


class Shop:
    """A campaign over some destinations, and visitors of it."""

    def __init__(self, weir: Weir, slug: str, offers: int, campaign: dict, stream: dict) -> None:
        self.weir, self.slug = weir, slug
        self.network = weir.call("networks.create", {"name": slug, "slug": slug})
        self.offers = [
            weir.call(
                "destinations.create",
                {
                    "name": f"d{n}",
                    "url": f"https://d{n}.example/?c={{click_id}}",
                    "network_id": self.network["id"],
                },
            )["id"]
            for n in range(offers)
        ]
        self.campaign = weir.call("campaigns.create", {"name": slug, "slug": slug, **campaign})
        targets = [{"destination_id": number} for number in self.offers]
        weir.call("streams.create", {"campaign_id": self.campaign["id"], "targets": targets, **stream})
        newest = weir.call("system.status")["catalog"]["revision"]
        wait_for("every edge has the table", lambda: self.revisions() == {newest})

    def revisions(self) -> set[int]:
        return {edge["taken_revision"] for edge in self.weir.call("system.status")["edges"]}

    def get(self, query: str, cookie: str = "") -> tuple[str, str, str]:
        """(host of the destination or "", click id, cookie that was set), over a connection of its own."""
        connection = http.client.HTTPConnection(self.weir.public.removeprefix("http://"), timeout=PATIENCE)
        headers = {"Cookie": cookie} if cookie else {}
        connection.request("GET", f"/c/{self.slug}?{query}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        host, _, click_id = (answer.headers.get("Location") or "").removeprefix("https://").partition("/?c=")
        return host, click_id, (answer.headers.get("Set-Cookie") or "").partition(";")[0]


def remembered(weir: Weir) -> list[int]:
    """How many pairs of a visitor and a destination each edge knows, by its last report."""
    try:
        edges = weir.call("system.status")["edges"]
    except CallFailed:  # the core is not back yet
        return []
    return [edge["report"]["memory"]["pairs"] for edge in edges if edge["connected"] and edge["report"]]


ONCE = {"user_key": "sub1", "exhausted_mode": "no_destination"}


def test_nobody_sees_an_offer_twice_on_two_edges_with_kills_in_between(weir: Weir) -> None:
    shop = Shop(weir, "once", 6, {}, {"unique_policy": ONCE})
    seen: dict[str, list[str]] = {f"v{n}": [] for n in range(12)}
    for turn in range(6):
        for user, hosts in seen.items():
            hosts.append(shop.get(f"sub1={user}")[0])
        # At once: what was answered a moment ago is in no file of the memory yet.
        victim = ("edge-0", "edge-1", "core")[turn % 3]
        weir.kill(victim)
        wait_for(f"{victim} is back", lambda name=victim: name in weir.children())
        weir.wait_ready()
        known = [len(seen) * (turn + 1)] * 2
        wait_for("both edges know all", lambda known=known: remembered(weir) == known)
    for user, hosts in seen.items():
        assert sorted(hosts) == [f"d{n}.example" for n in range(6)], (user, hosts)
        assert shop.get(f"sub1={user}")[0] == ""
    report = [edge["report"]["memory"] for edge in weir.call("system.status")["edges"]]
    assert [each["pairs"] for each in report] == [72, 72] and all(each["last_error"] == "" for each in report)


def test_an_offer_that_a_visitor_converted_on_is_never_shown_to_him_again(weir: Weir) -> None:
    policy = {"user_key": "sub1", "skip_converted": True}
    shop = Shop(weir, "sold", 2, {}, {"unique_policy": policy})
    host, click_id, _ = shop.get("sub1=a")
    sell(weir, "sold", click_id)
    # Of 40 connections all fall to one of two edges once in a billion.
    wait_for("both edges know", lambda: host not in {shop.get("sub1=a")[0] for _ in range(40)})
    assert host not in {shop.get("sub1=a")[0] for _ in range(10)}
    assert {shop.get(f"sub1=other{n}")[0] for n in range(20)} == {"d0.example", "d1.example"}


def sell(weir: Weir, slug: str, click_id: str) -> None:
    connection = http.client.HTTPConnection(weir.public.removeprefix("http://"), timeout=PATIENCE)
    connection.request("GET", f"/pb/{slug}?click_id={click_id}&transaction_id=t1&payout=1&status=approved")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_conversion_that_a_killed_core_had_told_nobody_is_known_all_the_same(weir: Weir) -> None:
    shop = Shop(weir, "late", 2, {}, {"unique_policy": {"user_key": "sub1", "skip_converted": True}})
    host, click_id, _ = shop.get("sub1=a")
    time.sleep(1)  # both edges know whose click it was
    core = weir.kill("core")
    sell(weir, "late", click_id)
    edges = [pid for role, pid in weir.children().items() if role.startswith("edge")]
    assert len(edges) == 2
    for pid in edges:
        os.kill(pid, signal.SIGSTOP)  # so that the next core can tell nobody what it settles
    core = weir.wait_child("core", besides=core)
    wait_for("the conversion is settled", functools.partial(settled, weir))
    weir.kill("core")
    for pid in edges:
        os.kill(pid, signal.SIGCONT)
    weir.wait_child("core", besides=core)
    wait_for("both edges know", lambda: host not in {shop.get("sub1=a")[0] for _ in range(40)})
    assert host not in {shop.get("sub1=a")[0] for _ in range(20)}
    for edge in ("edge-0", "edge-1"):
        weir.wait_child(edge, besides=weir.kill(edge))
    weir.wait_ready()
    # What they had not saved yet the core tells them anew, a moment after they are back.
    wait_for("both edges know again", lambda: host not in {shop.get("sub1=a")[0] for _ in range(40)})


def settled(weir: Weir) -> bool:
    try:
        return bool(weir.call("system.status")["conversions"]["outcomes"].get("conversion"))
    except CallFailed:
        return False


def test_a_sticky_visitor_stays_and_the_others_take_turns(weir: Weir) -> None:
    stream = {"distribution": {"strategy": "round_robin"}}
    shop = Shop(weir, "stay", 3, {"sticky": "destination", "sticky_hours": 2}, stream)
    first, _, cookie = shop.get("")
    assert cookie.startswith(f"weir_s{shop.campaign['id']}=")
    for _ in range(8):
        assert shop.get("", cookie)[::2] == (first, "")
    went = Counter(shop.get("")[0] for _ in range(30))
    # Each edge is exact by itself: two edges are off by one each at most.
    assert all(8 <= count <= 12 for count in went.values()) and len(went) == 3
    assert shop.get("", f"weir_s{shop.campaign['id']}=nonsense; weir_v=<script>")[0] in went


def test_a_visitor_is_known_by_a_cookie_only_where_a_campaign_asks(weir: Weir) -> None:
    plain = Shop(weir, "plain", 1, {}, {})
    assert plain.get("")[2] == ""
    shop = Shop(
        weir, "who", 3, {}, {"unique_policy": {"user_key": "visitor", "exhausted_mode": "no_destination"}}
    )
    first, _, cookie = shop.get("")
    assert cookie.startswith("weir_v=") and len(cookie) >= 23
    time.sleep(1)
    hosts = {first}
    for _ in range(2):
        host, _, again = shop.get("", cookie)
        assert again == ""
        hosts.add(host)
        time.sleep(1)
    assert len(hosts) == 3 and shop.get("", cookie)[0] == ""


def test_the_adaptive_split_follows_conversions(weir: Weir) -> None:
    stream = {"distribution": {"strategy": "adaptive", "floor_percent": 10}}
    shop = Shop(weir, "learn", 2, {}, stream)
    connection = http.client.HTTPConnection(weir.public.removeprefix("http://"), timeout=PATIENCE)
    for number in range(120):
        host, click_id, _ = shop.get("")
        if host == "d1.example":
            connection.request(
                "GET", f"/pb/learn?click_id={click_id}&transaction_id={number}&payout=1&status=approved"
            )
            assert connection.getresponse().read().startswith(b"OK")
    connection.close()

    def share() -> bool:
        return Counter(shop.get("")[0] for _ in range(40))["d1.example"] >= 30

    wait_for("the better one gets most", share)
