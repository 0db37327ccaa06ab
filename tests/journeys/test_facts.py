"""Facts about visits on the real executable: files are swapped under it, what cannot be known is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import mmdb
from tests.agents import AGENTS
from tests.journeys.board import Board, rule
from tests.rig import start_weir, wait_for

pytestmark = pytest.mark.slow

HERE = "203.0.113.9"
PHONE = next(text for text, facts in AGENTS if facts.get("device_model") == "iPhone")
PIXEL = {
    "sec_ch_ua": '"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
    "sec_ch_ua_mobile": "?1", "sec_ch_ua_platform": '"Android"', "sec_ch_ua_platform_version": '"14.0.0"',
    "sec_ch_ua_model": '"Pixel 8"',
}  # fmt: skip
REDUCED = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile "
    "Safari/537.36"
)


class Place(NamedTuple):
    board: Board
    file: Path

    def put(self, country: str) -> None:
        """Everybody moves to another country; the file is replaced as a whole."""
        mmdb.write(self.file, {"203.0.113.0/24": {"country": {"iso_code": country}}}, type="GeoLite2-Country")

    def file_report(self) -> dict[str, Any]:
        [edge] = self.board.call("system.status")["edges"]
        [report] = [each for each in edge["report"]["geo"] if each["path"] == str(self.file)]
        return dict(report)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("facts")
    file = home / "country.mmdb"
    env = {
        "WEIR_PUBLIC__TRUSTED_PROXIES": "127.0.0.1",
        "WEIR_GEO__DATABASES": str(file),
        "WEIR_GEO__EMBEDDED": "false",
    }
    mmdb.write(file, {"203.0.113.0/24": {"country": {"iso_code": "DE"}}}, type="GeoLite2-Country")
    with start_weir(home / "data", env=env) as weir:
        wait_for("the edge linked", lambda: weir.call("routing.stats")["edges"])
        yield Place(Board(weir), file)


def test_a_click_records_what_was_detected_and_logs_and_reports_are_asked_by_it(place: Place) -> None:
    board = place.board
    slug = board.campaign({"to": ["recorded"]})
    went = board.visit(
        f"/c/{slug}", HERE, PHONE, Accept_Language="de-AT,en;q=0.5", Referer="https://www.google.de/"
    )
    facts = board.click(went)["facts"]
    assert facts == {
        "country": "DE", "ip_version": "4", "device_type": "mobile", "device_brand": "Apple",
        "device_model": "iPhone", "os": "iOS", "os_version": "17.5", "browser": "Safari",
        "browser_version": "17.5", "bot": "0", "prefetch": "0", "language": "de",
        "referrer_host": "www.google.de", "search_engine": "google",
    }  # fmt: skip
    board.shipped()
    number = board.id_of(slug)
    asked = {"campaign": [number], "country": ["DE"], "device_type": ["mobile"]}
    assert board.call("clicks.list", filters=asked)["total"] == 1
    assert board.call("clicks.list", filters={**asked, "country": ["FR"]})["total"] == 0
    [line] = board.call("reports.query", group_by=["country", "os"], filters={"campaign": [number]})["items"]
    assert (line["country"], line["os"], line["clicks"]) == ("DE", "iOS", 1)


def test_client_hints_tell_what_a_frozen_user_agent_hides(place: Place) -> None:
    board = place.board
    slug = board.campaign(
        {"rules": [rule("device_model", value="Pixel 8"), rule("os_version", value="14")], "to": ["pixel"]},
        {"to": ["other"]},
    )
    assert board.visit(f"/c/{slug}", HERE, REDUCED).host == "other"
    assert board.visit(f"/c/{slug}", HERE, REDUCED, **PIXEL).host == "pixel"


def test_robots_and_prefetches_are_marked_and_still_answered(place: Place) -> None:
    board = place.board
    slug = board.campaign(
        {"rules": [rule("prefetch", value="1")], "to": ["early"]},
        {"rules": [rule("bot", value="1")], "to": ["robots"]},
        {"to": ["people"]},
    )
    assert board.visit(f"/c/{slug}", HERE, PHONE).host == "people"
    assert board.visit(f"/c/{slug}", HERE, "curl/8.5.0").host == "robots"
    assert board.visit(f"/c/{slug}", HERE, "Mozilla/5.0 (compatible; Googlebot/2.1)").host == "robots"
    assert board.visit(f"/c/{slug}", HERE, PHONE, Sec_Purpose="prefetch;prerender").host == "early"


def test_only_a_link_that_allows_it_lets_a_parameter_say_a_fact(place: Place) -> None:
    board = place.board
    slug = board.campaign(
        {"rules": [rule("country", value="BR"), rule("os", value="Android")], "to": ["brazil"]},
        {"to": ["elsewhere"]},
    )
    number = board.id_of(slug)
    strict = board.call("links.create", campaign_id=number)["token"]
    open_ = board.call("links.create", campaign_id=number, facts_from_query=True)["token"]
    preset = board.call(
        "links.create", campaign_id=number, facts_from_query=True, params={"geo": "br", "platform": "ANDROID"}
    )["token"]
    board.settle()
    said = "?country=BR&os=android"
    for path in (
        f"/c/{slug}{said}",
        f"/r/{strict}{said}",
        f"/r/{open_}",
        f"/r/{open_}?country=Brazil&os=android",
    ):
        assert board.visit(path, HERE, PHONE).host == "elsewhere", path
    for path in (f"/r/{open_}{said}", f"/r/{open_}?geo_country=br&platform=Android", f"/r/{preset}?geo=DE"):
        assert board.visit(path, HERE, PHONE).host == "brazil", path
    facts = board.click(board.visit(f"/r/{open_}{said}", HERE, PHONE))["facts"]
    assert (facts["country"], facts["os"], facts["browser"]) == ("BR", "Android", "Safari")


def test_a_rule_whose_fact_cannot_be_known_is_no_match_and_a_warning(place: Place) -> None:
    board = place.board
    slug = board.campaign(
        {"rules": [rule("city", value="Berlin")], "to": ["berlin"]},
        {"rules": [{**rule("city", value="Berlin"), "negate": True}], "to": ["not-berlin"]},
        {"rules": [rule("country", value="DE")], "to": ["germany"]},
        {"rules": [{"any": [rule("isp", value="x"), rule("os", value="iOS")]}], "to": ["never-asked"]},
    )
    assert board.visit(f"/c/{slug}", HERE, PHONE).host == "germany"
    number = board.id_of(slug)
    found = board.call("campaigns.warnings", id=number)["items"]
    assert [each["facts"] for each in found] == [["city"], ["city"], ["isp"]]
    assert "docs/reference/facts.md" in found[0]["message"]
    line = f"campaign {number}: its rules ask for city, isp, which no database of addresses here tells"
    assert line in board.call("system.status")["degraded"]
    for stream in board.call("streams.list", campaign_id=number)["items"]:
        if stream["rules"][0].get("fact") != "country":
            board.call("streams.archive", id=stream["id"])
    assert board.call("campaigns.warnings", id=number)["items"] == []
    assert line not in board.call("system.status")["degraded"]


def test_a_file_is_swapped_under_the_running_edge(place: Place) -> None:
    board, edge = place.board, place.board.weir.children()["edge-0"]
    slug = board.campaign(
        {"rules": [rule("country", value="DE")], "to": ["de"]},
        {"rules": [rule("country", value="JP")], "to": ["jp"]},
        {"to": ["unknown"]},
    )

    def goes() -> str:
        return board.visit(f"/c/{slug}", HERE, PHONE).host

    assert goes() == "de"
    place.put("JP")
    wait_for("the new file", lambda: goes() == "jp")
    assert (place.file_report()["error"], place.file_report()["type"]) == ("", "GeoLite2-Country")

    place.file.write_bytes(b"an error page of the provider")
    wait_for("the complaint", lambda: "MMDB" in place.file_report()["error"])
    assert goes() == "jp"
    assert any(str(place.file) in each for each in board.call("system.status")["degraded"])

    place.put("DE")
    wait_for("the good file", lambda: goes() == "de")
    wait_for("no complaint", lambda: place.file_report()["error"] == "")
    assert board.weir.children()["edge-0"] == edge
    assert [path.name for path in board.weir.data.rglob("geo-*")] == []
