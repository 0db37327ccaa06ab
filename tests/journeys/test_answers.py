"""The real executable: landing pages on every edge and after restarts, the click API, two Weirs in a loop."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from tests.journeys.test_catalog_and_doors import get, linked
from tests.rig import PATIENCE, Weir, start_weir, wait_for

pytestmark = pytest.mark.slow
SECRET = "the campaign's own secret"
WAYS = 3
"""Out of a landing page: by cookie, by token, by the click's id alone."""


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with start_weir(tmp_path_factory.mktemp("weir") / "data", "--edges", "2") as weir:
        wait_for("both edges linked", lambda: len(linked(weir)) == 2)
        yield weir


def made(weir: Weir, kind: str, **fields: Any) -> int:
    return int(weir.call(f"{kind}.create", fields)["id"])


def on_every_edge(weir: Weir) -> None:
    """Wait until both edges decide by the newest revision."""

    def newest() -> bool:
        status = weir.call("system.status")
        revisions = {edge["report"]["revision"] for edge in linked(weir)}
        return len(linked(weir)) == 2 and revisions == {status["catalog"]["revision"]}

    wait_for("the newest table on both edges", newest)


def clicks(weir: Weir, **conditions: Any) -> list[dict[str, Any]]:
    return list(weir.call("clicks.list", {"limit": 100, **conditions})["items"])


