"""TraffoFlex's table of routing features, line by line, through the public port of the real executable.

Each test is named after a line of the seed's section "Traffic Routing"; at its end what sources call their
parameters. What keeps a destination from a visitor is in test_seed_limits.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents import AGENTS
from tests.journeys.board import BERLIN, BROWSER, PARIS, Board, rule, running
from tests.rig import wait_for

pytestmark = pytest.mark.slow

PHONE = next(
    agent for agent, facts in AGENTS if facts.get("device_type") == "mobile" and facts["os"] == "iOS"
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with running(tmp_path_factory.mktemp("seed")) as board:
        yield board


# Public endpoints


def test_get_c_campaign_slug(board: Board) -> None:
    slug = board.campaign({"to": ["a"]})
    answer = board.visit(f"/c/{slug}")
    assert (answer.status, answer.host) == (302, "a")
    assert board.visit("/c/nobody").status == 404


def test_get_go_campaign_public_id(board: Board) -> None:
    slug = board.campaign({"to": ["a"]}, public_id="SeedPublicId")
    assert board.visit("/go/SeedPublicId").host == "a"
    assert board.visit(f"/go/{slug}").status == 404


def test_get_r_public_token(board: Board) -> None:
    slug = board.campaign(
        {"rules": [{"param": "sub1", "operator": "eq", "value": "preset"}], "to": ["a"]}, {"to": ["b"]}
    )
    link = board.call("links.create", name="l", campaign_id=board.id_of(slug), params={"sub1": "preset"})
    board.settle()
    assert board.visit(f"/r/{link['token']}").host == "a"
    assert board.visit(f"/r/{link['token']}?sub1=theirs").host == "a"
    assert board.visit(f"/c/{slug}?sub1=theirs").host == "b"


def test_get_tb_campaign_slug(board: Board) -> None:
    slug = board.campaign({"to": ["a"]}, trafficback_url="https://back.example/?s={sub1}")
    answer = board.visit(f"/tb/{slug}?sub1=x")
    assert (answer.status, answer.host, answer.query["s"]) == (302, "back", "x")


# Implemented routing capabilities


def test_active_campaign_configuration_is_loaded_on_startup(board: Board) -> None:
    """The edge is killed: its successor decides by the table on disk, a paused campaign stays paused."""
    slug, paused = board.campaign({"to": ["a"]}), board.campaign({"to": ["a"]}, status="paused")
    old = board.weir.kill("edge-0")
    board.weir.wait_child("edge-0", besides=old)
    wait_for("the new edge serves", lambda: board.visit(f"/c/{slug}").host == "a")
    assert board.visit(f"/c/{paused}").host == "global"


def test_the_hot_path_asks_no_database(board: Board) -> None:
    """With the core dead, which owns every database, clicks are decided all the same."""
    slug = board.campaign({"to": ["a"]})
    old = board.weir.kill("core")
    assert all(board.visit(f"/c/{slug}").host == "a" for _ in range(20))
    board.weir.wait_child("core", besides=old)
    wait_for("the core's socket", lambda: (board.weir.data / "run" / "call.sock").exists())
    wait_for("the edge linked again", board.linked)


def test_internal_cache_reload(board: Board) -> None:
    slug = board.campaign({"to": ["a"]})
    before = board.call("routing.stats")["edges"][0]["revision"]
    board.call("routing.reload")
    board.settle()
    assert board.call("routing.stats")["edges"][0]["revision"] >= before
    assert board.visit(f"/c/{slug}").host == "a"


def test_request_context_builder_click_id_generation_and_click_event(board: Board) -> None:
    slug = board.campaign({"to": ["a"]})
    path = f"/c/{slug}?sub1=s&utm_source=u&clickid=theirs&cost=0.25&currency=EUR&x=y"
    answers = [
        board.visit(path, BERLIN, Referer="https://page.example/p", Accept_Language="de-DE,de")
        for _ in range(2)
    ]
    assert len({answer.query["c"] for answer in answers}) == 2
    row = board.click(answers[0])
    assert row["campaign_id"] == board.id_of(slug)
    assert (row["user_agent"], row["referrer"]) == (BROWSER, "https://page.example/p")
    assert row["address"] == "203.0.113.0"
    assert (row["source_click_id"], row["subs"], row["utm"]) == (
        "theirs", {"1": "s"}, {"utm_source": "u"},
    )  # fmt: skip


def test_sub_ids_cost_and_currency_are_captured(board: Board) -> None:
    slug = board.campaign({"to": ["a"]})
    row = board.click(board.visit(f"/c/{slug}?sub1=one&sub30=thirty&bid=0.012345&currency=jpy&sub31=no"))
    assert row["subs"] == {"1": "one", "30": "thirty"}
    assert (row["cost"], row["currency"]) == (0.012345, "JPY")


def test_query_parameter_parsing(board: Board) -> None:
    target = board.destination("parse", url="https://parse.example/?a={query.a}&b={query.b}&c={sub1}")
    slug = board.campaign({"to": [(target, 1)]})
    answer = board.visit(f"/c/{slug}?a=1&a=2&b=%C3%A9+x%26y&sub1=&%zz=1&=2&&c")
    assert answer.query == {"a": "1", "b": "é x&y", "c": ""}


def test_trusted_proxy_aware_ip_resolver_and_safe_forwarded_headers(board: Board) -> None:
    """The rightmost address that is no proxy of ours counts; what stands before it may be forged."""
    slug = board.campaign({"rules": [rule("country", "eq", "DE")], "to": ["de"]}, {"to": ["other"]})
    assert board.visit(f"/c/{slug}", BERLIN).host == "de"
    assert board.visit(f"/c/{slug}", f"{BERLIN}, {PARIS}").host == "other"
    assert board.visit(f"/c/{slug}", f"{PARIS}, {BERLIN}").host == "de"
    assert (
        board.visit(f"/c/{slug}", PARIS, X_Real_IP=BERLIN, Client_IP=BERLIN, True_Client_IP=BERLIN).host
        == "other"
    )
    assert board.visit(f"/c/{slug}", "nonsense").host == "other"


MATCHES = {
    "source": None,
    "country": (rule("country", "in", ["DE", "AT"]), {"address": BERLIN}, {"address": PARIS}),
    "region": (rule("region", "eq", "State of Berlin"), {"address": BERLIN}, {"address": PARIS}),
    "city": (rule("city", "eq", "Berlin"), {"address": BERLIN}, {"address": PARIS}),
    "isp": (rule("isp", "starts_with", "Tele"), {"address": BERLIN}, {"address": PARIS}),
    "device": (rule("device_type", "eq", "mobile"), {"agent": PHONE}, {"agent": BROWSER}),
    "os": (rule("os", "eq", "iOS"), {"agent": PHONE}, {"agent": BROWSER}),
    "browser": (rule("browser", "eq", "Chrome"), {"agent": BROWSER}, {"agent": PHONE}),
    "user agent": (rule("user_agent", "contains", "iPhone"), {"agent": PHONE}, {"agent": BROWSER}),
    "utm": (
        rule("utm_campaign", "regex", "^spring-\\d+$"),
        {"q": "utm_campaign=spring-7"},
        {"q": "utm_campaign=x"},
    ),
    "sub id": (rule("sub7", "in", ["a", "b"]), {"q": "sub7=b"}, {"q": "sub7=c"}),
    "raw query": ({"param": "zone", "operator": "gte", "value": "10"}, {"q": "zone=10.5"}, {"q": "zone=9"}),
}


@pytest.mark.parametrize("what", [what for what, case in MATCHES.items() if case])
def test_stream_rules_match_by(board: Board, what: str) -> None:
    case = MATCHES[what]
    assert case is not None
    asked, yes, no = case
    slug = board.campaign({"rules": [asked], "to": ["yes"]}, {"to": ["no"]})
    for wanted, more in (("yes", dict(yes)), ("no", dict(no))):
        path = f"/c/{slug}?{more.pop('q', '')}"
        assert board.visit(path, **more).host == wanted


def test_stream_rules_match_by_source(board: Board) -> None:
    sources = [board.call("sources.create", name=name)["id"] for name in ("one", "two")]
    slugs = [
        board.campaign(
            {"rules": [rule("source", "eq", str(sources[0]))], "to": ["yes"]},
            {"to": ["no"]},
            source_id=source,
        )
        for source in sources
    ]
    assert [board.visit(f"/c/{slug}").host for slug in slugs] == ["yes", "no"]


OPERATORS = [
    ("eq", "b", "v=b", "v=c"), ("neq", "b", "v=c", "v=b"), ("in", ["a", "b"], "v=b", "v=c"),
    ("not_in", ["a"], "v=b", "v=a"), ("contains", "b", "v=abc", "v=ac"),
    ("not_contains", "b", "v=ac", "v=abc"),
    ("starts_with", "a", "v=ab", "v=ba"), ("ends_with", "a", "v=ba", "v=ab"), ("gt", "5", "v=5.1", "v=5"),
    ("gte", "5", "v=5", "v=4.9"), ("lt", "5", "v=4", "v=5"), ("lte", "5", "v=5", "v=6"),
    ("exists", "", "v=x", "w=x"), ("not_exists", "", "w=x", "v=x"), ("regex", "^a+$", "v=aa", "v=ab"),
]  # fmt: skip


def test_the_fifteen_operators(board: Board) -> None:
    """One campaign: stream n is for op=n and asks for v by its operator."""

    def stream(number: int, operator: str, value: object) -> dict[str, object]:
        here = {"param": "op", "operator": "eq", "value": str(number)}
        return {"rules": [here, {"param": "v", "operator": operator, "value": value}], "to": ["yes"]}

    streams = [stream(number, name, value) for number, (name, value, _, _) in enumerate(OPERATORS)]
    slug = board.campaign(*streams, {"to": ["no"]})
    for number, (name, _, good, bad) in enumerate(OPERATORS):
        assert board.visit(f"/c/{slug}?op={number}&{good}").host == "yes", name
        assert board.visit(f"/c/{slug}?op={number}&{bad}").host == "no", name


def test_weighted_destination_distribution(board: Board) -> None:
    board.campaign({"to": ["a", "b"]})
    heavy, light = board.destinations["a"], board.destinations["b"]
    slug = board.campaign({"to": [(heavy, 75), (light, 25)]})
    found = board.hosts(f"/c/{slug}", 400)
    assert found["a"] + found["b"] == 400
    assert 245 <= found["a"] <= 355  # 300 ± 6 standard deviations


def test_trafficback_routing(board: Board) -> None:
    closed = board.destination("closed", status="paused")
    never = [{"param": "x", "operator": "exists"}]
    own = board.campaign({"rules": never, "to": ["a"]}, trafficback_url="https://own.example/?r={sub1}")
    nobody = board.campaign({"rules": never, "to": ["a"]})
    off = board.campaign({"to": [(closed, 100)]})
    assert (answer := board.visit(f"/c/{own}?sub1=s")).host == "own" and answer.query["r"] == "s"
    assert board.visit(f"/c/{nobody}").host == "global"
    assert board.visit(f"/c/{off}").host == "global"
    reasons = {
        board.record("trafficbacks.list", lambda row, slug=slug: row["campaign_id"] == board.id_of(slug))[
            "reason"
        ]
        for slug in (own, nobody, off)
    }
    assert reasons == {"no_matching_stream", "destination_disabled"}


def test_trafficback_loop_protection(board: Board) -> None:
    """Two campaigns that send their trafficback to each other: the chain ends with a reply."""
    one, two = board.name("loop-"), board.name("loop-")
    for slug, other in ((one, two), (two, one)):
        board.campaign(slug=slug, trafficback_url=f"/c/{other}")
    chain = [f"/c/{one}"]
    while chain[-1].startswith("/"):
        chain.append(board.visit(chain[-1]).location)
    assert [hop.partition("?")[0] for hop in chain] == [
        f"/c/{one}", f"/c/{two}", f"/c/{one}", "https://global.example/",
    ]  # fmt: skip
    deep = board.visit(f"/c/{one}?trafficback_depth=3")
    assert (deep.status, deep.location) == (404, "")


def test_safe_macro_rendering_in_destination_urls(board: Board) -> None:
    target = board.destination(
        "macro", url="https://macro.example/p/{sub1}?a={sub2}&k={keyword}&b=1&c={click_id}"
    )
    slug = board.campaign({"to": [(target, 1)]})
    answer = board.visit(f"/c/{slug}?sub1=..%2F..%2Fx&sub2=v%26payout%3D9%23%3F%7Bclick_id%7D&keyword=k%20w")
    assert answer.location.startswith(
        "https://macro.example/p/..%2F..%2Fx?a=v%26payout%3D9%23%3F%7Bclick_id%7D&k=k%20w&b=1&c="
    )
    assert set(answer.query) == {"a", "k", "b", "c"}


@pytest.mark.parametrize("name", ["url", "redirect_url", "lpurl", "redirect", "to"])
def test_no_inbound_parameter_overrides_the_destination(board: Board, name: str) -> None:
    slug = board.campaign({"to": ["a"]})
    for door in ("c", "tb"):
        assert "evil" not in board.visit(f"/{door}/{slug}?{name}=https%3A%2F%2Fevil.example%2F").location
    assert board.visit(f"/c/{slug}?{name}=//evil.example/").host == "a"


def test_trafficback_event(board: Board) -> None:
    slug = board.campaign()
    board.visit(f"/c/{slug}")
    campaign = board.id_of(slug)
    row = board.record("trafficbacks.list", lambda row: row["campaign_id"] == campaign)
    assert (row["reason"], row["depth"]) == ("no_matching_stream", 0)
    assert row["url"].startswith("https://global.example/?why=back")


# What a source calls its parameters (issue 5, 7)


def test_a_source_made_from_a_preset_reads_its_own_parameters(board: Board) -> None:
    source = board.call("sources.create_from_preset", preset="propellerads", currency="EUR")
    assert source["preset"] == "propellerads"
    assert (source["name"], source["params"]["sub1"]) == ("PropellerAds", "zoneid")
    slug = board.campaign(
        {"rules": [rule("sub1", "eq", "77")], "to": ["yes"]}, {"to": ["no"]}, source_id=source["id"]
    )
    answer = board.visit(f"/c/{slug}?visitor_id=V1&cost=0.05&zoneid=77&campaignid=c9")
    assert answer.host == "yes"
    row = board.click(answer)
    assert (row["source_click_id"], row["subs"]) == ("V1", {"1": "77", "5": "c9"})
    assert (row["cost"], row["currency"], row["source_id"]) == (0.05, "EUR", source["id"])


def test_a_macro_that_the_source_left_is_missing_and_counted(board: Board) -> None:
    source = board.call("sources.create_from_preset", preset="propellerads")["id"]
    slug = board.campaign(
        {"rules": [rule("sub1", "exists")], "to": ["yes"]}, {"to": ["no"]}, source_id=source
    )
    assert board.visit(f"/c/{slug}?visitor_id=${{SUBID}}&cost=%7Bcost%7D&zoneid={{zoneid}}").host == "no"
    assert board.visit(f"/c/{slug}?zoneid=__init__").host == "yes"

    def counted() -> dict[str, int]:
        items = board.call("sources.unexpanded", source_id=source)["items"]
        return {item["param"]: item["clicks"] for item in items}

    wait_for("the edge's report", counted)
    assert counted() == {"visitor_id": 1, "cost": 1, "zoneid": 1}
    edge = board.call("system.status")["edges"][0]
    assert edge["report"]["unexpanded"][str(source)] == counted()


@pytest.mark.parametrize(("kind", "amount", "clicks"), [("cpc", "0.07", 0.07), ("cpm", "2.5", 0.0025)])
def test_a_fixed_price_is_the_cost_whatever_the_link_says(
    board: Board, kind: str, amount: str, clicks: float
) -> None:
    source = board.call(
        "sources.create", name=kind, currency="EUR", cost_model={"kind": kind, "amount": amount}
    )
    slug = board.campaign({"to": ["a"]}, source_id=source["id"])
    row = board.click(board.visit(f"/c/{slug}?cost=9&currency=USD"))
    assert (row["cost"], row["currency"]) == (clicks, "EUR")


@pytest.mark.parametrize(("kind", "amount", "cost"), [("cpa", "2.5", 2.5), ("revshare", "40", 3.6)])
def test_what_a_conversion_costs_comes_with_it_and_is_given_back(
    board: Board, kind: str, amount: str, cost: float
) -> None:
    network = board.call("networks.create", name=kind, slug=board.name("net-"), currency="EUR")
    source = board.call(
        "sources.create", name=kind, currency="EUR", cost_model={"kind": kind, "amount": amount}
    )
    slug = board.campaign({"to": ["a"]}, source_id=source["id"], currency="EUR")
    click = board.visit(f"/c/{slug}?sub1={kind}&cost=9").query["c"]
    asked = {"group_by": ["source", "sub1"], "currency": "EUR", "filters": {"source": [source["id"]]}}

    def line() -> list[tuple[float, float, int]]:
        items = board.call("reports.query", **asked)["items"]
        return [(item["cost"], item["revenue"], item["conversions"]) for item in items]

    wait_for("the click", lambda: line() == [(0, 0, 0)])
    pay = f"/pb/{network['slug']}?click_id={click}&transaction_id=T{click}"
    assert board.visit(f"{pay}&payout=9&status=approved").body.startswith("OK")
    wait_for("the conversion and its cost", lambda: line() == [(cost, 9, 1)])
    assert board.visit(f"{pay}&status=rejected").body.startswith("OK")
    wait_for("both taken back", lambda: line() == [(0, 0, 0)])
