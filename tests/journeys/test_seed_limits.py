"""TraffoFlex's table, what keeps a destination from a visitor: choosing, hours, caps, what was shown, health.

Each test is named after a line of the seed's sections "Destination Schedules And Caps", "Anti-Repeat
Destination Routing" and "Destination Healthchecks"; through the public port of the real executable.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.journeys.board import BROWSER, Board, running
from tests.rig import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with running(tmp_path_factory.mktemp("limits"), WEIR_OUTBOUND__ALLOW="127.0.0.0/8") as board:
        yield board


# Destination schedules. Clocks are chosen so that it is about noon there, whenever the test runs.


def _ahead() -> int:
    """By how many hours clocks that show noon now are ahead of Greenwich."""
    return 12 - datetime.now(UTC).hour


def _zone(ahead: int) -> str:
    """POSIX signs: Etc/GMT-3 is three hours ahead."""
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def _noon() -> tuple[str, datetime]:
    """A timezone where it is 12:00 to 13:00 now, and the time there."""
    ahead = _ahead()
    return _zone(ahead), datetime.now(UTC) + timedelta(hours=ahead)


def _goes(board: Board, schedule: dict[str, Any]) -> str:
    """Where a visitor goes whose first choice has this schedule."""
    name = board.name("hours")
    first = board.destination(name, schedule=schedule)
    slug = board.campaign({"distribution": {"strategy": "waterfall"}, "to": [(first, 100), "b"]})
    return "first" if board.visit(f"/c/{slug}").host == name else "next"


def test_weekday_time_and_timezone_windows(board: Board) -> None:
    zone, there = _noon()
    today = there.isoweekday()
    others = [day for day in range(1, 8) if day != today]
    office = {"begin": "09:00", "end": "18:00"}
    assert _goes(board, {"timezone": zone, "windows": [{"days": [today], **office}]}) == "first"
    assert _goes(board, {"timezone": zone, "windows": [{"days": others, **office}]}) == "next"
    assert _goes(board, {"timezone": zone, "windows": [{"begin": "13:30", "end": "18:00"}]}) == "next"
    assert (
        _goes(board, {"timezone": zone, "windows": [{"begin": "08:00", "end": "09:00"}, office]}) == "first"
    )
    noon = {"begin": "11:30", "end": "13:30"}
    assert _goes(board, {"timezone": zone, "windows": [noon]}) == "first"
    assert (
        _goes(board, {"timezone": _zone(_ahead() - 6 if _ahead() > -6 else _ahead() + 6), "windows": [noon]})
        == "next"
    )


def test_overnight_windows_begin_on_their_weekday(board: Board) -> None:
    """As Monday 22:00 to Tuesday 02:00: from yesterday evening to 13:30 today, and from this evening on."""
    zone, there = _noon()
    yesterday = (there - timedelta(days=1)).isoweekday()
    night = {"begin": "22:00", "end": "13:30"}
    assert _goes(board, {"timezone": zone, "windows": [{"days": [yesterday], **night}]}) == "first"
    assert _goes(board, {"timezone": zone, "windows": [{"days": [there.isoweekday()], **night}]}) == "next"


def test_a_destination_outside_its_hours_gives_way_to_its_alternative(board: Board) -> None:
    zone, _ = _noon()
    other = board.destination("stand-in")
    closed = board.destination(
        "closed-now",
        alternative_id=other,
        schedule={"timezone": zone, "windows": [{"begin": "20:00", "end": "21:00"}]},
    )
    slug = board.campaign({"to": [(closed, 100)]})
    assert board.visit(f"/c/{slug}").host == "stand-in"


def test_no_destination_open_is_trafficback_with_the_reason(board: Board) -> None:
    zone, _ = _noon()
    closed = board.destination(
        "shut", schedule={"timezone": zone, "windows": [{"begin": "20:00", "end": "21:00"}]}
    )
    slug = board.campaign({"to": [(closed, 100)]})
    assert board.visit(f"/c/{slug}").host == "global"
    campaign = board.id_of(slug)
    assert (
        board.record("trafficbacks.list", lambda row: row["campaign_id"] == campaign)["reason"] == "schedule"
    )


# Destination caps


@pytest.mark.parametrize("hours", [1, 24, 168, 6, 72])
def test_clicks_cap_in_a_custom_hour_window(board: Board, hours: int) -> None:
    """All of the limit where clicks go on, and never more."""
    name = board.name("capped")
    capped = board.destination(name, caps=[{"metric": "clicks", "limit": "7", "window_hours": hours}])
    slug = board.campaign({"distribution": {"strategy": "waterfall"}, "to": [(capped, 100), "b"]})
    went: Counter[str] = Counter()
    wait_for("the limit", lambda: went.update([board.visit(f"/c/{slug}").host]) or went[name] == 7)
    assert set(board.hosts(f"/c/{slug}", 100)) == {"b"}


def _paid_until_closed(board: Board, cap: dict[str, Any], act: Callable[[str], None], **campaign: Any) -> int:
    """How often `act(click)` was done before the cap was reached; then the next one gets the clicks."""
    name = board.name("paid")
    capped = board.destination(name, caps=[cap])
    slug = board.campaign({"distribution": {"strategy": "waterfall"}, "to": [(capped, 100), "b"]}, **campaign)

    def meter() -> Any:
        return next((e for e in board.call("system.status")["caps"] if e["destination_id"] == capped), None)

    wait_for("the cap", meter)
    done = 0
    while not (before := meter())["reached"]:
        answer = board.visit(f"/c/{slug}?cost=0.4&currency=USD")
        assert answer.host == name and done < 20
        act(answer.query["c"])
        done += 1
        wait_for("it counts", lambda before=before: meter() != before)
    wait_for("the edge knows", lambda: board.visit(f"/c/{slug}").host == "b")
    return done


def test_cost_cap(board: Board) -> None:
    """Clicks at 0.40: the third reaches 1.00."""
    assert (
        _paid_until_closed(board, {"metric": "cost", "limit": "1", "window_hours": 6}, lambda click: None)
        == 3
    )


def _converts(board: Board) -> Callable[[str], None]:
    """Whoever reports a sale of 3.00 USD for a click."""
    network = board.name("net-")
    board.call("networks.create", name=network, slug=network, currency="USD")

    def convert(click: str) -> None:
        said = board.visit(f"/pb/{network}?click_id={click}&transaction_id={click}&payout=3&status=approved")
        assert said.body.startswith("OK")

    return convert


@pytest.mark.parametrize(("metric", "limit", "times"), [("conversions", "2", 2), ("revenue", "7.50", 3)])
def test_conversions_and_revenue_caps(board: Board, metric: str, limit: str, times: int) -> None:
    cap = {"metric": metric, "limit": limit, "window_hours": 24}
    assert _paid_until_closed(board, cap, _converts(board)) == times


def test_a_cost_cap_counts_what_conversions_cost(board: Board) -> None:
    """A source that is paid 4.00 for a conversion, and a cap of 10.00: the third reaches it."""
    model = {"kind": "cpa", "amount": "4"}
    source = board.call("sources.create", name="cpa", currency="USD", cost_model=model)["id"]
    cap = {"metric": "cost", "limit": "10", "window_hours": 24}
    assert _paid_until_closed(board, cap, _converts(board), source_id=source) == 3


def test_a_full_cap_sends_to_the_alternative_and_a_raised_one_opens_again(board: Board) -> None:
    other = board.destination("overflow")
    cap = {"metric": "clicks", "limit": "2", "window_hours": 1}
    name = board.name("full")
    capped = board.destination(name, caps=[cap], alternative_id=other)
    slug = board.campaign({"to": [(capped, 100)]})
    wait_for("the cap is full", lambda: board.visit(f"/c/{slug}").host == "overflow")
    board.call("destinations.change", id=capped, caps=[{**cap, "limit": "1000"}])
    wait_for("it is open again", lambda: board.visit(f"/c/{slug}").host == name)


# Anti-repeat destination routing

KEYS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "source_click_id": ({"q": "clickid=one"}, {"q": "clickid=two"}),
    "user_agent": ({"agent": BROWSER}, {"agent": BROWSER + " Other/1"}),
    "sub1": ({"q": "sub1=one"}, {"q": "sub1=two"}),
    "sub10": ({"q": "sub10=one"}, {"q": "sub10=two"}),
    "utm_source": ({"q": "utm_source=one"}, {"q": "utm_source=two"}),
    "utm_medium": ({"q": "utm_medium=one"}, {"q": "utm_medium=two"}),
    "utm_campaign": ({"q": "utm_campaign=one"}, {"q": "utm_campaign=two"}),
    "utm_content": ({"q": "utm_content=one"}, {"q": "utm_content=two"}),
    "utm_term": ({"q": "utm_term=one"}, {"q": "utm_term=two"}),
    "query.zone": ({"q": "zone=one"}, {"q": "zone=two"}),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("mode", ["allow_repeat", "no_destination"])
def test_unique_policy_by_user_key(board: Board, key: str, mode: str) -> None:
    policy = {"user_key": key, "history_window_hours": 24, "exhausted_mode": mode}
    slug = board.campaign({"to": ["a", "b", "c"], "unique_policy": policy})

    def shown(more: dict[str, str], times: int) -> list[str]:
        sent = {name: value for name, value in more.items() if name != "q"}
        return [board.visit(f"/c/{slug}?{more.get('q', '')}", **sent).host for _ in range(times)]

    one, two = KEYS[key]
    first = shown(one, 4)
    assert sorted(first[:3]) == ["a", "b", "c"]
    assert first[3] in (("a", "b", "c") if mode == "allow_repeat" else ("global",))
    assert sorted(shown(two, 3)) == ["a", "b", "c"]


def test_a_visitor_without_the_key_is_nobody_in_particular(board: Board) -> None:
    policy = {"user_key": "sub1", "exhausted_mode": "no_destination"}
    slug = board.campaign({"to": ["a"], "unique_policy": policy})
    assert board.hosts(f"/c/{slug}", 5) == {"a": 5}


def test_what_was_shown_is_remembered_over_kill_9(board: Board) -> None:
    policy = {"user_key": "sub1", "exhausted_mode": "no_destination"}
    slug = board.campaign({"to": ["a", "b"], "unique_policy": policy})
    first = board.visit(f"/c/{slug}?sub1=kept").host
    old = board.weir.kill("edge-0")
    board.weir.wait_child("edge-0", besides=old)
    wait_for("the new edge serves", lambda: board.visit("/readyz").status == 200)
    second = board.visit(f"/c/{slug}?sub1=kept").host
    assert {first, second} == {"a", "b"}
    assert board.visit(f"/c/{slug}?sub1=kept").host == "global"


# Selection strategies


def test_waterfall_takes_the_first_available_in_configured_order(board: Board) -> None:
    first = board.destination(board.name("fall"))
    slug = board.campaign({"distribution": {"strategy": "waterfall"}, "to": [(first, 1), "b", "c"]})
    assert "b" not in board.hosts(f"/c/{slug}", 10)
    board.call("destinations.change", id=first, status="paused")
    board.settle()
    assert board.hosts(f"/c/{slug}", 10) == {"b": 10}


@pytest.mark.parametrize("clicks", [9, 10, 11])
def test_round_robin_is_exact_over_any_clicks_in_a_row(board: Board, clicks: int) -> None:
    slug = board.campaign({"distribution": {"strategy": "round_robin"}, "to": ["a", "b", "c"]})
    board.hosts(f"/c/{slug}", clicks % 3)  # begin anywhere
    found = board.hosts(f"/c/{slug}", clicks)
    assert set(found) == {"a", "b", "c"}
    assert max(found.values()) <= -(-clicks // 3) and min(found.values()) >= clicks // 3


def test_best_roi_with_too_little_data_uses_the_fallback(board: Board) -> None:
    chosen = {"strategy": "best_roi", "window_hours": 24, "min_clicks": 1000, "fallback": "waterfall"}
    slug = board.campaign({"distribution": chosen, "to": ["b", "a", "c"]})
    assert board.hosts(f"/c/{slug}", 12) == {"b": 12}


def test_best_roi_ranks_by_what_the_warehouse_knows(board: Board) -> None:
    network = board.name("net-")
    board.call("networks.create", name=network, slug=network, currency="USD")
    good, bad = (board.destination(board.name(name), network_id=None) for name in ("good", "bad"))
    chosen = {"strategy": "best_roi", "window_hours": 24, "min_clicks": 5, "fallback": "round_robin"}
    slug = board.campaign({"distribution": chosen, "to": [(bad, 100), (good, 100)]})
    answers = [board.visit(f"/c/{slug}?cost=0.1&currency=USD") for _ in range(20)]
    assert len({answer.host for answer in answers}) == 2
    for answer in answers:
        if answer.host.startswith("good"):
            click = answer.query["c"]
            board.visit(f"/pb/{network}?click_id={click}&transaction_id={click}&payout=1&status=approved")

    def all_to_the_better_one() -> bool:
        found = board.hosts(f"/c/{slug}?cost=0.1&currency=USD", 6)
        return len(found) == 1 and next(iter(found)).startswith("good")

    wait_for("the ranks", all_to_the_better_one)


def test_best_roi_counts_what_conversions_cost(board: Board) -> None:
    """At 1.00 for a conversion: many of 1.10 return less than a few of 3.00, though they bring more money."""
    network = board.name("net-")
    board.call("networks.create", name=network, slug=network, currency="USD")
    model = {"kind": "cpa", "amount": "1"}
    source = board.call("sources.create", name="cpa", currency="USD", cost_model=model)["id"]
    many, few = (board.destination(board.name(name)) for name in ("many", "few"))
    chosen = {"strategy": "best_roi", "window_hours": 24, "min_clicks": 8, "fallback": "round_robin"}
    slug = board.campaign({"distribution": chosen, "to": [(many, 100), (few, 100)]}, source_id=source)
    answers = [board.visit(f"/c/{slug}") for _ in range(16)]
    paid = 0
    for answer in answers:
        payout = "1.1" if answer.host.startswith("many") else "3"
        if payout == "3" and (paid := paid + 1) > 2:
            continue
        click = answer.query["c"]
        board.visit(f"/pb/{network}?click_id={click}&transaction_id={click}&payout={payout}&status=approved")

    def all_to_the_few() -> bool:
        found = board.hosts(f"/c/{slug}", 6)
        return len(found) == 1 and next(iter(found)).startswith("few")

    wait_for("the ranks", all_to_the_few)


# Destination healthchecks


class Offer:
    """A server of an offer, whose answer a test may change."""

    def __init__(self) -> None:
        self.status = 200
        self.text = b"welcome"
        self.asked = 0

        class Answers(BaseHTTPRequestHandler):
            def do_GET(request) -> None:
                self.asked += 1
                request.send_response(self.status)
                request.send_header("Content-Length", str(len(self.text)))
                request.end_headers()
                request.wfile.write(self.text)

            def log_message(request, *words: object) -> None:
                """Not on the test's output."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def offer() -> Iterator[Offer]:
    made = Offer()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def _probed(board: Board, offer: Offer, **probe: Any) -> tuple[int, str, str]:
    """A destination with a probe, its name, and a campaign whose first choice it is."""
    name = board.name("probed")
    wanted = {"url": offer.url, "every_s": 86_400, "down_after": 1, "up_after": 1, **probe}
    number = board.destination(name, probe=wanted)
    slug = board.campaign({"distribution": {"strategy": "waterfall"}, "to": [(number, 100), "b"]})
    return number, name, slug


