"""Everything that decides in one campaign of the real executable, and each click explained after it changed.

Named lists, databases of addresses, live ranks and posteriors, a cap, a memory, cookies, a landing page, a
link's presets, a source's parameters and a second campaign: no part of a decision is left to a simulation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import mmdb
from tests.agents import AGENTS
from tests.journeys.board import BERLIN, PARIS, Answer, Board, rule, running
from tests.rig import wait_for

pytestmark = pytest.mark.slow

PHONE = next(text for text, facts in AGENTS if facts.get("device_model") == "iPhone")
ROBOT = "curl/8.5.0"
URL = (
    "https://{}.example/?c={{click_id}}&s={{sub1}}&p={{cost}}&g={{country}}&x={{sample:a,b,c}}&d={{date:H:i}}"
)


class Shop:
    """The campaign, and what it is made of."""

    def __init__(self, board: Board) -> None:
        self.board = board
        call = board.call
        self.lists = {
            name: call("lists.create", name=name, of=of)["id"]
            for name, of in (("publishers", "text"), ("robots", "mask"), ("offices", "address"))
        }
        for name, text in (("publishers", "pub-1\npub-2"), ("robots", "*curl*"), ("offices", "192.0.2.0/28")):
            call("lists.append", id=self.lists[name], text=text)
        self.network = call("networks.create", name="pays", slug="pays", currency="USD")["slug"]
        made = {name: self.offer(name) for name in ("good", "bad", "one", "two", "three", "spare", "last")}
        made["full"] = self.offer(
            "full", caps=[{"metric": "clicks", "limit": "2"}], alternative_id=made["spare"]
        )
        ways = [[{"destination_id": made["one"]}, {"destination_id": made["two"]}]]
        page = {"url": "https://page.example/?c={click_id}&t={lp_token}", "exits": ways}
        made["page"] = board.destination("page", **page)
        self.made = made
        source = call(
            "sources.create", name="Push", currency="USD", params={"sub1": "zone"},
            cost_model={"kind": "cpc", "amount": "0.1"},
        )  # fmt: skip
        onward = board.campaign(
            {"to": self.all("one", "two", "three"), "distribution": {"strategy": "round_robin"}},
            sticky="destination", slug="onward",
        )  # fmt: skip
        roi = {"strategy": "best_roi", "min_clicks": 5, "fallback": "round_robin"}
        once = {"user_key": "sub2", "exhausted_mode": "no_destination"}
        self.slug = board.campaign(
            {
                "kind": "forced", "to": ["office"],
                "rules": [{"fact": "ip", "operator": "in_list", "list_id": self.lists["offices"]}],
            },
            {
                "to": [], "answer": {"kind": "text", "body": "no robots: {click_id}"},
                "rules": [{"fact": "user_agent", "operator": "in_list", "list_id": self.lists["robots"]}],
            },
            {
                "to": self.all("good", "bad"), "distribution": {"strategy": "adaptive", "floor_percent": 10},
                "rules": [
                    rule("city", value="Berlin"),
                    rule("isp", "regex", "^Tele"),
                    rule("device_type", value="desktop"),
                ],
            },
            {
                "to": self.all("good", "bad"), "distribution": roi,
                "rules": [{"fact": "sub1", "operator": "in_list", "list_id": self.lists["publishers"]}],
            },
            {
                "to": self.all("one", "two"), "unique_policy": once,
                "rules": [{"fact": "sub2", "operator": "exists"}],
            },
            {"to": self.all("full"), "rules": [{"param": "want", "operator": "eq", "value": "full"}]},
            {"to": self.all("page"), "rules": [rule("device_type", value="mobile")]},
            {
                "to": [], "answer": {"kind": "campaign", "campaign_id": board.id_of(onward)},
                "rules": [{"any": [rule("unique_campaign", value="1"), rule("country", "not_in", ["FR"])]}],
            },
            {"kind": "default", "to": self.all("last")},
            slug="whole", source_id=source["id"],
        )  # fmt: skip
        number = board.id_of(self.slug)
        self.link = call("links.create", campaign_id=number, params={"zone": "pub-1"}, facts_from_query=True)[
            "token"
        ]
        board.settle()

    def offer(self, name: str, **fields: Any) -> int:
        return self.board.destination(name, url=URL.format(name), **fields)

    def all(self, *names: str) -> list[tuple[int, int]]:
        return [(self.made[name], 50) for name in names]

    def pay(self, answer: Answer, payout: str) -> None:
        click = answer.query["c"]
        query = f"click_id={click}&transaction_id={click}&payout={payout}&status=approved"
        assert self.board.visit(f"/pb/{self.network}?{query}").status == 200

    def learn(self) -> None:
        """Visitors of Berlin and of a publisher, until the core's weights decide: good is the better one."""
        for query in ("zone=pub-2", "zone=none"):
            for _ in range(20):
                answer = self.board.visit(f"/c/{self.slug}?{query}", BERLIN)
                if answer.host == "good":
                    self.pay(answer, "5")

    def all_ways(self) -> dict[str, Answer]:
        """Click id → what its visitor got, one way through every stream and twice through some."""
        visit, slug = self.board.visit, self.slug
        ways = [
            visit(f"/c/{slug}", "192.0.2.7"),
            visit(f"/c/{slug}?zone=pub-1", BERLIN),
            visit(f"/c/{slug}?zone=pub-2&cost=9&sub1=other", PARIS),
            visit(f"/r/{self.link}", PARIS),
            visit(f"/r/{self.link}?zone=%7Bzone%7D&country=BR&city=Berlin&isp=Telenor", PARIS),
            *(visit(f"/c/{slug}?sub2=%C3%A9", PARIS) for _ in range(3)),
            *(visit(f"/c/{slug}?want=full", "198.51.100.77") for _ in range(4)),
            visit(f"/c/{slug}", PARIS, ROBOT),
            *(visit(f"/c/{slug}?new={n}", f"198.51.100.{n + 10}") for n in range(4)),
            visit(f"/c/{slug}?again=1", PARIS),
            visit(f"/c/{slug}?again=2", PARIS),
            visit(f"/c/{slug}", PARIS, PHONE),
        ]  # fmt: skip
        token = ways[-1].query["t"]
        ways += [visit(f"/lp/{token}/{n}?sub9=page", PARIS, PHONE) for n in (1, 1, 2)]
        return {answer.query["c"]: answer for answer in ways if "c" in answer.query}

    def clicks(self) -> list[dict[str, Any]]:
        """All that the warehouse has, once nothing is missing."""
        found: list[dict[str, Any]] = []
        while len(page := self.board.call("clicks.list", limit=200, offset=len(found))["items"]) == 200:
            found += page
        return found + list(page)

    def change_everything(self, home: Path) -> None:
        """What every click was decided by is another one now, and the files of the lists are replaced."""
        call = self.board.call
        for name, text in (("publishers", "pub-9"), ("robots", "*nobody*"), ("offices", "10.0.0.0/8")):
            uploaded = call("lists.upload", id=self.lists[name], text=text)["digest"]
            call("lists.replace", id=self.lists[name], uploads=[uploaded])
        for number in self.made.values():
            call("destinations.change", id=number, url="https://elsewhere.example/", status="paused")
        for stream in call("streams.list", limit=100)["items"]:
            call("streams.change", id=stream["id"], rules=[], distribution={"strategy": "waterfall"})
        for slug in (self.slug, "onward"):
            number = self.board.id_of(slug)
            call("campaigns.change", id=number, slug=f"{slug}-now", sticky="none", currency="EUR")
        nowhere = {"203.0.113.0/24": {"country": {"iso_code": "JP"}}}
        mmdb.write(home / "city.mmdb", nowhere, type="GeoLite2-City")
        self.board.settle()