def post(url: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
    asked = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, json.loads(fault.read())


def edges_of(weir: Weir) -> dict[int, int]:
    """Edge → requests it has answered."""
    return {edge["edge"]: edge["report"]["requests"] for edge in linked(weir)}


@pytest.fixture(scope="module")
def landing(weir: Weir) -> dict[str, int]:
    """Campaign lander: a page with two exits."""
    offers = [
        made(weir, "destinations", name=n, url=f"https://{n}.example/?c={{click_id}}&s={{sub1}}")
        for n in "ab"
    ]
    page = made(
        weir, "destinations", name="page", url="https://land.example/?t={lp_token}&id={click_id}",
        exits=[[{"destination_id": offers[0]}], [{"destination_id": offers[1]}]],
    )  # fmt: skip
    campaign = made(weir, "campaigns", name="L", slug="lander", secret=SECRET)
    made(weir, "streams", campaign_id=campaign, targets=[{"destination_id": page}])
    on_every_edge(weir)
    return {"campaign": campaign, "page": page, "a": offers[0], "b": offers[1]}


def test_a_visitor_leaves_his_landing_page_by_any_edge_and_after_every_kill(
    weir: Weir, landing: dict[str, int]
) -> None:
    status, headers, _ = get(f"{weir.public}/c/lander?sub1=x&cost=1.5")
    assert status == 302
    cookie = headers["set-cookie"].partition(";")[0]
    given = dict(parse_qsl(urlsplit(headers["location"]).query))
    before = edges_of(weir)

    def leave(n: int) -> str:
        ways = (
            get(f"{weir.public}/lp?n={n}", Cookie=cookie),
            get(f"{weir.public}/lp/{given['t']}/{n}"),
            get(f"{weir.public}/lp?n={n}&subid={given['id']}"),
        )
        assert [status for status, _, _ in ways] == [302] * WAYS
        assert all("&s=x" in left["location"] for _, left, _ in ways)
        return str(ways[0][1]["location"])

    for _ in range(10):
        assert leave(1).startswith("https://a.example/")
    # Each connection falls to an edge by itself: of twenty more than all fall to one once in a million.
    wait_for("both edges have answered", lambda: all(edges_of(weir).get(e, 0) > n for e, n in before.items()))
    weir.kill("core")
    assert leave(2).startswith("https://b.example/")
    for edge in ("edge-0", "edge-1"):
        pid = weir.kill(edge)
        weir.wait_child(edge, besides=pid)
    wait_for("edges answer again", lambda: get(f"{weir.public}/readyz")[0] == 200)
    assert leave(2).startswith("https://b.example/")

    expected = 1 + WAYS * 12

    def shipped() -> bool:
        try:
            return len(clicks(weir, campaign_id=landing["campaign"])) == expected
        except AssertionError:
            return False  # the core is on its way up

    wait_for("all clicks in the warehouse", shipped)
    rows = clicks(weir, campaign_id=landing["campaign"])
    ways_out = [row for row in rows if row["door"] == "lp"]
    assert len(ways_out) == expected - 1
    assert {row["destination_id"] for row in ways_out} == {landing["a"], landing["b"]}


def test_landing_pages_have_their_rate_in_reports(weir: Weir, landing: dict[str, int]) -> None:
    question = {
        "group_by": ["landing"], "filters": {"campaign": [landing["campaign"]]},
        "metrics": ["clicks", "lp_views", "lp_clicks", "lp_ctr", "cost"],
    }  # fmt: skip
    (line,) = weir.call("reports.query", question)["items"]
    assert (line["clicks"], line["lp_views"], line["lp_clicks"]) == (1, 1, WAYS * 12)
    assert (line["lp_ctr"], line["cost"]) == (WAYS * 1200, 1.5)


def test_a_program_s_click_and_what_the_edges_know_of_its_secret(weir: Weir, landing: dict[str, int]) -> None:
    status, told = post(f"{weir.public}/api/click", {"token": SECRET, "ip": "203.0.113.7", "sub1": "api"})
    assert status == 200 and told["url"].startswith("https://land.example/?t=")
    left = get(f"{weir.public}/lp/{told['lp_token']}/1")
    assert "&s=api" in left[1]["location"]
    assert post(f"{weir.public}/api/click", {"token": "wrong"})[0] == 403
    assert post(f"{weir.public}/api/click", {"token": SECRET, "campaign": "demo"})[0] == 403
    shown = weir.call("campaigns.get", {"id": landing["campaign"]})
    assert shown["secret"] == "********"
    held = 0
    for path in (weir.data / "edges").rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # a shipped segment goes while one looks
            held += 1
            assert SECRET.encode() not in path.read_bytes(), path
    assert held


def test_every_answer_comes_from_the_operations(weir: Weir) -> None:
    offer = made(weir, "destinations", name="o", url="https://o.example/?x={query.x}&c={click_id}")
    answers = {
        "moved": {"status": 307}, "meta": {"kind": "meta"}, "double": {"kind": "double_meta"},
        "js": {"kind": "js"}, "frame": {"kind": "iframe"}, "form": {"kind": "form_post"},
        "text": {"kind": "text", "body": "hi"}, "html": {"kind": "html", "body": "<i>hi</i>", "status": 404},
        "json": {"kind": "json", "body": "[1]"}, "none": {"kind": "status", "status": 204},
    }  # fmt: skip
    for slug, answer in answers.items():
        campaign = made(weir, "campaigns", name=slug, slug=f"is-{slug}")
        made(weir, "streams", campaign_id=campaign, targets=[{"destination_id": offer}], answer=answer)
    goes_on = made(weir, "campaigns", name="on", slug="is-on")
    made(weir, "streams", campaign_id=goes_on, answer={"kind": "campaign", "campaign_id": goes_on - 10})
    on_every_edge(weir)
    found = {slug: get(f"{weir.public}/c/is-{slug}?x=%22%3E") for slug in [*answers, "on"]}
    assert {slug: seen[0] for slug, seen in found.items()} == {
        "moved": 307, "meta": 200, "double": 200, "js": 200, "frame": 200, "form": 200, "text": 200,
        "html": 404, "json": 200, "none": 204, "on": 307,
    }  # fmt: skip
    for slug in ("meta", "js", "frame"):
        assert "https://o.example/?x=%22%3E&amp;c=" in found[slug][2]
    place = re.search(r'href="(/m/[^"]+)"', found["double"][2])
    assert place is not None and "https://o.example/" in get(weir.public + place[1])[2]
    assert found["moved"][1]["location"].startswith("https://o.example/?x=%22%3E&c=")
    assert found["on"][1]["location"].startswith("https://o.example/")


def test_two_weirs_that_send_back_to_each_other_stop(weir: Weir, tmp_path: Path) -> None:
    """Each is the other's trafficback. What ends it: the marks, or where somebody drops those, the depth."""
    with start_weir(tmp_path / "other" / "data") as other:
        one = made(weir, "campaigns", name="one", slug="one", trafficback_url=f"{other.public}/c/two")
        made(other, "campaigns", name="two", slug="two", trafficback_url=f"{weir.public}/c/one")
        on_every_edge(weir)
        wait_for("the other's table", lambda: get(f"{other.public}/c/two")[0] == 302)

        def follow(drop: str) -> list[str]:
            url, seen = f"{weir.public}/c/one?sub1=x", []
            while url and len(seen) < 20:
                seen.append(url)
                url = get(url)[1].get("location", "")
                if url and drop:
                    split = urlsplit(url)
                    kept = [pair for pair in parse_qsl(split.query) if pair[0] != drop]
                    url = urlunsplit(split._replace(query=urlencode(kept)))
            return seen

        assert len(follow("")) == 3
        assert len(follow("trafficback_visited")) == 4
        assert len(follow("trafficback_depth")) == 3
        wait_for("recorded", lambda: len(clicks(weir, campaign_id=one)) == 6)
        reasons = {row["reason"] for row in clicks(weir, campaign_id=one)}
        assert reasons == {"no_matching_stream", "trafficback_loop"}