def test_manual_healthcheck_trigger(board: Board, offer: Offer) -> None:
    number, name, slug = _probed(board, offer, contains="welcome")
    assert board.call("destinations.probe", id=number)["state"] == "healthy"
    assert board.visit(f"/c/{slug}").host == name
    offer.text = b"gone"
    assert board.call("destinations.probe", id=number)["state"] == "unhealthy"
    wait_for("visitors go elsewhere", lambda: board.visit(f"/c/{slug}").host == "b")
    offer.text = b"welcome back"
    assert board.call("destinations.probe", id=number)["state"] == "healthy"
    wait_for("it is open again", lambda: board.visit(f"/c/{slug}").host == name)


def test_periodic_healthcheck_worker_with_thresholds(board: Board, offer: Offer) -> None:
    number, name, slug = _probed(board, offer, every_s=5, down_after=2)
    wait_for("the first probe", lambda: offer.asked)
    offer.status = 503
    asked = offer.asked
    wait_for("one failure", lambda: offer.asked > asked)
    assert board.visit(f"/c/{slug}").host == name  # one failure of two is none
    wait_for("visitors go elsewhere", lambda: board.visit(f"/c/{slug}").host == "b")
    assert offer.asked >= asked + 2
    (health,) = board.call("destinations.health", destination_id=number)["items"]
    assert (health["state"], health["last"]["status"]) == ("unhealthy", 503)