def test_every_click_of_a_campaign_with_everything_is_explained_after_everything_changed(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--edges", "1") as board:
        shop = Shop(board)
        shop.learn()

        def ranked() -> bool:
            """A new click of each of the two streams was decided by the core's weights."""
            sent = [
                board.visit(f"/c/{shop.slug}?zone={zone}", address).query["c"]
                for zone, address in (("none", BERLIN), ("pub-2", PARIS))
            ]
            wait_for("both clicks", lambda: {click["id"] for click in shop.clicks()}.issuperset(sent))
            told = [board.call("routing.explain", click_id=each)["trace"] for each in sent]
            return all(any(d["given_weight"] for d in each["destinations"]) for each in told)

        wait_for("ranks and posteriors on the edge", ranked, 60)
        answers = shop.all_ways()
        wait_for("all clicks", lambda: answers.keys() <= {click["id"] for click in shop.clicks()})
        clicks = shop.clicks()

        def explained() -> dict[str, Any]:
            return {click["id"]: board.call("routing.explain", click_id=click["id"]) for click in clicks}

        before = explained()
        shop.change_everything(tmp_path)
        board.weir.kill("core")  # and with it the tables that it remembers
        wait_for("the core again", board.linked)
        after = explained()
        assert after == before
        for told in after.values():
            assert told["exact"], told["differences"]
            assert told["url_proven"] is (told["trace"]["url"] != ""), told
        for number, answer in answers.items():
            trace = after[number]["trace"]
            assert (trace["url"], trace["facts"].get("ip_version")) == (answer.location, "4")

        traces = [told["trace"] for told in after.values()]
        words = {d["verdict"] for t in traces for d in t["destinations"]}
        assert words >= {"chosen", "open", "offer_cap_reached", "repeat"}
        assert {t["decision"] for t in traces} == {"destination", "answer", "campaign", "trafficback"}
        seen = {s["id"]: s["verdict"] for t in traces for s in t["streams"] if s["verdict"] == "matched"}
        assert len(seen) == 10, "every stream took somebody"
        asked = {r["list_id"] for t in traces for s in t["streams"] for r in s["rules"] if r.get("list_id")}
        assert asked == set(shop.lists.values())
        assert {t["turn"] for t in traces} >= {0, 1, 2}
        cities = {t["facts"].get("city") for t in traces}
        assert cities >= {"Berlin", "Paris"}
        # The same visitor now: the first stream takes everybody.
        told = board.call("routing.simulate", url=f"/c/{shop.slug}-now?zone=pub-1", address=BERLIN)
        assert [s["verdict"] for s in told["traces"][0]["streams"]] == ["matched"]