def test_current_health_is_stored_and_its_transitions_are_recorded(board: Board, offer: Offer) -> None:
    """After kill -9 of the core it is what it was: nothing is healthy by default."""
    number, _, slug = _probed(board, offer)
    assert board.call("destinations.probe", id=number)["state"] == "healthy"
    offer.status = 500
    board.call("destinations.probe", id=number)
    wait_for("visitors go elsewhere", lambda: board.visit(f"/c/{slug}").host == "b")
    old = board.weir.kill("core")
    assert board.visit(f"/c/{slug}").host == "b"
    board.weir.wait_child("core", besides=old)
    wait_for("the edge linked again", board.linked)
    assert board.visit(f"/c/{slug}").host == "b"
    seen = [("unknown", "healthy"), ("healthy", "unhealthy")]

    def history() -> list[tuple[str, str]]:
        items = board.call("destinations.health_history", destination_id=number, oldest_first=True)["items"]
        return [(item["before"], item["after"]) for item in items]

    wait_for("the transitions in the warehouse", lambda: history()[:2] == seen)
    alone = board.campaign({"to": [(number, 100)]})
    assert board.visit(f"/c/{alone}").host == "global"
    campaign = board.id_of(alone)
    row = board.record("trafficbacks.list", lambda row: row["campaign_id"] == campaign)
    assert row["reason"] == "destination_unhealthy"


def test_no_probe_reaches_a_private_address(board: Board, offer: Offer) -> None:
    for url in (
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:8/",
        "http://0.0.0.0/",
    ):
        number, _, _ = _probed(board, offer, url=url)
        found = board.call("destinations.probe", id=number)
        assert found["state"] == "unhealthy" and "not a public address" in found["last"]["error"]
